//! The numbers of traces that nobody carries, and which of them are recorded.
//!
//! Each node works both out for itself from what it knows anyway, so all of them come to the same answer.
//! Nothing in them is secret, and nothing secret is in them.

use anteroom_core::ids::{Generation, RoomId};
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use uuid::Uuid;

const ENTRY: u64 = 1;
const MESSAGE: u64 = 2;

/// The numbers of one deployment's traces.
pub(super) struct Ids {
    deployment: Uuid,
    seed: u64,
    /// What is drawn below this is recorded; `None` records everything.
    bound: Option<u64>,
}

impl Ids {
    /// `sample` is the share that is recorded, from 0 to 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of all numbers; what is out of range becomes the nearest one in it"
    )]
    pub(super) fn new(deployment: Uuid, sample: f64) -> Self {
        let (high, low) = deployment.as_u64_pair();
        let bound = (sample < 1.0).then_some((sample * u64::MAX as f64) as u64);
        Self { deployment, seed: high ^ low.rotate_left(32), bound }
    }

    /// The trace of one entry, and the span that it begins with.
    pub(super) fn entry(&self, room: RoomId, generation: Generation) -> SpanContext {
        let what = [ENTRY, room.0.cast_unsigned(), generation.epoch, generation.n];
        self.context(what, self.draws(what))
    }

    /// The same for a message; `None` where it is not recorded, which is found out without working the
    /// numbers out.
    pub(super) fn message(&self, room: RoomId, seq: i64) -> Option<SpanContext> {
        let what = [MESSAGE, room.0.cast_unsigned(), seq.cast_unsigned(), 0];
        self.draws(what).then(|| self.context(what, true))
    }

    /// A trace of its own, for what belongs to none.
    pub(super) fn alone(&self) -> SpanContext {
        let trace = u128::from_be_bytes(random());
        let is_sampled = self.draws([0, trace as u64, (trace >> 64) as u64, 0]);
        context(trace, u64::from_be_bytes(random()), is_sampled)
    }

    /// Whether it is among those that are recorded.
    fn draws(&self, what: [u64; 4]) -> bool {
        let Some(bound) = self.bound else { return true };
        what.into_iter().fold(self.seed, |drawn, number| mixed(drawn ^ number)) < bound
    }

    fn context(&self, what: [u64; 4], is_sampled: bool) -> SpanContext {
        let mut digest = Context::new(&SHA256);
        digest.update(self.deployment.as_bytes());
        what.iter().for_each(|number| digest.update(&number.to_be_bytes()));
        let digest = digest.finish();
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&digest.as_ref()[..16]);
        span.copy_from_slice(&digest.as_ref()[16..24]);
        context(u128::from_be_bytes(trace), u64::from_be_bytes(span), is_sampled)
    }
}

/// A new span in the same trace.
pub(super) fn below(parent: &SpanContext) -> SpanContext {
    let span = SpanId::from(u64::from_be_bytes(random()).max(1));
    SpanContext::new(
        parent.trace_id(),
        span,
        parent.trace_flags(),
        false,
        parent.trace_state().clone(),
    )
}

fn context(trace: u128, span: u64, is_sampled: bool) -> SpanContext {
    let flags = if is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    // Zero stands for no trace and no span.
    let (trace, span) = (TraceId::from(trace.max(1)), SpanId::from(span.max(1)));
    SpanContext::new(trace, span, flags, false, TraceState::default())
}

/// Any number serves: what fails to be random makes two spans look like one, and nothing else.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = rand::fill(&mut bytes);
    bytes
}

/// Spreads numbers that follow each other over all numbers, alike on every node: the last steps of `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const HOUSE: Uuid = Uuid::from_u128(7);
    const ROOM: RoomId = RoomId(101);

    fn generation(n: u64) -> Generation {
        Generation { epoch: 3, n }
    }

    #[test]
    fn every_node_of_a_deployment_finds_the_same_trace_and_no_other_deployment_does() {
        let (one, other) = (Ids::new(HOUSE, 1.0), Ids::new(HOUSE, 1.0));
        let found = one.entry(ROOM, generation(5));
        assert!(found.is_valid() && found.is_sampled());
        assert_eq!(found, other.entry(ROOM, generation(5)));
        let strangers = Ids::new(Uuid::from_u128(8), 1.0);
        let all = [
            found.trace_id(),
            strangers.entry(ROOM, generation(5)).trace_id(),
            one.entry(RoomId(102), generation(5)).trace_id(),
            one.entry(ROOM, Generation { epoch: 4, n: 5 }).trace_id(),
            one.entry(ROOM, generation(6)).trace_id(),
            one.message(ROOM, 5).unwrap().trace_id(),
            one.alone().trace_id(),
        ];
        assert_eq!(HashSet::from(all).len(), all.len());
    }

    #[test]
    fn the_share_that_is_recorded_is_as_it_was_set_and_the_same_on_every_node() {
        for (sample, fewest, most) in
            [(0.0, 0, 0), (0.1, 900, 1_100), (0.5, 4_800, 5_200), (1.0, 10_000, 10_000)]
        {
            let (one, other) = (Ids::new(HOUSE, sample), Ids::new(HOUSE, sample));
            let entries = (0..10_000).filter(|n| one.entry(ROOM, generation(*n)).is_sampled());
            let entries: Vec<u64> = entries.collect();
            assert!((fewest..=most).contains(&entries.len()), "{sample}: {}", entries.len());
            assert!(entries.iter().all(|n| other.entry(ROOM, generation(*n)).is_sampled()));
            let messages = (1..=10_000).filter(|seq| one.message(ROOM, *seq).is_some()).count();
            assert!((fewest..=most).contains(&messages), "{sample}: {messages}");
            let alone = (0..10_000).filter(|_| one.alone().is_sampled()).count();
            // These are drawn anew each time.
            assert!((fewest * 9 / 10..=most * 11 / 10).contains(&alone), "{sample}: {alone}");
        }
    }

    #[test]
    fn a_span_below_another_is_in_its_trace_and_has_a_number_of_its_own() {
        let root = Ids::new(HOUSE, 1.0).entry(ROOM, generation(1));
        let (one, other) = (below(&root), below(&root));
        assert_eq!(one.trace_id(), root.trace_id());
        assert!(one.is_sampled());
        let spans = [root.span_id(), one.span_id(), other.span_id()];
        assert_eq!(HashSet::from(spans).len(), 3);
    }
}
