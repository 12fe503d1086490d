//! Is the process there, and can it work?

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::Router;
use axum::extract::State;
use axum::routing::get;

use super::problem::Refused;
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready))
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
