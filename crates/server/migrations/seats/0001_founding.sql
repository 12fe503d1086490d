-- The founding schema of the seat store of strategy `conditional`.
--
-- Habits of every table: STRICT, so that a column holds what it says. UUIDs are BLOBs of 16 bytes.
-- Times are milliseconds on the clock of deadlines, which starts at the wall clock's reading.
-- Enumerations are words. A grant number is two columns, the epoch and the number within it.
-- Nothing here is a counter: whoever wants to know how many there are counts the rows.

CREATE TABLE rooms (
    id            INTEGER PRIMARY KEY,
    -- Which life of the store the grant numbers belong to, and the last one that was given.
    epoch         INTEGER NOT NULL CHECK (epoch >= 0),
    next          INTEGER NOT NULL CHECK (next >= 0),
    -- The last place in the line that was given.
    next_place    INTEGER NOT NULL CHECK (next_place >= 0),
    capacity      INTEGER NOT NULL CHECK (capacity >= 1),
    staff_seats   INTEGER NOT NULL CHECK (staff_seats >= 0),
    -- A room that is gone has no row.
    state         TEXT NOT NULL CHECK (state IN ('open', 'closing')),
    lifetime      TEXT NOT NULL CHECK (lifetime IN ('persistent', 'until_empty')),
    pending_until INTEGER,
    was_used      INTEGER NOT NULL CHECK (was_used IN (0, 1))
) STRICT;

-- One row is one place, whatever its user has there; how many rows a room has is what its capacity
-- bounds. The row goes with the last thing on it.
CREATE TABLE slots (
    room           INTEGER NOT NULL REFERENCES rooms (id),
    user           BLOB NOT NULL CHECK (length(user) = 16),
    class          TEXT NOT NULL CHECK (class IN ('ordinary', 'staff')),
    state          TEXT NOT NULL CHECK (state IN ('occupied', 'held', 'reserved')),
    -- The open reservation: all of these or none. The nonce is the secret half of the ticket; without
    -- the key of the tickets it opens nothing.
    reserved_epoch INTEGER,
    reserved_n     INTEGER,
    nonce          BLOB CHECK (length(nonce) = 16),
    login          BLOB CHECK (length(login) = 16),
    deadline       INTEGER,
    reserved_since INTEGER,
    attempts       INTEGER,
    offered        INTEGER CHECK (offered IN (0, 1)),
    -- From which address it was asked for, where reservations per address are bounded.
    address        BLOB CHECK (length(address) IN (4, 16)),
    -- Repeats what the sitting says, for the index of deadlines.
    held_deadline  INTEGER,
    -- The stay, as long as somebody sits here.
    entered_epoch  INTEGER,
    entered_n      INTEGER,
    entered_since  INTEGER,
    settled        INTEGER CHECK (settled IN (0, 1)),
    -- Who sits here, as one document: parts nest as deep as entries are under way, and nothing is
    -- decided about their inside here.
    sitting        TEXT CHECK (json_valid(sitting)),
    due            INTEGER GENERATED ALWAYS AS (
                       min(coalesce(deadline, held_deadline), coalesce(held_deadline, deadline))
                   ) VIRTUAL,
    PRIMARY KEY (room, user),
    CHECK ((reserved_n IS NULL) = (deadline IS NULL)),
    CHECK ((reserved_n IS NULL) = (nonce IS NULL)),
    CHECK ((reserved_n IS NULL) = (login IS NULL)),
    CHECK ((sitting IS NULL) = (entered_n IS NULL)),
    CHECK ((sitting IS NULL) = (state = 'reserved')),
    CHECK (state <> 'reserved' OR reserved_n IS NOT NULL),
    CHECK ((held_deadline IS NULL) = (state <> 'held')),
    CHECK (address IS NULL OR reserved_n IS NOT NULL)
) STRICT, WITHOUT ROWID;
-- What the decision counts. The rows themselves are not touched for it.
CREATE INDEX slots_counted ON slots (room, class, state);
CREATE INDEX slots_due ON slots (room, due) WHERE due IS NOT NULL;
CREATE INDEX slots_of_user ON slots (user);
CREATE INDEX slots_from_address ON slots (address) WHERE address IS NOT NULL;

-- The line in front of a full room; the lower place goes first.
CREATE TABLE waiters (
    room          INTEGER NOT NULL REFERENCES rooms (id),
    place         INTEGER NOT NULL CHECK (place >= 1),
    user          BLOB NOT NULL CHECK (length(user) = 16),
    login         BLOB NOT NULL CHECK (length(login) = 16),
    -- The secret half of the ticket that will be offered.
    nonce         BLOB NOT NULL CHECK (length(nonce) = 16),
    is_staff      INTEGER NOT NULL CHECK (is_staff IN (0, 1)),
    joined        INTEGER NOT NULL,
    streams       INTEGER NOT NULL CHECK (streams >= 0),
    away_deadline INTEGER,
    address       BLOB CHECK (length(address) IN (4, 16)),
    PRIMARY KEY (room, place),
    UNIQUE (room, user),
    CHECK ((streams = 0) = (away_deadline IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX waiters_staff ON waiters (room, place) WHERE is_staff = 1;
CREATE INDEX waiters_due ON waiters (room, away_deadline) WHERE away_deadline IS NOT NULL;
CREATE INDEX waiters_of_user ON waiters (user);
CREATE INDEX waiters_from_address ON waiters (address) WHERE address IS NOT NULL;

-- Entries between their confirmation and their end, and why the part is gone already, if it is.
CREATE TABLE entering (
    room        INTEGER NOT NULL REFERENCES rooms (id),
    session     BLOB NOT NULL CHECK (length(session) = 16),
    user        BLOB NOT NULL CHECK (length(user) = 16),
    node        INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    ended       TEXT,
    PRIMARY KEY (room, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX entering_of_user ON entering (room, user);

-- Where a user is under the policy of one session in all: the highest ugen is the current place, and
-- lower ones are former places that an entry under way has not given up yet. They are kept here and
-- not read off the slots, because a place outlives its part: an entry whose part ended early still
-- has its place until it is settled or aborted.
CREATE TABLE places (
    user    BLOB NOT NULL CHECK (length(user) = 16),
    ugen    INTEGER NOT NULL,
    room    INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    session BLOB NOT NULL CHECK (length(session) = 16),
    PRIMARY KEY (user, ugen)
) STRICT, WITHOUT ROWID;
