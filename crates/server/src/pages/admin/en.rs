//! The English texts of administration.

use anteroom_protocol::account::Role;
use anteroom_protocol::attempt::Outcome;
use anteroom_protocol::audit::{Act, ActOutcome};

use super::super::texts::Plural;
use super::plot::Series;
use super::texts::{AdminTexts, Question};
use super::views::{LeaseState, Part};

pub(super) static TEXTS: AdminTexts = AdminTexts {
    title: "Administration",
    nav_label: "Administration",
    overview: "Overview",
    rooms: "Rooms",
    people: "People",
    entries: "Entries",
    audit: "Audit",
    utc: "UTC",
    live: "Up to date",
    live_lost: "Not up to date. Trying again…",
    more: "Show older",
    newest: "Show the newest",
    next_page: "Next page",
    first_page: "First page",
    none: "–",
    filter: "Show",
    any: "Any",
    clear: "Show all",
    actions: "Actions",
    nothing_matches: "Nothing matches.",

    refused_title: "This is for administrators",
    refused_body: "Your account has no role that may look in here. Nothing was changed.",
    refused_how: "Whoever runs the server can give you one: stop it, run the command below on its machine, start it again, and log in.",
    refused_moderator: "Accounts, nodes and the audit trail are for administrators. As a moderator you can look after rooms and entries.",

    open_rooms: "Open rooms",
    pending_rooms: Plural { one: "and 1 not entered yet", other: "and {n} not entered yet" },
    seats_taken: "Seats taken",
    of_seats: "of {n}",
    waiting: "Waiting in line",
    sessions: "Live sessions",
    sessions_here: "Live sessions on this node",
    people_online: Plural { one: "of 1 person", other: "of {n} people" },
    outcomes: "Entries over time",
    outcomes_lead: "What each attempt to enter came to.",
    outcomes_none: "Nobody tried to enter in this time.",
    outcomes_desc: "Stacked bars, one for each {width}. In all: {totals}. The same figures are in the table below.",
    outcomes_table: "The figures as a table",
    outcomes_since: "The log goes back to",
    outcomes_memory: "Counted by this node alone, since it started: the store keeps no entry log here.",
    span_label: "How far back",
    spans: ["1 hour", "24 hours", "7 days"],
    widths: ["minute", "half hour", "three hours"],
    from: "From",
    total: "Total",
    stores: "Stores",
    store_part: "For",
    store_kind: "What",
    store_state: "State",
    since: "Since",
    ready: "Ready",
    not_ready: "Does not answer",
    stores_lead: "As this node saw them when somebody last looked.",
    nodes: "Nodes",
    nodes_lead: "What only a node itself knows is shown for the one that answers you.",
    node: "Node",
    node_alone: "This server",
    this_node: "answers you",
    lease: "Lease",
    lease_left: "{n} s left",
    version: "Version",
    started: "Started",
    unknown: "Not known",

    rooms_lead: "Every open room, also those that no list shows.",
    room_search: "Name or number",
    search: "Search",
    no_rooms: "There is no such room open.",
    unlisted: "Unlisted",
    pending: "Not entered yet",
    owner: "Owner",
    created: "Created",
    visible: "Found by",
    public: "Everyone",
    lifetime: "Stays open",
    persistent: "Until it is closed",
    until_empty: "Until everyone has left",
    settings: "Settings",
    members: "Who has a seat",
    no_members: "Nobody has a seat.",
    person: "Person",
    state: "State",
    occupied: "Here",
    held: "Seat kept",
    reserved: "Reserved",
    held_until: "Seat kept until",
    reserved_until: "Reserved until",
    is_owner: "Owner",
    staff_seat: "Staff seat",
    line: "In line",
    bans: "Banned",
    no_bans: "Nobody is banned from this room.",

    people_lead: "Accounts and guests, by the beginning of their user names.",
    person_search: "User name begins with",
    person_search_hint: "Leave it empty for everyone. Guests are called guest-….",
    no_people: "No user name begins like that.",
    roles: "Roles",
    roles_lead: "They hold from the person's next request on.",
    roles_own: "You cannot take away your own administration: the last one would be gone.",
    save_roles: "Save roles",
    member_since: "Account since",
    locked_since: "Locked since",
    locked: "Locked",
    in_use: "In use",
    you: "you",
    account: "Account",
    sessions_of: "Where this person is now",
    no_sessions: "In no room.",
    room: "Room",
    entries_of: "Entries of this person",
    audit_of: "What was done to this person",

    entries_lead: "Attempts to enter, newest first, each with what it came to.",
    outcome: "Outcome",
    room_number: "Room number",
    user_name: "User name",
    when: "When",
    why: "Why",
    attempts: "Tries",
    waited: "From seat to line",
    seconds: "{n} s",
    offered: "offered to somebody in line",
    takeover: "sat there already",

    audit_lead: "Every act of administration, newest first.",
    actor: "Who",
    actor_hint: "A user name, or: command line",
    command_line: "Command line",
    by: "By whom",
    by_staff: "Staff and the command line",
    by_others: "Owners and others",
    act: "What",
    target: "To whom or what",
    target_hint: "A user name or a room number",
    detail: "Detail",
    result: "Result",

    confirm_title: "Are you sure?",
    keep: "No, go back",
    question,
    notice,
    act_name,
    act_outcome,
    outcome_name,
    series,
    role,
    role_hint,
    lease_state,
    part,
};

