//! What each event does.

use anteroom_core::time::Millis;

use super::actions::{Action, Due};
use super::reached::Reached;
use super::scope::Undo;
use super::state::{Broken, Conn, Grant, Request, Stage, State, Stray, login, number, owner, user};
use super::world::World;

/// Most secrets a client keeps.
const SECRETS_MAX: usize = 2;

impl State {
    /// The state after an event that [`State::events`] named.
    pub(super) fn after(mut self, world: &World, action: Action) -> Self {
        match action {
            Action::Ask { .. }
            | Action::AskUnanswered { .. }
            | Action::AskTwice { .. }
            | Action::RequestRuns { .. }
            | Action::RequestAnswers { .. }
            | Action::Cancel { .. }
            | Action::Wait { .. }
            | Action::StopWaiting { .. }
            | Action::Connect { .. } => self.client_acts(world, action),
            Action::Confirm { .. }
            | Action::ConfirmUnanswered { .. }
            | Action::ConfirmLate { .. }
            | Action::ConfirmTwice { .. }
            | Action::Check { .. }
            | Action::Fail { .. }
            | Action::Settle { .. }
            | Action::SettleUnanswered { .. }
            | Action::SettleLate { .. }
            | Action::LeaveElsewhere { .. } => self.entry_goes_on(world, action),
            Action::Heard { .. }
            | Action::Undo { .. }
            | Action::Leave { .. }
            | Action::Lose { .. }
            | Action::Tell { .. }
            | Action::Close { .. }
            | Action::CloseTwice { .. }
            | Action::Arrive { .. } => self.conn_ends(world, action),
            Action::Pass { .. }
            | Action::Sweep { .. }
            | Action::Resize { .. }
            | Action::CloseRoom { .. } => self.room_changes(world, action),
            Action::Crash { node } => self.crash(node),
            Action::Doze { node } => {
                self.left.naps -= 1;
                self.nodes[usize::from(node)].asleep = true;
            }
            Action::LeaseOver { node } => self.lease_over(world, node),
            Action::Wake { node } => self.wake(node),
            Action::Fence { node, incarnation } => self.fence(world, node, incarnation),
            Action::Revoke { .. }
            | Action::Supersede { .. }
            | Action::SweepLogins { .. }
            | Action::Remove { .. } => self.rights_go(world, action),
        }
        self
    }

    fn client_acts(&mut self, world: &World, action: Action) {
        match action {
            Action::Ask { user, room, resume } => {
                let resume = self.secret_of(user, resume);
                let client = self.client(user);
                client.asks -= 1;
                let login = client.login;
                if world.scope.splits_requests {
                    client.request = Some(Request { room, login, resume, granted: None });
                } else if let Ok(reserved) = self.reserve(world, room, user, login, resume) {
                    self.take_answer(world, room, &reserved);
                }
            }
            Action::AskUnanswered { user, room } => {
                self.left.network -= 1;
                self.client(user).asks -= 1;
                let login = self.client(user).login;
                let _ = self.reserve(world, room, user, login, None);
            }
            Action::AskTwice { user, room } => {
                self.left.network -= 1;
                self.client(user).asks -= 1;
                let login = self.client(user).login;
                self.strays.push(Stray::Ask { user, login, room });
                if let Ok(reserved) = self.reserve(world, room, user, login, None) {
                    self.take_answer(world, room, &reserved);
                }
            }
            Action::RequestRuns { user } => self.request_runs(world, user),
            Action::RequestAnswers { user } => self.request_answers(world, user),
            Action::Cancel { user: who, room } => {
                self.call(world, room, |ledger, step| ledger.cancel(step, user(who)));
            }
            Action::Wait { user, room } => {
                self.client(user).waits -= 1;
                self.wait(world, room, user);
            }
            Action::StopWaiting { user: who, room } => {
                self.call(world, room, |ledger, step| ledger.stop_waiting(step, user(who)));
            }
            Action::Connect { user, ticket, node, resume } => {
                let presented = self.secret_of(user, resume);
                let incarnation = self.nodes[usize::from(node)].incarnation;
                let ticket = &mut self.client(user).tickets[ticket];
                ticket.uses -= 1;
                let (grant, copy, login) = (ticket.grant, ticket.uses, ticket.login);
                let stage = Stage::Admitted;
                let conn = Conn { user, grant, copy, login, node, incarnation, presented, stage };
                self.conns.push(conn);
            }
            _ => unreachable!("nothing a client does"),
        }
    }

