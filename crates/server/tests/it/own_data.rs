//! What is stored of one person, read out whole; and the end of an account.

use std::time::Duration;

use anteroom_client::{Account, HistoryFrom};
use anteroom_protocol::account::{PasswordChange, SignUp};
use anteroom_protocol::audit::Act;
use anteroom_protocol::export::PersonExport;
use anteroom_protocol::frame::ServerFrame;
use anteroom_protocol::{CloseCode, Code};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Known as _, Nodes, PASSWORD, TestServer, alive, ended, refused, within,
};

async fn export(who: &Account) -> PersonExport {
    let answer = Answer::to(who.request(Method::GET, "/me/export")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_value(answer.json()).unwrap()
}

async fn delete(who: &Account, body: Value) -> Answer {
    Answer::to(who.request(Method::DELETE, "/me").json(&body)).await
}

fn proven() -> Value {
    json!({ "password": PASSWORD })
}

#[tokio::test]
async fn an_export_holds_all_that_is_ones_own_and_nothing_of_others() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true);
    })
    .await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (room, mut session) = server.room(&ann, 3).await;
    let mut other = ben.enter(room).await.unwrap();
    session.send("said by ann").await.unwrap();
    other.send("a secret of ben").await.unwrap();
    let gone = session.send("taken back").await.unwrap();
    session.delete(gone.id).await.unwrap();
    let file = export(&ann).await;
    assert_eq!((file.format, file.account.user.id), (1, ann.id()));
    assert!(file.account.has_password);
    assert_eq!(file.logins.len(), 1);
    assert_eq!(file.stays.iter().map(|it| it.room_id).collect::<Vec<_>>(), [room]);
    assert_eq!(file.rooms.iter().map(|it| it.id).collect::<Vec<_>>(), [room]);
    let said: Vec<&str> = file.messages.iter().map(|it| &*it.content).collect();
    assert_eq!(said, ["said by ann", ""]);
    let text = serde_json::to_string(&file).unwrap();
    for hidden in ["secret of ben", "argon2", "signature", &*ann.token(), PASSWORD] {
        assert!(!text.contains(hidden), "{hidden}");
    }

    let guest = server.guest("Gast").await;
    guest.enter(room).await.unwrap().send("by a guest").await.unwrap();
    let file = export(&guest).await;
    assert_eq!((file.account.has_password, file.messages.len()), (false, 1));
    let nobody = server.client().request(Method::GET, "/me/export");
    Answer::to(nobody).await.refuses(401, "unauthenticated");
    for _ in 0..3 {
        export(&guest).await;
    }
    let often = Answer::to(guest.request(Method::GET, "/me/export")).await;
    often.refuses(429, "rate_limited");
    export(&ann).await;
}

#[tokio::test]
async fn a_hundred_thousand_messages_are_read_out_in_little_memory() {
    const MANY: i64 = 100_000;
    let mut server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let (room, session) = server.room(&ann, 3).await;
    session.leave().await.unwrap();
    server.stop().await;
    server.change_rows(
        "INSERT INTO messages (row_no, room_id, seq, id, sender_id, kind, content_type, content,
                               created_at)
         WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?2)
         SELECT (?1 << 32) | x, ?1, x, randomblob(16), ?3, 'text', 'text/plain',
                hex(zeroblob(250)) || x, unixepoch() * 1000 FROM n",
        &[&room, &MANY, &ann.id()],
    );
    server.restart().await;
    let ann = server.client().with_token(ann.token());
    let before = crate::harness::resident_kib(server.pid());
    // For the whole of it, where a machine is busy with other things.
    let asked = ann.request(Method::GET, "/me/export").timeout(Duration::from_secs(300));
    let mut response = asked.send().await.unwrap();
    let (mut bytes, mut last) = (0, None);
    while let Some(chunk) = within("a chunk", response.chunk()).await.unwrap() {
        bytes += chunk.len();
        last = chunk.last().copied();
    }
    assert_eq!(last, Some(b'\n'), "to its end");
    let grown = crate::harness::resident_kib(server.pid()).saturating_sub(before);
    assert!(bytes > 60_000_000, "{bytes}");
    assert!(grown < 40_000, "{grown} KiB for {bytes} bytes");
}

