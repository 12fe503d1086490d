//! The entry log: what became of each attempt to enter.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::frame::EntryKind;
use crate::{Code, Timestamp};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// Each of them, for tables and tests.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// As it stands on the wire, in logs and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The one that is written so.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What an attempt to enter came to. An attempt begins when a seat is asked for or offered and
    /// has exactly one outcome. [`Outcome::TicketRefused`] stands apart: it is a ticket that opened
    /// nothing, beside whatever becomes of the reservation it may be for.
    Outcome {
        /// The user is in; `entry` says how.
        Entered => "entered",
        /// No seat was given; `code` says why.
        Refused => "refused",
        /// A ticket opened nothing; `code` says why. Room and user are named as far as the ticket
        /// proves them.
        TicketRefused => "ticket_refused",
        /// The reservation was given back by its owner.
        Cancelled => "cancelled",
        /// The deadline passed and nobody had tried to connect.
        ExpiredNeverConnected => "expired_never_connected",
        /// The deadline passed after at least one attempt to connect.
        ExpiredAfterFailedAttempt => "expired_after_failed_attempt",
        /// The ticket was good and the entry was undone all the same; `stage` says where.
        Failed => "failed",
        /// A newer reservation of the same user took its place.
        Superseded => "superseded",
        /// The login of the reservation ended.
        Revoked => "revoked",
        /// Kicked or banned before entering.
        Removed => "removed",
        /// The room closed before the user was in.
        RoomClosed => "room_closed",
    }
}

words! {
    /// Where an attempt was refused or failed.
    Stage {
        /// Step 1: a seat was asked for.
        Reserve => "reserve",
        /// Step 2: a ticket was presented.
        Confirm => "confirm",
        /// The stay could not be made durable.
        Persist => "persist",
        /// The session could not be registered.
        Register => "register",
        /// The login ended during the entry.
        Login => "login",
        /// The seat was taken back, or the seat store was away, before the entry was complete.
        Settle => "settle",
    }
}

/// One line of the entry log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// Names the line. UUIDv7, so it is ordered like the log.
    pub id: Uuid,
    /// When the outcome was known.
    pub at: Timestamp,
    /// The room that was asked for, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<i64>,
    /// Who asked, if it is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// The grant number of the reservation, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// How seats were decided.
    pub strategy: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, where the outcome does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Where it was refused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// How the user came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryKind>,
    /// The user sat in the room already when the seat was reserved.
    pub takeover: bool,
    /// The seat was offered to a waiter.
    pub offered: bool,
    /// How often a connection presented the ticket.
    pub attempts: u32,
    /// From the reservation to the connection, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_to_connect_ms: Option<u64>,
    /// How long the strategy took to decide the reservation, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_us: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Stage};

    #[test]
    fn each_word_is_spelled_the_same_by_serde_and_by_as_str() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
            assert_eq!(Outcome::parse(outcome.as_str()), Some(*outcome));
        }
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
        }
        assert_eq!(Outcome::parse("granted"), None);
    }
}
