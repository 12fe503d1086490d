//! The master secret and the keys made from it.
//!
//! Every purpose has a key of its own, so nothing made for one is ever good for another. Neither the
//! secret nor a key leaves this module except to the code that signs.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::{hkdf, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The generated secret's file in the data directory.
pub(crate) const SECRET_FILE: &str = "secret";
/// Fewest characters in a secret.
const SECRET_CHARS_MIN: usize = 32;
const SECRET_BYTES: usize = 32;

/// Why there are no keys. Written for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Too short to be a secret.
    #[error("{origin} has {found} characters; a secret needs at least {SECRET_CHARS_MIN}")]
    TooShort {
        /// The setting or file.
        origin: String,
        /// How many it has.
        found: usize,
    },
    /// The file could not be read or made.
    #[error("cannot use the secret file {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The machine gave no random numbers.
    #[error("the machine gives no random numbers")]
    Random,
}

/// One key per purpose, derived from the master secret (HKDF-SHA256).
#[derive(Clone)]
pub struct Keys {
    token: [u8; 32],
    ticket: [u8; 32],
}

impl Keys {
    /// The keys of a configured secret.
    ///
    /// # Errors
    /// When it is shorter than 32 characters.
    pub fn from_secret(secret: &str) -> Result<Self, SecretError> {
        Self::derive(secret, "auth.secret")
    }

    /// The keys of the secret in the data directory, which is made on the first start: 32 random
    /// bytes in a file only its owner may read, durable before it is used. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read or made, or holds no secret.
    pub fn load_or_generate(data_dir: &Path) -> Result<Self, SecretError> {
        let path = data_dir.join(SECRET_FILE);
        let secret = match read(&path)? {
            Some(secret) => secret,
            None => generate(data_dir, &path)?,
        };
        Self::derive(secret.trim(), &format!("the file {}", path.display()))
    }

    /// The key that signs tickets.
    #[must_use]
    pub const fn ticket(&self) -> &[u8; 32] {
        &self.ticket
    }

    pub(super) const fn token(&self) -> &[u8; 32] {
        &self.token
    }

    fn derive(secret: &str, origin: &str) -> Result<Self, SecretError> {
        let found = secret.chars().count();
        if found < SECRET_CHARS_MIN {
            return Err(SecretError::TooShort { origin: origin.to_owned(), found });
        }
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, b"anteroom").extract(secret.as_bytes());
        let key = |label: &[u8]| {
            let mut key = [0; 32];
            master
                .expand(&[label], hkdf::HKDF_SHA256)
                .and_then(|bytes| bytes.fill(&mut key))
                .map_err(|_| SecretError::Random)?;
            Ok::<_, SecretError>(key)
        };
        Ok(Self { token: key(b"token v1")?, ticket: key(b"ticket v1")? })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

fn read(path: &Path) -> Result<Option<String>, SecretError> {
    match fs::read_to_string(path) {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretError::File { path: path.to_owned(), source }),
    }
}

/// Writes beside the final name and links into place, so that the file is whole or not there, and of
/// two first starts at once only one secret survives.
fn generate(data_dir: &Path, path: &Path) -> Result<String, SecretError> {
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).map_err(|_| SecretError::Random)?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let draft = data_dir.join(format!("{SECRET_FILE}.{}", uuid::Uuid::new_v4().simple()));
    let placed = write_private(&draft, &secret).and_then(|()| fs::hard_link(&draft, path));
    drop(fs::remove_file(&draft));
    let in_force = match placed {
        Ok(()) => secret,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.unwrap_or_default()
        }
        Err(source) => return Err(SecretError::File { path: path.to_owned(), source }),
    };
    let durable = File::open(data_dir).and_then(|dir| dir.sync_all());
    durable.map_err(|source| SecretError::File { path: path.to_owned(), source })?;
    Ok(in_force)
}

fn write_private(path: &Path, secret: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(secret.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Keys, SECRET_FILE, SecretError};

    #[test]
    fn a_generated_secret_is_private_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keys::load_or_generate(dir.path()).unwrap();
        let again = Keys::load_or_generate(dir.path()).unwrap();
        assert_eq!(first.token(), again.token());
        let file = dir.path().join(SECRET_FILE);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        // The same secret given as a setting makes the same keys.
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(Keys::from_secret(text.trim()).unwrap().ticket(), first.ticket());
    }

    #[test]
    fn first_starts_at_the_same_moment_agree_on_one_secret() {
        let dir = tempfile::tempdir().unwrap();
        let keys = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| *Keys::load_or_generate(dir.path()).unwrap().token()))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_short_secret_is_refused_in_words_that_do_not_repeat_it() {
        let error = Keys::from_secret("hunter2hunter2hunter2hunter2hun").unwrap_err();
        assert!(matches!(error, SecretError::TooShort { found: 31, .. }));
        assert!(error.to_string().starts_with("auth.secret has 31 characters"));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own_and_none_is_printed() {
        let keys = Keys::from_secret(&"s".repeat(32)).unwrap();
        assert_ne!(keys.token(), keys.ticket());
        assert_eq!(format!("{keys:?}"), "Keys(..)");
    }
}
