//! How many files, and so connections, the process may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connections: the database, the log, the listeners.
const SPARE: u64 = 64;

/// Raises the limit on open files as far as the process may by itself, and says so where that is
/// less than `connections_max` connections need. Shells and service managers start programs with a
/// low soft limit for the sake of old ones; a hard limit is somebody's decision.
pub(super) fn allow(connections_max: usize) {
    let needed = (connections_max as u64).saturating_add(SPARE);
    match raise() {
        // No limit at all.
        Ok(None) => {}
        Ok(Some(limit)) if limit >= needed => {}
        Ok(Some(limit)) => tracing::warn!(
            event = "server.few_files",
            limit,
            needed,
            "fewer files may be opened than server.connections_max needs; the hard limit decides"
        ),
        Err(error) => tracing::warn!(event = "server.few_files", %error,
            "the limit on open files cannot be raised"),
    }
}

/// The soft limit becomes the hard one. Answers it; `None` for no limit.
fn raise() -> io::Result<Option<u64>> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let lower = maximum.map_or(1 << 16, |maximum| maximum - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum }).unwrap();
        assert_eq!(raise().unwrap(), maximum);
        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: maximum, maximum });
    }
}
