//! The tables of administration go on behind their first page, by plain links, and nobody is on two pages
//! or on none.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Browser, Known as _, TestServer};

/// The address of a link by what it says, as it stands in a page.
fn link(page: &str, says: &str) -> Option<String> {
    let before = page.split(&format!("\">{says}</a>")).next().filter(|it| it.len() < page.len())?;
    let href = before.rsplit("href=\"").next()?;
    Some(href.replace("&#38;", "&").replace("&amp;", "&"))
}

/// What stands in a page between its parts named `from` and `to`.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split(from).nth(1).unwrap().split(to).next().unwrap()
}

/// Those of `names` that a piece of a page names as text.
fn named(piece: &str, names: &[String]) -> Vec<String> {
    names.iter().filter(|name| piece.contains(&format!(">{name}<"))).cloned().collect()
}

/// Follows the links onward, and looks at the same part of each page.
async fn walk(
    browser: &mut Browser,
    start: &str,
    (from, to, onward): (&str, &str, &str),
    names: &[String],
) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(start.to_owned());
    while let Some(path) = next {
        let address = path.split('#').next().unwrap().to_owned();
        let answer = browser.get(&address).await;
        assert_eq!(answer.status, 200, "{address}: {answer:?}");
        let piece = part(&answer.body, from, to);
        pages.push(named(piece, names));
        next = link(piece, onward);
        assert!(pages.len() < 20, "it comes to an end");
    }
    pages
}

/// Everybody once, on as many pages as these.
fn each_once(pages: &[Vec<String>], names: &[String], count: usize) {
    let all: Vec<&String> = pages.iter().flatten().collect();
    let once: BTreeSet<&String> = all.iter().copied().collect();
    assert_eq!((all.len(), once.len()), (names.len(), names.len()), "{pages:?}");
    assert_eq!(pages.len(), count, "{pages:?}");
}

#[tokio::test]
async fn everybody_of_a_room_is_on_some_page_of_its_tables() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.reservation_ttl", "10m");
        cfg.set("admission.waiter_ttl", "10m");
    })
    .await;
    let chief = server.administrator().await;
    let ann = server.user("ann").await;
    let (room, _inside) = server.room(&ann, 61).await;
    let guests = server.guests(60 + 55).await;
    let (sitting, waiting) = guests.split_at(60);
    let mut seated = vec!["ann".to_owned()];
    let mut line = Vec::new();
    for guest in sitting {
        guest.reserve(room, &Default::default()).await.unwrap();
        seated.push(guest.me().await.unwrap().display_name);
    }
    for guest in waiting {
        let path = format!("/rooms/{room}/waitlist");
        assert_eq!(Answer::to(guest.request(Method::POST, &path)).await.status, 201);
        line.push(guest.me().await.unwrap().display_name);
    }
    let mut browser = server.browser_of(&chief, "en");
    let here = format!("/admin/rooms/{room}");
    let members = ("id=\"members\"", "</section>", "Next page");
    each_once(&walk(&mut browser, &here, members, &seated).await, &seated, 2);
    let in_line = walk(&mut browser, &here, ("id=\"line\"", "</section>", "Next page"), &line);
    let in_line = in_line.await;
    each_once(&in_line, &line, 2);
    assert_eq!(in_line.concat(), line, "from its head on");

    let first = browser.get(&here).await.body;
    let second = link(part(&first, "id=\"members\"", "</section>"), "Next page").unwrap();
    let second = browser.get(second.split('#').next().unwrap()).await.body;
    let members = part(&second, "id=\"members\"", "</section>");
    let back = link(members, "First page").expect("a way back");
    let back = browser.get(back.split('#').next().unwrap()).await.body;
    let of = |page: &str| named(part(page, "id=\"members\"", "</section>"), &seated);
    assert_eq!(of(&back), of(&first));
    assert_eq!(link(part(&first, "id=\"members\"", "</section>"), "First page"), None);
    let korean = server.browser_of(&chief, "ko").get(&here).await.body;
    assert!(link(&korean, "다음 쪽").is_some(), "{korean}");

    for guest in sitting.iter().chain(waiting) {
        let ban = format!("/rooms/{room}/members/{}?ban=true", guest.id());
        assert_eq!(Answer::to(chief.request(Method::DELETE, &ban)).await.status, 204);
    }
    let banned: Vec<String> = seated.iter().skip(1).chain(&line).cloned().collect();
    let bans = ("id=\"bans\"", "</section>", "Next page");
    each_once(&walk(&mut browser, &here, bans, &banned).await, &banned, 3);
    // Who was on that page may have gone since: others are on the first one all the same.
    let beyond = browser.get(&format!("{here}?bans={}", uuid::Uuid::max())).await.body;
    let beyond = part(&beyond, bans.0, bans.1);
    assert!(
        !beyond.contains("Nobody is banned") && link(beyond, "First page").is_some(),
        "{beyond}"
    );
    for wrong in ["members=x", "line=x", "bans=x", "line=-1", "members=%22%3E"] {
        let answer = browser.get(&format!("{here}?{wrong}")).await;
        assert_eq!(answer.status, 200, "{wrong}");
        assert!(link(&answer.body, "First page").is_none(), "{wrong}: what is no cursor is none");
    }
}

