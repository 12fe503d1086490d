//! `GET /admin/outcomes`: what attempts to enter came to, over the last hour, day or week.

use std::collections::BTreeMap;
use std::sync::Arc;

use anteroom_protocol::{Code, Timestamp};
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::private;
use super::admin::staff_only;
use super::contract::{Routes, get};
use super::entries::given;
use super::extract::{Caller, Params};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::entry_log::{Outcomes, Stretch};

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        get("/admin/outcomes", "outcomes", "What attempts to enter came to, over time")
            .for_whom(May::Staff)
            .answers::<Shown>(200, "Counts in equal steps of time.")
            .refuses(&[Code::Invalid]),
        outcomes,
    )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct SpanParam {
    /// How far back; an hour when absent.
    #[schemars(extend("enum" = ["1h", "24h", "7d", ""]))]
    span: Option<String>,
}

/// What attempts came to.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Outcomes")]
struct Shown {
    span: &'static str,
    /// How long a bucket is.
    bucket_ms: i64,
    /// `store`: of all nodes; `memory`: of this node, since it started.
    source: &'static str,
    /// Nothing is known of before.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_at: Option<Timestamp>,
    /// By outcome, over the whole span.
    totals: BTreeMap<&'static str, u64>,
    buckets: Vec<Bucket>,
}

/// One step of time.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "OutcomesBucket")]
struct Bucket {
    /// When it begins.
    at: Timestamp,
    /// By outcome.
    counts: BTreeMap<&'static str, u64>,
}

async fn outcomes(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(params): Params<SpanParam>,
) -> Result<Response, Refused> {
    staff_only(&who)?;
    let stretch = given("span", params.span.as_deref(), Stretch::parse)?.unwrap_or_default();
    let outcomes = app.entry.aftermath.entry_log.outcomes(stretch).await?;
    Ok(private(axum::Json(shown(outcomes))))
}

fn shown(outcomes: Outcomes) -> Shown {
    Shown {
        span: outcomes.stretch.as_str(),
        bucket_ms: outcomes.width,
        source: if outcomes.is_stored { "store" } else { "memory" },
        oldest_at: outcomes.oldest.map(Timestamp),
        totals: outcomes.totals(),
        buckets: outcomes
            .spans
            .into_iter()
            .map(|span| Bucket { at: Timestamp(span.begins), counts: span.counts })
            .collect(),
    }
}
