//! Merging: defaults, file, environment, flags. The defaults, written as TOML, are the list of known
//! keys and of their types, so there is no second list to keep in step.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {detail}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        detail: String,
    },
    /// No such key.
    #[error("unknown setting `{key}` ({origin}){}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// As it was written.
        key: String,
        /// File, environment or flag.
        origin: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong kind.
    #[error("{0}")]
    Value(String),
    /// Settings that cannot work together.
    #[error("{0}")]
    Contradiction(String),
}

/// What stands above the built-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config FILE`; without it `anteroom.toml` is read if it is there.
    pub file: Option<PathBuf>,
    /// The environment, as `(name, value)`.
    pub environment: Vec<(String, String)>,
    /// Flags, as `(path, value)`, e.g. `("server.listen", "127.0.0.1:0")`.
    pub flags: Vec<(String, String)>,
}

/// Merges and checks.
///
/// # Errors
/// In words an operator can act on.
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    let mut merged =
        Table::try_from(Config::default()).map_err(|e| ConfigError::Value(e.to_string()))?;
    let known = leaves(&merged);
    if let Some((path, text)) = read_file(overrides.file.as_deref())? {
        let table = text
            .parse::<Table>()
            .map_err(|e| ConfigError::Malformed { path: path.clone(), detail: said(&text, &e) })?;
        let origin = path.display().to_string();
        for (key, value) in flatten(&table) {
            set(&mut merged, &known, &key, value, &origin)?;
        }
    }
    for (name, value) in &overrides.environment {
        if let Some((key, value)) = from_environment(&known, name, value)? {
            set_text(&mut merged, &known, &key, &value, name)?;
        }
    }
    for (key, value) in &overrides.flags {
        set_text(&mut merged, &known, key, value, "flag")?;
    }
    let config: Config = merged.try_into().map_err(|e: toml::de::Error| {
        ConfigError::Value(e.to_string().lines().collect::<Vec<_>>().join(" "))
    })?;
    config.check()?;
    Ok(config)
}

/// What is wrong and in which line; not the line itself, which may hold a secret that the log is not to have.
fn said(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message.to_owned(),
    }
}

fn read_file(asked: Option<&Path>) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let path = asked.unwrap_or(Path::new("anteroom.toml")).to_path_buf();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && asked.is_none() => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

/// `ANTEROOM_A__B` names `a.b`; `ANTEROOM_A__B_FILE` names a file that holds its value.
fn from_environment(
    known: &[String],
    name: &str,
    value: &str,
) -> Result<Option<(String, String)>, ConfigError> {
    let Some(path) = name.strip_prefix("ANTEROOM_") else { return Ok(None) };
    if cfg!(feature = "mutants") && name == anteroom_core::mutants::VARIABLE {
        return Ok(None);
    }
    #[cfg(feature = "baselines")]
    if name == crate::admission::RULES_LOG {
        return Ok(None);
    }
    // For `anteroom chat`, from the same environment; no setting of a server.
    if name == "ANTEROOM_PASSWORD" {
        return Ok(None);
    }
    let key = path.to_ascii_lowercase().replace("__", ".");
    if let Some(base) = key.strip_suffix("_file")
        && !known.contains(&key)
        && known.iter().any(|k| k == base)
    {
        let text = std::fs::read_to_string(value)
            .map_err(|source| ConfigError::Unreadable { path: value.into(), source })?;
        return Ok(Some((base.to_owned(), text.trim_end_matches(['\r', '\n']).to_owned())));
    }
    Ok(Some((key, value.to_owned())))
}

/// Sets a key from text, reading it as the kind of value the default has.
fn set_text(
    merged: &mut Table,
    known: &[String],
    key: &str,
    text: &str,
    origin: &str,
) -> Result<(), ConfigError> {
    let wrong = |kind: &str| ConfigError::Value(format!("{origin}: `{key}` must be {kind}"));
    let value = match lookup(merged, key) {
        Some(Value::Boolean(_)) => {
            Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?)
        }
        Some(Value::Integer(_)) => {
            Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?)
        }
        Some(Value::Float(_)) => Value::Float(text.parse().map_err(|_| wrong("a number"))?),
        Some(Value::Array(_)) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        ),
        _ => Value::String(text.to_owned()),
    };
    set(merged, known, key, value, origin)
}

fn set(
    merged: &mut Table,
    known: &[String],
    key: &str,
    value: Value,
    origin: &str,
) -> Result<(), ConfigError> {
    if !known.iter().any(|k| k == key) {
        return Err(ConfigError::Unknown {
            key: key.to_owned(),
            origin: origin.to_owned(),
            nearest: nearest(known, key),
        });
    }
    let (section, leaf) = key.split_once('.').unwrap_or(("", key));
    if let Some(Value::Table(table)) = merged.get_mut(section) {
        table.insert(leaf.to_owned(), value);
    }
    Ok(())
}

fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let (section, leaf) = key.split_once('.')?;
    table.get(section)?.get(leaf)
}

fn leaves(table: &Table) -> Vec<String> {
    flatten(table).into_iter().map(|(key, _)| key).collect()
}

