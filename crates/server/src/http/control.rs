//! What only commands on the server's own machine may ask for, over the socket in the data directory.

use std::sync::Arc;

use anteroom_protocol::Code;
use anteroom_protocol::account::SignUp;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::extract::{Json, Operator};
use super::problem::Refused;
use crate::app::App;
use crate::config::Changes;
use crate::view;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/control/reload", post(reload))
        .route("/control/users", post(add_user))
        .route("/control/token", post(check_token))
        .route("/control/administrators", get(administrators))
}

async fn reload(State(app): State<Arc<App>>, _: Operator) -> Result<axum::Json<Changes>, Refused> {
    match app.reload().await {
        Ok(changes) => Ok(axum::Json(changes)),
        Err(error) => Err(Refused::because(Code::Invalid, format!("{error:#}"))),
    }
}

async fn add_user(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    Json(ask): Json<SignUp>,
) -> Result<Response, Refused> {
    let user = app.people.add(&by, ask).await?;
    Ok(axum::Json(view::user(&user, true)).into_response())
}

/// A token to be looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TokenAsked {
    pub(crate) token: String,
}

async fn check_token(
    State(app): State<Arc<App>>,
    _: Operator,
    Json(asked): Json<TokenAsked>,
) -> Result<Response, Refused> {
    let checked = app.tokens.authenticate(&asked.token, app.clock.wall()).await;
    let who = checked.map_err(Refused::from)?;
    Ok(axum::Json(view::token(&who)).into_response())
}

/// Who is left to look after the server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Administrators {
    /// Neither locked nor at the end of their accounts.
    pub(crate) administrators: u32,
}

async fn administrators(State(app): State<Arc<App>>, _: Operator) -> Result<Response, Refused> {
    let administrators = app.people.accounts.administrators(app.clock.wall()).await?;
    Ok(axum::Json(Administrators { administrators }).into_response())
}
