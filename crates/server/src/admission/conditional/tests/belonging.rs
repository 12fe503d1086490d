//! The file of the seats and the database of the rooms, restored apart from one another.

use std::path::Path;
use std::sync::Arc;

use anteroom_core::ids::Owner;
use anteroom_core::seat::{RoomSpec, Terms};
use uuid::Uuid;

use super::{Conditional, GENEROUS, Options, ROOM, START, ask, open, spec, user};
use crate::admission::conditional::NotOurs;
use crate::admission::{Admission as _, Journal, Whose};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const fn whose(deployment: u128, incarnation: u64) -> Whose {
    Whose { deployment: Uuid::from_u128(deployment), owner: Owner { node: 0, incarnation } }
}

/// A life of a server: the file is opened, found to be its own, and taken up.
async fn begun(file: &Path, whose: Whose) -> Result<Conditional, NotOurs> {
    let (clock, deadlines) = (Arc::new(Clock::standing_at(START)), Arc::default());
    let deadlines: Arc<Deadlines> = deadlines;
    let seats = open(file, Options::default(), Terms::default(), GENEROUS, &clock, &deadlines);
    let seats = seats.belonging_to(whose).await?;
    let epoch = whose.owner.incarnation;
    seats.add_room(RoomSpec { epoch, ..spec(ROOM, 2) }).await?;
    seats.take_up(whose.owner, &mut Journal::new()).await?;
    Ok(seats)
}

async fn reserved(seats: &Conditional, who: u128) -> u64 {
    let reserved = seats.reserve(ROOM, ask(who), None, &mut Journal::new()).await.unwrap();
    reserved.reservation.generation.epoch
}

#[tokio::test]
async fn the_seats_of_another_database_are_refused_in_words_and_left_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("seats.db");
    reserved(&begun(&file, whose(1, 1)).await.unwrap(), 1).await;
    let refused = begun(&file, whose(2, 5)).await.err().unwrap();
    let said = refused.to_string();
    assert!(matches!(refused, NotOurs::Foreign { .. }) && said.contains("seats.db-wal"), "{said}");
    assert!(said.contains("00000000000000000000000000000002"), "{said}");
    let seats = begun(&file, whose(1, 2)).await.unwrap();
    assert!(seats.standing(ROOM, user(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn seats_of_a_life_that_the_database_forgot_are_refused_however_often_it_starts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("seats.db");
    drop(begun(&file, whose(1, 8)).await.unwrap());
    reserved(&begun(&file, whose(1, 9)).await.unwrap(), 1).await;
    // The number that began last would take the parts of that life for its own.
    for life in [3, 9, 9] {
        let refused = begun(&file, whose(1, life)).await.err().unwrap();
        assert!(matches!(refused, NotOurs::Later { found: 9, .. }), "{refused}");
        assert!(refused.to_string().contains("restored from a backup"), "{refused}");
    }
    begun(&file, whose(1, 10)).await.unwrap();
}

#[tokio::test]
async fn seats_that_missed_a_life_are_forgotten_and_numbers_go_on_above_all_that_were_given() {
    let dir = tempfile::tempdir().unwrap();
    let (file, backup) = (dir.path().join("seats.db"), dir.path().join("backup"));
    reserved(&begun(&file, whose(1, 1)).await.unwrap(), 1).await;
    std::fs::copy(&file, &backup).unwrap();
    for life in 2..4 {
        let seats = begun(&file, whose(1, life)).await.unwrap();
        seats.cancel(ROOM, user(1), &mut Journal::new()).await.unwrap();
        assert_eq!(reserved(&seats, 1).await, life);
    }
    std::fs::copy(&backup, &file).unwrap();
    let seats = begun(&file, whose(1, 4)).await.unwrap();
    assert!(seats.standing(ROOM, user(1)).await.unwrap().is_none(), "it may have been used since");
    assert_eq!(reserved(&seats, 2).await, 4);
    let stands = seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((stands.reserved, stands.occupied, stands.free), (1, 0, 1));
}
