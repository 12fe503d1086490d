//! The pages of administration as a browser without script uses them: who gets in, what is asked first,
//! what is done, and that it is said.

use anteroom_client::Account;
use anteroom_protocol::CloseCode;

use crate::harness::{Browser, Known as _, TestServer, encode, ended};

const PAGES: [&str; 5] =
    ["/admin", "/admin/rooms", "/admin/people", "/admin/entries", "/admin/audit"];

async fn moderator(server: &TestServer) -> Account {
    server.user("steward").await;
    let sql = "INSERT INTO user_roles SELECT id, 'moderator' FROM users WHERE username = ?1";
    assert_eq!(server.change_rows(sql, &[&"steward"]), 1);
    server.login("steward").await
}

#[tokio::test]
async fn who_may_not_look_in_is_led_to_the_login_or_told_how_one_may() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let (moderator, user) = (moderator(&server).await, server.user("user").await);
    let mut anyone = server.browser("en");
    let mut guest = server.browser_of(&server.guest("guest").await, "en");
    let mut user = server.browser_of(&user, "en");
    let mut moderator = server.browser_of(&moderator, "ko");
    let mut chief = server.browser_of(&chief, "en");
    for path in PAGES {
        for nobody in [&mut anyone, &mut guest] {
            let answer = nobody.get(path).await;
            assert_eq!(answer.status, 303, "{path}");
            assert_eq!(answer.header("location"), format!("/login?next={path}"));
        }
        let refused = user.get(path).await;
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.body.contains("anteroom user role user user admin"), "{}", refused.body);
        assert_eq!(chief.get(path).await.status, 200, "{path}");
        let is_open = !["/admin/people", "/admin/audit"].contains(&path);
        let answer = moderator.get(path).await;
        assert_eq!(answer.status, if is_open { 200 } else { 403 }, "{path}");
        assert!(answer.body.contains("운영진") || is_open, "{path}: {}", answer.body);
    }
    for (who, is_offered) in [(&mut user, false), (&mut moderator, true), (&mut chief, true)] {
        let lobby = who.get("/").await.body;
        assert_eq!(lobby.contains("href=\"/admin\""), is_offered);
    }
    assert!(chief.get("/admin/people/nobody").await.status == 404);
    assert!(chief.get("/admin/rooms/999").await.body.contains("data-refusal=\"room_not_found\""));
}

/// Asks on a page, sees the question, and says yes.
async fn sure(browser: &mut Browser, act: &str, fields: &[(&str, &str)], landing: &str) -> String {
    let query: Vec<String> =
        fields.iter().map(|(name, value)| format!("&{name}={}", encode(value))).collect();
    let asked = browser.get(&format!("/admin/confirm?act={act}{}", query.concat())).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert!(asked.body.contains("action=\"/admin/acts\""), "{}", asked.body);
    let fields: Vec<(&str, &str)> =
        [("act", act)].into_iter().chain(fields.iter().copied()).collect();
    let done = browser.post("/admin/acts", &fields).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(done.header("location"), landing);
    let page = browser.get(landing).await;
    assert!(page.body.contains("id=\"notice\""), "{}", page.body);
    page.body
}

