//! What people see: server-rendered pages, in every language of [`Lang`].
//!
//! Owns the words, the templates and the files under `/assets/`. A view struct says everything a
//! page shows; [`render`] turns it into HTML with every value escaped. Nothing here knows a
//! handler, a store or a request: the caller gathers the facts, fills a view and sends the string.
//! Read in this order: [`lang`], [`texts`] (with `en` and `ko`), [`refusal`], [`seats`], [`form`],
//! [`views`], [`assets`].

pub(crate) mod admin;
pub(crate) mod assets;
pub(crate) mod docs;
mod en;
pub(crate) mod form;
mod ko;
pub(crate) mod lang;
pub(crate) mod refusal;
pub(crate) mod seats;
#[cfg(test)]
mod tests;
pub(crate) mod texts;
pub(crate) mod views;

use std::fmt::{Display, Write as _};

use askama::Template;

use self::lang::{Lang, local_path};
use self::refusal::{Action, Refusal};
use self::texts::{Texts, fill};

/// Who is looking, when somebody is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) display_name: String,
    pub(crate) username: String,
    pub(crate) guest: bool,
    /// A moderator or an administrator.
    pub(crate) staff: bool,
}

/// What every page has: its language, who looks at it, and where it is.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) lang: Lang,
    pub(crate) t: &'static Texts,
    pub(crate) viewer: Option<Viewer>,
    /// The local path, with its query, that the language switch and a login come back to.
    pub(crate) path: String,
    /// Whether guests may come in; without it no page offers it.
    pub(crate) guests: bool,
}

impl Page {
    /// A page at `path`. A path that leads off this site is taken as `/`.
    pub(crate) fn new(lang: Lang, viewer: Option<Viewer>, path: &str, guests: bool) -> Self {
        Self { lang, t: lang.texts(), viewer, path: local_path(path).to_owned(), guests }
    }

    /// A text with one value in its place.
    pub(crate) fn say(&self, text: &str, name: &str, value: &(impl Display + ?Sized)) -> String {
        fill(text, &[(name, &value.to_string())])
    }

    pub(crate) fn label(&self, action: Action) -> &'static str {
        (self.t.action)(action)
    }

    /// Where an action leads as a plain link.
    pub(crate) fn href(&self, action: Action) -> String {
        match action {
            Action::Login => self.with_next("/login"),
            Action::Guest => self.with_next("/guest"),
            Action::SignUp => self.with_next("/signup"),
            Action::ChangePassword => "/password".to_owned(),
            Action::NewRoom => "/rooms/new".to_owned(),
            Action::Lobby => "/".to_owned(),
            Action::People => "/admin/people".to_owned(),
            Action::Retry | Action::UseHere | Action::Wait | Action::RoomPassword => {
                self.path.clone()
            }
        }
    }

    /// `path?next=…`, so that the form at `path` leads back here.
    pub(crate) fn with_next(&self, path: &str) -> String {
        match self.path.as_str() {
            "/" => path.to_owned(),
            here => format!("{path}?next={}", query_value(here)),
        }
    }

    /// The ways onward that exist on this server.
    pub(crate) fn actions(&self, refusal: Refusal) -> Vec<Action> {
        let offered = |action: &Action| self.guests || *action != Action::Guest;
        refusal.actions().iter().copied().filter(offered).collect()
    }
}

/// Percent-encodes everything but the characters that mean nothing in a query.
pub(crate) fn query_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The HTML of a view. A failure to format, which no view here can cause, is logged and answered
/// with one plain sentence instead of a blank page.
pub(crate) fn render(view: &impl Template) -> String {
    view.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        "<!doctype html><title>Anteroom</title><p>This page could not be shown. \
         <a href=\"/\">Go to the lobby</a>"
            .to_owned()
    })
}
