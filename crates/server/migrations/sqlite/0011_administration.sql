-- The audit trail: every act of administration, written before it is done and settled after it. Bounded:
-- the oldest rows go when there are more than the configuration keeps.

-- No reference to users or rooms: what was done is kept when the account or the room is gone.
CREATE TABLE audit (
    -- UUIDv7: rows arrive, are listed and are dropped in the order of the key.
    id       BLOB PRIMARY KEY CHECK (length(id) = 16),
    at       INTEGER NOT NULL,
    -- Absent for the command line.
    actor_id BLOB CHECK (length(actor_id) = 16),
    -- Moderators, administrators and the command line. Their rows are counted apart from those of room
    -- owners, who could otherwise push them out by changing a room of their own again and again.
    by_staff INTEGER NOT NULL CHECK (by_staff IN (0, 1)),
    -- Words of the wire contract. Unchecked, because a word that is added later must not need the table
    -- to be made anew.
    act      TEXT NOT NULL,
    user_id  BLOB CHECK (length(user_id) = 16),
    room_id  INTEGER,
    -- A JSON object. No secret, no password, nothing that was said.
    detail   TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    code     TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_kept ON audit (by_staff, id);
CREATE INDEX audit_act ON audit (act, id);
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_room ON audit (room_id, id) WHERE room_id IS NOT NULL;

-- Outcomes over time are counted from this index alone.
CREATE INDEX entries_at ON entries (at, outcome);
