-- What a message answers: the number of an earlier one in the same room. Without a key to it: a message is never
-- removed, only emptied, and what was said may be moved to another store in any order.
ALTER TABLE messages ADD COLUMN reply_to INTEGER;
