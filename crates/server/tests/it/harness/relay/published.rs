//! Things that Redis or RabbitMQ hand on, told apart in what comes down: some are lost, doubled, or late.

use std::mem;

use bytes::BytesMut;

/// What one line has been told so far.
#[derive(Default)]
pub(super) struct Published {
    late: BytesMut,
    count: usize,
}

impl Published {
    /// Everything of `waiting` that is whole, with one of every seven published things lost, one doubled,
    /// and one after its successor; and how many those were.
    pub(super) fn garble(&mut self, waiting: &mut BytesMut) -> (BytesMut, usize) {
        let (mut passed, mut garbled) = (BytesMut::new(), 0);
        while let Some((length, is_published)) = first(waiting) {
            let value = waiting.split_to(length);
            if !is_published {
                passed.extend_from_slice(&value);
                continue;
            }
            self.count += 1;
            let turn = self.count % 7;
            garbled += usize::from([2, 4, 6].contains(&turn));
            match turn {
                2 => {}
                4 => passed.extend_from_slice(&[value.clone(), value].concat()),
                6 => self.late = value,
                _ => {
                    passed.extend_from_slice(&value);
                    passed.extend_from_slice(&self.kept());
                }
            }
        }
        (passed, garbled)
    }

    /// What was to come late, and need not any more.
    pub(super) fn kept(&mut self) -> BytesMut {
        mem::take(&mut self.late)
    }
}

/// The length of the first thing, if all of it is there, and whether it is something published. A frame of
/// RabbitMQ's protocol begins with a small number, a value of Redis' with a sign.
fn first(bytes: &[u8]) -> Option<(usize, bool)> {
    if *bytes.first()? > 8 {
        let length = whole(bytes)?;
        return Some((length, bytes[..length].starts_with(b"*3\r\n$7\r\nmessage\r\n")));
    }
    let method = frame(bytes)?;
    // Class 60, method 60: a delivery; a header with the length of its body follows, and the body.
    let is_published = bytes[0] == 1 && bytes[7..method].starts_with(&[0, 60, 0, 60]);
    if !is_published {
        return Some((method, false));
    }
    let mut at = method + frame(&bytes[method..])?;
    let length =
        bytes[method + 11..method + 19].iter().fold(0, |sum, it| sum << 8 | usize::from(*it));
    let mut carried = 0;
    while carried < length {
        let body = frame(&bytes[at..])?;
        (at, carried) = (at + body, carried + body - 8);
    }
    Some((at, true))
}

/// The length of the first frame of RabbitMQ's protocol, if all of it is there.
fn frame(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(3..7)?.iter().fold(0, |sum, it| sum << 8 | usize::from(*it));
    (bytes.len() >= length + 8).then_some(length + 8)
}

/// The length of the first value of Redis' protocol, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|it| it == b"\r\n")? + 2;
    let count = || std::str::from_utf8(&bytes[1..end - 2]).unwrap().parse::<usize>().unwrap_or(0);
    let length = match bytes[0] {
        b'$' if bytes[1] == b'-' => end,
        b'$' => end + count() + 2,
        b'*' => {
            let mut at = end;
            for _ in 0..count() {
                at += whole(&bytes[at..])?;
            }
            at
        }
        _ => end,
    };
    (bytes.len() >= length).then_some(length)
}
