//! People who do whatever people do beside sitting and talking: sign up, log in twice, take over, come back
//! after a crash, forge tickets, reserve and not come, cancel, wait in line, log out.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anteroom_client::{Account, Awaited, Client, ConfirmOptions, Error, Event, Session};
use anteroom_protocol::Code;
use anteroom_protocol::account::SignUp;
use anteroom_protocol::entry::Reserve;
use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep_until, timeout};

use crate::harness::PASSWORD;
use crate::harness::check::{Since, Stay, Verdict, capacity};
use crate::harness::dice::Dice;
use crate::harness::told::{is_documented, word_of};

/// How long a step may take before somebody gives up and does something else.
const STEP: Duration = Duration::from_secs(15);
/// A session that was taken over hears of it within so long: longer than any node stands still.
const TOLD_WITHIN: Duration = Duration::from_secs(30);
/// Somebody waits in line no longer.
const LINE: Duration = Duration::from_secs(8);
/// Between two acts, in milliseconds.
const PAUSE: (u64, u64) = (100, 900);

pub(crate) struct Wanderers {
    pub(crate) room: i64,
    doors: Vec<Client>,
    since: Since,
    stays: Mutex<Vec<Stay>>,
    answers: Mutex<BTreeMap<String, usize>>,
    wrong: Mutex<Vec<String>>,
    tried: Mutex<BTreeMap<Tried, usize>>,
    acts: AtomicUsize,
    names: AtomicUsize,
    is_over: AtomicBool,
}

impl Wanderers {
    pub(crate) fn new(room: i64, doors: Vec<Client>) -> Arc<Self> {
        Arc::new(Self {
            room,
            doors,
            since: Since::now(),
            stays: Mutex::default(),
            answers: Mutex::default(),
            wrong: Mutex::default(),
            tried: Mutex::default(),
            acts: AtomicUsize::new(0),
            names: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        })
    }

    pub(crate) fn are_over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// How many acts there were.
    pub(crate) fn acts(&self) -> usize {
        self.acts.load(Ordering::Relaxed)
    }

    /// What they were answered where it was not what they asked for, and how often.
    pub(crate) fn answers(&self) -> BTreeMap<String, usize> {
        self.answers.lock().unwrap().clone()
    }

    pub(crate) fn were_never_too_many(&self, seats: usize) -> Verdict<usize> {
        capacity(&self.stays.lock().unwrap(), seats)
    }

    /// No ended login was good, no taken-over session was heard, no forged ticket opened anything. How often each was
    /// tried.
    pub(crate) fn were_right(&self) -> Verdict<BTreeMap<Tried, usize>> {
        match self.wrong.lock().unwrap().first() {
            Some(found) => Err(found.clone()),
            None => Ok(self.tried.lock().unwrap().clone()),
        }
    }

    fn tried(&self, what: Tried) {
        *self.tried.lock().unwrap().entry(what).or_default() += 1;
    }

    /// No answer was a fault of the server, nor one that says that what was asked is malformed.
    pub(crate) fn were_told_what_is_documented(&self) -> Verdict {
        match self.answers().keys().find(|word| !is_documented(word)) {
            Some(word) => Err(format!("an answer that nothing explains: {word}")),
            None => Ok(()),
        }
    }

    fn wrong(&self, found: &str) {
        self.wrong.lock().unwrap().push(format!("at {} µs: {found}", self.since.at()));
    }

    /// What went otherwise than was asked, noted.
    fn noted<T>(&self, answer: Result<Result<T, Error>, tokio::time::error::Elapsed>) -> Option<T> {
        let word = match answer {
            Ok(Ok(granted)) => return Some(granted),
            Ok(Err(error)) => word_of(&error),
            Err(_) => "too late".to_owned(),
        };
        *self.answers.lock().unwrap().entry(word).or_default() += 1;
        None
    }

    async fn asks<T>(&self, asked: impl Future<Output = Result<T, Error>>) -> Option<T> {
        self.noted(timeout(STEP, asked).await)
    }

