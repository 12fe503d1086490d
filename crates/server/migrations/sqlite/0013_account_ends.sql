-- An account ends as a row without a name, a password or a number: what was said, done and owned hangs on it.

ALTER TABLE users ADD COLUMN gone_at INTEGER;
-- Whether what they said is still to be taken away.
ALTER TABLE users ADD COLUMN erases INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_erasing ON users (id) WHERE erases = 1;
