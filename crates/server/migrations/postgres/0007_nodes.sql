-- The nodes of a deployment, and how long each may be silent.

CREATE TABLE nodes (
    node         bigint PRIMARY KEY CHECK (node >= 1),
    -- Which life of the node: the epoch that it drew at its start.
    incarnation  bigint NOT NULL CHECK (incarnation >= 1),
    -- Until then, on this database's clock, the node counts as alive without a word.
    leased_until timestamptz NOT NULL,
    -- Its lease is over for good: nothing more is written for it, whenever it wakes up.
    fenced       boolean NOT NULL DEFAULT false,
    -- What it had in the seat store was ended as well.
    swept        boolean NOT NULL DEFAULT false,
    CHECK (fenced OR NOT swept)
);
