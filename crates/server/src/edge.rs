//! The one table that turns stable codes into HTTP statuses, close codes and words. Domain errors
//! know codes at most; nothing inside knows a status.

use anteroom_protocol::{CloseCode, Code};
use axum::http::StatusCode;

/// The HTTP status of a code.
pub(crate) const fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest | Code::BadFrame => StatusCode::BAD_REQUEST,
        Code::Unauthenticated | Code::BadCredentials | Code::LoggedOut => StatusCode::UNAUTHORIZED,
        Code::NotFound | Code::RoomNotFound | Code::NotWaiting => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable | Code::GoingAway | Code::Restarting | Code::Fenced => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::UsernameTaken
        | Code::RoomFull
        | Code::Replaced
        | Code::TooManyReservations
        | Code::AlreadySeated
        | Code::LastAdmin => StatusCode::CONFLICT,
        Code::RoomClosed | Code::ReservationExpired => StatusCode::GONE,
        Code::Forbidden
        | Code::CrossSite
        | Code::AccountLocked
        | Code::AccountExpired
        | Code::CredentialsExpired
        | Code::GuestsDisabled
        | Code::WrongRoomPassword
        | Code::Banned
        | Code::NoReservation
        | Code::Removed => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The close code with which an entry is refused.
pub(crate) const fn close(code: Code) -> CloseCode {
    match code {
        Code::BadRequest | Code::Invalid => CloseCode::BadRequest,
        Code::Unauthenticated => CloseCode::Unauthenticated,
        Code::NoReservation => CloseCode::NoReservation,
        Code::RoomNotFound | Code::NotFound => CloseCode::RoomNotFound,
        Code::ReservationExpired => CloseCode::ReservationExpired,
        Code::Replaced | Code::AlreadySeated => CloseCode::Replaced,
        Code::RoomClosed => CloseCode::RoomClosed,
        Code::LoggedOut => CloseCode::LoggedOut,
        Code::Removed | Code::Banned => CloseCode::Removed,
        Code::Unavailable => CloseCode::Unavailable,
        Code::RateLimited => CloseCode::RateLimited,
        Code::GoingAway | Code::Restarting => CloseCode::Restarting,
        _ => CloseCode::EntryFailed,
    }
}

/// A code in a few words.
pub(crate) const fn title(code: Code) -> &'static str {
    match code {
        Code::BadRequest => "The request cannot be read",
        Code::Unauthenticated => "Please log in",
        Code::Forbidden => "Not allowed",
        Code::NotFound => "There is no such thing",
        Code::MethodNotAllowed => "This cannot be done here",
        Code::TooLarge => "Too large",
        Code::UnsupportedMediaType => "The body must be JSON",
        Code::Invalid => "Some values are not acceptable",
        Code::RateLimited => "Too many attempts",
        Code::Unavailable => "Not available right now",
        Code::CrossSite => "This request came from another site",
        Code::UsernameTaken => "This user name is taken",
        Code::BadCredentials => "User name or password is wrong",
        Code::AccountLocked => "This account is locked",
        Code::AccountExpired => "This account has expired",
        Code::CredentialsExpired => "The password must be changed",
        Code::GuestsDisabled => "This server takes no guests",
        Code::LastAdmin => "This is the last administrator",
        Code::RoomFull => "The room is full",
        Code::RoomNotFound => "There is no such room",
        Code::RoomClosed => "The room is closed",
        Code::WrongRoomPassword => "The room's password is wrong",
        Code::Banned => "You are banned from this room",
        Code::Replaced => "You are connected elsewhere",
        Code::TooManyReservations => "Too many open reservations",
        Code::AlreadySeated => "You sit in this room already",
        Code::NotWaiting => "You are not in line for a seat",
        Code::NoReservation => "No such reservation",
        Code::ReservationExpired => "The reservation has expired",
        Code::EntryFailed => "The entry could not be completed",
        Code::LoggedOut => "Logged out",
        Code::Removed => "Removed from the room",
        Code::SlowConsumer => "The connection was too slow",
        Code::GoingAway | Code::Restarting => "The server restarts",
        Code::Fenced => "This node lost its lease",
        Code::BadFrame => "The frame cannot be read",
        _ => "Something went wrong on our side",
    }
}

/// What a person is told before a close.
pub(crate) const fn close_text(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Normal => "You left the room.",
        CloseCode::GoingAway | CloseCode::Restarting => {
            "The server is restarting; you will be reconnected."
        }
        CloseCode::Protocol | CloseCode::Unsupported | CloseCode::NotUtf8 | CloseCode::Policy => {
            "The connection broke the protocol."
        }
        CloseCode::TooLarge => "A message was larger than allowed.",
        CloseCode::BadRequest => "The request or frame cannot be read.",
        CloseCode::Unauthenticated => "Your login has ended. Please log in again.",
        CloseCode::NoReservation => "This ticket opens nothing. Please reserve again.",
        CloseCode::RoomNotFound => "There is no such room.",
        CloseCode::ReservationExpired => "The reservation has expired. Please reserve again.",
        CloseCode::Replaced => "You are connected elsewhere, and that connection goes on.",
        CloseCode::RoomClosed => "The room was closed.",
        CloseCode::LoggedOut => "You were logged out.",
        CloseCode::Removed => "You were removed from the room.",
        CloseCode::EntryFailed => "The entry could not be completed; your seat was given back.",
        CloseCode::Unavailable => "The server cannot do this right now. Please try again.",
        CloseCode::SlowConsumer => "The connection was too slow to keep up.",
        CloseCode::Fenced => "This server gave up its part; please reconnect.",
        CloseCode::RateLimited => "Too many frames in a short time.",
    }
}
