//! Nodes that die, sleep and wake; rights that are taken away; and the end of everything.

use super::actions::{Action, Due};
use super::reached::Reached;
use super::state::{Stage, State, login, owner, user};
use super::world::World;

impl State {
    pub(super) fn crash(&mut self, node: u8) {
        self.left.crashes -= 1;
        self.nodes[usize::from(node)].incarnation += 1;
        self.conns.retain(|conn| conn.node != node);
    }

    pub(super) fn lease_over(&mut self, world: &World, node: u8) {
        let incarnation = self.nodes[usize::from(node)].incarnation;
        self.nodes[usize::from(node)].fenced = true;
        self.fence(world, node, incarnation);
    }

    /// Nobody is told of what is fenced: whoever could tell is dead, or asleep.
    pub(super) fn fence(&mut self, world: &World, node: u8, incarnation: u8) {
        world.reached.note(Reached::FENCED);
        for room in 0..world.scope.rooms {
            self.call(world, room, |ledger, step| ledger.fence(step, owner(node, incarnation)));
        }
    }

    /// A node that finds its lease gone closes its own sessions before it does anything else; their
    /// closes go out late.
    pub(super) fn wake(&mut self, node: u8) {
        let it = &mut self.nodes[usize::from(node)];
        it.asleep = false;
        if !it.fenced {
            return;
        }
        (it.fenced, it.incarnation) = (false, it.incarnation + 1);
        self.conns.retain_mut(|conn| {
            let had_welcome =
                matches!(conn.stage, Stage::Live | Stage::Doomed | Stage::Ending { .. });
            if conn.node == node && had_welcome {
                conn.stage = Stage::Ending { clean: false };
            }
            conn.node != node || had_welcome
        });
    }

    pub(super) fn rights_go(&mut self, world: &World, action: Action) {
        match action {
            // Durable first; the rooms learn in a step of its own.
            Action::Revoke { user } => {
                self.left.revokes -= 1;
                self.new_login(user);
            }
            Action::SweepLogins { user: who } => {
                world.reached.note(Reached::REVOKED);
                let (from, to) = (self.client(who).swept, self.client(who).revoked);
                for (room, old) in
                    (0..world.scope.rooms).flat_map(|room| (from..to).map(move |old| (room, old)))
                {
                    let ended = self.call(world, room, |ledger, step| {
                        ledger.revoke_login(step, user(who), login(old))
                    });
                    self.doom(&ended);
                }
                self.client(who).swept = to;
            }
            Action::Supersede { user: who } => {
                self.left.revokes -= 1;
                let old = self.client(who).login;
                self.new_login(who);
                for room in 0..world.scope.rooms {
                    let ended = self.call(world, room, |ledger, step| {
                        ledger.supersede(step, user(who), login(old), login(old + 1))
                    });
                    self.doom(&ended);
                }
            }
            Action::Remove { user: who, room } => {
                self.left.revokes -= 1;
                let ended = self.call(world, room, |ledger, step| ledger.remove(step, user(who)));
                self.doom(&ended);
            }
            _ => unreachable!("takes no rights away"),
        }
    }

    /// The old login is dead, and the user signs in again.
    fn new_login(&mut self, who: u8) {
        let client = self.client(who);
        client.login += 1;
        client.revoked = client.login;
    }

    /// Ends all that is under way as it would end by itself, with no fence of a living node, and
    /// lets all time pass. Whether the rooms are empty then.
    pub(super) fn drains(&self, world: &World) -> bool {
        let mut state = self.clone();
        state.strays.clear();
        for conn in std::mem::take(&mut state.conns) {
            if matches!(conn.stage, Stage::Undoing(_)) {
                state.withdraw(world, conn.user, conn.grant, conn.login);
            }
            if conn.stage != Stage::Admitted {
                state.abort(world, &conn);
                state.close(world, &conn, false);
            }
        }
        let dead: Vec<_> = state.rooms.iter().flat_map(|room| state.dead_owners(room)).collect();
        for (node, incarnation) in dead {
            state.fence(world, node, incarnation);
        }
        // Each round ends what the offers of the round before began.
        for room in 0..world.scope.rooms {
            for _ in 0..=2 * world.scope.users {
                for who in 0..world.scope.users {
                    state.pass(Due::Reservation, who, room);
                    state.pass(Due::Held, who, room);
                    state.pass(Due::Waiter, who, room);
                }
                state.call(world, room, |ledger, step| ledger.expire(step));
            }
        }
        let is_empty = |room: &anteroom_core::seat::Snapshot| {
            room.slots.is_empty() && room.line.is_empty() && room.entering.is_empty()
        };
        state.rooms.iter().all(is_empty)
    }
}
