//! The ledger's choices as words, and its changes.

use anteroom_core::ids::{SessionId, UserId};
use anteroom_core::seat::{
    Change, CloseCause, End, Entry, ExpiredOutcome, Lifetime, RoomState, WaiterEnd,
};
use anteroom_core::time::Millis;
use serde::Deserialize;
use uuid::Uuid;

use super::{ReservationDoc, generation};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident for $core:ident { $($word:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(in crate::admission::redis) enum $name {
            $($word,)*
        }

        impl From<$name> for $core {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$word => Self::$word,)*
                }
            }
        }
    };
}

words! {
    /// An [`End`].
    EndWord for End {
        Left, Lost, HeldExpired, Replaced, Moved, Removed, LoggedOut, Superseded, RoomClosed,
        Aborted, Fenced, Cancelled,
    }
}
words! {
    /// A [`WaiterEnd`].
    WaiterEndWord for WaiterEnd { Stopped, Away, Seated, Removed, LoggedOut, RoomClosed, }
}
words! {
    /// A [`CloseCause`].
    CloseCauseWord for CloseCause { Requested, Empty, PendingExpired, }
}
words! {
    /// An [`ExpiredOutcome`].
    OutcomeWord for ExpiredOutcome { NeverConnected, AfterFailedAttempt, }
}
words! {
    /// A [`RoomState`].
    StateWord for RoomState { Open, Closing, Gone, }
}
words! {
    /// A [`Lifetime`].
    LifetimeWord for Lifetime { Persistent, UntilEmpty, }
}

/// The word for a lifetime.
pub(in crate::admission::redis) fn lifetime_word(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Persistent => "persistent",
        Lifetime::UntilEmpty => "until_empty",
    }
}

/// An [`Entry`].
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::admission::redis) enum EntryWord {
    First,
    Refresh,
    Takeover,
    Beside,
}

impl From<EntryWord> for Entry {
    fn from(word: EntryWord) -> Self {
        match word {
            EntryWord::First => Self::First,
            EntryWord::Refresh => Self::Refresh,
            EntryWord::Takeover => Self::Takeover,
            EntryWord::Beside => Self::SecondDevice,
        }
    }
}

/// A [`Change`].
#[derive(Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(in crate::admission::redis) enum ChangeDoc {
    Reserved { user: Uuid, generation: (u64, u64) },
    Offered { user: Uuid, reservation: ReservationDoc },
    Expired { user: Uuid, generation: (u64, u64), outcome: OutcomeWord, offered: bool },
    Dropped { user: Uuid, generation: (u64, u64), cause: EndWord },
    Entered { user: Uuid, session: Uuid, generation: (u64, u64), entry: EntryWord },
    Held { user: Uuid, until: u64 },
    Returned { user: Uuid, entered: (u64, u64), last: (u64, u64), settled: bool, cause: EndWord },
    WaiterGone { user: Uuid, cause: WaiterEndWord },
    Opened,
    Closed { cause: CloseCauseWord },
}

impl From<ChangeDoc> for Change {
    fn from(doc: ChangeDoc) -> Self {
        match doc {
            ChangeDoc::Reserved { user, generation: it } => {
                Self::Reserved { user: UserId(user), generation: generation(it) }
            }
            ChangeDoc::Offered { user, reservation } => {
                Self::Offered { user: UserId(user), reservation: reservation.into() }
            }
            ChangeDoc::Expired { user, generation: it, outcome, offered } => Self::Expired {
                user: UserId(user),
                generation: generation(it),
                outcome: outcome.into(),
                offered,
            },
            ChangeDoc::Dropped { user, generation: it, cause } => Self::Dropped {
                user: UserId(user),
                generation: generation(it),
                cause: cause.into(),
            },
            ChangeDoc::Entered { user, session, generation: it, entry } => Self::Entered {
                user: UserId(user),
                session: SessionId(session),
                generation: generation(it),
                entry: entry.into(),
            },
            ChangeDoc::Held { user, until } => {
                Self::Held { user: UserId(user), until: Millis(until) }
            }
            ChangeDoc::Returned { user, entered, last, settled, cause } => Self::Returned {
                user: UserId(user),
                entered: generation(entered),
                last: generation(last),
                settled,
                cause: cause.into(),
            },
            ChangeDoc::WaiterGone { user, cause } => {
                Self::WaiterGone { user: UserId(user), cause: cause.into() }
            }
            ChangeDoc::Opened => Self::Opened,
            ChangeDoc::Closed { cause } => Self::Closed { cause: cause.into() },
        }
    }
}
