//! People. The unique index on the folded name is the judge of who was first.

use anteroom_core::ids::UserId;
use anteroom_protocol::account::Role;
use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;
use uuid::Uuid;

use super::administrators::{counted, must_stay, one_after_the_other};
use super::ask::{change, row, rows};
use super::entries::count;
use super::error::Step;
use super::{PostgresStorage, events};
use crate::storage::events as told;
use crate::storage::{
    AccountChanged, AccountStore, LastAdmin, NewUser, ProfilePatch, StorageError, Stored,
    UserQuery, UserRecord, WallMillis,
};

macro_rules! columns {
    () => {
        "id, username, display_name, password_hash, password_expires_at, expires_at, locked_at,
         contact_number, created_at,
         ARRAY(SELECT role FROM user_roles WHERE user_id = users.id) AS roles"
    };
}

statements! {
    INSERT_USER = "INSERT INTO users (id, username, username_folded, display_name, password_hash,
                                      password_expires_at, expires_at, contact_number, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   ON CONFLICT DO NOTHING";
    ID_OF_NAME = "SELECT id FROM users WHERE username_folded = $1";
    USER_BY_ID = concat!("SELECT ", columns!(), " FROM users WHERE id = $1 AND gone_at IS NULL");
    USER_BY_NAME = concat!("SELECT ", columns!(), " FROM users WHERE username_folded = $1 AND gone_at IS NULL");
    // By bytes, as SQLite compares. The end of the range is the last character there is: no name holds it.
    USERS = concat!(
        "SELECT ", columns!(), " FROM users
         WHERE gone_at IS NULL AND username_folded COLLATE \"C\" >= $1
             AND username_folded COLLATE \"C\" < $1 || chr(1114111)
             AND username_folded COLLATE \"C\" > $2
         ORDER BY username_folded COLLATE \"C\" LIMIT $3");
    CHANGE_PROFILE = concat!(
        "UPDATE users
         SET display_name = coalesce($2, display_name),
             contact_number = CASE WHEN $3 THEN $4 ELSE contact_number END
         WHERE id = $1 AND gone_at IS NULL RETURNING ", columns!());
    SET_PASSWORD = "UPDATE users SET password_hash = $2, password_expires_at = $3
                    WHERE id = $1 AND gone_at IS NULL";
    SET_LOCKED = "UPDATE users SET locked_at = $2 WHERE id = $1 AND gone_at IS NULL";
    LOCK_USER = "SELECT id FROM users WHERE id = $1 AND gone_at IS NULL FOR NO KEY UPDATE";
    DELETE_ROLES = "DELETE FROM user_roles WHERE user_id = $1";
    INSERT_ROLES = "INSERT INTO user_roles (user_id, role)
                    SELECT $1, role FROM unnest($2::text[]) AS given (role)
                    ON CONFLICT DO NOTHING";
}

fn record(row: &Row) -> Step<UserRecord> {
    let words: Vec<&str> = row.try_get("roles")?;
    let mut roles: Vec<Role> = words.into_iter().filter_map(Role::parse).collect();
    roles.sort_unstable();
    Ok(UserRecord {
        id: UserId(row.try_get("id")?),
        username: row.try_get("username")?,
        display_name: row.try_get("display_name")?,
        password_hash: row.try_get("password_hash")?,
        password_expires_at: row.try_get("password_expires_at")?,
        expires_at: row.try_get("expires_at")?,
        locked_at: row.try_get("locked_at")?,
        contact_number: row.try_get("contact_number")?,
        roles,
        created_at: row.try_get("created_at")?,
    })
}

async fn find(on: &impl GenericClient, id: UserId) -> Step<Option<UserRecord>> {
    row(on, USER_BY_ID, &[&id.0]).await?.as_ref().map(record).transpose()
}

/// Locks a user's row against whoever else changes what hangs on it. False when there is no such user.
pub(super) async fn lock(on: &Transaction<'_>, id: UserId) -> Step<bool> {
    Ok(row(on, LOCK_USER, &[&id.0]).await?.is_some())
}

async fn insert_roles(on: &Transaction<'_>, id: UserId, roles: &[Role]) -> Step<()> {
    let words: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    change(on, INSERT_ROLES, &[&id.0, &words]).await?;
    Ok(())
}

async fn create(on: &Transaction<'_>, user: &NewUser, tells: bool) -> Step<Option<UserRecord>> {
    let added = change(
        on,
        INSERT_USER,
        &[
            &user.id.0,
            &user.username,
            &user.username_folded,
            &user.display_name,
            &user.password_hash,
            &user.password_expires_at,
            &user.expires_at,
            &user.contact_number,
            &user.created_at,
        ],
    )
    .await?;
    if added == 1 {
        insert_roles(on, user.id, &user.roles).await?;
        if tells {
            events::add(on, &[told::account_created(user)]).await?;
        }
        return find(on, user.id).await;
    }
    let named = row(on, ID_OF_NAME, &[&user.username_folded]).await?;
    match named.map(|row| row.try_get::<_, Uuid>(0)).transpose()? {
        // The same sign-up once more, after an outcome its caller never learnt.
        Some(id) if user.id == UserId(id) => find(on, user.id).await,
        Some(_) => Ok(None),
        None => Err(StorageError::Failed(format!("the user id {} is in use", user.id)).into()),
    }
}

async fn set_locked(
    on: &Transaction<'_>,
    (id, at): (UserId, Option<WallMillis>),
    last: LastAdmin,
    tells: bool,
) -> Step<AccountChanged> {
    if at.is_some() {
        one_after_the_other(on).await?;
        if must_stay(on, id, last).await? {
            return Ok(AccountChanged::LastAdmin);
        }
    }
    if change(on, SET_LOCKED, &[&id.0, &at]).await? == 0 {
        return Ok(AccountChanged::NoSuchUser);
    }
    if tells {
        events::add(on, &[told::lock_set(id, at)]).await?;
    }
    Ok(AccountChanged::Done)
}

async fn set_roles(
    on: &Transaction<'_>,
    id: UserId,
    roles: &[Role],
    last: LastAdmin,
) -> Step<AccountChanged> {
    let takes_away = !roles.contains(&Role::Admin);
    if takes_away {
        one_after_the_other(on).await?;
    }
    if !lock(on, id).await? {
        return Ok(AccountChanged::NoSuchUser);
    }
    if takes_away && must_stay(on, id, last).await? {
        return Ok(AccountChanged::LastAdmin);
    }
    change(on, DELETE_ROLES, &[&id.0]).await?;
    insert_roles(on, id, roles).await?;
    Ok(AccountChanged::Done)
}

#[async_trait]
impl AccountStore for PostgresStorage {
    async fn create_user(&self, user: NewUser) -> Stored<Option<UserRecord>> {
        self.lines
            .write(&(user, self.tells), |on, (user, tells)| Box::pin(create(on, user, *tells)))
            .await
    }

    async fn user(&self, id: UserId) -> Stored<Option<UserRecord>> {
        self.lines.run(&id, |line, id| Box::pin(find(line, *id))).await
    }

    async fn user_by_name(&self, folded: &str) -> Stored<Option<UserRecord>> {
        // A text that the server could not hold is nobody's name.
        if folded.contains('\0') {
            return Ok(None);
        }
        self.lines
            .run(&folded.to_owned(), |line, folded| {
                Box::pin(async move {
                    row(line, USER_BY_NAME, &[folded]).await?.as_ref().map(record).transpose()
                })
            })
            .await
    }

    async fn users(&self, query: UserQuery) -> Stored<Vec<UserRecord>> {
        if query.prefix.contains('\0') {
            return Ok(Vec::new());
        }
        let UserQuery { prefix, after, limit } = query;
        self.lines
            .run(&(prefix, after.unwrap_or_default(), count(limit)?), |line, given| {
                Box::pin(async move {
                    let (prefix, after, limit) = given;
                    rows(line, USERS, &[prefix, after, limit]).await?.iter().map(record).collect()
                })
            })
            .await
    }

    async fn change_profile(&self, id: UserId, patch: ProfilePatch) -> Stored<Option<UserRecord>> {
        self.lines
            .run(&(id, patch), |line, (id, patch)| {
                Box::pin(async move {
                    let with_contact = patch.contact_number.is_some();
                    let contact = patch.contact_number.as_ref().and_then(Option::as_deref);
                    let given: &super::ask::Given<'_> =
                        &[&id.0, &patch.display_name, &with_contact, &contact];
                    row(line, CHANGE_PROFILE, given).await?.as_ref().map(record).transpose()
                })
            })
            .await
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: String,
        expires_at: Option<WallMillis>,
    ) -> Stored<bool> {
        self.lines
            .run(&(id, hash, expires_at), |line, (id, hash, expires_at)| {
                Box::pin(async move {
                    Ok(change(line, SET_PASSWORD, &[&id.0, hash, expires_at]).await? == 1)
                })
            })
            .await
    }

    async fn set_locked(
        &self,
        id: UserId,
        at: Option<WallMillis>,
        last: LastAdmin,
    ) -> Stored<AccountChanged> {
        self.lines
            .write(&((id, at), last, self.tells), |on, (given, last, tells)| {
                Box::pin(set_locked(on, *given, *last, *tells))
            })
            .await
    }

    async fn set_roles(
        &self,
        id: UserId,
        roles: Vec<Role>,
        last: LastAdmin,
    ) -> Stored<AccountChanged> {
        self.lines
            .write(&(id, roles, last), |on, (id, roles, last)| {
                Box::pin(set_roles(on, *id, roles, *last))
            })
            .await
    }

    async fn administrators(&self, at: WallMillis) -> Stored<u32> {
        self.lines.run(&at, |line, at| Box::pin(counted(line, *at))).await
    }
}