    /// One act after the other, until it is over.
    pub(crate) async fn wanders(self: Arc<Self>, who: usize, mut dice: Dice) {
        let mut me = None;
        while !self.is_over.load(Ordering::Relaxed) {
            sleep_until(Instant::now() + dice.between(PAUSE.0, PAUSE.1)).await;
            let door = &self.doors[dice.at(self.doors.len())];
            let Some((name, token)) = me.clone() else {
                me = self.arrives(door).await;
                continue;
            };
            let account = door.with_token(&*token);
            self.acts.fetch_add(1, Ordering::Relaxed);
            let kept = match dice.below(9) {
                0 => self.logs_in_twice(door, &name, &account).await,
                1 => self.logs_out(&account).await,
                2 | 3 => self.takes_over((who, &account), &mut dice).await,
                4 => self.comes_back((who, &account), &mut dice).await,
                5 => self.forges((who, &account), &mut dice).await,
                6 => self.asks(account.cancel(self.room)).await.map(|()| None).unwrap_or(None),
                7 => self.waits((who, &account), &mut dice).await,
                _ => self.sits((who, &account), &mut dice).await,
            };
            match kept {
                Some(Next::Login(token)) => me = Some((name, token)),
                Some(Next::Nobody) => me = None,
                None => {}
            }
        }
    }

    async fn arrives(&self, door: &Client) -> Option<(String, Arc<str>)> {
        let n = self.names.fetch_add(1, Ordering::Relaxed);
        let name = format!("wanderer-{n}");
        let body = SignUp {
            username: name.clone(),
            password: PASSWORD.into(),
            display_name: None,
            contact_number: None,
        };
        self.asks(door.sign_up(&body)).await?;
        let account = self.asks(door.login(&name, PASSWORD)).await?;
        Some((name, account.token()))
    }

    /// The older login ends with the newer one.
    async fn logs_in_twice(&self, door: &Client, name: &str, old: &Account) -> Option<Next> {
        let new = self.asks(door.login(name, PASSWORD)).await?;
        self.tried(Tried::OlderLogin);
        match timeout(STEP, old.me()).await {
            Ok(Ok(_)) => self.wrong(&format!("the older login of {name} is good")),
            other => drop(self.noted(other)),
        }
        Some(Next::Login(new.token()))
    }

    async fn logs_out(&self, account: &Account) -> Option<Next> {
        self.asks(account.logout()).await?;
        self.tried(Tried::EndedLogin);
        match timeout(STEP, account.me()).await {
            Ok(Ok(_)) => self.wrong("a login that was ended is good"),
            other => drop(self.noted(other)),
        }
        Some(Next::Nobody)
    }

    /// Comes in; an ended login is somebody new from then on.
    async fn enters(&self, account: &Account) -> Result<Session, Option<Next>> {
        match timeout(STEP, account.enter(self.room)).await {
            Ok(Ok(session)) => Ok(session),
            other => {
                let ended =
                    matches!(&other, Ok(Err(error)) if error.code() == Some(Code::Unauthenticated));
                self.noted(other);
                Err(ended.then_some(Next::Nobody))
            }
        }
    }

    fn stayed(&self, who: usize, from: u64) {
        self.stays.lock().unwrap().push(Stay { who, from, until: self.since.at() });
    }

    async fn sits(&self, (who, account): (usize, &Account), dice: &mut Dice) -> Option<Next> {
        let mut session = match self.enters(account).await {
            Ok(session) => session,
            Err(next) => return next,
        };
        let has_ended = self.stays(who, &mut session, dice).await;
        match has_ended || dice.below(3) == 0 {
            true => session.abort(),
            false => drop(self.noted(timeout(STEP, session.leave()).await)),
        }
        None
    }

    /// Is seen inside for a while; whether the session ended meanwhile.
    async fn stays(&self, who: usize, session: &mut Session, dice: &mut Dice) -> bool {
        let from = self.since.at();
        let until = Instant::now() + dice.between(100, 1_500);
        let has_ended = tokio::time::timeout_at(until, self.sees_the_end(session)).await.is_ok();
        // Before the server can know of it: a seat that is given back may be taken at once.
        self.stayed(who, from);
        has_ended
    }

    /// Arrives a second time, by whichever door: the first session ends, and is heard no more.
    async fn takes_over(&self, (who, account): (usize, &Account), dice: &mut Dice) -> Option<Next> {
        let mut first = match self.enters(account).await {
            Ok(session) => session,
            Err(next) => return next,
        };
        let from = self.since.at();
        let there = self.doors[dice.at(self.doors.len())].with_token(account.token());
        // Its end may be seen before the other's welcome: then it was certainly inside no longer.
        let (second, ended) = {
            let ends = pin!(self.sees_the_end(&mut first));
            let enters = pin!(timeout(STEP, there.enter(self.room)));
            match select(ends, enters).await {
                Either::Left((ended, enters)) => (enters.await, Some(ended)),
                Either::Right((second, _)) => (second, None),
            }
        };
        let until = ended.unwrap_or_else(|| self.since.at());
        self.stays.lock().unwrap().push(Stay { who, from, until });
        let Some(mut second) = self.noted(second) else {
            first.abort();
            return None;
        };
        self.tried(Tried::TakenOver);
        let welcomed = Instant::now();
        if ended.is_none() && timeout(TOLD_WITHIN, self.sees_the_end(&mut first)).await.is_err() {
            match timeout(STEP, first.send("am I still here?")).await {
                Ok(Ok(_)) => self.wrong(&format!(
                    "{:?} after it was taken over a session is heard",
                    welcomed.elapsed()
                )),
                other => drop(self.noted(other)),
            }
        }
        self.stays(who, &mut second, dice).await;
        drop(self.noted(timeout(STEP, second.leave()).await));
        first.abort();
        None
    }

