//! The English sentences.

use anteroom_client::protocol::Code;

use super::Words;

pub(in super::super) static WORDS: Words = Words {
    seats_reserved: "{n} reserved",
    seats_held: "{n} kept for who comes back",
    seats_waiting: "{n} waiting",

    ask_name: "Your name: ",
    ask_password: "Password of {name}: ",
    ask_room: "Which room? Number or name, or: new NAME SEATS > ",
    ask_room_password: "Password of the room: ",
    ask_wait: "Wait in line? [Y/n] ",
    yes: &["", "y", "yes"],
    name_missing: "Say who you are: --name NAME comes in as a guest, --user NAME logs in.",
    password_missing: "There is nobody to ask for the password here: put it into ANTEROOM_PASSWORD.",
    bad_authority: "--ca {file}: {why}",
    no_authority: "This machine trusts no authority: {why}. Install its list of certificates (ca-certificates), or name a file with --ca.",
    not_trusted: "This is not provably the server, so nothing was said to it: {why}",
    other_issuer: "nobody this machine trusts has issued its certificate. If an authority of your own has, name its file with --ca.",
    other_name: "its certificate is for another name than the one in --url.",
    expired: "its certificate has expired.",
    bad_address: "That is no address of a server: {url}",

    rooms: "Open rooms:",
    no_rooms: "No room is open yet.",
    more_rooms: "There are more; a name finds them.",
    needs_password: "password",
    no_such_name: "No open room is called {name}.",
    several_rooms: "Several rooms are called so; choose by number:",
    room_made: "Room {id} was made. Others come in with: anteroom chat --room {id}",

    full: "The room is full: {seats}",
    full_no_line: "Nobody can stand in line here just now. Try again later.",
    full_hint: "With --wait you stand in line instead.",
    place: "In line: place {place}, {ahead} before you{estimate}. /leave gives the place up.",
    place_first: "In line: you are next{estimate}. /leave gives the place up.",
    estimate_soon: ", less than a minute",
    estimate_minutes: ", about {n} min",
    your_turn: "It is your turn.",
    still_waiting: "Nobody hears you yet: you are in line. /leave gives the place up.",
    line_left: "You left the line.",
    seat_lost: "The line was broken for too long, and your seat went back to the room.",

    entered: "You are in {room} ({id}). {seats}",
    entered_elsewhere: "Your other session here has ended; the seat stayed yours.",
    hint: "Type to talk. /help shows the commands.",
    back: "Back in the room; nothing was missed.",
    back_truncated: "Back in the room. Much was said meanwhile; /history shows it.",
    joined: "→ {name} came in",
    left: "← {name} left",
    edited: "#{n}{whose} now reads: ",
    deleted: "#{n}{whose} was taken back",
    whose: " by {name}",
    gone_message: "(taken back)",
    changed_mark: " (changed)",
    direct: "{name}, to you alone: ",
    server: "the server",
    missed: "Older messages were changed or taken back meanwhile.",
    not_sent: "Not sent: {why} · ",
    not_now: "The line is lost just now. Try again when it is back.",
    too_many_unsent: "Not sent, for too much waits already: ",
    kept_for_later: "Kept, and sent when the line is back.",
    who: "Here: {names}",
    away_mark: " (expected back)",
    no_history: "Nothing older.",
    nothing_to_change: "No such message of yours is known here. /history shows numbers.",
    unknown_command: "There is no /{name}. /help shows the commands; // says a line that begins with /.",
    usage: "It goes so: {usage}",
    help: &[
        "/who            who is here",
        "/seats          how the seats stand",
        "/history [20]   older messages, with their numbers",
        "/edit [#12] …   other words for your last message, or for number 12",
        "/delete [#12]   take it back",
        "/leave          leave; the seat is free at once (also Ctrl-C or Ctrl-D)",
        "//…             say a line that begins with /",
    ],

    you_left: "You left. The seat is free.",
    away: "The line broke. Coming back by myself…",
    away_server: "The server is restarting. Coming back by myself…",
    away_slow: "More was said than this line could take. Coming back by myself…",
    away_fast: "That was too much at once. Coming back by myself in a moment…",
    offline: "The server cannot be reached. Is the address right, and does it run?",
    not_understood: "The server and this program do not understand each other: {detail}",
    of_code,
};

fn of_code(code: Code) -> &'static str {
    match code {
        Code::BadRequest | Code::BadFrame => {
            "The server did not understand that. Are both of the same version?"
        }
        Code::Unauthenticated => {
            "Your login has ended, or you logged in elsewhere. Start again to log in."
        }
        Code::Forbidden => "Your account may not do this.",
        Code::NotFound => "There is no such thing.",
        Code::TooLarge => "That was too long. Make it shorter.",
        Code::Invalid => "The server does not take that.",
        Code::RateLimited => "Too much in a short time. Wait a moment.",
        Code::Unavailable => {
            "The server cannot decide just now, for something it needs is away. Try again in a moment."
        }
        Code::UsernameTaken => "That user name is taken.",
        Code::BadCredentials => "User name or password is wrong.",
        Code::AccountLocked => "This account is locked. Ask the people who run the server.",
        Code::AccountExpired => "This account has run out. Ask the people who run the server.",
        Code::CredentialsExpired => "This password is too old. Change it on the server's page.",
        Code::GuestsDisabled => "Guests cannot come in here. Use an account: --user NAME",
        Code::LastAdmin => "Nobody would be left who may administer.",
        Code::RoomFull => "The room is full.",
        Code::RoomNotFound => "There is no such room. An unlisted one needs its --key.",
        Code::RoomClosed => "The room was closed. Choose another one.",
        Code::WrongRoomPassword => "The room has a password, and that was not it: --room-password",
        Code::Banned => "You may not come into this room any more. Others are open to you.",
        Code::Replaced => {
            "You are in the room from elsewhere now, with the same seat. Start again to come back here."
        }
        Code::TooManyReservations => {
            "You have reserved seats in other rooms and not taken them. Wait until they run out."
        }
        Code::AlreadySeated => "You have a seat there already.",
        Code::NotWaiting => "You are not in line any more. Start again to stand at its end.",
        Code::NoReservation => "The ticket opens nothing any more. Start again.",
        Code::ReservationExpired => "The seat was not taken in time. Start again.",
        Code::EntryFailed => "There was a seat, but the entry could not be saved. Start again.",
        Code::LoggedOut => "You were logged out. Start again to log in.",
        Code::Removed => "You were removed from the room by its owner or a moderator.",
        Code::SlowConsumer => {
            "The line could not take all that was said. Start again to come back."
        }
        Code::GoingAway | Code::Restarting => "The server stopped. Start again when it is back.",
        Code::Fenced => "This part of the server has gone. Start again to come back.",
        _ => "Something went wrong on the server. Try again in a moment.",
    }
}
