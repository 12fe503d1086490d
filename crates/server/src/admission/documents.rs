//! Who sits on a slot, as one JSON document: for stores that keep a slot outside this process and
//! decide nothing about the inside of its sitting.
//!
//! Numbers of 64 bits are JSON numbers; secrets' hashes are lower-case hexadecimal. A field that is
//! absent is `None`. An entry under way has `replaced`, also when it replaced nobody.

use anteroom_core::ids::{Generation, LoginId, Owner, ResumeHash, SessionId};
use anteroom_core::seat::{Held, Part, Sitting};
use anteroom_core::time::Millis;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// [`Sitting`], as it is written down.
#[derive(Serialize, Deserialize)]
struct SittingDocument {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    live: Vec<PartDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<HeldDocument>,
}

#[derive(Serialize, Deserialize)]
struct PartDocument {
    session: Uuid,
    /// Epoch and number.
    generation: (u64, u64),
    login: Uuid,
    /// Node and incarnation.
    owner: (u32, u64),
    resume: Hash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced: Option<Box<SittingDocument>>,
}

#[derive(Serialize, Deserialize)]
struct HeldDocument {
    generation: (u64, u64),
    login: Uuid,
    resume: Hash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<Hash>,
    deadline: u64,
}

/// 32 bytes, written as hexadecimal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Hash(ResumeHash);

impl From<Hash> for String {
    fn from(Hash(hash): Hash) -> Self {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        for (at, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
            let digits = text.get(at * 2..at * 2 + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| "not hexadecimal")?;
        }
        if is_hex { Ok(Self(ResumeHash(bytes))) } else { Err("not 32 bytes in hexadecimal") }
    }
}

/// The document of a sitting.
pub(super) fn write_sitting(sitting: &Sitting) -> serde_json::Result<String> {
    serde_json::to_string(&SittingDocument::from(sitting))
}

/// The sitting of a document that [`write_sitting`] made.
pub(super) fn read_sitting(text: &str) -> serde_json::Result<Sitting> {
    serde_json::from_str::<SittingDocument>(text).map(Sitting::from)
}

fn pair(generation: Generation) -> (u64, u64) {
    (generation.epoch, generation.n)
}

fn generation((epoch, n): (u64, u64)) -> Generation {
    Generation { epoch, n }
}

impl From<&Sitting> for SittingDocument {
    fn from(sitting: &Sitting) -> Self {
        Self {
            live: sitting.live.iter().map(PartDocument::from).collect(),
            held: sitting.held.map(HeldDocument::from),
        }
    }
}

impl From<SittingDocument> for Sitting {
    fn from(document: SittingDocument) -> Self {
        Self {
            live: document.live.into_iter().map(Part::from).collect(),
            held: document.held.map(Held::from),
        }
    }
}

impl From<&Part> for PartDocument {
    fn from(part: &Part) -> Self {
        Self {
            session: part.session.0,
            generation: pair(part.generation),
            login: part.login.0,
            owner: (part.owner.node, part.owner.incarnation),
            resume: Hash(part.resume),
            former: part.former.map(Hash),
            replaced: part.replaced.as_deref().map(|it| Box::new(SittingDocument::from(it))),
        }
    }
}

impl From<PartDocument> for Part {
    fn from(document: PartDocument) -> Self {
        let (node, incarnation) = document.owner;
        Self {
            session: SessionId(document.session),
            generation: generation(document.generation),
            login: LoginId(document.login),
            owner: Owner { node, incarnation },
            resume: document.resume.0,
            former: document.former.map(|it| it.0),
            replaced: document.replaced.map(|it| Box::new(Sitting::from(*it))),
        }
    }
}

impl From<Held> for HeldDocument {
    fn from(held: Held) -> Self {
        Self {
            generation: pair(held.generation),
            login: held.login.0,
            resume: Hash(held.resume),
            former: held.former.map(Hash),
            deadline: held.deadline.0,
        }
    }
}

impl From<HeldDocument> for Held {
    fn from(document: HeldDocument) -> Self {
        Self {
            generation: generation(document.generation),
            login: LoginId(document.login),
            resume: document.resume.0,
            former: document.former.map(|it| it.0),
            deadline: Millis(document.deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(n: u64, replaced: Option<Sitting>) -> Part {
        Part {
            session: SessionId(Uuid::from_u128(u128::from(n))),
            generation: Generation { epoch: u64::MAX, n },
            login: LoginId(Uuid::from_u128(7)),
            owner: Owner { node: 2, incarnation: 9 },
            resume: ResumeHash([0xab; 32]),
            former: n.is_multiple_of(2).then_some(ResumeHash([1; 32])),
            replaced: replaced.map(Box::new),
        }
    }

    #[test]
    fn a_sitting_reads_back_with_entries_under_way_at_any_depth() {
        let held = Held {
            generation: Generation { epoch: 1, n: 2 },
            login: LoginId(Uuid::from_u128(7)),
            resume: ResumeHash([3; 32]),
            former: None,
            deadline: Millis(u64::MAX),
        };
        let before = Sitting { live: Vec::new(), held: Some(held) };
        let nested = Sitting { live: vec![part(3, Some(before.clone()))], held: None };
        let first = part(5, Some(Sitting::default()));
        let sitting =
            Sitting { live: vec![part(4, Some(nested)), first, part(6, None)], held: None };
        for sitting in [Sitting::default(), before, sitting] {
            let text = write_sitting(&sitting).unwrap();
            assert_eq!(read_sitting(&text).unwrap(), sitting, "{text}");
        }
    }

    #[test]
    fn a_hash_of_another_length_or_alphabet_is_refused() {
        let text = write_sitting(&Sitting { live: vec![part(1, None)], held: None }).unwrap();
        for bad in [text.replacen("ab", "", 1), text.replacen("ab", "+b", 1)] {
            assert!(read_sitting(&bad).is_err(), "{bad}");
        }
    }
}
