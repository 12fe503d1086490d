//! Passwords: what is accepted, and hashing that cannot take the machine.
//!
//! At most a fixed number of hashes run at once and a fixed number wait; more are refused. The permit
//! lives in the blocking task itself, so a caller who hangs up frees nothing that is still running.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anteroom_core::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use anteroom_core::mutants::{self, Mutant};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use tokio::sync::Semaphore;

use super::common::is_common;
use super::memory::Memory;
use super::names::NameFault;

/// Of the parameters of the hashes that are made: the least that is recommended today.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Of the hashes that are made, in bytes.
const SALT: usize = 16;
const HASH: usize = 32;

/// The dearest stored hash that is still checked; a dearer one was not written by us.
const STORED_MEMORY_KIB_MAX: u32 = 64 * 1024;
const STORED_PASSES_MAX: u32 = 10;
const STORED_LANES_MAX: u32 = 4;

/// A hash that no password has, with the parameters of all others: checking against it takes the
/// time that checking a real one takes.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How much hashing the machine does at once.
#[derive(Clone, Copy, Debug)]
pub struct PasswordConfig {
    /// Hashes that run at once; each takes a core and 19 MiB.
    pub at_once: usize,
    /// Requests that wait for their turn; more are refused.
    pub waiting: usize,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { at_once: cores, waiting: 256 }
    }
}

/// Why there is no answer about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    /// Hashing itself failed.
    #[error("hashing failed")]
    Failed,
}

/// Accepts 8 to 128 characters, any of them, unchanged.
///
/// # Errors
/// What is wrong with it.
pub fn acceptable(password: &str) -> Result<(), NameFault> {
    if password.is_empty() {
        return Err(NameFault::Required);
    }
    if password.chars().nth(PASSWORD_CHARS_MAX).is_some() {
        return Err(NameFault::TooLong);
    }
    if password.chars().nth(PASSWORD_CHARS_MIN - 1).is_none() {
        return Err(NameFault::TooShort);
    }
    Ok(())
}

/// Accepts what [`acceptable`] does for a password that somebody chooses, but for those that everybody guesses first.
///
/// # Errors
/// What is wrong with it.
pub fn choosable(password: &str) -> Result<(), NameFault> {
    acceptable(password)?;
    if is_common(password) { Err(NameFault::TooCommon) } else { Ok(()) }
}

/// Hashes and checks passwords, of people and of rooms. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    /// Those who run or wait.
    places: Arc<Semaphore>,
    /// Those who run.
    running: Arc<Semaphore>,
    /// What they run in.
    memory: Arc<Memory>,
}

impl Passwords {
    /// With these bounds; at least one runs at a time.
    #[must_use]
    pub fn new(config: PasswordConfig) -> Self {
        let at_once = config.at_once.clamp(1, 1024);
        let places = at_once + config.waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            places: Arc::new(Semaphore::new(places)),
            running: Arc::new(Semaphore::new(at_once)),
            memory: Arc::default(),
        }
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// `Busy` at once when too many wait.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let memory = Arc::clone(&self.memory);
        let hashed = self.run(move || made(&password, &memory));
        hashed.await?.ok_or(PasswordError::Failed)
    }

    /// Whether the password is the one that was hashed. Without a stored hash the answer is no, after
    /// the time a real check takes.
    ///
    /// # Errors
    /// `Busy` at once when too many wait.
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        let memory = Arc::clone(&self.memory);
        self.run(move || matches(&password, stored.as_deref(), &memory)).await
    }

    /// Runs blocking work as a hash is run.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place =
            Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let turn =
            Arc::clone(&self.running).acquire_owned().await.map_err(|_| PasswordError::Failed)?;
        let held = Some((place, turn)).filter(|_| !mutants::on(Mutant::B26PlaceFreedAtHangUp));
        let task = tokio::task::spawn_blocking(move || {
            let _held_to_the_end = held;
            work()
        });
        task.await.map_err(|_| PasswordError::Failed)
    }
}

