//! Passwords guessed, names tried out, and hashing as a weapon; and whose sessions a change of an account ends.

use std::net::Ipv4Addr;

use anteroom_client::Account;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::bytes::{answer, last_request, request};
use super::requests::cpu_ms;
use super::{Scene, by_status};
use crate::harness::{
    Answer, Known as _, PASSWORD, TestServer, alive, ended, refused, resident_kib, within,
};

async fn sign_in(server: &TestServer, name: &str, password: &str, from: &str) -> Answer {
    let body = json!({ "username": name, "password": password });
    let request = server.client().request(Method::POST, "/sessions").json(&body);
    Answer::to(request.header("x-forwarded-for", from)).await
}

#[tokio::test]
async fn a30_who_is_locked_or_changes_the_password_ends_the_sessions_and_seats_under_it() {
    let scene = Scene::with(|cfg| {
        cfg.set("auth.logins_per_user", 3).set("sessions.policy", "many");
    })
    .await;
    let server = &scene.server;
    let lock = |who: &Account, what: &str| {
        scene.chief.request(Method::POST, &format!("/admin/users/{}/{what}", who.id()))
    };
    let (other, there) = server.room(&server.user("neighbour").await, 3).await;
    // Locked: a session here, a reservation there, and every login.
    let first = server.user("victim").await;
    let second = server.login("victim").await;
    let mut session = first.enter(scene.room).await.unwrap();
    second.reserve(other, &Reserve::default()).await.unwrap();
    assert_eq!(Answer::to(lock(&first, "lock")).await.status, 204);
    assert_eq!(ended(&mut session).await.1.code, 4440);
    for login in [&first, &second] {
        refused(login.me().await, 401, Code::Unauthenticated);
    }
    assert_eq!(
        (server.seats(scene.room).await.occupied, server.seats(other).await.reserved),
        (1, 0)
    );
    let back = sign_in(server, "victim", PASSWORD, "10.0.0.1").await;
    back.refuses(403, "account_locked");
    assert_eq!(Answer::to(lock(&first, "unlock")).await.status, 204);
    // A new password: every login but the one that changed it.
    let (own, elsewhere) = (server.login("victim").await, server.login("victim").await);
    let mut mine = own.enter(scene.room).await.unwrap();
    let mut theirs = elsewhere.enter(scene.room).await.unwrap();
    let body = json!({ "password": "another long password", "current_password": PASSWORD });
    let changed = Answer::to(own.request(Method::PATCH, "/me").json(&body)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(ended(&mut theirs).await.1.code, 4440);
    refused(elsewhere.me().await, 401, Code::Unauthenticated);
    alive(&mut mine).await;
    mine.leave().await.unwrap();
    there.leave().await.unwrap();
    scene.ends_well().await;
}

#[tokio::test]
async fn a32_guessing_is_slowed_down_for_an_account_an_address_and_a_network() {
    let scene = Scene::with(|cfg| {
        cfg.set("limits.enabled", true).set("limits.login_failures", 5);
        cfg.set("limits.signups_per_address", 1_000);
        cfg.set("auth.logins_per_user", 4).set("sessions.policy", "many");
    })
    .await;
    let server = &scene.server;
    let victim = server.user("victim").await;
    // At home, and elsewhere.
    let right = async |from: &str| sign_in(server, "victim", PASSWORD, from).await.status;
    assert_eq!(right("192.0.2.7").await, 200);
    let guess =
        async |name: &str, from: &str| sign_in(server, name, "a wrong guess", from).await.status;
    // One account from many addresses.
    let mut statuses = Vec::new();
    for n in 0..40 {
        statuses.push(guess("victim", &Ipv4Addr::new(10, 1, 0, n).to_string()).await);
    }
    assert_eq!(by_status(statuses), [(401, 5), (429, 35)].into());
    // Its owner gets in where somebody signed in before, and nowhere else for now.
    assert_eq!(right("192.0.2.7").await, 200);
    assert_eq!(right("192.0.2.8").await, 429);
    // By any spelling of its name.
    assert_eq!(guess("VICTIM", "10.1.1.1").await, 429);
    // One address and many accounts; one IPv6 network of which everybody has addresses without end.
    for network in [
        ["10.2.0.1"; 8],
        [
            "2001:db8:1:2::1",
            "2001:db8:1:2::2",
            "2001:db8:1:2:3::4",
            "2001:db8:1:2:ffff::5",
            "2001:db8:1:2:a:b:c:d",
            "2001:db8:1:2::7",
            "2001:db8:1:2::8",
            "2001:db8:1:2::9",
        ],
    ] {
        let mut statuses = Vec::new();
        for (n, from) in network.iter().enumerate() {
            statuses.push(guess(&format!("nobody-{n}-{}", from.len()), from).await);
        }
        assert_eq!(by_status(statuses), [(401, 5), (429, 3)].into(), "{network:?}");
    }
    let refusal = sign_in(server, "nobody", "a wrong guess", "10.2.0.1").await;
    refusal.refuses(429, "rate_limited");
    assert!(refusal.header("retry-after").parse::<u64>().unwrap() > 0);
    // All at once they learn no more than one by one.
    let names: Vec<String> = (0..30).map(|n| format!("crowd-{n}")).collect();
    let at_once = join_all(names.iter().map(|name| guess(name, "10.3.0.1"))).await;
    assert_eq!(by_status(at_once), [(401, 5), (429, 25)].into());
    // Others are not slowed down, and the victim's own login goes on: it is refreshed, enters and talks.
    assert_eq!(guess("somebody-else", "10.4.0.1").await, 401);
    victim.refresh().await.unwrap();
    let mut session = victim.enter(scene.room).await.unwrap();
    alive(&mut session).await;
    session.leave().await.unwrap();
    scene.ends_well().await;
}

#[tokio::test]
async fn a33_an_account_that_is_there_is_told_from_none_neither_by_words_nor_by_work() {
    const TRIES: usize = 8;
    let scene = Scene::set().await;
    let server = &scene.server;
    let guest = server.guest("guest").await;
    let guest_name = guest.me().await.unwrap().username;
    for name in ["there", "locked", "expired"] {
        server.user(name).await;
    }
    for (name, change) in
        [("locked", "locked_at = created_at"), ("expired", "expires_at = created_at")]
    {
        let sql = format!("UPDATE users SET {change} WHERE username_folded = ?1");
        assert_eq!(server.change_rows(&sql, &[&name]), 1);
    }
    let long = "x".repeat(5_000);
    let names = ["nobody", "locked", "expired", "no such name!", "", &long, &guest_name];
    for (path, of_name) in [("/sessions", false), ("/users/password", true)] {
        let try_out = async |name: &str| {
            let body = match of_name {
                false => json!({ "username": name, "password": "not the password" }),
                true => {
                    json!({ "username": name, "current_password": "not the password", "new_password": "a long new password" })
                }
            };
            let before = cpu_ms(server.pid());
            let mut last = None;
            for _ in 0..TRIES {
                let request = server.client().request(Method::POST, path).json(&body);
                last = Some(Answer::to(request).await);
            }
            let answer = last.unwrap();
            let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            headers.sort();
            ((answer.status, answer.body, headers), cpu_ms(server.pid()) - before)
        };
        let (told, work) = try_out("there").await;
        assert_eq!(told.0, 401, "{path}: {told:?}");
        for name in names {
            let (other, other_work) = try_out(name).await;
            assert_eq!(other, told, "{path}, {name:.20}: told apart by words");
            // Work and not time, which others on the machine decide: a hash that is left out is nine parts of it.
            assert!(
                other_work * 3 > work,
                "{path}, {name:.20}: {other_work} ms of work where {work} are due"
            );
            assert!(
                work * 3 > other_work,
                "{path}, {name:.20}: {other_work} ms of work where {work} are due"
            );
        }
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a34_sign_ins_by_the_hundred_take_neither_the_memory_nor_the_chat() {
    const CALLERS: usize = 800;
    let mut scene = Scene::with(|cfg| {
        cfg.set("auth.hashing_max", 2);
    })
    .await;
    let server = &scene.server;
    let before = resident_kib(server.pid());
    let body = json!({ "username": "owner", "password": "not the password" }).to_string();
    let headers = [("Content-Type", "application/json")];
    let asked = last_request("POST /api/v1/sessions", &headers, &body);
    // Each fourth one hangs up as soon as it has asked; the place it waits in is not free for that.
    let crowd = (0..CALLERS).map(async |n| {
        if n % 4 > 0 {
            return Some(answer(server.port(), &asked).await);
        }
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).await.unwrap();
        stream.write_all(asked.as_bytes()).await.unwrap();
        stream.set_zero_linger().unwrap();
        None
    });
    let talking = async {
        for _ in 0..20 {
            alive(&mut scene.session).await;
        }
    };
    let (answers, ()) = within("a crowd", async { tokio::join!(join_all(crowd), talking) }).await;
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    let counts = by_status(answers.iter().map(|reply| reply.status));
    assert_eq!(counts.keys().filter(|it| ![401, 503].contains(*it)).count(), 0, "{counts:?}");
    assert!(counts.get(&401).is_some_and(|judged| *judged > 0), "{counts:?}");
    let away = answers.iter().find(|reply| reply.status == 503);
    let away = away.unwrap_or_else(|| panic!("258 may wait, and {CALLERS} came: {counts:?}"));
    assert!(!away.header("retry-after").is_empty(), "{away:?}");
    let grown = resident_kib(server.pid()).saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more; two hashes at once take 38 MiB");
    scene.ends_well().await;
}

#[tokio::test]
async fn a35_passwords_are_taken_as_they_are_and_neither_they_nor_hashes_weigh_more_than_they_may()
{
    let scene = Scene::set().await;
    let server = &scene.server;
    // Too long: refused before any hash is made of it.
    let (mebibyte, kilobytes) = ("p".repeat(1 << 20), "p".repeat(60_000));
    let before = cpu_ms(server.pid());
    for password in [&kilobytes, &"p".repeat(129)] {
        for (path, body) in [
            ("/users", json!({ "username": "large", "password": password })),
            ("/sessions", json!({ "username": "owner", "password": password })),
            (
                "/users/password",
                json!({ "username": "owner", "current_password": PASSWORD, "new_password": password }),
            ),
        ] {
            let request = server.client().request(Method::POST, path).json(&body);
            Answer::to(request).await.refuses(422, "invalid");
        }
    }
    let body = json!({ "username": "large", "password": mebibyte }).to_string();
    let headers = [("Content-Type", "application/json")];
    let refusal = answer(server.port(), request("POST /api/v1/users", &headers, &body)).await;
    assert_eq!(refusal.status, 413);
    let used = cpu_ms(server.pid()) - before;
    assert!(used < 500, "{used} ms of work for what is refused unread");
    // Any other is taken unchanged.
    let passwords = [
        " leading and trailing ".to_owned(),
        "nul\0inside".into(),
        "🔑🔑🔑🔑🔑🔑🔑🔑".into(),
        "p".repeat(64),
        "비".repeat(128),
        "é nfc, e\u{301} nfd".into(),
    ];
    for (n, password) in passwords.iter().enumerate() {
        let name = format!("owner-{n}");
        let body = json!({ "username": name, "password": password });
        let made = Answer::to(server.client().request(Method::POST, "/users").json(&body)).await;
        assert_eq!(made.status, 201, "{password:?}: {made:?}");
        assert_eq!(sign_in(server, &name, password, "").await.status, 200, "{password:?}");
        let near =
            [password.trim(), &password.replace('\0', ""), &password.replace('é', "e\u{301}")]
                .map(str::to_owned);
        for other in near.iter().filter(|it| *it != password) {
            assert_eq!(sign_in(server, &name, other, "").await.status, 401, "{other:?}");
        }
    }
    // A stored hash that would take the machine is not computed.
    server.expect_error("auth.hash_unusable");
    let memory = resident_kib(server.pid());
    for (n, (from, to)) in
        [("m=19456", "m=4194304"), ("t=2", "t=4294967295"), ("p=1", "p=255")].iter().enumerate()
    {
        let sql = format!(
            "UPDATE users SET password_hash = replace(password_hash, '{from}', '{to}') WHERE username = ?1"
        );
        assert_eq!(server.change_rows(&sql, &[&&*format!("owner-{n}")]), 1);
        let refusal = sign_in(server, &format!("owner-{n}"), &passwords[n], "").await;
        refusal.refuses(401, "bad_credentials");
    }
    assert!(resident_kib(server.pid()) < memory + (64 << 10));
    scene.ends_well().await;
}
