//! Forms as a page shows them: fields with their labels, kept values and faults.
//!
//! A form posts plainly and works without script. The handler that refuses one gives the values
//! and the faults back, and the same page is shown again. A password is never given back.

use super::Page;
use super::refusal::Refusal;
use super::texts::Texts;

/// What is wrong with one field, without words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Required,
    /// Fewer characters than this.
    TooShort(usize),
    /// More characters than this.
    TooLong(usize),
    /// Not a whole number between these two, both included.
    OutOfRange(u32, u32),
    /// More staff seats than seats.
    StaffBeyondSeats,
    /// What cannot be undone has to be asked for twice.
    NotSure,
    /// A password for a door that asks for none.
    PasswordNotAsked,
    /// Characters that the field does not take.
    Characters,
    /// A password that everybody guesses first.
    TooCommon,
    UsernameTaken,
    BadCredentials,
    WrongPassword,
    SamePassword,
    /// Nobody would be left who may administer.
    LastAdmin,
    /// Wait this many minutes.
    TooManyTries(u64),
    /// The whole form was refused for a reason that has a page of its own.
    Refused(Refusal),
    Invalid,
}

/// A fault and where it is. With an empty `field`, or one the form does not show, it is told above
/// the form.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) fault: Fault,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, fault: Fault) -> Self {
        Self { field: field.into(), fault }
    }
}

/// What was sent and what is wrong with it; empty when a form is shown for the first time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// Field name and value as sent. Passwords in here are ignored.
    pub(crate) values: Vec<(String, String)>,
    pub(crate) errors: Vec<FieldError>,
}

impl Answers {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The forms there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FormKind {
    /// `POST /signup`: `username`, `password`, `display_name`, `contact_number`.
    SignUp,
    /// `POST /login`: `username`, `password`.
    Login,
    /// `POST /guest`: `display_name`.
    Guest,
    /// `POST /rooms/new`: `name`, `capacity`, `staff_seats`, `visibility`, `password`, `lifetime`.
    NewRoom,
    /// `POST /rooms/{id}/settings`: `name`, `capacity`, `staff_seats`, `visibility`, `door`,
    /// `password`.
    RoomSettings,
    /// `POST /profile`: `display_name`, `contact_number`.
    Profile,
    /// `POST /password`: `username`, `current_password`, `new_password`.
    Password,
}

/// One choice of a field that offers several.
pub(crate) struct Choice {
    pub(crate) value: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) chosen: bool,
}

/// One field, ready to be shown.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The `type` of the input.
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) hint: &'static str,
    pub(crate) error: Option<String>,
    pub(crate) autocomplete: &'static str,
    pub(crate) required: bool,
    /// Shown, and sent, but not to be changed.
    pub(crate) fixed: bool,
    /// Smallest number, where it is one.
    pub(crate) min: u32,
    /// Largest number of characters, 0 for no such limit in the page.
    pub(crate) chars_max: usize,
    pub(crate) choices: Vec<Choice>,
}

impl Field {
    /// The ids that describe the input, for `aria-describedby`.
    pub(crate) fn described_by(&self) -> String {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let error = self.error.is_some().then(|| format!("{}-error", self.name));
        hint.into_iter().chain(error).collect::<Vec<_>>().join(" ")
    }
}

/// A whole form, ready to be shown.
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) submit: &'static str,
    pub(crate) fields: Vec<Field>,
    /// Faults of the form as a whole.
    pub(crate) errors: Vec<String>,
    pub(crate) next: String,
}

