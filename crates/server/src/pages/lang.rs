//! Which language a page speaks, and which paths a page may lead back to.
//!
//! The choice kept in the cookie wins, then the browser's wishes by their weight, then English.

use super::texts::Texts;
use super::{en, ko};

/// The cookie that keeps the chosen language: `en` or `ko`.
pub(crate) const LANG_COOKIE: &str = "anteroom_lang";

/// The languages the pages are written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lang {
    En,
    Ko,
}

impl Lang {
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::Ko];

    /// The tag of the `lang` attribute, the cookie and `/lang/{tag}`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The language's own name for itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ko => "한국어",
        }
    }

    /// All texts of this language.
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::En => &en::TEXTS,
            Self::Ko => &ko::TEXTS,
        }
    }

    /// The language of a tag such as `ko`, `ko-KR` or `EN_us`, if it is one of ours.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|lang| primary.eq_ignore_ascii_case(lang.tag()))
    }

    /// Decides from the cookie's value and the `Accept-Language` header.
    pub(crate) fn negotiate(cookie: Option<&str>, accept_language: Option<&str>) -> Self {
        cookie
            .and_then(Self::from_tag)
            .or_else(|| accept_language.and_then(preferred))
            .unwrap_or(Self::En)
    }
}

/// The known language of the highest weight; the first named wins among equals.
fn preferred(header: &str) -> Option<Lang> {
    let mut best: Option<(Lang, f32)> = None;
    for range in header.split(',') {
        let (tag, weight) = weighted(range);
        let lang = if tag == "*" { Some(Lang::En) } else { Lang::from_tag(tag) };
        if let Some(lang) = lang
            && weight > best.map_or(0.0, |(_, so_far)| so_far)
        {
            best = Some((lang, weight));
        }
    }
    best.map(|(lang, _)| lang)
}

fn weighted(range: &str) -> (&str, f32) {
    let mut parts = range.split(';');
    let tag = parts.next().unwrap_or_default().trim();
    let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.trim().parse().ok());
    (tag, weight.unwrap_or(1.0))
}

/// `next` if it stays on this site, else `/`.
///
/// Refuses everything a browser could read as another origin: `//host`, `/\host`, and any control
/// character (browsers drop tabs and line ends inside an address before they read it).
pub(crate) fn local_path(next: &str) -> &str {
    let mut chars = next.chars();
    let rooted = chars.next() == Some('/') && !matches!(chars.next(), Some('/' | '\\'));
    if rooted && next.len() <= 2_000 && !next.chars().any(|c| c.is_control() || c == '\\') {
        next
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_is_negotiated_from_cookie_then_header() {
        let table = [
            (None, None, Lang::En),
            (None, Some("ko"), Lang::Ko),
            (None, Some("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7"), Lang::Ko),
            (None, Some("en-GB,en;q=0.9,ko;q=0.8"), Lang::En),
            (None, Some("fr, ko;q=0.2, en;q=0.6"), Lang::En),
            (None, Some("fr;q=1, de"), Lang::En),
            (None, Some("en;q=0, ko;q=0.1"), Lang::Ko),
            (None, Some("*;q=0.1, ko;q=0.5"), Lang::Ko),
            (None, Some(";;,q=,\u{1F600}"), Lang::En),
            (Some("ko"), Some("en"), Lang::Ko),
            (Some("en"), Some("ko"), Lang::En),
            (Some("xx"), Some("ko"), Lang::Ko),
            (Some(""), None, Lang::En),
        ];
        for (cookie, header, expected) in table {
            assert_eq!(Lang::negotiate(cookie, header), expected, "{cookie:?} {header:?}");
        }
    }

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for good in ["/", "/rooms/101", "/rooms/101?key=a%2Fb", "/?q=%EB%B0%A9"] {
            assert_eq!(local_path(good), good);
        }
        for bad in [
            "",
            "rooms",
            "//evil.example",
            "/\\evil.example",
            "/a\\..\\b",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n",
            " /",
        ] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }
}
