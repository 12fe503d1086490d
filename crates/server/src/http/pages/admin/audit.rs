//! `/admin/audit`: the audit trail, filtered by who, what and to whom.

use std::sync::Arc;

use anteroom_protocol::audit::{Act, AuditLine, AuditUser};
use anteroom_protocol::page::Page as Listed;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::html;
use super::super::visitor::Visitor;
use super::{Inside, enter};
use crate::app::App;
use crate::http::audit::{AuditParams, By, page as page_of};
use crate::http::extract::Params;
use crate::pages::admin::paged::Paged;
use crate::pages::admin::views::{AuditRow, AuditView, Someone};
use crate::pages::admin::{Section, When};

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListParams {
    #[serde(default)]
    actor: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    cursor: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListParams>,
    visitor: Visitor,
) -> Response {
    let Inside { page, desk, .. } = match enter(&visitor, Section::Audit) {
        Ok(inside) => inside,
        Err(response) => return *response,
    };
    let (act, by) = (Act::parse(&params.act), By::parse(&params.by));
    let asked = AuditParams {
        actor: Some(params.actor.clone()),
        by: by.map(|by| by.as_str().to_owned()),
        act: act.map(|act| act.as_str().to_owned()),
        target: Some(params.target.clone()),
        limit: None,
        cursor: Some(params.cursor.clone()),
    };
    let Listed { items, next_cursor } = match page_of(&app, &asked).await {
        Ok(found) => found,
        Err(refused) => return visitor.refuse(&refused),
    };
    let ListParams { actor, target, cursor, .. } = params;
    let acts = Paged { rows: items, behind: cursor, next: next_cursor }.shown(row);
    let by_staff = by.map(By::is_staff);
    html(StatusCode::OK, &AuditView { page, desk, actor, by_staff, act, target, acts })
}

fn row(line: AuditLine) -> AuditRow {
    let detail = line.detail.iter().map(|(name, value)| format!("{name}: {value}"));
    AuditRow {
        at: When::at(line.at),
        actor: line.actor.map(named),
        act: line.act,
        user: line.user.map(named),
        room: line.room_id,
        detail: detail.collect::<Vec<_>>().join(", "),
        outcome: line.outcome,
        code: line.code,
    }
}

fn named(user: AuditUser) -> Someone {
    let id = user.id.to_string();
    Someone { name: user.username.unwrap_or_else(|| id.clone()), id }
}
