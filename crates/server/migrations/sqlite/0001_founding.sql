-- The founding schema of the embedded store.
--
-- Habits of every table: STRICT, so that a column holds what it says. UUIDs are BLOBs of 16 bytes:
-- half the size of their text in every index. Times are wall-clock milliseconds since the Unix
-- epoch, except where a comment says seconds. Enumerations are the words of the wire contract.
-- Secrets are never here: only hashes of passwords (PHC strings) and of token signatures.

-- One row. The epoch must outlive every seat store, so it lives with the data and only ever rises.
CREATE TABLE meta (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL CHECK (epoch >= 0)
) STRICT;
INSERT INTO meta (one, epoch) VALUES (1, 0);

CREATE TABLE users (
    id                  BLOB PRIMARY KEY CHECK (length(id) = 16),
    username            TEXT NOT NULL,
    -- The caller folds, the index judges: parallel sign-ups of one name leave exactly one.
    username_folded     TEXT NOT NULL UNIQUE,
    display_name        TEXT NOT NULL,
    -- Absent for guests, who have no password to check.
    password_hash       TEXT,
    password_expires_at INTEGER,
    expires_at          INTEGER,
    locked_at           INTEGER,
    contact_number      TEXT,
    created_at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_roles (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT NOT NULL CHECK (role IN ('user', 'guest', 'moderator', 'admin', 'service')),
    PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
    -- The order in which logins began. A clock can step back; this cannot, so "the oldest" is by it.
    ordinal        INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    user_id        BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The token in force, by the SHA-256 of its signature part: a copy of this table opens nothing.
    signature_hash BLOB NOT NULL CHECK (length(signature_hash) = 32),
    jti            BLOB NOT NULL CHECK (length(jti) = 16),
    -- Seconds, as the token itself carries them: the same token can be minted again from this row.
    issued_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    -- The token that the last refresh replaced, for two tabs that refresh at once.
    previous_hash  BLOB CHECK (length(previous_hash) = 32),
    previous_until INTEGER,
    created_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    end_reason     TEXT,
    CHECK ((previous_hash IS NULL) = (previous_until IS NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;
CREATE INDEX logins_live ON logins (user_id, ordinal) WHERE ended_at IS NULL;

-- Rooms that were asked for and that nobody has entered yet. AUTOINCREMENT, because a number that
-- was once said aloud must not come back for another room, even when its row is gone. A room keeps
-- its number when it opens, so this one sequence serves both tables.
CREATE TABLE creation_queue (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL,
    capacity      INTEGER NOT NULL CHECK (capacity >= 1),
    staff_seats   INTEGER NOT NULL CHECK (staff_seats >= 0),
    visibility    TEXT NOT NULL CHECK (visibility IN ('public', 'unlisted')),
    key           TEXT,
    password_hash TEXT,
    lifetime      TEXT NOT NULL CHECK (lifetime IN ('persistent', 'until_empty')),
    owner_id      BLOB NOT NULL REFERENCES users (id),
    created_at    INTEGER NOT NULL,
    pending_until INTEGER NOT NULL
) STRICT;
-- The first room is 101: short to say, and no leading zeros to wonder about.
INSERT INTO sqlite_sequence (name, seq) VALUES ('creation_queue', 100);

-- Rooms that somebody entered at least once. A row appears only together with its first membership.
CREATE TABLE rooms (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    capacity      INTEGER NOT NULL CHECK (capacity >= 1),
    staff_seats   INTEGER NOT NULL CHECK (staff_seats >= 0),
    visibility    TEXT NOT NULL CHECK (visibility IN ('public', 'unlisted')),
    key           TEXT,
    password_hash TEXT,
    lifetime      TEXT NOT NULL CHECK (lifetime IN ('persistent', 'until_empty')),
    owner_id      BLOB NOT NULL REFERENCES users (id),
    created_at    INTEGER NOT NULL,
    pending_until INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL,
    closed_at     INTEGER,
    -- The last number given in this room, changed in the transaction that gives it: no gaps.
    last_seq      INTEGER NOT NULL DEFAULT 0 CHECK (last_seq >= 0)
) STRICT;
CREATE INDEX rooms_open ON rooms (id) WHERE closed_at IS NULL;

-- One row per stay, kept after it ended. (epoch, n) is the grant number of the stay's first entry;
-- both fit SQLite's signed integers for longer than the hardware lasts.
CREATE TABLE memberships (
    ordinal     INTEGER PRIMARY KEY,
    room_id     INTEGER NOT NULL REFERENCES rooms (id),
    user_id     BLOB NOT NULL REFERENCES users (id),
    epoch       INTEGER NOT NULL CHECK (epoch >= 0),
    n           INTEGER NOT NULL CHECK (n >= 0),
    entered_at  INTEGER NOT NULL,
    left_at     INTEGER,
    left_reason TEXT,
    UNIQUE (room_id, epoch, n),
    CHECK ((left_at IS NULL) = (left_reason IS NULL))
) STRICT;
-- Nobody stays in one room twice at once, whatever the code above believes. Small, since it holds
-- the open stays only, so a start after a crash finds them without reading the history.
CREATE UNIQUE INDEX memberships_open ON memberships (room_id, user_id) WHERE left_at IS NULL;

-- No reference to rooms: a room can still be pending, and its number is never used for another.
CREATE TABLE bans (
    room_id   INTEGER NOT NULL,
    user_id   BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    banned_by BLOB NOT NULL,
    banned_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;

-- Clustered by (room, seq): a page of history is a few neighbouring leaves.
CREATE TABLE messages (
    room_id      INTEGER NOT NULL REFERENCES rooms (id),
    seq          INTEGER NOT NULL CHECK (seq >= 1),
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
    PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_id ON messages (id);
-- What makes a sender's retry safe: the second copy has no place to go.
CREATE UNIQUE INDEX messages_client ON messages (room_id, sender_id, client_id)
    WHERE client_id IS NOT NULL;
