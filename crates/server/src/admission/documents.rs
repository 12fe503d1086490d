//! Who sits on a slot, and which streams a waiter has, as JSON documents: what every strategy that
//! keeps a room outside this process keeps of them. One that decides nothing about the inside of these
//! writes them here; the scripts of another write their own.
//!
//! Numbers of 64 bits are JSON numbers; secrets' hashes are lower-case hexadecimal. A field that is
//! absent is `None`. An entry under way has `replaced`, also when it replaced nobody. An owner is
//! written as `[node, incarnation]` here and as the text `node.incarnation` by scripts, which compare
//! it whole; both are read. Lua cannot tell an empty list from an empty map, so both are read too.

use std::fmt;
use std::marker::PhantomData;

use anteroom_core::ids::{Generation, LoginId, Owner, ResumeHash, SessionId, StreamId};
use anteroom_core::seat::{Held, Part, Sitting, Streams};
use anteroom_core::time::Millis;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// A [`Sitting`].
#[derive(Serialize, Deserialize)]
pub(super) struct SittingDocument {
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
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
    owner: OwnerDocument,
    resume: Hex<32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<Hex<32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced: Option<Box<SittingDocument>>,
}

#[derive(Serialize, Deserialize)]
struct HeldDocument {
    generation: (u64, u64),
    login: Uuid,
    resume: Hex<32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<Hex<32>>,
    deadline: u64,
}

/// Bytes, written as hexadecimal.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Hex<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> From<Hex<N>> for String {
    fn from(Hex(bytes): Hex<N>) -> Self {
        hex_text(&bytes)
    }
}

/// Bytes as text.
pub(super) fn hex_text(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

impl<const N: usize> TryFrom<String> for Hex<N> {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; N];
        let is_hex = text.len() == 2 * N && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        for (at, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
            let digits = text.get(at * 2..at * 2 + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| "not hexadecimal")?;
        }
        if is_hex { Ok(Self(bytes)) } else { Err("not so many bytes in hexadecimal") }
    }
}

/// An [`Owner`], written as a pair, read from a text too.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(into = "(u32, u64)", try_from = "OwnerForm")]
pub(super) struct OwnerDocument(pub(super) Owner);

#[derive(Deserialize)]
#[serde(untagged)]
enum OwnerForm {
    Pair(u32, u64),
    Text(String),
}

impl From<OwnerDocument> for (u32, u64) {
    fn from(OwnerDocument(owner): OwnerDocument) -> Self {
        (owner.node, owner.incarnation)
    }
}

impl TryFrom<OwnerForm> for OwnerDocument {
    type Error = &'static str;

    fn try_from(form: OwnerForm) -> Result<Self, Self::Error> {
        let owner = match form {
            OwnerForm::Pair(node, incarnation) => Some(Owner { node, incarnation }),
            OwnerForm::Text(text) => owner_of(&text),
        };
        owner.map(Self).ok_or("not an owner")
    }
}

/// An owner from the text `node.incarnation`.
pub(super) fn owner_of(text: &str) -> Option<Owner> {
    let (node, incarnation) = text.split_once('.')?;
    Some(Owner { node: node.parse().ok()?, incarnation: incarnation.parse().ok()? })
}

/// A list, which may come as an empty map.
pub(super) fn list<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element()? {
                items.push(item);
            }
            Ok(items)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            match map.next_key::<IgnoredAny>()? {
                None => Ok(Vec::new()),
                Some(_) => Err(A::Error::custom("a map where a list is meant")),
            }
        }
    }
    from.deserialize_any(Items(PhantomData))
}

/// The document of a sitting.
pub(super) fn write_sitting(sitting: &Sitting) -> serde_json::Result<String> {
    serde_json::to_string(&SittingDocument::from(sitting))
}

/// The sitting of a document that [`write_sitting`] made.
pub(super) fn read_sitting(text: &str) -> serde_json::Result<Sitting> {
    serde_json::from_str::<SittingDocument>(text).map(Sitting::from)
}

/// The document of a waiter's streams.
pub(super) fn write_streams(streams: &Streams) -> serde_json::Result<String> {
    let names = streams.iter().map(|it| (it.owner.node, it.owner.incarnation, it.n));
    serde_json::to_string(&names.collect::<Vec<_>>())
}

/// The streams of a document that [`write_streams`] made.
pub(super) fn read_streams(text: &str) -> serde_json::Result<Streams> {
    let names: Vec<(u32, u64, u64)> = serde_json::from_str(text)?;
    let streams = names.into_iter();
    let stream = |(node, incarnation, n)| StreamId { owner: Owner { node, incarnation }, n };
    Ok(streams.map(stream).collect())
}

