//! One login: every call that needs a token. Clones share the token, so a refresh by one of them
//! serves all; the lock around it is never held over a request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anteroom_protocol::Timestamp;
use anteroom_protocol::account::{self, PresenceAnswer, ProfileChange, User, UserAnswer};
use anteroom_protocol::entry::{Reservation, Reserve};
use anteroom_protocol::message::{FoundMessage, Message};
use anteroom_protocol::page::Page;
use anteroom_protocol::room::{ChangeRoom, CreateRoom, Member, Room, RoomAnswer, RoomCreated};
use reqwest::{Method, RequestBuilder};
use uuid::Uuid;

use crate::confirm::{self, ConfirmOptions};
use crate::error::Result;
use crate::http::{Client, execute, execute_empty};
use crate::session::Session;

/// A server and somebody signed in to it. Cheap to clone; clones share the token.
#[derive(Clone)]
pub struct Account {
    client: Client,
    login: Arc<Mutex<Login>>,
}

struct Login {
    token: Arc<str>,
    expires_at: Option<Timestamp>,
    user: Option<User>,
}

/// Which rooms to list.
#[derive(Clone, Debug, Default)]
pub struct RoomQuery {
    /// Words the name must have.
    pub q: Option<String>,
    /// `name`, `occupied` or `newest`.
    pub sort: Option<String>,
    /// 1 to 200.
    pub limit: Option<u32>,
    /// From the page before.
    pub cursor: Option<String>,
}

/// Which stretch of a room's history to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFrom {
    /// The newest, newest first.
    Newest,
    /// Older than this `seq`, newest first.
    Before(i64),
    /// Newer than this `seq`, oldest first.
    After(i64),
}

impl Account {
    pub(crate) fn from_token(client: Client, token: &str) -> Self {
        let login = Login { token: token.into(), expires_at: None, user: None };
        Self { client, login: Arc::new(Mutex::new(login)) }
    }

    pub(crate) fn signed_in(client: Client, answer: account::Session) -> Self {
        Self { client, login: Arc::new(Mutex::new(Login::from(answer))) }
    }

    /// The server this login is for.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The bearer token in use.
    #[must_use]
    pub fn token(&self) -> Arc<str> {
        self.lock().token.clone()
    }

