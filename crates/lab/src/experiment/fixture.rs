//! A run that nobody measured, for the tests of what is made of runs: numbers of a likely size, with gaps.

use std::collections::BTreeMap;

use super::data::{
    Cell, Counts, FORMAT, FigureInfo, Latency, Machine, Plan, Rate, Rules, Run, ScenarioInfo,
    SubjectInfo,
};
use super::table;

const REPETITIONS: u32 = 10;

/// Numbers that look drawn and are the same each time.
struct Noise(u64);

impl Noise {
    fn near(&mut self, middle: f64) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let part = (self.0 >> 40) as f64 / (1_u64 << 24) as f64;
        middle * (0.9 + 0.2 * part)
    }
}

/// All subjects and scenarios ten times; some cells not run, and one repetition missing.
pub(crate) fn run() -> Run {
    let (subjects, scenarios) = (table::subjects(), table::scenarios());
    let mut noise = Noise(7);
    let mut cells = Vec::new();
    for repetition in 0..REPETITIONS {
        for (n, subject) in subjects.iter().enumerate() {
            for scenario in &scenarios {
                let is_missing = repetition == 9 && subject.id == "redis-3";
                if !is_missing {
                    cells.push(cell((n, subject), scenario, repetition, &mut noise));
                }
            }
        }
    }
    Run { format: FORMAT, machine: machine(), plan: plan(), subjects, scenarios, cells }
}

/// One scenario `s` with one figure `x`: each subject has the values from its own on, in steps of 1.
pub(crate) fn of_figure(subjects: &[(&str, f64)], repetitions: u32) -> Run {
    let named = |id: &str| SubjectInfo {
        id: id.to_owned(),
        title: id.to_owned(),
        about: String::new(),
        is_baseline: false,
        must_overfill: false,
    };
    let (id, title, unit) = ("x".to_owned(), "x".to_owned(), "/s".to_owned());
    let figures = vec![FigureInfo { id, title, unit, more_is_better: true }];
    let (id, title, about) = ("s".to_owned(), "s".to_owned(), String::new());
    let cell = |(subject, from): &(&str, f64), repetition: u32| Cell {
        subject: (*subject).to_owned(),
        scenario: "s".to_owned(),
        repetition,
        figures: BTreeMap::from([("x".to_owned(), from + f64::from(repetition))]),
        ..Cell::default()
    };
    Run {
        format: FORMAT,
        machine: machine(),
        plan: plan(),
        subjects: subjects.iter().map(|(id, _)| named(id)).collect(),
        scenarios: vec![ScenarioInfo { id, title, about, figures }],
        cells: (0..repetitions)
            .flat_map(|n| subjects.iter().map(move |subject| cell(subject, n)))
            .collect(),
    }
}

fn machine() -> Machine {
    let programs =
        [("postgresql", "postgres (PostgreSQL) 17.2"), ("redis", "Redis server v=8.0.1")];
    Machine {
        processor: "Likely Processor 9000".to_owned(),
        cores: 2,
        memory_mib: 7_936,
        kernel: "Linux 6.12.1".to_owned(),
        programs: programs.map(|(name, version)| (name.to_owned(), version.to_owned())).into(),
        file_system: "ext4".to_owned(),
        pinning: "servers and stores on core 0; the lab wherever it was started".to_owned(),
    }
}

fn plan() -> Plan {
    Plan {
        kind: "full".to_owned(),
        repetitions: REPETITIONS,
        minutes: 30.0,
        seed: 42,
        step_seconds: 1.0,
        began_at_ms: 1_790_000_000_000,
        took_seconds: 1_712.0,
        resumed: 1,
    }
}

/// How dear a decision is, beside the semaphore's.
const DEAR: [f64; 10] = [0.95, 1.6, 2.4, 1.1, 1.3, 1.0, 4.2, 9.0, 2.2, 3.1];

