//! K-one and K-rev: what a session may still do after it was replaced or its login ended. Nothing.

use super::Verdict;

/// Something that the server took from a session: a message that it acknowledged, say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    /// Which of the user's sessions, in the order of their welcomes.
    pub(crate) session: usize,
    /// When the client began to ask for it.
    pub(crate) invoked: u64,
}

/// Nothing was taken from a session that was asked for after the welcome of the next one.
///
/// # Errors
/// The first that was.
pub(crate) fn one(welcomes: &[u64], accepted: &[Accepted]) -> Verdict {
    let is_late = |it: &&Accepted| {
        welcomes.get(it.session + 1).is_some_and(|successor| it.invoked > *successor)
    };
    accepted
        .iter()
        .find(is_late)
        .map_or(Ok(()), |it| Err(format!("taken from a session that was replaced before: {it:?}")))
}

/// What became of the sessions of a login that was ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revoked {
    /// When the revocation was answered.
    pub(crate) acknowledged: u64,
    /// When things were asked for that succeeded.
    pub(crate) successes: Vec<u64>,
    /// When its sockets closed.
    pub(crate) closed: Vec<u64>,
}

/// Nothing succeeded that was asked for after the answer, and every socket closed within `bound` µs of it.
///
/// # Errors
/// What came too late.
pub(crate) fn revoked(login: &Revoked, bound: u64) -> Verdict {
    if let Some(at) = login.successes.iter().find(|at| **at > login.acknowledged) {
        return Err(format!("granted at {at} µs: the login had ended at {}", login.acknowledged));
    }
    let late = login.closed.iter().find(|at| **at > login.acknowledged + bound);
    late.map_or(Ok(()), |at| {
        Err(format!("closed {} µs after the login had ended", at - login.acknowledged))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_replaced_session_was_granted_afterwards_is_found() {
        let welcomes = [0, 100];
        let taken = |session, invoked| Accepted { session, invoked };
        assert_eq!(one(&welcomes, &[taken(0, 50), taken(1, 150), taken(0, 100)]), Ok(()));
        assert!(one(&welcomes, &[taken(0, 101)]).is_err());
    }

    #[test]
    fn a_login_that_ended_and_opens_something_or_keeps_it_open_is_found() {
        let login = Revoked { acknowledged: 100, successes: vec![90], closed: vec![150] };
        assert_eq!(revoked(&login, 50), Ok(()));
        assert!(revoked(&login, 49).is_err());
        assert!(revoked(&Revoked { successes: vec![101], ..login }, 50).is_err());
    }
}
