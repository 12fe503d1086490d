//! People who talk without waiting for each answer, and what must be true of what they see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anteroom_client::{Event, Session};
use anteroom_protocol::Code;
use anteroom_protocol::frame::{ClientFrame, Send, ServerFrame};
use futures_util::future::{join, join_all};
use tokio::sync::watch;

use crate::harness::{Nodes, within};

/// Messages of one person without an answer.
const WINDOW: usize = 5;

/// A room full of people.
pub(crate) struct Talk {
    room: i64,
    people: Vec<Person>,
    /// How many answers all of them have.
    answers: watch::Sender<usize>,
}

struct Person {
    session: Session,
    name: String,
    said: usize,
    /// What was acknowledged, and the places it got.
    acks: BTreeMap<String, i64>,
    /// Places and names of what was told.
    heard: Vec<(i64, String)>,
    is_acked_first: bool,
    may_be_refused: bool,
    was_refused: bool,
    /// The last place it knew of when it said each thing.
    known: Vec<i64>,
}

impl Talk {
    /// One person on each of those nodes, in one room.
    pub(crate) async fn between(nodes: &Nodes, places: &[usize]) -> Self {
        static TALKS: AtomicUsize = AtomicUsize::new(0);
        let owner = format!("owner{}", TALKS.fetch_add(1, Ordering::Relaxed));
        let owner = nodes.nodes[places[0]].user(&owner).await;
        let (room, first) = nodes.nodes[places[0]].room(&owner, 50).await;
        let mut people = vec![Person::new(first, 0)];
        for place in &places[1..] {
            let guest = nodes.nodes[*place].guest("guest").await;
            people.push(Person::new(guest.enter(room).await.unwrap(), people.len()));
        }
        Self { room, people, answers: watch::Sender::new(0) }
    }

    pub(crate) fn room(&self) -> i64 {
        self.room
    }

    pub(crate) fn sessions(&mut self) -> impl Iterator<Item = &mut Session> {
        self.people.iter_mut().map(|person| &mut person.session)
    }

    /// Returns when all of them together have so many answers.
    pub(crate) fn answered(&self, count: usize) -> impl Future<Output = ()> + use<> {
        let mut answers = self.answers.subscribe();
        async move {
            answers.wait_for(|answers| *answers >= count).await.expect("somebody talks");
        }
    }

    /// Each says so much more, and goes on as long as `meanwhile` happens; until all of it is acknowledged.
    pub(crate) async fn go(&mut self, each: usize, meanwhile: impl Future<Output = ()>) {
        let (answers, is_over) = (&self.answers, AtomicBool::new(false));
        let talking =
            join_all(self.people.iter_mut().map(|person| person.talk(each, &is_over, answers)));
        let meanwhile = async {
            meanwhile.await;
            is_over.store(true, Ordering::Relaxed);
        };
        within("an ack for everything", join(talking, meanwhile)).await;
    }

    /// Nobody is to be told of a message of their own before its acknowledgement. So it is unless a node
    /// reads what was said from the store before it is done with telling it.
    pub(crate) fn acks_come_first(mut self) -> Self {
        self.people.iter_mut().for_each(|person| person.is_acked_first = true);
        self
    }

    /// Somebody may be told that a message could not be stored, and says it again.
    pub(crate) fn some_may_be_refused(mut self) -> Self {
        self.people.iter_mut().for_each(|person| person.may_be_refused = true);
        self
    }

    /// Acknowledged is stored; stored once; without gaps; in everybody's order; and heard so by all.
    pub(crate) async fn check(&mut self, nodes: &Nodes) {
        let room = self.room;
        let rows = nodes.stored(&format!(
            "SELECT coalesce(string_agg(seq || ' ' || client_id, ',' ORDER BY seq), '')
             FROM messages WHERE room_id = {room}"
        ));
        let stored: Vec<(i64, String)> = rows
            .split(',')
            .filter_map(|row| row.split_once(' '))
            .map(|(seq, name)| (seq.parse().unwrap(), name.to_owned()))
            .collect();
        for (at, (seq, _)) in stored.iter().enumerate() {
            assert_eq!(*seq, at as i64 + 1, "a number is missing");
        }
        let total: usize = self.people.iter().map(|person| person.said).sum();
        assert_eq!(stored.len(), total, "as much as was said");
        let listening = self.people.iter_mut().map(|person| person.hear(total));
        within("everything to be heard", join_all(listening)).await;
        for person in &self.people {
            assert_eq!(person.heard, stored, "{} heard it once and in order", person.name);
            let own = stored.iter().filter(|(_, name)| name.starts_with(&person.name));
            let in_order = (0..person.said).map(|n| format!("{}-{n}", person.name));
            let is_in_order = own.clone().map(|(_, name)| name.clone()).eq(in_order);
            assert!(is_in_order || person.was_refused, "out of order: {rows}");
            for (n, known) in person.known.iter().enumerate() {
                let place = person.acks[&format!("{}-{n}", person.name)];
                assert!(place > *known, "{n} came before what was acknowledged when it was said");
            }
            let own: BTreeMap<_, _> = own.map(|(seq, name)| (name.clone(), *seq)).collect();
            assert_eq!(person.acks, own, "what was acknowledged is what is stored");
        }
    }
}

impl Person {
    fn new(session: Session, place: usize) -> Self {
        let name = format!("p{place}");
        Self {
            session,
            name,
            said: 0,
            acks: BTreeMap::new(),
            heard: Vec::new(),
            is_acked_first: false,
            may_be_refused: false,
            was_refused: false,
            known: Vec::new(),
        }
    }

    async fn talk(&mut self, each: usize, is_over: &AtomicBool, answers: &watch::Sender<usize>) {
        let enough = self.said + each;
        loop {
            let goes_on = self.said < enough || !is_over.load(Ordering::Relaxed);
            if !goes_on && self.acks.len() == self.said {
                return;
            }
            if goes_on && self.said - self.acks.len() < WINDOW {
                self.known.push(self.acks.values().copied().max().unwrap_or_default());
                self.say(format!("{}-{}", self.name, self.said)).await;
                self.said += 1;
                continue;
            }
            self.next(answers).await;
        }
    }

    async fn say(&mut self, client_id: String) {
        let content = client_id.clone();
        let send = Send { client_id, content, content_type: None, reply_to: None };
        self.session.send_frame(&ClientFrame::Send(send)).await.unwrap();
    }

    async fn hear(&mut self, total: usize) {
        let nobody = watch::Sender::new(0);
        while self.heard.len() < total {
            self.next(&nobody).await;
        }
    }

    async fn next(&mut self, answers: &watch::Sender<usize>) {
        match self.session.next().await.expect("the session goes on") {
            Event::Frame(ServerFrame::Ack(ack)) => {
                let twice = self.acks.insert(ack.client_id.clone(), ack.seq);
                assert_eq!(twice, None, "acknowledged twice: {ack:?}");
                answers.send_modify(|count| *count += 1);
            }
            Event::Frame(ServerFrame::Message(message)) => {
                let name = message.client_id.expect("sent by somebody");
                if self.is_acked_first && name.starts_with(&self.name) {
                    assert!(self.acks.contains_key(&name), "told before its ack: {name}");
                }
                self.heard.push((message.seq, name));
            }
            Event::Frame(ServerFrame::Error(error)) => {
                let may_be = self.may_be_refused && error.code == Code::Unavailable;
                assert!(may_be, "refused: {error:?}");
                self.was_refused = true;
                self.say(error.reference.expect("what it was")).await;
            }
            Event::Closed(closed) => panic!("closed: {closed:?}"),
            _ => {}
        }
    }
}
