//! Every text a person reads, as one struct: a language that lacks one does not compile.
//!
//! `{name}` marks a place for a value; [`fill`] and the script put it in the same way. Texts are
//! plain text, escaped by the templates like everything else.

use super::form::Fault;
use super::refusal::{Action, RefusalTexts};

/// A text that depends on a number. Languages without plural forms give the same twice.
#[derive(Clone, Copy)]
pub(crate) struct Plural {
    pub(crate) one: &'static str,
    pub(crate) other: &'static str,
}

impl Plural {
    pub(crate) fn pick(&self, n: u32) -> &'static str {
        if n == 1 { self.one } else { self.other }
    }
}

/// Puts values into their places. A value is never searched for places again.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.extend(["{", name, "}"]),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

macro_rules! texts {
    ($($(#[$meta:meta])* $field:ident: $type:ty,)*) => {
        /// All texts of one language.
        pub(crate) struct Texts { $($(#[$meta])* pub(crate) $field: $type,)* }
    };
}

texts! {
    // Every page
    tagline: &'static str,
    skip_link: &'static str,
    language_label: &'static str,
    account_label: &'static str,
    signed_in_as: &'static str,
    guest_mark: &'static str,
    login: &'static str,
    log_out: &'static str,
    sign_up: &'static str,
    come_as_guest: &'static str,
    profile: &'static str,
    lobby: &'static str,
    footer: &'static str,
    // Seats
    seats_taken: Plural,
    seats_reserved: &'static str,
    seats_held: &'static str,
    seats_kept: &'static str,
    kept_label: &'static str,
    kept_seat: &'static str,
    kept_back: &'static str,
    seats_staff: &'static str,
    seats_waiting: &'static str,
    seats_join: &'static str,
    legend_label: &'static str,
    legend: [&'static str; 5],
    full: &'static str,
    // Lobby
    lobby_title: &'static str,
    lobby_lead: &'static str,
    lobby_welcome: &'static str,
    search_label: &'static str,
    search_button: &'static str,
    search_clear: &'static str,
    new_room: &'static str,
    enter: &'static str,
    room_number: &'static str,
    password_mark: &'static str,
    empty_title: &'static str,
    empty_body: &'static str,
    nothing_found: &'static str,
    more_rooms: &'static str,
    live: &'static str,
    live_lost: &'static str,
    // Forms
    username: &'static str,
    username_hint: &'static str,
    password: &'static str,
    password_hint: &'static str,
    current_password: &'static str,
    new_password: &'static str,
    display_name: &'static str,
    display_name_hint: &'static str,
    contact_number: &'static str,
    contact_hint: &'static str,
    optional: &'static str,
    errors_title: &'static str,
    sign_up_lead: &'static str,
    sign_up_submit: &'static str,
    login_lead: &'static str,
    guest_title: &'static str,
    guest_lead: &'static str,
    guest_submit: &'static str,
    have_account: &'static str,
    no_account: &'static str,
    room_lead: &'static str,
    room_name: &'static str,
    room_name_hint: &'static str,
    capacity: &'static str,
    capacity_hint: &'static str,
    staff_seats: &'static str,
    staff_seats_hint: &'static str,
    visibility: &'static str,
    public: &'static str,
    public_hint: &'static str,
    unlisted: &'static str,
    unlisted_hint: &'static str,
    room_password: &'static str,
    room_password_hint: &'static str,
    lifetime: &'static str,
    persistent: &'static str,
    persistent_hint: &'static str,
    until_empty: &'static str,
    until_empty_hint: &'static str,
    create_room: &'static str,
    change_password: &'static str,
    change_password_lead: &'static str,
    profile_lead: &'static str,
    save: &'static str,
    saved: &'static str,
    password_saved: &'static str,
    log_out_lead: &'static str,
    your_data: &'static str,
    your_data_lead: &'static str,
    download_data: &'static str,
    delete_account: &'static str,
    delete_account_lead: &'static str,
    your_messages: &'static str,
    keep_messages: &'static str,
    keep_messages_hint: &'static str,
    erase_messages: &'static str,
    erase_messages_hint: &'static str,
    delete_account_sure: &'static str,
    // Room settings
    room_settings: &'static str,
    room_settings_link: &'static str,
    room_settings_lead: &'static str,
    room_settings_pending: &'static str,
    new_window: &'static str,
    back_to_room: &'static str,
    fewer_seats_hint: &'static str,
    door: &'static str,
    door_open: &'static str,
    door_open_hint: &'static str,
    door_password: &'static str,
    door_password_hint: &'static str,
    new_room_password: &'static str,
    close_room: &'static str,
    close_room_lead: &'static str,
    close_room_sure: &'static str,
    // Room
    entering_label: &'static str,
    reserving: &'static str,
    confirming: &'static str,
    line_title: &'static str,
    line_place: &'static str,
    line_next: &'static str,
    line_ahead: Plural,
    line_minutes: Plural,
    line_hours: &'static str,
    line_sound: &'static str,
    line_keep: &'static str,
    line_broken: &'static str,
    line_leave: &'static str,
    offer_title: &'static str,
    offer_lead: &'static str,
    offer_enter: &'static str,
    offer_decline: &'static str,
    cancel: &'static str,
    leave: &'static str,
    members: &'static str,
    members_more: &'static str,
    messages: &'static str,
    message_label: &'static str,
    message_hint: &'static str,
    send: &'static str,
    sending: &'static str,
    failed: &'static str,
    retry_send: &'static str,
    discard: &'static str,
    reconnecting: &'static str,
    reconnected: &'static str,
    retry_now: &'static str,
    load_older: &'static str,
    beginning: &'static str,
    not_kept: &'static str,
    no_messages: &'static str,
    new_below: &'static str,
    deleted_message: &'static str,
    deleted_user: &'static str,
    edited_mark: &'static str,
    edit: &'static str,
    find: &'static str,
    find_title: &'static str,
    find_label: &'static str,
    find_hint: &'static str,
    finding: &'static str,
    found_nothing: &'static str,
    find_more: &'static str,
    find_failed: &'static str,
    answer: &'static str,
    answering: &'static str,
    quote_of: &'static str,
    quote_unknown: &'static str,
    editing: &'static str,
    delete: &'static str,
    delete_sure: &'static str,
    deleting: &'static str,
    keep: &'static str,
    not_changed: &'static str,
    not_deleted: &'static str,
    acts_of: &'static str,
    typing_one: &'static str,
    typing_two: &'static str,
    typing_many: &'static str,
    read_one: &'static str,
    read_many: &'static str,
    read_all: &'static str,
    unread: &'static str,
    unread_count: &'static str,
    you: &'static str,
    joined: &'static str,
    left: &'static str,
    login_expiring: &'static str,
    invite: &'static str,
    share_title: &'static str,
    share_public: &'static str,
    share_unlisted: &'static str,
    share_password: &'static str,
    share_link: &'static str,
    copy: &'static str,
    copied: &'static str,
    close: &'static str,
    room_password_wrong: &'static str,
    needs_script: &'static str,
    // Refusals
    refusal_number: &'static str,
    refusals: RefusalTexts,
    action: fn(Action) -> &'static str,
    fault: fn(&Fault) -> String,
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_are_put_in_once_and_never_read_again() {
        assert_eq!(fill("{a} of {b}", &[("a", "{b}"), ("b", "2")]), "{b} of 2");
        assert_eq!(fill("{x} {", &[]), "{x} {");
    }
}
