//! What can happen next.

use anteroom_core::seat::{Header, RoomSize, Snapshot};
use anteroom_core::time::Millis;

use super::scope::Scope;
use super::state::{Conn, Grant, NODES, NOW, Stage, State, Stray, number, owner};

/// What runs out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// The reservation of a user.
    Reservation,
    /// The seat held for a user.
    Held,
    /// The place in the line of a user whose stream is away.
    Waiter,
}

/// One event. Users, nodes, rooms and connections by number; a connection's is its place in the
/// state that the event happens in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Ask { user: u8, room: u8, resume: usize },
    AskUnanswered { user: u8, room: u8 },
    AskTwice { user: u8, room: u8 },
    RequestRuns { user: u8 },
    RequestAnswers { user: u8 },
    Cancel { user: u8, room: u8 },
    Wait { user: u8, room: u8 },
    StopWaiting { user: u8, room: u8 },
    Connect { user: u8, ticket: usize, node: u8, resume: usize },
    Confirm { conn: usize },
    ConfirmUnanswered { conn: usize },
    ConfirmLate { conn: usize },
    ConfirmTwice { conn: usize },
    Check { conn: usize },
    Fail { conn: usize },
    Settle { conn: usize },
    SettleUnanswered { conn: usize },
    SettleLate { conn: usize },
    LeaveElsewhere { conn: usize },
    Heard { conn: usize },
    Undo { conn: usize },
    Leave { conn: usize },
    Lose { conn: usize },
    Tell { conn: usize },
    Close { conn: usize },
    CloseTwice { conn: usize },
    Arrive { stray: usize },
    Pass { due: Due, user: u8, room: u8 },
    Sweep { room: u8 },
    Crash { node: u8 },
    Doze { node: u8 },
    LeaseOver { node: u8 },
    Wake { node: u8 },
    Fence { node: u8, incarnation: u8 },
    Revoke { user: u8 },
    Supersede { user: u8 },
    SweepLogins { user: u8 },
    Remove { user: u8, room: u8 },
    Resize { room: u8, size: RoomSize },
    CloseRoom { room: u8 },
}

impl State {
    /// Everything that can happen in this state.
    pub(super) fn events(&self, scope: &Scope, out: &mut Vec<Action>) {
        if self.broken.is_some() {
            return;
        }
        for user in 0..scope.users {
            self.of_client(scope, user, out);
        }
        for (at, conn) in self.conns.iter().enumerate() {
            if !self.node(conn).asleep {
                self.of_conn(at, conn, out);
            } else if conn.stage == Stage::Live {
                out.push(Action::Lose { conn: at });
            }
        }
        out.extend((0..self.strays.len()).map(|stray| Action::Arrive { stray }));
        for room in 0..scope.rooms {
            self.of_room(scope, room, out);
        }
        for node in 0..NODES {
            self.of_node(node, out);
        }
    }

    fn of_client(&self, scope: &Scope, user: u8, out: &mut Vec<Action>) {
        let client = &self.clients[usize::from(user)];
        let secrets = if scope.resumes { client.secrets.len() } else { 0 };
        for room in 0..scope.rooms {
            if client.asks > 0 && client.request.is_none() {
                out.extend((0..=secrets).map(|resume| Action::Ask { user, room, resume }));
                if self.left.network > 0 {
                    out.push(Action::AskUnanswered { user, room });
                    out.push(Action::AskTwice { user, room });
                }
            }
            let here = &self.rooms[usize::from(room)];
            let waits = here.line.iter().any(|it| number(it.user) == user);
            let slot = here.slots.iter().find(|slot| number(slot.user) == user);
            if client.waits > 0 {
                out.push(Action::Wait { user, room });
            }
            if scope.cancels && waits {
                out.push(Action::StopWaiting { user, room });
            }
            if scope.cancels && slot.is_some_and(|slot| slot.reservation.is_some()) {
                out.push(Action::Cancel { user, room });
            }
        }
        if let Some(request) = client.request {
            out.push(match request.granted {
                None => Action::RequestRuns { user },
                Some(_) => Action::RequestAnswers { user },
            });
        }
        if self.conns.len() < scope.conns {
            for (ticket, it) in client.tickets.iter().enumerate() {
                let lives = it.uses > 0 && it.login >= client.revoked;
                for node in (0..NODES).filter(|node| lives && !self.is_away(*node)) {
                    out.extend((0..=secrets).map(|resume| Action::Connect {
                        user,
                        ticket,
                        node,
                        resume,
                    }));
                }
            }
        }
        if self.left.revokes > 0 {
            out.push(Action::Revoke { user });
            out.push(Action::Supersede { user });
            out.extend((0..scope.rooms).map(|room| Action::Remove { user, room }));
        }
        if client.swept < client.revoked {
            out.push(Action::SweepLogins { user });
        }
    }

    fn of_conn(&self, conn: usize, it: &Conn, out: &mut Vec<Action>) {
        let astray = self.left.network > 0;
        match it.stage {
            Stage::Admitted => {
                out.push(Action::Confirm { conn });
                if astray {
                    out.push(Action::ConfirmUnanswered { conn });
                    out.push(Action::ConfirmLate { conn });
                    out.push(Action::ConfirmTwice { conn });
                }
            }
            Stage::Confirmed => {
                out.push(Action::Fail { conn });
                out.push(Action::Check { conn });
            }
            Stage::Checked => {
                out.push(Action::Settle { conn });
                if astray {
                    out.push(Action::SettleUnanswered { conn });
                    out.push(Action::SettleLate { conn });
                }
            }
            Stage::Leaving => out.push(Action::LeaveElsewhere { conn }),
            Stage::Live => {
                out.push(Action::Leave { conn });
                out.push(Action::Lose { conn });
                if self.is_unheard(it) {
                    out.push(Action::Heard { conn });
                }
            }
            Stage::Doomed => out.push(Action::Tell { conn }),
            Stage::Undoing(_) => out.push(Action::Undo { conn }),
            Stage::Ending { .. } => {
                out.push(Action::Close { conn });
                if astray {
                    out.push(Action::CloseTwice { conn });
                }
            }
        }
    }

