-- Finding what was said. Written in the background and behind the log: what is not here yet, a search reads
-- from the messages themselves.

-- Words only, as the program cuts them: the text itself stands in `messages` and nowhere else. Each word has
-- its room in front of it ("101.word"), so what one room asks for is a part of the index of its own and
-- costs the same beside however many rooms. No dictionary and no parser of the server's ever sees a word.
CREATE TABLE found_words (
    room_id bigint NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    seq     bigint NOT NULL,
    words   tsvector NOT NULL,
    PRIMARY KEY (room_id, seq)
);
CREATE INDEX found_words_index ON found_words USING gin (words);

-- Up to which number of a room everything that was said and changed is in there.
CREATE TABLE indexed (
    room_id bigint PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    seq     bigint NOT NULL CHECK (seq >= 0)
);
