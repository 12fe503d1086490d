//! Which events there are, for whoever writes them down (`documents`, `docs/events.md`).

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{
    AccountData, BannedData, ChangeData, ClosedData, EndData, Envelope, LockData, LoginData,
    MessageData, RoomData, StayData,
};

/// A kind of event.
pub(crate) struct EventKind {
    /// The routing key, with `{room}` or `{user}` for whom it is about.
    pub(crate) key: &'static str,
    /// When there is one.
    pub(crate) about: &'static str,
    /// All of it.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Each of them.
pub(crate) const ALL: &[EventKind] = &[
    kind::<RoomData<'_>>("room.{room}.opened", "Somebody entered a room for the first time."),
    kind::<RoomData<'_>>("room.{room}.changed", "A room's settings were changed."),
    kind::<ClosedData>("room.{room}.closed", "A room was closed."),
    kind::<StayData>("room.{room}.member.entered", "A stay began."),
    kind::<StayData>("room.{room}.member.left", "A stay ended."),
    kind::<StayData>("room.{room}.member.removed", "A stay was ended by the owner or staff."),
    kind::<BannedData>("room.{room}.member.banned", "A user may not come back."),
    kind::<BannedData>("room.{room}.member.unbanned", "A user may come back."),
    kind::<MessageData<'_>>("room.{room}.message.created", "Something was said."),
    kind::<ChangeData<'_>>("room.{room}.message.edited", "A message has new words."),
    kind::<ChangeData<'_>>("room.{room}.message.deleted", "A message was emptied."),
    kind::<AccountData<'_>>("account.{user}.created", "Somebody signed up, or came as a guest."),
    kind::<EndData>("account.{user}.deleted", "An account has ended; its name is free."),
    kind::<LockData>("account.{user}.locked", "An account was locked."),
    kind::<LockData>("account.{user}.unlocked", "An account was unlocked."),
    kind::<LoginData>("account.{user}.login.ended", "A login ended."),
];

const fn kind<T: JsonSchema>(key: &'static str, about: &'static str) -> EventKind {
    EventKind { key, about, schema: |generator| generator.subschema_for::<Envelope<T>>() }
}

impl EventKind {
    /// The key without whom it is about, which is the event's `type`.
    pub(crate) fn name(&self) -> String {
        self.key.replace(".{room}", "").replace(".{user}", "")
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn each_kind_stands_in_the_document_for_people() {
        let text = include_str!("../../../../../docs/events.md");
        for kind in ALL {
            let key = kind.key.replace("{room}", "<id>").replace("{user}", "<uuid>");
            let end = key.rsplit_once('.').map_or("", |(_, end)| end);
            // Two that differ in their ends alone stand in one row.
            let is_there =
                text.contains(&format!("`{key}`")) || text.contains(&format!("`.{end}`"));
            assert!(is_there, "{key}");
        }
    }
}
