//! Who may ask administration for what, and that what it answers is so.

use anteroom_client::Account;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, Known as _, Nodes, TestServer, ended, within};

async fn get(who: &Account, path: &str) -> Value {
    let answer = Answer::to(who.request(Method::GET, path)).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// An account with this role beside its own.
async fn with_role(server: &TestServer, name: &str, role: &str) -> Account {
    server.user(name).await;
    let sql = "INSERT INTO user_roles SELECT id, ?2 FROM users WHERE username = ?1";
    assert_eq!(server.change_rows(sql, &[&name, &role]), 1);
    server.login(name).await
}

/// Whom an endpoint is open to, the narrowest first.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
#[expect(clippy::enum_variant_names, reason = "reads as a sentence where it is used")]
enum Open {
    ToAdmins,
    ToStaff,
    ToOwnerToo,
}

#[tokio::test]
async fn each_endpoint_is_open_to_those_it_is_for_and_to_nobody_else() {
    let server = TestServer::plain().await;
    let admin = server.administrator().await;
    let moderator = with_role(&server, "steward", "moderator").await;
    let owner = server.user("owner").await;
    let user = server.user("user").await;
    let guest = server.guest("guest").await;
    let target = server.user("target").await;
    let (room, _inside) = server.room(&owner, 5).await;
    let someone = Uuid::now_v7();
    let over = |what: &str| format!("/admin/users/{}/{what}", target.id());
    let table: Vec<(Method, String, Option<Value>, Open)> = vec![
        (Method::GET, "/admin/overview".into(), None, Open::ToStaff),
        (Method::GET, "/admin/outcomes".into(), None, Open::ToStaff),
        (Method::GET, "/admin/entries".into(), None, Open::ToStaff),
        (Method::GET, "/admin/sessions".into(), None, Open::ToStaff),
        (Method::GET, format!("/admin/rooms/{room}/seats"), None, Open::ToStaff),
        (Method::GET, "/admin/nodes".into(), None, Open::ToAdmins),
        (Method::GET, "/admin/users".into(), None, Open::ToAdmins),
        (Method::GET, "/admin/audit".into(), None, Open::ToAdmins),
        (Method::POST, over("unlock"), None, Open::ToAdmins),
        (Method::POST, over("lock"), None, Open::ToAdmins),
        (Method::POST, over("logout"), None, Open::ToAdmins),
        (Method::PUT, over("roles"), Some(json!({ "roles": ["user"] })), Open::ToAdmins),
        (Method::POST, over("messages"), Some(json!({ "content": "x" })), Open::ToStaff),
        (Method::GET, format!("/rooms/{room}/bans"), None, Open::ToOwnerToo),
        (Method::PATCH, format!("/rooms/{room}"), Some(json!({ "capacity": 5 })), Open::ToOwnerToo),
        (Method::DELETE, format!("/rooms/{room}/members/{someone}"), None, Open::ToOwnerToo),
        (
            Method::DELETE,
            format!("/rooms/{room}/members/{}?ban=true", target.id()),
            None,
            Open::ToOwnerToo,
        ),
    ];
    let people = [
        (&guest, "a guest", None),
        (&user, "a user", None),
        (&owner, "an owner", Some(Open::ToOwnerToo)),
        (&moderator, "a moderator", Some(Open::ToStaff)),
        (&admin, "an administrator", Some(Open::ToAdmins)),
    ];
    for (method, path, body, open) in &table {
        let asked = |who: &Account| {
            let request = who.request(method.clone(), path);
            if let Some(body) = body { request.json(body) } else { request }
        };
        let nobody = server.client().with_token("");
        Answer::to(asked(&nobody)).await.refuses(401, "unauthenticated");
        for (who, name, rank) in people {
            let answer = Answer::to(asked(who)).await;
            if rank.is_some_and(|rank| rank <= *open) {
                assert!((200..300).contains(&answer.status), "{name}: {method} {path}: {answer:?}");
            } else {
                assert_eq!(answer.status, 403, "{name}: {method} {path}: {answer:?}");
                answer.refuses(403, "forbidden");
            }
        }
    }
}

#[tokio::test]
async fn bans_are_listed_and_lifted() {
    let server = TestServer::plain().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let (room, _inside) = server.room(&ann, 3).await;
    let mut inside = bob.enter(room).await.unwrap();
    let ban = format!("/rooms/{room}/members/{}?ban=true", bob.id());
    assert_eq!(Answer::to(ann.request(Method::DELETE, &ban)).await.status, 204);
    ended(&mut inside).await;
    assert!(bob.enter(room).await.is_err());
    let bans = get(&ann, &format!("/rooms/{room}/bans")).await;
    assert_eq!(bans["items"][0]["user"]["name"], "bob");
    assert_eq!(bans["items"][0]["user"]["username"], Value::Null, "not an owner's business");
    let told = get(&server.administrator().await, &format!("/rooms/{room}/bans")).await;
    assert_eq!(told["items"][0]["user"]["username"], "bob");
    assert_eq!(bans["items"][0]["by"], json!(ann.id()));
    let lift = format!("/rooms/{room}/bans/{}", bob.id());
    Answer::to(bob.request(Method::DELETE, &lift)).await.refuses(403, "forbidden");
    assert_eq!(Answer::to(ann.request(Method::DELETE, &lift)).await.status, 204);
    Answer::to(ann.request(Method::DELETE, &lift)).await.refuses(404, "not_found");
    bob.enter(room).await.unwrap();
}

#[tokio::test]
async fn outcomes_over_time_are_what_happened() {
    for rows in [100, 0] {
        let server = TestServer::start(|cfg| {
            cfg.set("admission.entry_log_rows", rows);
        })
        .await;
        let (chief, ann) = (server.administrator().await, server.user("ann").await);
        let (room, inside) = server.room(&ann, 1).await;
        let path = format!("/rooms/{room}/reservations");
        Answer::to(chief.request(Method::POST, &path)).await.refuses(409, "room_full");
        let expected = json!({ "entered": 1, "refused": 1 });
        let wanted = async {
            // The lines are written behind the entries.
            while get(&chief, "/admin/outcomes?span=24h").await["totals"] != expected {}
        };
        if !(server.is_several() && rows == 0) {
            within("both lines", wanted).await;
            for (span, buckets) in [("1h", 60), ("24h", 48), ("7d", 56)] {
                let told = get(&chief, &format!("/admin/outcomes?span={span}")).await;
                assert_eq!(told["buckets"].as_array().unwrap().len(), buckets);
                assert_eq!(told["totals"], expected, "{span}");
                assert_eq!(told["source"], if rows == 0 { "memory" } else { "store" });
            }
        }
        let wrong = Answer::to(chief.request(Method::GET, "/admin/outcomes?span=1y")).await;
        wrong.refuses(422, "invalid");
        inside.leave().await.unwrap();
    }
}

#[tokio::test]
async fn sessions_are_listed_by_room_and_user_in_pages() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "one_per_room");
    })
    .await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let (one, _in_one) = server.room(&ann, 5).await;
    let (two, _in_two) = server.room(&ann, 5).await;
    let _guests = server.fill(one, 3).await;
    let all = get(&chief, "/admin/sessions").await;
    let rooms: Vec<_> = all["items"].as_array().unwrap().iter().map(|it| &it["room_id"]).collect();
    assert_eq!(rooms, [&json!(one), &json!(one), &json!(one), &json!(one), &json!(two)]);
    assert_eq!(all["items"][4]["user"], json!({ "id": ann.id(), "name": "ann" }));
    assert!(all["items"][0]["since"].as_str().unwrap().starts_with("20"));
    assert!(!all.to_string().contains("127.0.0.1"), "no address");
    let mut paged = Vec::new();
    let mut path = "/admin/sessions?limit=2".to_owned();
    loop {
        let page = get(&chief, &path).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/admin/sessions?limit=2&cursor={cursor}");
    }
    assert_eq!(json!(paged), all["items"]);
    let of_ann = get(&chief, &format!("/admin/sessions?user={}", ann.id())).await;
    assert_eq!(of_ann["items"].as_array().unwrap().len(), 2);
    let both = format!("/admin/sessions?user={}&room={two}", ann.id());
    assert_eq!(get(&chief, &both).await["items"].as_array().unwrap().len(), 1);
    assert_eq!(get(&chief, "/admin/sessions?room=999").await["items"], json!([]));
}

