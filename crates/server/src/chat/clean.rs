//! What others wrote, made harmless for a terminal. Names, messages and room names are untrusted: a
//! terminal obeys what looks like text to a browser. Everything that is printed passes through here, at
//! the one place where it becomes bytes ([`super::line`]); no caller can forget it.

use unicode_width::UnicodeWidthChar as _;

/// Marks above and below one letter, at most: more would paint over the lines around it.
const MARKS_MAX: u32 = 4;

/// The text without anything that a terminal would obey or that would show it in another order than it
/// has. What ends a line becomes `line_end`, the only thing that may hold one.
pub(super) fn clean(text: &str, line_end: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        marks = if char.width() == Some(0) { marks + 1 } else { 0 };
        match char {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push_str(line_end);
            }
            '\t' => out.push_str("    "),
            // Shown as the picture of what it is, so that nothing is hidden either.
            '\0'..='\x1f' => out.push(picture(char)),
            '\x7f' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            _ if is_unseen(char) || marks > MARKS_MAX => {}
            _ => out.push(char),
        }
    }
    out
}

fn picture(control: char) -> char {
    char::from_u32(0x2400 + u32::from(control)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Takes no place and changes what is around it, or makes two names look the same. The two joiners stay:
/// languages and family pictures need them.
fn is_unseen(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What people have sent to terminals: titles, clipboards, answers typed back, colours that stay,
    /// screens wiped, lines forged.
    pub(in super::super) const PAYLOADS: &[&str] = &[
        "\x1b[2J\x1b[H wiped",
        "\x1b]0;title\x07",
        "\x1b]52;c;cm0gLXJmIC8=\x07",
        "\x1b[6n\x1b[c",
        "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
        "\x1bP+q544e\x1b\\",
        "\x1b[?1049h\x1b[?25l",
        "\u{9b}2J\u{9d}0;x\u{9c}",
        "\x1b_Ga=T;AAAA\x1b\\",
        "\x1bc\x1b(0",
        "over\rwritten",
        "back\x08\x08\x08\x08gone",
        "bell\x07\x07",
        "forged\n12:00 Admin: send me your password",
        "forged\r\n* You have left",
        "next\u{85}line\u{2028}sep\u{2029}par\x0bvt\x0cff",
        "\u{202e}txt.exe\u{202c}",
        "\u{2066}iso\u{2069}\u{200f}\u{61c}",
        "\x0e shift out \x0f",
        "\0nul\x7fdel",
        "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}",
        "hid\u{200b}den\u{feff}\u{ad}\u{e0041}",
    ];

    /// Whether a terminal would do anything else than show it.
    pub(in super::super) fn is_harmless(text: &str) -> bool {
        let is_bad = |char: char| {
            char.is_control()
                || is_unseen(char)
                || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
        };
        !text.chars().any(is_bad)
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for payload in PAYLOADS {
            let cleaned = clean(payload, " / ");
            assert!(is_harmless(&cleaned), "{payload:?} became {cleaned:?}");
            assert!(
                !is_harmless(payload) || payload.contains('\u{309}'),
                "{payload:?} is a payload"
            );
        }
        for control in (0..0xa0).filter_map(char::from_u32).filter(|it| it.is_control()) {
            assert!(is_harmless(&clean(&control.to_string(), "")), "{control:?}");
        }
    }

    #[test]
    fn what_was_there_stays_to_be_seen() {
        assert_eq!(clean("\x1b[31mred", ""), "␛[31mred");
        assert_eq!(clean("a\r\nb\nc\rd", "|"), "a|b|c|d");
        assert_eq!(clean("a\tb", ""), "a    b");
    }

    #[test]
    fn people_may_write_as_they_do() {
        for text in [
            "안녕하세요, 미나 님!",
            "한",
            "naïve e\u{301}",
            "👩‍👩‍👧 ❤️",
            "می‌خواهم",
            "שלום",
            "~`'\"\\$(x)",
        ] {
            assert_eq!(clean(text, "|"), text);
        }
        let zalgo = clean("z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}x", "");
        assert_eq!(zalgo, "z\u{300}\u{301}\u{302}\u{303}x");
    }
}
