//! How a refused request looks: RFC 9457 problem details for programs. Domain errors become codes
//! here, codes become statuses in [`crate::edge`]; internal detail is logged once and never sent.

use std::time::Duration;

use anteroom_core::limits::WAITLIST_MAX;
use anteroom_protocol::entry::{PartyFailure, WaitlistInfo};
use anteroom_protocol::room::Seats;
use anteroom_protocol::{Code, FieldProblem, Problem};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::rates;
use crate::accounts::AccountError;
use crate::admission::Unavailable;
use crate::edge;
use crate::entry::EntryError;
use crate::messages::HistoryError;
use crate::rooms::RoomError;
use crate::storage::StorageError;
use crate::tokens::AuthError;

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldProblem>,
    pub(crate) seats: Option<Box<Seats>>,
    pub(crate) rooms: Option<Box<[i64]>>,
    pub(crate) failed: Option<Box<[PartyFailure]>>,
    pub(crate) reason: Option<&'static str>,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
}

impl Refused {
    /// A refusal with the code's own words.
    pub(crate) fn new(code: Code) -> Self {
        Self::because(code, format!("{}.", edge::title(code)))
    }

    /// A refusal with words of its own.
    pub(crate) fn because(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            seats: None,
            rooms: None,
            failed: None,
            reason: None,
            retry_after: None,
        }
    }

    /// Fields that were not acceptable.
    pub(crate) fn fields(errors: Vec<FieldProblem>) -> Self {
        Self { errors, ..Self::new(Code::Invalid) }
    }

    /// One field that was not acceptable.
    pub(crate) fn field(field: &str, code: &str, detail: &str) -> Self {
        Self::fields(vec![FieldProblem {
            field: field.to_owned(),
            code: code.to_owned(),
            detail: detail.to_owned(),
        }])
    }

    /// Too often; when to come again.
    pub(crate) fn too_often(retry_after: Duration) -> Self {
        let seconds = rates::whole_seconds(retry_after);
        Self { retry_after: Some(seconds), ..Self::new(Code::RateLimited) }
    }

    /// Too often for the limit of that name.
    pub(crate) fn over(limit: &'static str, retry_after: Duration) -> Self {
        Self { reason: Some(limit), ..Self::too_often(retry_after) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        edge::status(self.code)
    }

    /// The line in front of a full room. Who is told `room_full` has passed every other guard of
    /// the line, so only its own length can still keep anybody out.
    fn waitlist(&self) -> Option<WaitlistInfo> {
        let length = self.seats.as_ref()?.waiting;
        Some(WaitlistInfo { length, allowed: (length as usize) < WAITLIST_MAX })
    }

    fn body(&self) -> Problem {
        Problem {
            kind: format!("/problems/{}", self.code),
            title: edge::title(self.code).to_owned(),
            status: self.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code,
            errors: self.errors.clone(),
            seats: self.seats.as_deref().copied(),
            waitlist: self.waitlist(),
            rooms: self.rooms.as_deref().map(<[_]>::to_vec),
            failed: self.failed.as_deref().map(<[_]>::to_vec).unwrap_or_default(),
            reason: self.reason.map(str::to_owned),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            if self.code == Code::RateLimited {
                let limit = self.reason.unwrap_or("attempts");
                if let Ok(told) = HeaderValue::from_str(&format!("\"{limit}\";r=0;t={seconds}")) {
                    headers.insert(rates::RATE_LIMIT, told);
                }
            }
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        tracing::warn!(event = "store.failed", %error, "the store did not answer a request");
        match error {
            StorageError::Unavailable(_) => {
                Self { retry_after: Some(1), ..Self::new(Code::Unavailable) }
            }
            StorageError::Failed(_) => Self::new(Code::Internal),
        }
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        if matches!(error, AuthError::StoreUnavailable(_)) {
            return Self {
                reason: Some("store_unavailable"),
                retry_after: Some(1),
                ..Self::because(Code::Unauthenticated, "The login cannot be checked right now.")
            };
        }
        Self::new(Code::Unauthenticated)
    }
}

impl From<EntryError> for Refused {
    fn from(error: EntryError) -> Self {
        let code = error.code();
        match error {
            EntryError::RoomFull(seats) => Self { seats: Some(Box::new(seats)), ..Self::new(code) },
            EntryError::TooManyReservations(rooms) => {
                Self { rooms: Some(rooms.iter().map(|room| room.0).collect()), ..Self::new(code) }
            }
            EntryError::TooManyGuesses(wait) | EntryError::TooManyBadProofs(wait) => {
                Self { retry_after: Some(rates::whole_seconds(wait)), ..Self::new(code) }
            }
            EntryError::AddressBusy | EntryError::Busy => {
                Self { retry_after: Some(5), ..Self::new(code) }
            }
            EntryError::Party(failed) => Self {
                failed: Some(failed.into_boxed_slice()),
                ..Self::because(code, "Not everybody of the party can be seated, so nobody is.")
            },
            EntryError::BadParty => {
                Self::field("users", "out_of_range", "A party is 1 to 100 different users.")
            }
            EntryError::Seats(error) => error.into(),
            EntryError::Storage(error) => error.into(),
            _ => Self::new(code),
        }
    }
}

impl From<Unavailable> for Refused {
    fn from(error: Unavailable) -> Self {
        tracing::warn!(event = "seat_store.unavailable", %error, "a request was not decided");
        Self { retry_after: Some(1), ..Self::new(Code::Unavailable) }
    }
}

impl From<RoomError> for Refused {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::Entry(error) => error.into(),
            RoomError::Invalid(errors) => Self::fields(errors),
            RoomError::TooManyPending => Self {
                retry_after: Some(60),
                ..Self::because(
                    Code::RateLimited,
                    "Several of your rooms still wait for their first entry.",
                )
            },
            RoomError::Busy => Self { retry_after: Some(2), ..Self::new(Code::Unavailable) },
            RoomError::NoSuchUser => Self::new(Code::NotFound),
            RoomError::Forbidden => Self::new(Code::Forbidden),
        }
    }
}

