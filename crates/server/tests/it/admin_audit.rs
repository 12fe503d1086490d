//! The audit trail: each act of administration leaves one line that says who did what to whom and what it
//! came to, also a refused one, also over a restart; and no line says a secret.

use anteroom_client::Account;
use anteroom_protocol::audit::{Act, ActOutcome, AuditLine};
use anteroom_protocol::page::Page;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, Known as _, Nodes, TestServer, ended, within};

async fn trail(chief: &Account, query: &str) -> Vec<AuditLine> {
    let path = format!("/admin/audit?limit=200&{query}");
    let answer = Answer::to(chief.request(Method::GET, &path)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str::<Page<AuditLine>>(&answer.body).unwrap().items
}

async fn ask(who: &Account, method: Method, path: &str, body: Option<Value>) -> u16 {
    let request = who.request(method, path);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    Answer::to(request).await.status
}

/// What a line says, without when and by which name.
fn told(line: &AuditLine) -> (Act, Option<Uuid>, Option<Uuid>, Option<i64>, ActOutcome) {
    let id = |user: &Option<anteroom_protocol::audit::AuditUser>| user.as_ref().map(|it| it.id);
    (line.act, id(&line.actor), id(&line.user), line.room_id, line.outcome)
}

#[tokio::test]
async fn each_act_leaves_one_line_that_says_who_did_what_to_whom() {
    let server = TestServer::plain().await;
    let (chief, ann, bob) =
        (server.administrator().await, server.user("ann").await, server.user("bob").await);
    let (room, _inside) = server.room(&ann, 5).await;
    let over = |what: &str| format!("/admin/users/{}/{what}", bob.id());
    let member = format!("/rooms/{room}/members/{}", bob.id());
    let here = format!("/rooms/{room}");
    let secret = "a password of the room that nobody may read";
    let words = "words that nobody may read";
    let acts: [(&Account, Method, String, Option<Value>, Act); 11] = [
        (&ann, Method::DELETE, member.clone(), None, Act::Kick),
        (&chief, Method::DELETE, format!("{member}?ban=true"), None, Act::Ban),
        (&ann, Method::DELETE, format!("{here}/bans/{}", bob.id()), None, Act::Unban),
        (&ann, Method::PATCH, here.clone(), Some(json!({ "capacity": 6 })), Act::ChangeRoom),
        (&chief, Method::PATCH, here.clone(), Some(json!({ "password": secret })), Act::ChangeRoom),
        (&chief, Method::POST, over("logout"), None, Act::Logout),
        (&chief, Method::POST, over("lock"), None, Act::Lock),
        (&chief, Method::POST, over("unlock"), None, Act::Unlock),
        (
            &chief,
            Method::PUT,
            over("roles"),
            Some(json!({ "roles": ["user", "moderator"] })),
            Act::Roles,
        ),
        (&chief, Method::POST, over("messages"), Some(json!({ "content": words })), Act::Direct),
        (&ann, Method::DELETE, here.clone(), None, Act::CloseRoom),
    ];
    let mut expected = Vec::new();
    for (who, method, path, body, act) in acts {
        let status = ask(who, method, &path, body).await;
        assert!((200..300).contains(&status), "{act:?}: {status}");
        if act == Act::Direct {
            // Nobody waits for the line of what takes nothing from anybody.
            server.event("audit.noted", json!({ "act": "direct" })).await;
        }
        let user = path.contains(&bob.id().to_string()).then(|| bob.id());
        let room = path.starts_with("/rooms").then_some(room);
        expected.insert(0, (act, Some(who.id()), user, room, ActOutcome::Done));
    }
    let all = trail(&chief, "").await;
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), expected);
    let names = |line: &AuditLine| (line.actor.clone().unwrap().username, line.by_staff);
    assert_eq!(names(&all[0]), (Some("ann".to_owned()), false));
    assert_eq!(names(&all[2]), (Some("overseer".to_owned()), true));
    assert_eq!(all[2].detail["roles"], "user moderator");
    assert_eq!(all[6].detail["changed"], "password");
    let shown = serde_json::to_string(&all).unwrap();
    assert!(!shown.contains(secret) && !shown.contains(words), "{shown}");

    for (query, count) in [
        ("actor=ann".to_owned(), 4),
        (format!("actor={}", chief.id()), 7),
        ("target=bob".to_owned(), 8),
        (format!("target={room}"), 6),
        ("act=change_room".to_owned(), 2),
        ("actor=ann&act=kick&target=bob".to_owned(), 1),
        ("actor=nobody".to_owned(), 0),
        ("actor=command%20line".to_owned(), 0),
    ] {
        assert_eq!(trail(&chief, &query).await.len(), count, "{query}");
    }
    let get = async |query: &str| Answer::to(chief.request(Method::GET, query)).await;
    let first = get("/admin/audit?limit=4").await.json();
    let next = format!("/admin/audit?limit=4&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(get(&next).await.json()["items"][0]["id"], json!(all[4].id));
    for wrong in ["act=nothing", "cursor=1", "limit=0"] {
        get(&format!("/admin/audit?{wrong}")).await.refuses(422, "invalid");
    }
}

