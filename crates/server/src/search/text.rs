//! From a text to its words.
//!
//! Compared are words in NFKC and lower case, so that full-width, decomposed and capital forms are the
//! same. Scripts with spaces: a word is a run of letters, digits and marks. Scripts that write words
//! without spaces, and Hangul, whose particles stick to the word: a run becomes its overlapping pairs, and
//! its last character once more alone. So `회의에서` is `회의 의에 에서 서`, where `회의` is found as a word and
//! `회` and `서` as beginnings.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Characters of a longer word that count.
const WORD_CHARS_MAX: usize = 64;

/// A word, and the bytes of the text that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: Range<usize>,
    /// Where its first character ends.
    pub(super) first_ends: usize,
    /// The last character of a run, said once more alone.
    pub(super) is_tail: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    /// Written with spaces between words.
    Spaced,
    /// Cut into pairs.
    Paired,
    /// No part of a word.
    Other,
}

/// The words of a text as they are indexed, separated by spaces.
pub fn index_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for word in words(text) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word.text);
    }
    out
}

/// The words of a text, in their order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut run: Vec<(char, Range<usize>)> = Vec::new();
    let mut script = Script::Other;
    for (c, at) in folded(text) {
        // A mark belongs to what it stands on.
        let of = if is_combining_mark(c) { script } else { script_of(c) };
        if of != script {
            end_run(&mut words, script, &mut run);
            script = of;
        }
        if of != Script::Other {
            run.push((c, at));
        }
    }
    end_run(&mut words, script, &mut run);
    words
}

fn end_run(words: &mut Vec<Word>, script: Script, run: &mut Vec<(char, Range<usize>)>) {
    match (script, &run[..]) {
        (Script::Spaced, [first, ..]) => words.push(Word {
            text: run.iter().take(WORD_CHARS_MAX).map(|(c, _)| *c).collect(),
            at: first.1.start..run[run.len() - 1].1.end,
            first_ends: first.1.end,
            is_tail: false,
        }),
        (Script::Paired, [.., last]) => {
            let pair = |two: &[(char, Range<usize>)]| Word {
                text: two.iter().map(|(c, _)| *c).collect(),
                at: two[0].1.start..two[1].1.end,
                first_ends: two[0].1.end,
                is_tail: false,
            };
            words.extend(run.windows(2).map(pair));
            let (text, at) = (last.0.to_string(), last.1.clone());
            words.push(Word { text, first_ends: at.end, at, is_tail: true });
        }
        _ => {}
    }
    run.clear();
}

/// The text in NFKC and lower case, each character with the bytes it comes from. What is composed
/// together is normalised together, and nothing else is.
fn folded(text: &str) -> impl Iterator<Item = (char, Range<usize>)> {
    let mut starts: Vec<usize> =
        text.char_indices().filter(|(_, c)| is_starter(*c)).map(|(at, _)| at).collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    starts.push(text.len());
    let ranges: Vec<Range<usize>> = starts.windows(2).map(|two| two[0]..two[1]).collect();
    ranges.into_iter().flat_map(move |at| {
        let part = &text[at.clone()];
        let folded: Vec<char> = match part.as_bytes() {
            [byte] => vec![char::from(byte.to_ascii_lowercase())],
            _ => part.nfkc().flat_map(char::to_lowercase).nfkc().collect(),
        };
        folded.into_iter().map(move |c| (c, at.clone()))
    })
}

/// Whether a character begins something that is normalised apart from what stands before it.
fn is_starter(c: char) -> bool {
    // Vowels and final consonants join the syllable before them.
    let joins =
        matches!(c, '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FF}' | '\u{FF9E}' | '\u{FF9F}');
    !joins && canonical_combining_class(c) == 0 && !is_combining_mark(c)
}

fn script_of(c: char) -> Script {
    let is_paired = matches!(c,
        '\u{1100}'..='\u{11FF}' | '\u{3040}'..='\u{30FF}' | '\u{3131}'..='\u{318E}'
        | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}');
    match (c.is_alphanumeric(), is_paired) {
        (true, true) => Script::Paired,
        (true, false) => Script::Spaced,
        (false, _) => Script::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_of_both_kinds() {
        for (text, expected) in [
            ("", ""),
            (" … !?👋 ", ""),
            ("Hello, WORLD! it's 7.5", "hello world it s 7 5"),
            ("회의에서", "회의 의에 에서 서"),
            ("책", "책"),
            ("2024년 K팝", "2024 년 k 팝"),
            ("日本語と英語", "日本 本語 語と と英 英語 語"),
            ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
            ("ﾊﾞｽ", "バス ス"),
            ("Ünïcödé straße", "ünïcödé straße"),
            ("a\u{308}", "ä"),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(index_words(text), expected, "{text}");
        }
    }

    #[test]
    fn decomposed_and_composed_hangul_are_the_same_and_keep_their_places() {
        let composed = "안녕 회의실";
        let decomposed: String = composed.nfd().collect();
        assert_ne!(composed, decomposed);
        assert_eq!(index_words(&decomposed), index_words(composed));
        let parts: Vec<String> = words(&decomposed)
            .iter()
            .map(|word| decomposed[word.at.clone()].nfc().collect())
            .collect();
        assert_eq!(parts, ["안녕", "녕", "회의", "의실", "실"]);
    }

    #[test]
    fn an_endless_word_is_cut() {
        let long = "x".repeat(5_000);
        assert_eq!(index_words(&long).len(), WORD_CHARS_MAX);
        assert_eq!(words(&long)[0].at, 0..5_000);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*|[\\x00-\\x7f가-힣ᄀ-ᇿ\u{300}-\u{36f}\\u{ff00}-\\u{ffef}]*") {
            let mut before = 0;
            for word in words(&text) {
                prop_assert!(text.get(word.at.clone()).is_some_and(|part| !part.is_empty()));
                prop_assert!(word.at.start >= before || word.is_tail);
                before = before.max(word.at.start);
                // What a store splits at spaces and other ASCII must come back as it was.
                prop_assert!(word.text.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric()));
                prop_assert!(!word.text.is_empty());
            }
        }

        #[test]
        fn a_text_is_folded_as_a_whole_would_be(text in "[a-zA-Z가-힣ᄀ-ᇿ\u{300}-\u{36f}ﬁ①Ａ-Ｚ ]*") {
            let whole: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
            let parts: String = folded(&text).map(|(c, _)| c).collect();
            prop_assert_eq!(parts, whole);
        }
    }
}
