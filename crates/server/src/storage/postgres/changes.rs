//! Edits and deletes as they are read back.

use anteroom_core::ids::{MessageId, RoomId};
use deadpool_postgres::GenericClient;

use super::ask::{rows, word};
use super::error::Step;
use crate::storage::{ChangeRecord, words};

statements! {
    CHANGES_BETWEEN = "SELECT c.seq AS seq, target_seq, at,
                              CASE WHEN m.id IS NULL THEN 'deleted' ELSE c.kind END AS kind,
                              coalesce(m.id, target_id) AS id, coalesce(content, '') AS content
                       FROM changes AS c
                       LEFT JOIN messages AS m ON m.room_id = c.room_id AND m.seq = target_seq
                       WHERE c.room_id = $1 AND c.seq > $2 AND c.seq <= $3 ORDER BY c.seq";
}

/// The changes of a room above `after` and up to `last`, in their order, with the words that stand now. Of a
/// message that is not kept any more each says that it was deleted.
pub(super) async fn between(
    on: &impl GenericClient,
    room: RoomId,
    after: i64,
    last: i64,
) -> Step<Vec<ChangeRecord>> {
    let rows = rows(on, CHANGES_BETWEEN, &[&room.0, &after, &last]).await?;
    rows.iter()
        .map(|row| {
            Ok(ChangeRecord {
                seq: row.try_get("seq")?,
                target: MessageId(row.try_get("id")?),
                target_seq: row.try_get("target_seq")?,
                kind: word(row, "kind", words::parse_change_kind)?,
                content: row.try_get("content")?,
                at: row.try_get("at")?,
            })
        })
        .collect()
}