#[tokio::test]
async fn every_session_of_a_person_is_on_some_page() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "many");
        cfg.set("sessions.max_per_user", 60);
    })
    .await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let (room, _inside) = server.room(&ann, 3).await;
    let mut sessions = Vec::new();
    for _ in 0..54 {
        sessions.push(ann.enter(room).await.unwrap());
    }
    let mut browser = server.browser_of(&chief, "en");
    let here = format!("/admin/people/{}", ann.id());
    let first = browser.get(&here).await.body;
    let rows = |page: &str| {
        part(page, "id=\"sessions\"", "</section>").matches("<th role=\"rowheader\"").count()
    };
    assert_eq!(rows(&first), 50);
    let next = link(&first, "Next page").unwrap();
    let second = browser.get(next.split('#').next().unwrap()).await.body;
    assert_eq!(rows(&second), 5);
    assert_eq!(link(&second, "Next page"), None);
    let back = link(&second, "First page").unwrap();
    assert_eq!(rows(&browser.get(back.split('#').next().unwrap()).await.body), 50);
}

#[tokio::test]
async fn every_room_and_every_account_is_on_some_page() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let mut rooms = Vec::new();
    let mut people = Vec::new();
    for guest in server.guests(65).await {
        let answer = Answer::to(guest.request(Method::POST, "/rooms").json(&json!({
            "name": format!("Room of {}", guest.id()), "capacity": 3,
        })));
        let answer = answer.await;
        assert_eq!(answer.status, 201, "{answer:?}");
        rooms.push(format!("Room of {}", guest.id()));
        people.push(guest.me().await.unwrap().username);
    }
    people.push("overseer".to_owned());
    let mut browser = server.browser_of(&chief, "en");
    let all = ("<main", "</main>", "More rooms");
    // The list changes by itself, and where it ends with it.
    let lobby = browser.get("/admin/rooms").await.body;
    assert!(lobby.contains("More rooms</a></p>\n</div>"), "{lobby}");
    each_once(&walk(&mut browser, "/admin/rooms", all, &rooms).await, &rooms, 2);
    let all = ("<main", "</main>", "Next page");
    each_once(&walk(&mut browser, "/admin/people", all, &people).await, &people, 2);
}

#[tokio::test]
async fn what_staff_did_is_found_behind_any_number_of_acts_of_others() {
    let server = TestServer::plain().await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let (room, _inside) = server.room(&ann, 5).await;
    let unlock = format!("/admin/users/{}/unlock", ann.id());
    assert_eq!(Answer::to(chief.request(Method::POST, &unlock)).await.status, 204);
    for capacity in 10..65 {
        let change = ann.request(Method::PATCH, &format!("/rooms/{room}"));
        let change = change.json(&json!({ "capacity": capacity }));
        assert_eq!(Answer::to(change).await.status, 200);
    }
    let mut browser = server.browser_of(&chief, "en");
    let of_staff = "<strong>Unlocked</strong>";
    let of_owner = "<strong>Room changed</strong>";
    let first = browser.get("/admin/audit").await.body;
    assert!(!first.contains(of_staff), "behind what the owner did");
    let older = link(&first, "Show older").unwrap();
    let second = browser.get(&older).await.body;
    assert!(second.contains(of_staff), "{second}");
    let newest = link(&second, "Show the newest").expect("a way back");
    assert!(!browser.get(&newest).await.body.contains(of_staff));
    let staff = browser.get("/admin/audit?by=staff").await.body;
    assert!(staff.contains(of_staff) && !staff.contains(of_owner), "{staff}");
    let others = browser.get("/admin/audit?by=others").await.body;
    assert!(others.contains(of_owner) && !others.contains(of_staff));
    let older = link(&others, "Show older").unwrap();
    assert!(older.contains("by=others"), "{older}");
    let older = browser.get(&older).await.body;
    assert!(!older.contains(of_staff), "the filter goes along");

    let get = async |query: &str| {
        let path = format!("/admin/audit?{query}");
        Answer::to(chief.request(Method::GET, &path)).await
    };
    assert_eq!(get("by=staff").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(get("by=others&limit=200").await.json()["items"].as_array().unwrap().len(), 55);
    get("by=everybody").await.refuses(422, "invalid");
}
