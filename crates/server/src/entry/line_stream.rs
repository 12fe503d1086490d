//! The stream on which a waiter is told.
//!
//! A stream is opened in an order that loses nothing: subscribed to the board, attached in the
//! ledger, and only then looked at. Whatever ends the wait makes the stream look again, so what a
//! waiter is told is always the state. A stream has a name in the ledger, and is given up
//! under it when it ends, however it ends. A waiter's first few streams keep the place; one stream too
//! many is told all the same, and asks again in time to keep it when the others end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anteroom_core::ids::{LoginId, RoomId, StreamId, UserId};
use anteroom_core::seat::{self, Attachment, Reserved, WaiterEnd};
use anteroom_protocol::Code;
use anteroom_protocol::entry::{Position, Reservation};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::duty::Duty;
use super::line_board::{Call, Found, Subscription};
use super::{Entry, EntryError};
use crate::admission::Journal;
use crate::tokens::Identity;

/// When a login is looked at again that a store could not tell about.
const LOGIN_AGAIN: Duration = Duration::from_secs(15);

impl Entry {
    /// Opens the stream of somebody who waits, or has been offered a seat.
    ///
    /// # Errors
    /// [`EntryError::NotWaiting`] for everybody else, in a room that the asker may know of and that
    /// is open. `key` is that of an unlisted room.
    pub(crate) async fn watch_line(
        self: &Arc<Self>,
        who: &Identity,
        room: RoomId,
        key: Option<&str>,
    ) -> Result<LineStream, EntryError> {
        let (user, login) = (who.user, who.login);
        // Before anything is attached: who does not wait here, or asks while nobody can tell, leaves
        // nothing that would have to be taken back.
        if matches!(State::of(self, room, user).await?, State::Nowhere) {
            self.visible(who, room, key).await?;
            return Err(EntryError::NotWaiting);
        }
        let stream = Stream::new(self, room, user);
        let mut stream = LineStream {
            watch: Watch::open(&stream, login).await?,
            stream,
            entry: Arc::clone(self),
            room,
            user,
            login,
            login_looked_at: Instant::now(),
            attached_again: Instant::now() + self.attach_again,
            told: None,
            is_over: false,
        };
        // Asked after the subscription: an end of the login that came earlier is seen here, one
        // that comes later is told.
        if !stream.login_goes_on().await {
            return Err(EntryError::Unauthenticated);
        }
        if matches!(stream.watch.found, State::Nowhere) {
            self.visible(who, room, key).await?;
            return Err(EntryError::NotWaiting);
        }
        Ok(stream)
    }
}

/// One thing that a waiter is told. After an offer or the loss of the place nothing follows.
#[derive(Debug)]
pub(crate) enum Told {
    /// Where the waiter stands.
    Position(Position),
    /// The seat; it is the waiter's until its deadline.
    Offer(Reservation),
    /// The place is gone, and why.
    Gone(Code),
}

/// A stream by its name in the ledger. What of it is attached there, or may be, is given up when it is
/// dropped.
struct Stream {
    entry: Arc<Entry>,
    room: RoomId,
    user: UserId,
    id: StreamId,
    may_be_attached: AtomicBool,
    runtime: Handle,
}

impl Stream {
    fn new(entry: &Arc<Entry>, room: RoomId, user: UserId) -> Arc<Self> {
        let id = StreamId {
            owner: entry.owner,
            n: entry.streams_opened.fetch_add(1, Ordering::Relaxed),
        };
        let (entry, runtime) = (Arc::clone(entry), Handle::current());
        let may_be_attached = AtomicBool::new(false);
        Arc::new(Self { entry, room, user, id, may_be_attached, runtime })
    }

    /// Attaches it to the place that the user has. Runs to its end even when whoever asked has gone,
    /// and keeps the stream as long: it is given up after that, and not before.
    async fn attach(self: &Arc<Self>) -> Result<Attachment, EntryError> {
        let stream = Arc::clone(self);
        let attaching = self.entry.duties.tasks.spawn(async move {
            let mut journal = Journal::new();
            let seats = &stream.entry.admission;
            let answer =
                seats.stream_attached(stream.room, stream.user, stream.id, &mut journal).await;
            // Without an answer it may be attached all the same.
            if matches!(answer, Ok(Attachment::Attached) | Err(_)) {
                stream.may_be_attached.store(true, Ordering::Relaxed);
            }
            stream.entry.aftermath.apply(journal);
            answer
        });
        Ok(attaching.await.map_err(|_| EntryError::Failed)??)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !*self.may_be_attached.get_mut() {
            return;
        }
        let (room, user, stream) = (self.room, self.user, self.id);
        let duties = self.entry.duties.clone();
        let lost = async move {
            duties.perform(Duty::StreamLost { room, user, stream }).await;
            tracing::debug!(event = "waiter.stream_lost", room = room.0, %user,
                "a stream of a waiter ended");
        };
        self.entry.duties.tasks.spawn_on(lost, &self.runtime);
    }
}

/// How the ledger says that a user stands with a room.
enum State {
    Offered(Reserved),
    InLine(seat::Position),
    Nowhere,
}

impl State {
    async fn of(entry: &Entry, room: RoomId, user: UserId) -> Result<Self, EntryError> {
        let seats = &entry.admission;
        if let Some(reserved) = seats.standing(room, user).await? {
            return Ok(Self::Offered(reserved));
        }
        if let Some(position) = seats.position(room, user).await? {
            return Ok(Self::InLine(position));
        }
        // Offered between the two looks, perhaps.
        Ok(seats.standing(room, user).await?.map_or(Self::Nowhere, Self::Offered))
    }
}

