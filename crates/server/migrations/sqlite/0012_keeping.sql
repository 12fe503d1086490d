-- Messages may be kept for a while only: the oldest of a room go, and the room says how far.

-- Every number of the room up to this one that had a message or a change is gone. What is above is all there.
ALTER TABLE rooms ADD COLUMN gone_seq INTEGER NOT NULL DEFAULT 0;

-- Set when the message goes and this change of it stays: whoever reads the log is told of a message that is
-- not there any more, and of no hole.
ALTER TABLE changes ADD COLUMN target_id BLOB CHECK (length(target_id) = 16);
-- The changes of what goes.
CREATE INDEX changes_target ON changes (room_id, target_seq);
