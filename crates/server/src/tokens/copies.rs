//! How users stand, at hand for all nodes in Redis: `user:{id}`, the hashed signatures of the tokens in force.
//!
//! PostgreSQL is what decides. A copy spares reading it with every call, and may be missing at any time;
//! it may never be wrong. Three things see to that:
//!
//! - Whoever changes a user says so first ([`Copies::changing`]): until the change is through nobody is
//!   answered from a copy, and none that was read before is put there afterwards.
//! - A copy counts only in the run of the Redis process that took it, named by its run id. A Redis that
//!   came back with an older state, or a replica that took over, has another.
//! - A change that could not be announced is acknowledged only when every copy has run out
//!   ([`COPIES_FOR`]), or is refused, where it grants something.
//!
//! A dump of Redis opens nothing: of a signature there is the hash.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::{FromRedisValue, RedisError};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::standing::{Live, Standing};
use crate::redis_line::{Away, LineError, Named, Open, RedisLine};
use crate::storage::WallMillis;

/// What the log calls the line.
const NAMED: Named = Named { away: "logins.away", back: "logins.back" };
/// How long a copy counts.
pub(crate) const COPIES_FOR: Duration = Duration::from_secs(10);
/// How long a change may take before it is taken for one that nobody finishes. Above what the store
/// lets any call take.
const CHANGING_FOR: Duration = Duration::from_secs(30);
/// What was read from the store longer ago is not put there: what it was read after is forgotten by then.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// Puts a copy where nothing has happened since the look that found none.
/// KEYS[1] the user; ARGV: what the look found, the copy, its life in milliseconds.
const PUT: &str = "
    if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1";
/// Ends a change, unless another one is under way.
/// KEYS[1] the user; ARGV: the change, what stands there from now on, its life in milliseconds.
const CHANGED: &str = "
    local found = redis.call('GET', KEYS[1]) or ''
    if found ~= ARGV[1] and string.sub(found, 1, 9) == 'changing:' then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1";

/// What a look found.
pub(crate) enum Look {
    /// A copy that is right.
    Found(Standing),
    /// None. What is read from the store may be put there.
    Missing(Place),
    /// Nothing may be put there.
    Closed,
}

/// Where a copy belongs, as long as nothing happens there.
pub(crate) struct Place {
    found: String,
    open: Open,
    since: Instant,
}

/// A change that was announced.
#[derive(Debug)]
pub(crate) struct Announced(String);

/// The copies of one deployment.
pub(crate) struct Copies {
    line: RedisLine,
    prefix: String,
    timeout: Duration,
}

impl Copies {
    /// Connects to the Redis that all nodes share.
    ///
    /// # Errors
    /// It cannot be used.
    pub(crate) async fn connect(
        url: &str,
        prefix: &str,
        timeout: Duration,
    ) -> Result<Arc<Self>, LineError> {
        let line = RedisLine::new(url, timeout, NAMED)?;
        let first = line.first().await?;
        line.keep(first);
        Ok(Arc::new(Self { line, prefix: prefix.to_owned(), timeout }))
    }

    fn key(&self, user: UserId) -> String {
        format!("{}user:{}", self.prefix, user.0)
    }

    /// Looks for the copy of a user.
    pub(crate) async fn look(&self, user: UserId) -> Look {
        let since = Instant::now();
        let Ok(open) = self.line.connection(since + self.timeout).await else {
            return Look::Closed;
        };
        let mut get = redis::cmd("GET");
        get.arg(self.key(user));
        let found: Option<String> = match self.ask(&open, &get).await {
            Ok(found) => found,
            Err(_) => return Look::Closed,
        };
        let found = found.unwrap_or_default();
        if found.starts_with("changing:") {
            return Look::Closed;
        }
        let copy = found.strip_prefix(&*open.run).and_then(|rest| rest.strip_prefix('|'));
        match copy.and_then(|text| serde_json::from_str::<Document>(text).ok()) {
            Some(document) => Look::Found(document.into()),
            None => Look::Missing(Place { found, open, since }),
        }
    }

