//! Which settings a running server takes over, and which wait for its next start.

use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};

/// Keys, and whole sections as `name.*`, that a reload takes over.
const RELOADED: &[&str] = &[
    "auth.guests",
    "heartbeat.*",
    "limits.attempts_per_room",
    "limits.bad_frames",
    "limits.bad_proofs",
    "limits.body_bytes",
    "limits.exports_per_user",
    "limits.frame_bytes",
    "limits.frames_per_10s",
    "limits.login_failures",
    "limits.outbound_bytes",
    "limits.requests_per_account",
    "limits.requests_per_address",
    "limits.room_password_failures",
    "limits.searches_per_user",
    "limits.signups_per_address",
    "log.level",
    "messages.content_chars_max",
    "messages.keep",
    "server.allowed_origins",
    "server.trusted_proxies",
    "tls.*",
];

/// Whether a reload takes over the setting of this path, e.g. `log.level`.
#[must_use]
pub fn is_reloaded(key: &str) -> bool {
    RELOADED.iter().any(|known| match known.strip_suffix('*') {
        Some(section) => key.starts_with(section),
        None => *known == key,
    })
}

impl Config {
    /// This one with what a reload takes over of `new`.
    ///
    /// # Errors
    /// A configuration that cannot be written down, which none can.
    pub(crate) fn taking(&self, new: &Self) -> Result<Self, ConfigError> {
        let (mut merged, wanted) = (written(self)?, written(new)?);
        for (section, keys) in &wanted {
            for (key, value) in keys.as_table().into_iter().flatten() {
                if takes_over(&format!("{section}.{key}"), self, new)
                    && let Some(toml::Value::Table(table)) = merged.get_mut(section)
                {
                    table.insert(key.clone(), value.clone());
                }
            }
        }
        merged.try_into().map_err(|e: toml::de::Error| ConfigError::Value(e.to_string()))
    }
}

fn written(config: &Config) -> Result<toml::Table, ConfigError> {
    toml::Table::try_from(config.clone()).map_err(|e| ConfigError::Value(e.to_string()))
}

/// Whether a reload from `old` to `new` takes over this setting. TLS itself begins and ends with a start.
fn takes_over(key: &str, old: &Config, new: &Config) -> bool {
    let stays_secure = [old, new].iter().all(|it| !it.tls.certificate.is_empty());
    is_reloaded(key) && (stays_secure || !key.starts_with("tls."))
}

/// The settings that differ between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Those that a reload takes over.
    pub taken: Vec<String>,
    /// Those that wait for the next start.
    pub waiting: Vec<String>,
}

/// What a reload from `old` to `new` changes. Names only: values can be secret.
///
/// # Errors
/// A configuration that cannot be written down, which none can.
pub fn changes(old: &Config, new: &Config) -> Result<Changes, ConfigError> {
    let (before, wanted) = (written(old)?, written(new)?);
    let mut changes = Changes::default();
    for (section, keys) in &wanted {
        for (key, value) in keys.as_table().into_iter().flatten() {
            if before.get(section).and_then(|it| it.get(key)) != Some(value) {
                let path = format!("{section}.{key}");
                let is_taken = takes_over(&path, old, new);
                let list = if is_taken { &mut changes.taken } else { &mut changes.waiting };
                list.push(path);
            }
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_apart_by_whether_it_is_taken_over() {
        let old = Config::default();
        let mut new = old.clone();
        assert_eq!(changes(&old, &new).unwrap(), Changes::default());
        new.limits.bad_frames = 1;
        new.log.level = "debug".to_owned();
        new.log.format = crate::config::LogFormat::Json;
        new.auth.secret = "of another life, and long enough".to_owned();
        let told = changes(&old, &new).unwrap();
        assert_eq!(told.taken, ["limits.bad_frames", "log.level"]);
        assert_eq!(told.waiting, ["auth.secret", "log.format"]);
        let taken = old.taking(&new).unwrap();
        assert_eq!(
            changes(&taken, &new).unwrap(),
            Changes { waiting: told.waiting, taken: vec![] }
        );
    }

    #[test]
    fn a_certificate_is_renewed_and_tls_neither_begun_nor_ended() {
        let secure = |certificate: &str| {
            let mut config = Config::default();
            (config.tls.certificate, config.tls.key) = (certificate.to_owned(), "key".to_owned());
            config
        };
        let told = changes(&secure("old"), &secure("new")).unwrap();
        assert_eq!(told.taken, ["tls.certificate"]);
        assert_eq!(secure("old").taking(&secure("new")).unwrap(), secure("new"));
        for (old, new) in [(Config::default(), secure("new")), (secure("old"), Config::default())] {
            let told = changes(&old, &new).unwrap();
            assert_eq!((told.taken.len(), told.waiting.len()), (0, 2));
            assert_eq!(old.taking(&new).unwrap(), old);
        }
    }

    #[test]
    fn each_of_them_is_a_setting() {
        let known = toml::Table::try_from(Config::default()).unwrap();
        for name in RELOADED {
            let (section, key) = name.split_once('.').unwrap();
            let keys = known[section].as_table().unwrap();
            assert!(key == "*" || keys.contains_key(key), "{name}");
        }
    }
}
