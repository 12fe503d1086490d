//! Sign-up, login, guest entry, profile, password, logout: as plain forms.

use std::net::IpAddr;
use std::sync::Arc;

use anteroom_protocol::Code;
use anteroom_protocol::account::{
    DeleteAccount, OwnMessages, PasswordChange, ProfileChange, Session, SignUp,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use serde::Deserialize;

use super::super::accounts::{clear_cookie, token_cookie};
use super::super::extract::{Address, Form, Params};
use super::super::own_data::file;
use super::super::problem::Refused;
use super::forms::{Asked, faults};
use super::visitor::{Known, Visitor};
use super::{Next, html, redirect};
use crate::accounts::AccountError;
use crate::app::App;
use crate::pages::form::{Answers, Fault, FieldError, FormKind};
use crate::pages::lang::local_path;
use crate::pages::query_value;
use crate::pages::views::{FormView, ProfileView, Saved};

fn form(
    visitor: &Visitor,
    kind: FormKind,
    (path, next): (&str, &str),
    answers: &Answers,
    status: StatusCode,
) -> Response {
    let next = local_path(next);
    let at =
        if next == "/" { path.to_owned() } else { format!("{path}?next={}", query_value(next)) };
    html(status, &FormView::new(visitor.page_at(&at), kind, answers, next))
}

fn again(
    visitor: &Visitor,
    kind: FormKind,
    path: &str,
    asked: &Asked,
    refused: &Refused,
) -> Response {
    let answers = asked.answers(faults(refused));
    form(visitor, kind, (path, asked.get("next")), &answers, refused.status())
}

/// Signed in: onward to where the visitor wanted to go.
fn enter(visitor: &Visitor, session: &Session, next: &str) -> Response {
    let mut response = redirect(local_path(next));
    response.headers_mut().insert(SET_COOKIE, token_cookie(session, &visitor.origin));
    response
}

pub(super) async fn sign_up_form(Params(next): Params<Next>, visitor: Visitor) -> Response {
    let at = ("/signup", next.next.as_str());
    form(&visitor, FormKind::SignUp, at, &Answers::default(), StatusCode::OK)
}

pub(super) async fn login_form(Params(next): Params<Next>, visitor: Visitor) -> Response {
    let at = ("/login", next.next.as_str());
    form(&visitor, FormKind::Login, at, &Answers::default(), StatusCode::OK)
}

pub(super) async fn guest_form(Params(next): Params<Next>, visitor: Visitor) -> Response {
    let at = ("/guest", next.next.as_str());
    form(&visitor, FormKind::Guest, at, &Answers::default(), StatusCode::OK)
}

pub(super) async fn password_form(Params(next): Params<Next>, visitor: Visitor) -> Response {
    let username = visitor.known.as_ref().map(|known| known.user.username.clone());
    let values = username.map(|name| ("username".to_owned(), name)).into_iter().collect();
    let answers = Answers { values, ..Answers::default() };
    let at = ("/password", next.next.as_str());
    form(&visitor, FormKind::Password, at, &answers, StatusCode::OK)
}

pub(super) async fn sign_up(
    State(app): State<Arc<App>>,
    Address(address): Address,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    let ask = SignUp {
        username: asked.get("username").to_owned(),
        password: asked.get("password").to_owned(),
        display_name: asked.optional("display_name"),
        contact_number: asked.optional("contact_number"),
    };
    if let Err(error) = app.people.sign_up(ask, address).await {
        return again(&visitor, FormKind::SignUp, "/signup", &asked, &error.into());
    }
    login(State(app), Address(address), visitor, Form(asked)).await
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Address(address): Address,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    match app.people.sign_in(asked.get("username"), asked.get("password"), address).await {
        Ok(session) => enter(&visitor, &session, asked.get("next")),
        Err(error) => {
            let refused = Refused::from(error);
            if refused.code == Code::CredentialsExpired {
                return again(&visitor, FormKind::Password, "/password", &asked, &refused);
            }
            again(&visitor, FormKind::Login, "/login", &asked, &refused)
        }
    }
}

pub(super) async fn guest(
    State(app): State<Arc<App>>,
    Address(address): Address,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    match app.people.guest(asked.get("display_name"), address).await {
        Ok(session) => enter(&visitor, &session, asked.get("next")),
        Err(error) => again(&visitor, FormKind::Guest, "/guest", &asked, &error.into()),
    }
}

pub(super) async fn password(
    State(app): State<Arc<App>>,
    Address(address): Address,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    if let Some(known) = visitor.known.as_ref()
        && known.user.username == asked.get("username")
    {
        return own_password(&app, address, &visitor, known, &asked).await;
    }
    let change = PasswordChange {
        username: asked.get("username").to_owned(),
        current_password: asked.get("current_password").to_owned(),
        new_password: asked.get("new_password").to_owned(),
    };
    match app.people.change_password(change, address).await {
        // Every login has ended with the old password; the new one opens the way in again.
        Ok(()) => {
            let next = local_path(asked.get("next"));
            let mut response = redirect(&format!("/login?next={}", query_value(next)));
            response.headers_mut().insert(SET_COOKIE, clear_cookie(&visitor.origin));
            response
        }
        Err(error) => again(&visitor, FormKind::Password, "/password", &asked, &error.into()),
    }
}

/// Changed by somebody who is logged in: that login stays, every other one ends.
async fn own_password(
    app: &App,
    address: Option<IpAddr>,
    visitor: &Visitor,
    known: &Known,
    asked: &Asked,
) -> Response {
    let change = ProfileChange {
        password: Some(asked.get("new_password").to_owned()),
        current_password: Some(asked.get("current_password").to_owned()),
        ..ProfileChange::default()
    };
    match app.people.change_profile(&known.who, change, address).await {
        Ok(_) => redirect("/profile?saved=password"),
        Err(error) => {
            let mut refused = Refused::from(error);
            for error in refused.errors.iter_mut().filter(|error| error.field == "password") {
                "new_password".clone_into(&mut error.field);
            }
            again(visitor, FormKind::Password, "/password", asked, &refused)
        }
    }
}

fn profile_page(
    visitor: &Visitor,
    answers: &Answers,
    saved: Saved,
    status: StatusCode,
) -> Response {
    html(status, &ProfileView::new(visitor.page_at("/profile"), answers, saved))
}

fn shown(known: &Known) -> Answers {
    let contact = known.user.contact_number.clone().unwrap_or_default();
    Answers {
        values: vec![
            ("display_name".to_owned(), known.user.display_name.clone()),
            ("contact_number".to_owned(), contact),
        ],
        ..Answers::default()
    }
}

/// What was just saved, so that the page can say it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SavedParam {
    #[serde(default)]
    saved: String,
}