#[tokio::test]
async fn a_deleted_account_is_gone_everywhere_at_once_and_its_words_name_nobody() {
    let server = TestServer::plain().await;
    let (ann, ben) = (server.user("annabel").await, server.user("ben").await);
    let (room, mut session) = server.room(&ann, 2).await;
    let mut other = ben.enter(room).await.unwrap();
    session.send("what ann said").await.unwrap();
    delete(&ann, json!({})).await.refuses(422, "invalid");
    delete(&ann, json!({ "password": "not this one" })).await.refuses(401, "bad_credentials");
    alive(&mut session).await;
    assert_eq!(delete(&ann, proven()).await.status, 204);

    let (_, closed) = ended(&mut session).await;
    assert_eq!(closed.code, CloseCode::LoggedOut.status());
    refused(ann.me().await, 401, Code::Unauthenticated);
    let login = server.client().login("annabel", PASSWORD).await;
    refused(login.map(drop), 401, Code::BadCredentials);
    let change = PasswordChange {
        username: "annabel".into(),
        current_password: PASSWORD.into(),
        new_password: "another one entirely".into(),
    };
    let change = server.client().request(Method::POST, "/users/password").json(&change);
    Answer::to(change).await.refuses(401, "bad_credentials");
    let seats = ben.room(room).await.unwrap().seats;
    assert_eq!((seats.occupied, seats.held, seats.free), (1, 0, 1), "given back once");
    let history = ben.history(room, HistoryFrom::Newest, None).await.unwrap().items;
    assert!(history.iter().any(|it| it.content == "what ann said" && it.sender.is_none()));
    assert!(ben.room(room).await.unwrap().owner.is_none());
    alive(&mut other).await;
    let stored = server.table_as_text("users");
    assert!(!stored.contains("annabel"), "nothing of the name is left");

    let again = SignUp {
        username: "annabel".into(),
        password: PASSWORD.into(),
        display_name: None,
        contact_number: None,
    };
    server.client().sign_up(&again).await.unwrap();
    let new = server.login("annabel").await;
    assert_ne!(new.id(), ann.id());
    refused(new.history(room, HistoryFrom::Newest, None).await, 403, Code::Forbidden);
    let guest = server.guest("Gast").await;
    assert_eq!(delete(&guest, json!({})).await.status, 204, "a guest has no password to give");
    refused(guest.me().await, 401, Code::Unauthenticated);
}

#[tokio::test]
async fn what_somebody_said_is_deleted_for_everybody_when_they_ask_for_it() {
    let mut server = TestServer::plain().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (room, mut watcher) = server.room(&ben, 3).await;
    let (closed, session) = server.room(&ann, 3).await;
    let mut session = {
        drop(session);
        ann.enter(closed).await.unwrap()
    };
    session.send("in a room that closes").await.unwrap();
    ann.close_room(closed).await.unwrap();
    let mut session = ann.enter(room).await.unwrap();
    for n in 1..=5 {
        session.send(format!("by ann {n}")).await.unwrap();
        watcher.send(format!("by ben {n}")).await.unwrap();
    }
    let ask = json!({ "password": PASSWORD, "messages": "delete" });
    assert_eq!(delete(&ann, ask).await.status, 204);
    for seq in 11..=15 {
        let deleted = |frame: &ServerFrame| match frame {
            ServerFrame::Deleted(change) => Some(change.seq),
            _ => None,
        };
        let told = within("a deletion", watcher.wait_for(deleted)).await.unwrap();
        assert_eq!(told, seq, "each in its place");
    }
    let history = ben.history(room, HistoryFrom::Newest, None).await.unwrap().items;
    let left: Vec<_> = history.iter().filter(|it| it.deleted_at.is_none()).collect();
    assert_eq!(left.len(), 5);
    assert!(left.iter().all(|it| it.content.starts_with("by ben")));
    server.event("erasure.made", json!({ "messages": 6 })).await;
    assert_eq!(server.rows("messages WHERE content LIKE '%ann%'", &[]), 0);
    assert_eq!(server.rows("messages WHERE content LIKE '%closes%'", &[]), 0);

    // Killed before it was done, it goes on.
    server.change_rows(
        "UPDATE messages SET content = 'by ann', deleted_at = NULL WHERE seq = 1",
        &[],
    );
    server.kill9().await;
    server.restart().await;
    // One in each room.
    server.event("erasure.made", json!({ "messages": 2 })).await;
    assert_eq!(server.rows("messages WHERE content LIKE '%ann%'", &[]), 0);
}

