//! The way in: who one is, which room, the seat, and the line in front of a full one.

use std::path::Path;
use std::time::Duration;

use anteroom_client::protocol::Code;
use anteroom_client::protocol::entry::{Position, Reservation, Reserve, Wait};
use anteroom_client::protocol::room::{CreateRoom, Room};
use anteroom_client::{Account, Awaited, Client, Error, JoinOptions, JoinedRoom, RoomQuery, Trust};
use tokio::time::{Instant, timeout_at};

use super::command::{Typed, new_room};
use super::console::Console;
use super::ends::{Exit, code_of, exit_before, why};
use super::line::{Line, Look};
use super::seats::seats_line;
use super::stop::Stop;
use super::words::{Words, fill};
use super::{ChatCommand, Ended};

const ROOMS_SHOWN: u32 = 100;
/// How often a login is looked after while one waits in line: well within the life of any token.
const REFRESH: Duration = Duration::from_secs(5 * 60);

/// A person on the way in.
pub(super) struct Entry<'a> {
    pub(super) command: &'a ChatCommand,
    pub(super) words: &'static Words,
    pub(super) console: &'a mut Console,
    pub(super) stop: &'a mut Stop,
}

/// The room one goes to.
pub(super) struct Door {
    room: i64,
    /// Of a room just made, or offered by the line.
    reservation: Option<Reservation>,
    password: Option<String>,
    key: Option<String>,
}

impl Door {
    /// Its number.
    pub(super) fn room(&self) -> i64 {
        self.room
    }
}

