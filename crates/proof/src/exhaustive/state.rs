//! A state of the world: the rooms as plain values, and around them what clients, nodes and the
//! network hold. All numbers are small and canonical, see `canon`.

use anteroom_core::ids::{
    Generation, LoginId, Nonce, Owner, ResumeHash, RoomId, SessionId, UserId,
};
use anteroom_core::place::Place;
use anteroom_core::seat::{Claim, Header, PartRef, Snapshot};
use uuid::Uuid;

use super::scope::Scope;

/// The nodes.
pub(super) const NODES: u8 = 2;
/// The epoch of every room; the model has no restart of the seat store.
pub(super) const EPOCH: u64 = 1;
/// Every step happens at this instant; a deadline is due when somebody decides that it is.
pub(super) const NOW: u64 = 1;
/// A deadline that has not passed.
pub(super) const LATER: u64 = 1_000;

/// A generation, and of which room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Grant {
    pub(super) room: u8,
    pub(super) n: u8,
}

/// What a user's client knows. One login at a time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Client {
    /// The login it uses.
    pub(super) login: u8,
    /// Logins below this are revoked durably.
    pub(super) revoked: u8,
    /// Logins below this are revoked in the rooms too.
    pub(super) swept: u8,
    /// Requests it may still make: to reserve, to wait.
    pub(super) asks: u8,
    pub(super) waits: u8,
    /// Newest last; old ones stay good for trying.
    pub(super) tickets: Vec<Ticket>,
    /// Resume secrets, named by the grant they came with; newest last.
    pub(super) secrets: Vec<Grant>,
    /// A request to reserve that is under way.
    pub(super) request: Option<Request>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Ticket {
    pub(super) grant: Grant,
    pub(super) login: u8,
    /// How often it may still be presented.
    pub(super) uses: u8,
}

/// A request whose login was checked before; it is checked again after the room's step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Request {
    pub(super) room: u8,
    pub(super) login: u8,
    pub(super) resume: Option<Grant>,
    /// What the step granted, and whether it was fresh.
    pub(super) granted: Option<(Grant, bool)>,
}

/// A connection as its node sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Conn {
    pub(super) user: u8,
    pub(super) grant: Grant,
    /// The ticket may be presented by more than one connection.
    pub(super) copy: u8,
    pub(super) login: u8,
    pub(super) node: u8,
    pub(super) incarnation: u8,
    pub(super) presented: Option<Grant>,
    pub(super) stage: Stage,
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Stage {
    /// The ticket was looked at and the login checked; the confirm is on its way.
    Admitted,
    /// Confirmed; the stay is being persisted.
    Confirmed,
    /// The login was checked once more.
    Checked,
    /// Settled in its own room; the user's other rooms are to be left yet.
    Leaving,
    /// `welcome` was sent.
    Live,
    /// `welcome` was sent and its end is known somewhere, but not told yet.
    Doomed,
    /// An answer did not come: what may have been done is undone, one call after the other.
    Undoing(u8),
    /// The client is gone or was told; the close is on its way.
    Ending { clean: bool },
}

/// A call that its caller has given up, or a copy of one. It may arrive at any time, or never.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Stray {
    Ask { user: u8, login: u8, room: u8 },
    Confirm(Conn),
    Settle(Conn),
    Close(Conn, bool),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Node {
    pub(super) incarnation: u8,
    pub(super) asleep: bool,
    /// It sleeps, its lease is over and its parts were fenced.
    pub(super) fenced: bool,
}

/// How much may still go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Budget {
    /// Calls or answers lost, doubled or late.
    pub(super) network: u8,
    pub(super) crashes: u8,
    pub(super) naps: u8,
    /// Logins revoked or superseded, users removed.
    pub(super) revokes: u8,
    pub(super) resizes: u8,
    pub(super) closes: u8,
}

/// What did not hold in the step that led here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Broken {
    Capacity,
    Return,
    Grantable,
    Overtaken,
    Refused,
    Revoked,
    Stale,
    Taken,
}

/// The world.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub(super) rooms: Vec<Snapshot>,
    /// Policy `one`: where each user is, oldest first.
    pub(super) places: Vec<Vec<Place>>,
    pub(super) clients: Vec<Client>,
    pub(super) conns: Vec<Conn>,
    pub(super) strays: Vec<Stray>,
    pub(super) nodes: [Node; NODES as usize],
    pub(super) left: Budget,
    /// The largest capacity that was ever in force.
    pub(super) top_capacity: u32,
    pub(super) broken: Option<Broken>,
}

