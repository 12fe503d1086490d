//! One thing to be shown, in pieces that have a look. A piece's text is untrusted until it is shown.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::clean::clean;

/// How a piece looks in a live terminal; nothing of it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Text,
    Faint,
    Strong,
}

/// Something to be shown: a line, or several where its text has several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Look, String)>);

impl Line {
    /// Words of our own.
    pub(super) fn faint(text: impl Into<String>) -> Self {
        Self::default().and(Look::Faint, text)
    }

    /// An answer to what somebody asked for.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::default().and(Look::Text, text)
    }

    /// One more piece.
    pub(super) fn and(mut self, look: Look, text: impl Into<String>) -> Self {
        self.0.push((look, text.into()));
        self
    }

    /// For a live terminal of so many columns. Further rows are set in, those of a long line as well,
    /// so that none looks like a message of its own.
    pub(super) fn shown(&self, columns: usize) -> String {
        let mut rows = Rows { out: String::new(), columns: columns.max(2 * SET_IN), column: 0 };
        for (look, text) in &self.0 {
            let (on, off) = match look {
                Look::Text => ("", ""),
                Look::Faint => ("\x1b[2m", "\x1b[0m"),
                Look::Strong => ("\x1b[1m", "\x1b[0m"),
            };
            rows.out.push_str(on);
            for (number, row) in clean(text, "\n").split('\n').enumerate() {
                if number > 0 {
                    rows.next();
                }
                row.split_inclusive(' ').for_each(|word| rows.word(word));
            }
            rows.out.push_str(off);
        }
        rows.out
    }

    /// For everything else: one line without any escape, whatever it says.
    pub(super) fn plain(&self) -> String {
        self.0.iter().map(|(_, text)| clean(text, " ⏎ ")).collect()
    }
}

/// How far further rows are set in.
const SET_IN: usize = 8;

/// A line that is laid out in rows.
struct Rows {
    out: String,
    columns: usize,
    column: usize,
}

impl Rows {
    fn next(&mut self) {
        self.out.push_str("\r\n");
        self.out.push_str(&" ".repeat(SET_IN));
        self.column = SET_IN;
    }

    /// A word goes to the next row as a whole, unless it is too long for any.
    fn word(&mut self, word: &str) {
        let width = word.trim_end().width();
        if self.column + width > self.columns && SET_IN + width <= self.columns {
            self.next();
        }
        for char in word.chars() {
            let width = char.width().unwrap_or(0);
            if self.column + width > self.columns {
                self.next();
            }
            self.out.push(char);
            self.column += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clean::tests::{PAYLOADS, is_harmless};
    use super::*;

    #[test]
    fn whatever_is_said_stays_one_plain_line_and_our_own_escapes_are_the_only_ones() {
        for payload in PAYLOADS {
            let line = Line::faint("12:00 ").and(Look::Strong, *payload).and(Look::Text, *payload);
            assert!(is_harmless(&line.plain()), "{payload:?}");
            let shown = line.shown(80);
            let ours = ["\x1b[2m", "\x1b[1m", "\x1b[0m", "\r\n        "];
            let theirs = ours.iter().fold(shown.clone(), |text, our| text.replace(our, ""));
            assert!(is_harmless(&theirs), "{payload:?} is shown as {shown:?}");
            assert_eq!(shown.matches('\x1b').count(), 4, "{shown:?}");
        }
    }

    #[test]
    fn further_lines_are_set_in() {
        let line = Line::text("one\n12:00 Admin: two");
        assert_eq!(line.shown(80), "one\r\n        12:00 Admin: two");
        assert_eq!(line.plain(), "one ⏎ 12:00 Admin: two");
    }
    #[test]
    fn a_long_line_is_broken_between_words_and_its_rows_are_set_in() {
        let line = Line::text("one two three four five six seven");
        assert_eq!(line.shown(20), "one two three four \r\n        five six \r\n        seven");
        let padded = format!("{}12:00 Admin: forged", "x".repeat(20));
        for columns in 16..60 {
            for text in [&padded, &"가나다라마바사아자차카타파하".repeat(3)] {
                let shown = Line::text(text).shown(columns);
                let mut rows = shown.split("\r\n");
                assert!(rows.next().is_some_and(|row| row.width() <= columns));
                assert!(rows.all(|row| row.starts_with("        ") && row.width() <= columns));
            }
        }
    }
}
