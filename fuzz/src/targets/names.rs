//! Names: what was taken is taken again as what it was taken for, and nobody can look like somebody else by
//! spelling.

use anteroom::accounts::names::{contact_number, display_name, fold, room_name, username};
use unicode_normalization::UnicodeNormalization as _;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let folded = fold(text);
    assert_eq!(fold(&folded), folded, "folding twice is folding once: {text:?}");
    if let Ok(name) = username(text) {
        assert_eq!((name.shown.as_str(), &name.folded), (text, &folded));
        let again = username(&name.folded).expect("the folded form is a name");
        assert_eq!(again.folded, name.folded);
        let chars = name.folded.chars().count();
        assert!((3..=32).contains(&chars), "{name:?}");
        // However else it is spelt, it is the same name.
        for other in [text.nfc().collect::<String>(), text.nfd().collect(), text.nfkc().collect()] {
            assert_eq!(fold(&other), name.folded, "{text:?} as {other:?}");
        }
    }
    for (taken, chars_max) in [(display_name(text), 40), (room_name(text), 80)] {
        let Ok(name) = taken else { continue };
        let chars = name.chars().count();
        assert!((1..=chars_max).contains(&chars) && name.trim() == name, "{name:?}");
        assert!(!name.contains(char::is_control), "{name:?}");
        let again = if chars_max == 40 { display_name(&name) } else { room_name(&name) };
        assert_eq!(again.as_deref(), Ok(name.as_str()));
    }
    if let Ok(Some(number)) = contact_number(text) {
        assert_eq!(contact_number(&number), Ok(Some(number.clone())));
        assert!(number.is_ascii() && number.len() <= 40, "{number}");
    }
}
