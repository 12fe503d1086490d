//! Both languages say everything, and what people wrote is shown as text.

use anteroom_protocol::account::Role;
use anteroom_protocol::attempt::Outcome;
use anteroom_protocol::audit::{Act, ActOutcome};

use super::views::{ConfirmView, Someone};
use super::{Desk, Section, When};
use crate::pages::lang::Lang;
use crate::pages::{Page, render};

#[test]
fn every_word_of_the_contract_has_a_name_of_its_own_in_both_languages() {
    for lang in Lang::ALL {
        let a = lang.admin_texts();
        let mut names: Vec<&str> = Outcome::ALL.iter().map(|it| (a.outcome_name)(*it)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Outcome::ALL.len());
        let mut names: Vec<&str> = Act::ALL.iter().map(|it| (a.act_name)(*it)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Act::ALL.len());
        for outcome in ActOutcome::ALL {
            assert!(!(a.act_outcome)(*outcome).is_empty());
        }
        for role in [Role::User, Role::Guest, Role::Moderator, Role::Admin, Role::Service] {
            assert!(!(a.role)(role).is_empty());
        }
    }
}

#[test]
fn the_frame_offers_a_moderator_no_accounts() {
    let page = Page::new(Lang::En, None, "/admin", true);
    let paths = |is_admin| {
        let desk = Desk::new(&page, is_admin, Section::Overview);
        desk.links().into_iter().map(|(_, path, _)| path).collect::<Vec<_>>()
    };
    assert_eq!(paths(false), ["/admin", "/admin/rooms", "/admin/entries"]);
    assert_eq!(paths(true).len(), 5);
}

#[test]
fn an_instant_is_said_whole_and_in_parts() {
    let when = When::at(anteroom_protocol::Timestamp(1_763_712_005_000));
    assert_eq!(when.iso, "2025-11-21T08:00:05.000Z");
    assert_eq!((&*when.shown, when.clock()), ("2025-11-21 08:00:05", "08:00"));
    assert_eq!(when.day(), "11-21 08:00");
}

#[test]
fn names_are_shown_as_text_where_an_act_is_asked_about() {
    let evil = "\"><script>alert(1)</script>".to_owned();
    let page = Page::new(Lang::En, None, "/admin/confirm", true);
    let desk = Desk::new(&page, true, Section::Rooms);
    let view = ConfirmView {
        page,
        desk,
        act: Act::Ban,
        room: Some((101, evil.clone())),
        user: Some(Someone { id: "u".to_owned(), name: evil }),
        from: String::new(),
        back: "/admin/rooms/101?a=\"b".to_owned(),
    };
    let html = render(&view);
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(html.contains("action=\"/admin/acts\""), "{html}");
}
