//! What one knows of the room, and how each event reads. Pure: events in, lines out.

use std::collections::{BTreeMap, HashMap, HashSet};

use anteroom_client::RoomEvent;
use anteroom_client::protocol::Timestamp;
use anteroom_client::protocol::frame::{Change, EntryKind, Presence, Replay, ServerFrame, Welcome};
use anteroom_client::protocol::message::{Message, MessageKind};
use anteroom_client::protocol::room::{Member, MemberUser, SeatState, Seats};
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::ends::away;
use super::line::{Line, Look};
use super::seats::{seats_line, taken};
use super::words::{Words, fill};

/// Messages that can be named by their number, the newest ones.
const KNOWN_MAX: usize = 1_000;

/// The room as it was told so far.
pub(super) struct View {
    words: &'static Words,
    offset: UtcOffset,
    /// Seats are told as lines where no prompt shows them.
    tells_seats: bool,
    me: Option<Uuid>,
    names: HashMap<Uuid, String>,
    /// Who is known to be there: of those no arrival is news.
    present: HashSet<Uuid>,
    seats: Seats,
    /// By number.
    known: BTreeMap<i64, KnownMessage>,
    /// Where `/history` goes on; a new message lets it begin at the end again.
    oldest: Option<i64>,
    is_away: bool,
    has_been_in: bool,
    was_greeted: bool,
}

/// What is kept of a message.
struct KnownMessage {
    id: Uuid,
    author: Option<Uuid>,
}

impl View {
    pub(super) fn new(words: &'static Words, offset: UtcOffset, tells_seats: bool) -> Self {
        Self {
            words,
            offset,
            tells_seats,
            me: None,
            names: HashMap::new(),
            present: HashSet::new(),
            seats: Seats::default(),
            known: BTreeMap::new(),
            oldest: None,
            is_away: false,
            has_been_in: false,
            was_greeted: false,
        }
    }

    /// Whether the line is lost at the moment.
    pub(super) fn is_away(&self) -> bool {
        self.is_away
    }

