//! A backup taken while people talk, and what holds after it was put back.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anteroom_client::HistoryFrom;
use anteroom_protocol::Code;

use crate::harness::{PASSWORD, Postgres, Redis, TestServer, refused};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn what_was_acknowledged_before_a_backup_is_there_after_it_is_put_back_and_no_login_is() {
    let mut server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let (room, mut session) = server.room(&ann, 3).await;
    for n in 0..20 {
        session.send(format!("before {n}")).await.unwrap();
    }
    let shelf = tempfile::tempdir().unwrap();
    let shelf = shelf.path().join("backup");
    let to = shelf.to_str().unwrap().to_owned();
    // Somebody talks all the while, and is not kept waiting.
    let talk = async {
        let mut said = 0;
        loop {
            session.send(format!("meanwhile {said}")).await.unwrap();
            said += 1;
        }
    };
    let arguments = ["backup", &*to];
    let done = tokio::select! {
        done = server.command(&arguments) => done,
        () = talk => unreachable!("it never ends"),
    };
    assert!(done.is_success, "{}", done.stderr);
    assert_eq!(
        [mode(&shelf), mode(&shelf.join("anteroom.db")), mode(&shelf.join("secret"))],
        [0o700, 0o600, 0o600]
    );
    session.send("afterwards").await.unwrap();
    let again = server.command(&["backup", &to]).await;
    assert!(!again.is_success, "nothing is overwritten");
    let running = server.command(&["restore", &to]).await;
    assert!(!running.is_success && running.stderr.contains("using"), "{}", running.stderr);
    // Ended after the backup: it must not come back with it.
    let token = ann.token();
    let late = server.user("late").await;
    server.kill9().await;

    let restored = server.command(&["restore", &to]).await;
    assert!(restored.is_success, "{}", restored.stderr);
    assert!(restored.stdout.contains("before-restore-1"), "{}", restored.stdout);
    server.restart().await;
    refused(server.client().with_token(token).me().await, 401, Code::Unauthenticated);
    refused(server.client().with_token(late.token()).me().await, 401, Code::Unauthenticated);
    let ann = server.client().login("ann", PASSWORD).await.unwrap();
    let page = ann.history(room, HistoryFrom::After(0), Some(200)).await.unwrap();
    let said: Vec<_> = page.items.iter().map(|it| it.content.as_str()).collect();
    assert!(said.starts_with(&["before 0", "before 1"]) && said.len() >= 20, "{said:?}");
    assert!(!said.contains(&"afterwards"));
    let told = server.client().login("late", PASSWORD).await.unwrap_err();
    assert_eq!(told.code(), Some(Code::BadCredentials), "of an account made since");
    let mut session = ann.enter(room).await.unwrap();
    let ack = session.send("and on").await.unwrap();
    assert_eq!(ack.seq, page.items.last().unwrap().seq + 1, "numbers go on from there");
}

/// What PostgreSQL brings to copy its databases with, of the same version.
fn tool(postgres: &Postgres, name: &str) -> Command {
    let psql = postgres.psql("postgres");
    Command::new(Path::new(psql.get_program()).with_file_name(name))
}

fn dump(postgres: &Postgres, url: &str) -> Vec<u8> {
    let dump = tool(postgres, "pg_dump").args(["--format=custom", url]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    dump.stdout
}

fn put_back(postgres: &Postgres, url: &str, dump: &[u8]) {
    postgres.drop_database(url);
    let name = url.rsplit('/').next().unwrap();
    let made = postgres.psql("postgres").args(["-c", &format!("CREATE DATABASE {name}")]).status();
    assert!(made.unwrap().success());
    let mut restore = tool(postgres, "pg_restore");
    restore.args(["--exit-on-error", "--dbname", url]).stdin(Stdio::piped());
    let mut restore = restore.spawn().unwrap();
    restore.stdin.take().unwrap().write_all(dump).unwrap();
    assert!(restore.wait().unwrap().success());
}

#[tokio::test]
async fn a_postgresql_that_was_put_back_by_its_own_tools_opens_to_no_login_of_then() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let mut server = TestServer::start(|cfg| {
        cfg.set("storage.url", &url).set("admission.strategy", "conditional");
    })
    .await;
    let ann = server.user("ann").await;
    let (room, mut session) = server.room(&ann, 3).await;
    session.send("before").await.unwrap();
    let copy = dump(postgres, &url);
    session.send("after").await.unwrap();
    ann.logout().await.unwrap();
    server.kill9().await;

    put_back(postgres, &url, &copy);
    let told = server.command(&["restore"]).await;
    assert!(told.is_success && told.stdout.contains("1 logins ended"), "{told:?}");
    server.restart().await;
    refused(server.client().with_token(ann.token()).me().await, 401, Code::Unauthenticated);
    let ann = server.client().login("ann", PASSWORD).await.unwrap();
    let page = ann.history(room, HistoryFrom::After(0), Some(200)).await.unwrap();
    let said: Vec<_> = page.items.iter().map(|it| it.content.as_str()).collect();
    assert_eq!(said, ["before"]);
    // Of the seat that the copy has nothing is left in anybody's way.
    let mut session = ann.enter(room).await.unwrap();
    assert_eq!(session.send("and on").await.unwrap().seq, 2);
}

