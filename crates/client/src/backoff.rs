//! What to do after a session or an attempt ended: PROTOCOL.md section 5 as a table, and how long to
//! wait. Pure but for `pause`, the only place of this crate that lets time pass.

use std::time::Duration;

use anteroom_protocol::close::may_reconnect;
use anteroom_protocol::{CloseCode, Code};
use uuid::Uuid;

use crate::error::Error;

/// The longest wait before the first attempt; each further one doubles it.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
/// No wait is longer, unless the server asks for more with `Retry-After`.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What a server may ask for at most.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);
/// Attempts in a row before giving up.
pub const ATTEMPTS_MAX: u32 = 30;

/// The next move after an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Do not come back by itself.
    Stay,
    /// Take one new reservation, at once; a second such refusal means [`Next::Stay`].
    ReserveOnce,
    /// Come back after a wait.
    BackOff,
}

/// The move after a connection closed with `status`.
#[must_use]
pub fn after_close(status: u16) -> Next {
    match CloseCode::from_status(status) {
        Some(CloseCode::NoReservation | CloseCode::ReservationExpired) => Next::ReserveOnce,
        _ if may_reconnect(status) => Next::BackOff,
        _ => Next::Stay,
    }
}

/// The move after an attempt to come back failed.
#[must_use]
pub fn after_error(error: &Error) -> Next {
    match error {
        Error::Transport(_) | Error::TimedOut(_) => Next::BackOff,
        Error::Closed { code, .. } => after_close(*code),
        Error::RefusedAtConnect { status, .. } => after_close(*status),
        Error::Refused(refusal) => {
            let problem = &refusal.problem;
            let store_away = problem.code == Code::Unauthenticated && problem.reason.is_some();
            if store_away { Next::BackOff } else { after_http(problem.status) }
        }
        Error::NotUpgraded { status } => after_http(*status),
        Error::FrameRefused(_)
        | Error::PlaceGone { .. }
        | Error::Protocol(_)
        | Error::Untrusted(_)
        | Error::Authorities(_) => Next::Stay,
    }
}

fn after_http(status: u16) -> Next {
    match status {
        408 | 429 | 500..=599 => Next::BackOff,
        _ => Next::Stay,
    }
}

/// Whether this end makes the `resume` secret worthless.
#[must_use]
pub fn forgets_resume(status: u16) -> bool {
    CloseCode::from_status(status) == Some(CloseCode::Replaced)
}

/// Counts the attempts since the line last stood, and says how long to wait before the next.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(FIRST_WAIT, LONGEST_WAIT)
    }
}

impl Backoff {
    /// Other spans than [`FIRST_WAIT`] and [`LONGEST_WAIT`].
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempts: 0 }
    }

    /// The wait before the next attempt, `None` when there were [`ATTEMPTS_MAX`] already. `dice` is
    /// any random number; `asked` is what the server asked for.
    ///
    /// The first wait lies anywhere between nothing and `first`, so that ten thousand sessions
    /// that lost one server do not come back in the same instant. Later ones lie in the upper half of
    /// their span.
    pub fn next_wait(&mut self, dice: u64, asked: Option<Duration>) -> Option<Duration> {
        if self.attempts >= ATTEMPTS_MAX {
            return None;
        }
        let span = self.first.saturating_mul(1 << self.attempts.min(16)).min(self.longest);
        let floor = if self.attempts == 0 { Duration::ZERO } else { span / 2 };
        self.attempts += 1;
        let room = u64::try_from((span - floor).as_micros()).unwrap_or(u64::MAX);
        let wait = floor + Duration::from_micros(dice % (room + 1));
        // Those who were all told the same number must not all obey it in the same instant.
        let least = asked.map_or(Duration::ZERO, |asked| asked.min(LONGEST_RETRY_AFTER) + wait);
        Some(wait.max(least))
    }

    /// The line stood long enough: the next loss starts from the shortest wait again.
    pub fn steady(&mut self) {
        self.attempts = 0;
    }
}

/// A random number for [`Backoff::next_wait`].
#[must_use]
pub fn dice() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

/// Lets a wait of the back-off pass.
pub(crate) async fn pause(wait: Duration) {
    #[expect(clippy::disallowed_methods, reason = "a back-off waits for nothing but time")]
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::Problem;

    use super::*;
    use crate::error::Refusal;

    #[test]
    fn every_close_code_of_the_contract_has_the_move_the_contract_names() {
        use CloseCode as C;
        for code in CloseCode::ALL {
            let expected = match code {
                C::NoReservation | C::ReservationExpired => Next::ReserveOnce,
                C::GoingAway | C::Restarting | C::EntryFailed | C::Unavailable => Next::BackOff,
                C::SlowConsumer | C::Fenced | C::RateLimited => Next::BackOff,
                _ => Next::Stay,
            };
            assert_eq!(after_close(code.status()), expected, "{code:?}");
        }
        assert_eq!(after_close(1006), Next::BackOff);
        assert_eq!(after_close(1005), Next::BackOff);
        assert_eq!(after_close(3000), Next::Stay);
    }

    fn refused(status: u16, code: Code, reason: Option<&str>) -> Error {
        let problem = Problem {
            kind: "about:blank".into(),
            title: String::new(),
            status,
            detail: String::new(),
            code,
            errors: Vec::new(),
            seats: None,
            waitlist: None,
            rooms: None,
            failed: Vec::new(),
            reason: reason.map(str::to_owned),
        };
        Error::Refused(Box::new(Refusal { problem, retry_after: None }))
    }

    #[test]
    fn a_refused_reservation_ends_the_return_unless_the_server_is_only_away() {
        assert_eq!(after_error(&refused(409, Code::RoomFull, None)), Next::Stay);
        assert_eq!(after_error(&refused(410, Code::RoomClosed, None)), Next::Stay);
        assert_eq!(after_error(&refused(401, Code::Unauthenticated, None)), Next::Stay);
        let away = refused(401, Code::Unauthenticated, Some("store_unavailable"));
        assert_eq!(after_error(&away), Next::BackOff);
        assert_eq!(after_error(&refused(503, Code::Unavailable, None)), Next::BackOff);
        assert_eq!(after_error(&refused(429, Code::RateLimited, None)), Next::BackOff);
    }

    #[test]
    fn waits_grow_stay_within_their_span_and_end() {
        for dice in [0, 1, u64::MAX / 3, u64::MAX] {
            let mut backoff = Backoff::default();
            assert!(backoff.next_wait(dice, None).unwrap() <= FIRST_WAIT);
            let mut span = FIRST_WAIT;
            for _ in 1..ATTEMPTS_MAX {
                span = (span * 2).min(LONGEST_WAIT);
                let wait = backoff.next_wait(dice, None).unwrap();
                assert!(wait >= span / 2 && wait <= span, "{wait:?} not in the span {span:?}");
            }
            assert_eq!(backoff.next_wait(dice, None), None);
        }
    }

    #[test]
    fn retry_after_is_obeyed_with_jitter_on_top_and_bounded() {
        let asked = Duration::from_secs(60);
        let low = Backoff::default().next_wait(0, Some(asked)).unwrap();
        let high = Backoff::default().next_wait(999_999, Some(asked)).unwrap();
        assert!(low >= asked && high > low, "{low:?} {high:?}");
        let endless = Backoff::default().next_wait(0, Some(Duration::MAX)).unwrap();
        assert!(endless <= LONGEST_RETRY_AFTER + FIRST_WAIT);
    }
}
