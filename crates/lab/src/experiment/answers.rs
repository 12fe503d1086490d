//! What a person is answered, and how it is read from the bytes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use memchr::memmem;

use super::watch::Grant;
use crate::engine::check::number_after;
use crate::engine::http::{Seated, text_after};

/// The answer to who asked for a seat.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Granted(Ticket),
    Full,
    /// Cannot be decided now.
    Unavailable,
    /// Refused for another reason.
    Refused,
    /// The line broke.
    Broken,
}

/// A seat that is kept for a while.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) secret: String,
    pub(crate) asked: Instant,
    pub(crate) answered: Instant,
    /// From when the answer was made, which was between the two.
    pub(crate) kept: Duration,
    /// The seat that somebody has already, for another connection.
    pub(crate) takeover: bool,
}

/// Somebody inside.
pub(crate) struct Inside {
    pub(crate) seated: Seated,
    /// The secret to come back with.
    pub(crate) resume: String,
}

/// The answer to who presented a ticket.
pub(crate) enum Entered {
    In(Inside),
    Refused(u16),
    Broken,
}

/// How the seats of a room were told to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seats {
    pub(crate) capacity: u32,
    pub(crate) occupied: u32,
    pub(crate) reserved: u32,
    pub(crate) held: u32,
    pub(crate) free: u32,
}

impl Seats {
    pub(crate) const fn taken(self) -> u32 {
        self.occupied + self.reserved + self.held
    }
}

/// The seats that a body tells of, if it does.
pub(super) fn seats_in(body: &[u8]) -> Option<Seats> {
    let seats = &body[memmem::find(body, b"\"seats\":{")?..];
    let number = |name: &[u8]| u32::try_from(number_after(seats, name)?).ok();
    Some(Seats {
        capacity: number(b"\"capacity\":")?,
        occupied: number(b"\"occupied\":")?,
        reserved: number(b"\"reserved\":")?,
        held: number(b"\"held\":")?,
        free: number(b"\"free\":")?,
    })
}

/// The ticket in the answer to who reserved, and the number of its grant.
///
/// # Errors
/// It is no such answer.
pub(super) fn ticket(body: &[u8], asked: Instant, answered: Instant) -> Result<(Ticket, Grant)> {
    let kept = number_after(body, b"\"expires_in_ms\":").context("no deadline")?;
    let secret = text_after(body, "ticket")?;
    // It is told in whole milliseconds.
    let kept = Duration::from_millis(u64::try_from(kept)?.saturating_sub(1));
    let grant = grant(&text_after(body, "generation")?)?;
    let takeover = memmem::find(body, b"\"takeover\":true").is_some();
    Ok((Ticket { secret, asked, answered, kept, takeover }, grant))
}

fn grant(text: &str) -> Result<Grant> {
    let (life, number) = text.split_once('.').context("an unreadable generation")?;
    Ok((life.parse()?, number.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_read_where_they_are_told() {
        let body = br#"{"capacity":9,"seats":{"capacity":5,"occupied":1,"reserved":2,"held":0,"free":2,"waiting":0}}"#;
        let seats = seats_in(body).unwrap();
        assert_eq!((seats.capacity, seats.taken(), seats.free), (5, 3, 2));
        assert_eq!(seats_in(b"{}"), None);
    }

    #[test]
    fn a_grant_is_read_from_its_two_numbers() {
        assert_eq!(grant("3.17").unwrap(), (3, 17));
        assert!(grant("17").is_err());
    }
}
