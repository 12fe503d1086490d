//! The pages themselves: one struct per template, holding all that the page shows.

use askama::Template;

use super::Page;
use super::form::{Answers, FieldError, Form, FormKind};
use super::refusal::{Action, Refusal, RefusalText};
use super::seats::Seats;

/// One open room in the lobby.
#[derive(Clone, Debug)]
pub(crate) struct RoomCard {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) seats: Seats,
    pub(crate) has_password: bool,
}

/// `GET /`: the open rooms.
#[derive(Template)]
#[template(path = "lobby.html")]
pub(crate) struct LobbyView {
    pub(crate) page: Page,
    pub(crate) rooms: Vec<RoomCard>,
    /// What was searched for; empty for all rooms.
    pub(crate) query: String,
    /// Whether rooms of earlier pages are left out.
    pub(crate) continued: bool,
    /// The cursor of the next page of the list, if there is one.
    pub(crate) next_cursor: Option<String>,
}

impl LobbyView {
    /// Whether the page shows every room that was asked for, so that a new one belongs on it.
    fn is_whole(&self) -> bool {
        !self.continued && self.next_cursor.is_none()
    }

    fn more_href(&self, cursor: &str) -> String {
        let (query, cursor) = (super::query_value(&self.query), super::query_value(cursor));
        format!("/?q={query}&cursor={cursor}")
    }
}

/// A page with one form: sign-up, login, guest entry, new room, a new password.
#[derive(Template)]
#[template(path = "form.html")]
pub(crate) struct FormView {
    pub(crate) page: Page,
    kind: FormKind,
    form: Form,
}

impl FormView {
    /// `next` is where a success leads; it is kept in the form and made local first.
    pub(crate) fn new(page: Page, kind: FormKind, answers: &Answers, next: &str) -> Self {
        let form = Form::new(&page, kind, answers, super::lang::local_path(next));
        Self { page, kind, form }
    }

    fn title(&self) -> &'static str {
        let t = self.page.t;
        match self.kind {
            FormKind::SignUp => t.sign_up,
            FormKind::Login => t.login,
            FormKind::Guest => t.guest_title,
            FormKind::NewRoom => t.new_room,
            FormKind::RoomSettings => t.room_settings,
            FormKind::Profile => t.profile,
            FormKind::Password => t.change_password,
        }
    }

    fn lead(&self) -> &'static str {
        let t = self.page.t;
        match self.kind {
            FormKind::SignUp => t.sign_up_lead,
            FormKind::Login => t.login_lead,
            FormKind::Guest => t.guest_lead,
            FormKind::NewRoom => t.room_lead,
            FormKind::RoomSettings => t.room_settings_lead,
            FormKind::Profile => t.profile_lead,
            FormKind::Password => t.change_password_lead,
        }
    }

    /// Other ways in, as label and address. They keep `next`.
    fn others(&self) -> Vec<(&'static str, String)> {
        let t = self.page.t;
        let to = |path: &str| format!("{path}?next={}", super::query_value(&self.form.next));
        let ways = [
            (FormKind::Login, t.have_account, "/login"),
            (FormKind::SignUp, t.no_account, "/signup"),
            (FormKind::Guest, t.come_as_guest, "/guest"),
        ];
        if ways.iter().all(|(kind, ..)| *kind != self.kind) {
            return Vec::new();
        }
        ways.into_iter()
            .filter(|(kind, ..)| *kind != self.kind)
            .filter(|(kind, ..)| self.page.guests || *kind != FormKind::Guest)
            .map(|(_, label, path)| (label, to(path)))
            .collect()
    }
}

/// What a profile page has to say about the last change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Saved {
    Nothing,
    Profile,
    Password,
}

/// `GET /profile`: name, contact number, password, log out.
#[derive(Template)]
#[template(path = "profile.html")]
pub(crate) struct ProfileView {
    pub(crate) page: Page,
    form: Form,
    password: Form,
    saved: Saved,
    ending: Ending,
}

/// The wish to end the account, and what is wrong with it.
#[derive(Default)]
struct Ending {
    erases: bool,
    password: Option<String>,
    sure: Option<String>,
    /// What belongs to no field.
    errors: Vec<String>,
}

