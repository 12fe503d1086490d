-- Edits and deletes. Each is a durable thing of its room with a number of its own, from the same sequence
-- as the messages; what it does to the message is done in the same transaction.

-- The new words are not here. They stand in the message alone, so there is one place from which a deletion
-- takes them, and nothing that was taken back can be read from an older edit.
CREATE TABLE changes (
    room_id    bigint NOT NULL REFERENCES rooms (id),
    seq        bigint NOT NULL CHECK (seq >= 1),
    -- A message of the same room, by its number.
    target_seq bigint NOT NULL CHECK (target_seq >= 1 AND target_seq < seq),
    kind       text NOT NULL CHECK (kind IN ('edited', 'deleted')),
    -- Absent when the account is gone: what was done outlives who did it.
    actor_id   uuid REFERENCES users (id) ON DELETE SET NULL,
    at         bigint NOT NULL,
    PRIMARY KEY (room_id, seq)
);

-- The number of the last change of this message: what a change that is asked for again is answered with.
ALTER TABLE messages ADD COLUMN changed_seq bigint;
