//! Which session has which name, and how many there may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::line::{Line, Unattached};

/// The sessions over HTTP of this node, by the names that their clients gave them.
pub(super) struct Names {
    by_name: Mutex<HashMap<Box<str>, Arc<Line>>>,
    max: usize,
}

impl Names {
    /// Room for `max` sessions.
    pub(super) fn new(max: usize) -> Self {
        Self { by_name: Mutex::default(), max }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Line>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Line>> {
        self.lock().get(name).map(Arc::clone)
    }

    /// Names a session for as long as what is returned lives.
    ///
    /// # Errors
    /// Another has the name, or there are as many as may be.
    pub(super) fn give(
        self: &Arc<Self>,
        name: &str,
        line: &Arc<Line>,
    ) -> Result<Named, Unattached> {
        let mut by_name = self.lock();
        if by_name.contains_key(name) {
            return Err(Unattached::Busy);
        }
        if by_name.len() >= self.max {
            return Err(Unattached::Full);
        }
        by_name.insert(name.into(), Arc::clone(line));
        Ok(Named { names: Arc::clone(self), name: name.into(), line: Arc::clone(line) })
    }
}

/// A session under its name. Its keeper has it: however that ends, nobody finds a session that nobody
/// keeps, whose seat would be held by whoever asks there.
pub(super) struct Named {
    names: Arc<Names>,
    name: Box<str>,
    pub(super) line: Arc<Line>,
}

impl Drop for Named {
    fn drop(&mut self) {
        self.names.lock().remove(&self.name);
        self.line.hears_no_more();
        self.line.goes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockjs::line::tests::line;

    #[tokio::test]
    async fn a_session_whose_keeper_fails_is_forgotten_and_its_answer_ends() {
        let names = Arc::new(Names::new(9));
        let line = Arc::new(line());
        let named = names.give("name", &line).unwrap();
        assert!(names.find("name").is_some() && !line.is_gone());
        let keeper = tokio::spawn(async move {
            let _named = named;
            panic!("a keeper fails, as this test wants it to");
        });
        assert!(keeper.await.unwrap_err().is_panic());
        assert!(names.find("name").is_none());
        assert!(line.is_gone());
    }

    #[test]
    fn no_more_are_named_than_may_be() {
        let names = Arc::new(Names::new(2));
        let give = |name| names.give(name, &Arc::new(line()));
        let first = give("first").unwrap();
        let _second = give("second").unwrap();
        assert!(matches!(give("first"), Err(Unattached::Busy)));
        assert!(matches!(give("third"), Err(Unattached::Full)));
        drop(first);
        assert!(give("third").is_ok());
    }
}
