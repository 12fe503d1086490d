//! What the text says, and that it is bounded.

use std::time::{Duration, Instant};

use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Outcome, Stage};

use super::{Metrics, Reclaimed, SeatSums, Standing, Verb};

fn text(metrics: &Metrics) -> String {
    metrics.render(&Standing::default())
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.lines().any(|it| it == line), "no {line:?} in\n{text}");
}

#[test]
fn everything_that_happened_is_in_the_text() {
    let metrics = Metrics::new("semaphore");
    let reserve = (Stage::Reserve, Code::RoomFull);
    metrics.outcome_of(Outcome::Refused, Some(reserve));
    metrics.outcome_of(Outcome::Entered, None);
    metrics.entered("first", Duration::from_millis(30));
    metrics.reclaimed(Reclaimed::Grace);
    metrics.closed(4409);
    let text = text(&metrics);
    let by = "anteroom_reservations_total{strategy=\"semaphore\",outcome=";
    says(&text, &format!("{by}\"refused\"}} 1"));
    says(&text, &format!("{by}\"entered\"}} 1"));
    says(&text, &format!("{by}\"cancelled\"}} 0"));
    says(&text, "anteroom_entry_refusals_total{stage=\"reserve\",code=\"room_full\"} 1");
    says(&text, "anteroom_entries_total{kind=\"first\"} 1");
    says(&text, "anteroom_seat_reclaimed_total{cause=\"grace\"} 1");
    says(&text, "anteroom_seat_reclaimed_total{cause=\"fenced\"} 0");
    says(&text, "anteroom_reservation_to_connect_seconds_bucket{le=\"0.05\"} 1");
    says(&text, "anteroom_reservation_to_connect_seconds_bucket{le=\"0.025\"} 0");
    says(&text, "anteroom_websocket_close_total{code=\"4409\"} 1");
    says(&text, "anteroom_capacity_violations_total 0");
    assert!(text.ends_with("# EOF\n"), "it is whole");
}

#[test]
fn a_seat_store_that_cannot_say_leaves_no_old_figure_behind() {
    let metrics = Metrics::new("redis");
    let sums = SeatSums { free: 5, reserved: 1, occupied: 2, held: 3, waiting: 4 };
    let now = metrics.render(&Standing { seats: Some(sums), sessions: 2, ..Standing::default() });
    says(&now, "anteroom_seats{state=\"held\"} 3");
    assert!(now.lines().any(|line| line.starts_with("anteroom_waiters") && line.ends_with(" 4")));
    let later = metrics.render(&Standing { seats: None, sessions: 2, ..Standing::default() });
    let is_told = |name: &str| later.lines().any(|line| line.starts_with(name));
    assert!(!is_told("anteroom_seats{") && !is_told("anteroom_waiters"), "{later}");
    says(&later, "anteroom_sessions 2");
}

#[test]
fn a_peer_cannot_make_series_by_inventing_close_codes() {
    let metrics = Metrics::new("semaphore");
    (0..=u16::MAX).for_each(|code| metrics.closed(code));
    let text = text(&metrics);
    let series = text.lines().filter(|line| line.starts_with("anteroom_websocket_close_total{"));
    assert_eq!(series.count(), anteroom_protocol::CloseCode::ALL.len() + 3);
}

#[test]
#[ignore = "prints figures; wants a quiet machine"]
fn what_measuring_a_decision_costs() {
    const STEPS: u32 = 1_000_000;
    let metrics = Metrics::new("semaphore");
    let began = Instant::now();
    for _ in 0..STEPS {
        let step = Instant::now();
        metrics.decisions().took(Verb::Reserve, step.elapsed());
    }
    let each = began.elapsed() / STEPS;
    println!("measuring one decision: {each:?}");
    assert!(each < Duration::from_micros(1));
}