#[tokio::test]
async fn what_is_refused_is_told_and_changes_nothing() {
    let server = TestServer::plain().await;
    let (chief, ann, bob) =
        (server.administrator().await, server.user("ann").await, server.user("bob").await);
    let (room, _inside) = server.room(&ann, 5).await;
    let lock = format!("/admin/users/{}/lock", ann.id());
    assert_eq!(ask(&bob, Method::POST, &lock, None).await, 403);
    let owner = format!("/rooms/{room}/members/{}", ann.id());
    assert_eq!(ask(&bob, Method::DELETE, &owner, None).await, 403);
    assert_eq!(ask(&chief, Method::DELETE, &owner, None).await, 403, "nobody removes the owner");
    let own = format!("/admin/users/{}/lock", chief.id());
    assert_eq!(ask(&chief, Method::POST, &own, None).await, 403, "nobody locks themselves out");
    let own = format!("/admin/users/{}/roles", chief.id());
    let roles = json!({ "roles": ["user"] });
    assert_eq!(ask(&chief, Method::PUT, &own, Some(roles)).await, 403);
    let nobody = format!("/admin/users/{}/lock", Uuid::now_v7());
    assert_eq!(ask(&chief, Method::POST, &nobody, None).await, 404);
    let all = trail(&chief, "").await;
    let codes: Vec<_> = all.iter().map(|it| (it.act, it.code.as_deref(), it.by_staff)).collect();
    assert_eq!(
        codes,
        [
            (Act::Lock, Some("not_found"), true),
            (Act::Roles, Some("forbidden"), true),
            (Act::Lock, Some("forbidden"), true),
            (Act::Kick, Some("forbidden"), true),
            (Act::Kick, Some("forbidden"), false),
            (Act::Lock, Some("forbidden"), false),
        ]
    );
    assert!(all.iter().all(|it| it.outcome == ActOutcome::Refused));
    assert_eq!(chief.me().await.unwrap().roles.len(), 2);

    // Who asks again and again is noted only so often, and pushes nothing out.
    for _ in 0..30 {
        assert_eq!(ask(&bob, Method::POST, &lock, None).await, 403);
    }
    assert_eq!(trail(&chief, "actor=bob").await.len(), 10);
}

#[tokio::test]
async fn an_owner_who_changes_a_room_for_ever_pushes_out_nothing_that_staff_did() {
    let server = TestServer::start(|cfg| {
        cfg.set("admin.audit_kept", 3);
    })
    .await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let (room, _inside) = server.room(&ann, 5).await;
    let out = format!("/admin/users/{}/unlock", ann.id());
    assert_eq!(ask(&chief, Method::POST, &out, None).await, 204);
    let here = format!("/rooms/{room}");
    for capacity in 1..=140 {
        let body = json!({ "capacity": capacity });
        assert_eq!(ask(&ann, Method::PATCH, &here, Some(body)).await, 200);
    }
    assert_eq!(trail(&chief, "act=unlock").await.len(), 1);
    assert!(trail(&chief, "act=change_room").await.len() < 70, "bounded");
}

