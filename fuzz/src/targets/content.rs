//! What is said, and how it is found again: by any of its words, with hits that lie in it.

use anteroom::fuzzing::is_content;
use anteroom::search::{Query, index_words, snippet};

use crate::draw::Draw;

const CHARS_MAX: usize = 400;

pub fn run(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let asked = draw.text_line();
    let text = draw.text();
    let chars = text.chars().count();
    let may_be = (1..=CHARS_MAX).contains(&chars) && !text.contains('\0');
    assert_eq!(is_content(&text, false, CHARS_MAX), may_be, "{text:?}");
    assert!(may_be || !is_content(&text, true, CHARS_MAX), "{text:?}");
    let words = index_words(&text);
    assert_eq!(words, index_words(&text), "the same each time");
    found(&asked, &text);
    for word in text.split_whitespace().take(8) {
        let query = Query::parse(word);
        if !query.phrases().is_empty() && !word.contains(['"', '“', '”', '„']) {
            assert!(query.find(&text).is_some(), "{word:?} is not found in {text:?}");
        }
    }
}

fn found(asked: &str, text: &str) {
    let query = Query::parse(asked);
    assert!(query.phrases().len() <= 16);
    let Some(hits) = query.find(text) else { return };
    assert!(!hits.is_empty() && !query.phrases().is_empty());
    let mut before = 0;
    for hit in &hits {
        assert!(hit.start >= before && hit.start < hit.end && hit.end <= text.len(), "{hits:?}");
        before = hit.end;
    }
    let pieces = snippet(text, &hits);
    let shown: String = pieces.iter().map(|it| it.text.as_str()).collect();
    let cut = shown.strip_prefix('…').unwrap_or(&shown);
    let cut = cut.strip_suffix('…').unwrap_or(cut);
    assert!(text.contains(cut) || text.contains(&shown), "{shown:?} is not in {text:?}");
    assert!(pieces.iter().any(|it| it.is_hit), "{asked:?} in {text:?}: {shown:?}");
}
