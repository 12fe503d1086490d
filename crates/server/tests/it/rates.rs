//! How much may be asked, and what answers say of it.

use anteroom_client::Account;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::harness::{Settings, TestServer, alive, refused};

async fn limited(change: impl FnOnce(&mut Settings)) -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("limits.enabled", true);
        change(cfg);
    })
    .await
}

/// The status and the headers of an answer.
async fn get(base: &str, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
    let mut request = crate::harness::http_client().get(format!("{base}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.headers().clone())
}

#[tokio::test]
async fn an_address_is_told_what_is_left_and_then_when_to_come_again() {
    let server = limited(|cfg| {
        cfg.set("limits.requests_per_address", 3).set("server.trusted_proxies", "127.0.0.1");
    })
    .await;
    let rooms = "/api/v1/public/rooms";
    fn from(address: &str) -> [(&str, &str); 1] {
        [("x-forwarded-for", address)]
    }
    for left in [2, 1, 0] {
        let (status, headers) = get(server.base(), rooms, &from("198.51.100.7")).await;
        assert_eq!(status, 200);
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=3;w=10");
        let told = headers["ratelimit"].to_str().unwrap();
        assert!(told.starts_with(&format!("\"address\";r={left};t=")), "{told}");
    }
    let (status, headers) = get(server.base(), rooms, &from("198.51.100.7")).await;
    assert_eq!(status, 429);
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait));
    assert_eq!(headers["ratelimit"], format!("\"address\";r=0;t={wait}"));
    // Others are not kept away, nor is the same network of IPv6 two addresses.
    assert_eq!(get(server.base(), rooms, &from("198.51.100.8")).await.0, 200);
    for (n, status) in [(1, 200), (2, 200), (3, 200), (4, 429)] {
        let address = format!("2001:db8:0:1::{n}");
        assert_eq!(get(server.base(), rooms, &from(&address)).await.0, status);
    }
    // Pages, and whether the server is well, are not the API.
    assert_eq!(get(server.base(), "/healthz", &from("198.51.100.7")).await.0, 200);
}

#[tokio::test]
async fn proxies_of_a_trusted_network_say_who_asks_and_others_do_not_until_a_reload_names_them() {
    let server = limited(|cfg| {
        cfg.set("limits.requests_per_address", 2);
    })
    .await;
    let ask = async |forwarded: &str| {
        let headers = [("x-forwarded-for", forwarded)];
        get(server.base(), "/api/v1/public/rooms", &headers).await.0
    };
    let trust = async |networks: &str| {
        let settings = format!("[server]\ntrusted_proxies = {networks}\n");
        std::fs::write(server.data_dir().join("anteroom.toml"), settings).unwrap();
        server.command(&["reload"]).await
    };
    // Two proxies, one behind the other.
    assert!(trust(r#"["127.0.0.0/8", "10.244.0.0/16"]"#).await.is_success);
    for status in [200, 200, 429] {
        assert_eq!(ask("198.51.100.7, 10.244.3.9").await, status);
    }
    assert_eq!(ask("198.51.100.8, 10.244.77.1").await, 200, "somebody else, by another of them");
    // Whoever is of none of these networks is counted himself, whatever he says of others.
    for (claimed, status) in [("1", 200), ("2", 200), ("3", 429)] {
        assert_eq!(ask(&format!("203.0.113.{claimed}, 10.245.0.1")).await, status);
    }
    server.expect_error("config.not_reloaded");
    let refused = trust(r#"["127.0.0.1", "10.0.0.1/8"]"#).await;
    assert!(refused.stderr.contains("write 10.0.0.0/8 or 10.0.0.1"), "{}", refused.stderr);
    assert_eq!(ask("203.0.113.4, 10.245.0.1").await, 429, "what was in force stays");
    assert!(trust(r#"["127.0.0.1", "10.0.0.0/8"]"#).await.is_success);
    assert_eq!(ask("203.0.113.4, 10.245.0.1").await, 200, "now its word counts");
}

#[tokio::test]
async fn an_account_is_limited_wherever_it_comes_from_and_its_session_goes_on() {
    let server = limited(|cfg| {
        cfg.set("limits.requests_per_account", 8);
    })
    .await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let (_, mut session) = server.room(&ann, 2).await;
    let me = async |account: &Account| account.request(Method::GET, "/me").send().await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(me(&ann).await);
    }
    let over = answers.last().unwrap();
    assert_eq!(over.status(), 429);
    assert!(over.headers()["ratelimit"].to_str().unwrap().starts_with("\"account\";r=0;t="));
    assert!(over.headers().contains_key("retry-after"));
    assert_eq!(me(&bob).await.status(), 200);
    alive(&mut session).await;
    // A service asks for many people.
    let service = server.service().await;
    for _ in 0..20 {
        assert_eq!(me(&service).await.status(), 200);
    }
}

#[tokio::test]
async fn whoever_takes_and_gives_back_a_seat_in_a_loop_is_kept_out_of_that_room_for_a_while() {
    let server = limited(|cfg| {
        cfg.set("limits.attempts_per_room", 5);
    })
    .await;
    let owner = server.user("owner").await;
    let (room, _inside) = server.room(&owner, 2).await;
    let hoarder = server.guest("hoarder").await;
    let body = Reserve::default();
    for _ in 0..5 {
        hoarder.reserve(room, &body).await.unwrap();
        hoarder.cancel(room).await.unwrap();
    }
    refused(hoarder.reserve(room, &body).await, 429, Code::RateLimited);
    assert_eq!(server.seats(room).await.free, 1, "and holds nothing");
    server.guest("friend").await.enter(room).await.unwrap();
    // Another room is another matter.
    let (other, _there) = server.room(&server.user("other").await, 2).await;
    hoarder.reserve(other, &body).await.unwrap();
}