/// What a field is, before values and faults are known.
#[derive(Clone, Copy)]
struct Spec(&'static str, &'static str, &'static str, &'static str, &'static str, bool, usize);

impl Form {
    /// Builds the form of `kind`; `next` is where a success leads (empty for the usual place).
    pub(crate) fn new(page: &Page, kind: FormKind, answers: &Answers, next: &str) -> Self {
        let t = page.t;
        let fields: Vec<_> =
            specs(kind, t).into_iter().map(|s| field(s, kind, t, answers)).collect();
        let errors = answers
            .errors
            .iter()
            .filter(|error| fields.iter().all(|field| field.name != error.field))
            .map(|error| (t.fault)(&error.fault))
            .collect();
        let (action, submit) = match kind {
            FormKind::SignUp => ("/signup", t.sign_up_submit),
            FormKind::Login => ("/login", t.login),
            FormKind::Guest => ("/guest", t.guest_submit),
            FormKind::NewRoom => ("/rooms/new", t.create_room),
            FormKind::RoomSettings => (page.path.as_str(), t.save),
            FormKind::Profile => ("/profile", t.save),
            FormKind::Password => ("/password", t.change_password),
        };
        Self { action: action.to_owned(), submit, fields, errors, next: next.to_owned() }
    }

    pub(crate) fn faulty(&self) -> bool {
        !self.errors.is_empty() || self.fields.iter().any(|field| field.error.is_some())
    }
}

fn specs(kind: FormKind, t: &'static Texts) -> Vec<Spec> {
    use anteroom_core::limits as max;
    let username = |hint| {
        Spec("username", t.username, "text", hint, "username", true, max::USERNAME_CHARS_MAX)
    };
    let secret = |name, label, hint, autocomplete| {
        Spec(name, label, "password", hint, autocomplete, true, max::PASSWORD_CHARS_MAX)
    };
    let display = |required| {
        let (label, hint) = (t.display_name, t.display_name_hint);
        let chars = max::DISPLAY_NAME_CHARS_MAX;
        Spec("display_name", label, "text", hint, "nickname", required, chars)
    };
    let contact = || {
        let (label, hint) = (t.contact_number, t.contact_hint);
        Spec("contact_number", label, "tel", hint, "tel", false, max::CONTACT_CHARS_MAX)
    };
    match kind {
        FormKind::SignUp => vec![
            username(t.username_hint),
            secret("password", t.password, t.password_hint, "new-password"),
            display(false),
            contact(),
        ],
        FormKind::Login => {
            vec![username(""), secret("password", t.password, "", "current-password")]
        }
        FormKind::Guest => vec![display(true)],
        FormKind::NewRoom | FormKind::RoomSettings => room_specs(kind, t),
        FormKind::Profile => vec![display(true), contact()],
        FormKind::Password => vec![
            username(""),
            secret("current_password", t.current_password, "", "current-password"),
            secret("new_password", t.new_password, t.password_hint, "new-password"),
        ],
    }
}

fn room_specs(kind: FormKind, t: &'static Texts) -> Vec<Spec> {
    let is_new = kind == FormKind::NewRoom;
    let chars = anteroom_core::limits::ROOM_NAME_CHARS_MAX;
    let seats = if is_new { t.capacity_hint } else { t.fewer_seats_hint };
    let choice = |name, label| Spec(name, label, "choice", "", "", true, 0);
    let password = |label, hint| Spec("password", label, "password", hint, "off", false, 0);
    let mut specs = vec![
        Spec("name", t.room_name, "text", t.room_name_hint, "off", true, chars),
        Spec("capacity", t.capacity, "number", seats, "off", true, 0),
        Spec("staff_seats", t.staff_seats, "number", t.staff_seats_hint, "off", true, 0),
        choice("visibility", t.visibility),
    ];
    specs.extend(match is_new {
        true => [choice("lifetime", t.lifetime), password(t.room_password, t.room_password_hint)],
        false => [choice("door", t.door), password(t.new_room_password, "")],
    });
    specs
}

fn field(spec: Spec, kind: FormKind, t: &'static Texts, answers: &Answers) -> Field {
    let Spec(name, label, input, hint, autocomplete, required, chars_max) = spec;
    let usual = match name {
        "capacity" if kind == FormKind::NewRoom => "10",
        "staff_seats" => "0",
        _ => "",
    };
    let sent = answers.value(name).unwrap_or(usual);
    let value = if input == "password" { String::new() } else { sent.to_owned() };
    let error = answers.errors.iter().find(|error| error.field == name);
    Field {
        name,
        label,
        kind: input,
        value,
        hint,
        error: error.map(|error| (t.fault)(&error.fault)),
        autocomplete,
        required,
        fixed: false,
        min: u32::from(name != "staff_seats"),
        chars_max,
        choices: choices(name, sent, t),
    }
}

/// The choices of a field; the first is chosen unless another was sent.
fn choices(name: &str, sent: &str, t: &'static Texts) -> Vec<Choice> {
    let offered = match name {
        "visibility" => {
            [("public", t.public, t.public_hint), ("unlisted", t.unlisted, t.unlisted_hint)]
        }
        "lifetime" => [
            ("persistent", t.persistent, t.persistent_hint),
            ("until_empty", t.until_empty, t.until_empty_hint),
        ],
        "door" => [
            ("open", t.door_open, t.door_open_hint),
            ("password", t.door_password, t.door_password_hint),
        ],
        _ => return Vec::new(),
    };
    let known = offered.iter().any(|(value, ..)| *value == sent);
    let chosen = if known { sent } else { offered[0].0 };
    offered
        .map(|(value, label, hint)| Choice { value, label, hint, chosen: value == chosen })
        .into()
}
