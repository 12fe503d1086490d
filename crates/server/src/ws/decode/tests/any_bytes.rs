//! Properties over generated streams: valid ones, damaged ones and plain noise.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::stream::{
    FIN, Outcome, binary, client_frame, close, feed, outcome, outcome_under, ping, pong, text,
};
use crate::ws::decode::{Event, Limits};

const LIMITS: Limits = Limits { message_bytes_max: 4096, frames_per_message_max: 64 };

/// What a client may send next, and where it cuts it into frames.
#[derive(Debug, Clone)]
enum Sent {
    Text(String, Vec<Index>),
    Binary(Vec<u8>, Vec<Index>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

impl Sent {
    fn any() -> impl Strategy<Value = Self> {
        let cuts = || vec(any::<Index>(), 0..6);
        prop_oneof![
            ("\\PC{0,200}", cuts()).prop_map(|(text, cuts)| Self::Text(text, cuts)),
            (vec(any::<u8>(), 0..300), cuts()).prop_map(|(bytes, cuts)| Self::Binary(bytes, cuts)),
            vec(any::<u8>(), 0..=125).prop_map(Self::Ping),
            vec(any::<u8>(), 0..=125).prop_map(Self::Pong),
        ]
    }

    fn event(&self) -> Event {
        match self {
            Self::Text(content, _) => text(content),
            Self::Binary(bytes, _) => binary(bytes),
            Self::Ping(payload) => Event::Ping(payload.clone().into()),
            Self::Pong(payload) => Event::Pong(payload.clone().into()),
        }
    }

    fn frames(&self) -> Vec<u8> {
        match self {
            Self::Text(text, cuts) => message(0x1, text.as_bytes(), cuts),
            Self::Binary(bytes, cuts) => message(0x2, bytes, cuts),
            Self::Ping(payload) => ping(payload),
            Self::Pong(payload) => pong(payload),
        }
    }
}

fn message(opcode: u8, payload: &[u8], cuts: &[Index]) -> Vec<u8> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    at.sort_unstable();
    at.push(payload.len());
    let mut frames = Vec::new();
    let mut from = 0;
    for (n, &to) in at.iter().enumerate() {
        let fin = if n + 1 == at.len() { FIN } else { 0 };
        let opcode = if n == 0 { opcode } else { 0 };
        frames.extend(client_frame(fin | opcode, &payload[from..to]));
        from = to;
    }
    frames
}

fn stream_of(sent: &[Sent]) -> Vec<u8> {
    sent.iter().flat_map(Sent::frames).collect()
}

fn cut(stream: &[u8], reads: &[usize]) -> Outcome {
    feed(LIMITS, stream, reads.iter().copied().cycle())
}

/// Frames that obey some rules and break others, so that noise reaches beyond the first byte.
fn loose_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![4 => 0u8..3, 4 => 0x80u8..0x83, 2 => 0x88u8..0x8B, 1 => any::<u8>()];
    (first, vec(any::<u8>(), 0..160)).prop_map(|(first, payload)| client_frame(first, &payload))
}

proptest! {
    #[test]
    fn a_valid_stream_means_the_same_however_it_is_cut(
        sent in vec(Sent::any(), 0..8),
        reads in vec(1usize..400, 1..20),
        reason in "\\PC{0,30}",
    ) {
        let farewell = [&4999u16.to_be_bytes(), reason.as_bytes()].concat();
        let mut stream = stream_of(&sent);
        stream.extend(client_frame(FIN | 0x8, &farewell));
        let mut expected: Vec<_> = sent.iter().map(Sent::event).collect();
        expected.push(close(Some(4999), &reason));
        prop_assert_eq!(cut(&stream, &reads), (expected.clone(), None));
        prop_assert_eq!(outcome(&stream), (expected, None));
    }

    #[test]
    fn a_damaged_stream_is_refused_at_the_same_place_however_it_is_cut(
        sent in vec(Sent::any(), 1..5),
        damage in any::<Index>(),
        bits in 1u8..,
        reads in vec(1usize..400, 1..20),
    ) {
        let mut stream = stream_of(&sent);
        let at = damage.index(stream.len());
        stream[at] ^= bits;
        prop_assert_eq!(cut(&stream, &reads), outcome_under(LIMITS, &stream));
    }

    #[test]
    fn loose_frames_mean_the_same_however_they_are_cut(
        frames in vec(loose_frame(), 0..12),
        reads in vec(1usize..400, 1..20),
    ) {
        let stream = frames.concat();
        prop_assert_eq!(cut(&stream, &reads), outcome_under(LIMITS, &stream));
    }

    #[test]
    fn noise_never_panics_nor_exceeds_the_limit(
        noise in vec(any::<u8>(), 0..2000),
        bytes_max in 0usize..300,
        frames_max in 0u32..5,
    ) {
        let limits =
            Limits { message_bytes_max: bytes_max, frames_per_message_max: frames_max };
        for event in outcome_under(limits, &noise).0 {
            if let Event::Binary(bytes) = event {
                prop_assert!(bytes.len() <= bytes_max);
            }
        }
    }
}