impl From<HistoryError> for Refused {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Forbidden => {
                Self::because(Code::Forbidden, "Only who sits in the room may read its history.")
            }
            HistoryError::NoRoom => Self::new(Code::RoomNotFound),
            HistoryError::Storage(error) => error.into(),
            HistoryError::Seats(error) => error.into(),
        }
    }
}

impl From<AccountError> for Refused {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::UsernameTaken => Self::new(Code::UsernameTaken),
            AccountError::BadCredentials => Self::new(Code::BadCredentials),
            AccountError::Locked => Self::new(Code::AccountLocked),
            AccountError::Expired => Self::new(Code::AccountExpired),
            AccountError::CredentialsExpired => Self::new(Code::CredentialsExpired),
            AccountError::GuestsDisabled => Self::new(Code::GuestsDisabled),
            AccountError::Throttled { retry_after } => Self::too_often(retry_after),
            AccountError::Invalid(faults) => Self::fields(
                faults
                    .into_iter()
                    .map(|fault| FieldProblem {
                        field: fault.field.to_owned(),
                        code: fault.code.to_owned(),
                        detail: fault.detail.to_owned(),
                    })
                    .collect(),
            ),
            AccountError::Forbidden => Self::new(Code::Forbidden),
            AccountError::LastAdmin => Self::because(
                Code::LastAdmin,
                "Nobody would be left who may administer. Make somebody else an administrator first.",
            ),
            AccountError::NoSuchUser => Self::new(Code::NotFound),
            AccountError::Busy => Self { retry_after: Some(2), ..Self::new(Code::Unavailable) },
            AccountError::Store(error) => error.into(),
            AccountError::Hashing => Self::new(Code::Internal),
        }
    }
}
