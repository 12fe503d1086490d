//! Whether somebody is left who may administer.

use anteroom_core::ids::UserId;
use deadpool_postgres::{GenericClient, Transaction};

use super::ask::{row, whole};
use super::error::Step;
use crate::storage::administrators::administrators;
use crate::storage::{LastAdmin, WallMillis};

/// "Admin" in ASCII: the lock of whoever takes administration away.
const ADMIN: i64 = 0x0000_0041_646d_696e;

statements! {
    ONE_AFTER_THE_OTHER = "SELECT pg_advisory_xact_lock($1)";
    // Of most people the first half is enough: it is read by the key.
    IS_LAST = concat!("SELECT EXISTS (SELECT ", administrators!("$2"), " AND user_id = $1)
        AND NOT EXISTS (SELECT ", administrators!("$2"), " AND user_id <> $1) AS is_last");
    COUNT = concat!("SELECT count(*) AS n ", administrators!("$1"));
}

/// Comes first in every transaction that takes administration away, before any row is locked: two that
/// each take it from another one have no row in common. Held to the end of the transaction, so whoever
/// had to wait sees what the other one made.
pub(super) async fn one_after_the_other(on: &Transaction<'_>) -> Step<()> {
    row(on, ONE_AFTER_THE_OTHER, &[&ADMIN]).await.map(drop)
}

/// Whether a change that takes administration away from this user must not be made.
pub(super) async fn must_stay(on: &Transaction<'_>, user: UserId, last: LastAdmin) -> Step<bool> {
    let LastAdmin::Stays(at) = last else { return Ok(false) };
    let is_last = row(on, IS_LAST, &[&user.0, &at]).await?;
    Ok(is_last.map(|row| row.try_get("is_last")).transpose()? == Some(true))
}

/// How many there are.
pub(super) async fn counted(on: &impl GenericClient, at: WallMillis) -> Step<u32> {
    let found = row(on, COUNT, &[&at]).await?;
    found.map_or(Ok(0), |row| whole(&row, "n"))
}
