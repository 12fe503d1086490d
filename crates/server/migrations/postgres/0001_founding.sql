-- The founding schema of the store on PostgreSQL: the tables and the rules of `../sqlite`, number by number.
--
-- Habits of every table: UUIDs are uuid. Times are wall-clock milliseconds since the Unix epoch as bigint,
-- except where a comment says seconds: what is read is what was written, in whatever time zone the server
-- believes to be. Enumerations are the words of the wire contract. Secrets are never here: only hashes of
-- passwords (PHC strings) and of token signatures.

-- One row. The epoch must outlive every seat store, so it lives with the data and only ever rises.
CREATE TABLE meta (
    one   integer PRIMARY KEY CHECK (one = 1),
    epoch bigint NOT NULL CHECK (epoch >= 0)
);
INSERT INTO meta (one, epoch) VALUES (1, 0);

CREATE TABLE users (
    id                  uuid PRIMARY KEY,
    username            text NOT NULL,
    -- The caller folds, the index judges: parallel sign-ups of one name leave exactly one.
    username_folded     text NOT NULL UNIQUE,
    display_name        text NOT NULL,
    -- Absent for guests, who have no password to check.
    password_hash       text,
    password_expires_at bigint,
    expires_at          bigint,
    locked_at           bigint,
    contact_number      text,
    created_at          bigint NOT NULL
);

CREATE TABLE user_roles (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    text NOT NULL CHECK (role IN ('user', 'guest', 'moderator', 'admin', 'service')),
    PRIMARY KEY (user_id, role)
);

CREATE TABLE logins (
    -- The order in which logins began. A clock can step back; this cannot, so "the oldest" is by it. It is
    -- drawn while the user's row is locked, so of one user's logins the later has the higher.
    ordinal        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid NOT NULL UNIQUE,
    user_id        uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The token in force, by the SHA-256 of its signature part: a copy of this table opens nothing.
    signature_hash bytea NOT NULL CHECK (length(signature_hash) = 32),
    jti            uuid NOT NULL,
    -- Seconds, as the token itself carries them: the same token can be minted again from this row.
    issued_at      bigint NOT NULL,
    expires_at     bigint NOT NULL,
    -- The token that the last refresh replaced, for two tabs that refresh at once.
    previous_hash  bytea CHECK (length(previous_hash) = 32),
    previous_until bigint,
    created_at     bigint NOT NULL,
    ended_at       bigint,
    end_reason     text,
    CHECK ((previous_hash IS NULL) = (previous_until IS NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX logins_live ON logins (user_id, ordinal) WHERE ended_at IS NULL;

-- A number that was once said aloud must not come back for another room, even when its row is gone. A room
-- keeps its number when it opens, so this one sequence serves both tables. The first room is 101: short to
-- say, and no leading zeros to wonder about.
CREATE SEQUENCE room_numbers AS bigint START WITH 101;

-- Rooms that were asked for and that nobody has entered yet.
CREATE TABLE creation_queue (
    id            bigint PRIMARY KEY DEFAULT nextval('room_numbers'),
    name          text NOT NULL,
    capacity      bigint NOT NULL CHECK (capacity >= 1),
    staff_seats   bigint NOT NULL CHECK (staff_seats >= 0),
    visibility    text NOT NULL CHECK (visibility IN ('public', 'unlisted')),
    key           text,
    password_hash text,
    lifetime      text NOT NULL CHECK (lifetime IN ('persistent', 'until_empty')),
    owner_id      uuid NOT NULL REFERENCES users (id),
    created_at    bigint NOT NULL,
    pending_until bigint NOT NULL
);
ALTER SEQUENCE room_numbers OWNED BY creation_queue.id;

-- Rooms that somebody entered at least once. A row appears only together with its first membership. It is
-- rewritten by every batch of messages: the space left in its page lets that stay within the page.
CREATE TABLE rooms (
    id            bigint PRIMARY KEY,
    name          text NOT NULL,
    capacity      bigint NOT NULL CHECK (capacity >= 1),
    staff_seats   bigint NOT NULL CHECK (staff_seats >= 0),
    visibility    text NOT NULL CHECK (visibility IN ('public', 'unlisted')),
    key           text,
    password_hash text,
    lifetime      text NOT NULL CHECK (lifetime IN ('persistent', 'until_empty')),
    owner_id      uuid NOT NULL REFERENCES users (id),
    created_at    bigint NOT NULL,
    pending_until bigint NOT NULL,
    opened_at     bigint NOT NULL,
    closed_at     bigint,
    -- The last number given in this room, changed in the transaction that gives it, under the row's lock:
    -- no gaps, however many nodes write.
    last_seq      bigint NOT NULL DEFAULT 0 CHECK (last_seq >= 0)
) WITH (fillfactor = 50);
CREATE INDEX rooms_open ON rooms (id) WHERE closed_at IS NULL;

-- One row per stay, kept after it ended. (epoch, n) is the grant number of the stay's first entry.
CREATE TABLE memberships (
    ordinal     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id     bigint NOT NULL REFERENCES rooms (id),
    user_id     uuid NOT NULL REFERENCES users (id),
    epoch       bigint NOT NULL CHECK (epoch >= 0),
    n           bigint NOT NULL CHECK (n >= 0),
    entered_at  bigint NOT NULL,
    left_at     bigint,
    left_reason text,
    UNIQUE (room_id, epoch, n),
    CHECK ((left_at IS NULL) = (left_reason IS NULL))
);
-- Nobody stays in one room twice at once, whatever the code above believes. Small, since it holds
-- the open stays only, so a start after a crash finds them without reading the history.
CREATE UNIQUE INDEX memberships_open ON memberships (room_id, user_id) WHERE left_at IS NULL;
-- Finds the stay that opened a room.
CREATE INDEX memberships_first ON memberships (room_id, ordinal);

-- No reference to rooms: a room can still be pending, and its number is never used for another.
CREATE TABLE bans (
    room_id   bigint NOT NULL,
    user_id   uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    banned_by uuid NOT NULL,
    banned_at bigint NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

CREATE TABLE messages (
    room_id      bigint NOT NULL REFERENCES rooms (id),
    seq          bigint NOT NULL CHECK (seq >= 1),
    id           uuid NOT NULL UNIQUE,
    -- Absent when the server said it or the account is gone: what was said outlives who said it.
    sender_id    uuid REFERENCES users (id) ON DELETE SET NULL,
    client_id    text,
    kind         text NOT NULL CHECK (kind IN ('text', 'notification')),
    content_type text NOT NULL,
    content      text NOT NULL,
    created_at   bigint NOT NULL,
    updated_at   bigint,
    deleted_at   bigint,
    PRIMARY KEY (room_id, seq)
);
-- What makes a sender's retry safe: the second copy has no place to go.
CREATE UNIQUE INDEX messages_client ON messages (room_id, sender_id, client_id)
    WHERE client_id IS NOT NULL;
