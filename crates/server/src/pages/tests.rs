//! What must hold for every page, whatever it shows: values are text and nothing else, every
//! refusal has words and a way onward, nothing needs what the content policy forbids.
//!
//! With `ANTEROOM_DUMP_PAGES=DIR` the same pages are written to `DIR`, to be looked at.

use super::form::{Answers, Fault, FieldError, FormKind};
use super::lang::Lang;
use super::refusal::{Action, Refusal};
use super::seats::Seats;
use super::views::{
    FormView, LobbyView, ProfileView, RefusalView, RoomCard, RoomSettingsView, RoomView, Saved,
};
use super::{Page, Viewer, render};

const HOSTILE: &str = "<script>alert(1)</script>\"' onload=x {{7*7}} &amp;";

fn page(lang: Lang, name: Option<&str>, path: &str) -> Page {
    let viewer = name.map(|name| Viewer {
        display_name: name.to_owned(),
        username: name.to_owned(),
        guest: false,
        staff: false,
    });
    Page::new(lang, viewer, path, true)
}

fn card(id: i64, name: &str, counts: [u32; 5], has_password: bool) -> RoomCard {
    let [capacity, occupied, reserved, held, waiting] = counts;
    let seats = Seats { capacity, occupied, reserved, held, waiting, staff_free: 0 };
    RoomCard { id, name: name.to_owned(), seats, has_password }
}

fn lobby(lang: Lang, name: Option<&str>, hostile: &str) -> String {
    let rooms = vec![
        card(101, hostile, [10, 7, 1, 0, 0], false),
        card(102, "Thursday seminar · 목요 세미나", [24, 20, 3, 1, 2], true),
        card(107, "Support desk", [4, 1, 0, 1, 0], false),
        card(113, "Launch event", [10_000, 6_412, 320, 85, 0], false),
        card(114, "Chess", [2, 0, 0, 0, 0], false),
        card(120, "수요일 저녁에 함께 책 읽는 아주 조용한 모임", [60, 31, 4, 2, 0], false),
    ];
    let query = if hostile == HOSTILE { hostile.to_owned() } else { String::new() };
    let next_cursor = Some(hostile.to_owned());
    render(&LobbyView { page: page(lang, name, "/"), rooms, query, continued: false, next_cursor })
}

fn empty_lobby(lang: Lang, query: &str) -> String {
    let (page, query) = (page(lang, None, "/"), query.to_owned());
    render(&LobbyView { page, rooms: Vec::new(), query, continued: false, next_cursor: None })
}

fn form(lang: Lang, kind: FormKind, value: Option<&str>) -> String {
    let mut answers = Answers::default();
    if let Some(value) = value {
        let names =
            ["username", "display_name", "contact_number", "name", "capacity", "visibility"];
        answers.values = names.map(|name| (name.to_owned(), value.to_owned())).into();
        answers.values.push(("password".to_owned(), value.to_owned()));
        answers.errors = vec![
            FieldError::new("username", Fault::UsernameTaken),
            FieldError::new("password", Fault::TooShort(8)),
            FieldError::new("name", Fault::Required),
            FieldError::new("capacity", Fault::OutOfRange(1, 10_000)),
            FieldError::new("visibility", Fault::Invalid),
            FieldError::new("", Fault::TooManyTries(15)),
        ];
    }
    let path = "/login?next=%2Frooms%2F101";
    render(&FormView::new(page(lang, None, path), kind, &answers, value.unwrap_or("/rooms/101")))
}

fn profile(lang: Lang, name: &str) -> String {
    let values = vec![
        ("display_name".to_owned(), name.to_owned()),
        ("contact_number".to_owned(), name.to_owned()),
    ];
    let answers = Answers { values, errors: Vec::new() };
    render(&ProfileView::new(page(lang, Some(name), "/profile"), &answers, Saved::Profile))
}

fn room(lang: Lang, name: &str, key: Option<&str>) -> String {
    let seats = Seats { capacity: 10, occupied: 7, reserved: 1, ..Seats::default() };
    let (page, key) = (page(lang, Some("Mina"), "/rooms/101"), key.map(str::to_owned));
    render(&RoomView { page, id: 101, name: name.to_owned(), seats, key, manages: true })
}

fn settings(lang: Lang, name: &str, errors: Vec<FieldError>) -> String {
    let page = page(lang, Some("Mina"), "/rooms/101/settings");
    let values = [("name", name), ("capacity", "10"), ("staff_seats", name), ("door", "password")];
    let values = values.map(|(field, value)| (field.to_owned(), value.to_owned())).into();
    let room = card(101, name, [10, 7, 1, 0, 0], true);
    render(&RoomSettingsView::new(page, room, &Answers { values, errors }))
}

fn refusal(lang: Lang, refusal: Refusal, name: &str) -> String {
    render(&RefusalView { page: page(lang, Some(name), "/rooms/101?key=a&b"), refusal })
}

/// Every page there is, by a file name, showing `name` wherever a page shows something given.
fn every_page(lang: Lang, name: &str) -> Vec<(String, String)> {
    let mut pages = vec![
        ("lobby".to_owned(), lobby(lang, Some(name), name)),
        ("lobby-out".to_owned(), lobby(lang, None, name)),
        ("lobby-empty".to_owned(), empty_lobby(lang, "")),
        ("lobby-none".to_owned(), empty_lobby(lang, name)),
        ("profile".to_owned(), profile(lang, name)),
        ("room".to_owned(), room(lang, name, Some(name))),
        ("settings".to_owned(), settings(lang, name, Vec::new())),
        ("settings-faults".to_owned(), {
            let fault = FieldError::new("staff_seats", Fault::StaffBeyondSeats);
            settings(lang, name, vec![fault])
        }),
        ("settings-unsure".to_owned(), {
            settings(lang, name, vec![FieldError::new("sure", Fault::NotSure)])
        }),
    ];
    for (kind, file) in [
        (FormKind::SignUp, "signup"),
        (FormKind::Login, "login"),
        (FormKind::Guest, "guest"),
        (FormKind::NewRoom, "new-room"),
        (FormKind::Password, "password"),
    ] {
        pages.push((file.to_owned(), form(lang, kind, None)));
        pages.push((format!("{file}-faults"), form(lang, kind, Some(name))));
    }
    for each in Refusal::ALL {
        pages.push((format!("refused-{}", each.code()), refusal(lang, *each, name)));
    }
    pages
}