#[tokio::test]
async fn administrators_and_the_command_export_and_delete_and_the_trail_names_no_name() {
    let server = TestServer::plain().await;
    let (ann, ben) = (server.user("annabel").await, server.user("benjamin").await);
    let said = server.command(&["user", "role", "annabel", "user", "admin"]).await;
    assert!(said.is_success, "{}", said.stderr);
    let over = |id: uuid::Uuid, what: &str| format!("/admin/users/{id}{what}");
    let path = over(ben.id(), "/export");
    Answer::to(ben.request(Method::GET, &path)).await.refuses(403, "forbidden");
    let answer = Answer::to(ann.request(Method::GET, &path)).await;
    let file: PersonExport = serde_json::from_value(answer.json()).unwrap();
    assert_eq!(file.account.user.username, "benjamin");
    let said = server.command(&["user", "export", "benjamin"]).await;
    let file: PersonExport = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(file.account.user.id, ben.id());

    delete(&ann, proven()).await.refuses(409, "last_admin");
    let own = Answer::to(ann.request(Method::DELETE, &over(ann.id(), ""))).await;
    own.refuses(403, "forbidden");
    Answer::to(ben.request(Method::DELETE, &over(ann.id(), ""))).await.refuses(403, "forbidden");
    for _ in 0..2 {
        let answer = Answer::to(ann.request(Method::DELETE, &over(ben.id(), ""))).await;
        assert_eq!(answer.status, 204, "asking twice is as good as once");
    }
    refused(ben.me().await, 401, Code::Unauthenticated);
    let cyd = server.user("cyd").await;
    let said = server.command(&["user", "delete", "cyd", "--messages"]).await;
    assert!(said.stdout.contains("is deleted"), "{}{}", said.stdout, said.stderr);
    refused(cyd.me().await, 401, Code::Unauthenticated);
    let trail = Answer::to(ann.request(Method::GET, "/admin/audit?act=delete_user")).await;
    let done = trail.json()["items"].as_array().unwrap().clone();
    for id in [ben.id(), cyd.id()] {
        let has = |line: &Value| {
            line["act"] == Act::DeleteUser.as_str() && line["user"]["id"] == json!(id)
        };
        assert!(done.iter().any(has), "{id}: {done:?}");
    }
    for name in ["benjamin", "cyd"] {
        assert!(!trail.json().to_string().contains(name), "{name}");
    }
}

#[tokio::test]
async fn whoever_is_deleted_on_one_node_is_out_on_every_node_however_they_race() {
    let nodes = Nodes::start(2, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, mut watcher) = nodes.nodes[0].room(&owner, 20).await;
    for round in 0..6 {
        let who = nodes.nodes[0].user(&format!("racer{round}")).await;
        let there = nodes.at(1, &who);
        let mut session = there.enter(room).await.unwrap();
        let entering = async { there.enter(room).await.map(drop) };
        let asking = join_all(
            (0..4).map(|_| async { drop(there.reserve(room, &Default::default()).await) }),
        );
        let deleting = delete(&who, proven());
        let (answer, _, _) = tokio::join!(deleting, entering, asking);
        assert_eq!(answer.status, 204, "{answer:?}");
        let (_, closed) = ended(&mut session).await;
        assert!([4409, 4440].contains(&closed.code), "{closed:?}");
        for node in 0..2 {
            let again = nodes.at(node, &who);
            refused(again.me().await, 401, Code::Unauthenticated);
            let again = again.reserve(room, &Default::default()).await;
            refused(again.map(drop), 401, Code::Unauthenticated);
        }
    }
    let mut look_again = tokio::time::interval(std::time::Duration::from_millis(50));
    within("their seats to be free", async {
        while owner.room(room).await.unwrap().seats.free != 19 {
            look_again.tick().await;
        }
    })
    .await;
    alive(&mut watcher).await;
    assert_eq!(nodes.stored("SELECT count(*) FROM users WHERE gone_at IS NOT NULL"), "6");
}

#[tokio::test]
async fn the_page_gives_the_data_and_ends_the_account_of_who_says_so_twice() {
    let server = TestServer::plain().await;
    for (language, sure, wrong) in [
        ("en", "Tick this first.", "not your current password"),
        ("ko", "먼저 여기에 표시해 주세요.", "현재 비밀번호가 맞지 않아요"),
    ] {
        let ann = server.user(&format!("annabel-{language}")).await;
        let mut browser = server.browser_of(&ann, language);
        let data = browser.get("/profile/data").await;
        assert!(data.header("content-disposition").starts_with("attachment"), "{data:?}");
        let file: PersonExport = serde_json::from_str(&data.body).unwrap();
        assert_eq!(file.account.user.id, ann.id());

        let unsure = browser.post("/profile/delete", &[("password", PASSWORD)]).await;
        assert!(unsure.status == 422 && unsure.body.contains(sure), "{unsure:?}");
        let fields = [("password", "not this one"), ("sure", "yes"), ("messages", "delete")];
        let refused_page = browser.post("/profile/delete", &fields).await;
        assert!(
            refused_page.status == 422 && refused_page.body.contains(wrong),
            "{refused_page:?}"
        );
        assert!(refused_page.body.contains("value=\"delete\" checked"), "what was chosen stays");
        let fields = [("password", PASSWORD), ("sure", "yes"), ("messages", "keep")];
        let done = browser.post("/profile/delete", &fields).await;
        assert_eq!((done.status, done.header("location")), (303, "/"), "{done:?}");
        refused(ann.me().await, 401, Code::Unauthenticated);

        let guest = server.guest("Gast").await;
        let mut browser = server.browser_of(&guest, language);
        let page = browser.get("/profile").await;
        assert!(page.body.contains("/profile/delete") && !page.body.contains("delete-password"));
        let done = browser.post("/profile/delete", &[("sure", "yes")]).await;
        assert_eq!(done.status, 303);
        refused(guest.me().await, 401, Code::Unauthenticated);
    }
}
