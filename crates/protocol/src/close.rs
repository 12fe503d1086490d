//! WebSocket close codes. The range tells a simple client what to do: after 44xx stay away until a
//! person acts, after 45xx (and 1001, 1006, 1012) reconnect with back-off and jitter.

use crate::Code;

macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal $(=> $code:ident)?,)*) => {
        /// Why a connection ends, as the number in the close frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum CloseCode {
            $($(#[doc = $doc])+ $name = $status,)*
        }

        impl CloseCode {
            /// Every close code of the contract.
            pub const ALL: &[CloseCode] = &[$(CloseCode::$name,)*];

            /// The close code with this number, if it is one of the contract.
            #[must_use]
            pub const fn from_status(status: u16) -> Option<Self> {
                match status { $($status => Some(CloseCode::$name),)* _ => None }
            }

            /// The stable word that goes with the number; `None` where the number says it all.
            #[must_use]
            pub const fn code(self) -> Option<Code> {
                match self { $(CloseCode::$name => close_codes!(@code $($code)?),)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(CloseCode::$name => concat!($($doc),+).trim(),)* }
            }
        }
    };
    (@code $code:ident) => { Some(Code::$code) };
    (@code) => { None };
}

close_codes! {
    /// The client left of its own will.
    Normal = 1000,
    /// The server stops, or the browser navigates away.
    GoingAway = 1001 => GoingAway,
    /// The peer broke the WebSocket protocol.
    Protocol = 1002,
    /// A binary frame, which this contract does not use.
    Unsupported = 1003,
    /// A text that is not UTF-8.
    NotUtf8 = 1007,
    /// Too many fragments in one message.
    Policy = 1008,
    /// A frame or message over the limit.
    TooLarge = 1009 => TooLarge,
    /// The server restarts.
    Restarting = 1012 => Restarting,
    /// Malformed query or frame.
    BadRequest = 4400 => BadRequest,
    /// The login is missing, expired, revoked or superseded.
    Unauthenticated = 4401 => Unauthenticated,
    /// The ticket is unknown, used, forged, or not this user's.
    NoReservation = 4403 => NoReservation,
    /// There is no such room.
    RoomNotFound = 4404 => RoomNotFound,
    /// The reservation's time passed first.
    ReservationExpired = 4408 => ReservationExpired,
    /// The same user connected elsewhere, or came back with a stale `resume`.
    Replaced = 4409 => Replaced,
    /// The room was closed.
    RoomClosed = 4410 => RoomClosed,
    /// Logged out, here or by force.
    LoggedOut = 4440 => LoggedOut,
    /// Kicked or banned.
    Removed = 4450 => Removed,
    /// Persisting or registering failed; the seat was returned.
    EntryFailed = 4500 => EntryFailed,
    /// A store is away.
    Unavailable = 4503 => Unavailable,
    /// The outbound limit was reached.
    SlowConsumer = 4508 => SlowConsumer,
    /// The node lost its lease.
    Fenced = 4512 => Fenced,
    /// Flooding.
    RateLimited = 4529 => RateLimited,
}

impl CloseCode {
    /// The number in the close frame.
    #[must_use]
    pub const fn status(self) -> u16 {
        self as u16
    }
}

/// Whether a client may reconnect by itself after a close with this number (1006 included, which
/// only a client ever sees).
#[must_use]
pub const fn may_reconnect(status: u16) -> bool {
    matches!(status, 1001 | 1005 | 1006 | 1011 | 1012 | 1013 | 4500..=4599)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_tells_whether_to_reconnect() {
        for code in CloseCode::ALL {
            let status = code.status();
            assert_eq!(CloseCode::from_status(status), Some(*code));
            if (4400..4500).contains(&status) {
                assert!(!may_reconnect(status), "{status} must keep clients away");
            }
            if (4500..4600).contains(&status) {
                assert!(may_reconnect(status), "{status} must let clients return");
            }
        }
        assert!(may_reconnect(1006) && may_reconnect(1012) && !may_reconnect(1000));
    }
}
