//! The part of a text that shows why it was found, as pieces to be shown as text.

use std::ops::Range;

/// Characters shown before the first hit, at most.
const BEFORE_CHARS: usize = 40;
/// Characters shown in all, at most, without the marks that more follows.
const SHOWN_CHARS: usize = 160;

/// A piece of a snippet. Plain text, never markup: whoever shows it marks what is a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// As it was said.
    pub text: String,
    /// Whether it is what was looked for.
    pub is_hit: bool,
}

/// Cuts the surroundings of the first hit out of a text. `hits` are sorted and apart.
pub fn snippet(text: &str, hits: &[Range<usize>]) -> Vec<Piece> {
    let first = hits.first().map_or(0, |hit| boundary(text, hit.start));
    let before = text[..first].char_indices().rev().take(BEFORE_CHARS).last();
    let start = before.map_or(first, |(at, _)| at);
    let end =
        text[start..].char_indices().nth(SHOWN_CHARS).map_or(text.len(), |(at, _)| start + at);
    let mut pieces = Vec::new();
    let mut at = start;
    let mut push = |text: &str, is_hit| {
        if !text.is_empty() {
            pieces.push(Piece { text: text.to_owned(), is_hit });
        }
    };
    if start > 0 {
        push("…", false);
    }
    for hit in hits {
        let from = boundary(text, hit.start).clamp(at, end);
        let to = boundary(text, hit.end).clamp(from, end);
        push(&text[at..from], false);
        push(&text[from..to], true);
        at = to;
    }
    push(&text[at..end], false);
    if end < text.len() {
        push("…", false);
    }
    pieces
}

/// The same place, or the next at which a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::super::Query;
    use super::*;

    fn shown(query: &str, text: &str) -> String {
        let hits = Query::parse(query).find(text).unwrap();
        let mark =
            |piece: Piece| if piece.is_hit { format!("[{}]", piece.text) } else { piece.text };
        snippet(text, &hits).into_iter().map(mark).collect()
    }

    #[test]
    fn hits_are_marked_and_the_text_stays_what_it_was() {
        assert_eq!(shown("b d", "a b <c> d"), "a [b] <c> [d]");
        assert_eq!(shown("회의", "내일 회의에서"), "내일 [회의]에서");
        assert_eq!(shown("회", "내일 회의에서"), "내일 [회]의에서");
        assert_eq!(shown("x", "x"), "[x]");
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_hit() {
        let text = format!("{} 여기 {}", "앞 ".repeat(200), "뒤 ".repeat(200));
        let shown = shown("여기", &text);
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("[여기]"));
        assert!(shown.chars().count() <= SHOWN_CHARS + 4, "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_cut_within_a_character(query in "\\PC{1,3}", text in "\\PC{0,300}") {
            if let Some(hits) = Query::parse(&query).find(&text) {
                let all: String = snippet(&text, &hits).into_iter().map(|it| it.text).collect();
                proptest::prop_assert!(all.chars().count() <= SHOWN_CHARS + 2);
            }
        }
    }
}
