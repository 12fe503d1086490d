//! Numbers and words as they stand on the page.

use crate::experiment::summary::Spread;

/// Text that means itself, between tags and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// About three digits; whole numbers from 100 on, with a comma before each three.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size == 0.0 || size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => 3,
    };
    if decimals > 0 {
        let text = format!("{value:.decimals$}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{:.0}", size.round());
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{}", grouped(&digits))
}

/// A whole number, with a comma before each three digits.
pub(crate) fn whole(value: u64) -> String {
    grouped(&value.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With a unit that does not come apart from it.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "" => number(value),
        unit => format!("{}\u{a0}{unit}", number(value)),
    }
}

/// From the low end to the high end.
pub(crate) fn ends(spread: &Spread) -> String {
    let (low, high) = (number(spread.low), number(spread.high));
    match low == high {
        true => low,
        // The ends stay on one line.
        false => format!("{low}–\u{2060}{high}"),
    }
}

/// The median and what is known of it; of one value alone nothing is.
pub(crate) fn median_and_ends(spread: &Spread, unit: &str) -> String {
    let median = with_unit(spread.median, unit);
    match spread.n {
        1 => median,
        _ => format!("{median} ({})", ends(spread)),
    }
}

/// Why two are not told apart; goes on with the name of the other.
pub(crate) fn not_apart(one: &Spread, other: &Spread) -> &'static str {
    match one.is_interval() && other.is_interval() {
        true => "no difference seen from",
        false => "too few repetitions to tell it from",
    }
}

/// With a capital letter in front.
pub(crate) fn headed(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

/// A name among words that may hold commas of its own.
pub(crate) fn called(name: &str) -> String {
    format!("“{name}”")
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// A day and minute in UTC, from milliseconds since 1970.
pub(crate) fn when(ms: u64) -> String {
    let minutes = ms / 60_000;
    let (year, month, day) = civil(minutes / 1_440);
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// Year, month and day of a day since 1970, in years that begin in March so that a leap day is the last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.0, "1"),
            (2.345, "2.35"),
            (45.67, "45.7"),
            (99.96, "100"),
            (1_234.5, "1,235"),
            (1_234_567.0, "1,234,567"),
            (-1_000.0, "−1,000"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(when(0), "1970-01-01 00:00 UTC");
        assert_eq!(when(951_827_640_000), "2000-02-29 12:34 UTC");
        assert_eq!(when(1_790_000_000_000), "2026-09-21 14:13 UTC");
    }

    #[test]
    fn what_is_not_told_apart_says_whether_there_was_enough_to_tell() {
        let of = |n: u32| Spread::of((0..n).map(f64::from)).unwrap();
        assert!(not_apart(&of(10), &of(10)).contains("no difference"));
        assert!(not_apart(&of(10), &of(2)).contains("too few"));
        assert_eq!(median_and_ends(&of(1), "ms"), "0\u{a0}ms");
        assert_eq!(median_and_ends(&of(10), "ms"), "4.5\u{a0}ms (1–\u{2060}8)");
    }

    #[test]
    fn lists_end_with_and() {
        let list =
            |all: &[&str]| listed(&all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!((list(&["a"]), list(&["a", "b", "c"])), ("a".into(), "a, b and c".into()));
    }
}
