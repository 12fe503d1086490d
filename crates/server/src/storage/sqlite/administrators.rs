//! Whether somebody is left who may administer.

use anteroom_core::ids::UserId;
use rusqlite::{Connection, params};

use crate::storage::administrators::administrators;
use crate::storage::{LastAdmin, Stored, WallMillis};

statements! {
    // Of most people the first half is enough: it is read by the key.
    IS_LAST = concat!("SELECT EXISTS (SELECT 1 ", administrators!("?2"), " AND user_id = ?1)
        AND NOT EXISTS (SELECT 1 ", administrators!("?2"), " AND user_id <> ?1)");
    COUNT = concat!("SELECT count(*) ", administrators!("?1"));
}

/// Whether a change that takes administration away from this user must not be made. One writer makes
/// all changes, so nothing comes between this look and the change.
pub(super) fn must_stay(conn: &Connection, user: UserId, last: LastAdmin) -> Stored<bool> {
    let LastAdmin::Stays(at) = last else { return Ok(false) };
    Ok(conn.prepare_cached(IS_LAST)?.query_row(params![user.0, at], |row| row.get(0))?)
}

/// How many there are.
pub(super) fn counted(conn: &Connection, at: WallMillis) -> Stored<u32> {
    Ok(conn.prepare_cached(COUNT)?.query_row([at], |row| row.get(0))?)
}
