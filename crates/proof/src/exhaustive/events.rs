//! What each event does.

use anteroom_core::time::Millis;

use super::actions::{Action, Due};
use super::reached::Reached;
use super::scope::Undo;
use super::state::{Broken, Conn, Grant, Request, Stage, State, Stray, number, user};
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
            Action::Resize { room, size } => {
                self.left.resizes -= 1;
                self.top_capacity = self.top_capacity.max(size.capacity);
                self.call(world, room, |ledger, step| {
                    let _ = ledger.set_capacity(step, size);
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

    pub(super) fn pass(&mut self, due: Due, who: u8, room: u8) {
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
}
