//! The stay: what is typed goes out, what happens comes in, until one leaves or it is ended.

use std::collections::HashMap;
use std::time::Duration;

use anteroom_client::protocol::Code;
use anteroom_client::protocol::frame::{ClientFrame, FrameError, ServerFrame};
use anteroom_client::{Account, Error, HistoryFrom, JoinedRoom, RoomEvent};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::Ended;
use super::command::Typed;
use super::console::Console;
use super::ends::{Exit, code_of, exit_after, why};
use super::line::{Line, Look};
use super::stop::Stop;
use super::view::View;
use super::words::{Words, fill};

/// Older messages shown at once.
const HISTORY: u32 = 20;
/// What is shown of the conversation to a person who comes in.
const FIRST_HISTORY: u32 = 10;
/// Characters of a text that are repeated when it was not sent.
const SHOWN_MAX: usize = 60;
/// A pipe that was too fast tries the same line again after this.
const PAUSE: Duration = Duration::from_secs(1);

/// Somebody in a room.
pub(super) struct Stay<'a> {
    pub(super) account: &'a Account,
    pub(super) room: i64,
    pub(super) words: &'static Words,
    pub(super) console: &'a mut Console,
    pub(super) stop: &'a mut Stop,
    pub(super) view: View,
    pub(super) joined: JoinedRoom,
    /// Every line is said as it stands.
    pub(super) verbatim: bool,
    pub(super) sent: Sent,
}

/// What was sent and not answered.
#[derive(Default)]
pub(super) struct Sent {
    texts: HashMap<String, String>,
    /// Said again when its time has come: a pipe's line that came too fast.
    again: Option<(Instant, String)>,
    any_lost: bool,
    /// The highest number that was given to something of one's own.
    stored_up_to: i64,
}

/// How a stay went.
pub(super) enum Outcome {
    Over(Ended),
    /// The seat went while the line was broken, and the room is full.
    LostSeat,
}

enum Next {
    Event(Option<RoomEvent>),
    Line(Option<String>),
    Again,
    Stop,
}