    /// Puts a copy there, if nothing happened to the user since the look. Without effect where it fails.
    pub(crate) async fn put(&self, user: UserId, place: Place, standing: &Standing) {
        if place.since.elapsed() > FRESH_FOR {
            return;
        }
        let Ok(text) = serde_json::to_string(&Document::from(standing)) else { return };
        let mut put = redis::cmd("EVAL");
        put.arg(PUT).arg(1).arg(self.key(user)).arg(place.found);
        put.arg(format!("{}|{text}", place.open.run)).arg(millis(COPIES_FOR));
        // On the connection of the look: another one may lead to another process.
        let _: Result<u8, _> = self.ask(&place.open, &put).await;
    }

    /// From its return on nobody is answered from a copy of the user, until [`Copies::changed`].
    ///
    /// # Errors
    /// That is not so: Redis is away.
    pub(crate) async fn changing(&self, user: UserId) -> Result<Announced, Away> {
        let change = format!("changing:{}", name()?);
        let mut set = redis::cmd("SET");
        set.arg(self.key(user)).arg(&change).arg("PX").arg(millis(CHANGING_FOR));
        self.anywhere::<()>(&set).await?;
        Ok(Announced(change))
    }

    /// The change is through, or will never be: what is read from the store from now on may be put there.
    ///
    /// # Errors
    /// Redis is away: copies from before an interruption may stand there until they run out.
    pub(crate) async fn changed(&self, user: UserId, change: &Announced) -> Result<(), Away> {
        let mut done = redis::cmd("EVAL");
        done.arg(CHANGED).arg(1).arg(self.key(user)).arg(&change.0);
        done.arg(format!("open:{}", name()?)).arg(millis(COPIES_FOR));
        self.anywhere::<u8>(&done).await.map(drop)
    }

    /// Asks once more where the line turns out to be broken: what is asked so may be asked twice.
    async fn anywhere<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Away> {
        let until = Instant::now() + self.timeout;
        let open = self.line.connection(until).await?;
        match self.ask(&open, command).await {
            Ok(answer) => Ok(answer),
            Err(_) => self.ask(&self.line.connection(until).await?, command).await,
        }
    }

    async fn ask<T: FromRedisValue>(&self, open: &Open, command: &redis::Cmd) -> Result<T, Away> {
        let mut connection = open.connection.clone();
        let until = Instant::now() + self.timeout;
        let answer: Result<T, RedisError> =
            match timeout_at(until, command.query_async(&mut connection)).await {
                Ok(answer) => answer,
                Err(_) => {
                    self.line.give_up(open.number);
                    return Err(LineError::Silent.into());
                }
            };
        answer.map_err(|error| {
            self.line.failed(open.number, &error);
            LineError::from(error).into()
        })
    }
}

/// A name that nobody else gives.
fn name() -> Result<String, Away> {
    let mut bytes = [0; 12];
    rand::fill(&mut bytes).map_err(|_| Away("no random numbers".into()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A standing as it is kept there.
#[derive(Serialize, Deserialize)]
struct Document {
    name: String,
    roles: Vec<String>,
    locked: bool,
    ends: Option<WallMillis>,
    logins: Vec<LoginDocument>,
}

#[derive(Serialize, Deserialize)]
struct LoginDocument {
    id: Uuid,
    /// SHA-256 of the signature of the token in force.
    signature: String,
    ends: WallMillis,
}

impl From<&Standing> for Document {
    fn from(standing: &Standing) -> Self {
        let login = |login: &Live| LoginDocument {
            id: login.id.0,
            signature: URL_SAFE_NO_PAD.encode(login.signature_hash),
            ends: login.ends,
        };
        Self {
            name: standing.name.to_string(),
            roles: standing.roles().iter().map(|role| role.as_str().to_owned()).collect(),
            locked: standing.is_locked,
            ends: standing.life_ends,
            logins: standing.logins.iter().map(login).collect(),
        }
    }
}

impl From<Document> for Standing {
    fn from(document: Document) -> Self {
        let login = |login: LoginDocument| {
            let hash = URL_SAFE_NO_PAD.decode(login.signature).ok()?;
            Some(Live {
                id: LoginId(login.id),
                signature_hash: hash.try_into().ok()?,
                ends: login.ends,
            })
        };
        let roles = document.roles.iter().filter_map(|role| Role::parse(role));
        Self::from_parts(
            (document.name.into(), roles.collect()),
            (document.locked, document.ends),
            document.logins.into_iter().filter_map(login).collect(),
        )
    }
}

#[cfg(test)]
#[path = "copies_tests.rs"]
mod tests;
