//! What is noted while a task works, and the spans that are made of it at the end.
//!
//! A request learns only on its way which entry it belongs to, and its trace with that. So the parts are
//! noted first; whose they are is said once the work is over.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::SystemTime;

use anteroom_core::ids::{Generation, RoomId};
use opentelemetry::trace::{SpanContext, SpanKind};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::ids::below;
use super::span::{Draft, Own, entry, key, text};
use super::{Ids, Inner};
use crate::clock::stamp;

tokio::task_local! {
    static HERE: Here;
}

/// Parts beyond these are not noted.
const PARTS_MAX: usize = 64;

/// What a task is about.
struct Here {
    inner: Arc<Inner>,
    notes: RefCell<Notes>,
}

struct Notes {
    own: Draft,
    /// What the span of the whole is, unless it turns out to belong elsewhere.
    alone: SpanContext,
    caller: Option<SpanContext>,
    entries: Vec<Belonging>,
    parts: Vec<Draft>,
}

/// An entry that the work belongs to.
struct Belonging {
    root: SpanContext,
    /// The entry began here: its first span is made of this.
    begins: bool,
    /// It is a step of its own, and not only what the work is about.
    is_step: bool,
    draft: Draft,
}

/// Does `work`, then makes spans of it.
pub(super) async fn run<T>(inner: &Arc<Inner>, own: Own, work: impl Future<Output = T>) -> T {
    let notes = Notes {
        own: own.draft,
        alone: inner.ids.alone(),
        caller: own.caller,
        entries: Vec::new(),
        parts: Vec::new(),
    };
    let here = Here { inner: Arc::clone(inner), notes: RefCell::new(notes) };
    let work = async {
        let done = work.await;
        let _ = HERE.try_with(|here| {
            let spans = here.notes.borrow_mut().spans(stamp());
            spans.into_iter().for_each(|span| here.inner.exporter.take(span));
        });
        done
    };
    HERE.scope(here, work).await
}

/// Changes the notes of this task, if there are any.
fn note<T>(change: impl FnOnce(&mut Notes, &Ids) -> T) -> Option<T> {
    let changed = HERE.try_with(|here| {
        let mut notes = here.notes.try_borrow_mut().ok()?;
        Some(change(&mut notes, &here.inner.ids))
    });
    changed.ok().flatten()
}

/// Whether what this task does is noted.
pub(super) fn is_traced() -> bool {
    HERE.try_with(|_| ()).is_ok()
}

/// Does a part of what this task does. It is timed where that is noted.
pub(crate) async fn part<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let from = is_traced().then(stamp);
    let done = work.await;
    if let Some(from) = from {
        note(|notes, _| {
            if notes.parts.len() < PARTS_MAX {
                notes.parts.push(Draft::new(name, SpanKind::Internal, (from, stamp())));
            }
        });
    }
    done
}

/// A seat was given in this task, which began to ask for it then. `fresh`: the entry begins with that.
pub(crate) fn granted(
    (room, generation): (RoomId, Generation),
    began: Option<SystemTime>,
    fresh: bool,
) {
    let from = began.unwrap_or_else(stamp);
    note(|notes, ids| {
        notes.joins(ids, (room, generation));
        if let Some(it) = notes.entries.last_mut() {
            (it.begins, it.is_step) = (fresh, true);
            it.draft.name = "anteroom.entry.reserve".into();
            (it.draft.from, it.draft.until) = (from, stamp());
        }
    });
}

/// This task is about an entry that began elsewhere.
pub(crate) fn belongs(room: RoomId, generation: Generation) {
    note(|notes, ids| notes.joins(ids, (room, generation)));
}

/// What became of it, as a word from a closed list.
pub(crate) fn outcome(word: &'static str) {
    note(|notes, _| notes.own.attributes.push(text(key::OUTCOME, word)));
}

/// One more thing to say of the whole.
pub(crate) fn attribute(key: &'static str, value: impl Into<Value>) {
    note(|notes, _| notes.own.attributes.push(KeyValue::new(key, value)));
}

/// It came to nothing, by a fault of ours.
pub(crate) fn failed() {
    note(|notes, _| notes.own.has_failed = true);
}

/// The span that this task works for, as far as is known by now.
pub(crate) fn here() -> Option<SpanContext> {
    note(|notes, _| notes.whole().0)
}

impl Notes {
    fn joins(&mut self, ids: &Ids, (room, generation): (RoomId, Generation)) {
        let root = ids.entry(room, generation);
        self.entries.retain(|known| known.root != root);
        let span = (self.own.from, stamp());
        let mut draft = Draft::new("anteroom.entry.request", SpanKind::Internal, span);
        draft.attributes.extend(entry(room, generation));
        self.entries.push(Belonging { root, begins: false, is_step: false, draft });
    }

    /// The span of the whole, and what it is under: the caller's where there is one, else the entry that
    /// it belongs to where that is one and no more, else nothing.
    fn whole(&self) -> (SpanContext, Option<SpanContext>) {
        match (&self.caller, self.entries.as_slice()) {
            (Some(caller), _) => (self.within(caller), Some(caller.clone())),
            (None, [one]) if one.begins => (one.root.clone(), None),
            (None, [one]) => (self.within(&one.root), Some(one.root.clone())),
            (None, _) => (self.alone.clone(), None),
        }
    }

    /// The span of the whole, in that trace.
    fn within(&self, parent: &SpanContext) -> SpanContext {
        let (trace, flags) = (parent.trace_id(), parent.trace_flags());
        let state = parent.trace_state().clone();
        SpanContext::new(trace, self.alone.span_id(), flags, false, state)
    }

    fn spans(&mut self, now: SystemTime) -> Vec<SpanData> {
        let (whole, parent) = self.whole();
        let is_one_trace = self.caller.is_none() && self.entries.len() == 1;
        let mut own =
            std::mem::replace(&mut self.own, Draft::new("", SpanKind::Internal, (now, now)));
        own.until = now;
        let mut spans = Vec::with_capacity(1 + self.entries.len() + self.parts.len());
        for Belonging { root, begins, is_step, mut draft } in self.entries.drain(..) {
            if is_one_trace {
                for said in &draft.attributes {
                    own.attributes.retain(|known| known.key != said.key);
                    own.attributes.push(said.clone());
                }
                if is_step && root.is_sampled() {
                    spans.push(draft.under(below(&whole), Some(&whole)));
                }
                continue;
            }
            // In a trace of its own, which has to be found from here and this from there.
            let (context, above) = if begins { (root, None) } else { (below(&root), Some(root)) };
            own.links_to(&context);
            draft.links_to(&whole);
            if !is_step {
                draft.until = now;
            }
            if context.is_sampled() {
                spans.push(draft.under(context, above.as_ref()));
            }
        }
        if whole.is_sampled() {
            for part in self.parts.drain(..) {
                spans.push(part.under(below(&whole), Some(&whole)));
            }
            spans.push(own.under(whole, parent.as_ref()));
        }
        spans
    }
}
