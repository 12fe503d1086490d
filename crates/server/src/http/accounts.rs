//! Sign-up, sign-in, refresh, sign-out, profile.

use std::sync::Arc;

use anteroom_protocol::account::{
    GuestSignIn, PasswordChange, PresenceAnswer, ProfileChange, Role, Session, SignIn, SignUp,
    UserAnswer,
};
use anteroom_protocol::{Code, Timestamp};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::admin::UserPath;
use super::contract::{Routes, delete, get, patch, post};
use super::extract::{Address, Caller, Json, OwnOrigin, cookie_name, token_of};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Endpoint, Group, May};
use crate::entry::EntryError;
use crate::view;

pub(super) fn routes() -> Routes {
    use Code::{AccountExpired, AccountLocked, BadCredentials, RateLimited};
    let refuses_sign_in = &[BadCredentials, AccountLocked, AccountExpired, RateLimited];
    let me = |endpoint: Endpoint| endpoint.answers::<UserAnswer>(200, "The user.");
    Routes::of(Group::Accounts)
        .at(
            post("/users", "signUp", "Make an account")
                .answers::<UserAnswer>(201, "The account was made; log in next.")
                .refuses(&[Code::UsernameTaken, RateLimited]),
            sign_up,
        )
        .at(
            post("/users/password", "changePassword", "Change a password without a login")
                .about("Also the way out of `credentials_expired`. Every login of the user ends.")
                .answers_nothing(204, "It is changed.")
                .refuses(refuses_sign_in),
            change_password,
        )
        .at(
            get("/users/{user}/presence", "presence", "Whether somebody is online, and where")
                .for_whom(May::Oneself)
                .answers::<PresenceAnswer>(200, "How it stands now."),
            presence,
        )
        .at(
            signs_in(post("/sessions", "signIn", "Log in"))
                .about("An unknown user and a wrong password are not told apart.")
                .refuses(refuses_sign_in)
                .refuses(&[Code::CredentialsExpired]),
            sign_in,
        )
        .at(
            signs_in(post("/sessions/guest", "comeAsGuest", "Come in without an account"))
                .refuses(&[Code::GuestsDisabled, RateLimited]),
            guest,
        )
        .at(
            signs_in(post("/sessions/refresh", "refresh", "Renew the token of a login"))
                .about(
                    "The old token stops working; one that was superseded by a refresh at most 10 s \
                     ago is answered with the same new token, so two tabs may refresh at once.",
                )
                .for_whom(May::LoggedIn),
            refresh,
        )
        .at(
            delete("/sessions/current", "signOut", "Log out")
                .about("Live connections of this login close with 4440.")
                .for_whom(May::LoggedIn)
                .answers_nothing(204, "The login has ended.")
                .with("Set-Cookie", "Removes the cookie."),
            sign_out,
        )
        .at(me(get("/me", "me", "Who one is")), self::me)
        .at(
            me(patch("/me", "changeMe", "Change one's profile or password"))
                .refuses(&[BadCredentials, AccountLocked, AccountExpired, RateLimited]),
            change_me,
        )
}

/// An endpoint after which somebody is logged in.
fn signs_in(endpoint: Endpoint) -> Endpoint {
    endpoint.answers::<Session>(200, "A token, and the same in a cookie.").with(
        "Set-Cookie",
        "`anteroom_token`, under TLS `__Host-anteroom_token` and Secure: HttpOnly, SameSite=Lax.",
    )
}

async fn sign_up(
    State(app): State<Arc<App>>,
    Address(address): Address,
    Json(ask): Json<SignUp>,
) -> Result<impl IntoResponse, Refused> {
    let user = app.people.sign_up(ask, address).await?;
    Ok((StatusCode::CREATED, axum::Json(UserAnswer { user: view::user(&user, true) })))
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Address(address): Address,
    OwnOrigin(origin): OwnOrigin,
    Json(ask): Json<SignIn>,
) -> Result<Response, Refused> {
    let session = app.people.sign_in(&ask.username, &ask.password, address).await?;
    Ok(signed_in(&session, &origin))
}

async fn guest(
    State(app): State<Arc<App>>,
    Address(address): Address,
    OwnOrigin(origin): OwnOrigin,
    Json(ask): Json<GuestSignIn>,
) -> Result<Response, Refused> {
    let session = app.people.guest(&ask.display_name, address).await?;
    Ok(signed_in(&session, &origin))
}

async fn refresh(
    State(app): State<Arc<App>>,
    OwnOrigin(origin): OwnOrigin,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let token = token_of(&headers).unwrap_or_default();
    let session = app.people.refresh(token).await?;
    Ok(signed_in(&session, &origin))
}

async fn sign_out(
    State(app): State<Arc<App>>,
    OwnOrigin(origin): OwnOrigin,
    Caller(who): Caller,
) -> Result<Response, Refused> {
    app.people.sign_out(&who).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, clear_cookie(&origin));
    Ok(response)
}

async fn me(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response, Refused> {
    let user = app.people.profile(&who).await?;
    Ok(private(axum::Json(UserAnswer { user: view::user(&user, true) })))
}

async fn change_me(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Address(address): Address,
    Json(ask): Json<ProfileChange>,
) -> Result<Response, Refused> {
    let user = app.people.change_profile(&who, ask, address).await?;
    Ok(private(axum::Json(UserAnswer { user: view::user(&user, true) })))
}

async fn change_password(
    State(app): State<Arc<App>>,
    Address(address): Address,
    Json(ask): Json<PasswordChange>,
) -> Result<StatusCode, Refused> {
    app.people.change_password(ask, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn presence(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
) -> Result<Response, Refused> {
    if user != who.user && !who.has(Role::Moderator) && !who.has(Role::Admin) {
        return Err(Refused::new(Code::Forbidden));
    }
    let sessions = app.entry.sessions_of(user).await.map_err(EntryError::from)?;
    let mut rooms: Vec<i64> = sessions.iter().map(|(room, _)| room.0).collect();
    rooms.sort_unstable();
    rooms.dedup();
    let answer = PresenceAnswer { online: !sessions.is_empty(), sessions: sessions.len(), rooms };
    Ok(private(axum::Json(answer)))
}

/// An answer that no cache may keep.
pub(super) fn private(body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn signed_in(session: &Session, origin: &str) -> Response {
    let mut response = private(axum::Json(session));
    response.headers_mut().insert(SET_COOKIE, token_cookie(session, origin));
    response
}

/// The cookie of a fresh token: it lives as long as the token.
pub(crate) fn token_cookie(session: &Session, origin: &str) -> HeaderValue {
    let Timestamp(expires) = session.expires_at;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let life = (expires / 1000 - now).max(0);
    set_cookie(&session.token, life, origin)
}

/// The cookie that removes the token.
pub(crate) fn clear_cookie(origin: &str) -> HeaderValue {
    set_cookie("", 0, origin)
}

fn set_cookie(value: &str, life_s: i64, origin: &str) -> HeaderValue {
    let secure = if origin.starts_with("https://") { "; Secure" } else { "" };
    let name = cookie_name(origin);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life_s}{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}
