//! Bytes of a terminal, taken apart into keys. Pure; a key whose bytes are not all there yet waits.

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    WordLeft,
    WordRight,
    KillWord,
    KillToStart,
    KillToEnd,
    Redraw,
    Interrupt,
    EndOfInput,
    Unknown,
}

/// What has come and is not a whole key yet.
#[derive(Debug, Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    /// Between the marks that a terminal sets around a paste, line ends are text.
    in_paste: bool,
}

/// No sequence that is known here is longer.
const SEQUENCE_MAX: usize = 32;

impl Keys {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole key.
    pub(super) fn next(&mut self) -> Option<Key> {
        let (key, used) = match *self.bytes.first()? {
            0x1b => self.escape()?,
            first @ 0x20..=0x7e => (Key::Char(first.into()), 1),
            first @ 0x80.. => self.wide(first)?,
            first => (self.control(first), 1),
        };
        self.bytes.drain(..used);
        Some(key)
    }

    fn control(&self, byte: u8) -> Key {
        match byte {
            b'\r' | b'\n' if self.in_paste => Key::Char('\n'),
            b'\t' if self.in_paste => Key::Char(' '),
            _ if self.in_paste => Key::Unknown,
            b'\r' | b'\n' => Key::Enter,
            0x01 => Key::Home,
            0x02 => Key::Left,
            0x03 => Key::Interrupt,
            0x04 => Key::EndOfInput,
            0x05 => Key::End,
            0x06 => Key::Right,
            0x08 | 0x7f => Key::Backspace,
            0x0b => Key::KillToEnd,
            0x0c => Key::Redraw,
            0x0e => Key::Down,
            0x10 => Key::Up,
            0x15 => Key::KillToStart,
            0x17 => Key::KillWord,
            _ => Key::Unknown,
        }
    }

    /// A character of several bytes.
    fn wide(&self, first: u8) -> Option<(Key, usize)> {
        let length = match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return Some((Key::Unknown, 1)),
        };
        let there = &self.bytes[..self.bytes.len().min(length)];
        match std::str::from_utf8(there) {
            Ok(text) => Some((text.chars().next().map_or(Key::Unknown, Key::Char), length)),
            // Only its beginning is there.
            Err(error) if error.error_len().is_none() && there.len() < length => None,
            Err(_) => Some((Key::Unknown, 1)),
        }
    }

    fn escape(&mut self) -> Option<(Key, usize)> {
        match *self.bytes.get(1)? {
            b'[' => {
                let is_final = |byte: &u8| (0x40..=0x7e).contains(byte);
                let Some(end) = self.bytes[2..].iter().position(is_final) else {
                    // An endless one is thrown away.
                    let is_long = self.bytes.len() > SEQUENCE_MAX;
                    return is_long.then_some((Key::Unknown, self.bytes.len()));
                };
                let sequence = self.bytes[2..end + 3].to_vec();
                Some((self.sequence(&sequence), end + 3))
            }
            b'O' => Some((self.sequence(&[*self.bytes.get(2)?]), 3)),
            b'\r' | b'\n' => Some((Key::Char('\n'), 2)),
            b'b' => Some((Key::WordLeft, 2)),
            b'f' => Some((Key::WordRight, 2)),
            0x7f => Some((Key::KillWord, 2)),
            0x1b => Some((Key::Unknown, 1)),
            _ => Some((Key::Unknown, 2)),
        }
    }

    fn sequence(&mut self, sequence: &[u8]) -> Key {
        match sequence {
            b"200~" => self.in_paste = true,
            b"201~" => self.in_paste = false,
            b"A" => return Key::Up,
            b"B" => return Key::Down,
            b"C" => return Key::Right,
            b"D" => return Key::Left,
            b"H" | b"1~" | b"7~" => return Key::Home,
            b"F" | b"4~" | b"8~" => return Key::End,
            b"3~" => return Key::Delete,
            b"1;5D" | b"1;3D" => return Key::WordLeft,
            b"1;5C" | b"1;3C" => return Key::WordRight,
            _ => {}
        }
        Key::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8], size: usize) -> Vec<Key> {
        let mut keys = Keys::default();
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            keys.push(piece);
            all.extend(std::iter::from_fn(|| keys.next()).filter(|key| *key != Key::Unknown));
        }
        all
    }

    #[test]
    fn keys_are_the_same_however_their_bytes_arrive() {
        let bytes = "a안\x1b[A\x1b[1;5D👩\x1b[3~\x1bOH\x1b\r\x7f\r\x03".as_bytes();
        let expected = [
            Key::Char('a'),
            Key::Char('안'),
            Key::Up,
            Key::WordLeft,
            Key::Char('👩'),
            Key::Delete,
            Key::Home,
            Key::Char('\n'),
            Key::Backspace,
            Key::Enter,
            Key::Interrupt,
        ];
        for size in 1..=bytes.len() {
            assert_eq!(keys(bytes, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_paste_is_text_to_its_end() {
        let bytes = b"\x1b[200~one\r\ttwo\x03\x1b[201~\r";
        let typed: Vec<Key> = keys(bytes, 5);
        let expected: Vec<Key> = "one\n two".chars().map(Key::Char).chain([Key::Enter]).collect();
        assert_eq!(typed, expected);
    }

    #[test]
    fn broken_bytes_do_not_stop_the_keys() {
        assert_eq!(keys(b"\xff\xc3(\xe2\x82x", 1), [Key::Char('('), Key::Char('x')]);
        let mut endless = b"\x1b[".to_vec();
        endless.extend([b'1'; 64]);
        endless.extend(b"~x");
        assert!(keys(&endless, 64).ends_with(&[Key::Char('x')]));
    }
}