impl ProfileView {
    /// `profile` holds `display_name` and `contact_number` as values, and what is wrong with them.
    /// The password form posts to `/password`, which shows its own faults.
    pub(crate) fn new(page: Page, profile: &Answers, saved: Saved) -> Self {
        let username = page.viewer.as_ref().map_or("", |viewer| viewer.username.as_str());
        let form = Form::new(&page, FormKind::Profile, profile, "/profile");
        let known = Answers { values: vec![("username".into(), username.into())], errors: vec![] };
        let mut password = Form::new(&page, FormKind::Password, &known, "/profile");
        for field in &mut password.fields {
            field.fixed = field.name == "username";
        }
        Self { page, form, password, saved, ending: Ending::default() }
    }

    /// Shows what is wrong with the wish to end the account: with `password`, with `sure`, or with all of it.
    pub(crate) fn ending(mut self, erases: bool, errors: &[FieldError]) -> Self {
        self.ending.erases = erases;
        for error in errors {
            let text = (self.page.t.fault)(&error.fault);
            match error.field.as_str() {
                "password" => self.ending.password = Some(text),
                "sure" => self.ending.sure = Some(text),
                _ => self.ending.errors.push(text),
            }
        }
        self
    }
}

/// `GET /rooms/{id}`: the room. Looking at it takes no seat; its script reserves and connects.
#[derive(Template)]
#[template(path = "room.html")]
pub(crate) struct RoomView {
    pub(crate) page: Page,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) seats: Seats,
    /// The key of an unlisted room, as it came in the address.
    pub(crate) key: Option<String>,
    /// Whether the reader may change the room.
    pub(crate) manages: bool,
}

impl RoomView {
    fn refusals(&self) -> Vec<(&'static str, RefusalText, String)> {
        let shown = |refusal: &Refusal| {
            let names = self.page.actions(*refusal).into_iter().map(Action::name);
            let names = names.collect::<Vec<_>>().join(" ");
            (refusal.code(), self.page.t.refusals.of(*refusal), names)
        };
        Refusal::ALL.iter().filter(|refusal| refusal.is_met_in_rooms()).map(shown).collect()
    }

    fn links(&self) -> Vec<Action> {
        use Action::{Guest, Lobby, Login, NewRoom, Retry, SignUp, UseHere, Wait};
        [Retry, UseHere, Wait, Login, Guest, SignUp, NewRoom, Lobby].into()
    }
}

/// `GET /rooms/{id}/settings`: what its owner and moderators change about a room, and its end.
#[derive(Template)]
#[template(path = "room_settings.html")]
pub(crate) struct RoomSettingsView {
    pub(crate) page: Page,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) seats: Seats,
    form: Form,
    saved: bool,
    /// Nobody has entered it yet: there is nothing to change.
    pending: bool,
    /// What is wrong with the wish to close it.
    close_error: Option<String>,
}

impl RoomSettingsView {
    /// The settings of a room as it is: `answers` are what stands in its fields, and what is wrong
    /// with them or with `sure`, the field that closes it.
    pub(crate) fn new(page: Page, room: RoomCard, answers: &Answers) -> Self {
        let (mut form, mut close_error) =
            (Form::new(&page, FormKind::RoomSettings, answers, ""), None);
        if let Some(error) = answers.errors.iter().find(|error| error.field == "sure") {
            form.errors.clear();
            close_error = Some((page.t.fault)(&error.fault));
        }
        let RoomCard { id, name, seats, .. } = room;
        Self { page, id, name, seats, form, saved: false, pending: false, close_error }
    }

    /// The last change was stored.
    pub(crate) fn saved(self, saved: bool) -> Self {
        Self { saved, ..self }
    }

    /// The room waits for its first entry.
    pub(crate) fn pending(self, pending: bool) -> Self {
        Self { pending, ..self }
    }
}

/// A refusal as a page of its own. The status is the caller's.
#[derive(Template)]
#[template(path = "refusal.html")]
pub(crate) struct RefusalView {
    /// Its `path` is what "try again" leads to: a page one can `GET`.
    pub(crate) page: Page,
    pub(crate) refusal: Refusal,
}

impl RefusalView {
    fn text(&self) -> RefusalText {
        self.page.t.refusals.of(self.refusal)
    }

    /// Standing in line and taking over need the script of the room, so they lead there.
    fn links(&self) -> Vec<Action> {
        let mut links = self.page.actions(self.refusal);
        links.retain(|action| *action != Action::Wait);
        links
    }
}
