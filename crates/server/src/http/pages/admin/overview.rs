//! `/admin`: how much there is, what entries came to, what it all stands on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::html;
use super::super::room::picture;
use super::super::visitor::Visitor;
use super::{Inside, enter};
use crate::app::App;
use crate::entry_log::{Outcomes, Stretch};
use crate::http::admin::counted;
use crate::http::extract::Params;
use crate::http::nodes::{self, Lease, Node};
use crate::http::problem::Refused;
use crate::pages::admin::plot::{Bucket, Plot};
use crate::pages::admin::texts::AdminTexts;
use crate::pages::admin::views::{Figures, LeaseState, NodeRow, OverviewView, Part, StoreRow};
use crate::pages::admin::{Section, When};
use crate::readiness::Seen;

#[derive(Debug, Default, Deserialize)]
pub(super) struct SpanParam {
    #[serde(default)]
    span: String,
}

pub(super) async fn overview(
    State(app): State<Arc<App>>,
    Params(params): Params<SpanParam>,
    visitor: Visitor,
) -> Response {
    let inside = match enter(&visitor, Section::Overview) {
        Ok(inside) => inside,
        Err(response) => return *response,
    };
    let stretch = Stretch::parse(&params.span).unwrap_or_default();
    match view(&app, inside, stretch).await {
        Ok(view) => html(StatusCode::OK, &view),
        Err(refused) => visitor.refuse(&refused),
    }
}

async fn view(app: &App, inside: Inside<'_>, stretch: Stretch) -> Result<OverviewView, Refused> {
    let Inside { page, desk, .. } = inside;
    let counts = counted(app).await?;
    let outcomes = app.entry.aftermath.entry_log.outcomes(stretch).await?;
    let (mut stores, mut rows) = (Vec::new(), Vec::new());
    if desk.is_admin {
        let seen = app.readiness.look(&app.entry, &app.clock).await;
        stores.extend(seen.into_iter().map(store));
        rows.extend(nodes::known(app).await?.iter().map(node));
    }
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(OverviewView {
        figures: Figures {
            rooms: counts.rooms - counts.pending_rooms,
            pending: small(counts.pending_rooms),
            sessions: counts.sessions,
            people: small(counts.users_online),
            is_one_of_many: app.entry.aftermath.bus.is_shared(),
            seats: picture(&counts.seats),
        },
        plot: plot(&outcomes, desk.a),
        span: stretch.as_str(),
        oldest: outcomes.oldest.map(|at| When::at(anteroom_protocol::Timestamp(at))),
        is_stored: outcomes.is_stored,
        stores,
        nodes: rows,
        page,
        desk,
    })
}

fn plot(outcomes: &Outcomes, a: &AdminTexts) -> Plot {
    let buckets: Vec<Bucket> = outcomes
        .spans
        .iter()
        .map(|span| Bucket { at: span.begins, counts: span.counts.clone() })
        .collect();
    let (width, is_long) = match outcomes.stretch {
        Stretch::Hour => (a.widths[0], false),
        Stretch::Day => (a.widths[1], false),
        Stretch::Week => (a.widths[2], true),
    };
    Plot::new(&buckets, a, width, is_long)
}

fn store(seen: Seen) -> StoreRow {
    let part = match seen.part {
        "facts" => Part::Facts,
        "seats" => Part::Seats,
        _ => Part::Bus,
    };
    let since = When::at(anteroom_protocol::Timestamp(seen.since));
    StoreRow { part, kind: seen.kind, is_ready: seen.is_ready, since }
}

fn node(node: &Node) -> NodeRow {
    NodeRow {
        node: node.node,
        is_this: node.is_this,
        lease: match node.lease {
            Lease::Alone => LeaseState::Alone,
            Lease::Held => LeaseState::Held,
            Lease::RunOut => LeaseState::RunOut,
            Lease::Fenced => LeaseState::Fenced,
            Lease::Over => LeaseState::Over,
        },
        lease_left_s: node.lease_left_ms.map(|left| left / 1_000),
        sessions: node.sessions,
        version: node.version,
        started: node.started_at.map(When::at),
    }
}
