-- What happened, for other services: each row is written in the transaction of the fact that it tells of,
-- and goes once a broker has taken it. Empty where events are switched off. A file has one server, and so
-- one publisher.
CREATE TABLE events (
    -- AUTOINCREMENT: a number that went is not given again, so rows are read in the order of the facts.
    n           INTEGER PRIMARY KEY AUTOINCREMENT,
    -- By which whoever reads an event twice knows it again.
    id          BLOB NOT NULL CHECK (length(id) = 16),
    routing_key TEXT NOT NULL,
    -- JSON as it goes out. No secret, no hash, no contact number.
    payload     TEXT NOT NULL,
    occurred_at INTEGER NOT NULL
) STRICT;