    fn request_runs(&mut self, world: &World, who: u8) {
        let Some(request) = self.client(who).request else { return };
        let Request { room, login, resume, .. } = request;
        let answer = self.reserve(world, room, who, login, resume);
        self.client(who).request = answer.ok().map(|reserved| {
            let grant = Grant { room, n: reserved.reservation.generation.n as u8 };
            Request { granted: Some((grant, reserved.fresh)), ..request }
        });
    }

    /// The login is checked again: what was granted to one that ended meanwhile is taken back.
    fn request_answers(&mut self, world: &World, who: u8) {
        let client = self.client(who);
        let Some(Request { login, granted: Some((grant, fresh)), .. }) = client.request.take()
        else {
            return;
        };
        if login >= client.revoked {
            self.keep_ticket(world, who, grant, login);
        } else if fresh {
            self.withdraw(world, who, grant, login);
        }
    }

    fn entry_goes_on(&mut self, world: &World, action: Action) {
        match action {
            Action::Confirm { conn } => self.confirm_answered(world, conn),
            Action::ConfirmUnanswered { conn } => {
                self.left.network -= 1;
                let it = self.conns[conn];
                let _ = self.confirm(world, &it);
                self.undo_from_start(world, conn);
            }
            Action::ConfirmLate { conn } => {
                self.left.network -= 1;
                self.strays.push(Stray::Confirm(self.conns[conn]));
                self.undo_from_start(world, conn);
            }
            Action::ConfirmTwice { conn } => {
                self.left.network -= 1;
                self.strays.push(Stray::Confirm(self.conns[conn]));
                self.confirm_answered(world, conn);
            }
            Action::Check { conn } => {
                let it = self.conns[conn];
                if it.login >= self.client(it.user).revoked {
                    self.conns[conn].stage = Stage::Checked;
                } else {
                    self.abort_and_forget(world, conn);
                }
            }
            Action::Fail { conn } => self.abort_and_forget(world, conn),
            Action::Settle { conn } => self.settle_answered(world, conn),
            Action::SettleUnanswered { conn } => {
                self.left.network -= 1;
                let it = self.conns[conn];
                let _ = self.settle(world, &it);
                self.conns[conn].stage = Stage::Undoing(1);
            }
            Action::SettleLate { conn } => {
                self.left.network -= 1;
                self.strays.push(Stray::Settle(self.conns[conn]));
                self.conns[conn].stage = Stage::Undoing(1);
            }
            Action::LeaveElsewhere { conn } => {
                let it = self.conns[conn];
                self.leave_elsewhere(world, &it);
                self.welcome(conn);
            }
            _ => unreachable!("no part of an entry"),
        }
    }

    fn confirm_answered(&mut self, world: &World, conn: usize) {
        let it = self.conns[conn];
        if self.confirm(world, &it).is_ok() {
            self.conns[conn].stage = Stage::Confirmed;
        } else {
            self.conns.remove(conn);
        }
    }

    fn settle_answered(&mut self, world: &World, conn: usize) {
        let it = self.conns[conn];
        if self.settle(world, &it).is_err() {
            self.conns.remove(conn);
            return;
        }
        if it.login < self.client(it.user).swept {
            self.broken = Some(Broken::Revoked);
        }
        if world.scope.is_one_in_all() {
            self.conns[conn].stage = Stage::Leaving;
        } else {
            self.welcome(conn);
        }
    }

    fn welcome(&mut self, conn: usize) {
        let it = self.conns[conn];
        // Its part may have gone between the two halves of settling.
        let is_there = self.part_of(&it).is_some();
        self.conns[conn].stage = if is_there { Stage::Live } else { Stage::Doomed };
        let secrets = &mut self.client(it.user).secrets;
        secrets.push(it.grant);
        if secrets.len() > SECRETS_MAX {
            secrets.remove(0);
        }
    }

    fn abort_and_forget(&mut self, world: &World, conn: usize) {
        let it = self.conns.remove(conn);
        self.abort(world, &it);
    }

    fn undo_from_start(&mut self, world: &World, conn: usize) {
        let first = match world.scope.undo {
            Undo::WithdrawThenAbort => 0,
            Undo::AbortOnly => 1,
        };
        self.conns[conn].stage = Stage::Undoing(first);
    }

