//! A run as it could have been, for what sums up and draws.

use super::data::{Cell, Counts, FORMAT, Faults, Latency, Machine, Plan, Rate, Rules, Run};
use super::table;

/// So many repetitions: each subject slower than the one before, each repetition a little beside the other; the
/// one without a lock overfills; the last subject lacks its last repetition; some cells were not run.
pub(crate) fn run(repetitions: u32) -> Run {
    let (subjects, scenarios) = (table::subjects(), table::scenarios());
    let mut cells = Vec::new();
    for repetition in 0..repetitions {
        for (n, subject) in subjects.iter().enumerate() {
            if n + 1 == subjects.len() && repetition + 1 == repetitions {
                continue;
            }
            for scenario in &scenarios {
                let wobble = 1.0 + f64::from(repetition % 5) / 200.0;
                let mut cell = cell(&subject.id, &scenario.id, repetition, n as f64 * 0.4 + wobble);
                if matches!(scenario.id.as_str(), "outage" | "slow-store") && n < 7 {
                    cell = Cell {
                        subject: subject.id.clone(),
                        scenario: scenario.id.clone(),
                        repetition,
                        not_run: Some("there is no store".to_owned()),
                        ..Cell::default()
                    };
                } else {
                    for figure in &scenario.figures {
                        let slow = n as f64 * 0.4 + wobble;
                        let value = if figure.more_is_better { 4_000.0 / slow } else { 3.0 * slow };
                        cell.figures.insert(figure.id.clone(), value);
                    }
                }
                if subject.must_overfill && scenario.id == "burst" {
                    cell.faults.overfills = 7;
                    cell.evidence.push("room 1: 107 seats taken of 100".to_owned());
                }
                cells.push(cell);
            }
        }
    }
    let plan = Plan {
        kind: "full".to_owned(),
        repetitions,
        minutes: 30.0,
        seed: 1,
        step_seconds: 0.5,
        began_at_ms: 1_790_000_000_000,
        took_seconds: 1_700.0,
        resumed: 0,
    };
    let machine = Machine {
        processor: "A <processor> & more".to_owned(),
        cores: 2,
        memory_mib: 24_000,
        kernel: "Linux 6".to_owned(),
        ..Machine::default()
    };
    Run { format: FORMAT, machine, plan, subjects, scenarios, cells }
}

fn cell(subject: &str, scenario: &str, repetition: u32, slow: f64) -> Cell {
    let latency = |ms: f64| Latency {
        count: 100,
        p50_ms: ms * slow,
        p90_ms: 2.0 * ms * slow,
        p99_ms: 5.0 * ms * slow,
        p999_ms: 8.0 * ms * slow,
        max_ms: 9.0 * ms * slow,
        buckets: vec![(10.0, 99), (100.0, 1)],
    };
    let steps = [("reserve", 0.3), ("refuse", 0.2), ("confirm", 0.8), ("entry", 1.2)];
    let rates = [200.0, 400.0, 800.0].map(|offered| Rate {
        offered,
        achieved: f64::min(offered, 1_500.0 / slow),
        p50_ms: offered * slow / 400.0,
        p99_ms: offered * offered * slow / 20_000.0,
        server_cores: 0.4,
        lab_cores: 0.2,
    });
    Cell {
        subject: subject.to_owned(),
        scenario: scenario.to_owned(),
        repetition,
        not_run: None,
        seconds: 0.5,
        counts: Counts { asked: 2_000, granted: 990, full: 1_010, ..Counts::default() },
        faults: Faults::default(),
        rules: (scenario == "rules").then_some(Rules {
            requests: 2_000,
            granted: 990,
            overlapping: 30,
            inside_at_once: 4,
            ..Rules::default()
        }),
        latency: steps.map(|(step, ms)| (step.to_owned(), latency(ms))).into(),
        figures: [].into(),
        cpu_us: [("server", 90.0 * slow), ("lab", 60.0)].map(|(p, us)| (p.to_owned(), us)).into(),
        rates: if scenario == "sustained" { rates.to_vec() } else { Vec::new() },
        evidence: Vec::new(),
    }
}
