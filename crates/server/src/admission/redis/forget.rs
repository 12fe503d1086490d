//! Forgetting all seats at once: what follows when the facts go back to an earlier time.

use anyhow::Context as _;
use redis::cmd;

use crate::config;
use crate::redis_line::{Named, RedisLine};

const NAMED: Named = Named { away: "seat_store.away", back: "seat_store.back" };
/// Keys asked for in one step.
const TOGETHER: usize = 1_000;

/// Removes every key under the prefix of these settings: the seats, and what nodes say to each other. No server may
/// be running on them. How many there were.
///
/// # Errors
/// Redis cannot be asked; there is no prefix that tells this server's keys from others.
pub(crate) async fn forget(settings: &config::Redis) -> anyhow::Result<u64> {
    let config::Redis { url, prefix, timeout } = settings;
    anyhow::ensure!(!prefix.is_empty(), "without a redis.prefix no keys are deleted");
    let line = RedisLine::new(url, timeout.0, NAMED).context("redis.url cannot be read")?;
    let mut redis = line.first().await.context("Redis")?.connection;
    let pattern = pattern(prefix);
    let (mut cursor, mut removed) = (0_u64, 0);
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(TOGETHER);
        let (next, keys): (u64, Vec<Vec<u8>>) = scan.query_async(&mut redis).await?;
        if !keys.is_empty() {
            removed += cmd("UNLINK").arg(keys).query_async::<u64>(&mut redis).await?;
        }
        if next == 0 {
            return Ok(removed);
        }
        cursor = next;
    }
}

/// What begins with exactly this text, as Redis reads patterns.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_prefix_stands_for_itself() {
        assert_eq!(pattern("anteroom:"), "anteroom:*");
        assert_eq!(pattern(r"a*[b]?\c:"), r"a\*\[b\]\?\\c:*");
    }
}
