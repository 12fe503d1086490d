-- A commit of messages touches fewer pages.

-- One tree whose leaves hold the rows and whose inner pages hold nothing but numbers. Clustered by
-- (room_id, seq) without a rowid, inner pages held whole messages, and each split wrote its neighbours too.
CREATE TABLE messages_by_row (
    -- room * 2^32 + seq: one room's messages are one range, newest last.
    row_no       INTEGER PRIMARY KEY,
    -- Of a room that is there: it is read in the same transaction, and no room is taken away in which
    -- something was said. Not declared, because it would cost an index to look from the room to here.
    room_id      INTEGER NOT NULL,
    seq          INTEGER NOT NULL CHECK (seq >= 1 AND row_no = (room_id << 32) | seq),
    id           BLOB NOT NULL CHECK (length(id) = 16),
    -- Absent when the server said it or the account is gone: what was said outlives who said it.
    sender_id    BLOB REFERENCES users (id) ON DELETE SET NULL,
    client_id    TEXT,
    kind         TEXT NOT NULL CHECK (kind IN ('text', 'notification')),
    content_type TEXT NOT NULL,
    content      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER,
    deleted_at   INTEGER,
    -- The number of the last change of this message: what a change that is asked for again is answered with.
    changed_seq  INTEGER
) STRICT;
INSERT INTO messages_by_row
    SELECT (room_id << 32) | seq, room_id, seq, id, sender_id, client_id, kind, content_type, content,
           created_at, updated_at, deleted_at, changed_seq
    FROM messages ORDER BY room_id, seq;
DROP TABLE messages;
ALTER TABLE messages_by_row RENAME TO messages;
CREATE UNIQUE INDEX messages_id ON messages (id);
-- What makes a sender's retry safe: the second copy has no place to go. Senders whose `client_id`s rise
-- with time write side by side, whoever they are; by sender first, each of them wrote a page of its own.
CREATE UNIQUE INDEX messages_client ON messages (room_id, client_id, sender_id)
    WHERE client_id IS NOT NULL;

-- How far a room's numbers got is what its rows say, so it need not be written down with every message.
-- The column stays for rows that are not there any more: whoever takes messages or changes away raises it
-- in the same transaction, and no number is given twice.
ALTER TABLE rooms RENAME COLUMN last_seq TO seq_floor;
CREATE VIEW last_seqs AS
    SELECT id AS room_id,
           max(seq_floor,
               coalesce((SELECT seq FROM messages
                         WHERE row_no > rooms.id << 32 AND row_no < (rooms.id + 1) << 32
                         ORDER BY row_no DESC LIMIT 1), 0),
               coalesce((SELECT seq FROM changes WHERE room_id = rooms.id
                         ORDER BY seq DESC LIMIT 1), 0)) AS last_seq,
           closed_at
    FROM rooms;
