//! The line that is being typed: keys in, and what its row shall look like out. Pure.
//!
//! It stays one row: a longer text scrolls sideways, so that what others say is printed above it by
//! clearing one row and drawing it anew.

use unicode_width::UnicodeWidthChar as _;

use super::keys::Key;

const HISTORY_MAX: usize = 200;
/// What a line may hold; a paste beyond it is cut.
const LENGTH_MAX: usize = 16_000;

/// What a key has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// Changed the line, or nothing.
    Edited,
    /// Finished it.
    Line(String),
    /// Wants to leave.
    Leave,
}

/// The line and where in it one is.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: Vec<char>,
    cursor: usize,
    history: Vec<String>,
    /// Which line of the history is shown, and what was being typed before.
    recalled: Option<(usize, Vec<char>)>,
    /// A secret is typed: nothing of it is drawn or kept.
    pub(super) hidden: bool,
}

impl Editor {
    /// Does what a key asks for.
    pub(super) fn press(&mut self, key: Key) -> Did {
        match key {
            Key::Char(char) => self.insert(char),
            Key::Enter => return Did::Line(self.finish()),
            Key::Interrupt => return Did::Leave,
            Key::EndOfInput if self.text.is_empty() => return Did::Leave,
            Key::EndOfInput | Key::Delete => self.remove(self.cursor, self.after(self.cursor)),
            Key::Backspace => self.remove(self.before(self.cursor), self.cursor),
            Key::KillWord => self.remove(self.word_before(), self.cursor),
            Key::KillToStart => self.remove(0, self.cursor),
            Key::KillToEnd => self.remove(self.cursor, self.text.len()),
            Key::Left => self.cursor = self.before(self.cursor),
            Key::Right => self.cursor = self.after(self.cursor),
            Key::WordLeft => self.cursor = self.word_before(),
            Key::WordRight => self.cursor = self.word_after(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Up => self.recall_older(),
            Key::Down => self.recall_newer(),
            Key::Redraw | Key::Unknown => {}
        }
        Did::Edited
    }

    /// The row: the prompt, as much of the text as fits around the cursor, and the cursor's column.
    pub(super) fn row(&self, prompt: &str, columns: usize) -> (String, usize) {
        let mut row = prompt.to_owned();
        let mut column = prompt.chars().map(width).sum();
        if self.hidden {
            return (row, column);
        }
        // One column stays free: a terminal that has filled a row is already on the next.
        let room = columns.saturating_sub(column + 1).max(2);
        let mut start = self.cursor;
        let mut used = 0;
        while start > 0 && used + width(self.text[start - 1]) <= room {
            start -= 1;
            used += width(self.text[start]);
        }
        // Marks without their letter would fall on the prompt.
        while start > 0 && start < self.cursor && width(self.text[start]) == 0 {
            start += 1;
        }
        let mut shown = 0;
        for (at, &char) in self.text.iter().enumerate().skip(start) {
            if shown + width(char) > room {
                break;
            }
            shown += width(char);
            if at < self.cursor {
                column += width(char);
            }
            row.push(if char == '\n' { '⏎' } else { char });
        }
        (row, column)
    }

    fn insert(&mut self, char: char) {
        // Pasted controls are no text; a line end of a paste, or of Alt-Enter, is.
        if self.text.len() < LENGTH_MAX && (char == '\n' || !char.is_control()) {
            self.text.insert(self.cursor, char);
            self.cursor += 1;
        }
    }

    fn finish(&mut self) -> String {
        let line: String = std::mem::take(&mut self.text).into_iter().collect();
        self.cursor = 0;
        self.recalled = None;
        if !self.hidden && !line.trim().is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
            if self.history.len() > HISTORY_MAX {
                self.history.remove(0);
            }
        }
        line
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.cursor = from;
    }

    /// One letter to the left, with the marks that stand on it.
    fn before(&self, at: usize) -> usize {
        let is_start = |it: &usize| *it == 0 || !self.is_joined(*it);
        (0..at).rev().find(is_start).unwrap_or(0)
    }

    fn after(&self, at: usize) -> usize {
        let end = self.text.len();
        (at + 1..end).find(|it| !self.is_joined(*it)).unwrap_or(end)
    }

    /// Whether the character there belongs to the one before it.
    fn is_joined(&self, at: usize) -> bool {
        const JOINER: char = '\u{200d}';
        width(self.text[at]) == 0 || self.text[at - 1] == JOINER
    }

    fn word_before(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 && self.text[at - 1].is_whitespace() {
            at -= 1;
        }
        while at > 0 && !self.text[at - 1].is_whitespace() {
            at -= 1;
        }
        at
    }

    fn word_after(&self) -> usize {
        let rest = &self.text[self.cursor..];
        let word = rest.iter().skip_while(|char| char.is_whitespace());
        let blanks = rest.iter().take_while(|char| char.is_whitespace()).count();
        self.cursor + blanks + word.take_while(|char| !char.is_whitespace()).count()
    }

    fn recall_older(&mut self) {
        let at = self.recalled.as_ref().map_or(self.history.len(), |(at, _)| *at);
        if at == 0 || self.hidden {
            return;
        }
        let shown = std::mem::replace(&mut self.text, self.history[at - 1].chars().collect());
        let draft = self.recalled.take().map_or(shown, |(_, draft)| draft);
        self.recalled = Some((at - 1, draft));
        self.cursor = self.text.len();
    }

