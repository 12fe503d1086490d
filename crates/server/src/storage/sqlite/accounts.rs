//! People. The unique index on the folded name is the judge of who was first.

use anteroom_core::ids::UserId;
use anteroom_protocol::account::Role;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::SqliteStorage;
use super::administrators::{counted, must_stay};
use super::entries::count;
use super::events::Outbox;
use crate::storage::{
    AccountChanged, AccountStore, LastAdmin, NewUser, ProfilePatch, StorageError, Stored,
    UserQuery, UserRecord, WallMillis, events,
};

macro_rules! select_user {
    ($condition:literal) => {
        concat!(
            "SELECT id, username, display_name, password_hash, password_expires_at, expires_at,
                    locked_at, contact_number, created_at,
                    (SELECT group_concat(role) FROM user_roles WHERE user_id = users.id) AS roles
             FROM users WHERE ",
            $condition
        )
    };
}

statements! {
    INSERT_USER = "INSERT INTO users (id, username, username_folded, display_name, password_hash,
                                      password_expires_at, expires_at, contact_number, created_at)
                   VALUES (:id, :username, :folded, :display_name, :password_hash,
                           :password_expires_at, :expires_at, :contact_number, :created_at)
                   ON CONFLICT DO NOTHING";
    ID_OF_NAME = "SELECT id FROM users WHERE username_folded = ?1";
    USER_BY_ID = select_user!("id = ?1 AND gone_at IS NULL");
    USER_BY_NAME = select_user!("username_folded = ?1 AND gone_at IS NULL");
    // The end of the range is the last character there is: no name holds it.
    USERS = concat!(
        select_user!("gone_at IS NULL AND username_folded >= :prefix AND username_folded < :prefix || char(1114111)
                      AND username_folded > :after"),
        " ORDER BY username_folded LIMIT :limit"
    );
    CHANGE_PROFILE = "UPDATE users
                      SET display_name = coalesce(:display_name, display_name),
                          contact_number = iif(:with_contact, :contact_number, contact_number)
                      WHERE id = :id AND gone_at IS NULL";
    SET_PASSWORD = "UPDATE users SET password_hash = ?2, password_expires_at = ?3
                    WHERE id = ?1 AND gone_at IS NULL";
    SET_LOCKED = "UPDATE users SET locked_at = ?2 WHERE id = ?1 AND gone_at IS NULL";
    USER_EXISTS = "SELECT 1 FROM users WHERE id = ?1 AND gone_at IS NULL";
    DELETE_ROLES = "DELETE FROM user_roles WHERE user_id = ?1";
    INSERT_ROLE = "INSERT INTO user_roles (user_id, role) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
}

fn record(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    let words: Option<String> = row.get("roles")?;
    let mut roles: Vec<Role> =
        words.iter().flat_map(|w| w.split(',')).filter_map(Role::parse).collect();
    roles.sort_unstable();
    Ok(UserRecord {
        id: UserId(row.get("id")?),
        username: row.get("username")?,
        display_name: row.get("display_name")?,
        password_hash: row.get("password_hash")?,
        password_expires_at: row.get("password_expires_at")?,
        expires_at: row.get("expires_at")?,
        locked_at: row.get("locked_at")?,
        contact_number: row.get("contact_number")?,
        roles,
        created_at: row.get("created_at")?,
    })
}

fn find(conn: &Connection, id: UserId) -> Stored<Option<UserRecord>> {
    Ok(conn.prepare_cached(USER_BY_ID)?.query_row([id.0], record).optional()?)
}

fn insert_roles(conn: &Connection, id: UserId, roles: &[Role]) -> Stored<()> {
    let mut insert = conn.prepare_cached(INSERT_ROLE)?;
    for role in roles {
        insert.execute(params![id.0, role.as_str()])?;
    }
    Ok(())
}

