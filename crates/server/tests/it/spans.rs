//! What a collector of traces is told of one node: both steps of an entry in one trace, what a caller's
//! trace has to do with it, what is never told, and what a collector that is away costs.

use std::time::Instant;

use anteroom_client::ConfirmOptions;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{ClientFrame, Send};
use anteroom_protocol::room::{CreateRoom, Lifetime, Visibility};
use axum::http::StatusCode;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;

use crate::harness::{
    Answer, Collector, Known as _, Metrics, Seen, TestServer, alive, next_message, within,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

async fn traced(collector: &Collector) -> TestServer {
    TestServer::start(|cfg| collector.is_known_to(cfg)).await
}

fn named<'a>(all: &'a [Seen], name: &str) -> Vec<&'a Seen> {
    all.iter().filter(|it| it.is(name)).collect()
}

/// The spans of the trace in which this user's reservation stands, once that has been left.
async fn whole_story(collector: &Collector, generation: &str, room: i64) -> Vec<Seen> {
    let is_its = |it: &Seen| {
        it.says("anteroom.seat.generation") == generation
            && it.says("anteroom.room_id") == room.to_string()
    };
    let is_over = |all: &[Seen]| all.iter().any(|it| it.is("anteroom.session.close") && is_its(it));
    let seen = collector.when("the end of a session", is_over).await;
    let trace = seen.iter().find(|it| is_its(it)).expect("one of it").trace();
    seen.into_iter().filter(|it| it.trace() == trace).collect()
}

#[tokio::test]
async fn both_steps_of_an_entry_and_its_end_are_one_trace() {
    let collector = Collector::start().await;
    let server = traced(&collector).await;
    let (room, _inside) = server.room(&server.user("owner").await, 3).await;
    let user = server.user("user").await;
    let reserved = user.reserve(room, &Reserve::default()).await.unwrap();
    let session = user.confirm(&reserved, ConfirmOptions::default()).await.unwrap();
    session.leave().await.unwrap();
    let story = whole_story(&collector, &reserved.seat.generation, room).await;

    let [first] = named(&story, "POST /api/v1/rooms/{room}/reservations")[..] else {
        panic!("{story:#?}")
    };
    assert_eq!(first.parent(), "", "the trace begins with it");
    assert_eq!(first.says("http.request.method"), "POST");
    assert_eq!(first.says("http.route"), "/api/v1/rooms/{room}/reservations");
    assert_eq!(first.says("http.response.status_code"), "201");
    assert_eq!(first.says("url.path"), format!("/api/v1/rooms/{room}/reservations"));
    assert_eq!(first.says("anteroom.outcome"), "reserved");
    for (name, outcome) in [
        ("anteroom.entry.reserve", ""),
        ("anteroom.seat.reserve", ""),
        ("GET /ws", ""),
        ("anteroom.entry.confirm", "first"),
        ("anteroom.session.close", "left"),
    ] {
        let [span] = named(&story, name)[..] else { panic!("{name}: {story:#?}") };
        assert_eq!(span.parent(), first.id(), "{name}");
        assert_eq!(span.says("anteroom.outcome"), outcome, "{name}");
    }
    let confirm = named(&story, "anteroom.entry.confirm")[0];
    for name in [
        "anteroom.seat.connecting",
        "anteroom.seat.confirm",
        "anteroom.entry.persist",
        "anteroom.seat.settle",
        "anteroom.entry.welcome",
    ] {
        let [span] = named(&story, name)[..] else { panic!("{name}: {story:#?}") };
        assert_eq!(span.parent(), confirm.id(), "{name}");
    }
    let mut ids: Vec<String> = story.iter().map(Seen::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), story.len(), "each span is told once");
    // The lines of the log name it too.
    for (event, whose) in [("entry.reserved", 1), ("entry.confirmed", 1), ("session.closed", 1)] {
        let lines = server.logged(event, json!({ "user": user.id(), "trace_id": first.trace() }));
        assert_eq!(lines.len(), whose, "{event}");
    }
}

