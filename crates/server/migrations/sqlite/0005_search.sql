-- Finding what was said. Written in the background and behind the log: what is not here yet, a search reads
-- from the messages themselves.

-- Words only, as the program cuts them: the text itself stands in `messages` and nowhere else. The row's
-- number is room * 2^32 + seq, so one room's hits are one range, newest last. The words are separated by
-- spaces and hold no other ASCII than letters and digits, which is what this tokenizer leaves alone.
CREATE VIRTUAL TABLE found_words USING fts5 (
    words,
    content = '',
    contentless_delete = 1,
    tokenize = 'ascii'
);

-- Up to which number of a room everything that was said and changed is in there.
CREATE TABLE indexed (
    room_id INTEGER PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL CHECK (seq >= 0)
) STRICT;
