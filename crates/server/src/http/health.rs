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
    app.entry.storage.ping().await?;
    app.entry.admission.ping().await?;
    Ok("ready")
}
