//! A place in a room that outlives its connections.
//!
//! The invariant: every durable thing after the start comes out of [`JoinedRoom::next`] once, in the
//! order of `seq`, whatever the line does; and what was given to [`JoinedRoom::send`] is sent again
//! under the same `client_id` until it is acknowledged or refused. It must not know how a return is
//! made (`reconnect`) nor how long it waits ([`crate::backoff`]).

use std::collections::VecDeque;
use std::time::Duration;

use anteroom_protocol::Code;
use anteroom_protocol::entry::{Reservation, Reserve};
use anteroom_protocol::frame::{ClientFrame, Replay, Send, ServerFrame};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::account::{Account, HistoryFrom};
use crate::backoff::{Backoff, Next, after_close, after_error, forgets_resume};
use crate::confirm::ConfirmOptions;
use crate::error::{Error, Result};
use crate::heartbeat::read_alive;
use crate::order::{Order, Verdict, seq_of};
use crate::reconnect::Return;
pub use crate::room_event::{JoinOptions, RoomEvent};
use crate::session::{Closed, Event, Session};
use crate::transport::Transport;

/// Sends that wait for their `ack` at most.
pub const UNACKNOWLEDGED_MAX: usize = 256;
/// A session that stood this long ends the back-off.
const STEADY: Duration = Duration::from_secs(10);
/// Messages asked for at once when a gap is filled.
const FILL_PAGE: u32 = 200;

/// A room joined for good. See the module's invariant.
pub struct JoinedRoom {
    account: Account,
    room: i64,
    door: Reserve,
    transport: Option<Transport>,
    resume: Option<String>,
    order: Order,
    backoff: Backoff,
    state: State,
    ready: VecDeque<RoomEvent>,
    /// The frame that came too early.
    early: Option<ServerFrame>,
    /// History is missing below this `seq`.
    fill_below: Option<i64>,
    unacknowledged: VecDeque<Send>,
}

enum State {
    Up { session: Box<Session>, since: Instant, pinged: bool, written: usize },
    Down(JoinHandle<(Backoff, Result<Session>)>),
    Over,
}

impl Account {
    /// Enters a room to stay. The first entry is one attempt; only a line lost later is mended.
    ///
    /// # Errors
    /// Those of either step of entry.
    pub async fn join(&self, room: i64, options: JoinOptions) -> Result<JoinedRoom> {
        let reservation = self.reserve(room, &options.reserve).await?;
        self.join_reserved(&reservation, options).await
    }

    /// As [`Account::join`], with a seat that is reserved already: that of a room just made, or one
    /// that the line offered.
    ///
    /// # Errors
    /// Those of the second step.
    pub async fn join_reserved(
        &self,
        reservation: &Reservation,
        options: JoinOptions,
    ) -> Result<JoinedRoom> {
        let JoinOptions { reserve, since, backoff, transport } = options;
        let resume = reserve.resume.clone();
        let confirm = ConfirmOptions { resume, since, transport, ..ConfirmOptions::default() };
        let session = self.confirm(reservation, confirm).await?;
        let order = Order::after(since.unwrap_or(session.welcome().last_seq));
        let mut joined = JoinedRoom {
            account: self.clone(),
            room: reservation.room_id,
            door: Reserve { resume: None, ..reserve },
            transport,
            resume: None,
            order,
            backoff,
            state: State::Over,
            ready: VecDeque::new(),
            early: None,
            fill_below: None,
            unacknowledged: VecDeque::new(),
        };
        joined.stands(session);
        Ok(joined)
    }
}

impl JoinedRoom {
    /// The last `seq` handed out; with [`JoinedRoom::resume`], what a later life starts from.
    #[must_use]
    pub fn seen(&self) -> i64 {
        self.order.seen()
    }

    /// The secret of the newest session, unless another one replaced it.
    #[must_use]
    pub fn resume(&self) -> Option<&str> {
        self.resume.as_deref()
    }

    /// How many sends wait for their `ack`.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }

