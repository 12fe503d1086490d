//! What people and rooms may be called.
//!
//! A name is shown to others, so nothing in it may be invisible or turn the text around. A user name
//! is also an identity: two names that fold to the same form are one name, and none may be written so
//! that it passes for another (UTS 39): not in letters of scripts that are not written together, and not
//! in those of one script that all look like Latin ones. Within one script letters that look alike stand
//! beside each other, as `0` and `o` do.

use anteroom_core::limits::{
    CONTACT_CHARS_MAX, DISPLAY_NAME_CHARS_MAX, ROOM_NAME_CHARS_MAX, USERNAME_CHARS_MAX,
    USERNAME_CHARS_MIN,
};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _};

/// Names that speak for the server; nobody signs up under one of them.
const RESERVED: &[&str] = &[
    "admin",
    "administrator",
    "anteroom",
    "moderator",
    "operator",
    "root",
    "server",
    "support",
    "system",
];
/// How the names of guests begin, which are given to them.
pub(super) const OF_GUESTS: &str = "guest-";

/// Why a text is not acceptable as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// Empty, or only spaces.
    Required,
    /// Fewer characters than asked for.
    TooShort,
    /// More characters than allowed.
    TooLong,
    /// A character that may not stand in such a name.
    Characters,
    /// One of those that everybody guesses first.
    TooCommon,
}

impl NameFault {
    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Characters => "characters",
            Self::TooCommon => "too_common",
        }
    }
}

/// A user name that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    /// As it was typed.
    pub shown: String,
    /// The form that is unique.
    pub folded: String,
}

/// Accepts 3 to 32 letters, digits (of any script), `_`, `.` and `-`, at least one a letter or digit.
/// Both the typed and the folded form must obey.
///
/// # Errors
/// What is wrong with it.
pub fn username(typed: &str) -> Result<Username, NameFault> {
    check_username(typed)?;
    let folded = fold(typed);
    check_username(&folded)?;
    if is_deceptive(&folded) {
        return Err(NameFault::Characters);
    }
    Ok(Username { shown: typed.to_owned(), folded })
}

/// The form under which user names are compared: compatibility characters and case are one. The text
/// is folded whole, so bound its length first.
#[must_use]
pub fn fold(typed: &str) -> String {
    // Lower case can undo the normal form (as with a dotted capital I), hence twice.
    typed.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Whether only the server gives this name, or its operator on the command line.
#[must_use]
pub fn is_reserved(typed: &str) -> bool {
    let bounded: String = typed.chars().take(USERNAME_CHARS_MAX + 1).collect();
    let folded = fold(&bounded);
    RESERVED.contains(&&*folded) || folded.starts_with(OF_GUESTS)
}

/// Whether a folded name is written to pass for another: in scripts that are not written together (UTS 39
/// section 5.2, "highly restrictive"), or in one that is not Latin and looks Latin throughout.
fn is_deceptive(folded: &str) -> bool {
    let is_of_one_hand = folded.check_restriction_level(RestrictionLevel::HighlyRestrictive);
    let has_latin = folded.contains(|c: char| c.is_ascii_alphabetic());
    let looks_latin = || skeleton(folded).all(|c| c.is_ascii());
    !is_of_one_hand || (!has_latin && !folded.is_ascii() && looks_latin())
}

/// Accepts 1 to 40 characters after trimming.
///
/// # Errors
/// What is wrong with it.
pub fn display_name(typed: &str) -> Result<String, NameFault> {
    free_text(typed, DISPLAY_NAME_CHARS_MAX)
}

/// Accepts 1 to 80 characters after trimming.
///
/// # Errors
/// What is wrong with it.
pub fn room_name(typed: &str) -> Result<String, NameFault> {
    free_text(typed, ROOM_NAME_CHARS_MAX)
}

/// Accepts up to 40 digits and the signs people write between them; `None` when nothing was typed.
///
/// # Errors
/// What is wrong with it.
pub fn contact_number(typed: &str) -> Result<Option<String>, NameFault> {
    let number = typed.trim();
    if number.is_empty() {
        return Ok(None);
    }
    if longer_than(number, CONTACT_CHARS_MAX) {
        return Err(NameFault::TooLong);
    }
    let known = |c: char| c.is_ascii_digit() || " +-().,/#*".contains(c);
    if number.chars().all(known) && number.contains(|c: char| c.is_ascii_digit()) {
        Ok(Some(number.to_owned()))
    } else {
        Err(NameFault::Characters)
    }
}

fn check_username(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Required);
    }
    if longer_than(name, USERNAME_CHARS_MAX) {
        return Err(NameFault::TooLong);
    }
    let mut mark_allowed = false;
    for c in name.chars() {
        // Marks belong to many scripts' spelling, but only on a letter.
        let mark = is_combining_mark(c) && mark_allowed;
        let letter = c.is_alphanumeric() && !is_combining_mark(c);
        if is_hidden(c) || is_selector(c) || !(mark || letter || "_.-".contains(c)) {
            return Err(NameFault::Characters);
        }
        mark_allowed = letter || mark;
    }
    if !name.contains(char::is_alphanumeric) {
        return Err(NameFault::Characters);
    }
    if name.chars().count() < USERNAME_CHARS_MIN {
        return Err(NameFault::TooShort);
    }
    Ok(())
}

