//! The English texts.

use super::form::Fault;
use super::refusal::{Action, RefusalText, RefusalTexts};
use super::seats::grouped;
use super::texts::{Plural, Texts};

pub(super) static TEXTS: Texts = Texts {
    tagline: "Rooms that keep their capacity",
    skip_link: "Skip to the content",
    language_label: "Language",
    account_label: "Account",
    signed_in_as: "Signed in as {name}",
    guest_mark: "guest",
    login: "Log in",
    log_out: "Log out",
    sign_up: "Sign up",
    come_as_guest: "Come in as a guest",
    profile: "Profile",
    lobby: "Lobby",
    footer: "A seat is yours from the moment it is reserved, and nobody else’s.",

    seats_taken: Plural {
        one: "{occupied} of {capacity} seat taken",
        other: "{occupied} of {capacity} seats taken",
    },
    seats_reserved: "{n} reserved",
    seats_held: "{n} kept",
    seats_staff: "{n} for staff",
    seats_waiting: "{n} waiting",
    seats_join: ", ",
    legend_label: "What the squares mean",
    legend: ["taken", "kept for someone coming back", "reserved", "free", "for staff"],
    full: "Full",

    lobby_title: "Open rooms",
    lobby_lead: "Pick a room and take a seat. The squares show every seat as it is right now.",
    lobby_welcome: "Come in as a guest, or log in to keep your name.",
    search_label: "Find a room by name",
    search_button: "Search",
    search_clear: "Show all rooms",
    new_room: "New room",
    enter: "Enter",
    room_number: "Room {n}",
    password_mark: "password",
    empty_title: "No room is open yet",
    empty_body: "Open the first one: give it a name, say how many seats it has, and invite people by its number.",
    nothing_found: "No open room has “{q}” in its name.",
    more_rooms: "More rooms",
    live: "Seats update by themselves",
    live_lost: "Live seat counts are paused. Reconnecting…",

    username: "User name",
    username_hint: "3 to 32 letters, digits, dots, dashes or underscores. You log in with it.",
    password: "Password",
    password_hint: "8 to 128 characters. A short sentence is a good one.",
    current_password: "Current password",
    new_password: "New password",
    display_name: "Display name",
    display_name_hint: "What others see, up to 40 characters.",
    contact_number: "Contact number",
    contact_hint: "Only you and the operators of this server can see it.",
    optional: "optional",
    errors_title: "Please look at this again",
    sign_up_lead: "An account keeps your name and lets you come back from any device.",
    sign_up_submit: "Create account",
    login_lead: "Welcome back.",
    guest_title: "Come in as a guest",
    guest_lead: "No account needed. Tell us what to call you and take a seat.",
    guest_submit: "Come in",
    have_account: "I have an account",
    no_account: "Create an account",
    room_lead: "Choose how many people it holds. The room never lets in one more.",
    room_name: "Room name",
    room_name_hint: "Up to 80 characters.",
    capacity: "Seats",
    capacity_hint: "From 1 to 10,000.",
    staff_seats: "Seats for staff",
    staff_seats_hint: "How many of these seats only the owner and moderators can take. 0 keeps none.",
    visibility: "Who can find it",
    public: "Everyone",
    public_hint: "The room is listed in the lobby.",
    unlisted: "Only people with the link",
    unlisted_hint: "The room is not listed anywhere.",
    room_password: "Room password",
    room_password_hint: "Leave it empty to let anyone with a free seat in.",
    lifetime: "How long it stays",
    persistent: "Until it is closed",
    persistent_hint: "The room stays open when everyone has gone.",
    until_empty: "Until it is empty",
    until_empty_hint: "The room closes when the last person leaves.",
    create_room: "Create room",
    change_password: "Change password",
    change_password_lead: "Choose a new password to go on. You need your current one as well.",
    profile_lead: "How others see you, and how you log in.",
    save: "Save",
    saved: "Saved.",
    password_saved: "Your password was changed.",
    log_out_lead: "Logging out gives back your seat and ends this login in every window.",

    room_settings: "Room settings",
    room_settings_link: "Settings",
    room_settings_lead: "Changes hold from the moment you save them. Nobody who has a seat loses it.",
    room_settings_pending: "Nobody has entered this room yet. It can be changed here once somebody sits in it.",
    new_window: "opens in a new tab",
    back_to_room: "Back to the room",
    fewer_seats_hint: "From 1 to 10,000. With fewer seats than people nobody has to go, and nobody new comes in until there is room.",
    door: "Who can come in",
    door_open: "Anyone with a free seat",
    door_open_hint: "No password is asked for.",
    door_password: "Only people with the password",
    door_password_hint: "Set it below. If you leave that empty, the present password stays.",
    new_room_password: "New room password",
    close_room: "Close the room",
    close_room_lead: "Everyone has to leave at once, also those in line, and the room cannot be opened again.",
    close_room_sure: "Yes, close it for everyone",

    entering_label: "Entering the room",
    reserving: "Reserving a seat…",
    confirming: "Taking your seat…",
    line_title: "You are in line",
    line_place: "Your place in line",
    line_next: "You are next.",
    line_ahead: Plural { one: "{n} person is before you.", other: "{n} people are before you." },
    line_minutes: Plural { one: "About a minute to go.", other: "About {n} minutes to go." },
    line_hours: "More than an hour to go.",
    line_keep: "Keep this page open. When a seat is free, it is yours: you are told here and taken in.",
    line_broken: "The connection was lost. Your place is kept for a moment; getting back to it…",
    line_leave: "Leave the line",
    offer_title: "A seat is free for you",
    offer_lead: "It is kept for you and nobody else. You are taken in automatically in {n}\u{a0}s.",
    offer_enter: "Go in now",
    offer_decline: "Give it to the next",
    cancel: "Cancel",
    leave: "Leave",
    members: "In this room",
    members_more: "and {n} more",
    messages: "Messages",
    message_label: "Your message",
    message_hint: "Enter sends, Shift+Enter starts a new line",
    send: "Send",
    sending: "Sending…",
    failed: "Not sent.",
    retry_send: "Try again",
    discard: "Discard",
    reconnecting: "The connection was lost. Getting you back in…",
    reconnected: "You are back.",
    retry_now: "Try now",
    load_older: "Show older messages",
    beginning: "This is where the room begins.",
    no_messages: "Nothing said yet. Say hello.",
    new_below: "New messages below",
    deleted_message: "This message was deleted.",
    edited_mark: "edited",
    you: "you",
    joined: "{name} came in",
    left: "{name} left",
    login_expiring: "Your login runs out in about two minutes. Log in again to keep your seat.",
    invite: "Invite",
    share_title: "Invite people",
    share_public: "Everyone who opens this link can take a free seat.",
    share_unlisted: "The room is in no list. This link is the only way in, so give it only to those you want here.",
    share_password: "They are asked for the room password as well.",
    share_link: "Link to this room",
    copy: "Copy the link",
    copied: "Copied.",
    close: "Close",
    room_password_wrong: "That is not the password of this room.",
    needs_script: "Chatting needs JavaScript, which is switched off in this browser. No seat has been taken. Switch it on and reload this page.",

    refusal_number: "Code: {code}",
    action,
    fault,
    refusals: RefusalTexts {
        room_full: RefusalText::new(
            "The room is full",
            "Every seat is taken or reserved, or others are waiting in line before you. You have no seat here yet.",
        ),
        reservation_expired: RefusalText::new(
            "Your reservation ran out",
            "A seat was reserved for you, but the time to take it passed, so it went back to the room. You can reserve again.",
        ),
        not_waiting: RefusalText::new(
            "You are no longer in line",
            "You left the line in another window, or were away for too long, so your place went to those behind you. You can join the line again at its end.",
        ),
        no_reservation: RefusalText::new(
            "That ticket opens nothing",
            "It was already used, was cancelled, or belongs to someone else. No seat is reserved for you; reserve a new one to come in.",
        ),
        replaced: RefusalText::new(
            "You opened this room elsewhere",
            "Your seat is safe and is being used in another window or on another device. This window has stepped aside.",
        ),
        already_seated: RefusalText::new(
            "You already have a seat here",
            "There is no need to wait in line. Go in, and your seat comes with you.",
        ),
        logged_out: RefusalText::new(
            "You have logged out",
            "This login has ended in every window, and your seat was given back.",
        ),
        unauthenticated: RefusalText::new(
            "Please log in",
            "You are not logged in, or your login has ended. Afterwards you come straight back here.",
        ),
        bad_credentials: RefusalText::new(
            "That did not match",
            "The user name or the password is not right. Nothing has changed; please try again.",
        ),
        removed: RefusalText::new(
            "You were removed from this room",
            "The owner or a moderator asked you to leave, and your seat was given back.",
        ),
        banned: RefusalText::new(
            "You cannot enter this room",
            "The owner or a moderator has banned you from it. Other rooms are open to you.",
        ),
        room_closed: RefusalText::new(
            "This room has closed",
            "Its owner or an operator closed it for everyone, so there are no seats in it any more.",
        ),
        room_not_found: RefusalText::new(
            "There is no such room",
            "The number may be mistyped, the room may have been forgotten because nobody ever came in, or it opens only with its full link.",
        ),
        wrong_room_password: RefusalText::new(
            "This room asks for a password",
            "Type the password to reserve your seat. Until then no seat is taken.",
        ),
        slow_consumer: RefusalText::new(
            "Your connection could not keep up",
            "More messages arrived than it could take, so we stopped. Your seat is kept for a few seconds; come back and you get what you missed.",
        ),
        rate_limited: RefusalText::new(
            "A little too fast",
            "There were too many requests in a short time. Wait a moment, then try again; nothing else has changed.",
        ),
        unavailable: RefusalText::new(
            "We cannot decide just now",
            "A service that this server depends on is not answering, so nothing new is granted. Please try again in a moment.",
        ),
        entry_failed: RefusalText::new(
            "You could not be seated",
            "We had a seat for you, but your entry could not be saved. A new seat was given back; a seat you already had is still yours.",
        ),
        restarting: RefusalText::new(
            "The server is restarting",
            "It will be back in a moment. Come in again then, and you get the messages you missed.",
        ),
        offline: RefusalText::new(
            "The server cannot be reached",
            "Check your connection. If you were in the room, your seat is kept for a few seconds.",
        ),
        left: RefusalText::new(
            "You left the room",
            "Your seat was free for someone else at once. Come back whenever a seat is free.",
        ),
        too_many_reservations: RefusalText::new(
            "You have reserved too many seats",
            "You have seats reserved in other rooms that you have not taken. Take or cancel one, or wait until they run out.",
        ),
        guests_disabled: RefusalText::new(
            "Guests cannot come in here",
            "This server asks everyone to have an account. Log in, or create one in a minute.",
        ),
        forbidden: RefusalText::new(
            "This is not open to you",
            "Your account may not see or do this. Nothing has changed.",
        ),
        not_found: RefusalText::new(
            "There is nothing here",
            "The address may be mistyped, or what was here has gone.",
        ),
        account_locked: RefusalText::new(
            "This account is locked",
            "An operator of this server has locked it. Ask them to open it again; logging in will not work until then.",
        ),
        account_expired: RefusalText::new(
            "This account has ended",
            "It was set up for a limited time, which has passed. Ask an operator of this server to extend it.",
        ),
        credentials_expired: RefusalText::new(
            "Your password is too old",
            "It is time for a new one. Choose it now and log in with it.",
        ),
        cross_site: RefusalText::new(
            "That came from another site",
            "To protect you, we do nothing that another site asks for in your name. Open the page here and try again.",
        ),
        too_large: RefusalText::new(
            "That was too large",
            "More was sent than this server accepts. Make it shorter and try again.",
        ),
        bad_request: RefusalText::new(
            "We did not understand that",
            "Something in the request was malformed. Nothing has changed; go back and try again.",
        ),
        internal: RefusalText::new(
            "Something went wrong on our side",
            "It has been noted. If you had a seat, it is kept for a few seconds; please try again.",
        ),
    },
};