impl Entry<'_> {
    /// Logs in, or comes as a guest.
    pub(super) async fn sign_in(&mut self) -> Result<Account, Ended> {
        let url = self.command.url.as_str();
        let trust = self.trust()?;
        let client =
            Client::trusting(url, &trust).map_err(|error| match (error, &self.command.ca) {
                (Error::Authorities(why), Some(file)) => {
                    self.refuse(self.bad_authority(file, &why))
                }
                (error @ Error::Authorities(_), None) => self.refuse(why(&error, self.words)),
                _ => self.refuse(fill(self.words.bad_address, &[("url", url)])),
            })?;
        let signed_in = match &self.command.user {
            Some(user) => {
                let password = self.password(user).await?;
                client.login(user, &password).await
            }
            None => {
                let name = self.name().await?;
                client.guest(&name).await
            }
        };
        signed_in.map_err(|error| self.failed(&error))
    }

    /// Who may vouch for the server.
    fn trust(&mut self) -> Result<Trust, Ended> {
        let Some(file) = &self.command.ca else { return Ok(Trust::Machine) };
        std::fs::read(file)
            .map(Trust::Authorities)
            .map_err(|error| self.refuse(self.bad_authority(file, &error.to_string())))
    }

    fn bad_authority(&self, file: &Path, why: &str) -> String {
        let file = file.display().to_string();
        fill(self.words.bad_authority, &[("file", &file), ("why", why)])
    }

    async fn password(&mut self, user: &str) -> Result<String, Ended> {
        if let Ok(password) = std::env::var("ANTEROOM_PASSWORD") {
            return Ok(password);
        }
        if !self.console.is_person() {
            return Err(self.refuse(self.words.password_missing));
        }
        let question = fill(self.words.ask_password, &[("name", user)]);
        self.console.ask_secret(&question).await.ok_or(Ended(Exit::Left))
    }

    async fn name(&mut self) -> Result<String, Ended> {
        if let Some(name) = &self.command.name {
            return Ok(name.clone());
        }
        if !self.console.is_person() {
            return Err(self.refuse(self.words.name_missing));
        }
        loop {
            let name = self.console.ask(self.words.ask_name).await.ok_or(Ended(Exit::Left))?;
            if !name.trim().is_empty() {
                return Ok(name.trim().to_owned());
            }
        }
    }

    /// The room that the command names, or that is chosen from the list.
    pub(super) async fn door(&mut self, account: &Account) -> Result<Door, Ended> {
        if let Some(named) = &self.command.room {
            return match self.found(account, named).await? {
                Some(door) => Ok(door),
                None => Err(Ended(Exit::Refused)),
            };
        }
        self.list(account, "").await?;
        loop {
            let answer = self.console.ask(self.words.ask_room).await.ok_or(Ended(Exit::Left))?;
            if answer.trim().is_empty() {
                continue;
            }
            if Typed::parse(&answer) == Typed::Leave {
                return Err(Ended(Exit::Left));
            }
            let door = match new_room(&answer) {
                Some((name, capacity)) => self.made(account, name, capacity).await,
                None => self.found(account, &answer).await?,
            };
            if let Some(door) = door {
                return Ok(door);
            }
        }
    }

    /// A room by its number, or by its name among the open ones; said in words where there is none.
    async fn found(&mut self, account: &Account, named: &str) -> Result<Option<Door>, Ended> {
        let named = named.trim();
        if let Ok(room) = named.parse() {
            return Ok(Some(self.door_of(room, None)));
        }
        let rooms = self.rooms(account, named).await?;
        let same = |room: &&Room| room.name.to_lowercase() == named.to_lowercase();
        let rooms: Vec<&Room> = rooms.iter().filter(same).collect();
        match rooms.as_slice() {
            [room] => Ok(Some(self.door_of(room.id, None))),
            [] => {
                let told = fill(self.words.no_such_name, &[("name", named)]);
                self.console.say(&Line::text(told));
                Ok(None)
            }
            several => {
                self.console.say(&Line::text(self.words.several_rooms));
                several.iter().for_each(|room| self.console.say(&room_line(room, self.words)));
                Ok(None)
            }
        }
    }

    async fn rooms(&mut self, account: &Account, q: &str) -> Result<Vec<Room>, Ended> {
        let q = (!q.is_empty()).then(|| q.to_owned());
        let query = RoomQuery { q, limit: Some(ROOMS_SHOWN), ..RoomQuery::default() };
        let page = account.rooms(&query).await.map_err(|error| self.failed(&error))?;
        if page.next_cursor.is_some() {
            self.console.say(&Line::faint(self.words.more_rooms));
        }
        Ok(page.items)
    }

    async fn list(&mut self, account: &Account, q: &str) -> Result<(), Ended> {
        let rooms = self.rooms(account, q).await?;
        let head = if rooms.is_empty() { self.words.no_rooms } else { self.words.rooms };
        self.console.say(&Line::text(head));
        rooms.iter().for_each(|room| self.console.say(&room_line(room, self.words)));
        Ok(())
    }

    async fn made(&mut self, account: &Account, name: String, capacity: u32) -> Option<Door> {
        let password = self.command.room_password.clone();
        let body = CreateRoom { name, capacity, password, ..CreateRoom::default() };
        match account.create_room(&body).await {
            Ok(made) => {
                let id = made.room.id.to_string();
                self.console.say(&Line::text(fill(self.words.room_made, &[("id", &id)])));
                Some(self.door_of(made.room.id, Some(made.reservation)))
            }
            Err(error) => {
                self.console.say(&Line::text(why(&error, self.words)));
                None
            }
        }
    }

    fn door_of(&self, room: i64, reservation: Option<Reservation>) -> Door {
        let ChatCommand { room_password, key, .. } = self.command;
        Door { room, reservation, password: room_password.clone(), key: key.clone() }
    }

    /// Both steps; a password is asked for and a full room is waited for where one can be asked.
    pub(super) async fn enter(
        &mut self,
        account: &Account,
        door: &mut Door,
    ) -> Result<JoinedRoom, Ended> {
        loop {
            let reserve = Reserve {
                password: door.password.clone(),
                key: door.key.clone(),
                ..Reserve::default()
            };
            let options = JoinOptions { reserve, ..JoinOptions::default() };
            let joined = match door.reservation.take() {
                Some(reservation) => account.join_reserved(&reservation, options).await,
                None => account.join(door.room, options).await,
            };
            let error = match joined {
                Ok(joined) => return Ok(joined),
                Err(error) => error,
            };
            match code_of(&error) {
                Some(Code::WrongRoomPassword) if self.console.is_person() => {
                    let question = self.words.ask_room_password;
                    let password = self.console.ask_secret(question).await;
                    door.password = Some(password.ok_or(Ended(Exit::Left))?);
                }
                Some(Code::RoomFull) => self.wait(account, door, &error).await?,
                _ => return Err(self.failed(&error)),
            }
        }
    }

    /// Stands in line until a seat is offered, where that is wanted.
    async fn wait(
        &mut self,
        account: &Account,
        door: &mut Door,
        full: &Error,
    ) -> Result<(), Ended> {
        let problem = full.problem();
        let seats = problem.and_then(|problem| problem.seats);
        let seats = seats.map(|seats| seats_line(&seats, self.words)).unwrap_or_default();
        self.console.say(&Line::text(fill(self.words.full, &[("seats", &seats)])));
        if problem.and_then(|problem| problem.waitlist).is_some_and(|line| !line.allowed) {
            return Err(self.refuse(self.words.full_no_line));
        }
        if !self.command.wait && !self.wants_to_wait().await? {
            return Err(Ended(Exit::Refused));
        }
        let body = Wait { password: door.password.clone(), key: door.key.clone() };
        let mut wait = account.wait_for_seat(door.room, body);
        let mut refresh_at = Instant::now() + REFRESH;
        loop {
            let talks = self.console.is_live();
            let awaited = tokio::select! {
                awaited = timeout_at(refresh_at, wait.next()) => awaited,
                line = self.console.line(), if talks => match line.as_deref().map(Typed::parse) {
                    None | Some(Typed::Leave) => break,
                    Some(Typed::Nothing) => continue,
                    Some(_) => {
                        self.console.say(&Line::faint(self.words.still_waiting));
                        continue;
                    }
                },
                () = self.stop.asked() => break,
            };
            match awaited {
                // A login that ends meanwhile would end the wait. One that cannot be refreshed now
                // may be the next time.
                Err(_) => {
                    drop(account.refresh().await);
                    refresh_at = Instant::now() + REFRESH;
                }
                Ok(Ok(Awaited::Position(position))) => {
                    self.console.say(&place_line(&position, self.words));
                }
                Ok(Ok(Awaited::Seat(reservation))) => {
                    self.console.ring();
                    self.console.say(&Line::text(self.words.your_turn));
                    door.reservation = Some(reservation);
                    return Ok(());
                }
                Ok(Err(error)) => return Err(self.failed(&error)),
            }
        }
        // The place goes by itself where this does not arrive.
        drop(wait.leave().await);
        self.console.say(&Line::text(self.words.line_left));
        Err(Ended(Exit::Left))
    }

    async fn wants_to_wait(&mut self) -> Result<bool, Ended> {
        if !self.console.is_person() {
            self.console.say(&Line::faint(self.words.full_hint));
            return Ok(false);
        }
        let answer = self.console.ask(self.words.ask_wait).await.ok_or(Ended(Exit::Left))?;
        Ok(self.words.yes.contains(&answer.trim().to_lowercase().as_str()))
    }

    fn refuse(&mut self, told: impl Into<String>) -> Ended {
        self.console.say(&Line::text(told));
        Ended(Exit::Refused)
    }

    fn failed(&mut self, error: &Error) -> Ended {
        self.console.say(&Line::text(why(error, self.words)));
        Ended(exit_before(error))
    }
}