#[tokio::test]
async fn nothing_of_a_database_that_was_taken_away_comes_into_the_one_that_is_put_back() {
    let mut server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let (room, mut session) = server.room(&ann, 2).await;
    let shelf = tempfile::tempdir().unwrap();
    let shelf = shelf.path().join("backup");
    let shelf = shelf.to_str().unwrap();
    assert!(server.command(&["backup", shelf]).await.is_success);
    for n in 0..20 {
        session.send(format!("afterwards {n}")).await.unwrap();
    }
    server.kill9().await;
    let database = server.data_dir().join("anteroom.db");
    assert!(server.data_dir().join("anteroom.db-wal").metadata().unwrap().len() > 0);
    std::fs::remove_file(&database).unwrap();
    let told = server.command(&["restore", shelf]).await;
    assert!(told.is_success, "{told:?}");
    server.restart().await;
    let ann = server.client().login("ann", PASSWORD).await.unwrap();
    let page = ann.history(room, HistoryFrom::After(0), Some(200)).await.unwrap();
    assert!(page.items.is_empty(), "{} messages", page.items.len());
    let mut session = ann.enter(room).await.unwrap();
    assert_eq!(session.send("the first").await.unwrap().seq, 1);
}

#[tokio::test]
async fn a_restore_happens_as_a_whole_and_leaves_no_seat_of_then_in_redis() {
    let redis = Redis::start();
    let mut server = TestServer::start(|cfg| {
        redis.give_to(cfg);
    })
    .await;
    let ann = server.user("ann").await;
    let shelf = tempfile::tempdir().unwrap();
    let shelf = shelf.path().join("backup");
    let shelf = shelf.to_str().unwrap();
    assert!(server.command(&["backup", shelf]).await.is_success);
    let (room, session) = server.room(&ann, 2).await;
    server.kill9().await;
    drop(session);

    // The seats cannot be forgotten now: nothing has happened then.
    redis.sleeps();
    let refused = server.command(&["restore", shelf]).await;
    assert!(!refused.is_success && refused.stderr.contains("Redis"), "{refused:?}");
    redis.wakes();
    server.restart().await;
    server.client().with_token(ann.token()).enter(room).await.unwrap().leave().await.unwrap();
    server.kill9().await;

    let told = server.command(&["restore", shelf]).await;
    assert!(told.is_success, "{told:?}");
    assert_eq!(redis.say("DBSIZE"), ":0");
    server.restart().await;
    let ann = server.client().login("ann", PASSWORD).await.unwrap();
    let (again, mut session) = server.room(&ann, 1).await;
    assert_eq!(
        again, room,
        "the number is given once more, to a room that knows nothing of the other"
    );
    assert_eq!(session.send("the first").await.unwrap().seq, 1);
}

#[tokio::test]
async fn a_damaged_or_foreign_backup_changes_nothing() {
    let mut server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let shelf = tempfile::tempdir().unwrap();
    let good = shelf.path().join("good");
    assert!(server.command(&["backup", good.to_str().unwrap()]).await.is_success);
    server.kill9().await;
    let database = server.data_dir().join("anteroom.db");
    let before = std::fs::read(&database).unwrap();
    let bytes = std::fs::read(good.join("anteroom.db")).unwrap();
    let torn = bytes[..bytes.len() / 2].to_vec();
    for (name, bytes) in
        [("torn", torn), ("foreign", b"no database at all, but long enough".to_vec())]
    {
        let bad = shelf.path().join(name);
        std::fs::create_dir(&bad).unwrap();
        std::fs::write(bad.join("anteroom.db"), bytes).unwrap();
        let refused = server.command(&["restore", bad.to_str().unwrap()]).await;
        assert!(!refused.is_success, "{name}: {}", refused.stdout);
        assert!(std::fs::read(&database).unwrap() == before, "{name}");
    }
    server.restart().await;
    server.client().with_token(ann.token()).me().await.unwrap();
}