    async fn sees_the_end(&self, session: &mut Session) -> u64 {
        while !is_over(session.next().await.as_ref()) {}
        self.since.at()
    }

    /// The line breaks, and the same seat is there a moment later.
    async fn comes_back(&self, (who, account): (usize, &Account), dice: &mut Dice) -> Option<Next> {
        let mut session = match self.enters(account).await {
            Ok(session) => session,
            Err(next) => return next,
        };
        let welcome = session.welcome().clone();
        self.stays(who, &mut session, dice).await;
        session.abort();
        let ask = Reserve { resume: Some(welcome.resume.clone()), ..Reserve::default() };
        let again = self.asks(account.reserve(self.room, &ask)).await?;
        let options = ConfirmOptions {
            resume: Some(welcome.resume),
            since: Some(welcome.last_seq),
            ..ConfirmOptions::default()
        };
        let mut back = self.asks(account.client().confirm_ticket(&again.ticket, options)).await?;
        self.stays(who, &mut back, dice).await;
        self.noted(timeout(STEP, back.leave()).await);
        None
    }

    /// A ticket with one letter changed opens nothing, and the true one is none the worse for it.
    async fn forges(&self, (who, account): (usize, &Account), dice: &mut Dice) -> Option<Next> {
        let reservation = self.asks(account.reserve(self.room, &Reserve::default())).await?;
        let mut forged = reservation.ticket.clone().into_bytes();
        // Not one of the last: of those some bits count for nothing.
        let at = dice.at(forged.len() - 4);
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        let opened = account.client().confirm_ticket(&forged, ConfirmOptions::default());
        self.tried(Tried::Forged);
        match timeout(STEP, opened).await {
            Ok(Ok(session)) => {
                self.wrong("a forged ticket opened the room");
                session.abort();
            }
            other => drop(self.noted(other)),
        }
        // One of three is left to its deadline.
        match dice.below(3) {
            0 => drop(self.asks(account.cancel(self.room)).await),
            1 => {
                let entered = account.confirm(&reservation, Default::default());
                let mut session = self.asks(entered).await?;
                self.tried(Tried::TrueTicket);
                self.stays(who, &mut session, dice).await;
                self.noted(timeout(STEP, session.leave()).await);
            }
            _ => {}
        }
        None
    }

    async fn waits(&self, (who, account): (usize, &Account), dice: &mut Dice) -> Option<Next> {
        let mut wait = account.wait_for_seat(self.room, Default::default());
        let until = Instant::now() + LINE;
        while let Ok(next) = tokio::time::timeout_at(until, wait.next()).await {
            match self.noted(Ok(next))? {
                Awaited::Position(_) => {}
                Awaited::Seat(reservation) => {
                    let entered = account.confirm(&reservation, Default::default());
                    let mut session = self.asks(entered).await?;
                    self.tried(Tried::Offered);
                    self.stays(who, &mut session, dice).await;
                    self.noted(timeout(STEP, session.leave()).await);
                    return None;
                }
            }
        }
        self.asks(account.stop_waiting(self.room)).await;
        None
    }
}

/// What is judged of them only if it came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tried {
    OlderLogin,
    EndedLogin,
    TakenOver,
    Forged,
    /// Used after another was forged from it.
    TrueTicket,
    /// A seat that came to somebody in line.
    Offered,
}

impl Tried {
    pub(crate) const ALL: [Self; 6] = [
        Self::OlderLogin,
        Self::EndedLogin,
        Self::TakenOver,
        Self::Forged,
        Self::TrueTicket,
        Self::Offered,
    ];
}

/// Who somebody is from now on.
enum Next {
    Login(Arc<str>),
    Nobody,
}

fn is_over(event: Option<&Event>) -> bool {
    matches!(event, None | Some(Event::Closed(_)))
}