    fn of_room(&self, scope: &Scope, room: u8, out: &mut Vec<Action>) {
        let it = &self.rooms[usize::from(room)];
        let mut overdue = false;
        let mut deadline = |at: Millis, due, user| {
            overdue |= at.0 <= NOW;
            if at.0 > NOW {
                out.push(Action::Pass { due, user: number(user), room });
            }
        };
        for slot in &it.slots {
            if let Some(reservation) = slot.reservation {
                deadline(reservation.deadline, Due::Reservation, slot.user);
            }
            if let Some(held) = &slot.sitting.held {
                deadline(held.deadline, Due::Held, slot.user);
            }
        }
        for waiter in &it.line {
            if let Some(at) = waiter.away_deadline {
                deadline(at, Due::Waiter, waiter.user);
            }
        }
        if overdue {
            out.push(Action::Sweep { room });
        }
        for (node, incarnation) in self.dead_owners(it) {
            out.push(Action::Fence { node, incarnation });
        }
        if self.left.resizes > 0 {
            let sizes = sizes_next_to(&it.header, scope).into_iter();
            out.extend(sizes.map(|size| Action::Resize { room, size }));
        }
        if self.left.closes > 0 {
            out.push(Action::CloseRoom { room });
        }
    }

    fn of_node(&self, node: u8, out: &mut Vec<Action>) {
        let it = self.nodes[usize::from(node)];
        let hosts = self.conns.iter().any(|conn| conn.node == node);
        if it.asleep {
            out.push(Action::Wake { node });
            if !it.fenced {
                out.push(Action::LeaseOver { node });
            }
        } else if hosts {
            if self.left.crashes > 0 {
                out.push(Action::Crash { node });
            }
            if self.left.naps > 0 {
                out.push(Action::Doze { node });
            }
        }
    }

    fn is_away(&self, node: u8) -> bool {
        self.nodes[usize::from(node)].asleep
    }

    /// Lives of nodes that are over and still own something here. The sweeper asks again and
    /// again: what arrives late may bring a part of such a life back.
    pub(super) fn dead_owners(&self, room: &Snapshot) -> Vec<(u8, u8)> {
        let mut dead = Vec::new();
        let mut look = |it: anteroom_core::ids::Owner| {
            let (node, incarnation) = (it.node as u8, it.incarnation as u8);
            let now = self.nodes[usize::from(node)];
            let is_over = incarnation < now.incarnation || now.fenced;
            if is_over && !dead.contains(&(node, incarnation)) {
                dead.push((node, incarnation));
            }
        };
        for slot in &room.slots {
            each_part(&slot.sitting, &mut |part| look(part.owner));
        }
        room.entering.iter().for_each(|entry| look(entry.owner));
        dead.sort_unstable();
        dead
    }

    /// The part of this connection still knows a former secret.
    fn is_unheard(&self, conn: &Conn) -> bool {
        self.part_of(conn).is_some_and(|part| part.former.is_some())
    }

    /// The part of a connection, at whatever depth.
    pub(super) fn part_of(&self, conn: &Conn) -> Option<anteroom_core::seat::Part> {
        let room = &self.rooms[usize::from(conn.grant.room)];
        let slot = room.slots.iter().find(|slot| number(slot.user) == conn.user)?;
        let (session, owner) = (conn.session(), owner(conn.node, conn.incarnation));
        let mut found = None;
        each_part(&slot.sitting, &mut |part| {
            if part.session == session && part.owner == owner {
                found = Some(part.clone());
            }
        });
        found
    }

    /// Takes a stray out.
    pub(super) fn take_stray(&mut self, at: usize) -> Stray {
        self.strays.remove(at)
    }

    /// The secret that choice `resume` means: 0 is none, 1 the newest.
    pub(super) fn secret_of(&self, user: u8, resume: usize) -> Option<Grant> {
        let secrets = &self.clients[usize::from(user)].secrets;
        resume.checked_sub(1).and_then(|back| secrets.iter().rev().nth(back).copied())
    }
}

/// Visits every part, those inside entries under way included.
pub(super) fn each_part(
    sitting: &anteroom_core::seat::Sitting,
    visit: &mut dyn FnMut(&anteroom_core::seat::Part),
) {
    for part in &sitting.live {
        visit(part);
        if let Some(before) = &part.replaced {
            each_part(before, visit);
        }
    }
}

/// The sizes that a room may be given next: a seat more or less, and where the scope has them a
/// staff seat more or less.
fn sizes_next_to(header: &Header, scope: &Scope) -> Vec<RoomSize> {
    let (capacity, staff_seats) = (header.capacity, header.staff_seats);
    let mut sizes: Vec<RoomSize> =
        [capacity + 1, capacity - 1].map(|capacity| RoomSize { capacity, staff_seats }).into();
    if scope.keeps_staff_seats {
        let staff = [staff_seats + 1, staff_seats.wrapping_sub(1)];
        sizes.extend(staff.map(|staff_seats| RoomSize { capacity, staff_seats }));
    }
    sizes.retain(|size| size.is_possible());
    sizes
}
