//! What the server at the other end is, and whether anything that counts may be kept there.

use std::collections::HashMap;

/// The oldest major version whose scripts can say what they do when memory is full.
const VERSION_MIN: u32 = 7;

/// Why a Redis server cannot keep seats, in words for whoever set it up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Too old.
    #[error("Redis {0} is too old: the strategy `redis` needs version 7.0 or newer")]
    Version(String),
    /// A node of Redis Cluster.
    #[error(
        "the server is a node of Redis Cluster (cluster_enabled:1), which is not supported: \
         one step spans the keys of several rooms and users; use a single primary"
    )]
    Cluster,
    /// A replica.
    #[error("the server is a replica (role:{0}): redis.url must name the primary")]
    Role(String),
    /// It reads what it kept, and knows nothing until it is done.
    #[error("the server is still loading its data (loading:1): it can be used when it is done")]
    Loading,
    /// It may drop keys by itself.
    #[error(
        "maxmemory-policy is `{0}`: Redis would drop seats when memory is full; \
         set maxmemory-policy to noeviction"
    )]
    Eviction(String),
}

/// Reads the answer to `INFO`: the run id of a server that may keep seats.
///
/// # Errors
/// Why this one may not.
pub(super) fn inspect(info: &str) -> Result<String, Unfit> {
    let facts: HashMap<&str, &str> =
        info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let fact = |name: &str| (*facts.get(name).unwrap_or(&"")).to_owned();
    let version = fact("redis_version");
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < VERSION_MIN) {
        return Err(Unfit::Version(version));
    }
    if fact("cluster_enabled") == "1" {
        return Err(Unfit::Cluster);
    }
    if fact("role") != "master" {
        return Err(Unfit::Role(fact("role")));
    }
    if [fact("loading"), fact("async_loading")].iter().any(|it| it == "1") {
        return Err(Unfit::Loading);
    }
    if fact("maxmemory_policy") != "noeviction" {
        return Err(Unfit::Eviction(fact("maxmemory_policy")));
    }
    Ok(fact("run_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, cluster: &str, role: &str, policy: &str) -> String {
        format!(
            "# Server\r\nredis_version:{version}\r\nrun_id:abc\r\n# Memory\r\n\
             maxmemory_policy:{policy}\r\nrole:{role}\r\ncluster_enabled:{cluster}\r\n"
        )
    }

    #[test]
    fn only_a_primary_that_drops_nothing_may_keep_seats() {
        assert_eq!(inspect(&info("7.0.15", "0", "master", "noeviction")), Ok("abc".to_owned()));
        assert_eq!(inspect(&info("8.2.0", "0", "master", "noeviction")), Ok("abc".to_owned()));
        let unfit = |text: String| inspect(&text).unwrap_err();
        assert_eq!(
            unfit(info("6.2.1", "0", "master", "noeviction")),
            Unfit::Version("6.2.1".into())
        );
        assert_eq!(unfit(info("7.0.15", "1", "master", "noeviction")), Unfit::Cluster);
        assert_eq!(unfit(info("7.0.15", "0", "slave", "noeviction")), Unfit::Role("slave".into()));
        assert_eq!(
            unfit(info("7.0.15", "0", "master", "allkeys-lru")),
            Unfit::Eviction("allkeys-lru".into())
        );
        let loading = format!("{}loading:1\r\n", info("7.0.15", "0", "master", "noeviction"));
        assert_eq!(unfit(loading), Unfit::Loading);
        assert_eq!(unfit(String::new()), Unfit::Version(String::new()));
    }
}
