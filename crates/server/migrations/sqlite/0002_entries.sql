-- The entry log: what became of each attempt to enter. Written in the background, in batches, and
-- bounded: the oldest rows go when there are more than the configuration keeps.

-- No reference to rooms or users: a refused attempt may name a room that is pending or never was one,
-- and what happened is kept when the account is gone. No ticket, token, password or address is here.
CREATE TABLE entries (
    -- UUIDv7: rows arrive, are listed and are dropped in the order of the key, so the table grows at
    -- one end and shrinks at the other.
    id                     BLOB PRIMARY KEY CHECK (length(id) = 16),
    at                     INTEGER NOT NULL,
    -- Absent where nothing proves it: a forged ticket names nobody.
    room_id                INTEGER,
    user_id                BLOB CHECK (length(user_id) = 16),
    epoch                  INTEGER,
    n                      INTEGER,
    strategy               TEXT NOT NULL,
    -- These four are words of the wire contract. Unchecked, because a word that is added later must not
    -- need the table to be made anew.
    outcome                TEXT NOT NULL,
    code                   TEXT,
    stage                  TEXT,
    entry                  TEXT,
    takeover               INTEGER NOT NULL CHECK (takeover IN (0, 1)),
    offered                INTEGER NOT NULL CHECK (offered IN (0, 1)),
    attempts               INTEGER NOT NULL CHECK (attempts >= 0),
    -- Milliseconds.
    reservation_to_connect INTEGER,
    -- Microseconds.
    decision               INTEGER,
    CHECK ((epoch IS NULL) = (n IS NULL))
) STRICT, WITHOUT ROWID;
-- The key stands behind each: pages of one room or one user are read in order and need no sorting.
CREATE INDEX entries_room ON entries (room_id, id) WHERE room_id IS NOT NULL;
CREATE INDEX entries_user ON entries (user_id, id) WHERE user_id IS NOT NULL;
