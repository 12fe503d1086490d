//! `/admin/confirm` asks first, `/admin/acts` does it and leads back with a notice. Both work without
//! script: a link, a form.

use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::Code;
use anteroom_protocol::account::Role;
use anteroom_protocol::audit::Act;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::super::forms::Asked;
use super::super::visitor::Visitor;
use super::super::{html, redirect, refusal_page};
use super::{Inside, enter, someone};
use crate::app::App;
use crate::http::extract::{Form, Params, plain_number};
use crate::http::problem::Refused;
use crate::pages::admin::Section;
use crate::pages::admin::views::ConfirmView;
use crate::tokens::Identity;

/// What is to be done, to whom and where.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    act: String,
    #[serde(default)]
    room: String,
    #[serde(default)]
    user: String,
    /// `person`: asked on the page of the person, and not on that of the room.
    #[serde(default)]
    from: String,
}

impl Wish {
    fn act(&self) -> Result<Act, Refused> {
        Act::parse(&self.act).ok_or_else(|| Refused::new(Code::BadRequest))
    }

    fn room(&self) -> Result<RoomId, Refused> {
        plain_number(&self.room).map(RoomId).ok_or_else(|| Refused::new(Code::RoomNotFound))
    }

    fn user(&self) -> Result<UserId, Refused> {
        Uuid::parse_str(&self.user).map(UserId).map_err(|_| Refused::new(Code::NotFound))
    }

    /// Which part of administration it belongs to.
    fn section(&self) -> Section {
        if self.is_about_a_room() { Section::Rooms } else { Section::People }
    }

    fn is_about_a_room(&self) -> bool {
        let acts = [Act::Kick, Act::Ban, Act::Unban, Act::CloseRoom];
        acts.iter().any(|act| act.as_str() == self.act)
    }

    /// The page that it was asked on.
    fn back(&self) -> String {
        match (self.room(), self.user()) {
            (_, Ok(user)) if self.from == "person" || !self.is_about_a_room() => {
                format!("/admin/people/{user}")
            }
            (Ok(room), _) => format!("/admin/rooms/{room}"),
            _ => "/admin".to_owned(),
        }
    }

    /// Where it leads once it is done: a room that was closed has no page.
    fn onward(&self) -> String {
        match self.act.as_str() {
            "close_room" => format!("/admin/rooms?did={}", self.act),
            _ => format!("{}?did={}", self.back(), self.act),
        }
    }
}

pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    Params(wish): Params<Wish>,
    visitor: Visitor,
) -> Response {
    let inside = match enter(&visitor, wish.section()) {
        Ok(inside) => inside,
        Err(response) => return *response,
    };
    match asked(&app, inside, &wish).await {
        Ok(view) => html(StatusCode::OK, &view),
        Err(refused) => visitor.refuse(&refused),
    }
}

async fn asked(app: &App, inside: Inside<'_>, wish: &Wish) -> Result<ConfirmView, Refused> {
    let Inside { known, page, desk } = inside;
    let act = wish.act()?;
    let room = match wish.is_about_a_room() {
        true => {
            let info = app.rooms.managed(&known.who, wish.room()?).await?;
            Some((info.id.0, info.name.clone()))
        }
        false => None,
    };
    let user = match act {
        Act::CloseRoom => None,
        _ => Some(someone(app, wish.user()?).await),
    };
    let (from, back) = (wish.from.clone(), wish.back());
    Ok(ConfirmView { page, desk, act, room, user, from, back })
}

pub(super) async fn act(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    let text = |field: &str| asked.get(field).to_owned();
    let wish =
        Wish { act: text("act"), room: text("room"), user: text("user"), from: text("from") };
    let known = match enter(&visitor, wish.section()) {
        Ok(inside) => inside.known,
        Err(response) => return *response,
    };
    match done(&app, &known.who, &wish, &asked).await {
        Ok(()) => redirect(&wish.onward()),
        // To be tried again where it was asked: there is no page behind a form.
        Err(refused) => refusal_page(visitor.page_at(&wish.back()), &refused),
    }
}

async fn done(app: &App, who: &Identity, wish: &Wish, asked: &Asked) -> Result<(), Refused> {
    match wish.act()? {
        Act::Kick => app.rooms.remove_member(who, wish.room()?, wish.user()?, false).await?,
        Act::Ban => app.rooms.remove_member(who, wish.room()?, wish.user()?, true).await?,
        Act::Unban => app.rooms.unban(who, wish.room()?, wish.user()?).await?,
        Act::CloseRoom => app.rooms.close(who, wish.room()?).await?,
        Act::Logout => drop(app.people.log_out(who, wish.user()?).await?),
        Act::Lock => app.people.lock(who, wish.user()?).await?,
        Act::Unlock => app.people.unlock(who, wish.user()?).await?,
        Act::Roles => {
            let user = wish.user()?;
            let roles = roles(app, user, asked).await?;
            app.people.set_roles(who, user, roles).await?;
        }
        Act::ChangeRoom | Act::Direct | Act::AddUser | Act::Export | Act::DeleteUser => {
            return Err(Refused::new(Code::BadRequest));
        }
    }
    Ok(())
}

/// The roles that were ticked, beside being a user or a guest, which nobody gives or takes here.
async fn roles(app: &App, user: UserId, asked: &Asked) -> Result<Vec<Role>, Refused> {
    let record = app.entry.storage.user(user).await?;
    let record = record.ok_or_else(|| Refused::new(Code::NotFound))?;
    let base = if record.roles.contains(&Role::Guest) { Role::Guest } else { Role::User };
    let mut roles = vec![base];
    for role in [Role::Moderator, Role::Admin, Role::Service] {
        if asked.get(&format!("role_{}", role.as_str())) == "yes" {
            roles.push(role);
        }
    }
    Ok(roles)
}
