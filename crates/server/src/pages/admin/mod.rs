//! Administration as pages: their words, their views, and the plot of outcomes.
//!
//! As everywhere in [`crate::pages`] nothing here asks or does anything: the caller gathers the facts and
//! fills a view. Read [`texts`] (with `en` and `ko`), [`plot`], [`paged`],
//! [`views`] and [`room_views`].

mod en;
mod ko;
pub(crate) mod paged;
pub(crate) mod plot;
pub(crate) mod room_views;
#[cfg(test)]
mod tests;
pub(crate) mod texts;
pub(crate) mod views;

use anteroom_protocol::Timestamp;
use anteroom_protocol::account::Role;
use anteroom_protocol::attempt::Outcome;
use anteroom_protocol::audit::{Act, ActOutcome};

use self::room_views::Sits;
use self::texts::AdminTexts;
use self::views::{LeaseState, Part};
use super::Page;
use super::lang::Lang;
use super::refusal::Refusal;

impl Lang {
    /// The texts of administration in this language.
    pub(crate) fn admin_texts(self) -> &'static AdminTexts {
        match self {
            Self::En => &en::TEXTS,
            Self::Ko => &ko::TEXTS,
        }
    }
}

/// The parts of administration, in the order of their links.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Section {
    Overview,
    Rooms,
    People,
    Entries,
    Audit,
}

impl Section {
    /// Where it is.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Overview => "/admin",
            Self::Rooms => "/admin/rooms",
            Self::People => "/admin/people",
            Self::Entries => "/admin/entries",
            Self::Audit => "/admin/audit",
        }
    }

    /// Moderators look after rooms and entries, and not after accounts.
    pub(crate) fn is_for_admins(self) -> bool {
        matches!(self, Self::People | Self::Audit)
    }

    fn name(self, a: &AdminTexts) -> &'static str {
        match self {
            Self::Overview => a.overview,
            Self::Rooms => a.rooms,
            Self::People => a.people,
            Self::Entries => a.entries,
            Self::Audit => a.audit,
        }
    }
}

/// The frame of every page of administration.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) a: &'static AdminTexts,
    pub(crate) is_admin: bool,
    pub(crate) at: Section,
    /// What was just done.
    pub(crate) notice: Option<Act>,
}

impl Desk {
    pub(crate) fn new(page: &Page, is_admin: bool, at: Section) -> Self {
        Self { a: page.lang.admin_texts(), is_admin, at, notice: None }
    }

    /// The links of the frame: name, address, and whether this is it.
    fn links(&self) -> Vec<(&'static str, &'static str, bool)> {
        use Section::{Audit, Entries, Overview, People, Rooms};
        [Overview, Rooms, People, Entries, Audit]
            .into_iter()
            .filter(|it| self.is_admin || !it.is_for_admins())
            .map(|it| (it.name(self.a), it.path(), it == self.at))
            .collect()
    }

    fn notice_text(&self) -> Option<&'static str> {
        self.notice.map(|act| (self.a.notice)(act))
    }

    fn kick_word(&self) -> &'static str {
        (self.a.question)(Act::Kick).button
    }

    fn ban_word(&self) -> &'static str {
        (self.a.question)(Act::Ban).button
    }

    fn unban_word(&self) -> &'static str {
        (self.a.question)(Act::Unban).button
    }

    fn close_word(&self) -> &'static str {
        (self.a.question)(Act::CloseRoom).button
    }

    fn logout_word(&self) -> &'static str {
        (self.a.question)(Act::Logout).button
    }

    fn lock_word(&self) -> &'static str {
        (self.a.question)(Act::Lock).button
    }

    fn unlock_word(&self) -> &'static str {
        (self.a.question)(Act::Unlock).button
    }

    fn act_name(&self, act: &Act) -> &'static str {
        (self.a.act_name)(*act)
    }

    fn act_outcome(&self, outcome: &ActOutcome) -> &'static str {
        (self.a.act_outcome)(*outcome)
    }

    fn act_class(&self, outcome: &ActOutcome) -> &'static str {
        if *outcome == ActOutcome::Done { "fine" } else { "alarm" }
    }

    fn outcome(&self, outcome: &Outcome) -> &'static str {
        (self.a.outcome_name)(*outcome)
    }

    /// Why, in the words in which people are told.
    fn why(&self, page: &Page, code: &str) -> &'static str {
        page.t.refusals.of(Refusal::from_code(code)).title
    }

    fn role(&self, role: &Role) -> &'static str {
        (self.a.role)(*role)
    }

    fn role_hint(&self, role: &Role) -> &'static str {
        (self.a.role_hint)(*role)
    }

    fn lease(&self, state: &LeaseState) -> &'static str {
        (self.a.lease_state)(*state)
    }

    fn part(&self, part: &Part) -> &'static str {
        (self.a.part)(*part)
    }

    fn sits(&self, sits: &Sits) -> &'static str {
        match sits {
            Sits::Here => self.a.occupied,
            Sits::Held => self.a.held,
            Sits::Reserved => self.a.reserved,
        }
    }

    fn when_label(&self, sits: &Sits) -> &'static str {
        match sits {
            Sits::Here => self.a.since,
            Sits::Held => self.a.held_until,
            Sits::Reserved => self.a.reserved_until,
        }
    }
}

/// An instant, for programs and for people. Said in UTC; the script says it in the reader's own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) iso: String,
    /// `2026-11-21 08:00:05`
    pub(crate) shown: String,
}

impl When {
    pub(crate) fn at(at: Timestamp) -> Self {
        let iso = at.to_string();
        let shown = iso.get(..19).unwrap_or(&iso).replace('T', " ");
        Self { iso, shown }
    }

    /// Hours and minutes alone.
    pub(crate) fn clock(&self) -> &str {
        self.shown.get(11..16).unwrap_or(&self.shown)
    }

    /// Month, day, hours and minutes.
    pub(crate) fn day(&self) -> &str {
        self.shown.get(5..16).unwrap_or(&self.shown)
    }
}
