//! How what happens in a room reads, in both languages.

use anteroom_client::Closed;
use anteroom_client::protocol::frame::FrameError;
use serde_json::{Value, json};

use super::super::clean::tests::{PAYLOADS, is_harmless};
use super::super::words::{EN, KO};
use super::*;

const MINA: &str = "01890000-0000-7000-8000-000000000001";
const JUN: &str = "01890000-0000-7000-8000-000000000002";

fn frame(value: Value) -> RoomEvent {
    match serde_json::from_value(value).unwrap() {
        ServerFrame::Message(message) => RoomEvent::Message(message),
        ServerFrame::Edited(change) => RoomEvent::Edited(change),
        ServerFrame::Deleted(change) => RoomEvent::Deleted(change),
        ServerFrame::Welcome(welcome) => RoomEvent::Entered(welcome),
        other => RoomEvent::Other(other),
    }
}

fn seats(occupied: u32, waiting: u32) -> Value {
    json!({"capacity": 4, "occupied": occupied, "reserved": 0, "held": 0, "free": 4 - occupied,
        "waiting": waiting})
}

fn welcome() -> Value {
    json!({"type": "welcome", "session": MINA, "you": {"id": MINA, "name": "Mina"},
        "room": {"id": 101, "name": "Tea room", "capacity": 4, "state": "open", "visibility": "public",
            "has_password": false, "lifetime": "persistent", "seats": seats(2, 0),
            "created_at": "2026-11-21T08:00:00.000Z", "last_seq": 7},
        "members": [{"id": MINA, "name": "Mina", "state": "occupied"},
            {"id": JUN, "name": "Jun", "state": "occupied"}],
        "member_count": 2, "seats": seats(2, 0), "last_seq": 7, "resume": "r", "heartbeat_ms": 25_000,
        "entry": "first", "login_expires_at": "2026-11-21T09:00:00.000Z"})
}

fn message(seq: i64, sender: (&str, &str), content: &str) -> Value {
    json!({"type": "message", "id": format!("01890000-0000-7000-8000-0000000001{seq:02}"), "seq": seq,
        "room_id": 101, "sender": {"id": sender.0, "name": sender.1}, "kind": "text",
        "content_type": "text/plain", "content": content, "created_at": "2026-11-21T08:05:00.000Z"})
}

fn view(words: &'static Words) -> View {
    let mut view = View::new(words, UtcOffset::from_hms(9, 0, 0).unwrap(), true);
    view.told(&frame(welcome()));
    view
}

fn told(view: &mut View, event: &RoomEvent) -> Vec<String> {
    view.told(event).iter().map(Line::plain).collect()
}

#[test]
fn coming_in_is_told_with_the_room_and_its_seats() {
    let mut view = View::new(&EN, UtcOffset::UTC, true);
    assert_eq!(told(&mut view, &frame(welcome())), ["You are in Tea room (101). ●●○○ 2/4"]);
    assert_eq!(view.prompt(), "2/4> ");
    let mut korean = View::new(&KO, UtcOffset::UTC, true);
    assert_eq!(told(&mut korean, &frame(welcome())), ["Tea room(101)에 들어왔어요. ●●○○ 2/4"]);
    let mut elsewhere = welcome();
    elsewhere["entry"] = json!("takeover");
    let lines = told(&mut View::new(&EN, UtcOffset::UTC, true), &frame(elsewhere));
    assert_eq!(lines[1], EN.entered_elsewhere);
}

#[test]
fn a_message_has_the_local_time_and_the_name() {
    let mut view = view(&EN);
    assert_eq!(told(&mut view, &frame(message(8, (JUN, "Jun"), "안녕"))), ["17:05 Jun: 안녕"]);
    let mut notice = message(9, (JUN, "Jun"), "The room closes at six");
    notice["sender"] = Value::Null;
    notice["kind"] = json!("notification");
    assert_eq!(told(&mut view, &frame(notice)), ["17:05 * The room closes at six"]);
}

#[test]
fn who_comes_and_goes_is_told_by_name_and_seats_when_they_change() {
    let mut english = view(&EN);
    let joined = json!({"type": "presence", "joined": [{"id": JUN, "name": "Jun"}], "occupied": 3});
    assert!(told(&mut english, &frame(joined.clone())).is_empty(), "was there already");
    let left = json!({"type": "presence", "left": [JUN], "occupied": 2});
    assert_eq!(told(&mut english, &frame(left.clone())), ["← Jun left"]);
    assert_eq!(told(&mut english, &frame(joined.clone())), ["→ Jun came in"]);
    let crowd = json!({"type": "presence", "left": ["01890000-0000-7000-8000-0000000000ff"], "occupied": 2});
    assert!(told(&mut english, &frame(crowd)).is_empty(), "nobody knows who that was");
    let mut now = seats(3, 1);
    now["type"] = json!("seats");
    assert_eq!(told(&mut english, &frame(now.clone())), ["●●●○ 3/4 · 1 waiting"]);
    assert!(told(&mut english, &frame(now)).is_empty(), "no news");
    let mut korean = view(&KO);
    assert_eq!(told(&mut korean, &frame(left)), ["← Jun 님이 나갔어요"]);
    assert_eq!(told(&mut korean, &frame(joined)), ["→ Jun 님이 들어왔어요"]);
}

