//! The page on which its owner and moderators change a room, and end it. Without script.

use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::{StaffSeats, Visibility};

use crate::harness::{Answer, Browser, TestServer, ended, refused};

/// The fields as the page sends them, with some of them changed.
fn fields<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("name", "A room"),
        ("capacity", "4"),
        ("staff_seats", "0"),
        ("visibility", "public"),
        ("door", "open"),
        ("password", ""),
    ];
    for (name, value) in changed {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    fields
}

async fn save(browser: &mut Browser, room: i64, changed: &[(&str, &str)]) -> Answer {
    browser.post(&format!("/rooms/{room}/settings"), &fields(changed)).await
}

#[tokio::test]
async fn everything_about_a_room_is_changed_on_its_page() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 4).await;
    let mut browser = server.browser_of(&owner, "en");
    let path = format!("/rooms/{room}/settings");
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200);
    for shown in ["value=\"A room\"", "value=\"4\"", "1 of 4 seats taken"] {
        assert!(page.body.contains(shown), "{shown} in {}", page.body);
    }
    let changed = [("name", "Tea"), ("capacity", "5"), ("staff_seats", "2")];
    let saved = save(&mut browser, room, &changed).await;
    assert_eq!((saved.status, saved.header("location")), (303, &*format!("{path}?saved=1")));
    let page = browser.get(&format!("{path}?saved=1")).await;
    for shown in ["Saved.", "value=\"Tea\"", "1 of 5 seats taken, 2 for staff"] {
        assert!(page.body.contains(shown), "{shown} in {}", page.body);
    }
    let seats = server.seats(room).await;
    assert_eq!((seats.capacity, seats.staff), (5, Some(StaffSeats { capacity: 2, taken: 0 })));
}

#[tokio::test]
async fn a_room_password_is_set_kept_and_taken_away() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 4).await;
    let mut browser = server.browser_of(&owner, "en");
    let none = save(&mut browser, room, &[("door", "password")]).await;
    assert_eq!(none.status, 422, "no password was given");
    let unasked = save(&mut browser, room, &[("password", "mellon")]).await;
    assert_eq!(unasked.status, 422, "a password for an open door");
    assert!(unasked.body.contains("Only people with the password”"), "{}", unasked.body);
    let asks = async || owner.room(room).await.unwrap().has_password;
    assert!(!asks().await);
    let set = [("door", "password"), ("password", "mellon")];
    assert_eq!(save(&mut browser, room, &set).await.status, 303);
    let kept = [("door", "password"), ("name", "Moria"), ("visibility", "unlisted")];
    assert_eq!(save(&mut browser, room, &kept).await.status, 303);
    let guest = server.guest("a").await;
    let shown = owner.room(room).await.unwrap();
    assert_eq!((&*shown.name, shown.visibility), ("Moria", Visibility::Unlisted));
    let said = |password: &str| Reserve {
        password: Some(password.into()),
        key: shown.key.clone(),
        ..Reserve::default()
    };
    refused(guest.reserve(room, &said("friend")).await, 403, Code::WrongRoomPassword);
    guest.reserve(room, &said("mellon")).await.unwrap();
    assert_eq!(save(&mut browser, room, &[]).await.status, 303);
    assert!(!asks().await);
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_nothing_is_changed() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 4).await;
    let mut browser = server.browser_of(&owner, "ko");
    for (changed, said) in [
        ([("capacity", "3"), ("staff_seats", "4")], "방의 자리 수보다 많을 수 없어요."),
        ([("capacity", "0"), ("staff_seats", "0")], "1부터 10,000까지의 정수를 입력해 주세요."),
        ([("capacity", "3"), ("staff_seats", "-1")], "0부터 10,000까지의 정수를 입력해 주세요."),
        ([("capacity", "9"), ("name", " ")], "꼭 입력해 주세요."),
    ] {
        let answer = save(&mut browser, room, &changed).await;
        assert_eq!(answer.status, 422, "{changed:?}");
        assert!(answer.body.contains(said), "{said} in {}", answer.body);
        let typed = format!("value=\"{}\"", changed[0].1);
        assert!(answer.body.contains(&typed), "what was typed stays: {}", answer.body);
    }
    assert_eq!(server.seats(room).await.capacity, 4);
    let new = [("name", "Tea"), ("capacity", "3"), ("staff_seats", "4")];
    let answer = browser.post("/rooms/new", &new).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("방의 자리 수보다 많을 수 없어요."), "{}", answer.body);
}

#[tokio::test]
async fn a_room_made_on_its_page_keeps_the_seats_for_staff_it_was_asked_for() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let mut browser = server.browser_of(&owner, "en");
    let new = [("name", "Tea"), ("capacity", "4"), ("staff_seats", "3")];
    let made = browser.post("/rooms/new", &new).await;
    let room = made.header("location").rsplit('/').next().unwrap().parse().unwrap();
    let seats = owner.room(room).await.unwrap().seats;
    assert_eq!(seats.staff, Some(StaffSeats { capacity: 3, taken: 1 }), "the owner's own");
    let path = format!("/rooms/{room}/settings");
    let pending = browser.get(&path).await;
    assert!(pending.body.contains("Nobody has entered this room yet"), "{}", pending.body);
    let early = browser.post(&path, &fields(&[])).await;
    assert_eq!(early.status, 403);
}

#[tokio::test]
async fn only_its_owner_and_moderators_reach_the_settings_of_a_room() {
    let server = TestServer::plain().await;
    let (room, _session) = server.room(&server.user("owner").await, 4).await;
    let (path, at) = (format!("/rooms/{room}/settings"), format!("/rooms/{room}"));
    let mut stranger = server.browser_of(&server.user("stranger").await, "en");
    assert!(!stranger.get(&at).await.body.contains(&path), "no way there is shown");
    let refusals = [
        stranger.get(&path).await,
        save(&mut stranger, room, &[("capacity", "9")]).await,
        stranger.post(&format!("{at}/close"), &[("sure", "yes")]).await,
    ];
    for refusal in refusals {
        assert_eq!(refusal.status, 403);
        assert!(refusal.body.contains("data-refusal=\"forbidden\""), "{}", refusal.body);
    }
    let mut nobody = server.browser("en");
    assert!(nobody.get(&path).await.header("location").starts_with("/login?next="));
    let mut chief = server.browser_of(&server.administrator().await, "en");
    assert!(chief.get(&at).await.body.contains(&path));
    assert_eq!(save(&mut chief, room, &[("capacity", "9")]).await.status, 303);
    assert_eq!(server.seats(room).await.capacity, 9);
    assert_eq!(chief.get("/rooms/9999/settings").await.status, 404);
}

#[tokio::test]
async fn a_room_is_closed_by_who_says_so_twice() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 4).await;
    let mut browser = server.browser_of(&owner, "en");
    let path = format!("/rooms/{room}/close");
    let unsure = browser.post(&path, &[]).await;
    assert_eq!(unsure.status, 422);
    assert!(unsure.body.contains("Tick this first."), "{}", unsure.body);
    assert!(unsure.body.contains("value=\"A room\""), "the settings stand as they are");
    assert_eq!(server.seats(room).await.occupied, 1);
    let closed = browser.post(&path, &[("sure", "yes")]).await;
    assert_eq!((closed.status, closed.header("location")), (303, "/"));
    let (_, end) = ended(&mut session).await;
    assert_eq!(end.code, 4410);
    assert_eq!(browser.get(&format!("/rooms/{room}/settings")).await.status, 410);
}
