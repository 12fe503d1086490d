//! What people are told while everything fails, in a word, and whether the contract has that word.

use anteroom_client::Error;

/// What was answered: the status or close code and the code, or that the line broke.
pub(crate) fn word_of(error: &Error) -> String {
    match error {
        Error::Transport(_) | Error::TimedOut(_) => BROKE.to_owned(),
        // The line broke in the middle of a session.
        Error::Closed { code: 1005 | 1006, .. } => BROKE.to_owned(),
        Error::Closed { code, .. } => format!("closed {code}"),
        Error::PlaceGone { .. } => "place gone".to_owned(),
        Error::Refused(refusal) => {
            let problem = &refusal.problem;
            let reason = problem.reason.as_deref().map(|it| format!(" {it}")).unwrap_or_default();
            format!("{} {}{reason}", problem.status, problem.code)
        }
        Error::RefusedAtConnect { code: Some(code), status, .. } => format!("{status} {code}"),
        // A body that cannot be read, a frame that is refused, an upgrade with no words: nothing explains those.
        other => other.to_string(),
    }
}

const BROKE: &str = "the line broke";

/// Everything that may be told to people who ask for what there is, while nodes and stores fail.
const DOCUMENTED: &[&str] = &[
    BROKE,
    "too late",
    "place gone",
    "401 unauthenticated",
    "401 unauthenticated store_unavailable",
    "404 not_found",
    "404 not_waiting",
    "409 already_seated",
    "409 replaced",
    "409 room_full",
    "409 too_many_reservations",
    "410 reservation_expired",
    "503 fenced",
    "503 restarting",
    "503 unavailable",
    "1012 restarting",
    "4401 unauthenticated",
    "4403 no_reservation",
    "4408 reservation_expired",
    "4409 already_seated",
    "4409 replaced",
    "4503 unavailable",
    "4512 fenced",
    "closed 1012",
    "closed 4401",
    "closed 4409",
    "closed 4440",
    "closed 4512",
];

/// Whether the contract has it for somebody who asked for what there is.
pub(crate) fn is_documented(word: &str) -> bool {
    DOCUMENTED.contains(&word)
}

#[test]
fn a_fault_of_the_server_and_a_body_that_cannot_be_read_are_not_explained() {
    assert!(is_documented("503 unavailable"));
    for word in ["500 unavailable", "500 internal", "200 room_full", "422 invalid"] {
        assert!(!is_documented(word), "{word}");
    }
    let broken = word_of(&Error::Protocol("an unreadable body".into()));
    assert!(!is_documented(&broken), "{broken}");
}
