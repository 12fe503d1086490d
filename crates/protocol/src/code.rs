//! Stable codes: the words a program may branch on. Texts for people change, these do not.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// A stable, `snake_case` code of a refusal or failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code there is, for tables and tests.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The code as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The request or frame cannot be read.
    BadRequest => "bad_request",
    /// No login, or one that is expired, revoked or superseded.
    Unauthenticated => "unauthenticated",
    /// Known, but not allowed.
    Forbidden => "forbidden",
    /// There is no such thing, or the asker may not know of it.
    NotFound => "not_found",
    /// The path exists, the method does not.
    MethodNotAllowed => "method_not_allowed",
    /// The body or frame is over its limit.
    TooLarge => "too_large",
    /// The body is not JSON (or not a form, on pages).
    UnsupportedMediaType => "unsupported_media_type",
    /// Readable, but a value is not acceptable; `errors` names each field.
    Invalid => "invalid",
    /// Too many requests or frames; `Retry-After` tells when.
    RateLimited => "rate_limited",
    /// A fault of the server; nothing about its inside is told.
    Internal => "internal",
    /// A store cannot be reached; nothing was decided.
    Unavailable => "unavailable",
    /// An unsafe request with a cookie came from another site.
    CrossSite => "cross_site",
    /// The user name is already in use.
    UsernameTaken => "username_taken",
    /// Unknown user or wrong password; the two are not told apart.
    BadCredentials => "bad_credentials",
    /// The account was locked by an administrator.
    AccountLocked => "account_locked",
    /// The account's life is over.
    AccountExpired => "account_expired",
    /// The password is too old and must be changed first.
    CredentialsExpired => "credentials_expired",
    /// This server takes no guests.
    GuestsDisabled => "guests_disabled",
    /// Nobody would be left who may administer.
    LastAdmin => "last_admin",
    /// Every seat is taken, or others wait in line.
    RoomFull => "room_full",
    /// No such room, or an unlisted one without its key.
    RoomNotFound => "room_not_found",
    /// The room was closed.
    RoomClosed => "room_closed",
    /// The room asks for a password and this is not it.
    WrongRoomPassword => "wrong_room_password",
    /// Banned from this room.
    Banned => "banned",
    /// The user sits elsewhere, or came back with a stale `resume`.
    Replaced => "replaced",
    /// Too many reservations stand open for this user.
    TooManyReservations => "too_many_reservations",
    /// Already sits in the room, so there is nothing to wait for.
    AlreadySeated => "already_seated",
    /// Neither in the line nor offered a seat.
    NotWaiting => "not_waiting",
    /// The ticket is unknown, used, forged, or another user's.
    NoReservation => "no_reservation",
    /// The reservation's time passed first.
    ReservationExpired => "reservation_expired",
    /// Persisting or registering the entry failed; the seat was returned.
    EntryFailed => "entry_failed",
    /// Logged out, here or by force.
    LoggedOut => "logged_out",
    /// Kicked or banned.
    Removed => "removed",
    /// Did not read fast enough; the outbound limit was reached.
    SlowConsumer => "slow_consumer",
    /// The server stops.
    GoingAway => "going_away",
    /// The server restarts.
    Restarting => "restarting",
    /// The node lost its lease.
    Fenced => "fenced",
    /// A frame that is not one of the contract's.
    BadFrame => "bad_frame",
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn each_code_is_spelled_the_same_by_serde_and_by_as_str() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