    fn conn_ends(&mut self, world: &World, action: Action) {
        match action {
            Action::Heard { conn } => {
                let it = self.conns[conn];
                let session = it.session();
                self.call(world, it.grant.room, |ledger, _| ledger.heard(user(it.user), session));
            }
            Action::Undo { conn } => self.undo(world, conn),
            Action::Leave { conn } | Action::Tell { conn } => {
                self.conns[conn].stage = Stage::Ending { clean: true };
            }
            Action::Lose { conn } => self.conns[conn].stage = Stage::Ending { clean: false },
            Action::Close { conn } => {
                let it = self.conns.remove(conn);
                self.close(world, &it, it.stage == Stage::Ending { clean: true });
            }
            Action::CloseTwice { conn } => {
                self.left.network -= 1;
                let it = self.conns.remove(conn);
                let clean = it.stage == Stage::Ending { clean: true };
                self.strays.push(Stray::Close(it, clean));
                self.close(world, &it, clean);
            }
            Action::Arrive { stray } => self.arrive(world, stray),
            _ => unreachable!("no end of a connection"),
        }
    }

    /// One call of those that undo an entry whose outcome is not known. Each is repeated until it
    /// is answered, so that each arrives.
    fn undo(&mut self, world: &World, conn: usize) {
        let it = self.conns[conn];
        let Stage::Undoing(step) = it.stage else { return };
        let is_over = match step {
            0 => {
                self.withdraw(world, it.user, it.grant, it.login);
                false
            }
            1 => self.abort(world, &it),
            _ => {
                self.close(world, &it, true);
                true
            }
        };
        if is_over {
            self.conns.remove(conn);
        } else {
            self.conns[conn].stage = Stage::Undoing(step + 1);
        }
    }

    fn arrive(&mut self, world: &World, stray: usize) {
        world.reached.note(Reached::STRAYED);
        match self.take_stray(stray) {
            Stray::Ask { user, login, room } => {
                let _ = self.reserve(world, room, user, login, None);
            }
            Stray::Confirm(conn) => {
                let _ = self.confirm(world, &conn);
            }
            Stray::Settle(conn) => {
                let _ = self.settle(world, &conn);
            }
            Stray::Close(conn, clean) => self.close(world, &conn, clean),
        }
    }

    fn room_changes(&mut self, world: &World, action: Action) {
        match action {
            Action::Pass { due, user, room } => self.pass(due, user, room),
            Action::Sweep { room } => self.call(world, room, |ledger, step| ledger.expire(step)),
            Action::Resize { room, capacity } => {
                self.left.resizes -= 1;
                self.top_capacity = self.top_capacity.max(capacity);
                self.call(world, room, |ledger, step| {
                    let _ = ledger.set_capacity(step, capacity);
                });
            }
            Action::CloseRoom { room } => {
                self.left.closes -= 1;
                let ended = self.call(world, room, |ledger, step| ledger.close_room(step));
                self.doom(&ended);
            }
            _ => unreachable!("nothing of a room"),
        }
    }

    fn pass(&mut self, due: Due, who: u8, room: u8) {
        let room = &mut self.rooms[usize::from(room)];
        let slot = room.slots.iter_mut().find(|slot| number(slot.user) == who);
        match due {
            Due::Reservation => {
                let it = slot.and_then(|slot| slot.reservation.as_mut());
                it.into_iter().for_each(|it| it.deadline = Millis(0));
            }
            Due::Held => {
                let it = slot.and_then(|slot| slot.sitting.held.as_mut());
                it.into_iter().for_each(|it| it.deadline = Millis(0));
            }
            Due::Waiter => {
                let waiter = room.line.iter_mut().find(|waiter| number(waiter.user) == who);
                waiter.into_iter().for_each(|it| it.away_deadline = Some(Millis(0)));
            }
        }
    }

    fn crash(&mut self, node: u8) {
        self.left.crashes -= 1;
        self.nodes[usize::from(node)].incarnation += 1;
        self.conns.retain(|conn| conn.node != node);
    }

    fn lease_over(&mut self, world: &World, node: u8) {
        let incarnation = self.nodes[usize::from(node)].incarnation;
        self.nodes[usize::from(node)].fenced = true;
        self.fence(world, node, incarnation);
    }

    /// Nobody is told of what is fenced: whoever could tell is dead, or asleep.
    fn fence(&mut self, world: &World, node: u8, incarnation: u8) {
        world.reached.note(Reached::FENCED);
        for room in 0..world.scope.rooms {
            self.call(world, room, |ledger, step| ledger.fence(step, owner(node, incarnation)));
        }
    }

    /// A node that finds its lease gone closes its own sessions before it does anything else; their
    /// closes go out late.
    fn wake(&mut self, node: u8) {
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

    fn rights_go(&mut self, world: &World, action: Action) {
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
        state.broken.is_none() && state.rooms.iter().all(is_empty)
    }
}
