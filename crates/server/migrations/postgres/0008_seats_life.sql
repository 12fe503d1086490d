-- How often the seats were lost and made anew, so that no node gives seats of the next life while another
-- one's sessions still sit on those of the last.
ALTER TABLE meta ADD COLUMN seats_life bigint NOT NULL DEFAULT 0 CHECK (seats_life >= 0);
-- The life up to which a node has ended its sessions.
ALTER TABLE nodes ADD COLUMN seats_life bigint NOT NULL DEFAULT 0;
