//! What the store has of one person, read a bounded stretch at a time; and how an account ends.

use anteroom_core::ids::{LoginId, RoomId, UserId};

use super::{LastAdmin, WallMillis};

/// What one stretch holds of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch<T> {
    /// In the order in which they were written.
    pub items: Vec<T>,
    /// Behind which number the next stretch begins; `None` at the end.
    pub next: Option<i64>,
}

/// A login, living or over. Nothing in it opens anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLogin {
    /// The login.
    pub id: LoginId,
    /// When it began.
    pub created_at: WallMillis,
    /// When it ended, and why.
    pub ended: Option<(WallMillis, String)>,
}

/// A stay, going on or over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastStay {
    /// Where.
    pub room: RoomId,
    /// From when on.
    pub entered_at: WallMillis,
    /// When it ended, and why.
    pub left: Option<(WallMillis, String)>,
}

/// A room that somebody owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRoom {
    /// Its number.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// When it was asked for.
    pub created_at: WallMillis,
    /// When it was closed.
    pub closed_at: Option<WallMillis>,
}

/// A room that somebody may not come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnBan {
    /// Which.
    pub room: RoomId,
    /// Since when.
    pub at: WallMillis,
}

/// An account that is to end.
#[derive(Clone, Copy, Debug)]
pub struct AccountEnd {
    /// Whose.
    pub user: UserId,
    /// Now.
    pub at: WallMillis,
    /// Whether what they said goes as well.
    pub erase: bool,
    /// Whether the last administrator may go.
    pub last: LastAdmin,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountEnded {
    /// The account is gone, and these logins ended with it. The same again answers the same ones: whoever asked first may not have come to tell anybody.
    Done(Vec<LoginId>),
    /// There never was such an account.
    NoSuchUser,
    /// Nobody would be left who may administer.
    LastAdmin,
}

/// Somebody whose words are still to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whose.
    pub user: UserId,
    /// Since when the account is gone.
    pub since: WallMillis,
}