fn free_text(typed: &str, chars_max: usize) -> Result<String, NameFault> {
    let name = typed.trim();
    if name.is_empty() {
        return Err(NameFault::Required);
    }
    if longer_than(name, chars_max) {
        return Err(NameFault::TooLong);
    }
    if name.contains(is_hidden) {
        return Err(NameFault::Characters);
    }
    // Marks and selectors alone draw nothing of their own.
    if name.chars().all(|c| c.is_whitespace() || is_combining_mark(c) || is_selector(c)) {
        return Err(NameFault::Characters);
    }
    Ok(name.to_owned())
}

/// Looks at no more characters than needed, whatever the length.
fn longer_than(text: &str, chars_max: usize) -> bool {
    text.chars().nth(chars_max).is_some()
}

/// Selects how the character before it is drawn; emoji need it.
const fn is_selector(c: char) -> bool {
    c == '\u{fe0f}'
}

/// Controls, line breaks, and what is drawn as nothing or changes the direction of what follows.
fn is_hidden(c: char) -> bool {
    if c.is_control() || (u32::from(c) & 0xfffe) == 0xfffe {
        return true;
    }
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}'
        | '\u{115f}'..='\u{1160}' // Hangul fillers are letters that draw nothing
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' // zero width, left-to-right and right-to-left marks
        | '\u{2028}'..='\u{202e}' // line breaks and bidi overrides
        | '\u{2060}'..='\u{206f}' // joiners, isolates
        | '\u{2800}' // the empty braille pattern
        | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0e}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffc}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}') // tags and further selectors
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{NameFault, contact_number, display_name, fold, is_reserved, room_name, username};

    #[test]
    fn user_names_of_any_script_are_accepted() {
        for name in [
            "kim",
            "김하나",
            "Ünal_99",
            "a.b-c",
            "田中さん",
            "नमस्ते",
            "سارة1",
            "x".repeat(32).as_str(),
        ] {
            assert!(username(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn user_names_that_hide_something_are_refused() {
        let hidden = [
            "a b c",
            " abc",
            "abc\n",
            "ab\u{0}c",
            "ab\u{200b}c",
            "ab\u{202e}c",
            "ab\u{2066}c",
            "abc\u{e0041}",
            "ab\u{3164}c",
            "ab\u{ad}c",
            "abc\u{fe0f}",
            "\u{301}abc",
            "abc@d",
            "a/b/c",
            "...",
            "-_-",
            "abc½",
            "\u{fdfa}abc",
            "abc\u{feff}",
            "a\u{115f}bc",
        ];
        for name in hidden {
            assert_eq!(username(name), Err(NameFault::Characters), "{name:?}");
        }
    }

    #[test]
    fn no_user_name_is_written_to_pass_for_another() {
        for name in ["аlice", "alicе", "αlice", "김сора", "ѕсоре", "ԁеаԁ", "a\u{378}bc"]
        {
            assert_eq!(username(name), Err(NameFault::Characters), "{name}");
        }
        for name in
            ["kim하나", "金하나", "日本のx", "дмитрий", "αθηνά", "straße", "kız", "123", "a1-_."]
        {
            assert!(username(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_speak_for_the_server_are_reserved() {
        for name in ["admin", "ADMIN", "Ａｄｍｉｎ", "System", "guest-1", "GUEST-x"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["adminka", "guest", "my-admin", &"admin".repeat(1_000)] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn user_names_have_3_to_32_characters_also_when_folded() {
        assert_eq!(username(""), Err(NameFault::Required));
        assert_eq!(username("김나"), Err(NameFault::TooShort));
        assert_eq!(username(&"김".repeat(33)), Err(NameFault::TooLong));
        // One typed character that is two once folded, and one that is eighteen.
        assert_eq!(username(&"\u{149}".repeat(17)), Err(NameFault::TooLong));
        assert_eq!(username(&"\u{fdfa}".repeat(3)), Err(NameFault::TooLong));
    }

    #[test]
    fn twins_by_case_or_compatibility_fold_to_one_name() {
        for (one, other) in [
            ("Alice", "aLICE"),
            ("alice", "ａｌｉｃｅ"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("\u{fb01}nn", "finn"),
            ("가나다", "\u{1100}\u{1161}\u{1102}\u{1161}\u{1103}\u{1161}"),
        ] {
            assert_eq!(fold(one), fold(other));
        }
    }

    #[test]
    fn display_and_room_names_are_trimmed_and_bounded() {
        assert_eq!(display_name("  Kim Hana  ").as_deref(), Ok("Kim Hana"));
        assert_eq!(display_name("❤\u{fe0f} 하나").as_deref(), Ok("❤\u{fe0f} 하나"));
        assert_eq!(display_name(" \u{3000} "), Err(NameFault::Required));
        assert_eq!(display_name(&"x".repeat(41)), Err(NameFault::TooLong));
        assert_eq!(room_name(&"방".repeat(80)).map(|n| n.chars().count()), Ok(80));
        assert_eq!(room_name(&"방".repeat(81)), Err(NameFault::TooLong));
        for hidden in
            ["a\u{202e}b", "\u{200b}", "a\tb", "a\u{2028}b", "\u{2800}", "\u{fe0f}", "a\u{ffff}"]
        {
            assert_eq!(display_name(hidden), Err(NameFault::Characters), "{hidden:?}");
            assert_eq!(room_name(hidden), Err(NameFault::Characters), "{hidden:?}");
        }
    }

    #[test]
    fn contact_numbers_are_digits_and_the_signs_between_them() {
        assert_eq!(contact_number(" +82 (10) 1234-5678 "), Ok(Some("+82 (10) 1234-5678".into())));
        assert_eq!(contact_number("  "), Ok(None));
        assert_eq!(contact_number("call me"), Err(NameFault::Characters));
        assert_eq!(contact_number("--"), Err(NameFault::Characters));
        assert_eq!(contact_number(&"1".repeat(41)), Err(NameFault::TooLong));
    }

    proptest! {
        #[test]
        fn an_accepted_user_name_is_accepted_in_its_folded_form_and_folds_to_it(typed in "\\PC{1,34}") {
            if let Ok(name) = username(&typed) {
                prop_assert_eq!(username(&name.folded).map(|n| n.folded), Ok(name.folded));
            }
        }
    }
}
