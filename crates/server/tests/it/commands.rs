//! Commands to a running server, over the socket in its data directory.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use anteroom_protocol::account::Role;
use anteroom_protocol::audit::Act;
use anteroom_protocol::{CloseCode, Code};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Known as _, TestServer, command_on, ended, refused};

#[tokio::test]
async fn a_data_directory_that_is_made_is_nobody_s_but_its_owner_s() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("some/where");
    let added = command_on(&data, "a long and good one\n", &["user", "add", "ann"]).await;
    assert!(added.is_success, "{}", added.stderr);
    for dir in [&*data, data.parent().unwrap()] {
        assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{dir:?}");
    }
}

#[tokio::test]
async fn a_running_server_obeys_and_tells_whom_it_concerns_at_once() {
    let server = TestServer::plain().await;
    let added = server.command_told("a long and good one\n", &["user", "add", "ann"]).await;
    assert!(added.is_success && added.stdout.starts_with("ann was added"), "{}", added.stderr);
    let ann = server.client().login("ann", "a long and good one").await.unwrap();
    let again = server.command_told("a long and good one\n", &["user", "add", "ANN"]).await;
    assert!(!again.is_success && again.stderr.contains("taken"), "{}", again.stderr);

    let made = server.command(&["user", "role", "ann", "user", "admin"]).await;
    assert!(made.is_success, "{}", made.stderr);
    assert_eq!(ann.me().await.unwrap().roles, [Role::User, Role::Admin], "at once");
    let bob = server.user("bob").await;
    let (room, mut inside) = server.room(&bob, 3).await;
    assert!(server.command(&["user", "lock", "bob"]).await.is_success);
    assert_eq!(ended(&mut inside).await.1.code, CloseCode::LoggedOut.status());
    refused(bob.me().await, 401, Code::Unauthenticated);
    let nobody = server.command(&["user", "lock", "nobody"]).await;
    assert!(
        !nobody.is_success && nobody.stderr.contains("there is no nobody"),
        "{}",
        nobody.stderr
    );
    assert!(server.command(&["user", "unlock", "bob"]).await.is_success);
    assert!(server.command(&["user", "logout", "ann"]).await.is_success);
    refused(ann.me().await, 401, Code::Unauthenticated);

    // Whoever did it is in the trail as the command line, each once.
    let chief = server.administrator().await;
    let path = "/admin/audit?actor=command%20line&limit=50";
    let lines = Answer::to(chief.request(Method::GET, path)).await.json();
    let acts = lines["items"].as_array().unwrap().iter();
    let acts: Vec<_> = acts.map(|it| it["act"].as_str().unwrap().to_owned()).collect();
    let expected = [Act::Logout, Act::Unlock, Act::Lock, Act::Roles, Act::AddUser, Act::AddUser];
    assert_eq!(acts, expected.map(|act| act.as_str().to_owned()));
    assert_eq!(server.seats(room).await.occupied, 0);
}

#[tokio::test]
async fn the_command_may_take_the_last_administrator_away_and_says_what_is_left() {
    let mut server = TestServer::plain().await;
    for name in ["ann", "ben", "cyd"] {
        server.user(name).await;
    }
    let none = "no administrator is left; `anteroom user role NAME user admin` makes one\n";
    for runs in [true, false] {
        if !runs {
            server.ask_to_stop();
            assert!(server.exited().await.success());
        }
        let said = async |arguments: &[&str]| {
            let said = server.command(arguments).await;
            assert!(said.is_success, "{arguments:?}: {}", said.stderr);
            said.stdout
        };
        for name in ["ann", "ben"] {
            let made = said(&["user", "role", name, "user", "admin"]).await;
            assert_eq!(made.lines().count(), 1, "nobody was kept from it: {made}");
        }
        let locked = said(&["user", "lock", "cyd"]).await;
        assert_eq!(locked.lines().count(), 1, "no administrator: {locked}");
        let locked = said(&["user", "lock", "ann"]).await;
        assert!(locked.ends_with("\n1 administrator is left\n"), "{locked}");
        let demoted = said(&["user", "role", "ben", "user"]).await;
        assert!(demoted.starts_with("ben is now user\n") && demoted.ends_with(none), "{demoted}");
        said(&["user", "unlock", "ann"]).await;
    }
    let deleted = server.command(&["user", "delete", "ann"]).await.stdout;
    assert!(deleted.starts_with("ann is deleted") && deleted.ends_with(none), "{deleted}");
    server.restart().await;
    refused(
        server.client().login("ann", crate::harness::PASSWORD).await,
        401,
        Code::BadCredentials,
    );
}

#[tokio::test]
async fn rooms_are_listed_closed_and_cleared_of_somebody() {
    let server = TestServer::plain().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let (room, mut host) = server.room(&ann, 3).await;
    let mut inside = bob.enter(room).await.unwrap();
    let listed = server.command(&["room", "list"]).await.stdout;
    let fields: Vec<_> = listed.trim().split('\t').collect();
    assert_eq!(fields[..4], [&*room.to_string(), "2", "3", "0"], "{listed}");

    let number = room.to_string();
    let kicked = server.command(&["room", "kick", &number, "bob", "--ban"]).await;
    assert!(kicked.is_success, "{}", kicked.stderr);
    assert_eq!(ended(&mut inside).await.1.code, CloseCode::Removed.status());
    refused(bob.enter(room).await, 403, Code::Banned);
    assert!(server.command(&["room", "close", &number]).await.is_success);
    assert_eq!(ended(&mut host).await.1.code, CloseCode::RoomClosed.status());
    let gone = server.command(&["room", "close", "999999"]).await;
    assert!(!gone.is_success && gone.stderr.contains("room"), "{}", gone.stderr);
}

#[tokio::test]
async fn a_token_is_judged_as_the_server_judges_it() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let good = server.command_told(&ann.token(), &["token", "check"]).await;
    let told: Value = serde_json::from_str(&good.stdout).expect(&good.stderr);
    assert_eq!(told["user_id"], json!(ann.id()));
    assert!(!good.stdout.contains(&*ann.token()), "the secret is not repeated");
    ann.logout().await.unwrap();
    let dead = server.command_told(&ann.token(), &["token", "check"]).await;
    assert!(!dead.is_success && dead.stdout.is_empty(), "{}", dead.stdout);
}

#[tokio::test]
async fn only_the_servers_own_user_reaches_the_socket_and_nothing_of_it_is_on_the_network() {
    let mut server = TestServer::plain().await;
    let socket = server.data_dir().join("anteroom.sock");
    let kind = std::fs::metadata(&socket).unwrap();
    assert!(kind.file_type().is_socket());
    assert_eq!(kind.permissions().mode() & 0o777, 0o600);
    for path in ["/control/reload", "/control/token", "/control/users", "/control/administrators"] {
        let url = format!("{}{path}", server.base());
        let asked = crate::harness::http_client().post(url).json(&json!({ "token": "x" }));
        assert_eq!(Answer::to(asked).await.status, 404, "{path}");
    }
    assert!(server.command(&["healthcheck"]).await.is_success);

    // A life that was killed leaves its socket behind, and the next one takes its place.
    server.kill9().await;
    assert!(socket.exists());
    let alone = server.command(&["room", "list"]).await;
    assert!(!alone.is_success && alone.stderr.contains("needs one"), "{}", alone.stderr);
    server.restart().await;
    assert!(server.command(&["room", "list"]).await.is_success);
    server.stop().await;
    assert!(!socket.exists(), "a clean stop takes it away");
}