fn question(act: Act) -> Question {
    let (title, body, button) = match act {
        Act::Kick => (
            "Remove this person?",
            "Their windows of this room close at once and the seat is free. They may come back.",
            "Remove",
        ),
        Act::Ban => (
            "Ban this person from the room?",
            "Their windows of this room close at once, and they cannot come back until you lift the ban.",
            "Ban",
        ),
        Act::Unban => ("Lift this ban?", "The person may enter the room again.", "Lift the ban"),
        Act::CloseRoom => (
            "Close this room?",
            "Everybody in it leaves at once, also those in line, and it cannot be opened again.",
            "Close the room",
        ),
        Act::Logout => (
            "Log this person out everywhere?",
            "All their windows close at once and their seats are free. They can log in again.",
            "Log out everywhere",
        ),
        Act::Lock => (
            "Lock this account?",
            "All its windows close at once, and nobody can log in with it until you unlock it.",
            "Lock",
        ),
        Act::Unlock => ("Unlock this account?", "The person can log in again.", "Unlock"),
        Act::ChangeRoom
        | Act::Roles
        | Act::Direct
        | Act::AddUser
        | Act::Export
        | Act::DeleteUser => ("Go on?", "This changes something at once.", "Go on"),
    };
    Question { title, body, button }
}

fn notice(act: Act) -> &'static str {
    match act {
        Act::Kick => "The person was removed.",
        Act::Ban => "The person was banned from the room.",
        Act::Unban => "The ban was lifted.",
        Act::CloseRoom => "The room was closed.",
        Act::ChangeRoom => "The room was changed.",
        Act::Logout => "The person was logged out everywhere.",
        Act::Lock => "The account was locked.",
        Act::Unlock => "The account was unlocked.",
        Act::Roles => "The roles were saved.",
        Act::Direct => "It was said.",
        Act::AddUser => "The account was made.",
        Act::Export => "The data was read out.",
        Act::DeleteUser => "The account is deleted.",
    }
}

fn act_name(act: Act) -> &'static str {
    match act {
        Act::Kick => "Removed",
        Act::Ban => "Banned",
        Act::Unban => "Ban lifted",
        Act::CloseRoom => "Room closed",
        Act::ChangeRoom => "Room changed",
        Act::Logout => "Logged out",
        Act::Lock => "Locked",
        Act::Unlock => "Unlocked",
        Act::Roles => "Roles changed",
        Act::Direct => "Words said directly",
        Act::AddUser => "Account made",
        Act::Export => "Data read out",
        Act::DeleteUser => "Account deleted",
    }
}

fn act_outcome(outcome: ActOutcome) -> &'static str {
    match outcome {
        ActOutcome::Begun => "Begun, end unknown",
        ActOutcome::Done => "Done",
        ActOutcome::Refused => "Refused",
        ActOutcome::Failed => "Failed",
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Entered => "Entered",
        Outcome::Refused => "Refused",
        Outcome::TicketRefused => "Ticket refused",
        Outcome::Cancelled => "Cancelled",
        Outcome::ExpiredNeverConnected => "Expired, never connected",
        Outcome::ExpiredAfterFailedAttempt => "Expired after a failed try",
        Outcome::Failed => "Failed",
        Outcome::Superseded => "Superseded",
        Outcome::Revoked => "Login ended",
        Outcome::Removed => "Removed",
        Outcome::RoomClosed => "Room closed",
    }
}

fn series(series: Series) -> &'static str {
    match series {
        Series::Entered => "Entered",
        Series::Refused => "Refused",
        Series::Expired => "Expired",
        Series::Failed => "Failed",
        Series::Other => "Ended otherwise",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::User => "User",
        Role::Guest => "Guest",
        Role::Moderator => "Moderator",
        Role::Admin => "Administrator",
        Role::Service => "Service",
    }
}

fn role_hint(role: Role) -> &'static str {
    match role {
        Role::Admin => "Everything here.",
        Role::Moderator => "Rooms and entries: remove, ban, close. No accounts.",
        Role::Service => "A program that reserves for several people at once.",
        Role::User | Role::Guest => "",
    }
}

fn lease_state(state: LeaseState) -> &'static str {
    match state {
        LeaseState::Alone => "None needed",
        LeaseState::Held => "Held",
        LeaseState::RunOut => "Run out",
        LeaseState::Fenced => "Over, seats being given back",
        LeaseState::Over => "Over",
    }
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Facts => "Facts",
        Part::Seats => "Seats",
        Part::Bus => "Between nodes",
    }
}
