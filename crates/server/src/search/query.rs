//! What is asked: words and "quoted phrases", all of which must be there.

use std::ops::Range;

use super::text::{Word, words};

/// Phrases of one query; more are not looked for.
const PHRASES_MAX: usize = 16;

/// Words that stand side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// In their order, as the index has them.
    pub words: Vec<String>,
    /// The last one may go on: it is one character of a script that is cut into pairs.
    pub is_open: bool,
}

/// A query that was understood. It holds no syntax of any store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    phrases: Vec<Phrase>,
}

impl Query {
    /// Reads what a person typed. Every text is a query; one without words finds nothing.
    pub fn parse(text: &str) -> Self {
        let mut phrases: Vec<Phrase> = Vec::new();
        for (n, part) in text.split(['"', '“', '”', '„']).enumerate() {
            let is_quoted = n % 2 == 1;
            let pieces = if is_quoted { vec![part] } else { part.split_whitespace().collect() };
            for phrase in pieces.into_iter().filter_map(phrase) {
                if phrases.len() < PHRASES_MAX && !phrases.contains(&phrase) {
                    phrases.push(phrase);
                }
            }
        }
        Self { phrases }
    }

    /// What must be there.
    pub fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    /// Where a text matches, in bytes, sorted and apart; `None` when it does not.
    pub fn find(&self, text: &str) -> Option<Vec<Range<usize>>> {
        if self.phrases.is_empty() {
            return None;
        }
        let words = words(text);
        let mut hits = Vec::new();
        for phrase in &self.phrases {
            let before = hits.len();
            hits.extend(phrase.places(&words));
            if hits.len() == before {
                return None;
            }
        }
        hits.sort_by_key(|hit| (hit.start, hit.end));
        let mut apart: Vec<Range<usize>> = Vec::new();
        for hit in hits {
            match apart.last_mut() {
                Some(last) if hit.start <= last.end => last.end = last.end.max(hit.end),
                _ => apart.push(hit),
            }
        }
        Some(apart)
    }
}

/// What a piece of a query asks for. The text that is looked for may go on where the piece ends, so its
/// last pair is not followed by the last character alone, unless there is nothing else.
fn phrase(piece: &str) -> Option<Phrase> {
    let mut words = words(piece);
    let ends_in_pair = words.len() > 1
        && words[words.len() - 1].is_tail
        && words[words.len() - 2].at.end == words[words.len() - 1].at.end;
    if ends_in_pair {
        words.pop();
    }
    let is_open = words.last()?.is_tail;
    Some(Phrase { words: words.into_iter().map(|word| word.text).collect(), is_open })
}

impl Phrase {
    fn places<'a>(&'a self, words: &'a [Word]) -> impl Iterator<Item = Range<usize>> + 'a {
        let stand = |window: &&[Word]| {
            let last = self.words.len() - 1;
            window.iter().zip(&self.words).enumerate().all(|(n, (word, wanted))| {
                if n == last && self.is_open {
                    word.text.starts_with(&**wanted)
                } else {
                    word.text == *wanted
                }
            })
        };
        words.windows(self.words.len()).filter(stand).map(|window| {
            let last = &window[window.len() - 1];
            // Of a pair that only begins so, only the beginning was asked for.
            let end = if self.is_open { last.first_ends } else { last.at.end };
            window[0].at.start..end
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits<'a>(query: &str, text: &'a str) -> Vec<&'a str> {
        let found = Query::parse(query).find(text).unwrap_or_default();
        found.into_iter().map(|at| &text[at]).collect()
    }

    #[test]
    fn words_are_found_in_both_languages() {
        let none: [&str; 0] = [];
        assert_eq!(hits("world", "Hello, World!"), ["World"]);
        assert_eq!(hits("wor", "Hello, World!"), none, "words as they are");
        assert_eq!(hits("회의", "내일 회의에서 봐요"), ["회의"], "a particle is attached");
        assert_eq!(hits("회의록", "회의 기록"), none);
        assert_eq!(hits("회의록", "지난 회의록을 보내요"), ["회의록"]);
        assert_eq!(hits("책", "이 책을 봐"), ["책"]);
        assert_eq!(hits("책", "공책"), ["책"], "also at the end of a run");
        assert_eq!(hits("2024년", "2024년에"), ["2024년"]);
        assert_eq!(hits("K팝", "요즘 k팝은"), ["k팝"]);
    }

    #[test]
    fn all_words_must_be_there_and_phrases_side_by_side() {
        let none: [&str; 0] = [];
        assert_eq!(hits("b a", "a x b"), ["a", "b"]);
        assert_eq!(hits("a y", "a x b"), none);
        assert_eq!(hits("\"a b\"", "a x b"), none);
        assert_eq!(hits("\"a b\"", "x A, b"), ["A, b"]);
        assert_eq!(hits("\"회의 시간\"", "회의 시간에"), ["회의 시간"]);
        assert_eq!(hits("\"회의 시간\"", "회의는 시간"), none);
        assert_eq!(hits("\"unfinished quote", "an unfinished quote"), ["unfinished quote"]);
    }

    #[test]
    fn what_has_no_words_finds_nothing() {
        for query in ["", "  ", "!!!", "\"\"", "\"", "👋\u{fe0f}", "* -", "^()"] {
            assert_eq!(Query::parse(query).find("* - 👋\u{fe0f} \" !!! ^()"), None, "{query}");
        }
        assert_eq!(hits("a OR b", "a b"), [""; 0], "no word is syntax");
        assert_eq!(Query::parse("a a \"a\"").phrases().len(), 1);
        assert_eq!(Query::parse(&"a b c d e f g ".repeat(9)).phrases().len(), 7);
        let many: String = (0..100).map(|n| format!("w{n} ")).collect();
        assert_eq!(Query::parse(&many).phrases().len(), PHRASES_MAX);
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_a_query(query in "\\PC{0,40}", text in "\\PC{0,80}") {
            for hit in Query::parse(&query).find(&text).unwrap_or_default() {
                let _ = text.get(hit);
            }
        }

        #[test]
        fn a_text_is_found_by_any_of_its_words(text in "[a-zA-Z0-9가-힣一-龥 ,.]{1,60}") {
            for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
                proptest::prop_assert!(Query::parse(word).find(&text).is_some(), "{word}");
            }
        }
    }
}