impl Stay<'_> {
    /// Stays until the end.
    pub(super) async fn run(mut self) -> Outcome {
        let mut wants_out = false;
        loop {
            let is_quiet = self.is_quiet();
            // What was said last is still stored; but a person does not wait for a line that is lost.
            let may_go = is_quiet || (self.console.is_person() && self.view.is_away());
            if (wants_out && may_go) || self.console.is_deaf() {
                return self.leave().await;
            }
            // A pipe speaks one line after the other: none is lost to being too fast.
            let listens = !wants_out && (self.console.is_person() || is_quiet);
            let at = self.sent.again.as_ref().map_or_else(Instant::now, |(at, _)| *at);
            let next = tokio::select! {
                event = self.joined.next() => Next::Event(event),
                line = self.console.line(), if listens => Next::Line(line),
                () = sleep_until(at), if self.sent.again.is_some() => Next::Again,
                () = self.stop.asked() => Next::Stop,
            };
            match next {
                Next::Event(Some(RoomEvent::Over(error))) => return self.over(&error),
                Next::Event(Some(event)) => self.event(event).await,
                Next::Event(None) => return Outcome::Over(Ended(Exit::Failed)),
                Next::Line(None) => wants_out = true,
                Next::Line(Some(line)) => wants_out = self.typed(&line).await,
                Next::Again => {
                    if let Some((_, text)) = self.sent.again.take() {
                        self.say(text);
                    }
                }
                Next::Stop => return self.leave().await,
            }
        }
    }

    /// Whether everything that was said is stored and has come back.
    fn is_quiet(&self) -> bool {
        let is_answered = self.joined.unacknowledged() == 0 && self.sent.again.is_none();
        is_answered && self.joined.seen() >= self.sent.stored_up_to
    }

    async fn leave(self) -> Outcome {
        // Where it cannot be said any more the seat goes with its grace.
        drop(self.joined.leave().await);
        self.console.say(&Line::text(self.words.you_left));
        let exit = if self.sent.any_lost { Exit::Failed } else { Exit::Left };
        Outcome::Over(Ended(exit))
    }

    fn over(self, error: &Error) -> Outcome {
        if code_of(error) == Some(Code::RoomFull) {
            self.console.say(&Line::text(self.words.seat_lost));
            return Outcome::LostSeat;
        }
        self.console.say(&Line::text(why(error, self.words)));
        Outcome::Over(Ended(exit_after(error)))
    }

    async fn event(&mut self, event: RoomEvent) {
        match &event {
            RoomEvent::Acked(ack) => {
                self.sent.texts.remove(&ack.client_id);
                self.sent.stored_up_to = self.sent.stored_up_to.max(ack.seq);
            }
            RoomEvent::Rejected(error) => self.rejected(error),
            RoomEvent::Other(ServerFrame::LoginExpiring { .. }) => {
                // Aside, for nobody waits for it; what does not work is told by the end it brings.
                let account = self.account.clone();
                drop(tokio::spawn(async move { account.refresh().await }));
            }
            _ => {}
        }
        for line in self.view.told(&event) {
            self.console.say(&line);
        }
        self.console.prompt(self.view.prompt());
        if matches!(event, RoomEvent::Entered(_)) && self.console.is_live() {
            self.greet().await;
        }
    }

    /// What a person who comes in wants to see; once.
    async fn greet(&mut self) {
        if self.view.takes_greeting() {
            self.history(FIRST_HISTORY, false).await;
            self.console.say(&Line::faint(self.words.hint));
        }
    }

    fn rejected(&mut self, error: &FrameError) {
        let reference = error.reference.as_deref().unwrap_or_default();
        let Some(text) = self.sent.texts.remove(reference) else { return };
        if error.code == Code::RateLimited && !self.console.is_person() {
            self.sent.again = Some((Instant::now() + PAUSE, text));
            return;
        }
        self.sent.any_lost |= !self.console.is_person();
        let mut why = (self.words.of_code)(error.code).to_owned();
        if error.code == Code::Invalid {
            why = format!("{why} {}", error.detail);
        }
        let told = fill(self.words.not_sent, &[("why", &why)]);
        self.console.say(&Line::faint(told).and(Look::Text, beginning(&text)));
    }

    /// Does what was typed; whether it was to leave.
    async fn typed(&mut self, line: &str) -> bool {
        let typed = if self.verbatim { Typed::verbatim(line) } else { Typed::parse(line) };
        match typed {
            Typed::Say(text) => {
                self.say(text);
                if self.view.is_away() {
                    self.console.say(&Line::faint(self.words.kept_for_later));
                }
            }
            Typed::Nothing => {}
            Typed::Leave => return true,
            Typed::Who => self.who().await,
            Typed::Seats => self.console.say(&self.view.seats()),
            Typed::Help => {
                self.words.help.iter().for_each(|help| self.console.say(&Line::text(*help)));
            }
            Typed::History(count) => self.history(count.unwrap_or(HISTORY), true).await,
            Typed::Edit(number, content) => {
                self.change(number, |id| ClientFrame::Edit { id, content }).await;
            }
            Typed::Delete(number) => self.change(number, |id| ClientFrame::Delete { id }).await,
            Typed::Wrong(usage) => self.tell(self.words.usage, "usage", usage),
            Typed::Unknown(name) => self.tell(self.words.unknown_command, "name", &name),
        }
        false
    }

    fn say(&mut self, text: String) {
        match self.joined.send(text.clone()) {
            Some(client_id) => drop(self.sent.texts.insert(client_id, text)),
            None => {
                let told = Line::faint(self.words.too_many_unsent).and(Look::Text, text);
                self.console.say(&told);
            }
        }
    }

    async fn change(&mut self, number: Option<i64>, frame: impl FnOnce(Uuid) -> ClientFrame) {
        let Some(id) = self.view.meant(number) else {
            self.console.say(&Line::faint(self.words.nothing_to_change));
            return;
        };
        if !self.joined.tell(&frame(id)).await {
            self.console.say(&Line::faint(self.words.not_now));
        }
    }

    async fn who(&mut self) {
        match self.account.members(self.room).await {
            Ok(page) => self.console.say(&self.view.who(&page.items)),
            Err(error) => self.console.say(&Line::faint(why(&error, self.words))),
        }
    }

    /// Older messages than those shown so far. That there are none is told to who asked.
    async fn history(&mut self, count: u32, was_asked: bool) {
        let from = self.view.oldest().map_or(HistoryFrom::Newest, HistoryFrom::Before);
        match self.account.history(self.room, from, Some(count)).await {
            Ok(page) if page.items.is_empty() && !was_asked => {}
            Ok(page) => {
                self.view.history(&page.items).iter().for_each(|line| self.console.say(line));
            }
            Err(error) => self.console.say(&Line::faint(why(&error, self.words))),
        }
    }

    fn tell(&mut self, sentence: &str, name: &str, value: &str) {
        self.console.say(&Line::faint(fill(sentence, &[(name, value)])));
    }
}

/// As much of a text as tells which one it is.
fn beginning(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