/// A look at the ledger that nothing escapes: what happens after it is called out.
struct Watch {
    subscription: Subscription,
    attached: Attachment,
    found: State,
}

impl Watch {
    async fn open(stream: &Arc<Stream>, login: LoginId) -> Result<Self, EntryError> {
        let Stream { entry, room, user, .. } = &**stream;
        let (room, user) = (*room, *user);
        let now = entry.clock.now();
        let subscription = entry.aftermath.line.subscribe(room, user, login, now);
        let attached = stream.attach().await?;
        let found = State::of(entry, room, user).await?;
        Ok(Self { subscription, attached, found })
    }
}

/// What one waiter is told, in order. Dropping it ends the stream in the ledger.
pub(crate) struct LineStream {
    entry: Arc<Entry>,
    room: RoomId,
    user: UserId,
    login: LoginId,
    watch: Watch,
    stream: Arc<Stream>,
    /// When the login has to be looked at.
    login_looked_at: Instant,
    /// When the stream is attached again, if it was one too many.
    attached_again: Instant,
    /// The place as it was told last.
    told: Option<seat::Position>,
    is_over: bool,
}

impl LineStream {
    /// The next thing to tell; `None` ends the stream. It ends without a last word when the server
    /// stops, or cannot say what became of the place: then the waiter asks again.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        if self.is_over {
            return None;
        }
        let told = match self.told {
            None => self.found(None).await,
            Some(_) => self.later().await,
        };
        self.is_over = !matches!(told, Some(Told::Position(_)));
        told
    }

    /// What the last look found.
    async fn found(&mut self, call: Option<Call>) -> Option<Told> {
        match &self.watch.found {
            State::Offered(reserved) => Some(Told::Offer(self.entry.shown(self.room, reserved))),
            State::InLine(position) => {
                let position = *position;
                self.told = Some(position);
                Some(Told::Position(self.entry.place(self.room, position)))
            }
            State::Nowhere => Some(Told::Gone(self.why_gone(call).await)),
        }
    }

    /// Waits for something worth telling.
    async fn later(&mut self) -> Option<Told> {
        let stopping = self.entry.duties.stopping.clone();
        loop {
            let news = tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                news = self.watch.subscription.next() => news,
                () = at(self.login_looked_at) => {
                    if self.login_goes_on().await {
                        continue;
                    }
                    return Some(Told::Gone(Code::Unauthenticated));
                }
                () = at(self.attached_again), if self.watch.attached == Attachment::TooMany => {
                    self.attach_again().await;
                    continue;
                }
            };
            if let Some(call) = news.call {
                return self.called(call).await;
            }
            if let Some(told) = news.found.and_then(|found| self.moved_up(found)) {
                return Some(told);
            }
        }
    }

    /// One stream too many asks whether another has ended: the place must not be lost under its eyes.
    async fn attach_again(&mut self) {
        // Without an answer it asks once more; the end of the wait is called out.
        if let Ok(attached) = self.stream.attach().await {
            self.watch.attached = attached;
        }
        self.attached_again = Instant::now() + self.entry.attach_again;
    }

    /// A place only ever moves forward, so a walk that was overtaken is not told.
    fn moved_up(&mut self, found: Found) -> Option<Told> {
        let told = self.told.as_mut().filter(|told| found.position < told.position)?;
        told.position = found.position;
        told.ahead = found.position - 1;
        Some(Told::Position(self.entry.shown_place(*told, found.estimated_wait_ms)))
    }

    async fn called(&mut self, call: Call) -> Option<Told> {
        if let Call::End(code) = call {
            return Some(Told::Gone(code));
        }
        match Watch::open(&self.stream, self.login).await {
            Ok(watch) => self.watch = watch,
            Err(error) => {
                tracing::warn!(event = "seat_store.unavailable", room = self.room.0, %error,
                    "a waiter could not be told what became of the place");
                let Call::Offered(reservation) = call else { return None };
                let user = self.user;
                let reserved = Reserved { user, reservation, takeover: false, fresh: false };
                return Some(Told::Offer(self.entry.shown(self.room, &reserved)));
            }
        }
        self.found(Some(call)).await
    }

    async fn why_gone(&self, call: Option<Call>) -> Code {
        let (room, user) = (self.room, self.user);
        match call {
            Some(Call::Gone(WaiterEnd::LoggedOut)) => Code::LoggedOut,
            Some(Call::Gone(WaiterEnd::RoomClosed)) => Code::RoomClosed,
            Some(Call::Gone(WaiterEnd::Removed)) => {
                match self.entry.storage.is_banned(room, user).await {
                    Ok(true) => Code::Banned,
                    _ => Code::Removed,
                }
            }
            _ if self.entry.rooms.get(room).is_none() => Code::RoomClosed,
            _ => match self.entry.admission.is_seated(room, user).await {
                Ok(true) => Code::AlreadySeated,
                _ => Code::NotWaiting,
            },
        }
    }

    /// Whether the login lives, and when that has to be asked again.
    async fn login_goes_on(&mut self) -> bool {
        let wall = self.entry.clock.wall();
        let ends = self.entry.tokens.login_deadline(self.user, self.login, wall).await;
        let left = match ends {
            Ok(None) => return false,
            Ok(Some(ends)) => Duration::from_millis(u64::try_from(ends - wall).unwrap_or(0)),
            // A store that is away ends no wait.
            Err(_) => LOGIN_AGAIN,
        };
        self.login_looked_at = Instant::now() + left;
        true
    }
}

/// Resolves at an instant.
async fn at(instant: Instant) {
    let never = std::future::pending::<()>();
    let _ = tokio::time::timeout_at(instant, never).await;
}