#[tokio::test]
async fn each_act_is_a_plain_form_that_leads_back_and_says_what_was_done() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let (room, mut of_ann) = server.room(&ann, 5).await;
    let mut of_bob = bob.enter(room).await.unwrap();
    let mut browser = server.browser_of(&chief, "en");
    let (number, user) = (room.to_string(), bob.id().to_string());
    let both = [("room", &*number), ("user", &*user)];
    let here = format!("/admin/rooms/{room}");
    assert!(browser.get(&here).await.body.contains("bob"));

    let page = sure(&mut browser, "kick", &both, &format!("{here}?did=kick")).await;
    assert_eq!(ended(&mut of_bob).await.1.code, CloseCode::Removed.status());
    assert!(page.contains("The person was removed."), "{page}");
    bob.enter(room).await.unwrap();
    let page = sure(&mut browser, "ban", &both, &format!("{here}?did=ban")).await;
    assert!(page.contains("value=\"unban\""), "{page}");
    assert!(bob.enter(room).await.is_err());
    sure(&mut browser, "unban", &both, &format!("{here}?did=unban")).await;
    let mut of_bob = bob.enter(room).await.unwrap();

    let whom = [("user", &*user)];
    let person = format!("/admin/people/{user}");
    assert!(browser.get(&person).await.body.contains(&format!("href=\"/admin/rooms/{room}\"")));
    sure(&mut browser, "logout", &whom, &format!("{person}?did=logout")).await;
    assert_eq!(ended(&mut of_bob).await.1.code, CloseCode::LoggedOut.status());
    sure(&mut browser, "lock", &whom, &format!("{person}?did=lock")).await;
    assert!(server.client().login("bob", crate::harness::PASSWORD).await.is_err());
    let page = sure(&mut browser, "unlock", &whom, &format!("{person}?did=unlock")).await;
    assert!(page.contains("act=lock"), "it can be locked again: {page}");
    let roles = [("act", "roles"), ("user", &*user), ("role_moderator", "yes")];
    let done = browser.post("/admin/acts", &roles).await;
    assert_eq!(done.header("location"), format!("{person}?did=roles"));
    let bob = server.login("bob").await;
    assert!(bob.me().await.unwrap().roles.contains(&anteroom_protocol::account::Role::Moderator));

    let last = [("room", &*number)];
    sure(&mut browser, "close_room", &last, "/admin/rooms?did=close_room").await;
    assert_eq!(ended(&mut of_ann).await.1.code, CloseCode::RoomClosed.status());
    let trail = browser.get("/admin/audit?target=bob").await.body;
    for said in ["Removed", "Banned", "Ban lifted", "Logged out", "Locked", "Unlocked"] {
        assert!(trail.contains(&format!("<strong>{said}</strong>")), "{said}: {trail}");
    }
    let entries = browser.get(&format!("/admin/entries?user=bob&room={room}")).await.body;
    assert!(entries.contains("<span class=\"mark entered\">Entered</span>"), "{entries}");
}

#[tokio::test]
async fn no_act_is_done_for_another_site_or_for_whoever_may_not() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let (ann, user) = (server.user("ann").await, server.user("user").await);
    let (room, _inside) = server.room(&ann, 3).await;
    let (id, number) = (ann.id().to_string(), room.to_string());
    let lock = [("act", "lock"), ("user", &*id)];
    let close = [("act", "close_room"), ("room", &*number)];
    let mut browser = server.browser_of(&chief, "en");
    let foreign =
        browser.post_from("https://evil.example", "cross-site", "/admin/acts", &lock).await;
    assert_eq!(foreign.status, 403);
    assert!(foreign.body.contains("data-refusal=\"cross_site\""), "{}", foreign.body);
    let moderator = moderator(&server).await;
    for who in [&user, &moderator] {
        let mut browser = server.browser_of(who, "en");
        assert_eq!(browser.post("/admin/acts", &lock).await.status, 403);
    }
    let mut of_user = server.browser_of(&user, "en");
    assert_eq!(of_user.post("/admin/acts", &close).await.status, 403);
    let asked = format!("/admin/confirm?act=close_room&room={room}");
    assert_eq!(of_user.get(&asked).await.status, 403);
    assert_eq!(server.seats(room).await.occupied, 1);
    ann.me().await.unwrap();
    for wrong in [&[("act", "direct"), ("user", &*id)][..], &[("act", "x")], &[]] {
        let answer = browser.post("/admin/acts", wrong).await;
        assert_eq!(answer.status, 400, "{wrong:?}");
    }
    let nobody = uuid::Uuid::now_v7().to_string();
    assert_eq!(
        browser.post("/admin/acts", &[("act", "lock"), ("user", &nobody)]).await.status,
        404
    );
    let own = [("act", "lock"), ("user", &*chief.id().to_string())];
    assert_eq!(browser.post("/admin/acts", &own).await.status, 403, "nobody locks themselves out");
}
