//! For the fuzz targets: what requests carry.

use std::net::IpAddr;

use anteroom_protocol::Timestamp;
use anteroom_protocol::account::{GuestSignIn, PasswordChange, ProfileChange, SignIn, SignUp};
use anteroom_protocol::entry::{Reserve, Wait};
use anteroom_protocol::room::{ChangeRoom, CreateRoom};
use axum::body::to_bytes;
use axum::extract::{FromRequestParts as _, Request};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::Refused;
use super::{
    address, admin, audit, direct, entries, extract, history, people, rooms, sessions, upgrade,
};

/// A body was not taken: the answer's status and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// A problem document.
    pub body: Vec<u8>,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let answer = refused.into_response();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).now_or_never();
        Self { status, body: body.and_then(Result::ok).unwrap_or_default().to_vec() }
    }
}

/// How many kinds of bodies there are.
pub const BODIES: u8 = 11;

/// Reads a body of the kind; answers what was understood, as JSON.
///
/// # Errors
/// What is answered instead.
pub fn body(kind: u8, sent: &[u8]) -> Result<Vec<u8>, Problem> {
    match kind % BODIES {
        0 => understood::<SignUp>(sent),
        1 => understood::<SignIn>(sent),
        2 => understood::<GuestSignIn>(sent),
        3 => understood::<ProfileChange>(sent),
        4 => understood::<PasswordChange>(sent),
        5 => understood::<CreateRoom>(sent),
        6 => understood::<ChangeRoom>(sent),
        7 => understood::<Reserve>(sent),
        8 => understood::<Wait>(sent),
        9 => taken::<direct::Direct>(sent),
        _ => taken::<admin::Roles>(sent),
    }
}

fn understood<T: DeserializeOwned + Serialize>(sent: &[u8]) -> Result<Vec<u8>, Problem> {
    let value = extract::parse::<T>(sent)?;
    Ok(serde_json::to_vec(&value).unwrap_or_default())
}

/// The same for what is never written.
fn taken<T: DeserializeOwned>(sent: &[u8]) -> Result<Vec<u8>, Problem> {
    extract::parse::<T>(sent)?;
    Ok(sent.to_vec())
}

/// How many kinds of queries there are.
pub const QUERIES: u8 = 9;

/// Reads a query of the kind. Whether it can be read.
///
/// # Errors
/// What is answered instead.
pub fn query(kind: u8, text: &str) -> Result<(), Problem> {
    // What is no address never becomes a request.
    let Ok(request) = Request::get(format!("/?{text}")).body(()) else { return Ok(()) };
    let (mut parts, ()) = request.into_parts();
    macro_rules! read {
        ($($n:literal => $kind:ty,)*) => {
            match kind % QUERIES {
                $($n => extract::Params::<$kind>::from_request_parts(&mut parts, &())
                    .now_or_never().map(|read| read.map(drop)),)*
                _ => None,
            }
        };
    }
    let read = read! {
        0 => history::HistoryParams,
        1 => history::SearchParams,
        2 => rooms::ListParams,
        3 => rooms::KeyParam,
        4 => entries::EntryParams,
        5 => sessions::SessionParams,
        6 => audit::AuditParams,
        7 => people::PeopleParams,
        8 => upgrade::Query,
    };
    read.unwrap_or(Ok(())).map_err(Problem::from)
}

/// A room's number as it stands in a path.
#[must_use]
pub fn room_number(text: &str) -> Option<i64> {
    extract::plain_number(text)
}

/// A point in time, as it is written anew.
#[must_use]
pub fn time(text: &str) -> Option<(i64, String)> {
    Timestamp::parse(text).map(|at| (at.0, at.to_string()))
}

/// The token in an `Authorization` or a `Cookie`.
#[must_use]
pub fn token(authorization: &[u8], cookie: &[u8]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in [(AUTHORIZATION, authorization), (COOKIE, cookie)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    extract::token_of(&headers).map(str::to_owned)
}

/// Under whom a request is counted that came from `peer`, which is a proxy of ours as are those in `trusted`.
#[must_use]
pub fn counted(peer: IpAddr, forwarded: &[&[u8]], trusted: &[IpAddr]) -> Option<IpAddr> {
    let mut headers = HeaderMap::new();
    for value in forwarded.iter().filter_map(|it| HeaderValue::from_bytes(it).ok()) {
        headers.append(HeaderName::from_static("x-forwarded-for"), value);
    }
    address::counted(Some(peer), &headers, |it| trusted.contains(&it))
}