    /// When the token stops working unless refreshed; unknown for a token from elsewhere.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.lock().expires_at
    }

    /// Who signed in; unknown for a token from elsewhere until [`Account::refresh`].
    #[must_use]
    pub fn user(&self) -> Option<User> {
        self.lock().user.clone()
    }

    /// A request of this login to a path of the versioned API, to be completed by the caller.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, path).bearer_auth(self.token())
    }

    /// `POST /sessions/refresh`: this handle and its clones use the new token from now on.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub async fn refresh(&self) -> Result<()> {
        let answer: account::Session =
            execute(self.request(Method::POST, "/sessions/refresh")).await?;
        *self.lock() = Login::from(answer);
        Ok(())
    }

    /// `DELETE /sessions/current`: the token is revoked, live sessions of this login close with 4440.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub async fn logout(&self) -> Result<()> {
        execute_empty(self.request(Method::DELETE, "/sessions/current")).await
    }

    /// `GET /me`.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub async fn me(&self) -> Result<User> {
        let answer: UserAnswer = execute(self.request(Method::GET, "/me")).await?;
        Ok(answer.user)
    }

    /// `PATCH /me`.
    ///
    /// # Errors
    /// `invalid`, `bad_credentials`, `unauthenticated`.
    pub async fn change_me(&self, change: &ProfileChange) -> Result<User> {
        let answer: UserAnswer = execute(self.request(Method::PATCH, "/me").json(change)).await?;
        Ok(answer.user)
    }

    /// `GET /users/{id}/presence`.
    ///
    /// # Errors
    /// `forbidden` for somebody else's, unless a moderator or administrator asks.
    pub async fn presence(&self, user: Uuid) -> Result<PresenceAnswer> {
        execute(self.request(Method::GET, &format!("/users/{user}/presence"))).await
    }

    /// `GET /rooms`: open public rooms.
    ///
    /// # Errors
    /// `unauthenticated`, `bad_request` for a cursor that is not one.
    pub async fn rooms(&self, query: &RoomQuery) -> Result<Page<Room>> {
        let limit = query.limit.map(|limit| limit.to_string());
        let pairs: Vec<(&str, &str)> = [
            ("q", query.q.as_deref()),
            ("sort", query.sort.as_deref()),
            ("limit", limit.as_deref()),
            ("cursor", query.cursor.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        execute(self.request(Method::GET, "/rooms").query(&pairs)).await
    }

    /// `GET /rooms/{id}`.
    ///
    /// # Errors
    /// `room_not_found`, also for an unlisted room of somebody else.
    pub async fn room(&self, room: i64) -> Result<Room> {
        let answer: RoomAnswer =
            execute(self.request(Method::GET, &format!("/rooms/{room}"))).await?;
        Ok(answer.room)
    }

    /// `GET /rooms/{id}?key=`: an unlisted room.
    ///
    /// # Errors
    /// `room_not_found`, also with a wrong key.
    pub async fn room_with_key(&self, room: i64, key: &str) -> Result<Room> {
        let request = self.request(Method::GET, &format!("/rooms/{room}")).query(&[("key", key)]);
        let answer: RoomAnswer = execute(request).await?;
        Ok(answer.room)
    }

    /// `POST /rooms`: a pending room and its creator's reservation.
    ///
    /// # Errors
    /// `invalid`, `too_many_reservations`, `forbidden` for guests where they may not.
    pub async fn create_room(&self, body: &CreateRoom) -> Result<RoomCreated> {
        execute(self.request(Method::POST, "/rooms").json(body)).await
    }

    /// `PATCH /rooms/{id}`.
    ///
    /// # Errors
    /// `forbidden`, `invalid`, `room_not_found`.
    pub async fn change_room(&self, room: i64, change: &ChangeRoom) -> Result<Room> {
        let request = self.request(Method::PATCH, &format!("/rooms/{room}")).json(change);
        let answer: RoomAnswer = execute(request).await?;
        Ok(answer.room)
    }

    /// `DELETE /rooms/{id}`: sessions in it close with 4410.
    ///
    /// # Errors
    /// `forbidden`, `room_not_found`, `room_closed`.
    pub async fn close_room(&self, room: i64) -> Result<()> {
        execute_empty(self.request(Method::DELETE, &format!("/rooms/{room}"))).await
    }

    /// `GET /rooms/{id}/messages`; the server's default page when `limit` is `None`.
    ///
    /// # Errors
    /// `forbidden` for who neither sits there nor moderates.
    pub async fn history(
        &self,
        room: i64,
        from: HistoryFrom,
        limit: Option<u32>,
    ) -> Result<Page<Message>> {
        let mut query = Vec::with_capacity(2);
        match from {
            HistoryFrom::Newest => {}
            HistoryFrom::Before(seq) => query.push(("before", seq)),
            HistoryFrom::After(seq) => query.push(("after", seq)),
        }
        query.extend(limit.map(|limit| ("limit", i64::from(limit))));
        let path = format!("/rooms/{room}/messages");
        execute(self.request(Method::GET, &path).query(&query)).await
    }

    /// `GET /rooms/{id}/messages/search`: newest first, from the page before on when there is a cursor.
    ///
    /// # Errors
    /// `invalid` for a query without a character or a cursor that is none, and as [`Account::history`].
    pub async fn search(
        &self,
        room: i64,
        query: &str,
        cursor: Option<&str>,
    ) -> Result<Page<FoundMessage>> {
        let mut pairs = vec![("q", query)];
        pairs.extend(cursor.map(|cursor| ("cursor", cursor)));
        let path = format!("/rooms/{room}/messages/search");
        execute(self.request(Method::GET, &path).query(&pairs)).await
    }

    /// `GET /rooms/{id}/members`: the first page of who sits or is held there.
    ///
    /// # Errors
    /// `forbidden` for who neither sits there nor moderates.
    pub async fn members(&self, room: i64) -> Result<Page<Member>> {
        execute(self.request(Method::GET, &format!("/rooms/{room}/members"))).await
    }

    /// `DELETE /rooms/{id}/members/{user}`: that user's sessions in the room close with 4450.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn remove_member(&self, room: i64, user: Uuid) -> Result<()> {
        let path = format!("/rooms/{room}/members/{user}");
        execute_empty(self.request(Method::DELETE, &path)).await
    }

    /// As [`Account::remove_member`], and the user may not come back.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn ban_member(&self, room: i64, user: Uuid) -> Result<()> {
        let path = format!("/rooms/{room}/members/{user}");
        execute_empty(self.request(Method::DELETE, &path).query(&[("ban", "true")])).await
    }

    /// `POST /rooms/{id}/reservations`: step 1. A seat is counted from the answer on.
    ///
    /// # Errors
    /// `room_full` (with `seats` and `waitlist`), `room_not_found`, `room_closed`,
    /// `wrong_room_password`, `banned`, `replaced`, `too_many_reservations`, `unavailable`.
    pub async fn reserve(&self, room: i64, body: &Reserve) -> Result<Reservation> {
        execute(self.request(Method::POST, &format!("/rooms/{room}/reservations")).json(body)).await
    }

    /// `DELETE /rooms/{id}/reservations/current`: the seat is free at once.
    ///
    /// # Errors
    /// `not_found` when no reservation stands.
    pub async fn cancel(&self, room: i64) -> Result<()> {
        let path = format!("/rooms/{room}/reservations/current");
        execute_empty(self.request(Method::DELETE, &path)).await
    }

    /// Step 2; see [`Client::confirm`]. The ticket alone says who comes: no token is sent.
    ///
    /// # Errors
    /// As [`Client::confirm`].
    pub async fn confirm(
        &self,
        reservation: &Reservation,
        options: ConfirmOptions,
    ) -> Result<Session> {
        confirm::open(&self.client, &reservation.websocket_url, options).await
    }

    /// Both steps of entry, as a deliberate arrival (no `resume`).
    ///
    /// # Errors
    /// Those of either step.
    pub async fn enter(&self, room: i64) -> Result<Session> {
        let reservation = self.reserve(room, &Reserve::default()).await?;
        self.confirm(&reservation, ConfirmOptions::default()).await
    }

    fn lock(&self) -> MutexGuard<'_, Login> {
        // The guarded value is replaced whole, so a panic elsewhere cannot leave it half changed.
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<account::Session> for Login {
    fn from(answer: account::Session) -> Self {
        Self {
            token: answer.token.into(),
            expires_at: Some(answer.expires_at),
            user: Some(answer.user),
        }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let user = self.lock().user.as_ref().map(|user| user.id);
        f.debug_struct("Account").field("user", &user).finish_non_exhaustive()
    }
}
