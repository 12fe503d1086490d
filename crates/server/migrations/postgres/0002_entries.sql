-- The entry log: what became of each attempt to enter. Written in the background, in batches, and
-- bounded: the oldest rows go when there are more than the configuration keeps.

-- No reference to rooms or users: a refused attempt may name a room that is pending or never was one,
-- and what happened is kept when the account is gone. No ticket, token, password or address is here.
CREATE TABLE entries (
    -- UUIDv7: rows arrive, are listed and are dropped in the order of the key.
    id                     uuid PRIMARY KEY,
    at                     bigint NOT NULL,
    -- Absent where nothing proves it: a forged ticket names nobody.
    room_id                bigint,
    user_id                uuid,
    epoch                  bigint,
    n                      bigint,
    strategy               text NOT NULL,
    -- These four are words of the wire contract. Unchecked, because a word that is added later must not
    -- need a migration.
    outcome                text NOT NULL,
    code                   text,
    stage                  text,
    entry                  text,
    takeover               boolean NOT NULL,
    offered                boolean NOT NULL,
    attempts               bigint NOT NULL CHECK (attempts >= 0),
    -- Milliseconds.
    reservation_to_connect bigint,
    -- Microseconds.
    decision               bigint,
    CHECK ((epoch IS NULL) = (n IS NULL))
);
CREATE INDEX entries_room ON entries (room_id, id) WHERE room_id IS NOT NULL;
CREATE INDEX entries_user ON entries (user_id, id) WHERE user_id IS NOT NULL;
