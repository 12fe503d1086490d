//! Passwords that everybody guesses first.
//!
//! `common_passwords.txt` holds those of the 20,000 most used ones that are long enough to be accepted here, in
//! lower case and sorted: the list that Django ships (BSD-3-Clause, see `packaging/debian/copyright`), cut at
//! eight characters.

use std::sync::LazyLock;

static COMMON: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Whether it is one of those, in capitals or not.
pub(super) fn is_common(password: &str) -> bool {
    COMMON.binary_search(&password.to_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use anteroom_core::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};

    use super::*;

    #[test]
    fn asvs_6_2_4_the_list_has_more_than_three_thousand_that_would_be_accepted_and_is_sorted() {
        assert!(COMMON.len() > 3_000, "{}", COMMON.len());
        assert!(COMMON.is_sorted());
        for listed in COMMON.iter() {
            let length = listed.chars().count();
            assert!((PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&length), "{listed}");
            assert_eq!(listed.to_lowercase(), **listed);
            assert!(is_common(listed), "{listed}");
        }
        assert!(!is_common("correct horse battery"));
    }
}
