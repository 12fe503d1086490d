//! One of those who talk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anteroom_client::{Account, ConfirmOptions, Event, HistoryFrom, Session};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{Ack, ClientFrame, Replay, Send, ServerFrame};
use anteroom_protocol::message::Message;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Known, Shared, numbers};
use crate::harness::check::{Heard, Said, Stored};

/// A line that is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(2);
/// How long an entry may take before another door is tried.
const ENTRY: Duration = Duration::from_secs(4);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Member {
    who: usize,
    room: i64,
    account: Account,
    shared: Arc<Shared>,
    said: Vec<Said>,
    /// Sent and not acknowledged.
    open: VecDeque<usize>,
    heard: Option<Heard>,
    resume: Option<String>,
    /// The door that is tried next.
    door: usize,
    is_quiet: bool,
    /// The replay was too short: what is told first does not follow on what was heard.
    has_gap: bool,
}

/// Whether a session goes on.
enum Goes {
    On,
    /// It has ended or is given up; there may be another.
    Out,
}

impl Member {
    pub(super) fn new(who: usize, room: i64, account: Account, shared: Arc<Shared>) -> Self {
        let (said, open) = (Vec::new(), VecDeque::new());
        let (heard, resume, door, is_quiet, has_gap) = (None, None, who, false, false);
        Self { who, room, account, shared, said, open, heard, resume, door, is_quiet, has_gap }
    }

    pub(super) fn known(self) -> Known {
        let heard = self.heard.expect("came in");
        Known { room: self.room, said: self.said, heard }
    }

    /// To the end: all is said and acknowledged, and all is heard.
    pub(super) async fn takes_part(mut self) -> Self {
        while !self.is_done() {
            let entered = timeout(ENTRY, self.comes_in()).await;
            match entered.ok().flatten() {
                Some(session) => self.attends(session).await,
                None => sleep_until(Instant::now() + PAUSE).await,
            }
            self.door += 1;
        }
        self
    }

    fn has_said_all(&self) -> bool {
        let is_over = self.shared.is_over.load(Ordering::Relaxed);
        self.open.is_empty() && (is_over || self.said.len() >= self.shared.saying.each)
    }

    fn is_done(&self) -> bool {
        let last = self.shared.last.borrow();
        let last = last.as_ref().and_then(|all| all.get(&self.room)).copied();
        self.is_quiet && last.zip(self.heard).is_some_and(|(last, heard)| heard.last >= last)
    }

    async fn comes_in(&mut self) -> Option<Session> {
        let door = &self.shared.doors[self.door % self.shared.doors.len()];
        let me = door.with_token(self.account.token());
        let ask = Reserve { resume: self.resume.clone(), ..Reserve::default() };
        let reservation = me.reserve(self.room, &ask).await;
        let options = || ConfirmOptions {
            resume: self.resume.clone(),
            since: self.heard.map(|it| it.last),
            ..ConfirmOptions::default()
        };
        let entered = match reservation {
            Ok(reservation) => {
                self.shared.counts.reserved(1);
                // By the same door: the address in it is the node's own.
                me.client().confirm_ticket(&reservation.ticket, options()).await
            }
            Err(error) => Err(error),
        };
        match entered {
            Ok(session) => {
                let welcome = session.welcome();
                self.resume = Some(welcome.resume.clone());
                self.heard.get_or_insert_with(|| Heard::after(welcome.last_seq));
                self.has_gap = welcome.replay == Some(Replay::Truncated);
                Some(session)
            }
            Err(_) => {
                // Whatever it was: the next attempt is a deliberate arrival.
                self.resume = None;
                None
            }
        }
    }

    async fn attends(&mut self, mut session: Session) {
        let until = self.until(session.welcome().last_seq);
        // Again and in their order: nobody knows whether they arrived.
        for n in self.open.clone() {
            if !self.sends(&mut session, n).await {
                return;
            }
        }
        while !self.is_done() {
            if !self.says_more(&mut session).await {
                return;
            }
            if self.has_said_all() && !self.is_quiet {
                self.is_quiet = true;
                self.shared.quiet.send_modify(|quiet| *quiet += 1);
            }
            if matches!(self.listens(&mut session).await, Goes::Out) {
                return;
            }
            if self.heard.is_some_and(|it| it.last >= until) && !self.is_quiet {
                // Somebody who reloads the page.
                return;
            }
        }
        let _ = session.leave().await;
    }

