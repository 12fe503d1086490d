//! The name that a page gives for the function to be called: the one thing of a request that is written
//! into code.

/// The most bytes of it; the client's own have eleven.
const BYTES_MAX: usize = 64;

/// A name that is nothing but a name: one identifier, or two with a dot between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callback(String);

/// Why there is none. The words are the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoCallback {
    #[error("\"callback\" parameter required")]
    Missing,
    #[error("invalid \"callback\" parameter")]
    Invalid,
}

impl Callback {
    /// Takes a name, if it is one.
    ///
    /// # Errors
    /// It is missing or could be more than a name.
    pub(crate) fn new(name: Option<&str>) -> Result<Self, NoCallback> {
        let name = name.filter(|name| !name.is_empty()).ok_or(NoCallback::Missing)?;
        let mut parts = name.splitn(2, '.');
        let is_good = name.len() <= BYTES_MAX && parts.all(is_identifier);
        if is_good { Ok(Self(name.to_owned())) } else { Err(NoCallback::Invalid) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_identifier(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(is_word) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken() {
        for name in ["x", "callback", "_jp.aB3xyz", "_", "a1", "_sockjs_global.x"] {
            assert_eq!(Callback::new(Some(name)).unwrap().as_str(), name);
        }
        assert!(Callback::new(Some(&"x".repeat(64))).is_ok());
    }

    #[test]
    fn what_could_be_more_than_a_name_is_refused() {
        let long = "x".repeat(65);
        for name in [
            "alert(1)",
            "a;b",
            "a b",
            "a-b",
            "a/b",
            "a[0]",
            "a=b",
            "a\nb",
            "a\r\nb",
            "<script>",
            "a.",
            ".a",
            ".",
            "a..b",
            "a.b.c",
            "1a",
            "a.1",
            "a\"",
            "a'",
            "a`",
            "a\\u0028",
            "ä",
            "a\0",
            "opener.document.x",
            "%63",
            "$",
            &long,
        ] {
            assert_eq!(Callback::new(Some(name)), Err(NoCallback::Invalid), "{name:?}");
        }
        assert_eq!(Callback::new(None), Err(NoCallback::Missing));
        assert_eq!(Callback::new(Some("")), Err(NoCallback::Missing));
    }
}
