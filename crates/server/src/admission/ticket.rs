//! The ticket: the secret that proves a reservation, and says on its face what it is for.
//!
//! base64url of a fixed layout: version, room, user, generation, login, deadline, nonce, and an
//! HMAC-SHA256 under a key that signs nothing else. The slot keeps the nonce, so the same ticket can
//! be made again for the same answer, and a dump of a store opens nothing. The MAC tells a forged
//! ticket from one that came too late.

use anteroom_core::ids::{Generation, LoginId, Nonce, RoomId, UserId};
use anteroom_core::seat::Reservation;
use anteroom_core::time::Millis;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

const VERSION: u8 = 1;
/// version 1 + room 8 + user 16 + epoch 8 + n 8 + login 16 + deadline 8 + nonce 16.
const BODY: usize = 81;
const MAC: usize = 32;
/// Characters of the text: 113 bytes without padding.
const TEXT: usize = ((BODY + MAC) * 4).div_ceil(3);

/// What a ticket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The room it opens.
    pub(crate) room: RoomId,
    /// The user it was given to.
    pub(crate) user: UserId,
    /// The seat it is for.
    pub(crate) generation: Generation,
    /// The login it was issued under.
    pub(crate) login: LoginId,
    /// When it stops opening anything.
    pub(crate) deadline: Millis,
    /// The secret half, compared with the slot's.
    pub(crate) nonce: Nonce,
}

/// The text is not a ticket this server made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a ticket of this server")]
pub(crate) struct BadTicket;

/// Signs and reads tickets.
pub(crate) struct TicketKey(hmac::Key);

impl TicketKey {
    /// A key from 32 bytes that are used for nothing else.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The ticket's text. The same ticket always has the same text.
    pub(crate) fn seal(&self, ticket: &Ticket) -> String {
        let mut out = Vec::with_capacity(BODY + MAC);
        out.push(VERSION);
        out.extend_from_slice(&ticket.room.0.to_be_bytes());
        out.extend_from_slice(ticket.user.0.as_bytes());
        out.extend_from_slice(&ticket.generation.epoch.to_be_bytes());
        out.extend_from_slice(&ticket.generation.n.to_be_bytes());
        out.extend_from_slice(ticket.login.0.as_bytes());
        out.extend_from_slice(&ticket.deadline.0.to_be_bytes());
        out.extend_from_slice(&ticket.nonce.0);
        let mac = hmac::sign(&self.0, &out);
        out.extend_from_slice(mac.as_ref());
        URL_SAFE_NO_PAD.encode(out)
    }

    /// Reads a ticket's text.
    ///
    /// # Errors
    /// Anything that this key did not sign, byte for byte.
    pub(crate) fn open(&self, text: &str) -> Result<Ticket, BadTicket> {
        if text.len() != TEXT {
            return Err(BadTicket);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadTicket)?;
        let (body, mac) = bytes.split_at_checked(BODY).ok_or(BadTicket)?;
        hmac::verify(&self.0, body, mac).map_err(|_| BadTicket)?;
        let mut reader = Reader(body);
        if reader.array::<1>()? != [VERSION] {
            return Err(BadTicket);
        }
        Ok(Ticket {
            room: RoomId(i64::from_be_bytes(reader.array()?)),
            user: UserId(Uuid::from_bytes(reader.array()?)),
            generation: Generation {
                epoch: u64::from_be_bytes(reader.array()?),
                n: u64::from_be_bytes(reader.array()?),
            },
            login: LoginId(Uuid::from_bytes(reader.array()?)),
            deadline: Millis(u64::from_be_bytes(reader.array()?)),
            nonce: Nonce(reader.array()?),
        })
    }
}

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TicketKey(..)")
    }
}

impl Ticket {
    /// The ticket of a reservation.
    pub(crate) fn of(room: RoomId, user: UserId, reservation: &Reservation) -> Self {
        Self {
            room,
            user,
            generation: reservation.generation,
            login: reservation.login,
            deadline: reservation.deadline,
            nonce: reservation.nonce,
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadTicket> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(BadTicket)?;
        self.0 = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            room: RoomId(101),
            user: UserId(Uuid::from_u128(7)),
            generation: Generation { epoch: 3, n: 9 },
            login: LoginId(Uuid::from_u128(8)),
            deadline: Millis(1_763_712_000_000),
            nonce: Nonce([5; 16]),
        }
    }

    #[test]
    fn a_ticket_reads_back_and_is_the_same_text_each_time() {
        let key = TicketKey::new(&[1; 32]);
        let text = key.seal(&ticket());
        assert_eq!(key.open(&text), Ok(ticket()));
        assert_eq!(text, key.seal(&ticket()));
    }

    #[test]
    fn no_single_character_of_a_ticket_can_be_changed() {
        let key = TicketKey::new(&[1; 32]);
        let text = key.seal(&ticket());
        for at in 0..text.len() {
            for other in ["A", "B", "_", "=", "%", " "] {
                let mut forged = text.clone();
                forged.replace_range(at..=at, other);
                assert!(forged == text || key.open(&forged).is_err(), "{at} {other}");
            }
        }
        assert!(TicketKey::new(&[2; 32]).open(&text).is_err(), "a foreign key opens nothing");
        for bad in ["", "x", &text[1..], &format!("{text}A"), &text[..text.len() - 1]] {
            assert!(key.open(bad).is_err());
        }
    }
}
