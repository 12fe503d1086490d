-- What happened, for other services: each row is written in the transaction of the fact that it tells of,
-- and goes once a broker has taken it. Empty where events are switched off.
CREATE TABLE events (
    -- Drawn within the transaction: of two facts of which one was durable before the other began, that one
    -- has the lower number.
    n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- By which whoever reads an event twice knows it again.
    id          uuid NOT NULL,
    routing_key text NOT NULL,
    -- JSON as it goes out. No secret, no hash, no contact number.
    payload     text NOT NULL,
    occurred_at bigint NOT NULL
);

-- One row: which process publishes, so that several do not publish the same.
CREATE TABLE events_turn (
    one        integer PRIMARY KEY CHECK (one = 1),
    publisher  uuid,
    -- On this database's clock.
    held_until timestamptz NOT NULL
);
INSERT INTO events_turn (one, held_until) VALUES (1, now());