/// `101  Tea room  ●●●◐○○ 3/6 · 1 waiting`.
fn room_line(room: &Room, words: &Words) -> Line {
    let line = Line::text(format!("{:>5}  ", room.id)).and(Look::Strong, &room.name);
    let line = line.and(Look::Text, format!("  {}", seats_line(&room.seats, words)));
    if room.has_password {
        line.and(Look::Faint, format!(" · {}", words.needs_password))
    } else {
        line
    }
}

/// Where one stands in line.
fn place_line(at: &Position, words: &Words) -> Line {
    let estimate = match at.estimated_wait_ms {
        None => String::new(),
        Some(..60_000) => words.estimate_soon.into(),
        Some(ms) => fill(words.estimate_minutes, &[("n", &ms.div_ceil(60_000).to_string())]),
    };
    let sentence = if at.ahead == 0 { words.place_first } else { words.place };
    let (place, ahead) = (at.position.to_string(), at.ahead.to_string());
    Line::text(fill(sentence, &[("place", &place), ("ahead", &ahead), ("estimate", &estimate)]))
}

#[cfg(test)]
mod tests {
    use super::super::words::{EN, KO};
    use super::*;

    fn at(ahead: u32, estimated_wait_ms: Option<u64>) -> Position {
        Position { position: ahead + 1, ahead, joined_at: None, estimated_wait_ms }
    }

    #[test]
    fn the_place_in_line_is_told_with_what_is_known_of_the_wait() {
        let told = |ahead, ms| place_line(&at(ahead, ms), &EN).plain();
        let out = "/leave gives the place up.";
        assert_eq!(told(2, None), format!("In line: place 3, 2 before you. {out}"));
        assert_eq!(
            told(2, Some(61_000)),
            format!("In line: place 3, 2 before you, about 2 min. {out}")
        );
        assert_eq!(
            told(0, Some(9_000)),
            format!("In line: you are next, less than a minute. {out}")
        );
        let korean = place_line(&at(1, Some(120_000)), &KO).plain();
        assert!(korean.starts_with("대기 2번째, 앞에 1명, 약 2분."), "{korean}");
    }
}
