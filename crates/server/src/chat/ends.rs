//! Why something was refused or ended, in words, and what the program's exit status says of it. Pure.

use anteroom_client::protocol::{CloseCode, Code};
use anteroom_client::{Closed, Distrust, Error};

use super::words::{Words, fill};

/// What the exit status says. Documented in docs/chat.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Left as one wanted to.
    Left = 0,
    /// The server could not be reached, or a line that was piped in was not stored.
    Failed = 1,
    /// Refused before one was in the room, or called wrongly.
    Refused = 2,
    /// Was in the room, and was ended by somebody else.
    Ended = 3,
}

/// The stable code of a failure, also where only a close said it.
pub(super) fn code_of(error: &Error) -> Option<Code> {
    let by_close = || CloseCode::from_status(error.status()?)?.code();
    error.code().or_else(by_close)
}

/// A failure in words.
pub(super) fn why(error: &Error, words: &Words) -> String {
    if let Some(code) = code_of(error) {
        let told = (words.of_code)(code);
        let fields = error.problem().map(|problem| problem.errors.as_slice()).unwrap_or_default();
        let details: Vec<&str> = fields.iter().map(|field| &*field.detail).collect();
        return if details.is_empty() {
            told.into()
        } else {
            format!("{told} {}", details.join(" "))
        };
    }
    match error {
        Error::Protocol(detail) => fill(words.not_understood, &[("detail", detail)]),
        Error::Untrusted(distrust) => {
            let why = match distrust {
                Distrust::Issuer => words.other_issuer,
                Distrust::Name => words.other_name,
                Distrust::Expired => words.expired,
                other => &other.to_string(),
            };
            fill(words.not_trusted, &[("why", why)])
        }
        Error::Authorities(why) => fill(words.no_authority, &[("why", why)]),
        Error::NotUpgraded { .. } => (words.of_code)(Code::Unavailable).into(),
        _ => words.offline.into(),
    }
}

/// What a failure before one is in the room says outside.
pub(super) fn exit_before(error: &Error) -> Exit {
    let passing = [Code::Unavailable, Code::Internal, Code::GoingAway, Code::Restarting];
    match code_of(error) {
        Some(code) if !passing.contains(&code) => Exit::Refused,
        None if matches!(error, Error::Untrusted(_) | Error::Authorities(_)) => Exit::Refused,
        _ => Exit::Failed,
    }
}

/// What the end of a stay says outside.
pub(super) fn exit_after(error: &Error) -> Exit {
    if exit_before(error) == Exit::Refused { Exit::Ended } else { Exit::Failed }
}

/// A line that is lost and mended, in words.
pub(super) fn away(closed: &Closed, words: &Words) -> &'static str {
    match CloseCode::from_status(closed.code) {
        Some(CloseCode::GoingAway | CloseCode::Restarting) => words.away_server,
        Some(CloseCode::SlowConsumer) => words.away_slow,
        Some(CloseCode::RateLimited) => words.away_fast,
        _ => words.away,
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::{EN, KO};
    use super::*;

    fn closed(code: u16) -> Error {
        Error::Closed { code, reason: String::new() }
    }

    #[test]
    fn every_end_is_told_in_words_with_what_to_do() {
        let told = |status| why(&closed(status), &EN);
        assert!(told(4409).contains("from elsewhere now"));
        assert!(told(4440).contains("logged out"));
        assert!(told(4450).contains("removed"));
        assert!(told(4410).contains("closed"));
        assert!(told(1012).contains("stopped"));
        assert!(told(4508).contains("could not take"));
        assert!(told(4401).contains("login has ended"));
        assert!(told(1006).contains("cannot be reached"));
        assert!(why(&closed(4409), &KO).contains("다른 곳에서"));
        for code in CloseCode::ALL.iter().filter(|code| code.code().is_some()) {
            let status = code.status();
            assert_ne!(told(status), EN.offline, "{status}");
            assert_ne!(told(status), why(&closed(status), &KO), "{status}");
        }
    }

    #[test]
    fn a_server_that_is_not_trusted_is_told_from_one_out_of_reach() {
        let mut told = Vec::new();
        for distrust in [Distrust::Issuer, Distrust::Name, Distrust::Expired] {
            let error = Error::Untrusted(distrust);
            assert_eq!(exit_before(&error), Exit::Refused);
            assert_ne!(why(&error, &EN), why(&error, &KO));
            told.push(why(&error, &EN));
        }
        assert!(told[0].contains("--ca") && told[1].contains("another name"), "{told:?}");
        assert!(told.iter().all(|it| it.contains("nothing was said")), "{told:?}");
    }

    #[test]
    fn the_exit_status_tells_who_ended_it() {
        for status in [4401, 4404, 4409, 4410, 4440, 4450] {
            assert_eq!(exit_after(&closed(status)), Exit::Ended, "{status}");
            assert_eq!(exit_before(&closed(status)), Exit::Refused, "{status}");
        }
        for status in [1006, 1001, 1012, 4503] {
            assert_eq!(exit_after(&closed(status)), Exit::Failed, "{status}");
        }
    }

    #[test]
    fn a_line_that_is_mended_says_why_it_broke() {
        let told = |code| away(&Closed { code, reason: String::new() }, &EN);
        assert_eq!(told(1012), EN.away_server);
        assert_eq!(told(4508), EN.away_slow);
        assert_eq!(told(4529), EN.away_fast);
        assert_eq!(told(1006), EN.away);
    }
}
