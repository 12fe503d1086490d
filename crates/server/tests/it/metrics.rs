//! What is counted after histories that are known, where it can be read, and that each name is
//! documented.

use std::collections::BTreeSet;
use std::path::Path;

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::ChangeRoom;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Known as _, Metrics, TestServer, Wire, refused, within};

fn outcome(word: &str) -> String {
    format!("anteroom_reservations_total{{strategy=\"semaphore\",outcome=\"{word}\"}}")
}

/// Waits until the metrics are as wanted.
async fn when(server: &TestServer, what: &str, wanted: impl Fn(&Metrics) -> bool) -> Metrics {
    within(what, async {
        loop {
            let metrics = server.metrics().await;
            if wanted(&metrics) {
                return metrics;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_known_history_gives_known_counts() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.reservation_ttl", "1s").set("admission.grace", "200ms");
    })
    .await;
    let owner = server.user("owner").await;
    let (room, _inside) = server.room(&owner, 3).await;
    let (a, b, c) = (server.user("a").await, server.user("b").await, server.user("c").await);
    // Somebody enters and leaves, somebody breaks off, somebody never comes, somebody is too late.
    a.enter(room).await.unwrap().leave().await.unwrap();
    b.enter(room).await.unwrap().abort();
    server.event("seat.returned", json!({ "room": room, "user": b.id() })).await;
    b.reserve(room, &Reserve::default()).await.unwrap();
    let _sitting = a.enter(room).await.unwrap();
    refused(c.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    server.event("reservation.expired", json!({ "room": room, "user": b.id() })).await;
    let cancelled = c.reserve(room, &Reserve::default()).await.unwrap();
    c.cancel(room).await.unwrap();
    refused(c.confirm(&cancelled, ConfirmOptions::default()).await, 4403, Code::NoReservation);

    let ended = "anteroom_websocket_close_total{code=\"4403\"}";
    let metrics = when(&server, "an ended line", |it| it.names().any(|name| name == ended)).await;
    for (word, count) in [
        ("entered", 4.0),
        ("refused", 1.0),
        ("cancelled", 1.0),
        ("ticket_refused", 1.0),
        ("expired_never_connected", 1.0),
        ("expired_after_failed_attempt", 0.0),
        ("failed", 0.0),
    ] {
        assert_eq!(metrics.value(&outcome(word)), count, "{word}\n{}", metrics.text);
    }
    for (series, count) in [
        ("anteroom_entries_total{kind=\"first\"}", 4.0),
        ("anteroom_entries_total{kind=\"takeover\"}", 0.0),
        ("anteroom_entry_refusals_total{stage=\"reserve\",code=\"room_full\"}", 1.0),
        ("anteroom_entry_refusals_total{stage=\"confirm\",code=\"no_reservation\"}", 1.0),
        ("anteroom_seat_reclaimed_total{cause=\"grace\"}", 1.0),
        ("anteroom_seat_reclaimed_total{cause=\"never_connected\"}", 1.0),
        ("anteroom_websocket_close_total{code=\"1000\"}", 1.0),
        ("anteroom_websocket_close_total{code=\"1006\"}", 1.0),
        ("anteroom_reservation_to_connect_seconds_count", 4.0),
        ("anteroom_capacity_violations_total", 0.0),
        ("anteroom_entry_log_dropped_total", 0.0),
        ("anteroom_seat_store_unavailable_total{strategy=\"semaphore\"}", 0.0),
        ("anteroom_seats{state=\"occupied\"}", 2.0),
        ("anteroom_seats{state=\"free\"}", 1.0),
        ("anteroom_seats{state=\"reserved\"}", 0.0),
        ("anteroom_seats{state=\"held\"}", 0.0),
        ("anteroom_seats{state=\"waiting\"}", 0.0),
        ("anteroom_waiters{}", 0.0),
        ("anteroom_sessions", 2.0),
        ("anteroom_rooms{state=\"open\"}", 1.0),
        ("anteroom_rooms{state=\"pending\"}", 0.0),
    ] {
        assert_eq!(metrics.value(series), count, "{series}\n{}", metrics.text);
    }
    // One step for each that asked the strategy, granted or not.
    let steps = "anteroom_admission_decision_seconds_count{strategy=\"semaphore\",verb=";
    assert_eq!(metrics.value(&format!("{steps}\"reserve\"}}")), 7.0);
    assert_eq!(metrics.value(&format!("{steps}\"confirm\"}}")), 5.0);
}

/// A cut of the capacity evicts nobody and is no violation, nor is what happens while it lasts.
#[tokio::test]
async fn a_cut_of_the_capacity_is_no_violation() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _inside) = server.room(&owner, 8).await;
    let mut sitting = server.fill(room, 7).await;
    let to = |capacity| ChangeRoom { capacity: Some(capacity), ..ChangeRoom::default() };
    for capacity in [2, 9, 1, 6] {
        owner.change_room(room, &to(capacity)).await.unwrap();
        let metrics = server.metrics().await;
        assert_eq!(metrics.value("anteroom_seats{state=\"occupied\"}"), 8.0);
        assert_eq!(metrics.value("anteroom_capacity_violations_total"), 0.0);
    }
    sitting.pop().unwrap().leave().await.unwrap();
    let late = server.guest("late").await;
    refused(late.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    assert_eq!(server.metrics().await.value("anteroom_capacity_violations_total"), 0.0);
}

#[tokio::test]
async fn a_storm_leaves_no_violation_and_one_outcome_for_each_attempt() {
    let server = TestServer::plain().await;
    let (room, _inside) = server.room(&server.user("owner").await, 5).await;
    let guests = server.guests(40).await;
    let outcomes =
        futures_util::future::join_all(guests.iter().map(|guest| guest.enter(room))).await;
    let entered = outcomes.iter().filter(|it| it.is_ok()).count();
    assert_eq!(entered, 4);
    let metrics = server.metrics().await;
    assert_eq!(metrics.value(&outcome("entered")), 5.0, "with the owner");
    assert_eq!(metrics.value(&outcome("refused")), 36.0);
    assert_eq!(metrics.value("anteroom_capacity_violations_total"), 0.0);
}

#[tokio::test]
async fn metrics_are_read_on_loopback_and_not_through_a_proxy() {
    let server = TestServer::plain().await;
    server.metrics().await;
    for header in ["x-forwarded-for", "forwarded"] {
        let url = format!("{}/metrics", server.base());
        let request = crate::harness::http_client().get(url).header(header, "for=127.0.0.1");
        Answer::to(request).await.refuses(404, "not_found");
    }
    let open = TestServer::start(|cfg| {
        cfg.set("server.listen", "0.0.0.0:0");
    })
    .await;
    assert_eq!(open.metrics_at(open.base()).await.status, 404, "reached from elsewhere as well");
}

#[tokio::test]
async fn a_listener_of_its_own_has_metrics_and_administration_and_nothing_else() {
    let server = TestServer::start(|cfg| {
        cfg.set("server.admin_listen", "127.0.0.1:0");
    })
    .await;
    let admin = server.event("server.admin", json!({})).await;
    let base = format!("http://{}", admin.text("listen"));
    Metrics::of(&server.metrics_at(&base).await);
    assert_eq!(server.metrics_at(server.base()).await.status, 404, "only there");

    let http = crate::harness::http_client();
    let get = async |path: &str, token: &str| {
        let url = format!("{base}{path}");
        Answer::of_a_part(http.request(Method::GET, url).bearer_auth(token)).await
    };
    let chief = server.administrator().await;
    let token = chief.token();
    assert_eq!(get("/api/v1/admin/entries", &token).await.status, 200);
    assert_eq!(get("/healthz", "").await.status, 200);
    get("/api/v1/admin/entries", "").await.refuses(401, "unauthenticated");
    for path in ["/", "/ws", "/api/v1/rooms"] {
        get(path, &token).await.refuses(404, "not_found");
    }
}

/// A row of the table: name, kind, and the names of the labels.
type Row = (String, String, BTreeSet<String>);

fn documented() -> BTreeSet<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `anteroom_"));
    let plain = |cell: &str| cell.trim().trim_matches('`').to_owned();
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(',').map(plain).filter(|label| !label.is_empty());
        (plain(cells[1]), plain(cells[2]), labels.collect())
    })
    .collect()
}

