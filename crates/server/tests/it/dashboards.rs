//! Every metric that the dashboard and the alerts speak of is one that a server tells, with those labels.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use serde_json::Value;

use crate::harness::{Metrics, TestServer, Wire, refused, within};

/// Put on every series by whoever scrapes.
const SCRAPED: [&str; 3] = ["job", "instance", "le"];
/// Told by Prometheus and its prober, not by us.
const OF_PROMETHEUS: [&str; 2] = ["up", "probe_success"];

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/grafana").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&file("anteroom.json")).unwrap()
}

/// Every expression of the dashboard's panels.
fn drawn() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// Every expression of the alerts: on one line, or folded over several that are set in further.
fn watched() -> Vec<String> {
    let text = file("alerts.yaml");
    let mut found: Vec<String> = Vec::new();
    let mut is_folded = false;
    for line in text.lines() {
        if let Some(said) = line.trim_start().strip_prefix("expr: ") {
            is_folded = said == ">-";
            found.push(if is_folded { String::new() } else { said.to_owned() });
        } else if is_folded && line.starts_with("          ") {
            found.last_mut().unwrap().push_str(line.trim());
        } else {
            is_folded = false;
        }
    }
    found
}

/// The names of metrics in an expression, each with the labels that are asked of it in braces.
fn asked(expression: &str) -> Vec<(String, Vec<String>)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(|c: char| c.is_ascii_lowercase()) {
        let word: String = rest[at..].chars().take_while(|c| is_part(*c)).collect();
        rest = &rest[at + word.len()..];
        if !word.starts_with("anteroom_") && !OF_PROMETHEUS.contains(&word.as_str()) {
            continue;
        }
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            let (inside, after) = inside.split_once('}').expect("braces are closed");
            let pairs = inside.split(',').filter_map(|it| it.split_once('='));
            labels.extend(pairs.map(|(name, _)| name.trim().trim_end_matches('!').to_owned()));
            rest = after;
        }
        found.push((word, labels));
    }
    found
}

/// The labels that an expression sums by, or joins on.
fn grouped(expression: &str) -> Vec<String> {
    let groups = [" by (", " on ("].iter().flat_map(|word| expression.split(word).skip(1));
    groups
        .flat_map(|it| it.split(')').next().unwrap().split(','))
        .map(|label| label.trim().to_owned())
        .collect()
}

/// What a server tells after a life in which every family has got a series.
async fn told() -> BTreeMap<String, BTreeSet<String>> {
    let server = TestServer::plain().await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let a = server.user("a").await;
    refused(a.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    session.leave().await.unwrap();
    let reservation = a.reserve(room, &Reserve::default()).await.unwrap();
    let _sitting = a.confirm(&reservation, ConfirmOptions::default()).await.unwrap();
    assert_eq!(Wire::open(&reservation).await.until_end().await.closed, Some(4403));
    let metrics: Metrics = within("a counted close", async {
        loop {
            let metrics = server.metrics().await;
            if metrics.text.contains("4403") {
                return metrics;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for series in metrics.names() {
        let (name, inside) = series.split_once('{').unwrap_or((series, ""));
        let pairs = inside.split(',').filter_map(|pair| pair.split_once('='));
        told.entry(name.to_owned()).or_default().extend(pairs.map(|(label, _)| label.to_owned()));
    }
    told
}

#[tokio::test]
async fn dashboard_and_alerts_speak_of_metrics_and_labels_that_a_server_tells() {
    let told = told().await;
    let (drawn, watched) = (drawn(), watched());
    assert!(drawn.len() > 20 && watched.len() > 8, "{drawn:?} {watched:?}");
    let mut seen = BTreeSet::new();
    for expression in drawn.iter().chain(&watched) {
        let asked = asked(expression);
        assert!(!asked.is_empty(), "{expression}");
        let ours: Vec<_> =
            asked.iter().filter(|(name, _)| !OF_PROMETHEUS.contains(&name.as_str())).collect();
        let mut known: BTreeSet<&str> = SCRAPED.into_iter().collect();
        for (name, labels) in &ours {
            let has = told.get(name).unwrap_or_else(|| panic!("{name} is not told: {expression}"));
            let is_there =
                |label: &&String| SCRAPED.contains(&label.as_str()) || has.contains(label.as_str());
            let missing: Vec<_> = labels.iter().filter(|label| !is_there(label)).collect();
            assert!(missing.is_empty(), "{name} has no {missing:?}: {expression}");
            known.extend(has.iter().map(String::as_str));
            seen.insert(base(name));
        }
        for label in grouped(expression) {
            assert!(known.contains(label.as_str()), "nothing has `{label}`: {expression}");
        }
    }
    let all: BTreeSet<_> = told.keys().map(|name| base(name)).collect();
    assert_eq!(seen, all, "every metric is drawn or watched");
}

/// A histogram is one metric under several names.
fn base(name: &str) -> String {
    let endings = ["_bucket", "_count", "_sum"];
    endings.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
}

#[test]
fn no_panel_of_the_dashboard_covers_another_and_each_says_what_it_shows() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(side("x") + side("w") <= 24, "{title} is too wide");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "{title} covers another at {x}, {y}");
            }
        }
        let is_row = panel["type"] == "row";
        assert!(is_row || panel["description"].as_str().unwrap().len() > 10, "{title}");
    }
}

/// What an alert sends people to read is there.
#[test]
fn every_alert_names_a_part_of_the_guide_that_exists() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let guide = std::fs::read_to_string(docs.join("operating.md")).unwrap();
    let alerts = file("alerts.yaml");
    let books: Vec<_> =
        alerts.lines().filter_map(|it| it.trim().strip_prefix("runbook: ")).collect();
    assert_eq!(books.len(), alerts.matches("- alert: ").count());
    for book in books {
        let part = book.strip_prefix("docs/operating.md, ").unwrap().trim_matches('"');
        assert!(guide.contains(&format!("### {part}\n")), "no part `{part}`");
    }
}
