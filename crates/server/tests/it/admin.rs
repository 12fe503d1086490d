//! What administrators do: made on the command line, they lock, unlock and log out through the API,
//! and what an account kept open ends at once.

use anteroom_client::Account;
use anteroom_protocol::account::Role;
use anteroom_protocol::{CloseCode, Code};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Known as _, PASSWORD, TestServer, alive, ended, refused};

#[tokio::test]
async fn an_administrator_made_on_the_command_line_locks_an_account_and_all_it_kept_open_ends() {
    let mut server = TestServer::plain().await;
    server.user("chief").await;
    server.ask_to_stop();
    assert!(server.exited().await.success());
    let made = server.command(&["user", "role", "chief", "user", "admin"]).await;
    assert!(made.is_success, "on the store itself: {}", made.stderr);
    server.restart().await;

    let chief = server.login("chief").await;
    assert_eq!(chief.me().await.unwrap().roles, [Role::User, Role::Admin]);
    let ann = server.user("ann").await;
    let (room, mut inside) = server.room(&ann, 2).await;
    alive(&mut inside).await;
    let over = |what: &str| format!("/admin/users/{}/{what}", ann.id());
    Answer::to(ann.request(Method::POST, &over("lock"))).await.refuses(403, "forbidden");
    assert_eq!(Answer::to(chief.request(Method::POST, &over("lock"))).await.status, 204);
    let (words, closed) = ended(&mut inside).await;
    assert_eq!(closed.code, CloseCode::LoggedOut.status());
    assert_eq!(words.map(|words| words.code), Some(Code::LoggedOut), "in words");
    refused(ann.me().await, 401, Code::Unauthenticated);
    refused(server.client().login("ann", PASSWORD).await, 403, Code::AccountLocked);
    assert_eq!(server.logged("seat.returned", json!({ "room": room })).len(), 1, "at once");

    assert_eq!(Answer::to(chief.request(Method::POST, &over("unlock"))).await.status, 204);
    let ann = server.login("ann").await;
    let mut inside = ann.enter(room).await.unwrap();
    let out = Answer::to(chief.request(Method::POST, &over("logout"))).await;
    assert_eq!(out.json()["logins_ended"], 1);
    assert_eq!(ended(&mut inside).await.1.code, CloseCode::LoggedOut.status());

    // A session is told its end before its own task has put everything away.
    let nothing = json!({
        "sessions": 0,
        "users_online": 0,
        "entries_under_way": 0,
        "deadlines": 0,
        "occupied": 0,
        "reserved": 0,
        "held": 0,
    });
    server.comes_to_rest(&chief, &nothing).await;
}

#[tokio::test]
async fn of_two_administrators_who_act_on_each_other_at_once_one_is_left() {
    let server = TestServer::plain().await;
    let acts = [
        (Method::PUT, "/roles", Some(json!({ "roles": ["user"] }))),
        (Method::POST, "/lock", None),
        (Method::DELETE, "", None),
    ];
    let mut refusals = 0;
    for round in 0..18 {
        let (of_one, of_other) = (&acts[round % 3], &acts[round / 3 % 3]);
        let one = administrator(&server, &format!("one{round}")).await;
        let other = administrator(&server, &format!("other{round}")).await;
        let act = async |who: &Account, whom: &Account, act: &(Method, &str, Option<Value>)| {
            let (method, what, body) = act;
            let path = format!("/admin/users/{}{what}", whom.id());
            let request = who.request(method.clone(), &path);
            Answer::to(match body {
                Some(body) => request.json(body),
                None => request,
            })
            .await
        };
        let both = tokio::join!(act(&one, &other, of_one), act(&other, &one, of_other));
        let left = "user_roles JOIN users ON users.id = user_id
                    WHERE role = 'admin' AND locked_at IS NULL";
        assert_eq!(server.rows(left, &[]), 1, "{round}: {both:?}");
        let (done, refused) = match both.0.status < 300 {
            true => both,
            false => (both.1, both.0),
        };
        assert!(done.status < 300, "{round}: {done:?}");
        match refused.status {
            // Whoever came late was none any more when they asked.
            401 | 403 => {}
            _ => {
                refused.refuses(409, "last_admin");
                refusals += 1;
            }
        }
        server.change_rows("DELETE FROM user_roles WHERE role = 'admin'", &[]);
    }
    assert!(refusals > 0, "they never met");
}

async fn administrator(server: &TestServer, name: &str) -> Account {
    server.user(name).await;
    let role = "INSERT INTO user_roles SELECT id, 'admin' FROM users WHERE username = ?1";
    assert_eq!(server.change_rows(role, &[&name]), 1);
    server.login(name).await
}
