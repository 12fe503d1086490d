//! Every sentence this program says, in each language; a missing one is a compile error.

mod en;
mod ko;

use anteroom_client::protocol::Code;

pub(super) use en::WORDS as EN;
pub(super) use ko::WORDS as KO;

/// The sentences of one language. `{name}` is filled in by [`fill`].
pub(super) struct Words {
    pub(super) seats_reserved: &'static str,
    pub(super) seats_held: &'static str,
    pub(super) seats_waiting: &'static str,

    pub(super) ask_name: &'static str,
    pub(super) ask_password: &'static str,
    pub(super) ask_room: &'static str,
    pub(super) ask_room_password: &'static str,
    pub(super) ask_wait: &'static str,
    pub(super) yes: &'static [&'static str],
    pub(super) name_missing: &'static str,
    pub(super) password_missing: &'static str,
    pub(super) bad_authority: &'static str,
    pub(super) no_authority: &'static str,
    pub(super) not_trusted: &'static str,
    pub(super) other_issuer: &'static str,
    pub(super) other_name: &'static str,
    pub(super) expired: &'static str,
    pub(super) bad_address: &'static str,

    pub(super) rooms: &'static str,
    pub(super) no_rooms: &'static str,
    pub(super) more_rooms: &'static str,
    pub(super) needs_password: &'static str,
    pub(super) no_such_name: &'static str,
    pub(super) several_rooms: &'static str,
    pub(super) room_made: &'static str,

    pub(super) full: &'static str,
    pub(super) full_no_line: &'static str,
    pub(super) full_hint: &'static str,
    pub(super) place: &'static str,
    pub(super) place_first: &'static str,
    pub(super) estimate_soon: &'static str,
    pub(super) estimate_minutes: &'static str,
    pub(super) your_turn: &'static str,
    pub(super) still_waiting: &'static str,
    pub(super) line_left: &'static str,
    pub(super) seat_lost: &'static str,

    pub(super) entered: &'static str,
    pub(super) entered_elsewhere: &'static str,
    pub(super) hint: &'static str,
    pub(super) back: &'static str,
    pub(super) back_truncated: &'static str,
    pub(super) joined: &'static str,
    pub(super) left: &'static str,
    pub(super) edited: &'static str,
    pub(super) deleted: &'static str,
    pub(super) whose: &'static str,
    pub(super) gone_message: &'static str,
    pub(super) changed_mark: &'static str,
    pub(super) direct: &'static str,
    pub(super) server: &'static str,
    pub(super) missed: &'static str,
    pub(super) not_sent: &'static str,
    pub(super) not_now: &'static str,
    pub(super) too_many_unsent: &'static str,
    pub(super) kept_for_later: &'static str,
    pub(super) who: &'static str,
    pub(super) away_mark: &'static str,
    pub(super) no_history: &'static str,
    pub(super) nothing_to_change: &'static str,
    pub(super) unknown_command: &'static str,
    pub(super) usage: &'static str,
    pub(super) help: &'static [&'static str],

    pub(super) you_left: &'static str,
    pub(super) away: &'static str,
    pub(super) away_server: &'static str,
    pub(super) away_slow: &'static str,
    pub(super) away_fast: &'static str,
    pub(super) offline: &'static str,
    pub(super) not_understood: &'static str,
    /// Why the server said no or ended it, and what to do.
    pub(super) of_code: fn(Code) -> &'static str,
}

/// A sentence with its `{names}` filled in.
pub(super) fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    // In one pass, so that what is filled in is not looked into: a person may be called `{n}`.
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        debug_assert!(value.is_some(), "nothing to fill {name} of {sentence:?} with");
        out.push_str(value.map_or("", |(_, value)| value));
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_once() {
        let told = fill("{name} is here ({n})", &[("name", "{n}"), ("n", "3")]);
        assert_eq!(told, "{n} is here (3)");
    }

    #[test]
    fn each_code_has_words_of_its_own_in_each_language() {
        // What only a program can cause, or what nothing here asks for.
        let general =
            [Code::Internal, Code::MethodNotAllowed, Code::UnsupportedMediaType, Code::CrossSite];
        for words in [&EN, &KO] {
            let shrug = (words.of_code)(Code::Internal);
            for code in Code::ALL.iter().filter(|code| !general.contains(code)) {
                assert_ne!((words.of_code)(*code), shrug, "{code}");
            }
        }
        for code in Code::ALL {
            assert_ne!((EN.of_code)(*code), (KO.of_code)(*code), "{code}");
        }
    }
}