pub(super) async fn profile_form(Params(asked): Params<SavedParam>, visitor: Visitor) -> Response {
    let saved = match asked.saved.as_str() {
        "profile" => Saved::Profile,
        "password" => Saved::Password,
        _ => Saved::Nothing,
    };
    match visitor.known() {
        Ok(known) => profile_page(&visitor, &shown(known), saved, StatusCode::OK),
        Err(response) => *response,
    }
}

pub(super) async fn profile(
    State(app): State<Arc<App>>,
    Address(address): Address,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    let known = match visitor.known() {
        Ok(known) => known,
        Err(response) => return *response,
    };
    let change = ProfileChange {
        display_name: Some(asked.get("display_name").to_owned()),
        contact_number: Some(asked.get("contact_number").to_owned()),
        ..ProfileChange::default()
    };
    match app.people.change_profile(&known.who, change, address).await {
        Ok(_) => redirect("/profile?saved=profile"),
        Err(error) => {
            let refused = Refused::from(error);
            let answers = asked.answers(faults(&refused));
            profile_page(&visitor, &answers, Saved::Nothing, refused.status())
        }
    }
}

/// Everything that is stored of the visitor, as a file.
pub(super) async fn data(State(app): State<Arc<App>>, visitor: Visitor) -> Response {
    let known = match visitor.known() {
        Ok(known) => known,
        Err(response) => return *response,
    };
    match app.people.export_own(&known.who).await {
        Ok(chunks) => file(chunks),
        Err(error) => visitor.refuse(&error.into()),
    }
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Address(address): Address,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    let known = match visitor.known() {
        Ok(known) => known,
        Err(response) => return *response,
    };
    let erases = asked.get("messages") == "delete";
    let not_done = |errors: &[FieldError], status| {
        let page = visitor.page_at("/profile");
        let view = ProfileView::new(page, &shown(known), Saved::Nothing);
        html(status, &view.ending(erases, errors))
    };
    if asked.get("sure") != "yes" {
        let unsure = FieldError::new("sure", Fault::NotSure);
        return not_done(&[unsure], StatusCode::UNPROCESSABLE_ENTITY);
    }
    let ask = DeleteAccount {
        password: asked.optional("password"),
        messages: if erases { OwnMessages::Delete } else { OwnMessages::Keep },
    };
    match app.people.delete_own(&known.who, ask, address).await {
        Ok(()) => {
            let mut response = redirect("/");
            response.headers_mut().insert(SET_COOKIE, clear_cookie(&visitor.origin));
            response
        }
        Err(AccountError::BadCredentials) => {
            let wrong = FieldError::new("password", Fault::WrongPassword);
            not_done(&[wrong], StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(AccountError::LastAdmin) => {
            not_done(&[FieldError::new("", Fault::LastAdmin)], StatusCode::CONFLICT)
        }
        Err(error) => {
            let refused = Refused::from(error);
            not_done(&faults(&refused), refused.status())
        }
    }
}

pub(super) async fn log_out(State(app): State<Arc<App>>, visitor: Visitor) -> Response {
    if let Some(known) = &visitor.known
        && let Err(error) = app.people.sign_out(&known.who).await
    {
        return visitor.refuse(&error.into());
    }
    let mut response = redirect("/");
    response.headers_mut().insert(SET_COOKIE, clear_cookie(&visitor.origin));
    response
}