#[tokio::test]
async fn a_callers_trace_goes_on_and_is_linked_with_the_entrys_both_ways() {
    let collector = Collector::start().await;
    let server = traced(&collector).await;
    let (room, _inside) = server.room(&server.user("owner").await, 3).await;
    let user = server.user("user").await;
    let path = format!("/rooms/{room}/reservations");
    let asked = user.request(Method::POST, &path).json(&json!({}));
    let asked = asked.header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
    let generation = Answer::to(asked).await.json()["seat"]["generation"].clone();
    let generation = generation.as_str().unwrap().to_owned();
    user.enter(room).await.unwrap().leave().await.unwrap();
    let story = whole_story(&collector, &generation, room).await;

    let seen = collector.seen();
    let request = seen.iter().find(|it| it.trace() == TRACE && it.parent() == SPAN);
    let request = request.expect("the request is a part of the caller's trace");
    assert_eq!(request.says("http.route"), "/api/v1/rooms/{room}/reservations");
    let reserve = *named(&story, "anteroom.entry.reserve").first().expect("the entry has a trace");
    assert_ne!(reserve.trace(), TRACE);
    assert_eq!(reserve.links(), [(TRACE.to_owned(), request.id())]);
    assert_eq!(request.links(), [(reserve.trace(), reserve.id())]);
    let [confirm] = named(&story, "anteroom.entry.confirm")[..] else { panic!("{story:#?}") };
    assert_eq!(confirm.parent(), reserve.id(), "and goes on from there");

    // A caller that records nothing wants nothing recorded.
    let other = TRACE.replace('0', "1");
    let asked = user.request(Method::GET, &format!("/rooms/{room}"));
    Answer::to(asked.header("traceparent", format!("00-{other}-{SPAN}-00"))).await;
    let last = user.request(Method::GET, &format!("/rooms/{room}/seats/current"));
    Answer::to(last.header("traceparent", format!("00-{TRACE}-{SPAN}-01"))).await;
    let is_last = |it: &Seen| it.is("GET /api/v1/rooms/{room}/seats/current");
    let seen = collector.when("the last request", |all| all.iter().any(is_last)).await;
    assert!(seen.iter().all(|it| it.trace() != other));
}

#[tokio::test]
async fn a_party_and_an_offer_are_entries_with_traces_of_their_own() {
    let collector = Collector::start().await;
    let server = traced(&collector).await;
    let (room, inside) = server.room(&server.user("owner").await, 3).await;
    let (a, b, late) = (server.user("a").await, server.user("b").await, server.user("late").await);
    let path = format!("/rooms/{room}/reservations");
    let asked = server.service().await.request(Method::POST, &path);
    assert_eq!(Answer::to(asked.json(&json!({ "users": [a.id(), b.id()] }))).await.status, 201);
    let two = |all: &[Seen]| named(all, "anteroom.entry.reserve").len() >= 3;
    let seen = collector.when("a party", two).await;
    let requests = named(&seen, "POST /api/v1/rooms/{room}/reservations");
    let party = requests.iter().find(|it| it.links().len() == 2).expect("the party's request");
    for (trace, id) in party.links() {
        let one = seen.iter().find(|it| it.id() == id).expect("what it points at");
        assert!(one.is("anteroom.entry.reserve") && one.trace() == trace, "{one:?}");
        assert_eq!(one.links(), [(party.trace(), party.id())]);
    }

    late.wait(room, &Default::default()).await.unwrap();
    inside.leave().await.unwrap();
    let offer = collector.span("anteroom.entry.offer", room).await;
    assert_eq!((offer.parent(), offer.says("anteroom.outcome")), (String::new(), "offered".into()));
    late.enter(room).await.unwrap().leave().await.unwrap();
    let story = whole_story(&collector, &offer.says("anteroom.seat.generation"), room).await;
    let [confirm] = named(&story, "anteroom.entry.confirm")[..] else { panic!("{story:#?}") };
    assert_eq!(confirm.parent(), offer.id());
}

#[tokio::test]
async fn a_message_is_traced_from_its_sender_to_the_room() {
    let collector = Collector::start().await;
    let server = traced(&collector).await;
    let (room, mut inside) = server.room(&server.user("owner").await, 3).await;
    alive(&mut inside).await;
    let sent = collector.span("anteroom.message.send", room).await;
    let whole = |all: &[Seen]| all.iter().filter(|it| it.trace() == sent.trace()).count() >= 3;
    let seen = collector.when("the parts", whole).await;
    for name in ["anteroom.message.commit", "anteroom.message.deliver"] {
        let part = seen.iter().find(|it| it.is(name) && it.trace() == sent.trace());
        assert_eq!(part.expect(name).parent(), sent.id(), "{name}");
    }
}

#[tokio::test]
async fn nothing_secret_is_told_to_the_collector() {
    let collector = Collector::start().await;
    let server = traced(&collector).await;
    let owner = server.user("owner").await;
    let password = "correct horse battery staple";
    let create = CreateRoom {
        name: "a room behind a door".into(),
        capacity: 3,
        staff_seats: 0,
        visibility: Visibility::default(),
        password: Some(password.into()),
        lifetime: Lifetime::default(),
    };
    let made = owner.create_room(&create).await.unwrap();
    let _inside = owner.confirm(&made.reservation, ConfirmOptions::default()).await.unwrap();
    let made = made.room.id;
    let user = server.user("user").await;
    let wrong = Reserve { password: Some("hunter22".into()), ..Reserve::default() };
    user.reserve(made, &wrong).await.unwrap_err();
    let with = Reserve { password: Some(password.into()), ..Reserve::default() };
    let reserved = user.reserve(made, &with).await.unwrap();
    let mut session = user.confirm(&reserved, ConfirmOptions::default()).await.unwrap();
    let resume = session.welcome().resume.clone();
    within("an ack", session.send("what nobody else may read")).await.unwrap();
    session.leave().await.unwrap();
    // Secrets where none belongs.
    let misled = user.request(Method::GET, &format!("/rooms/{}", reserved.ticket));
    Answer::to(misled.query(&[("key", resume.as_str())])).await;
    whole_story(&collector, &reserved.seat.generation, made).await;
    let last = user.request(Method::GET, &format!("/rooms/{made}/seats/current"));
    Answer::to(last).await;
    let is_last = |it: &Seen| it.is("GET /api/v1/rooms/{room}/seats/current");
    collector.when("the last request", |all| all.iter().any(is_last)).await;

    let token = user.token();
    let secrets = [
        &*token,
        &*owner.token(),
        &reserved.ticket,
        &resume,
        password,
        "hunter22",
        "what nobody else may read",
        crate::harness::PASSWORD,
    ];
    for secret in secrets {
        assert!(secret.len() >= 8 && !collector.has(secret.as_bytes()), "{secret}");
        // Nor a part of it.
        assert!(!collector.has(&secret.as_bytes()[secret.len() / 2..]), "{secret}");
    }
    assert!(collector.has(b"anteroom.entry.confirm"), "the search finds what is there");
}