/// All values with their dotted paths. The configuration is two levels deep.
fn flatten(table: &Table) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for (section, value) in table {
        match value {
            Value::Table(inner) => {
                out.extend(inner.iter().map(|(k, v)| (format!("{section}.{k}"), v.clone())));
            }
            other => out.push((section.clone(), other.clone())),
        }
    }
    out
}

/// The known key with the smallest edit distance, when it is small enough to be a slip.
fn nearest(known: &[String], key: &str) -> Option<String> {
    let distance = |k: &String| {
        let leaf_matches = k.rsplit('.').next() == key.rsplit('.').next();
        if leaf_matches { 1 } else { edit_distance(k, key) }
    };
    let best = known.iter().min_by_key(|k| distance(k))?;
    (distance(best) <= 1 + key.len() / 3).then(|| best.clone())
}

/// Levenshtein distance over bytes; keys are ASCII.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_env(name: &str, value: &str) -> Result<Config, ConfigError> {
        load(&Overrides {
            environment: vec![(name.to_owned(), value.to_owned())],
            ..Overrides::default()
        })
    }

    #[test]
    fn flags_win_over_environment_and_environment_over_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml");
        std::fs::write(
            &file,
            "[admission]\ngrace = \"1s\"\noffer_ttl = \"2s\"\nreservation_ttl = \"3s\"\n",
        )
        .unwrap();
        let config = load(&Overrides {
            file: Some(file),
            environment: vec![
                ("ANTEROOM_ADMISSION__OFFER_TTL".into(), "4s".into()),
                ("ANTEROOM_ADMISSION__RESERVATION_TTL".into(), "5s".into()),
                ("PATH".into(), "ignored".into()),
            ],
            flags: vec![("admission.reservation_ttl".into(), "6s".into())],
        })
        .unwrap();
        assert_eq!(config.admission.grace.to_string(), "1s");
        assert_eq!(config.admission.offer_ttl.to_string(), "4s");
        assert_eq!(config.admission.reservation_ttl.to_string(), "6s");
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = with_env("ANTEROOM_ADMISSION__RESERVATION_TLT", "1s").unwrap_err().to_string();
        assert!(error.contains("admission.reservation_ttl"), "{error}");
        assert!(with_env("ANTEROOM_PASSWORD", "of somebody who chats").is_ok());
        let error = with_env("ANTEROOM_ZZZZZZ", "1").unwrap_err().to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused_in_words() {
        for (name, value) in [
            ("ANTEROOM_AUTH__GUESTS", "perhaps"),
            ("ANTEROOM_AUTH__LOGINS_PER_USER", "two"),
            ("ANTEROOM_AUTH__LOGINS_PER_USER", "0"),
            ("ANTEROOM_SERVER__LISTEN", "nowhere"),
            ("ANTEROOM_ADMISSION__STRATEGY", "hope"),
            ("ANTEROOM_AUTH__SECRET", "short"),
        ] {
            assert!(with_env(name, value).is_err(), "{name}={value} must be refused");
        }
    }

    #[test]
    fn baselines_are_known_to_the_program_of_the_experiment_alone() {
        let of_the_experiment = cfg!(feature = "baselines");
        for (name, value) in [
            ("ANTEROOM_ADMISSION__STRATEGY", "baseline_unlocked"),
            ("ANTEROOM_RULES_LOG", "/nowhere"),
        ] {
            assert_eq!(with_env(name, value).is_ok(), of_the_experiment, "{name}");
        }
    }

    #[test]
    fn a_secret_can_come_from_a_file_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        let secret = "0123456789abcdef0123456789abcdef";
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        let config = with_env("ANTEROOM_AUTH__SECRET_FILE", file.to_str().unwrap()).unwrap();
        assert_eq!(config.auth.secret, secret);
        assert!(!config.to_toml().contains(secret));
    }

    #[test]
    fn the_password_of_a_broker_is_never_shown() {
        let config = with_env("ANTEROOM_RABBITMQ__URL", "amqp://me:hush@mq.example/chat").unwrap();
        assert!(!config.to_toml().contains("hush"), "{}", config.to_toml());
        let shown = with_env("ANTEROOM_RABBITMQ__URL", "amqp://mq.example").unwrap().to_toml();
        assert!(shown.contains("amqp://mq.example"), "{shown}");
        for (name, value) in [("PREFIX", ""), ("PREFIX", &*"x".repeat(65)), ("TIMEOUT", "0s")] {
            let refused = with_env(&format!("ANTEROOM_RABBITMQ__{name}"), value).unwrap_err();
            assert!(refused.to_string().contains("rabbitmq."), "{refused}");
        }
    }

    #[test]
    fn the_password_of_a_database_is_never_shown() {
        for url in [
            "postgres://me:hush@db.example/chat",
            "postgresql://db.example/chat?user=me&password=hush",
        ] {
            let config = with_env("ANTEROOM_STORAGE__URL", url).unwrap();
            let shown = config.to_toml();
            assert!(shown.contains("url = \"(hidden)\"") && !shown.contains("hush"), "{shown}");
        }
        let refused = with_env("ANTEROOM_STORAGE__URL", "mysql://me:hush@db/chat").unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("postgres://") && !refused.contains("hush"), "{refused}");
    }
}
