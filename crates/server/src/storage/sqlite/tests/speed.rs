//! How near `append` comes to a bare loop of inserts in one transaction. Prints; run it with
//! `cargo test -p anteroom --release -- --ignored --nocapture append_beside`.

use std::time::Instant;

use anteroom_core::ids::{RoomId, UserId};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::Fresh;
use crate::storage::contract::{open_room, said, user};
use crate::storage::{MessageStore, NewMessage};

fn batches(room: RoomId, me: UserId, size: usize, count: usize, tag: &str) -> Vec<Vec<NewMessage>> {
    (0..count)
        .map(|b| (0..size).map(|i| said(room, me, &format!("{tag}-{b}-{i}"))).collect())
        .collect()
}

fn bare(conn: &Connection, seq: &mut i64, batch: &[NewMessage]) {
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut insert = conn
        .prepare_cached(
            "INSERT INTO messages (room_id, seq, id, sender_id, client_id, kind, content_type,
                                   content, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'text', ?6, ?7, ?8)",
        )
        .unwrap();
    for m in batch {
        *seq += 1;
        let sender = m.sender.map(|user| user.0);
        insert
            .execute(params![
                m.room.0,
                *seq,
                m.id.0,
                sender,
                m.client_id,
                m.content_type,
                m.content,
                m.created_at
            ])
            .unwrap();
    }
    conn.execute_batch("COMMIT").unwrap();
}

#[tokio::test]
#[ignore = "prints figures; wants a quiet machine"]
async fn append_beside_a_bare_loop_of_inserts() {
    for (size, count) in [(1, 800), (64, 200), (512, 60)] {
        let (ours, plain) = (Fresh::new(), Fresh::new());
        let (me, me_too) = (user(ours.store(), "me").await, user(plain.store(), "me").await);
        let room = open_room(ours.store(), me).await;
        let plain_room = open_room(plain.store(), me_too).await;
        let conn = plain.aside();
        conn.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768;
             PRAGMA wal_autocheckpoint = 2000; PRAGMA temp_store = MEMORY;",
        )
        .unwrap();
        let mut seq = 0;
        let (mut our_time, mut plain_time) = (0.0, 0.0);
        // Interleaved, so that both meet the same disk.
        for round in 0..4 {
            let tag = format!("{round}-{}", Uuid::now_v7());
            let work = batches(room, me, size, count / 4, &tag);
            let began = Instant::now();
            for batch in work {
                ours.store.append(batch).await.unwrap();
            }
            our_time += began.elapsed().as_secs_f64();

            let work = batches(plain_room, me_too, size, count / 4, &tag);
            let began = Instant::now();
            for batch in &work {
                bare(&conn, &mut seq, batch);
            }
            plain_time += began.elapsed().as_secs_f64();
        }
        let rows = (size * count) as f64;
        println!(
            "batch {size:>3}: append {:>8.0} rows/s, bare loop {:>8.0} rows/s, ratio {:.0} %",
            rows / our_time,
            rows / plain_time,
            100.0 * plain_time / our_time
        );
    }
}