/// The PHC string of a password, under a salt of its own.
fn made(password: &str, memory: &Memory) -> Option<String> {
    let mut salt = [0; SALT];
    rand::fill(&mut salt).ok()?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH)).ok()?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(Salt::new(&salt).ok()?),
        hash: Some(output(password, &salt, params, Version::V0x13, memory)?),
    };
    Some(hash.to_string())
}

fn matches(password: &str, stored: Option<&str>, memory: &Memory) -> bool {
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(NOBODY)) else {
        tracing::error!(event = "auth.hash_unusable", "a stored password hash cannot be read");
        return false;
    };
    if !affordable(&hash) {
        tracing::error!(event = "auth.hash_unusable", "a stored password hash costs too much");
        return false;
    }
    // Compared in constant time.
    again(password, &hash, memory).is_some_and(|again| Some(again) == hash.hash) && stored.is_some()
}

/// What this password gives where the stored hash was made.
fn again(password: &str, hash: &PasswordHash, memory: &Memory) -> Option<Output> {
    let params = Params::try_from(hash).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    output(password, hash.salt.as_ref()?, params, version, memory)
}

fn output(
    password: &str,
    salt: &[u8],
    params: Params,
    version: Version,
    memory: &Memory,
) -> Option<Output> {
    let mut room = [0; Output::MAX_LENGTH];
    let out = room.get_mut(..params.output_len().unwrap_or(HASH))?;
    let blocks = params.block_count();
    let argon2id = Argon2::new(Algorithm::Argon2id, version, params);
    let fill = |blocks: &mut [_]| {
        argon2id.hash_password_into_with_memory(password.as_bytes(), salt, out, blocks)
    };
    memory.lend(blocks, fill).ok()?;
    Output::new(out).ok()
}

