-- Streams of waiters by their names, so that attaching or losing one twice is doing it once.
--
-- A list of [node, incarnation, number]; `streams` is its length. A row without names was written
-- before there were any: its streams are of a life of the server that is over.
ALTER TABLE waiters ADD COLUMN stream_names TEXT CHECK (json_valid(stream_names));
