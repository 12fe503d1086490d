//! The words under which enumerations are stored, the same in every database.
//!
//! They are the words of the wire contract, written here once more as constants so that a renamed
//! variant cannot change what is already on disk. Knows no database.

use anteroom_protocol::message::MessageKind;
use anteroom_protocol::room::{Lifetime, Visibility};

pub(crate) const fn visibility(value: Visibility) -> &'static str {
    match value {
        Visibility::Public => "public",
        Visibility::Unlisted => "unlisted",
    }
}

pub(crate) fn parse_visibility(word: &str) -> Option<Visibility> {
    [Visibility::Public, Visibility::Unlisted].into_iter().find(|v| visibility(*v) == word)
}

pub(crate) const fn lifetime(value: Lifetime) -> &'static str {
    match value {
        Lifetime::Persistent => "persistent",
        Lifetime::UntilEmpty => "until_empty",
    }
}

pub(crate) fn parse_lifetime(word: &str) -> Option<Lifetime> {
    [Lifetime::Persistent, Lifetime::UntilEmpty].into_iter().find(|v| lifetime(*v) == word)
}

pub(crate) const fn kind(value: MessageKind) -> &'static str {
    match value {
        MessageKind::Text => "text",
        MessageKind::Notification => "notification",
    }
}

pub(crate) fn parse_kind(word: &str) -> Option<MessageKind> {
    [MessageKind::Text, MessageKind::Notification].into_iter().find(|v| kind(*v) == word)
}