#[test]
fn a_hostile_name_is_text_on_every_page() {
    for lang in Lang::ALL {
        for (file, html) in every_page(lang, HOSTILE) {
            assert!(!html.contains("<script>"), "{file}: a tag came through");
            assert!(!html.contains("\"' onload"), "{file}: an attribute can be left");
            assert!(!html.contains("alert(1)</"), "{file}: a closing tag came through");
        }
        let html = lobby(lang, Some(HOSTILE), HOSTILE);
        assert!(
            html.contains("&#60;script&#62;alert(1)&#60;/script&#62;"),
            "the name is not shown"
        );
    }
}

#[test]
fn no_page_needs_what_the_content_policy_forbids() {
    for lang in Lang::ALL {
        for (file, html) in every_page(lang, "Mina") {
            for forbidden in [" style=", "<style", " onclick", "javascript:", "http://", "<script>"]
            {
                assert!(!html.contains(forbidden), "{file} has {forbidden}");
            }
        }
    }
}

#[test]
fn every_refusal_has_words_and_a_way_onward() {
    for lang in Lang::ALL {
        for each in Refusal::ALL {
            let text = lang.texts().refusals.of(*each);
            assert!(text.title.len() > 5 && text.body.len() > 20, "{lang:?} {each:?}");
            assert!((1..=3).contains(&each.actions().len()), "{each:?}");
            let html = refusal(lang, *each, "Mina");
            assert!(html.contains(" data-action="), "{each:?} leads nowhere");
            assert_eq!(Refusal::from_code(each.code()), *each);
        }
    }
    assert_eq!(Refusal::from_code("never_heard_of"), Refusal::Internal);
}

#[test]
fn the_room_holds_the_words_of_every_refusal_and_every_action() {
    let html = room(Lang::Ko, "101", None);
    for each in Refusal::ALL.iter().filter(|each| each.is_met_in_rooms()) {
        assert!(html.contains(&format!("<template data-refusal=\"{}\"", each.code())), "{each:?}");
        for action in each.actions() {
            let template = format!("<template data-action=\"{}\"", action.name());
            assert!(html.contains(&template), "{action:?}");
        }
    }
}

#[test]
fn guests_are_offered_nothing_where_they_may_not_come_in() {
    let mut page = page(Lang::En, None, "/rooms/101");
    page.guests = false;
    assert!(!page.actions(Refusal::Unauthenticated).contains(&Action::Guest));
    let html = render(&FormView::new(page, FormKind::Login, &Answers::default(), "/"));
    assert!(!html.contains("/guest"));
}

#[test]
fn a_refused_form_keeps_its_values_but_never_a_password() {
    let html = form(Lang::En, FormKind::SignUp, Some("kept-value"));
    let value_of = |name: &str| {
        let start = html.find(&format!("name=\"{name}\"")).unwrap();
        html[start..].split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(value_of("username"), "kept-value");
    assert_eq!(value_of("password"), "");
    assert!(html.contains("aria-describedby=\"username-hint username-error\""));
    assert!(html.contains("id=\"username-error\""));
    assert!(html.contains("Wait 15 minutes"));
}

#[test]
fn a_form_never_leads_off_this_site() {
    let html = form(Lang::En, FormKind::Login, Some("//evil.example/"));
    assert!(html.contains("name=\"next\" value=\"/\""));
}

/// A script, and all that it imports.
fn loaded_with(script: &'static str) -> Vec<&'static str> {
    let mut loaded = vec![script];
    for at in 0.. {
        let Some(name) = loaded.get(at) else { break };
        let text = std::str::from_utf8(super::assets::asset(name).unwrap().plain.bytes).unwrap();
        for import in text.split(" from './").skip(1) {
            let import = import.split('\'').next().unwrap();
            if !loaded.contains(&import) {
                loaded.push(import);
            }
        }
    }
    loaded
}

#[test]
fn a_room_page_weighs_little() {
    for lang in Lang::ALL {
        let html = room(lang, "A room", None);
        let files = loaded_with("room.js").into_iter().chain(["app.css", "logo.svg"]);
        let assets = files.map(|name| super::assets::asset(name).unwrap());
        let total: usize = assets.map(|it| it.packed.unwrap_or(it.plain).bytes.len()).sum();
        assert!(html.len() + total < 60_000, "{} + {total} bytes", html.len());
    }
}

#[test]
fn pages_are_written_out_when_asked_for() {
    let Some(dir) = std::env::var_os("ANTEROOM_DUMP_PAGES") else { return };
    let dir = std::path::PathBuf::from(dir);
    for lang in Lang::ALL {
        let to = dir.join(lang.tag());
        std::fs::create_dir_all(&to).unwrap();
        for (file, html) in every_page(lang, "Mina Park") {
            std::fs::write(to.join(format!("{file}.html")), html).unwrap();
        }
    }
    std::fs::create_dir_all(dir.join("assets")).unwrap();
    for name in super::assets::names() {
        let bytes = super::assets::asset(name).unwrap().plain.bytes;
        std::fs::write(dir.join("assets").join(name), bytes).unwrap();
    }
}
