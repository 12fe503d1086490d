//! `GET /admin/nodes`: the nodes of the deployment, and what the one that is asked stands on.

use std::sync::Arc;

use anteroom_protocol::Timestamp;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::accounts::private;
use super::admin::admins_only;
use super::contract::{Routes, get};
use super::extract::Caller;
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::readiness::Seen;
use crate::storage::{NodeRecord, Stored};

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        get("/admin/nodes", "nodes", "The nodes, and what they stand on")
            .for_whom(May::Admin)
            .answers::<Nodes>(200, "As the node sees it that answers."),
        nodes,
    )
}

/// The nodes of the deployment.
#[derive(Debug, JsonSchema, Serialize)]
struct Nodes {
    items: Vec<Node>,
    /// As seen by the node that answers.
    stores: Vec<Store>,
}

/// A node. What only a node itself knows is told of the one that answers, and of no other.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Node {
    /// Its number; 0 where there is one alone.
    pub(super) node: u32,
    /// Counts its starts.
    pub(super) incarnation: u64,
    /// Whether it is the one that answers.
    pub(super) is_this: bool,
    pub(super) lease: Lease,
    /// How long its lease lasts yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lease_left_ms: Option<i64>,
    /// Live connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sessions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Timestamp>,
}

/// Whether a node may work.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lease {
    /// There is one node, which needs none.
    Alone,
    /// It has a lease.
    Held,
    /// Its lease ran out, and nobody has fenced it yet.
    RunOut,
    /// It was fenced, and its seats are being given back.
    Fenced,
    /// It is over, in order or fenced, and left nothing behind.
    Over,
}

/// A part of what a node stands on.
#[derive(Debug, JsonSchema, Serialize)]
struct Store {
    /// What it is for.
    part: &'static str,
    /// What it is.
    kind: &'static str,
    /// Whether it answers.
    ready: bool,
    /// Since which look it has been seen so.
    since: Timestamp,
}

async fn nodes(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response, Refused> {
    admins_only(&who)?;
    let stores = app.readiness.look(&app.entry, &app.clock).await;
    let items = known(&app).await?;
    let stores = stores.into_iter().map(store).collect();
    Ok(private(axum::Json(Nodes { items, stores })))
}

fn store(Seen { part, kind, is_ready, since }: Seen) -> Store {
    Store { part, kind, ready: is_ready, since: Timestamp(since) }
}

/// The nodes that share the store; the one that answers, where there is no other.
///
/// # Errors
/// The store is away.
pub(super) async fn known(app: &App) -> Stored<Vec<Node>> {
    let owner = app.entry.owner;
    let mut all: Vec<Node> = Vec::new();
    if app.entry.aftermath.bus.is_shared() {
        all.extend(app.entry.storage.nodes().await?.iter().map(of_record));
    }
    if !all.iter().any(|it| (it.node, it.incarnation) == (owner.node, owner.incarnation)) {
        let (node, incarnation) = (owner.node, owner.incarnation);
        let lease = if all.is_empty() { Lease::Alone } else { Lease::Over };
        all.insert(0, blank(node, incarnation, lease));
    }
    for node in &mut all {
        node.is_this = (node.node, node.incarnation) == (owner.node, owner.incarnation);
        if node.is_this {
            node.sessions = Some(app.entry.hub.counts().sessions);
            node.version = Some(env!("CARGO_PKG_VERSION"));
            node.started_at = Some(Timestamp(app.readiness.started));
        }
    }
    Ok(all)
}

fn blank(node: u32, incarnation: u64, lease: Lease) -> Node {
    Node {
        node,
        incarnation,
        is_this: false,
        lease,
        lease_left_ms: None,
        sessions: None,
        version: None,
        started_at: None,
    }
}

fn of_record(record: &NodeRecord) -> Node {
    let lease = match (record.swept, record.fenced, record.lease_left > 0) {
        (true, ..) => Lease::Over,
        (false, true, _) => Lease::Fenced,
        (false, false, false) => Lease::RunOut,
        (false, false, true) => Lease::Held,
    };
    let left = (lease == Lease::Held).then_some(record.lease_left);
    let node = blank(record.owner.node, record.owner.incarnation, lease);
    Node { lease_left_ms: left, ..node }
}
