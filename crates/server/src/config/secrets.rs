//! Secrets that anybody could guess. On loopback they are a matter of the machine's owner; beyond it the
//! start is refused, because the first stranger who tries them is everybody at once.

use super::{Config, ConfigError};

/// What stands in examples, manuals and images that are run as they came.
const KNOWN: &[&str] = &[
    "change", "example", "password", "secret", "default", "insecure", "anteroom", "qwerty",
    "letmein",
];
/// Passwords of brokers and databases that are known from manuals.
const KNOWN_PASSWORDS: &[&str] = &[
    "guest", "postgres", "redis", "rabbitmq", "admin", "root", "test", "foobared", "1234", "123456",
];
/// Thirty-two random hexadecimal digits have fewer different ones once in ten million.
const DIFFERENT_MIN: usize = 8;

impl Config {
    /// Whether strangers can reach it.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let apart = self.server.admin_address().ok().flatten();
        !self.server.listen.ip().is_loopback() || apart.is_some_and(|it| !it.ip().is_loopback())
    }

    /// The first setting whose secret could be guessed, with what is wrong with it.
    #[must_use]
    pub fn weak_secret(&self) -> Option<(&'static str, &'static str)> {
        if !self.auth.secret.is_empty()
            && let Some(why) = weakness(&self.auth.secret)
        {
            return Some(("auth.secret", why));
        }
        let urls = [
            ("storage.url", &self.storage.url),
            ("redis.url", &self.redis.url),
            ("rabbitmq.url", &self.rabbitmq.url),
        ];
        let known = urls.into_iter().find(|(_, url)| password(url).is_some_and(|it| is_known(&it)));
        known.map(|(key, _)| (key, "has a password that everybody knows"))
    }

    /// Refuses such a secret where strangers can reach the server.
    ///
    /// # Errors
    /// Which setting, and how to do better.
    pub(super) fn check_secrets(&self) -> Result<(), ConfigError> {
        match self.weak_secret().filter(|_| self.is_exposed()) {
            None => Ok(()),
            Some((key, why)) => Err(ConfigError::Contradiction(format!(
                "{key} {why}, and the server listens beyond loopback; `openssl rand -hex 32` makes a \
                 good secret"
            ))),
        }
    }
}

/// Why a secret could be guessed.
fn weakness(secret: &str) -> Option<&'static str> {
    let lower = secret.to_lowercase();
    if KNOWN.iter().any(|word| lower.contains(word)) {
        return Some("looks like one from an example");
    }
    let bytes = secret.as_bytes();
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    if different.len() < DIFFERENT_MIN {
        return Some("consists of very few different characters");
    }
    let is_repeated =
        (1..=bytes.len() / 2).any(|period| bytes[period..] == bytes[..bytes.len() - period]);
    if is_repeated {
        return Some("repeats itself");
    }
    let steps = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    (steps * 2 > bytes.len()).then_some("is little more than a row of neighbouring characters")
}

fn is_known(password: &str) -> bool {
    let lower = password.to_lowercase();
    KNOWN_PASSWORDS.contains(&lower.as_str()) || KNOWN.iter().any(|word| lower.contains(word))
}

/// The password in an address like `scheme://user:password@host`, or behind `password=`.
fn password(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let told =
        authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, it)| it);
    let asked = || url.split(['?', '&']).find_map(|it| it.strip_prefix("password="));
    told.or_else(asked).filter(|it| !it.is_empty()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "9f2c4b7e1a6d8053e4b1c97f20da5386";

    fn with(secret: &str, listen: &str) -> Config {
        let mut config = Config::default();
        config.auth.secret = secret.to_owned();
        config.server.listen = listen.parse().unwrap();
        config
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_beyond_loopback_only() {
        for weak in [
            "change-me-to-thirty-two-characters-or-more",
            "my-super-secret-key-for-the-server-2026",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz0123456789",
        ] {
            assert!(with(weak, "127.0.0.1:0").check_secrets().is_ok(), "{weak}");
            assert!(with(weak, "[::1]:0").check_secrets().is_ok(), "{weak}");
            for outside in ["0.0.0.0:0", "192.0.2.7:80", "[::]:0"] {
                let refused = with(weak, outside).check_secrets().unwrap_err().to_string();
                assert!(refused.contains("auth.secret") && !refused.contains(weak), "{refused}");
            }
        }
        for good in [GOOD, "", "T4 vermilion harbour kestrel! 91 oblique"] {
            assert!(with(good, "0.0.0.0:0").check_secrets().is_ok(), "{good}");
        }
        let mut config = with("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "127.0.0.1:0");
        config.server.admin_listen = "0.0.0.0:9090".to_owned();
        assert!(config.check_secrets().is_err(), "administration is reached from outside");
    }

    #[test]
    fn so_is_a_password_from_a_manual_in_an_address() {
        let at = |url: &str| {
            let mut config = with(GOOD, "0.0.0.0:0");
            let place = match url.split(':').next() {
                Some("amqp") => &mut config.rabbitmq.url,
                Some("redis") => &mut config.redis.url,
                _ => &mut config.storage.url,
            };
            url.clone_into(place);
            config.check_secrets()
        };
        for weak in [
            "amqp://guest:guest@mq.example/%2f",
            "redis://:foobared@r.example/",
            "postgres://anteroom:change-me-too@db/anteroom",
            "postgres://db/chat?user=me&password=postgres",
        ] {
            let refused = at(weak).unwrap_err().to_string();
            assert!(refused.contains(".url"), "{refused}");
        }
        for fine in
            ["amqp://mq/%2f", "redis://:hT7_kq92@r/", "postgres://me@db/chat", "sqlite:chat.db"]
        {
            assert!(at(fine).is_ok(), "{fine}");
        }
    }
}