fn create(conn: &Connection, user: &NewUser, outbox: Outbox) -> Stored<Option<UserRecord>> {
    let added = conn.prepare_cached(INSERT_USER)?.execute(named_params! {
        ":id": user.id.0,
        ":username": user.username,
        ":folded": user.username_folded,
        ":display_name": user.display_name,
        ":password_hash": user.password_hash,
        ":password_expires_at": user.password_expires_at,
        ":expires_at": user.expires_at,
        ":contact_number": user.contact_number,
        ":created_at": user.created_at,
    })?;
    if added == 1 {
        insert_roles(conn, user.id, &user.roles)?;
        outbox.add(conn, || [events::account_created(user)])?;
        return find(conn, user.id);
    }
    let mut named = conn.prepare_cached(ID_OF_NAME)?;
    match named.query_row([&user.username_folded], |row| row.get(0)).optional()? {
        // The same sign-up once more, after an outcome its caller never learnt.
        Some(id) if user.id == UserId(id) => find(conn, user.id),
        Some(_) => Ok(None),
        None => Err(StorageError::Failed(format!("the user id {} is in use", user.id))),
    }
}

#[async_trait]
impl AccountStore for SqliteStorage {
    async fn create_user(&self, user: NewUser) -> Stored<Option<UserRecord>> {
        let outbox = self.outbox;
        self.write(move |conn| create(conn, &user, outbox)).await
    }

    async fn user(&self, id: UserId) -> Stored<Option<UserRecord>> {
        self.read(move |conn| find(conn, id)).await
    }

    async fn user_by_name(&self, folded: &str) -> Stored<Option<UserRecord>> {
        let folded = folded.to_owned();
        self.read(move |conn| {
            Ok(conn.prepare_cached(USER_BY_NAME)?.query_row([folded], record).optional()?)
        })
        .await
    }

    async fn users(&self, query: UserQuery) -> Stored<Vec<UserRecord>> {
        self.read(move |conn| {
            let mut select = conn.prepare_cached(USERS)?;
            let rows = select.query_map(
                named_params! {
                    ":prefix": query.prefix,
                    ":after": query.after.unwrap_or_default(),
                    ":limit": count(query.limit)?,
                },
                record,
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn change_profile(&self, id: UserId, change: ProfilePatch) -> Stored<Option<UserRecord>> {
        self.write(move |conn| {
            let with_contact = change.contact_number.is_some();
            conn.prepare_cached(CHANGE_PROFILE)?.execute(named_params! {
                ":id": id.0,
                ":display_name": change.display_name,
                ":with_contact": with_contact,
                ":contact_number": change.contact_number.flatten(),
            })?;
            find(conn, id)
        })
        .await
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: String,
        expires_at: Option<WallMillis>,
    ) -> Stored<bool> {
        self.write(move |conn| {
            let changed =
                conn.prepare_cached(SET_PASSWORD)?.execute(params![id.0, hash, expires_at])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn set_locked(
        &self,
        id: UserId,
        at: Option<WallMillis>,
        last: LastAdmin,
    ) -> Stored<AccountChanged> {
        let outbox = self.outbox;
        self.write(move |conn| {
            if at.is_some() && must_stay(conn, id, last)? {
                return Ok(AccountChanged::LastAdmin);
            }
            let is_there = conn.prepare_cached(SET_LOCKED)?.execute(params![id.0, at])? == 1;
            outbox.add(conn, || is_there.then(|| events::lock_set(id, at)))?;
            Ok(if is_there { AccountChanged::Done } else { AccountChanged::NoSuchUser })
        })
        .await
    }

    async fn set_roles(
        &self,
        id: UserId,
        roles: Vec<Role>,
        last: LastAdmin,
    ) -> Stored<AccountChanged> {
        self.write(move |conn| {
            if !conn.prepare_cached(USER_EXISTS)?.exists([id.0])? {
                return Ok(AccountChanged::NoSuchUser);
            }
            if !roles.contains(&Role::Admin) && must_stay(conn, id, last)? {
                return Ok(AccountChanged::LastAdmin);
            }
            conn.prepare_cached(DELETE_ROLES)?.execute([id.0])?;
            insert_roles(conn, id, &roles)?;
            Ok(AccountChanged::Done)
        })
        .await
    }

    async fn administrators(&self, at: WallMillis) -> Stored<u32> {
        self.read(move |conn| counted(conn, at)).await
    }
}
