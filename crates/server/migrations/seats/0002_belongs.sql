-- Whose seats these are: the database that they belong to, by the name it was founded with, and the
-- last life of the server that began on them. No row in a file that nobody has begun on.
CREATE TABLE belongs (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    deployment BLOB NOT NULL CHECK (length(deployment) = 16),
    life       INTEGER NOT NULL CHECK (life >= 1)
) STRICT;