fn pair(generation: Generation) -> (u64, u64) {
    (generation.epoch, generation.n)
}

pub(super) fn generation((epoch, n): (u64, u64)) -> Generation {
    Generation { epoch, n }
}

impl From<&Sitting> for SittingDocument {
    fn from(sitting: &Sitting) -> Self {
        Self {
            live: sitting.live.iter().map(PartDocument::from).collect(),
            held: sitting.held.as_deref().map(HeldDocument::from),
        }
    }
}

impl From<SittingDocument> for Sitting {
    fn from(document: SittingDocument) -> Self {
        Self {
            live: document.live.into_iter().map(Part::from).collect(),
            held: document.held.map(|held| Box::new(held.into())),
        }
    }
}

impl From<&Part> for PartDocument {
    fn from(part: &Part) -> Self {
        Self {
            session: part.session.0,
            generation: pair(part.generation),
            login: part.login.0,
            owner: OwnerDocument(part.owner),
            resume: Hex(part.resume.0),
            former: part.former.as_deref().map(|hash| Hex(hash.0)),
            replaced: part.replaced.as_deref().map(|it| Box::new(SittingDocument::from(it))),
        }
    }
}

impl From<PartDocument> for Part {
    fn from(document: PartDocument) -> Self {
        Self {
            session: SessionId(document.session),
            generation: generation(document.generation),
            login: LoginId(document.login),
            owner: document.owner.0,
            resume: ResumeHash(document.resume.0),
            former: document.former.map(|hash| Box::new(ResumeHash(hash.0))),
            replaced: document.replaced.map(|it| Box::new(Sitting::from(*it))),
        }
    }
}

impl From<&Held> for HeldDocument {
    fn from(held: &Held) -> Self {
        Self {
            generation: pair(held.generation),
            login: held.login.0,
            resume: Hex(held.resume.0),
            former: held.former.map(|hash| Hex(hash.0)),
            deadline: held.deadline.0,
        }
    }
}

impl From<HeldDocument> for Held {
    fn from(document: HeldDocument) -> Self {
        Self {
            generation: generation(document.generation),
            login: LoginId(document.login),
            resume: ResumeHash(document.resume.0),
            former: document.former.map(|hash| ResumeHash(hash.0)),
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
            former: n.is_multiple_of(2).then(|| Box::new(ResumeHash([1; 32]))),
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
        let before = Sitting { live: Vec::new(), held: Some(Box::new(held)) };
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
    fn what_was_written_before_and_what_scripts_write_are_read_alike() {
        let id = |n: u128| Uuid::from_u128(n).simple().to_string();
        let (session, login, hash) = (id(3), id(7), "ab".repeat(32));
        let written = |owner: &str, more: &str| {
            format!(
                r#"{{"session":"{session}","generation":[18446744073709551615,3],"login":"{login}","owner":{owner},"resume":"{hash}"{more}}}"#
            )
        };
        let expected = Sitting { live: vec![part(3, Some(Sitting::default()))], held: None };
        for (owner, empty) in [("[2,9]", "{}"), (r#""2.9""#, r#"{"live":{}}"#)] {
            let replaced = format!(r#","replaced":{empty}"#);
            let text = format!(r#"{{"live":[{}]}}"#, written(owner, &replaced));
            assert_eq!(read_sitting(&text).unwrap(), expected, "{text}");
        }
        for owner in [r#""2""#, r#""a.b""#, "[2]", "{}"] {
            let text = format!(r#"{{"live":[{}]}}"#, written(owner, ""));
            assert!(read_sitting(&text).is_err(), "{text}");
        }
        assert!(read_sitting(r#"{"live":{"a":1}}"#).is_err(), "a map is no list");
        let same = write_sitting(&expected).unwrap();
        let dashed = Uuid::from_u128(3).to_string();
        assert!(same.contains(&dashed) && same.contains(r#""owner":[2,9]"#), "as before: {same}");
    }

    #[test]
    fn streams_read_back() {
        let owner = Owner { node: u32::MAX, incarnation: u64::MAX };
        for n in 0..3 {
            let streams: Streams = (0..n).map(|n| StreamId { owner, n: u64::MAX - n }).collect();
            let text = write_streams(&streams).unwrap();
            assert_eq!(read_streams(&text).unwrap(), streams, "{text}");
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
