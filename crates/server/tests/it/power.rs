//! Disks that fail and power that goes: what was acknowledged is there, and what is there is whole.

mod trace;

use anteroom_protocol::frame::{ClientFrame, Send, ServerFrame};
use serde_json::json;

use crate::harness::{Strace, TestServer, alive, within};
use trace::{Disk, Event};

/// Messages said while the server is watched.
const MESSAGES: usize = 60;
/// Instants at which the power goes.
const CUTS: usize = 80;

#[tokio::test]
async fn f39_a_sync_that_fails_stops_the_server_before_it_acknowledges() {
    const NAME: &str = "f39_a_sync_that_fails_stops_the_server_before_it_acknowledges";
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 2).await;
    let kept = session.send("kept").await.unwrap();
    for expected in ["storage.fatal", "storage.group_lost", "storage.rollback"] {
        server.expect_error(expected);
    }
    let inject = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"];
    let Some(_strace) = Strace::attach(&server, NAME, &inject) else { return };
    let lost = within("an answer, or the end", session.send_as("lost", "lost")).await;
    assert!(lost.is_err(), "acknowledged what may not be on disk: {lost:?}");
    let status = server.exited().await;
    assert!(!status.success(), "{status}");
    server.event("storage.fatal", json!({})).await;
    server.restart().await;
    let owner = server.client().with_token(owner.token());
    let stored = server.rows("messages WHERE room_id = ?1 AND seq = ?2", &[&room, &kept.seq]);
    assert_eq!(stored, 1, "what was acknowledged before");
    alive(&mut owner.enter(room).await.unwrap()).await;
}

#[tokio::test]
async fn f40_a_power_cut_at_any_instant_loses_nothing_that_was_acknowledged() {
    const NAME: &str = "f40_a_power_cut_at_any_instant_loses_nothing_that_was_acknowledged";
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (_, mut session) = server.room(&owner, 2).await;
    session.send("before").await.unwrap();
    let written = tempfile::tempdir().unwrap();
    let log = written.path().join("trace");
    let calls = "trace=write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,ftruncate,unlink";
    let log = log.to_str().unwrap();
    let options = ["-xx", "-y", "-s", "100000", "-e", calls, "-o", log];
    let Some(strace) = Strace::attach(&server, NAME, &options) else { return };
    let before = server.copied_data();
    for n in 0..MESSAGES {
        let (client_id, content) = (format!("said-{n}-"), "x".repeat(40 * (n % 7)) + "x");
        let send = Send { client_id, content, content_type: None, reply_to: None };
        session.send_frame(&ClientFrame::Send(send)).await.unwrap();
        // Some are acknowledged alone, some share a sync.
        if n % 4 == 0 {
            let is_it = |frame: &ServerFrame| {
                let ServerFrame::Ack(ack) = frame else { return None };
                (ack.client_id == format!("said-{n}-")).then_some(())
            };
            within("an ack", session.wait_for(is_it)).await.unwrap();
        }
    }
    // The end folds the log into the database: power can go there, too.
    server.stop().await;
    strace.finish();
    let events = trace::read(&std::fs::read_to_string(log).unwrap(), "said-");
    let acked = events.iter().filter(|event| matches!(event, Event::Told(_))).count();
    assert!(acked >= MESSAGES, "{acked} acknowledgements in {} events", events.len());
    for cut in 1..=CUTS {
        let at = events.len() * cut / CUTS;
        let disk = Disk::after(before.path(), &events[..at], cut as u64);
        let after = tempfile::tempdir().unwrap();
        disk.put(after.path());
        let database = rusqlite::Connection::open(after.path().join("anteroom.db")).unwrap();
        let whole: String =
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok", "cut {cut}");
        let rows = |sql: &str| -> i64 { database.query_row(sql, [], |row| row.get(0)).unwrap() };
        for id in disk.told() {
            let found = rows(&format!("SELECT count(*) FROM messages WHERE client_id = '{id}'"));
            assert_eq!(found, 1, "cut {cut} at event {at}: {id} was acknowledged");
        }
        let gaps = rows("SELECT count(*) - max(seq) FROM messages");
        assert_eq!(gaps, 0, "cut {cut}: numbers without a gap");
        let unentered =
            "SELECT count(*) FROM rooms WHERE id NOT IN (SELECT room_id FROM memberships)";
        assert_eq!(rows(unentered), 0, "cut {cut}");
    }
    let syncs = events.iter().filter(|event| matches!(event, Event::Sync(_))).count();
    assert!(syncs >= MESSAGES / 4, "{syncs} syncs were seen");
}
