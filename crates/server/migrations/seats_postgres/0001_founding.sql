-- The seats of strategy `conditional`, beside the facts that they belong to: put back together, or not at all.
--
-- The tables and the rules of `../seats`, with `seat_` in front. Times are milliseconds on the clock of
-- deadlines, which starts at the wall clock's reading. Enumerations are words. A grant number is two
-- columns, the epoch and the number within it. Nothing here is a counter: whoever wants to know how many
-- there are counts the rows.

-- Its row is locked for every step of the room.
CREATE TABLE seat_rooms (
    id            bigint PRIMARY KEY,
    -- Which life of the store the grant numbers belong to, and the last one that was given.
    epoch         bigint NOT NULL CHECK (epoch >= 0),
    next          bigint NOT NULL CHECK (next >= 0),
    -- The last place in the line that was given.
    next_place    bigint NOT NULL CHECK (next_place >= 0),
    capacity      bigint NOT NULL CHECK (capacity >= 1),
    staff_seats   bigint NOT NULL CHECK (staff_seats >= 0),
    -- A room that is gone has no row.
    state         text NOT NULL CHECK (state IN ('open', 'closing')),
    lifetime      text NOT NULL CHECK (lifetime IN ('persistent', 'until_empty')),
    pending_until bigint,
    was_used      boolean NOT NULL
) WITH (fillfactor = 50);

-- One row is one place, whatever its user has there; how many rows a room has is what its capacity
-- bounds. The row goes with the last thing on it.
CREATE TABLE seat_slots (
    room           bigint NOT NULL REFERENCES seat_rooms (id),
    user_id        uuid NOT NULL,
    class          text NOT NULL CHECK (class IN ('ordinary', 'staff')),
    state          text NOT NULL CHECK (state IN ('occupied', 'held', 'reserved')),
    -- The open reservation: all of these or none. The nonce is the secret half of the ticket; without
    -- the key of the tickets it opens nothing.
    reserved_epoch bigint,
    reserved_n     bigint,
    nonce          uuid,
    login          uuid,
    deadline       bigint,
    reserved_since bigint,
    attempts       bigint,
    offered        boolean,
    -- From which address it was asked for, where reservations per address are bounded.
    address        inet,
    -- Repeats what the sitting says, for the index of deadlines.
    held_deadline  bigint,
    -- The stay, as long as somebody sits here.
    entered_epoch  bigint,
    entered_n      bigint,
    entered_since  bigint,
    settled        boolean,
    -- Who sits here, as one document: parts nest as deep as entries are under way, and nothing is
    -- decided about their inside here.
    sitting        text,
    due            bigint GENERATED ALWAYS AS (least(deadline, held_deadline)) STORED,
    PRIMARY KEY (room, user_id),
    CHECK ((reserved_n IS NULL) = (deadline IS NULL)),
    CHECK ((reserved_n IS NULL) = (nonce IS NULL)),
    CHECK ((reserved_n IS NULL) = (login IS NULL)),
    CHECK ((sitting IS NULL) = (entered_n IS NULL)),
    CHECK ((sitting IS NULL) = (state = 'reserved')),
    CHECK (state <> 'reserved' OR reserved_n IS NOT NULL),
    CHECK ((held_deadline IS NULL) = (state <> 'held')),
    CHECK (address IS NULL OR reserved_n IS NOT NULL)
);
-- What the decision counts. The rows themselves are not touched for it.
CREATE INDEX seat_slots_counted ON seat_slots (room, class, state);
CREATE INDEX seat_slots_due ON seat_slots (room, due) WHERE due IS NOT NULL;
CREATE INDEX seat_slots_of_user ON seat_slots (user_id);
CREATE INDEX seat_slots_from_address ON seat_slots (address) WHERE address IS NOT NULL;

-- The line in front of a full room; the lower place goes first.
CREATE TABLE seat_waiters (
    room          bigint NOT NULL REFERENCES seat_rooms (id),
    place         bigint NOT NULL CHECK (place >= 1),
    user_id       uuid NOT NULL,
    login         uuid NOT NULL,
    -- The secret half of the ticket that will be offered.
    nonce         uuid NOT NULL,
    is_staff      boolean NOT NULL,
    joined        bigint NOT NULL,
    -- The names of those that are attached: a list of [node, incarnation, number].
    stream_names  text NOT NULL,
    away_deadline bigint,
    address       inet,
    PRIMARY KEY (room, place),
    UNIQUE (room, user_id)
);
CREATE INDEX seat_waiters_staff ON seat_waiters (room, place) WHERE is_staff;
CREATE INDEX seat_waiters_due ON seat_waiters (room, away_deadline) WHERE away_deadline IS NOT NULL;
CREATE INDEX seat_waiters_of_user ON seat_waiters (user_id);
CREATE INDEX seat_waiters_from_address ON seat_waiters (address) WHERE address IS NOT NULL;

-- Entries between their confirmation and their end, and why the part is gone already, if it is.
CREATE TABLE seat_entering (
    room        bigint NOT NULL REFERENCES seat_rooms (id),
    session     uuid NOT NULL,
    user_id     uuid NOT NULL,
    node        bigint NOT NULL,
    incarnation bigint NOT NULL,
    ended       text,
    PRIMARY KEY (room, session)
);
CREATE INDEX seat_entering_of_user ON seat_entering (room, user_id);

-- Where a user is under the policy of one session in all: the highest ugen is the current place, and
-- lower ones are former places that an entry under way has not given up yet.
CREATE TABLE seat_places (
    user_id uuid NOT NULL,
    ugen    bigint NOT NULL,
    room    bigint NOT NULL,
    epoch   bigint NOT NULL,
    n       bigint NOT NULL,
    session uuid NOT NULL,
    PRIMARY KEY (user_id, ugen)
);
