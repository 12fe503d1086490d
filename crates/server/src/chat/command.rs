//! What was typed, understood. Pure.

/// One typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// To be said in the room.
    Say(String),
    /// Nothing at all.
    Nothing,
    Who,
    Seats,
    Leave,
    Help,
    /// Older messages; so many, or as many as usual.
    History(Option<u32>),
    /// Other words for one's last message, or for the one of that number.
    Edit(Option<i64>, String),
    Delete(Option<i64>),
    /// A command without what it needs, or with what it cannot take.
    Wrong(&'static str),
    Unknown(String),
}

impl Typed {
    /// A line that is said as it stands.
    pub(super) fn verbatim(line: &str) -> Self {
        if line.trim().is_empty() { Self::Nothing } else { Self::Say(line.to_owned()) }
    }

    /// A line that may be a command. Two slashes say one.
    pub(super) fn parse(line: &str) -> Self {
        let Some(command) = line.trim_start().strip_prefix('/') else {
            return Self::verbatim(line);
        };
        if command.starts_with('/') {
            return Self::Say(command.to_owned());
        }
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        match name {
            "who" | "누구" => Self::Who,
            "seats" | "자리" => Self::Seats,
            "leave" | "quit" | "exit" | "나가기" => Self::Leave,
            "help" | "?" | "도움말" => Self::Help,
            "history" | "지난글" => history(rest),
            "edit" | "고치기" => match numbered(rest) {
                (_, "") => Self::Wrong("/edit [#12] …"),
                (number, words) => Self::Edit(number, words.to_owned()),
            },
            "delete" | "지우기" => match numbered(rest) {
                (number, "") => Self::Delete(number),
                _ => Self::Wrong("/delete [#12]"),
            },
            _ => Self::Unknown(name.to_owned()),
        }
    }
}

fn history(rest: &str) -> Typed {
    match (rest, rest.parse()) {
        ("", _) => Typed::History(None),
        (_, Ok(count @ 1..=200)) => Typed::History(Some(count)),
        _ => Typed::Wrong("/history [1-200]"),
    }
}

/// `#12 words`: the number and the words.
fn numbered(rest: &str) -> (Option<i64>, &str) {
    let Some(marked) = rest.strip_prefix('#') else { return (None, rest) };
    let (number, words) = marked.split_once(char::is_whitespace).unwrap_or((marked, ""));
    match number.parse() {
        Ok(number) => (Some(number), words.trim()),
        Err(_) => (None, rest),
    }
}

/// `new NAME SEATS`, where a room is chosen.
pub(super) fn new_room(line: &str) -> Option<(String, u32)> {
    let rest = line.trim();
    let rest = rest.strip_prefix("new ").or_else(|| rest.strip_prefix("새방 "))?;
    let (name, seats) = rest.trim().rsplit_once(char::is_whitespace)?;
    let name = name.trim();
    Some((name.to_owned(), seats.parse().ok()?)).filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_said_and_commands_are_done() {
        let say = |text: &str| Typed::Say(text.to_owned());
        assert_eq!(Typed::parse("hello /who"), say("hello /who"));
        assert_eq!(Typed::parse("//usr/bin"), say("/usr/bin"));
        assert_eq!(Typed::parse("  "), Typed::Nothing);
        assert_eq!(Typed::parse("/who"), Typed::Who);
        assert_eq!(Typed::parse("/누구"), Typed::Who);
        assert_eq!(Typed::parse("/자리 "), Typed::Seats);
        assert_eq!(Typed::parse("/quit"), Typed::Leave);
        assert_eq!(Typed::parse("/history"), Typed::History(None));
        assert_eq!(Typed::parse("/history 5"), Typed::History(Some(5)));
        assert_eq!(Typed::parse("/history 999"), Typed::Wrong("/history [1-200]"));
        assert_eq!(Typed::parse("/dance now"), Typed::Unknown("dance".to_owned()));
    }

    #[test]
    fn changes_name_a_message_or_mean_the_last() {
        let edit = |number, text: &str| Typed::Edit(number, text.to_owned());
        assert_eq!(Typed::parse("/edit good morning"), edit(None, "good morning"));
        assert_eq!(Typed::parse("/edit #12 good morning"), edit(Some(12), "good morning"));
        assert_eq!(Typed::parse("/고치기 #1 안녕"), edit(Some(1), "안녕"));
        assert_eq!(Typed::parse("/edit #hashtag"), edit(None, "#hashtag"));
        assert_eq!(Typed::parse("/edit"), Typed::Wrong("/edit [#12] …"));
        assert_eq!(Typed::parse("/delete"), Typed::Delete(None));
        assert_eq!(Typed::parse("/delete #7"), Typed::Delete(Some(7)));
        // Somebody meant another command: nothing is lost by a slip.
        assert_eq!(Typed::parse("/delete that"), Typed::Wrong("/delete [#12]"));
    }

    #[test]
    fn a_pipe_says_what_it_carries() {
        assert_eq!(Typed::verbatim("/leave"), Typed::Say("/leave".to_owned()));
        assert_eq!(Typed::verbatim(" "), Typed::Nothing);
    }

    #[test]
    fn a_new_room_has_a_name_and_seats() {
        assert_eq!(new_room("new Tea room 6"), Some(("Tea room".to_owned(), 6)));
        assert_eq!(new_room("새방 다과방 3"), Some(("다과방".to_owned(), 3)));
        for line in ["new 6", "new  6", "new Tea", "newer 6", "101", ""] {
            assert_eq!(new_room(line), None, "{line}");
        }
    }
}
