//! How users stand, at hand for all nodes in Redis: `user:{id}`, the hashed signatures of the tokens in force.
//!
//! PostgreSQL is what decides. A copy spares reading it with every call, and may be missing at any time;
//! it may never be wrong. Three things see to that:
//!
//! - Whoever changes a user says so first ([`Copies::changing`]): until the change is through nobody is
//!   answered from a copy, and none that was read before is put there afterwards.
//! - A copy counts only in the run of the Redis process that took it, named by its run id. A Redis that
//!   came back with an older state, or a replica that took over, has another.
//! - A copy runs out [`COPIES_FOR`] after the look that found none, on Redis' own clock, however late it
//!   is put there. A change that could not be announced is acknowledged only when every copy from before
//!   it has run out, or is refused, where it grants something.
//!
//! A dump of Redis opens nothing: of a signature there is the hash. What is left: while nodes talk to two
//! Redis processes at once, in the middle of a failover, a change that was announced to one is not seen by
//! those who ask the other, for as long as a copy counts.

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
/// How long a copy counts, from the look before it was read from the store.
pub(crate) const COPIES_FOR: Duration = Duration::from_secs(10);
/// How long a change may take before it is taken for one that nobody finishes. Above what the store
/// lets any call take.
const CHANGING_FOR: Duration = Duration::from_secs(30);
/// Looks, and reads the clock.
/// KEYS[1] the user.
const LOOK: &str = "#!lua flags=no-writes,allow-oom
    local time = redis.call('TIME')
    return { redis.call('GET', KEYS[1]) or '', time[1] * 1000 + math.floor(time[2] / 1000) }";
/// Puts a copy where nothing has happened since the look that found none, unless its time is over.
/// KEYS[1] the user; ARGV: what the look found, the copy, until when it counts in milliseconds.
const PUT: &str = "#!lua
    local time = redis.call('TIME')
    local left = ARGV[3] - (time[1] * 1000 + math.floor(time[2] / 1000))
    if left < 1 or (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', left)
    return 1";
/// Announces a change. Also where Redis is full: what calls copies in must go on.
/// KEYS[1] the user; ARGV: the change, its life in milliseconds.
const CHANGING: &str = "#!lua flags=allow-oom
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1";
/// Ends a change, unless another one is under way.
/// KEYS[1] the user; ARGV: the change, what stands there from now on, its life in milliseconds.
const CHANGED: &str = "#!lua flags=allow-oom
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
    /// On Redis' clock.
    until: u64,
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
    /// Copies in the Redis that all nodes share. It need not be there yet.
    ///
    /// # Errors
    /// A URL that cannot be read.
    pub(crate) fn at(url: &str, prefix: &str, timeout: Duration) -> Result<Arc<Self>, RedisError> {
        let line = RedisLine::new(url, timeout, NAMED)?;
        line.keep_trying();
        Ok(Arc::new(Self { line, prefix: prefix.to_owned(), timeout }))
    }

    fn key(&self, user: UserId) -> String {
        format!("{}user:{}", self.prefix, user.0)
    }

    /// Looks for the copy of a user.
    pub(crate) async fn look(&self, user: UserId) -> Look {
        let Ok(open) = self.line.connection(Instant::now() + self.timeout).await else {
            return Look::Closed;
        };
        let mut look = redis::cmd("EVAL");
        look.arg(LOOK).arg(1).arg(self.key(user));
        let Ok((found, now)) = self.ask::<(String, u64)>(&open, &look).await else {
            return Look::Closed;
        };
        if found.starts_with("changing:") {
            return Look::Closed;
        }
        let copy = found.strip_prefix(&*open.run).and_then(|rest| rest.strip_prefix('|'));
        match copy.and_then(|text| serde_json::from_str::<Document>(text).ok()) {
            Some(document) => Look::Found(document.into()),
            None => Look::Missing(Place { found, open, until: now + millis(COPIES_FOR) }),
        }
    }

    /// Puts a copy there, if nothing happened to the user since the look. Without effect where it fails.
    pub(crate) async fn put(&self, user: UserId, place: Place, standing: &Standing) {
        let Ok(text) = serde_json::to_string(&Document::from(standing)) else { return };
        let mut put = redis::cmd("EVAL");
        put.arg(PUT).arg(1).arg(self.key(user)).arg(place.found);
        put.arg(format!("{}|{text}", place.open.run)).arg(place.until);
        // On the connection of the look: another one may lead to another process.
        let _: Result<u8, _> = self.ask(&place.open, &put).await;
    }

    /// From its return on nobody is answered from a copy of the user, until [`Copies::changed`].
    ///
    /// # Errors
    /// That is not so: Redis is away.
    pub(crate) async fn changing(&self, user: UserId) -> Result<Announced, Away> {
        let change = format!("changing:{}", name()?);
        let mut announce = redis::cmd("EVAL");
        announce.arg(CHANGING).arg(1).arg(self.key(user)).arg(&change).arg(millis(CHANGING_FOR));
        self.anywhere::<u8>(&announce).await?;
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