fn printed(metrics: &Metrics) -> BTreeSet<Row> {
    let rows = metrics.kinds.iter().map(|(name, kind)| {
        let name = if kind == "counter" { format!("{name}_total") } else { name.clone() };
        let is_its = |series: &&str| {
            let rest = series.strip_prefix(&*name).unwrap_or("no");
            ["", "_count", "_bucket", "_sum"].iter().any(|it| {
                rest.strip_prefix(it).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
            })
        };
        let labels = metrics.names().filter(is_its).flat_map(labels_of);
        (name.clone(), kind.clone(), labels.filter(|label| label != "le").collect())
    });
    rows.collect()
}

fn labels_of(series: &str) -> Vec<String> {
    let inside = series.split_once('{').map_or("", |(_, rest)| rest.trim_end_matches('}'));
    let pairs = inside.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, _)| name.to_owned()).collect()
}

#[tokio::test]
async fn the_table_of_metrics_says_what_is_printed() {
    let server = TestServer::plain().await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let a = server.user("a").await;
    refused(a.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    session.leave().await.unwrap();
    let reservation = a.reserve(room, &Reserve::default()).await.unwrap();
    let _sitting = a.confirm(&reservation, ConfirmOptions::default()).await.unwrap();
    assert_eq!(Wire::open(&reservation).await.until_end().await.closed, Some(4403));
    // Every family has a series by now.
    let metrics = when(&server, "a counted close", |it| it.text.contains("4403")).await;
    assert_eq!(printed(&metrics), documented());
    for line in metrics.text.lines().filter(|line| line.starts_with("# HELP")) {
        assert!(line.split(' ').count() > 5, "a metric without words: {line}");
    }
}