    /// The number at which this stay ends.
    fn until(&self, last: i64) -> i64 {
        match self.shared.saying.stays {
            0 => i64::MAX,
            stays => last + stays as i64 + (self.who as i64 * 7) % 50,
        }
    }

    async fn says_more(&mut self, session: &mut Session) -> bool {
        while self.open.len() < self.shared.saying.window {
            let is_over = self.shared.is_over.load(Ordering::Relaxed);
            if is_over || self.said.len() >= self.shared.saying.each {
                return true;
            }
            let pace = self.shared.saying.pace;
            if !pace.is_zero() {
                sleep_until(Instant::now() + pace).await;
            }
            let n = self.said.len();
            self.said.push(Said { invoked: self.shared.since.at(), acked: None });
            self.open.push_back(n);
            if !self.sends(session, n).await {
                return false;
            }
        }
        true
    }

    async fn sends(&self, session: &mut Session, n: usize) -> bool {
        let client_id = format!("{}-{n}", self.who);
        let send =
            Send { content: client_id.clone(), client_id, content_type: None, reply_to: None };
        let sent = timeout(SILENCE, session.send_frame(&ClientFrame::Send(send))).await;
        matches!(sent, Ok(Ok(())))
    }

    /// One event.
    async fn listens(&mut self, session: &mut Session) -> Goes {
        let event = match timeout(SILENCE, session.next()).await {
            Ok(event) => event,
            // Nothing is owed: it may be quiet, or deaf.
            Err(_) if self.open.is_empty() => {
                let ping = ClientFrame::Ping { nonce: None };
                let asked = timeout(SILENCE, session.send_frame(&ping)).await;
                match (asked, timeout(SILENCE, session.next()).await) {
                    (Ok(Ok(())), Ok(event)) => event,
                    _ => return Goes::Out,
                }
            }
            Err(_) => return Goes::Out,
        };
        match event {
            Some(Event::Frame(ServerFrame::Ack(ack))) => self.is_acked(&ack),
            Some(Event::Frame(ServerFrame::Message(message))) => return self.hears(&message).await,
            Some(Event::Frame(ServerFrame::Error(error))) => {
                let n = error.reference.as_deref().and_then(numbers);
                sleep_until(Instant::now() + PAUSE).await;
                match n {
                    Some((_, n)) if !self.sends(session, n).await => return Goes::Out,
                    _ => {}
                }
            }
            Some(Event::Closed(_)) | None => return Goes::Out,
            Some(_) => {}
        }
        Goes::On
    }

    fn is_acked(&mut self, ack: &Ack) {
        let (sender, n) = numbers(&ack.client_id).expect("said here");
        assert_eq!(sender, self.who, "an acknowledgement for somebody else");
        let said = &mut self.said[n];
        let before = said.acked.replace((self.shared.since.at(), ack.seq));
        assert!(before.is_none_or(|it| it.1 == ack.seq), "two numbers: {before:?} and {ack:?}");
        if before.is_none() {
            self.open.retain(|it| *it != n);
            self.shared.acked.send_modify(|acked| *acked += 1);
            self.shared.counts.acknowledged(1);
        }
    }

    async fn hears(&mut self, message: &Message) -> Goes {
        let told = told(message);
        if self.has_gap && !self.reads_up_to(told.seq - 1).await {
            return Goes::Out;
        }
        self.has_gap = false;
        self.hears_next(told);
        Goes::On
    }

    fn hears_next(&mut self, told: Stored) {
        let heard = self.heard.as_mut().expect("came in");
        if let Err(wrong) = heard.hear(told) {
            panic!("member {}: {wrong}", self.who);
        }
    }

    /// Reads in the history what a replay was too short for.
    async fn reads_up_to(&mut self, last: i64) -> bool {
        let door = &self.shared.doors[self.door % self.shared.doors.len()];
        let me = door.with_token(self.account.token());
        loop {
            let heard = self.heard.expect("came in").last;
            if heard >= last {
                return true;
            }
            let page = me.history(self.room, HistoryFrom::After(heard), Some(200));
            let Ok(Ok(page)) = timeout(ENTRY, page).await else { return false };
            for message in page.items.iter().filter(|it| it.seq <= last) {
                self.hears_next(told(message));
            }
        }
    }
}

fn told(message: &Message) -> Stored {
    let (sender, n) = message.client_id.as_deref().and_then(numbers).expect("said here");
    Stored { seq: message.seq, sender, n }
}