#[tokio::test]
async fn the_trail_survives_a_restart_and_knows_the_command_line() {
    let mut server = TestServer::plain().await;
    if server.is_several() {
        return;
    }
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let lock = format!("/admin/users/{}/lock", ann.id());
    assert_eq!(ask(&chief, Method::POST, &lock, None).await, 204);
    server.kill9().await;
    let command = async |arguments: &[&str]| server.command(arguments).await.is_success;
    assert!(command(&["user", "unlock", "ann"]).await);
    assert!(command(&["user", "role", "ann", "user", "moderator"]).await);
    assert!(!command(&["user", "role", "ann"]).await);
    server.restart().await;
    let chief = server.login("overseer").await;
    let all = trail(&chief, "target=ann").await;
    let acts: Vec<_> = all.iter().map(|it| (it.act, it.actor.is_none(), it.outcome)).collect();
    assert_eq!(
        acts,
        [
            (Act::Roles, true, ActOutcome::Done),
            (Act::Unlock, true, ActOutcome::Done),
            (Act::Lock, false, ActOutcome::Done),
        ]
    );
    assert_eq!(trail(&chief, "actor=command%20line").await.len(), 2);
}

#[tokio::test]
async fn an_act_that_cannot_be_written_is_not_done_but_for_a_kick() {
    let server = TestServer::plain().await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let (room, _inside) = server.room(&ann, 5).await;
    let bob = server.user("bob").await;
    let mut inside = bob.enter(room).await.unwrap();
    server.change_schema("ALTER TABLE audit RENAME TO audit_away");
    let kick = format!("/rooms/{room}/members/{}", bob.id());
    let ban = format!("{kick}?ban=true");
    let lock = format!("/admin/users/{}/lock", bob.id());
    for (method, path) in [(Method::DELETE, &ban), (Method::POST, &lock)] {
        let refused = ask(&chief, method, path, None).await;
        assert!(refused >= 500, "{refused}");
    }
    inside.send("still here").await.unwrap();
    // A kick is of the moment: it is done, and told in the log.
    assert_eq!(ask(&chief, Method::DELETE, &kick, None).await, 204);
    assert_eq!(ended(&mut inside).await.1.code, anteroom_protocol::CloseCode::Removed.status());
    server.event("audit.not_noted", json!({ "act": "kick", "user": bob.id() })).await;
    server.change_schema("ALTER TABLE audit_away RENAME TO audit");
    assert_eq!(ask(&chief, Method::DELETE, &ban, None).await, 204);
    assert_eq!(trail(&chief, "target=bob").await.len(), 1);
}

#[tokio::test]
async fn a_kick_on_one_node_ends_what_somebody_has_on_another() {
    let nodes = Nodes::start(2, |_| {}).await;
    let chief = nodes.nodes[0].user("chief").await;
    nodes.stored("INSERT INTO user_roles SELECT id, 'admin' FROM users WHERE username = 'chief'");
    let ann = nodes.nodes[0].user("ann").await;
    let (room, _inside) = nodes.nodes[0].room(&ann, 5).await;
    let bob = nodes.at(1, &nodes.nodes[0].user("bob").await);
    let id = bob.me().await.unwrap().id;
    let mut inside = within("an entry by the other node", bob.enter(room)).await.unwrap();
    let kick = format!("/rooms/{room}/members/{id}");
    assert_eq!(ask(&chief, Method::DELETE, &kick, None).await, 204);
    let (_, closed) = ended(&mut inside).await;
    assert_eq!(closed.code, anteroom_protocol::CloseCode::Removed.status());
    let there = nodes.at(1, &chief);
    assert_eq!(trail(&there, "act=kick").await.len(), 1, "the trail is one for all nodes");
}
