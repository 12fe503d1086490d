//! What can go wrong, told apart by who may act on it: the server said no ([`Error::Refused`],
//! [`Error::RefusedAtConnect`], [`Error::FrameRefused`]), the line failed ([`Error::Transport`],
//! [`Error::Closed`]), or one side broke the contract ([`Error::Protocol`]).
//!
//! Nothing here knows how to recover; [`crate::backoff`] decides that.

use std::time::Duration;

use anteroom_protocol::frame::FrameError;
use anteroom_protocol::{Code, Problem};

use crate::tls::distrust;

/// Every call of this crate answers so.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused over HTTP and said why.
    #[error("refused: {} {}: {}", .0.problem.status, .0.problem.code, .0.problem.detail)]
    Refused(Box<Refusal>),
    /// The WebSocket request was answered with this HTTP status instead of the upgrade, and the body
    /// was not a readable problem.
    #[error("the upgrade was answered with HTTP {status}")]
    NotUpgraded {
        /// The HTTP status.
        status: u16,
    },
    /// The upgrade was accepted, the entry was not: the connection closed before `welcome`.
    #[error("entry refused: close {status} {detail}")]
    RefusedAtConnect {
        /// From the `refused` frame; `None` when the close came without one.
        code: Option<Code>,
        /// The close code, which equals the frame's `status` when there was a frame.
        status: u16,
        /// The frame's words, or the close reason.
        detail: String,
    },
    /// An `error` frame answered what was sent; the session stays open.
    #[error("frame refused: {} {}", .0.code, .0.detail)]
    FrameRefused(FrameError),
    /// The session ended before the answer came. What was sent may or may not have been stored.
    #[error("the session closed with {code} {reason}")]
    Closed {
        /// The close code; 1006 when the line broke, 1005 when a close frame named none.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// The place in a line is gone, without a seat.
    #[error("the place in line is gone: {code}")]
    PlaceGone {
        /// Why.
        code: Code,
    },
    /// The server could not be reached, or the line broke on the way.
    #[error("transport: {0}")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What answered over TLS did not prove to be the server. Nothing was sent to it.
    #[error("not trusted: {0}")]
    Untrusted(Distrust),
    /// There is no authority that could be trusted, or none that can be read.
    #[error("no authority to trust: {0}")]
    Authorities(String),
    /// Somebody broke the contract: an unreadable body, a missing `welcome`, a bad address.
    #[error("contract broken: {0}")]
    Protocol(String),
    /// The server took longer than this client's limit for the step.
    #[error("no answer in time: {0}")]
    TimedOut(&'static str),
}

/// Why a certificate is not taken for the server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// None of the authorities that are trusted has issued it.
    #[error("its certificate is of an unknown issuer")]
    Issuer,
    /// It is another server's.
    #[error("its certificate is for another name")]
    Name,
    /// Its time has passed.
    #[error("its certificate has expired")]
    Expired,
    /// Something else.
    #[error("its certificate cannot be used: {0}")]
    Other(String),
}

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What the server said; `code` is what programs branch on.
    pub problem: Problem,
    /// From `Retry-After`, where the server gave one.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// The stable code, when the server gave one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refusal) => Some(refusal.problem.code),
            Self::RefusedAtConnect { code, .. } => *code,
            Self::FrameRefused(error) => Some(error.code),
            Self::PlaceGone { code } => Some(*code),
            _ => None,
        }
    }

    /// The HTTP status or the close code, whichever this refusal came with.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.problem.status),
            Self::NotUpgraded { status } | Self::RefusedAtConnect { status, .. } => Some(*status),
            Self::Closed { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The problem document of an HTTP refusal.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(refusal) => Some(&refusal.problem),
            _ => None,
        }
    }

    pub(crate) fn transport(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Transport(error.into())
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        match distrust(&error) {
            Some(distrust) => Self::Untrusted(distrust),
            // The address may carry a key or a ticket; it must not reach a log through an error.
            None => Self::transport(error.without_url()),
        }
    }
}
