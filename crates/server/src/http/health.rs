//! Is the process there, and can it work?

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::extract::State;

use super::contract::{Routes, get};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Body, Group};

pub(super) fn routes() -> Routes {
    Routes::of(Group::Operation)
        .at(
            get("/healthz", "healthz", "Whether the process is there").answer(
                200,
                "`ok`",
                Body::Text("text/plain"),
            ),
            || async { "ok" },
        )
        .at(
            get("/readyz", "readyz", "Whether it can work")
                .answer(200, "`ready`", Body::Text("text/plain"))
                .refuses(&[Code::Restarting, Code::Unavailable]),
            ready,
        )
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refused> {
    if app.entry.draining.is_cancelled() {
        return Err(Refused::because(Code::Restarting, "The server is stopping."));
    }
    let seen = app.readiness.look(&app.entry, &app.clock).await;
    // Others can be away without a harm to those who ask here.
    let away = seen.iter().find(|it| !it.is_ready && it.part != "bus");
    match away {
        None => Ok("ready"),
        Some(away) => {
            tracing::warn!(event = "server.not_ready", part = away.part, "a store does not answer");
            Err(Refused { retry_after: Some(1), ..Refused::new(Code::Unavailable) })
        }
    }
}
