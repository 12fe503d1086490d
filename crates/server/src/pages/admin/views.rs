//! The pages of administration: one struct per template, holding all that the page shows.

use anteroom_protocol::account::Role;
use anteroom_protocol::attempt::Outcome;
use anteroom_protocol::audit::{Act, ActOutcome};
use askama::Template;

use super::paged::{Links, Paged};
use super::plot::{Plot, Series};
use super::texts::Question;
use super::{Desk, When};
use crate::pages::seats::{Seats, grouped};
use crate::pages::texts::Plural;
use crate::pages::{Page, query_value};

/// What a store is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Facts,
    Seats,
    Bus,
}

/// How the lease of a node stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LeaseState {
    Alone,
    Held,
    RunOut,
    Fenced,
    Over,
}

/// Somebody, as a table names one.
#[derive(Clone, Debug)]
pub(crate) struct Someone {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Nobody without a role looks in here: what that means, and how one gets a role.
#[derive(Template)]
#[template(path = "admin/refused.html")]
pub(crate) struct RefusedView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    /// A moderator, where only administrators may look.
    pub(crate) is_moderator: bool,
    pub(crate) username: String,
}

/// One store that the node stands on.
pub(crate) struct StoreRow {
    pub(crate) part: Part,
    pub(crate) kind: &'static str,
    pub(crate) is_ready: bool,
    pub(crate) since: When,
}

/// One node.
pub(crate) struct NodeRow {
    pub(crate) node: u32,
    pub(crate) is_this: bool,
    pub(crate) lease: LeaseState,
    pub(crate) lease_left_s: Option<i64>,
    pub(crate) sessions: Option<usize>,
    pub(crate) version: Option<&'static str>,
    pub(crate) started: Option<When>,
}

/// The figures on top of the overview.
pub(crate) struct Figures {
    pub(crate) rooms: usize,
    pub(crate) pending: u32,
    pub(crate) sessions: usize,
    pub(crate) people: u32,
    /// There are other nodes, with sessions of their own.
    pub(crate) is_one_of_many: bool,
    pub(crate) seats: Seats,
}

impl Figures {
    fn taken(&self) -> String {
        grouped(self.seats.occupied + self.seats.reserved + self.seats.held)
    }

    fn waiting(&self) -> String {
        grouped(self.seats.waiting)
    }
}

/// `GET /admin`: how much there is, what entries came to, and what it all stands on.
#[derive(Template)]
#[template(path = "admin/overview.html")]
pub(crate) struct OverviewView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) figures: Figures,
    pub(crate) plot: Plot,
    /// Which of the spans is shown: words for the address.
    pub(crate) span: &'static str,
    pub(crate) oldest: Option<When>,
    pub(crate) is_stored: bool,
    pub(crate) stores: Vec<StoreRow>,
    pub(crate) nodes: Vec<NodeRow>,
}

impl OverviewView {
    fn spans(&self) -> Vec<(&'static str, &'static str, bool)> {
        let words = ["1h", "24h", "7d"];
        words
            .into_iter()
            .zip(self.desk.a.spans)
            .map(|(it, said)| (it, said, it == self.span))
            .collect()
    }

    fn number(&self, n: &usize) -> String {
        grouped(u32::try_from(*n).unwrap_or(u32::MAX))
    }

    fn of_seats(&self) -> String {
        self.page.say(self.desk.a.of_seats, "n", &grouped(self.figures.seats.capacity))
    }

    fn counted(&self, text: &Plural, n: &u32) -> String {
        self.page.say(text.pick(*n), "n", &grouped(*n))
    }
}

/// One account in the list.
pub(crate) struct PersonRow {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) created: When,
    pub(crate) locked: Option<When>,
    pub(crate) is_self: bool,
}

/// `GET /admin/people`: accounts by the beginning of their names.
#[derive(Template)]
#[template(path = "admin/people.html")]
pub(crate) struct PeopleView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) query: String,
    pub(crate) people: Paged<PersonRow>,
}

impl PeopleView {
    fn pages(&self) -> Links {
        let (query, a) = (query_value(&self.query), self.desk.a);
        let href = |it: &str| format!("/admin/people?q={query}&cursor={}", query_value(it));
        self.people.links((a.first_page, a.next_page), href)
    }
}

/// A room that somebody is in.
pub(crate) struct SessionRow {
    pub(crate) room: i64,
    pub(crate) room_name: String,
    pub(crate) node: u32,
    pub(crate) since: When,
    pub(crate) may_remove: bool,
}

/// `GET /admin/people/{id}`: one account, its roles and where its person is.
#[derive(Template)]
#[template(path = "admin/person.html")]
pub(crate) struct PersonView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) person: PersonRow,
    pub(crate) sessions: Paged<SessionRow>,
}

