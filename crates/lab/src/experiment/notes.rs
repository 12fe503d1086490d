//! What one person asked and was told, as the judge and the histograms read it.

use std::time::Duration;

use super::data::Counts;
use super::watch::{Event, What};

/// A step that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Reserve,
    Refuse,
    Confirm,
    Entry,
}

impl Step {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Refuse => "refuse",
            Self::Confirm => "confirm",
            Self::Entry => "entry",
        }
    }
}

/// What one person saw.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) events: Vec<Event>,
    pub(crate) counts: Counts,
    pub(crate) spans: Vec<(Step, Duration)>,
}

impl Notes {
    /// Leaves broken promises out: that a server which died has forgotten some is a figure, and not a fault.
    pub(crate) fn forgive_promises(&mut self) {
        self.events.retain(|event| !matches!(event.what, What::PromiseBroken(_)));
    }
}
