//! Who may not come back to a room.

use anteroom_core::ids::{RoomId, UserId};
use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;
use uuid::Uuid;

use super::ask::{change, row, rows};
use super::error::Step;
use super::events;
use crate::storage::events as told;
use crate::storage::{BanRecord, WallMillis};

statements! {
    UNBAN = "DELETE FROM bans WHERE room_id = $1 AND user_id = $2";
    BANS_OF = "SELECT user_id, username, display_name, banned_by, banned_at
               FROM bans JOIN users ON users.id = user_id
               WHERE room_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";
    BAN = "INSERT INTO bans (room_id, user_id, banned_by, banned_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING";
    IS_BANNED = "SELECT 1 FROM bans WHERE room_id = $1 AND user_id = $2";
}

/// Who is banned where, by whom and when.
pub(super) type Ban = (RoomId, UserId, UserId, WallMillis);

/// Bans; whether it is news.
pub(super) async fn ban(on: &impl GenericClient, (room, user, by, at): Ban) -> Step<bool> {
    Ok(change(on, BAN, &[&room.0, &user.0, &by.0, &at]).await? == 1)
}

pub(super) async fn ban_told(on: &Transaction<'_>, given: Ban) -> Step<()> {
    let (room, user, by, at) = given;
    if ban(on, given).await? {
        events::add(on, &[told::banned(room, user, by, at)]).await?;
    }
    Ok(())
}

pub(super) async fn unban(on: &Transaction<'_>, given: Ban, tells: bool) -> Step<bool> {
    let (room, user, by, at) = given;
    let was = change(on, UNBAN, &[&room.0, &user.0]).await? == 1;
    if was && tells {
        events::add(on, &[told::unbanned(room, user, by, at)]).await?;
    }
    Ok(was)
}

fn ban_record(row: &Row) -> Step<BanRecord> {
    Ok(BanRecord {
        user: UserId(row.try_get("user_id")?),
        username: row.try_get("username")?,
        display_name: row.try_get("display_name")?,
        by: UserId(row.try_get("banned_by")?),
        at: row.try_get("banned_at")?,
    })
}

/// Of one room, by user, from behind `after`.
pub(super) async fn of_room(
    on: &impl GenericClient,
    (room, after, limit): (i64, Uuid, i64),
) -> Step<Vec<BanRecord>> {
    rows(on, BANS_OF, &[&room, &after, &limit]).await?.iter().map(ban_record).collect()
}

pub(super) async fn is_banned(on: &impl GenericClient, room: RoomId, user: UserId) -> Step<bool> {
    Ok(row(on, IS_BANNED, &[&room.0, &user.0]).await?.is_some())
}