fn affordable(hash: &PasswordHash) -> bool {
    let at_most = |name: &str, max: u32| hash.params.get_decimal(name).is_some_and(|n| n <= max);
    hash.algorithm == Algorithm::Argon2id.ident()
        && at_most("m", STORED_MEMORY_KIB_MAX)
        && at_most("t", STORED_PASSES_MAX)
        && at_most("p", STORED_LANES_MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};

    use super::{NOBODY, PasswordConfig, PasswordError, Passwords, acceptable, choosable};
    use crate::accounts::names::NameFault;

    fn passwords(at_once: usize, waiting: usize) -> Passwords {
        Passwords::new(PasswordConfig { at_once, waiting })
    }

    #[test]
    fn passwords_have_8_to_128_characters_of_any_kind() {
        for good in ["12345678", " leading", "nul\0nul\0", "🔑🔑🔑🔑🔑🔑🔑🔑", &"비".repeat(128)]
        {
            assert_eq!(acceptable(good), Ok(()), "{good:?}");
        }
        assert_eq!(acceptable(""), Err(NameFault::Required));
        assert_eq!(acceptable("일이삼사오육칠"), Err(NameFault::TooShort));
        assert_eq!(acceptable(&"x".repeat(129)), Err(NameFault::TooLong));
        assert_eq!(acceptable(&"x".repeat(1 << 20)), Err(NameFault::TooLong));
    }

    #[test]
    fn a_password_that_everybody_guesses_first_is_not_chosen() {
        for common in ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou1"] {
            assert_eq!(choosable(common), Err(NameFault::TooCommon), "{common}");
        }
        assert_eq!(choosable("short"), Err(NameFault::TooShort), "what is short is told first");
        assert_eq!(choosable("correct horse"), Ok(()));
        // One that was chosen before still opens the way in.
        assert_eq!(acceptable("password"), Ok(()));
    }

    #[tokio::test]
    async fn a_password_is_checked_exactly_as_it_was_given() {
        let passwords = passwords(2, 8);
        for password in
            [" leading and trailing ", "nul\0inside", "🔑 unlock 열쇠", &"비".repeat(128)]
        {
            let hash = passwords.hash(password.to_owned()).await.unwrap();
            assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
            let check = |text: &str| passwords.verify(text.to_owned(), Some(hash.clone()));
            assert_eq!(check(password).await, Ok(true));
            assert_eq!(check(&password[..password.len() - 3]).await, Ok(false));
            assert_eq!(check(&format!("{password} ")).await, Ok(false));
        }
    }

    #[tokio::test]
    async fn the_library_s_own_way_reads_what_is_made_here_and_the_other_way_round() {
        use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
        let passwords = passwords(1, 8);
        let hash = passwords.hash("any password".into()).await.unwrap();
        let library = Argon2::default();
        assert!(library.verify_password(b"any password", &*hash).is_ok());
        assert!(library.verify_password(b"any passwor", &*hash).is_err());
        // Of an older server: other costs, another length.
        for (cost, length) in [((8 * 1024, 1, 1), Some(32)), ((32 * 1024, 3, 2), Some(48))] {
            let params = Params::new(cost.0, cost.1, cost.2, length).unwrap();
            let older = Argon2::from(params).hash_password(b"any password").unwrap().to_string();
            let check = |text: &str| passwords.verify(text.to_owned(), Some(older.clone()));
            assert_eq!(check("any password").await, Ok(true), "{older}");
            assert_eq!(check("any passwor").await, Ok(false), "{older}");
        }
    }

    #[tokio::test]
    async fn without_a_stored_hash_the_answer_is_no_after_a_full_check() {
        let passwords = passwords(1, 8);
        assert_eq!(passwords.verify("any password".into(), None).await, Ok(false));
        // The stand-in is a hash like any other: readable, of the same cost and length.
        let real = passwords.hash("any password".into()).await.unwrap();
        assert_eq!(real.len(), NOBODY.len());
        assert_eq!(real[..31], NOBODY[..31]);
        let nobody = super::PasswordHash::new(NOBODY).unwrap();
        assert!(super::affordable(&nobody));
        assert_eq!(nobody.hash.map(|hash| hash.len()), Some(32));
    }

    #[tokio::test]
    async fn a_stored_hash_that_would_take_the_machine_is_refused() {
        let passwords = passwords(1, 8);
        let real = passwords.hash("any password".into()).await.unwrap();
        for (from, to) in [
            ("m=19456", "m=4194304"),
            ("m=19456", "m=65537"),
            ("t=2", "t=4294967295"),
            ("p=1", "p=255"),
            ("argon2id", "argon2d"),
            ("$m=19456,t=2,p=1", ""),
            ("$argon2id", "argon2id"),
        ] {
            let bent = real.replace(from, to);
            assert_ne!(bent, real);
            let readable = super::PasswordHash::new(&bent);
            assert!(!readable.is_ok_and(|hash| super::affordable(&hash)), "{to}");
            let answer = passwords.verify("any password".into(), Some(bent)).await;
            assert_eq!(answer, Ok(false), "{to}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn bug_b26_callers_that_hang_up_free_no_place_that_is_still_running() {
        let passwords = passwords(2, 1);
        // Dropped when an assertion fails, which lets those that are blocked go as well.
        let (started, have_started) = mpsc::channel();
        let running = Arc::new(AtomicUsize::new(0));
        let start = || {
            let (passwords, running) = (passwords.clone(), Arc::clone(&running));
            let (started, (go_on, may_go_on)) = (started.clone(), mpsc::channel::<()>());
            let caller = tokio::spawn(async move {
                let work = move || {
                    running.fetch_add(1, Ordering::SeqCst);
                    started.send(()).unwrap();
                    assert!(may_go_on.recv().is_err());
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                passwords.run(work).await
            });
            (caller, go_on)
        };
        let (callers, go_on): (Vec<_>, Vec<_>) = [start(), start()].into_iter().unzip();
        for _ in 0..2 {
            tokio::task::block_in_place(|| have_started.recv().unwrap());
        }
        for caller in &callers {
            caller.abort();
        }
        for caller in callers {
            assert!(caller.await.unwrap_err().is_cancelled());
        }
        // Both still run: one more may wait, the next is refused at once.
        let now_running = Arc::clone(&running);
        let mut waiter = Box::pin(passwords.run(move || now_running.load(Ordering::SeqCst)));
        assert!(futures_util::poll!(&mut waiter).is_pending());
        assert_eq!(passwords.run(|| ()).await, Err(PasswordError::Busy));
        drop(go_on);
        assert!(waiter.await.unwrap() <= 1);
    }
}