#[test]
fn changes_name_the_message_and_my_last_one_can_be_meant() {
    let mut view = view(&EN);
    view.told(&frame(message(8, (MINA, "Mina"), "frist")));
    view.told(&frame(message(9, (JUN, "Jun"), "?")));
    let mine: Uuid = "01890000-0000-7000-8000-000000000108".parse().unwrap();
    assert_eq!(view.meant(None), Some(mine));
    assert_eq!(view.meant(Some(8)), Some(mine));
    assert_eq!(view.meant(Some(5)), None);
    let target = json!({"id": mine, "seq": 8});
    let at = "2026-11-21T08:06:00.000Z";
    let edited = json!({"type": "edited", "seq": 10, "target": target, "content": "first", "updated_at": at});
    assert_eq!(told(&mut view, &frame(edited)), ["17:06 #8 by Mina now reads: first"]);
    let deleted = json!({"type": "deleted", "seq": 11, "target": target, "updated_at": at});
    assert_eq!(told(&mut view, &frame(deleted)), ["17:06 #8 by Mina was taken back"]);
    assert_eq!(view.meant(None), None, "it is gone");
}

#[test]
fn history_comes_oldest_first_with_numbers_and_goes_on_before_them() {
    let mut view = view(&EN);
    assert_eq!(view.oldest(), None, "it begins at the end");
    let read = |value| match frame(value) {
        RoomEvent::Message(message) => message,
        other => panic!("{other:?}"),
    };
    let mut gone = message(6, (JUN, "Jun"), "");
    gone["deleted_at"] = json!("2026-11-21T08:06:00.000Z");
    let page = [read(message(7, (MINA, "Mina"), "two")), read(gone)];
    let lines: Vec<String> = view.history(&page).iter().map(Line::plain).collect();
    assert_eq!(lines, ["#6 17:05 Jun: (taken back)", "#7 17:05 Mina: two"]);
    assert_eq!(view.oldest(), Some(6));
    assert_eq!(view.history(&[])[0].plain(), EN.no_history);
    view.told(&frame(message(8, (JUN, "Jun"), "new")));
    assert_eq!(view.oldest(), None, "whoever looks again sees the newest first");
}

#[test]
fn a_lost_line_and_the_return_are_told() {
    let mut view = view(&EN);
    let away = RoomEvent::Away(Closed { code: 1012, reason: String::new() });
    assert_eq!(told(&mut view, &away), [EN.away_server]);
    assert!(view.is_away());
    assert_eq!(told(&mut view, &frame(welcome())), [EN.back]);
    assert!(!view.is_away());
    view.told(&away);
    let mut truncated = welcome();
    truncated["replay"] = json!("truncated");
    assert_eq!(told(&mut view, &frame(truncated)), [EN.back_truncated]);
}

#[test]
fn what_the_server_or_one_person_says_to_me_alone_is_marked() {
    let mut view = view(&EN);
    let direct = json!({"type": "direct", "from": null, "content_type": "text/plain", "content": "five minutes"});
    assert_eq!(told(&mut view, &frame(direct)), ["the server, to you alone: five minutes"]);
    let error = RoomEvent::Other(ServerFrame::Error(FrameError {
        code: anteroom_client::protocol::Code::Forbidden,
        detail: String::new(),
        reference: None,
    }));
    assert_eq!(told(&mut view, &error), ["! Your account may not do this."]);
}

#[test]
fn no_payload_reaches_the_terminal_by_any_way_in() {
    for payload in PAYLOADS {
        let mut hostile = welcome();
        hostile["room"]["name"] = json!(payload);
        hostile["members"][1]["name"] = json!(payload);
        let target = json!({"id": JUN, "seq": 3});
        let at = "2026-11-21T08:06:00.000Z";
        let events = [
            frame(hostile),
            frame(message(8, (JUN, payload), payload)),
            frame(
                json!({"type": "presence", "joined": [{"id": JUN, "name": payload}], "left": [JUN],
                "occupied": 1}),
            ),
            frame(
                json!({"type": "edited", "seq": 9, "target": target, "content": payload, "updated_at": at}),
            ),
            frame(json!({"type": "direct", "from": {"id": JUN, "name": payload},
                "content_type": "text/plain", "content": payload})),
        ];
        let mut view = View::new(&EN, UtcOffset::UTC, true);
        for event in &events {
            for line in view.told(event) {
                assert!(is_harmless(&line.plain()), "{payload:?} in {event:?}");
                let ours = ["\x1b[2m", "\x1b[1m", "\x1b[0m", "\r\n        "];
                let theirs = ours.iter().fold(line.shown(80), |text, our| text.replace(our, ""));
                assert!(is_harmless(&theirs), "{payload:?} in {event:?}");
            }
        }
    }
}