    /// Takes a text to be sent; it goes out while [`JoinedRoom::next`] is waited for. Answers the
    /// `client_id` that the [`RoomEvent::Acked`] or [`RoomEvent::Rejected`] will carry, or `None`
    /// when [`UNACKNOWLEDGED_MAX`] sends wait already.
    pub fn send(&mut self, content: impl Into<String>) -> Option<String> {
        if self.unacknowledged.len() >= UNACKNOWLEDGED_MAX {
            return None;
        }
        let client_id = Uuid::now_v7().to_string();
        let send = Send {
            client_id: client_id.clone(),
            content: content.into(),
            content_type: None,
            reply_to: None,
        };
        self.unacknowledged.push_back(send);
        Some(client_id)
    }

    /// Says one thing now or never: an edit, a delete, `typing`, `read`. Whether it went out; while the
    /// line is lost nothing does. Its answer comes out of [`JoinedRoom::next`].
    pub async fn tell(&mut self, frame: &ClientFrame) -> bool {
        match &mut self.state {
            State::Up { session, .. } => session.send_frame(frame).await.is_ok(),
            State::Down(_) | State::Over => false,
        }
    }

    /// The next event; `None` after [`RoomEvent::Over`]. Cancelling the call loses nothing.
    pub async fn next(&mut self) -> Option<RoomEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if let Some(below) = self.fill_below {
                self.fill(below).await;
                continue;
            }
            match &mut self.state {
                State::Over => return None,
                State::Down(task) => {
                    let returned = task.await;
                    self.returned(returned.map_err(Error::transport));
                }
                State::Up { session, pinged, written, .. } => {
                    if let Some(send) = self.unacknowledged.get(*written) {
                        // A broken line shows in the read that follows, with its close code.
                        let _ = session.send_frame(&ClientFrame::Send(send.clone())).await;
                        *written += 1;
                        continue;
                    }
                    let event = read_alive(session, pinged).await;
                    self.came(event);
                }
            }
        }
    }

    /// Leaves: the seat is free at once. While the line is lost there is nothing to tell, and the
    /// seat goes with its grace.
    ///
    /// # Errors
    /// As [`Session::leave`].
    pub async fn leave(mut self) -> Result<Option<Closed>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Up { session, .. } => session.leave().await.map(Some),
            State::Down(task) => {
                task.abort();
                Ok(None)
            }
            State::Over => Ok(None),
        }
    }

    fn stands(&mut self, session: Session) {
        let welcome = session.welcome();
        self.resume = Some(welcome.resume.clone());
        match welcome.replay {
            Some(Replay::Truncated) => self.fill_below = Some(welcome.last_seq + 1),
            Some(Replay::Reset) => self.order = Order::after(welcome.last_seq),
            None => {}
        }
        self.ready.push_back(RoomEvent::Entered(Box::new(welcome.clone())));
        self.state = State::Up {
            session: Box::new(session),
            since: Instant::now(),
            pinged: false,
            written: 0,
        };
    }

    fn came(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Frame(frame)) => match self.order.judge(&frame) {
                Verdict::Seen => {}
                Verdict::Deliver => self.deliver(frame),
                Verdict::Gap { .. } => {
                    self.fill_below = seq_of(&frame);
                    self.early = Some(frame);
                }
            },
            // A newer server may say more than this client knows. Should it have had a place in the
            // sequence, the next frame shows the gap.
            Some(Event::Unreadable(_)) => {}
            Some(Event::Closed(closed)) => self.lost(closed),
            None => self.lost(Closed { code: 1006, reason: "the line broke".into() }),
        }
    }

    fn deliver(&mut self, frame: ServerFrame) {
        if let Some(seq) = seq_of(&frame) {
            self.order.advance(seq);
        }
        let event = match frame {
            ServerFrame::Message(message) => RoomEvent::Message(message),
            ServerFrame::Edited(change) => RoomEvent::Edited(change),
            ServerFrame::Deleted(change) => RoomEvent::Deleted(change),
            ServerFrame::Ack(ack) => {
                self.settle(&ack.client_id);
                RoomEvent::Acked(ack)
            }
            ServerFrame::Error(error) => match &error.reference {
                Some(client_id) if self.settle(client_id) => RoomEvent::Rejected(error),
                _ => RoomEvent::Other(ServerFrame::Error(error)),
            },
            other => RoomEvent::Other(other),
        };
        self.ready.push_back(event);
    }

    /// Strikes a send from the list; whether it stood there.
    fn settle(&mut self, client_id: &str) -> bool {
        let found = self.unacknowledged.iter().position(|send| send.client_id == client_id);
        if let Some(at) = found {
            self.unacknowledged.remove(at);
            if let State::Up { written, .. } = &mut self.state
                && at < *written
            {
                *written -= 1;
            }
        }
        found.is_some()
    }

    /// Reads one page of what is missing below `below`. Nothing changes until the page is here, so
    /// cancelling costs one request.
    async fn fill(&mut self, below: i64) {
        let from = HistoryFrom::After(self.order.seen());
        let page = match self.account.history(self.room, from, Some(FILL_PAGE)).await {
            Ok(page) => page,
            Err(error) => return self.unfillable(error),
        };
        let before = self.order.seen();
        for message in page.items.into_iter().filter(|message| message.seq < below) {
            if self.order.judge_seq(message.seq) == Verdict::Seen {
                continue;
            }
            self.skip_to(message.seq);
            self.order.advance(message.seq);
            self.ready.push_back(RoomEvent::Message(message));
        }
        let more = self.order.seen() > before && self.order.seen() < below - 1;
        if !more {
            self.skip_to(below);
            self.fill_below = None;
            if let Some(frame) = self.early.take() {
                self.deliver(frame);
            }
        }
    }

    /// Tells of the numbers up to `seq`, exclusive, that nothing will ever fill.
    fn skip_to(&mut self, seq: i64) {
        let after = self.order.seen();
        if seq > after + 1 {
            self.ready.push_back(RoomEvent::Missed { after, before: seq });
            self.order.advance(seq - 1);
        }
    }

    fn unfillable(&mut self, error: Error) {
        if after_error(&error) == Next::Stay {
            return self.over(error);
        }
        // Back through the door: the replay of a new session fills the same gap.
        self.lost(Closed { code: 1006, reason: format!("history: {error}") });
    }

    fn lost(&mut self, closed: Closed) {
        if let State::Up { since, .. } = &self.state
            && since.elapsed() >= STEADY
        {
            self.backoff.steady();
        }
        self.fill_below = None;
        self.early = None;
        if forgets_resume(closed.code) {
            self.resume = None;
        }
        if after_close(closed.code) == Next::Stay {
            return self.over(Error::Closed { code: closed.code, reason: closed.reason });
        }
        let plan = Return {
            account: self.account.clone(),
            room: self.room,
            door: self.door.clone(),
            transport: self.transport,
            resume: self.resume.clone(),
            since: self.order.seen(),
            backoff: self.backoff,
        };
        self.ready.push_back(RoomEvent::Away(closed.clone()));
        self.state = State::Down(tokio::spawn(plan.run(closed)));
    }

    fn returned(&mut self, returned: Result<(Backoff, Result<Session>)>) {
        match returned {
            Ok((backoff, Ok(session))) => {
                self.backoff = backoff;
                self.stands(session);
            }
            Ok((_, Err(error))) | Err(error) => {
                let replaced = error.code() == Some(Code::Replaced);
                if replaced || error.status().is_some_and(forgets_resume) {
                    self.resume = None;
                }
                self.over(error);
            }
        }
    }

    fn over(&mut self, error: Error) {
        self.state = State::Over;
        self.fill_below = None;
        self.ready.push_back(RoomEvent::Over(error));
    }
}

impl Drop for JoinedRoom {
    fn drop(&mut self) {
        if let State::Down(task) = &self.state {
            task.abort();
        }
    }
}