impl PersonView {
    fn pages(&self) -> Links {
        let (id, a) = (&self.person.id, self.desk.a);
        let href = |it: &str| format!("/admin/people/{id}?cursor={it}#sessions");
        self.sessions.links((a.first_page, a.next_page), href)
    }

    /// Roles that can be given and taken, and whether the person has each.
    fn is_fixed(&self, role: &Role) -> bool {
        self.person.is_self && *role == Role::Admin
    }

    fn choices(&self) -> Vec<(Role, bool)> {
        let given = [Role::Admin, Role::Moderator, Role::Service];
        given.into_iter().map(|role| (role, self.person.roles.contains(&role))).collect()
    }
}

/// One attempt to enter.
pub(crate) struct EntryRow {
    pub(crate) at: When,
    pub(crate) room: Option<i64>,
    pub(crate) who: Option<Someone>,
    pub(crate) outcome: Outcome,
    /// A stable code, where the outcome does not say it all.
    pub(crate) code: Option<&'static str>,
    pub(crate) attempts: u32,
    pub(crate) waited_s: Option<String>,
    pub(crate) offered: bool,
    pub(crate) takeover: bool,
}

impl EntryRow {
    fn class(&self) -> &'static str {
        Series::of(self.outcome.as_str()).class()
    }
}

/// `GET /admin/entries`: the entry log.
#[derive(Template)]
#[template(path = "admin/entries.html")]
pub(crate) struct EntriesView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) entries: Paged<EntryRow>,
}

impl EntriesView {
    fn pages(&self) -> Links {
        let outcome = self.outcome.map_or("", Outcome::as_str);
        let (room, user) = (query_value(&self.room), query_value(&self.user));
        self.entries.links((self.desk.a.newest, self.desk.a.more), |cursor| {
            format!("/admin/entries?outcome={outcome}&room={room}&user={user}&cursor={cursor}")
        })
    }

    fn outcomes(&self) -> &'static [Outcome] {
        Outcome::ALL
    }

    fn is_outcome(&self, outcome: &Outcome) -> bool {
        self.outcome == Some(*outcome)
    }

    fn is_filtered(&self) -> bool {
        self.outcome.is_some() || !self.room.is_empty() || !self.user.is_empty()
    }
}

/// One act of administration.
pub(crate) struct AuditRow {
    pub(crate) at: When,
    /// `None`: the command line.
    pub(crate) actor: Option<Someone>,
    pub(crate) act: Act,
    pub(crate) user: Option<Someone>,
    pub(crate) room: Option<i64>,
    pub(crate) detail: String,
    pub(crate) outcome: ActOutcome,
    pub(crate) code: Option<String>,
}

/// `GET /admin/audit`: the audit trail.
#[derive(Template)]
#[template(path = "admin/audit.html")]
pub(crate) struct AuditView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) actor: String,
    /// Whether acts of staff alone are asked for, or those of others alone.
    pub(crate) by_staff: Option<bool>,
    pub(crate) act: Option<Act>,
    pub(crate) target: String,
    pub(crate) acts: Paged<AuditRow>,
}

impl AuditView {
    fn pages(&self) -> Links {
        let act = self.act.map_or("", Act::as_str);
        let by = self.sides().into_iter().find(|(.., is_it)| *is_it).map_or("", |(it, ..)| it);
        let (actor, target) = (query_value(&self.actor), query_value(&self.target));
        self.acts.links((self.desk.a.newest, self.desk.a.more), |cursor| {
            format!("/admin/audit?actor={actor}&by={by}&act={act}&target={target}&cursor={cursor}")
        })
    }

    /// Whose acts can be asked for: the word of the address, how it is said, and whether it is asked for.
    fn sides(&self) -> [(&'static str, &'static str, bool); 3] {
        let (a, is) = (self.desk.a, self.by_staff);
        [
            ("", a.any, is.is_none()),
            ("staff", a.by_staff, is == Some(true)),
            ("others", a.by_others, is == Some(false)),
        ]
    }

    fn all_acts(&self) -> &'static [Act] {
        Act::ALL
    }

    fn is_act(&self, act: &Act) -> bool {
        self.act == Some(*act)
    }

    fn is_filtered(&self) -> bool {
        self.act.is_some()
            || self.by_staff.is_some()
            || !self.actor.is_empty()
            || !self.target.is_empty()
    }
}

/// `GET /admin/confirm`: what is about to be done, asked first.
#[derive(Template)]
#[template(path = "admin/confirm.html")]
pub(crate) struct ConfirmView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) act: Act,
    pub(crate) room: Option<(i64, String)>,
    pub(crate) user: Option<Someone>,
    /// Which page it was asked on, where that is not the room's.
    pub(crate) from: String,
    /// Where "no" leads.
    pub(crate) back: String,
}

impl ConfirmView {
    fn question(&self) -> Question {
        (self.desk.a.question)(self.act)
    }
}
