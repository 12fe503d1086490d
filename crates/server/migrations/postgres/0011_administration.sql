-- The audit trail: every act of administration, written before it is done and settled after it. Bounded:
-- the oldest rows go when there are more than the configuration keeps.

-- No reference to users or rooms: what was done is kept when the account or the room is gone.
CREATE TABLE audit (
    -- UUIDv7: rows arrive, are listed and are dropped in the order of the key.
    id       uuid PRIMARY KEY,
    at       bigint NOT NULL,
    -- Absent for the command line.
    actor_id uuid,
    -- Moderators, administrators and the command line. Their rows are counted apart from those of room
    -- owners, who could otherwise push them out by changing a room of their own again and again.
    by_staff boolean NOT NULL,
    -- Words of the wire contract. Unchecked, because a word that is added later must not need a migration.
    act      text NOT NULL,
    user_id  uuid,
    room_id  bigint,
    -- A JSON object. No secret, no password, nothing that was said.
    detail   text NOT NULL,
    outcome  text NOT NULL,
    code     text
);
CREATE INDEX audit_kept ON audit (by_staff, id);
CREATE INDEX audit_act ON audit (act, id);
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_room ON audit (room_id, id) WHERE room_id IS NOT NULL;

-- Outcomes over time are counted from this index alone.
CREATE INDEX entries_at ON entries (at, outcome);

-- Names are searched by how they begin, in the order of their bytes, whatever the database's collation.
CREATE INDEX users_by_name ON users (username_folded COLLATE "C");
