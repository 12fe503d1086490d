//! How near `append` comes to a bare loop of inserts in one transaction. Prints; run it (also with
//! `TMPDIR` on a memory disk, which leaves only what the processor does) with
//! `cargo test -p anteroom --release -- --ignored --nocapture append_beside`.

use std::time::Instant;

use anteroom_core::ids::{RoomId, UserId};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::Fresh;
use crate::storage::contract::{open_room, said, user};
use crate::storage::{MessageStore, NewMessage};

fn batch(room: RoomId, me: UserId, size: usize, tag: usize) -> Vec<NewMessage> {
    (0..size).map(|i| said(room, me, &format!("{tag}-{i}-{}", Uuid::now_v7()))).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn bare(conn: &Connection, seq: &mut i64, batch: &[NewMessage]) {
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut insert = conn
        .prepare_cached(
            "INSERT INTO messages (row_no, room_id, seq, id, sender_id, client_id, kind, content_type,
                                   content, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'text', ?7, ?8, ?9)",
        )
        .unwrap();
    for m in batch {
        *seq += 1;
        let sender = m.sender.map(|user| user.0);
        insert
            .execute(params![
                (m.room.0 << 32) | *seq,
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
    for (size, count) in [(1, 1_000), (64, 300), (512, 100)] {
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
        let (mut our_times, mut plain_times) = (Vec::new(), Vec::new());
        // Turn by turn, and the median of each: both meet the same disk and the same neighbours.
        for turn in 0..count {
            let work = batch(room, me, size, turn);
            let began = Instant::now();
            ours.store.append(work).await.unwrap();
            our_times.push(began.elapsed().as_secs_f64());

            let work = batch(plain_room, me_too, size, turn);
            let began = Instant::now();
            bare(&conn, &mut seq, &work);
            plain_times.push(began.elapsed().as_secs_f64());
        }
        let (ours, plain) = (median(our_times), median(plain_times));
        println!(
            "batch {size:>3}: append {:>8.0} rows/s, bare loop {:>8.0} rows/s, ratio {:.0} %",
            size as f64 / ours,
            size as f64 / plain,
            100.0 * plain / ours
        );
    }
}