    fn recall_newer(&mut self) {
        let Some((at, draft)) = self.recalled.take() else { return };
        self.text = match self.history.get(at + 1) {
            Some(newer) => {
                self.recalled = Some((at + 1, draft));
                newer.chars().collect()
            }
            None => draft,
        };
        self.cursor = self.text.len();
    }
}

/// How many columns a character takes.
fn width(char: char) -> usize {
    if char == '\n' { 1 } else { char.width().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        text.chars().for_each(|char| assert_eq!(editor.press(Key::Char(char)), Did::Edited));
        editor
    }

    fn text(editor: &Editor) -> String {
        editor.text.iter().collect()
    }

    fn press(editor: &mut Editor, keys: &[Key]) {
        keys.iter().for_each(|key| assert_eq!(editor.press(*key), Did::Edited, "{key:?}"));
    }

    #[test]
    fn korean_takes_two_columns_and_the_cursor_stands_where_it_should() {
        let mut editor = typed("안녕 abc");
        assert_eq!(editor.row("> ", 40), ("> 안녕 abc".to_owned(), 2 + 4 + 4));
        press(&mut editor, &[Key::Home, Key::Right]);
        assert_eq!(editor.row("> ", 40).1, 4);
        press(&mut editor, &[Key::Char('히')]);
        assert_eq!(editor.row("> ", 40), ("> 안히녕 abc".to_owned(), 6));
        press(&mut editor, &[Key::Backspace, Key::Backspace]);
        assert_eq!(text(&editor), "녕 abc");
    }

    #[test]
    fn a_long_line_stays_one_row_however_wide_its_letters_are() {
        for columns in 8..24 {
            let mut editor = typed("가나다 abc 라마바사 defgh 아자차카타파하");
            for _ in 0..40 {
                let (row, column) = editor.row("3/6> ", columns);
                let wide: usize = row.chars().map(width).sum();
                assert!(wide < columns, "{row:?} in {columns}");
                assert!(column < columns && column >= 5, "{column} in {columns}");
                press(&mut editor, &[Key::Left]);
            }
        }
    }

    #[test]
    fn marks_and_families_go_as_one() {
        let mut editor = typed("e\u{301}👩\u{200d}👧x");
        press(&mut editor, &[Key::Left, Key::Backspace]);
        assert_eq!(text(&editor), "e\u{301}x");
        press(&mut editor, &[Key::Home, Key::Delete]);
        assert_eq!(text(&editor), "x");
    }

    #[test]
    fn a_finished_line_is_given_and_can_be_fetched_again() {
        let mut editor = typed("one");
        assert_eq!(editor.press(Key::Enter), Did::Line("one".to_owned()));
        "two".chars().for_each(|char| press(&mut editor, &[Key::Char(char)]));
        assert_eq!(editor.press(Key::Enter), Did::Line("two".to_owned()));
        press(&mut editor, &[Key::Char('d'), Key::Up, Key::Up, Key::Up]);
        assert_eq!(text(&editor), "one");
        press(&mut editor, &[Key::Down]);
        assert_eq!(text(&editor), "two");
        press(&mut editor, &[Key::Down, Key::Down]);
        assert_eq!(text(&editor), "d", "what was being typed is not lost");
    }

    #[test]
    fn a_secret_is_neither_shown_nor_kept() {
        let mut editor = typed("");
        editor.hidden = true;
        press(&mut editor, &[Key::Char('s'), Key::Char('3')]);
        assert_eq!(editor.row("Password: ", 40), ("Password: ".to_owned(), 10));
        assert_eq!(editor.press(Key::Enter), Did::Line("s3".to_owned()));
        editor.hidden = false;
        press(&mut editor, &[Key::Up]);
        assert_eq!(text(&editor), "");
    }

    #[test]
    fn words_and_ends_can_be_removed() {
        let mut editor = typed("one two  three");
        press(&mut editor, &[Key::KillWord]);
        assert_eq!(text(&editor), "one two  ");
        press(&mut editor, &[Key::WordLeft, Key::KillToEnd]);
        assert_eq!(text(&editor), "one ");
        press(&mut editor, &[Key::KillToStart]);
        assert_eq!((text(&editor), editor.cursor), (String::new(), 0));
    }

    #[test]
    fn what_leaves_is_control_c_and_control_d_on_an_empty_line() {
        let mut editor = typed("x");
        press(&mut editor, &[Key::Home, Key::EndOfInput]);
        assert_eq!(text(&editor), "");
        assert_eq!(editor.press(Key::EndOfInput), Did::Leave);
        assert_eq!(typed("x").press(Key::Interrupt), Did::Leave);
    }

    #[test]
    fn pasted_controls_are_no_text_and_a_pasted_line_end_is() {
        let mut editor = typed("a\x1b[2J\u{9b}\nb");
        assert_eq!(text(&editor), "a[2J\nb");
        assert_eq!(editor.row("> ", 40).0, "> a[2J⏎b");
        assert_eq!(editor.press(Key::Enter), Did::Line("a[2J\nb".to_owned()));
    }
}
