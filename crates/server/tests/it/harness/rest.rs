//! What is left of sessions and seats, as an administrator sees it.

use std::time::Duration;

use anteroom_client::Account;
use anteroom_protocol::account::SignUp;
use reqwest::Method;
use serde_json::{Value, json};

use super::people::PASSWORD;
use super::server::TestServer;
use super::web::Answer;

/// How long what ended may take to be gone. Above the grace of every test that looks.
const SETTLING: Duration = Duration::from_secs(8);
/// How soon is looked again when the log is silent.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl TestServer {
    /// Somebody who may see the whole.
    pub(crate) async fn administrator(&self) -> Account {
        let body = SignUp {
            username: "overseer".into(),
            password: PASSWORD.into(),
            display_name: None,
            contact_number: None,
        };
        self.client.sign_up(&body).await.unwrap();
        let role = "INSERT INTO user_roles SELECT id, 'admin' FROM users WHERE username = ?1";
        assert_eq!(self.change_rows(role, &[&"overseer"]), 1);
        self.client.login("overseer", PASSWORD).await.unwrap()
    }

    /// An account that speaks for many.
    pub(crate) async fn service(&self) -> Account {
        self.user("matchmaker").await;
        let role = "INSERT INTO user_roles SELECT id, 'service' FROM users WHERE username = ?1";
        assert_eq!(self.change_rows(role, &[&"matchmaker"]), 1);
        // Roles are in the token.
        self.login("matchmaker").await
    }

    /// Sessions, entries, deadlines and seats: what must come back to where it was.
    pub(crate) async fn standing(&self, chief: &Account) -> Value {
        let nodes = self.node_clients();
        let mut each = Vec::new();
        for node in &nodes {
            let chief = node.with_token(chief.token());
            each.push(Answer::to(chief.request(Method::GET, "/admin/overview")).await.json());
        }
        // What each node counts for itself; seats are one for all.
        let sum = |what: &str| each.iter().filter_map(|it| it[what].as_u64()).sum::<u64>();
        // A deadline that another node saw to is forgotten when it passes.
        let deadlines = if nodes.len() == 1 { sum("deadlines") } else { 0 };
        let seats = &each[0]["seats"];
        json!({
            "sessions": sum("sessions"),
            "users_online": sum("users_online"),
            "entries_under_way": each[0]["entries_under_way"],
            "deadlines": deadlines,
            "occupied": seats["occupied"],
            "reserved": seats["reserved"],
            "held": seats["held"],
        })
    }

    /// Waits until everything stands as in `base`: nothing leaked.
    pub(crate) async fn comes_to_rest(&self, chief: &Account, base: &Value) {
        let mut grown = self.grown();
        let mut last = Value::Null;
        let settling = async {
            loop {
                last = self.standing(chief).await;
                if last == *base {
                    return;
                }
                let _ = tokio::time::timeout(LOOK_AGAIN, grown.changed()).await;
            }
        };
        let settled = tokio::time::timeout(SETTLING, settling).await;
        assert!(settled.is_ok(), "leaked: {last} where it was {base}; {}", self.tail());
    }
}
