//! What a verb holds: users first, then rooms, each by number, so that verbs never wait in a circle.
//!
//! What is asked for in that order is waited for. What comes out of order is taken if it is free; if it is
//! not, the verb begins anew with all that it has asked for so far taken at the start, in order.

use std::collections::BTreeSet;

use anteroom_core::ids::{RoomId, UserId};
use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use crate::storage::postgres::ask::{row, rows};
use crate::storage::postgres::error::{Fault, Step};
use crate::storage::statements::statements;

/// "Seat" in ASCII: locks of users, apart from all others.
const USERS: i32 = 0x5365_6174;

statements! {
    HOLD_USER = "SELECT pg_advisory_xact_lock($1, $2)";
    TRY_USER = "SELECT pg_try_advisory_xact_lock($1, $2)";
    HOLD_ROOMS = "SELECT id FROM seat_rooms WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
    HOLD_ROOM = "SELECT * FROM seat_rooms WHERE id = $1 FOR UPDATE";
    TRY_ROOM = "SELECT * FROM seat_rooms WHERE id = $1 FOR UPDATE NOWAIT";
    ROOM = "SELECT * FROM seat_rooms WHERE id = $1";
}

/// What is held, or has to be.
#[derive(Clone, Debug, Default)]
pub(in crate::admission::conditional) struct Locks {
    /// Two users may share a number, and wait for each other then.
    users: BTreeSet<i32>,
    rooms: BTreeSet<i64>,
}

impl Locks {
    /// Takes what is known to be needed, in order.
    pub(super) async fn take(on: &Transaction<'_>, needed: &Self) -> Step<Self> {
        for user in &needed.users {
            row(on, HOLD_USER, &[&USERS, user]).await?;
        }
        if !needed.rooms.is_empty() {
            let rooms_needed: Vec<i64> = needed.rooms.iter().copied().collect();
            rows(on, HOLD_ROOMS, &[&rooms_needed]).await?;
        }
        Ok(needed.clone())
    }

    /// Holds users. False when one of them was not to be had; it is noted as needed.
    pub(super) async fn users(&mut self, on: &Transaction<'_>, users: &[UserId]) -> Step<bool> {
        let numbers: BTreeSet<i32> = users.iter().map(|user| number(*user)).collect();
        let mut are_held = true;
        for user in numbers {
            if self.users.contains(&user) {
                continue;
            }
            let in_order =
                self.rooms.is_empty() && self.users.last().is_none_or(|last| *last < user);
            if in_order {
                row(on, HOLD_USER, &[&USERS, &user]).await?;
            } else {
                let tried = row(on, TRY_USER, &[&USERS, &user]).await?;
                are_held &= tried.map(|row| row.try_get(0)).transpose()? == Some(true);
            }
            self.users.insert(user);
        }
        Ok(are_held)
    }

    /// Holds a room and answers its row, if there is one. `None` when it was not to be had; it is noted as
    /// needed.
    pub(super) async fn room(
        &mut self,
        on: &Transaction<'_>,
        room: RoomId,
    ) -> Step<Option<Option<Row>>> {
        if self.rooms.contains(&room.0) {
            return Ok(Some(row(on, ROOM, &[&room.0]).await?));
        }
        let in_order = self.rooms.last().is_none_or(|last| *last < room.0);
        let found = row(on, if in_order { HOLD_ROOM } else { TRY_ROOM }, &[&room.0]).await;
        self.rooms.insert(room.0);
        match found {
            Err(Fault::Postgres(error)) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                Ok(None)
            }
            found => Ok(Some(found?)),
        }
    }
}

fn number(user: UserId) -> i32 {
    let [a, b, c, d]: [u32; 4] = {
        let (high, low) = user.0.as_u64_pair();
        [(high >> 32) as u32, high as u32, (low >> 32) as u32, low as u32]
    };
    i32::from_ne_bytes((a ^ b ^ c ^ d).to_ne_bytes())
}
