//! More seats than there are: numbers that are none, seats taken away and given back, and seats that somebody
//! hoards.

use anteroom_client::{Account, ConfirmOptions};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::ChangeRoom;
use futures_util::future::join_all;
use reqwest::Method;

use super::{CAPACITY, Scene, by_status};
use crate::harness::check::{Since, Stay, capacity};
use crate::harness::line::{offer, stand};
use crate::harness::{Answer, alive, refused, within};

#[tokio::test]
async fn a36_a_number_of_seats_is_a_number_of_seats() {
    let scene = Scene::set().await;
    let (server, owner, room) = (&scene.server, &scene.owner, scene.room);
    let huge = format!("1{}", "0".repeat(30));
    for written in [
        "0",
        "-1",
        "1.5",
        "\"8\"",
        "2147483648",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        &huge,
        "-0",
        "1e3",
        "10001",
        "true",
        "[8]",
        "{}",
    ] {
        let create = format!(r#"{{"name":"odd","capacity":{written}}}"#);
        let change = format!(r#"{{"capacity":{written}}}"#);
        let staff = format!(r#"{{"name":"odd","capacity":5,"staff_seats":{written}}}"#);
        let odd_staff = if written == "0" || written == "-0" { None } else { Some(staff) };
        let asked = [
            (Method::POST, "/rooms".to_owned(), Some(create)),
            (Method::PATCH, format!("/rooms/{room}"), Some(change)),
            (Method::POST, "/rooms".into(), odd_staff),
        ];
        for (method, path, body) in asked {
            let Some(body) = body else { continue };
            let request = owner.request(method.clone(), &path).body(body.clone());
            let answer = Answer::to(request.header("content-type", "application/json")).await;
            assert_eq!(answer.status, 422, "{method} {body}: {answer:?}");
            answer.refuses(422, "invalid");
        }
    }
    // On the pages the same numbers come as text.
    let mut browser = server.browser_of(owner, "en");
    for written in ["0", "-1", "1.5", "", "٣", "1e3", &huge, " 8\n9"] {
        let fields = [
            ("name", "odd"),
            ("capacity", written),
            ("staff_seats", "0"),
            ("visibility", "public"),
            ("lifetime", "persistent"),
            ("password", ""),
            ("door", "open"),
            ("next", ""),
        ];
        for path in ["/rooms/new".to_owned(), format!("/rooms/{room}/settings")] {
            let page = browser.post(&path, &fields).await;
            assert_eq!(page.status, 422, "{path} with {written:?}: {page:?}");
        }
    }
    assert_eq!(server.seats(room).await.capacity, CAPACITY);
    assert_eq!(server.rows("creation_queue", &[]), 0);
    scene.ends_well().await;
}

async fn set_capacity(owner: &Account, room: i64, seats: u32) {
    let change = ChangeRoom { capacity: Some(seats), ..ChangeRoom::default() };
    assert_eq!(owner.change_room(room, &change).await.unwrap().seats.capacity, seats);
}

#[tokio::test]
async fn a37_seats_taken_away_and_given_back_under_joins_overfill_nothing() {
    const MOST: u32 = 6;
    let scene = Scene::set().await;
    let (server, owner, room) = (&scene.server, &scene.owner, scene.room);
    // Nobody is thrown out, and nobody comes in until there are fewer than may be.
    let mut inside = server.fill(room, 5).await;
    set_capacity(owner, room, 3).await;
    let newcomer = server.guest("newcomer").await;
    while inside.len() > 2 {
        refused(newcomer.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
        alive(inside.last_mut().unwrap()).await;
        inside.pop().unwrap().leave().await.unwrap();
    }
    refused(newcomer.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    inside.pop().unwrap().leave().await.unwrap();
    newcomer.enter(room).await.unwrap().leave().await.unwrap();
    inside.pop().unwrap().leave().await.unwrap();
    // Up and down, while more come and go than there are seats at the best of times.
    let began = Since::now();
    let people = server.guests(16).await;
    let moving = async {
        for n in 0..40 {
            set_capacity(owner, room, if n % 2 == 0 { 1 } else { MOST }).await;
        }
    };
    let visits = join_all(people.iter().enumerate().map(async |(who, guest)| {
        let mut stays = Vec::new();
        for _ in 0..12 {
            let Ok(mut session) = guest.enter(room).await else { continue };
            let from = began.at();
            alive(&mut session).await;
            stays.push(Stay { who, from, until: began.at() });
            session.leave().await.unwrap();
        }
        stays
    }));
    let ((), visits) = within("visits", async { tokio::join!(moving, visits) }).await;
    let visits: Vec<Stay> = visits.into_iter().flatten().collect();
    // The owner sits there all the time.
    capacity(&visits, MOST as usize - 1).unwrap();
    assert!(!visits.is_empty(), "nobody ever came in");
    let metrics = server.metrics().await;
    assert_eq!(metrics.value("anteroom_capacity_violations_total"), 0.0);
    set_capacity(owner, room, CAPACITY).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn a40_seats_cannot_be_hoarded() {
    let scene = Scene::with(|cfg| {
        cfg.set("limits.enabled", true).set("limits.reservations_per_address", 8);
        cfg.set("limits.signups_per_address", 1_000).set("limits.pending_rooms_per_user", 50);
        cfg.set("admission.reservation_ttl", "2s").set("admission.pending_room_ttl", "2s");
        // By the seats alone, as if nobody counted requests (which `rates` is about).
        for limit in ["requests_per_address", "requests_per_account", "attempts_per_room"] {
            cfg.set(&format!("limits.{limit}"), 1_000_000);
        }
    })
    .await;
    let (server, room) = (&scene.server, scene.room);
    let hoarder = server.user("hoarder").await;
    // One user: three open reservations over all rooms, however many rooms and requests there are.
    let mut rooms = vec![room];
    let mut sessions = Vec::new();
    for n in 0..4 {
        let (other, session) = server.room(&server.user(&format!("host-{n}")).await, 3).await;
        rooms.push(other);
        sessions.push(session);
    }
    let mut statuses = Vec::new();
    for n in 0..200 {
        let path = format!("/rooms/{}/reservations", rooms[n % rooms.len()]);
        statuses.push(Answer::to(hoarder.request(Method::POST, &path)).await.status);
    }
    let counts = by_status(statuses);
    assert!(counts[&201] >= 3 && counts[&409] > 0, "{counts:?}");
    let held = join_all(rooms.iter().map(|room| server.seats(*room))).await;
    assert!(held.iter().map(|seats| seats.reserved).sum::<u32>() <= 3, "{held:?}");
    // One address with many users: eight, and then 429 with a time.
    let crowd = server.guests(20).await;
    let (hall, hall_session) = server.room(&server.user("hall").await, 40).await;
    sessions.push(hall_session);
    let asked = join_all(crowd.iter().map(|guest| {
        Answer::to(guest.request(Method::POST, &format!("/rooms/{hall}/reservations")))
    }));
    let refusals: Vec<Answer> = asked.await.into_iter().filter(|it| it.status == 429).collect();
    assert!(!refusals.is_empty(), "20 reservations from one address");
    assert!(!refusals[0].header("retry-after").is_empty());
    server.seats_when(hall, |seats, _| seats.reserved == 0).await;
    // Held and given back three hundred times: the others come in in between.
    let looping = async {
        for _ in 0..300 {
            let path = format!("/rooms/{room}/reservations");
            Answer::to(hoarder.request(Method::POST, &path)).await;
            Answer::to(hoarder.request(Method::DELETE, &format!("{path}/current"))).await;
        }
    };
    let coming = async {
        let friend = server.user("friend").await;
        for _ in 0..5 {
            friend.enter(room).await.unwrap().leave().await.unwrap();
        }
    };
    within("both", async { tokio::join!(looping, coming) }).await;
    // Asked for again just as the time runs out: where somebody waits, the seat is theirs.
    let host = server.user("last-host").await;
    let (small_room, host_session) = server.room(&host, 2).await;
    hoarder.reserve(small_room, &Reserve::default()).await.unwrap();
    let waiting = server.guest("waiting").await;
    let mut stream = stand(&waiting, small_room).await;
    let hoarding = async {
        loop {
            let path = format!("/rooms/{small_room}/reservations");
            Answer::to(hoarder.request(Method::POST, &path)).await;
        }
    };
    let offered = tokio::select! {
        offered = offer(&mut stream) => offered,
        () = hoarding => unreachable!("it asks on"),
    };
    waiting.confirm(&offered, ConfirmOptions::default()).await.unwrap().leave().await.unwrap();
    drop((sessions, host_session, crowd));
    scene.ends_well().await;
}
