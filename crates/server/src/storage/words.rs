//! The words under which enumerations are stored, the same in every database.
//!
//! They are the words of the wire contract, written here once more as constants so that a renamed
//! variant cannot change what is already on disk. Knows no database.

use anteroom_protocol::Code;
use anteroom_protocol::frame::EntryKind;
use anteroom_protocol::message::MessageKind;
use anteroom_protocol::room::{Lifetime, Visibility};

use super::ChangeKind;

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

pub(crate) const fn change_kind(value: ChangeKind) -> &'static str {
    match value {
        ChangeKind::Edited => "edited",
        ChangeKind::Deleted => "deleted",
    }
}

pub(crate) fn parse_change_kind(word: &str) -> Option<ChangeKind> {
    [ChangeKind::Edited, ChangeKind::Deleted].into_iter().find(|it| change_kind(*it) == word)
}

pub(crate) const fn entry_kind(value: EntryKind) -> &'static str {
    match value {
        EntryKind::First => "first",
        EntryKind::Refresh => "refresh",
        EntryKind::Takeover => "takeover",
        EntryKind::SecondDevice => "second_device",
    }
}

pub(crate) fn parse_entry_kind(word: &str) -> Option<EntryKind> {
    let all = [EntryKind::First, EntryKind::Refresh, EntryKind::Takeover, EntryKind::SecondDevice];
    all.into_iter().find(|it| entry_kind(*it) == word)
}

pub(crate) fn parse_code(word: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|it| it.as_str() == word)
}