fn cell(
    (n, subject): (usize, &SubjectInfo),
    scenario: &ScenarioInfo,
    repetition: u32,
    noise: &mut Noise,
) -> Cell {
    let mut cell = Cell {
        subject: subject.id.clone(),
        scenario: scenario.id.clone(),
        repetition,
        ..Cell::default()
    };
    let is_stored = subject.id.starts_with("redis") || subject.id.ends_with("postgresql");
    if matches!(scenario.id.as_str(), "outage" | "slow-store") && !is_stored {
        cell.not_run = Some("the seats are in the server itself".to_owned());
        return cell;
    }
    let dear = DEAR[n];
    cell.seconds = noise.near(1.2);
    cell.counts = Counts { asked: 2_000, granted: 990, full: 1_010, ..Counts::default() };
    for figure in &scenario.figures {
        let middle = match figure.id.as_str() {
            "early" => 0.0,
            "promises_kept" if is_stored || subject.id.starts_with("conditional") => 100.0,
            "promises_kept" => 0.0,
            "rate_p99_10" => 2_100.0 / dear,
            "saturation" => 5_200.0 / dear,
            _ if figure.unit == "/s" => 9_000.0 / dear,
            _ => 40.0 * dear,
        };
        let value = if figure.unit == "%" { middle } else { noise.near(middle) };
        cell.figures.insert(figure.id.clone(), value);
    }
    fill(&mut cell, dear, is_stored, noise);
    if subject.must_overfill && matches!(scenario.id.as_str(), "burst" | "storm") {
        cell.faults.overfills = 3 + u64::from(repetition % 4);
        cell.evidence = vec!["room 7: 103 seats of 100 at 0.013 s".to_owned()];
    }
    cell
}

fn fill(cell: &mut Cell, dear: f64, is_stored: bool, noise: &mut Noise) {
    let store = if cell.subject.ends_with("postgresql") { "postgresql" } else { "redis" };
    match cell.scenario.as_str() {
        "rules" => {
            let is_locked = cell.subject.contains("lock") && cell.subject != "unlocked";
            let overlapping = if is_locked { 0 } else { noise.near(900.0) as u64 };
            cell.rules = Some(Rules {
                requests: 2_000,
                granted: 990,
                overlapping,
                inside_at_once: if is_locked { 1 } else { 18 },
                ..Rules::default()
            });
            return;
        }
        "sustained" => {
            let most = 5_200.0 / dear;
            let mut offered = 200.0;
            while offered <= 8_000.0 {
                let load: f64 = offered / most;
                let p99_ms = noise.near(0.8 * dear + 600.0 * load.min(1.3).powi(6));
                let achieved = noise.near(offered.min(most));
                let (p50_ms, server_cores) = (p99_ms / 4.0, load.min(1.0));
                let lab_cores = 0.3;
                cell.rates.push(Rate {
                    offered,
                    achieved,
                    p50_ms,
                    p99_ms,
                    server_cores,
                    lab_cores,
                });
                if load > 1.0 {
                    break;
                }
                offered *= 1.5;
            }
        }
        _ => {}
    }
    cell.cpu_us.insert("server".to_owned(), noise.near(60.0 * dear.min(2.0)));
    cell.cpu_us.insert("lab".to_owned(), noise.near(70.0));
    if is_stored {
        cell.cpu_us.insert(store.to_owned(), noise.near(14.0 * dear));
    }
    for (step, middle) in [("reserve", 1.5), ("refuse", 1.2), ("confirm", 1.0), ("entry", 2.8)] {
        let p50_ms = noise.near(middle * dear);
        cell.latency.insert(
            step.to_owned(),
            Latency {
                count: 990,
                p50_ms,
                p90_ms: p50_ms * 2.0,
                p99_ms: p50_ms * 5.0,
                p999_ms: p50_ms * 8.0,
                max_ms: p50_ms * 11.0,
                buckets: Vec::new(),
            },
        );
    }
}
