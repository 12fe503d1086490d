//! The server with its facts in PostgreSQL: the same journey, and what happens while the database is away.

use anteroom_client::{Account, ConfirmOptions, Error, HistoryFrom};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;

use crate::harness::{Answer, PASSWORD, Postgres, TestServer, alive, refused, within};

/// A server on a database of its own.
async fn server_on(url: &str) -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("storage.url", url);
    })
    .await
}

async fn said(who: &Account, room: i64) -> Vec<String> {
    let page = who.history(room, HistoryFrom::After(0), Some(200)).await.unwrap();
    page.items.into_iter().map(|message| message.content).collect()
}

async fn found(who: &Account, room: i64, query: &str) -> Vec<String> {
    let page = who.search(room, query, None).await.unwrap();
    page.items.into_iter().map(|found| found.message.content).collect()
}

#[tokio::test]
async fn a_whole_journey_and_everything_is_there_after_a_restart() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let mut server = server_on(&url).await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 5).await;
    let guest = server.user("guest").await;
    let mut listener = guest.enter(room).await.unwrap();
    let first = within("an ack", speaker.send("내일 회의에서 봐요")).await.unwrap();
    within("an ack", listener.send("see you there")).await.unwrap();
    within("a change", speaker.edit(first.id, "모레 회의에서 봐요")).await.unwrap();
    assert_eq!(said(&owner, room).await, ["모레 회의에서 봐요", "see you there"]);
    assert_eq!(found(&owner, room, "회의").await, ["모레 회의에서 봐요"]);
    assert_eq!(found(&owner, room, "내일").await, [""; 0]);
    let stays = "SELECT count(*) FROM memberships WHERE left_at IS NULL";
    assert_eq!(postgres.say(&url, stays), "2");
    listener.leave().await.unwrap();
    server.stop().await;

    server.restart().await;
    assert_eq!(postgres.say(&url, stays), "0", "a start ends what the life before left open");
    server.kill9().await;
    server.restart().await;
    let owner = server.client().with_token(owner.token());
    assert_eq!(owner.me().await.unwrap().username, "owner", "a token is good over a restart");
    assert_eq!(said(&owner, room).await, ["모레 회의에서 봐요", "see you there"]);
    assert_eq!(found(&owner, room, "SEE there").await, ["see you there"]);
    let mut again = owner.enter(room).await.unwrap();
    assert_eq!(within("an ack", again.send("back")).await.unwrap().seq, 4, "numbers go on");
    assert_eq!(
        postgres.say(&url, "SELECT epoch FROM meta"),
        "3",
        "each start is a life of its own"
    );
    drop(server);
    postgres.drop_database(&url);
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_acknowledged_and_open_chats_stay() {
    let postgres = Postgres::start();
    let server = server_on(&postgres.database()).await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 5).await;
    within("an ack", speaker.send_as("1", "one")).await.unwrap();
    let late = server.user("late").await;
    postgres.stop();

    let ready = format!("{}/readyz", server.base());
    let look = async || Answer::to(crate::harness::http_client().get(&ready)).await.status;
    assert_eq!(look().await, 503);
    let metrics = server.metrics().await;
    let ready =
        |part, kind| metrics.value(&format!("anteroom_ready{{part=\"{part}\",kind=\"{kind}\"}}"));
    assert_eq!([ready("facts", "postgresql"), ready("seats", "semaphore")], [0.0, 1.0]);
    for n in 2..5 {
        let send = speaker.send_as(n.to_string(), "lost");
        let Err(Error::FrameRefused(error)) = within("an answer", send).await else {
            panic!("it was acknowledged")
        };
        assert_eq!(error.code, Code::Unavailable);
    }
    refused(server.client().login("owner", PASSWORD).await, 503, Code::Unavailable);
    // A login that cannot be looked up is none.
    refused(late.reserve(room, &Reserve::default()).await, 401, Code::Unauthenticated);

    postgres.start_again();
    let mut again = tokio::time::interval(std::time::Duration::from_millis(50));
    within("the database", async {
        while look().await != 200 {
            again.tick().await;
        }
    })
    .await;
    for n in 1..5 {
        let ack = within("an ack", speaker.send_as(n.to_string(), "said again")).await.unwrap();
        assert_eq!(ack.seq, n, "what was not acknowledged took no number");
    }
    alive(&mut speaker).await;
    let mut other = late.enter(room).await.unwrap();
    alive(&mut other).await;
    assert_eq!(said(&owner, room).await[..4], ["one", "said again", "said again", "said again"]);
}

#[tokio::test]
async fn a_ticket_whose_entry_cannot_be_written_gives_its_seat_back() {
    let postgres = Postgres::start();
    let server = server_on(&postgres.database()).await;
    let owner = server.user("owner").await;
    let (room, _speaker) = server.room(&owner, 2).await;
    let late = server.user("late").await;
    let reservation = late.reserve(room, &Reserve::default()).await.unwrap();
    postgres.stop();
    let entered = late.confirm(&reservation, ConfirmOptions::default()).await;
    assert!(entered.is_err(), "nobody enters unwritten");
    postgres.start_again();
    let mut again = tokio::time::interval(std::time::Duration::from_millis(50));
    let mut inside = within("the way in", async {
        loop {
            again.tick().await;
            if let Ok(session) = late.enter(room).await {
                return session;
            }
        }
    })
    .await;
    alive(&mut inside).await;
    assert_eq!(server.seats(room).await.occupied, 2);
}

#[tokio::test]
async fn seats_beside_the_facts_outlive_the_process() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let mut server = TestServer::start(|cfg| {
        cfg.set("storage.url", &url).set("admission.strategy", "conditional");
        cfg.set("admission.grace", "60s");
    })
    .await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 2).await;
    alive(&mut speaker).await;
    let late = server.user("late").await;
    let reservation = late.reserve(room, &Reserve::default()).await.unwrap();
    let third = server.user("third").await;
    refused(third.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    server.kill9().await;
    assert_eq!(postgres.say(&url, "SELECT count(*) FROM seat_slots"), "2");
    assert!(!server.data_dir().join("seats.db").exists(), "they are in no file");

    server.restart().await;
    let seats = server.seats(room).await;
    assert_eq!((seats.held, seats.reserved, seats.free), (1, 1, 0));
    let again = server.client().with_token(late.token());
    let same = again.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!(same.expires_at, reservation.expires_at, "the same seat");
    let mut inside = again.confirm(&same, ConfirmOptions::default()).await.unwrap();
    alive(&mut inside).await;
    let third = server.client().with_token(third.token());
    refused(third.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    drop(server);
    postgres.drop_database(&url);
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_refused_at_the_start_in_words() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let server = server_on(&url).await;
    let start = async |url: String| {
        TestServer::refused_to_start(|cfg| {
            cfg.set("storage.url", url);
        })
        .await
    };
    assert!(start(url.clone()).await.contains("another server is using this database"));
    drop(server);
    assert!(start(format!("{url}?sslmode=require")).await.contains("encrypted"));
    let nobody = start("postgres://me:hush@127.0.0.1:1/chat".to_owned()).await;
    assert!(nobody.contains("cannot reach the database") && !nobody.contains("hush"), "{nobody}");
    let other = start("mysql://127.0.0.1/chat".to_owned()).await;
    assert!(other.contains("sqlite:") && other.contains("postgres://"), "{other}");
    postgres.say(&url, "INSERT INTO anteroom_schema (number) VALUES (999)");
    assert!(start(url.clone()).await.contains("newer release"));
    postgres.drop_database(&url);
}
