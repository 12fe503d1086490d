//! How much may be asked, per address, per account, and per account in one room; and what answers say of it.
//!
//! The fields are those of the IETF's draft "RateLimit header fields for HTTP": `RateLimit-Policy` names the quota and
//! its window in seconds, `RateLimit` what is left of it and when it begins anew.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::time::Millis;
use anteroom_protocol::account::Role;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;

use super::address::Address;
use super::problem::Refused;
use crate::app::App;
use crate::config::Limits;
use crate::pace::Pace;
use crate::tokens::Identity;
use crate::windows::{Left, Windows};

/// Over which span requests are counted.
const REQUESTS_SPAN: Duration = Duration::from_secs(10);
/// Over which span attempts to enter one room are counted.
const ATTEMPTS_SPAN: Duration = Duration::from_secs(60);

pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is counted of those who ask; without a bound until one is set.
pub(crate) struct Rates {
    address: Windows<IpAddr>,
    account: Windows<UserId>,
    /// Reservations and places in the line that one account asks for in one room: whoever takes seats and gives
    /// them back in a loop keeps them from others.
    attempts: Windows<(UserId, RoomId)>,
    /// How often the log says that somebody asked too often.
    pace: Mutex<Pace>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            address: Windows::new(None, REQUESTS_SPAN),
            account: Windows::new(None, REQUESTS_SPAN),
            attempts: Windows::new(None, ATTEMPTS_SPAN),
            pace: Mutex::default(),
        }
    }
}

impl Rates {
    /// Other bounds. What was counted stays counted.
    pub(crate) fn set(&self, limits: &Limits) {
        self.address.set_max(limits.bound(limits.requests_per_address));
        self.account.set_max(limits.bound(limits.requests_per_account));
        self.attempts.set_max(limits.bound(limits.attempts_per_room));
    }

    /// Counts a request of an account. A service asks for many and is not counted.
    pub(super) fn account(&self, who: &Identity, now: Millis) -> Result<(), Refused> {
        if who.has(Role::Service) {
            return Ok(());
        }
        let admitted = self.account.admit(who.user, now);
        admitted.map_err(|wait| self.over("account", &who.user, wait))
    }

    /// Counts an attempt of an account to enter a room, but for a service.
    pub(super) fn attempt(&self, who: &Identity, room: RoomId, now: Millis) -> Result<(), Refused> {
        if who.has(Role::Service) {
            return Ok(());
        }
        let admitted = self.attempts.admit((who.user, room), now);
        admitted.map_err(|wait| self.over("room", &who.user, wait))
    }

    /// Refuses, and has the log say so: of many at once of one, with how many there were.
    fn over(&self, limit: &'static str, who: &dyn Display, wait: Duration) -> Refused {
        let met = self.pace.lock().unwrap_or_else(PoisonError::into_inner).met(Instant::now());
        if let Some(times) = met {
            tracing::info!(event = "http.limited", limit, %who, times, "somebody asked too often");
        }
        Refused::over(limit, wait)
    }
}

/// Counts every request of an address, and tells with the answer what is left.
pub(super) async fn per_address(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    // A connection without one (there is none over TCP) is counted with all such.
    let address = Address::of_request(&request, &app).0.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    match app.rates.address.count(address, app.clock.now()) {
        Ok(None) => next.run(request).await,
        Ok(Some(left)) => {
            let mut response = next.run(request).await;
            tell(response.headers_mut(), left);
            response
        }
        Err(wait) => app.rates.over("address", &address, wait).into_response(),
    }
}

fn tell(headers: &mut HeaderMap, left: Left) {
    // Somebody nearer to what was refused may have told it.
    if headers.contains_key(RATE_LIMIT) {
        return;
    }
    let policy = format!("\"address\";q={};w={}", left.max, REQUESTS_SPAN.as_secs());
    let now = format!("\"address\";r={};t={}", left.count, whole_seconds(left.anew_in));
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// Rounded up: whoever waits so long waits long enough.
pub(super) fn whole_seconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
        let told = [0, 1, 1_000, 1_001].map(|ms| whole_seconds(Duration::from_millis(ms)));
        assert_eq!(told, [1, 1, 1, 2]);
    }
}
