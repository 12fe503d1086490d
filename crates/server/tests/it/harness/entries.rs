//! The entry log as an administrator reads it, and the metrics as Prometheus does.

use std::collections::BTreeMap;

use anteroom_client::Account;
use anteroom_protocol::attempt::Attempt;
use anteroom_protocol::page::Page;
use reqwest::Method;

use super::server::TestServer;
use super::waiting::within;
use super::web::Answer;

impl TestServer {
    /// A page of the entry log.
    pub(crate) async fn entries(&self, chief: &Account, query: &str) -> Page<Attempt> {
        let path = format!("/admin/entries?{query}");
        let answer = Answer::to(chief.request(Method::GET, &path)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_value(answer.json()).unwrap()
    }

    /// Waits until the newest line that the query finds, and is another than `seen`, is there.
    pub(crate) async fn entry(&self, chief: &Account, query: &str) -> Attempt {
        let looking = async {
            loop {
                if let Some(line) = self.entries(chief, query).await.items.into_iter().next() {
                    return line;
                }
                tokio::task::yield_now().await;
            }
        };
        within(&format!("a line of the entry log with {query}"), looking).await
    }

    /// The metrics on the main listener.
    pub(crate) async fn metrics(&self) -> Metrics {
        Metrics::of(&self.metrics_at(self.base()).await)
    }

    /// What the listener at `base` answers.
    pub(crate) async fn metrics_at(&self, base: &str) -> Answer {
        Answer::to(crate::harness::http_client().get(format!("{base}/metrics"))).await
    }
}

/// The series of one reading, by name and labels as they are written.
#[derive(Debug)]
pub(crate) struct Metrics {
    series: BTreeMap<String, f64>,
    /// The kind of each metric, by its name.
    pub(crate) kinds: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Metrics {
    /// Reads the text, strictly.
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let kind = answer.header("content-type");
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        let text = answer.body.clone();
        assert!(text.ends_with("# EOF\n"), "it is whole");
        let (mut series, mut kinds) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines() {
            match line.strip_prefix("# ") {
                Some(words) => {
                    if let Some((name, kind)) =
                        words.strip_prefix("TYPE ").and_then(|it| it.split_once(' '))
                    {
                        assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
                    }
                }
                None => {
                    let (name, value) = line.rsplit_once(' ').expect("a name and a value");
                    let value: f64 = value.parse().expect("a number");
                    assert!(series.insert(name.to_owned(), value).is_none(), "twice: {line}");
                }
            }
        }
        Self { series, kinds, text }
    }

    /// One series.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        let value = self.series.get(series);
        *value.unwrap_or_else(|| panic!("no {series} in\n{}", self.text))
    }

    /// The names and labels of all series.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().map(String::as_str)
    }
}