#[tokio::test]
async fn people_are_found_by_how_their_names_begin() {
    let server = TestServer::plain().await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    for name in ["ann-e", "bob"] {
        server.user(name).await;
    }
    let found = async |query: &str| {
        let page = get(&chief, &format!("/admin/users?{query}")).await;
        let items = page["items"].as_array().unwrap().clone();
        (items, page["next_cursor"].as_str().map(str::to_owned))
    };
    let names = |items: &[Value]| -> Vec<String> {
        items.iter().map(|it| it["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&found("q=AN").await.0), ["ann", "ann-e"]);
    let (first, next) = found("q=an&limit=1").await;
    assert_eq!((names(&first), next.as_deref()), (vec!["ann".to_owned()], Some("ann")));
    assert_eq!(names(&found("q=an&limit=1&cursor=ann").await.0), ["ann-e"]);
    assert_eq!(names(&found("q=%25").await.0), [""; 0]);
    let lock = format!("/admin/users/{}/lock", ann.id());
    assert_eq!(Answer::to(chief.request(Method::POST, &lock)).await.status, 204);
    let (ann, _) = found("q=ann&limit=1").await;
    assert!(ann[0]["locked_at"].is_string() && ann[0].get("contact_number").is_none());
}

#[tokio::test]
async fn one_node_is_one_row_and_says_what_it_stands_on() {
    let server = TestServer::plain().await;
    if server.is_several() {
        return;
    }
    let chief = server.administrator().await;
    let told = get(&chief, "/admin/nodes").await;
    assert_eq!(told["items"].as_array().unwrap().len(), 1);
    let me = &told["items"][0];
    assert_eq!((&me["lease"], &me["is_this"]), (&json!("alone"), &json!(true)));
    assert_eq!((&me["sessions"], &me["version"]), (&json!(0), &json!(env!("CARGO_PKG_VERSION"))));
    let stores = told["stores"].as_array().unwrap();
    let parts: Vec<_> = stores.iter().map(|it| (&it["part"], &it["ready"])).collect();
    assert_eq!(parts, [(&json!("facts"), &json!(true)), (&json!("seats"), &json!(true))]);
    server.change_schema("ALTER TABLE meta RENAME TO meta_away");
    let away = get(&chief, "/admin/nodes").await["stores"][0].clone();
    assert_eq!((&away["part"], &away["ready"]), (&json!("facts"), &json!(false)));
    server.change_schema("ALTER TABLE meta_away RENAME TO meta");
    let back = get(&chief, "/admin/nodes").await["stores"][0].clone();
    assert_eq!(back["ready"], json!(true));
    assert!(back["since"].as_str() >= away["since"].as_str());
}

#[tokio::test]
async fn several_nodes_are_a_row_each_and_only_the_one_that_answers_tells_of_itself() {
    let nodes = Nodes::start(2, |_| {}).await;
    nodes.nodes[0].user("chief").await;
    nodes.stored("INSERT INTO user_roles SELECT id, 'admin' FROM users WHERE username = 'chief'");
    let chief = nodes.nodes[0].login("chief").await;
    let ann = nodes.nodes[0].user("ann").await;
    let (room, _inside) = nodes.nodes[0].room(&ann, 5).await;
    let bob = nodes.at(1, &nodes.nodes[0].user("bob").await);
    let _there = within("an entry by the other node", bob.enter(room)).await.unwrap();
    let there = nodes.at(1, &chief);
    let told = get(&there, "/admin/nodes").await;
    let rows: Vec<_> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["node"].as_u64(), it["lease"].as_str(), it["sessions"].as_u64()))
        .collect();
    assert_eq!(rows, [(Some(1), Some("held"), None), (Some(2), Some("held"), Some(1))]);
    assert_eq!(told["stores"].as_array().unwrap().len(), 3, "the bus as well");
    let sessions = get(&there, "/admin/sessions").await;
    let mut at: Vec<_> =
        sessions["items"].as_array().unwrap().iter().map(|it| it["node"].as_u64()).collect();
    at.sort_unstable();
    assert_eq!(at, [Some(1), Some(2)], "of all nodes");
}