impl State {
    pub(super) fn first(scope: &Scope) -> Self {
        let client = Client {
            login: 0,
            revoked: 0,
            swept: 0,
            asks: scope.asks,
            waits: scope.waits,
            tickets: vec![],
            secrets: vec![],
            request: None,
        };
        let room = |number| Snapshot {
            header: Header::new(scope.spec(number)),
            slots: vec![],
            line: vec![],
            entering: vec![],
            elsewhere: anteroom_core::seat::Elsewhere::default(),
        };
        let users = usize::from(scope.users);
        Self {
            rooms: (0..scope.rooms).map(room).collect(),
            places: if scope.is_one_in_all() { vec![vec![]; users] } else { vec![] },
            clients: vec![client; users],
            conns: vec![],
            strays: vec![],
            nodes: [Node { incarnation: 1, asleep: false, fenced: false }; NODES as usize],
            left: scope.faults,
            top_capacity: scope.capacity,
            broken: None,
        }
    }

    pub(super) fn client(&mut self, user: u8) -> &mut Client {
        &mut self.clients[usize::from(user)]
    }

    pub(super) fn node(&self, conn: &Conn) -> &Node {
        &self.nodes[usize::from(conn.node)]
    }
}

impl Conn {
    pub(super) fn session(&self) -> SessionId {
        session(self.grant, self.copy)
    }

    pub(super) fn owner(&self) -> Owner {
        owner(self.node, self.incarnation)
    }

    pub(super) fn part(&self) -> PartRef {
        let generation = generation(self.grant.n);
        PartRef { user: user(self.user), session: self.session(), generation, owner: self.owner() }
    }

    pub(super) fn claim(&self) -> Claim {
        Claim {
            user: user(self.user),
            generation: generation(self.grant.n),
            nonce: NONCE,
            login: login(self.login),
            session: self.session(),
            owner: self.owner(),
            new_resume: secret(self.grant),
            presented: self.presented.map(secret),
        }
    }

    /// Whether its client has `welcome` and knows of no end, and somebody is there to serve it.
    pub(super) fn is_served(&self, state: &State) -> bool {
        self.stage == Stage::Live && !state.node(self).fenced
    }
}

/// The generation tells grants apart; random histories forge nonces.
pub(super) const NONCE: Nonce = Nonce([1; 16]);

pub(super) fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) + 1))
}

/// Back from [`user`].
pub(super) fn number(user: UserId) -> u8 {
    user.0.as_bytes()[15] - 1
}

/// Logins are only ever compared within one user.
pub(super) fn login(n: u8) -> LoginId {
    LoginId(Uuid::from_u128(100 + u128::from(n)))
}

/// Back from [`login`].
pub(super) fn under(login: LoginId) -> u8 {
    login.0.as_bytes()[15] - 100
}

pub(super) fn generation(n: u8) -> Generation {
    Generation { epoch: EPOCH, n: u64::from(n) }
}

pub(super) fn owner(node: u8, incarnation: u8) -> Owner {
    Owner { node: u32::from(node), incarnation: u64::from(incarnation) }
}

pub(super) fn session(grant: Grant, copy: u8) -> SessionId {
    SessionId(Uuid::from_bytes([9, grant.room, grant.n, copy, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
}

/// Back from [`session`].
pub(super) fn named(session: SessionId) -> (Grant, u8) {
    let bytes = session.0.as_bytes();
    (Grant { room: bytes[1], n: bytes[2] }, bytes[3])
}

/// At most one confirm of a grant succeeds, so its secret is named by it.
pub(super) fn secret(grant: Grant) -> ResumeHash {
    let mut bytes = [0; 32];
    (bytes[0], bytes[1], bytes[2]) = (7, grant.room, grant.n);
    ResumeHash(bytes)
}

/// Back from [`secret`].
pub(super) fn granted(secret: ResumeHash) -> Grant {
    Grant { room: secret.0[1], n: secret.0[2] }
}

pub(super) fn room_id(room: u8) -> RoomId {
    RoomId(101 + i64::from(room))
}