    /// What `/history` shows next is older than this; the newest where there is none.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.oldest
    }

    /// Whether one has only just come in; true once.
    pub(super) fn takes_greeting(&mut self) -> bool {
        !std::mem::replace(&mut self.was_greeted, true)
    }

    /// `3/6> `.
    pub(super) fn prompt(&self) -> String {
        format!("{}> ", taken(&self.seats))
    }

    pub(super) fn seats(&self) -> Line {
        Line::text(seats_line(&self.seats, self.words))
    }

    /// The message of one's own that is meant: of that number, or the last.
    pub(super) fn meant(&self, number: Option<i64>) -> Option<Uuid> {
        match number {
            // Of others too: a moderator may take those back. The server decides.
            Some(number) => self.known.get(&number).map(|known| known.id),
            None => {
                let mine =
                    |known: &&KnownMessage| known.author.is_some() && known.author == self.me;
                self.known.values().rfind(mine).map(|known| known.id)
            }
        }
    }

    /// What an event is to be told as.
    pub(super) fn told(&mut self, event: &RoomEvent) -> Vec<Line> {
        match event {
            RoomEvent::Entered(welcome) => self.entered(welcome),
            RoomEvent::Message(message) => {
                self.know(message);
                self.oldest = None;
                vec![self.message(message)]
            }
            RoomEvent::Edited(change) => vec![self.edited(change)],
            RoomEvent::Deleted(change) => {
                let line = self.change(self.words.deleted, change);
                self.known.remove(&change.target.seq);
                vec![line]
            }
            RoomEvent::Missed { .. } => vec![Line::faint(self.words.missed)],
            RoomEvent::Away(closed) => {
                self.is_away = true;
                vec![Line::faint(away(closed, self.words))]
            }
            RoomEvent::Other(frame) => self.other(frame),
            RoomEvent::Acked(_) | RoomEvent::Rejected(_) | RoomEvent::Over(_) => Vec::new(),
        }
    }

    /// Older messages, oldest first, with the numbers that `/edit` takes.
    pub(super) fn history(&mut self, newest_first: &[Message]) -> Vec<Line> {
        let Some(oldest) = newest_first.last() else {
            return vec![Line::faint(self.words.no_history)];
        };
        self.oldest = Some(oldest.seq);
        for message in newest_first {
            self.know(message);
        }
        let numbered = |message: &Message| {
            let number = Line::faint(format!("#{} ", message.seq));
            self.written(number, message)
        };
        newest_first.iter().rev().map(numbered).collect()
    }

    pub(super) fn who(&mut self, members: &[Member]) -> Line {
        let name = |member: &Member| match member.state {
            SeatState::Occupied => member.user.name.clone(),
            SeatState::Held => format!("{}{}", member.user.name, self.words.away_mark),
        };
        let names: Vec<String> = members.iter().map(name).collect();
        members.iter().for_each(|member| self.meet(&member.user));
        Line::text(fill(self.words.who, &[("names", &names.join(", "))]))
    }

    fn entered(&mut self, welcome: &Welcome) -> Vec<Line> {
        self.me = Some(welcome.you.id);
        self.meet(&welcome.you);
        self.present = welcome.members.iter().map(|member| member.user.id).collect();
        self.present.insert(welcome.you.id);
        welcome.members.iter().for_each(|member| self.meet(&member.user));
        self.seats = welcome.seats;
        let words = self.words;
        let was_away = std::mem::take(&mut self.is_away);
        if std::mem::replace(&mut self.has_been_in, true) && was_away {
            let told = if welcome.replay.is_none() { words.back } else { words.back_truncated };
            if welcome.replay == Some(Replay::Reset) {
                (self.known, self.oldest) = Default::default();
            }
            return vec![Line::faint(told)];
        }
        let seats = seats_line(&welcome.seats, words);
        let room = [
            ("room", welcome.room.name.as_str()),
            ("id", &welcome.room.id.to_string()),
            ("seats", &seats),
        ];
        let mut lines = vec![Line::text(fill(words.entered, &room))];
        if welcome.entry == EntryKind::Takeover {
            lines.push(Line::faint(words.entered_elsewhere));
        }
        lines
    }

    fn other(&mut self, frame: &ServerFrame) -> Vec<Line> {
        match frame {
            ServerFrame::Presence(presence) => self.presence(presence),
            ServerFrame::Seats(seats) => {
                let before = std::mem::replace(&mut self.seats, *seats);
                let is_news = self.tells_seats && before != *seats;
                if is_news { vec![Line::faint(seats_line(seats, self.words))] } else { Vec::new() }
            }
            ServerFrame::Direct { from, content, .. } => {
                let name = from.as_ref().map_or(self.words.server, |user| &user.name);
                let told = fill(self.words.direct, &[("name", name)]);
                vec![Line::default().and(Look::Strong, told).and(Look::Text, content)]
            }
            ServerFrame::Error(error) => {
                vec![Line::faint(format!("! {}", (self.words.of_code)(error.code)))]
            }
            _ => Vec::new(),
        }
    }

    fn presence(&mut self, presence: &Presence) -> Vec<Line> {
        let mut lines = Vec::new();
        for user in &presence.joined {
            self.meet(user);
            if self.present.insert(user.id) {
                lines.push(Line::faint(fill(self.words.joined, &[("name", &user.name)])));
            }
        }
        for id in &presence.left {
            self.present.remove(id);
            // Who was never told by name is one of a crowd.
            if let Some(name) = self.names.get(id) {
                lines.push(Line::faint(fill(self.words.left, &[("name", name)])));
            }
        }
        lines
    }

    fn message(&self, message: &Message) -> Line {
        self.written(Line::default(), message)
    }

    fn written(&self, line: Line, message: &Message) -> Line {
        let line = line.and(Look::Faint, format!("{} ", self.clock(message.created_at)));
        let line = match &message.sender {
            Some(user) => line.and(Look::Strong, &user.name).and(Look::Text, ": "),
            None => line.and(Look::Faint, "* "),
        };
        match (message.deleted_at, message.updated_at, message.kind) {
            (Some(_), _, _) => line.and(Look::Faint, self.words.gone_message),
            (_, _, MessageKind::Notification) => line.and(Look::Faint, &message.content),
            (_, Some(_), _) => {
                line.and(Look::Text, &message.content).and(Look::Faint, self.words.changed_mark)
            }
            _ => line.and(Look::Text, &message.content),
        }
    }

    fn edited(&self, change: &Change) -> Line {
        let head = self.change(self.words.edited, change);
        head.and(Look::Text, change.content.as_deref().unwrap_or(self.words.gone_message))
    }

    /// A change does not say who made it; whose message it is may be known.
    fn change(&self, sentence: &str, change: &Change) -> Line {
        let author = self.known.get(&change.target.seq).and_then(|known| known.author);
        let name = author.and_then(|author| self.names.get(&author));
        let whose = name.map(|name| fill(self.words.whose, &[("name", name)]));
        let number = change.target.seq.to_string();
        let values = [("whose", whose.as_deref().unwrap_or_default()), ("n", &number)];
        Line::faint(format!("{} {}", self.clock(change.updated_at), fill(sentence, &values)))
    }

    fn know(&mut self, message: &Message) {
        if let Some(user) = &message.sender {
            self.meet(user);
        }
        if message.deleted_at.is_none() {
            let author = message.sender.as_ref().map(|user| user.id);
            self.known.insert(message.seq, KnownMessage { id: message.id, author });
            if self.known.len() > KNOWN_MAX {
                self.known.pop_first();
            }
        }
    }

    fn meet(&mut self, user: &MemberUser) {
        self.names.insert(user.id, user.name.clone());
    }

    fn clock(&self, at: Timestamp) -> String {
        let at = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000));
        let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(self.offset);
        format!("{:02}:{:02}", at.hour(), at.minute())
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