fn said(content: String) -> ClientFrame {
    let client_id = content.clone();
    ClientFrame::Send(Send { client_id, content, content_type: None, reply_to: None })
}

/// What became of spans, by the metrics.
async fn spans(server: &TestServer, outcome: &str) -> f64 {
    let metrics: Metrics = server.metrics().await;
    metrics.value(&format!("anteroom_trace_spans_total{{outcome=\"{outcome}\"}}"))
}

async fn until(server: &TestServer, outcome: &str, count: f64) {
    within(outcome, async {
        while spans(server, outcome).await < count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_refuses_costs_its_spans_and_nothing_else() {
    let collector = Collector::answering(StatusCode::BAD_REQUEST).await;
    let mut server = traced(&collector).await;
    let (_, mut inside) = server.room(&server.user("owner").await, 3).await;
    alive(&mut inside).await;
    until(&server, "failed", 1.0).await;
    assert_eq!(spans(&server, "exported").await, 0.0);
    let said = server.event("traces.lost", json!({})).await;
    assert!(said.text("error").contains("400"));
    alive(&mut inside).await;
    server.stop().await;
    assert_eq!(server.logged("traces.lost", json!({})).len(), 1, "said once");
}

#[tokio::test]
async fn a_collector_that_hangs_keeps_neither_an_entry_nor_the_stop_waiting() {
    // The kernel takes the connection, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut server = TestServer::start(|cfg| {
        cfg.set("traces.endpoint", endpoint);
    })
    .await;
    let (room, mut inside) = server.room(&server.user("owner").await, 3).await;
    // More than the queue takes: each of these is three spans.
    for round in 0..40 {
        for n in 0..100 {
            inside.send_frame(&said(format!("{round}.{n}"))).await.unwrap();
        }
        for _ in 0..100 {
            next_message(&mut inside).await;
        }
    }
    until(&server, "queue_full", 1.0).await;
    let guest = server.user("guest").await;
    let mut late = guest.enter(room).await.unwrap();
    alive(&mut late).await;
    let began = Instant::now();
    server.stop().await;
    server.event("traces.not_flushed", json!({})).await;
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_waits_when_the_server_stops_is_still_told() {
    let collector = Collector::start().await;
    let mut server = traced(&collector).await;
    let (room, _inside) = server.room(&server.user("owner").await, 3).await;
    server.stop().await;
    let seen = collector.seen();
    let closed = named(&seen, "anteroom.session.close");
    let [closed] = closed[..] else { panic!("{seen:#?}") };
    assert_eq!(closed.says("anteroom.room_id"), room.to_string());
    assert_eq!(closed.says("anteroom.close_code"), "1012");
}

#[tokio::test]
async fn nothing_is_told_where_nothing_is_asked_for_and_nothing_is_read_from_elsewhere() {
    let collector = Collector::start().await;
    let mut server = TestServer::start(|cfg| {
        collector.is_known_to(cfg);
        cfg.set("traces.sample", "0");
    })
    .await;
    let (_, mut inside) = server.room(&server.user("owner").await, 3).await;
    alive(&mut inside).await;
    server.stop().await;
    assert_eq!(collector.requests(), 0);

    let mut server = TestServer::plain().await;
    let (_, mut inside) = server.room(&server.user("owner").await, 3).await;
    alive(&mut inside).await;
    for outcome in ["exported", "failed", "queue_full", "rejected"] {
        assert_eq!(spans(&server, outcome).await, 0.0, "{outcome}");
    }
    assert!(!server.log_has("trace_id"));
    server.stop().await;
}

#[tokio::test]
async fn settings_of_traces_that_cannot_be_used_are_refused_in_words() {
    for (key, value, word) in [
        ("traces.endpoint", "https://collector:4318", "traces.endpoint"),
        ("traces.endpoint", "collector", "traces.endpoint"),
        ("traces.sample", "1.5", "traces.sample"),
        ("traces.sample", "half", "a number"),
        ("traces.service", "", "traces.service"),
    ] {
        let said = TestServer::refused_to_start(|cfg| {
            cfg.set(key, value);
        })
        .await;
        assert!(said.contains(word), "{key} = {value}: {said}");
    }
}
