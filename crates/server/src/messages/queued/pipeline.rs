//! The origin's side: into the queue while all is well, and straight to the store while it is not.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::super::log::{Append, Taken};
use super::{Pending, REPORTS, Record, queue_of};
use crate::rabbit::{Link, Message, Outcome};

/// Messages that are in the queue and have no answer; more wait in front of it.
const KEPT_MAX: usize = 2_048;
/// Published at once.
const TOGETHER: usize = 512;
/// A message without an answer for so long is given to the store directly.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long the queue is left alone after something went wrong: at first, and at most.
const REST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(15);
/// What went well for so long had nothing to do with what goes wrong then.
const WELL: Duration = Duration::from_secs(10);

/// Where messages go.
pub(crate) struct Pipeline {
    /// Into the queue.
    pub(crate) publisher: Link,
    /// Out of it: without that line nothing would be heard of what went in.
    pub(crate) consumer: Link,
    pub(crate) pending: Arc<Pending>,
    /// Straight to the store.
    pub(crate) straight: mpsc::Sender<Taken>,
    pub(crate) shards: u32,
}

/// Why the queue is left.
enum Left {
    /// Nobody will say anything any more.
    Over,
    /// It cannot be relied on at the moment. The reason is for the log.
    Doubt(String),
}

impl Pipeline {
    /// Takes what is said until nobody will say anything any more; then everything has its answer, or is
    /// on its way to the store.
    pub(crate) async fn run(self, mut said: mpsc::Receiver<Append>) {
        let mut rest = REST;
        loop {
            let begun = Instant::now();
            let left = if self.is_up() {
                self.queueing(&mut said).await
            } else {
                Left::Doubt("there is no line to the broker".to_owned())
            };
            let kept = self.pending.take_all();
            let why = match left {
                Left::Over => {
                    self.give_straight(kept).await;
                    return;
                }
                Left::Doubt(why) => why,
            };
            tracing::warn!(
                event = "messages.straight",
                why,
                messages = kept.len(),
                "messages go straight to the store"
            );
            rest = if begun.elapsed() < WELL { (rest * 2).min(REST_MAX) } else { REST };
            self.give_straight(kept).await;
            if !self.go_straight(&mut said, rest).await {
                return;
            }
            tracing::info!(event = "messages.queued", "messages go through the queue again");
        }
    }

    fn is_up(&self) -> bool {
        self.publisher.is_up() && self.consumer.is_up()
    }

    /// Puts what is said into the queue, until that is no good any more.
    async fn queueing(&self, said: &mut mpsc::Receiver<Append>) -> Left {
        let mut received = Vec::with_capacity(TOGETHER);
        loop {
            let room = KEPT_MAX.saturating_sub(self.pending.count()).min(TOGETHER);
            tokio::select! {
                biased;
                () = self.pending.doubted() => return doubt("the queue did not bring a message to the store"),
                () = self.overdue() => return doubt("nothing was heard of a message in the queue"),
                () = self.pending.answered(), if room == 0 => continue,
                taken = said.recv_many(&mut received, room), if room > 0 => {
                    if taken == 0 {
                        return Left::Over;
                    }
                }
            }
            // Without that line it is found out by waiting.
            let reports_to = self.consumer.queue_name(REPORTS).unwrap_or_default();
            let messages: Vec<Message> =
                received.drain(..).filter_map(|it| self.message(it, &reports_to)).collect();
            let published = self.publisher.publish(&messages);
            tokio::select! {
                biased;
                () = self.pending.doubted() => return doubt("the queue did not bring a message to the store"),
                outcomes = published => match outcomes {
                    Ok(outcomes) => if let Some(left) = self.wrong(&outcomes) {
                        return left;
                    },
                    Err(away) => return Left::Doubt(away.to_string()),
                }
            }
        }
    }

    /// What is wrong with what was published.
    fn wrong(&self, outcomes: &[Outcome]) -> Option<Left> {
        outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Confirmed => None,
            Outcome::Returned(why) => {
                // A queue that was deleted comes back with the next line. The look at this one is over before.
                let number = self.publisher.lines().borrow().number();
                if let Some(number) = number {
                    self.publisher.begin_anew(number, "a queue of messages is gone");
                }
                Some(Left::Doubt(why.clone()))
            }
            Outcome::Unknown => Some(doubt("the broker did not confirm a message")),
        })
    }

    /// Waits until the oldest message has been without an answer for too long.
    async fn overdue(&self) {
        loop {
            match self.pending.due(ANSWER_WAIT) {
                Some(due) if due <= Instant::now() => return,
                Some(due) => tokio::time::sleep_until(due).await,
                // Looked at again with the next message.
                None => std::future::pending().await,
            }
        }
    }

    fn message(&self, append: Append, reports_to: &str) -> Option<Message> {
        let (room, id) = (append.session.room, append.id);
        let mut record = Record::new(&append, reports_to)?;
        record.follow(self.pending.note(append));
        let queue = self.publisher.broker().name(&queue_of(self.shard(room)));
        let body = Bytes::from(record.encoded());
        Some(Message::lasting("", &queue, body, &id.to_string()))
    }

    fn shard(&self, room: RoomId) -> u32 {
        // A remainder of a u32 is one.
        u32::try_from(room.0.rem_euclid(i64::from(self.shards))).unwrap_or(0)
    }

    /// Gives messages to the store directly, in their order.
    async fn give_straight(&self, messages: Vec<Append>) {
        for append in messages {
            // The other end stays as long as there is an entrance, and this is one.
            let _ = self.straight.send(Taken::Said(append)).await;
        }
    }

    /// Passes on what is said, until the queue may be tried again and everything that went straight has its
    /// answer, so that nothing of it is overtaken. False when nobody will say anything any more.
    async fn go_straight(&self, said: &mut mpsc::Receiver<Append>, rest: Duration) -> bool {
        let mut received = Vec::with_capacity(TOGETHER);
        let mut until = Instant::now() + rest;
        loop {
            tokio::select! {
                taken = said.recv_many(&mut received, TOGETHER) => {
                    if taken == 0 {
                        return false;
                    }
                    self.give_straight(std::mem::take(&mut received)).await;
                }
                () = tokio::time::sleep_until(until) => {
                    if self.is_up() {
                        break;
                    }
                    until = Instant::now() + REST;
                }
            }
        }
        let (told, all_told) = oneshot::channel();
        let _ = self.straight.send(Taken::Mark(told)).await;
        // Dropped unanswered only when the log is over.
        let _ = all_told.await;
        true
    }
}

fn doubt(why: &str) -> Left {
    Left::Doubt(why.to_owned())
}