fn action(action: Action) -> &'static str {
    match action {
        Action::Retry => "Try again",
        Action::UseHere => "Use it here",
        Action::Wait => "Wait in line",
        Action::RoomPassword => "Enter the room",
        Action::Login => "Log in",
        Action::Guest => "Come in as a guest",
        Action::SignUp => "Sign up",
        Action::ChangePassword => "Choose a new password",
        Action::NewRoom => "Open a new room",
        Action::Lobby => "Go to the lobby",
    }
}

fn fault(fault: &Fault) -> String {
    match fault {
        Fault::Required => "Please fill this in.".to_owned(),
        Fault::TooShort(min) => format!("Use at least {min} characters."),
        Fault::TooLong(max) => format!("Use at most {max} characters."),
        Fault::OutOfRange(min, max) => {
            format!("Choose a whole number from {} to {}.", grouped(*min), grouped(*max))
        }
        Fault::StaffBeyondSeats => "There cannot be more of them than seats.".to_owned(),
        Fault::NotSure => "Tick this first.".to_owned(),
        Fault::PasswordNotAsked => {
            "With this password, choose “Only people with the password” above.".to_owned()
        }
        Fault::Characters => "It has characters that cannot be used here.".to_owned(),
        Fault::UsernameTaken => "Someone already has this user name. Choose another.".to_owned(),
        Fault::BadCredentials => "The user name or the password is not right.".to_owned(),
        Fault::WrongPassword => "This is not your current password.".to_owned(),
        Fault::SamePassword => "Choose one that differs from the current password.".to_owned(),
        Fault::TooManyTries(minutes) => {
            let unit = if *minutes == 1 { "minute" } else { "minutes" };
            format!("Too many tries. Wait {minutes} {unit}, then try again.")
        }
        Fault::Refused(refusal) => TEXTS.refusals.of(*refusal).body.to_owned(),
        Fault::Invalid => "This cannot be used here. Please check it.".to_owned(),
    }
}
