//! Which of PostgreSQL's refusals are repeated here, which may pass by themselves, and which do not.

use tokio_postgres::error::SqlState;

use crate::storage::StorageError;

/// Why a step did not come to its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server or the line to it.
    Postgres(tokio_postgres::Error),
    /// Our own refusal.
    Ours(StorageError),
}

/// The answer of a step within the store.
pub(crate) type Step<T> = Result<T, Fault>;

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<StorageError> for Fault {
    fn from(error: StorageError) -> Self {
        Self::Ours(error)
    }
}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ours(error) => error,
            Fault::Postgres(error) if may_pass(&error) => Self::Unavailable(in_words(&error)),
            Fault::Postgres(error) => Self::Failed(in_words(&error)),
        }
    }
}

impl Fault {
    /// Whether the connection is of no use any more, even where that has not been noticed yet.
    pub(crate) fn broke_the_line(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        // An operator ended it, or it broke.
        let ended =
            |code: &SqlState| code.code().starts_with("57P") || code.code().starts_with("08");
        error.code().map_or_else(|| is_of_the_line(error), ended)
    }

    /// Whether the server undid the transaction for the sake of another one: it may go through at once.
    pub(crate) fn lost_a_race(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        error.code().is_some_and(|code| {
            [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code)
        })
    }
}

/// What the server said, without the detail, where it quotes the row.
pub(crate) fn in_words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        None => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
            let what = error.to_string();
            // Some errors say their cause themselves.
            let cause = cause.filter(|cause| !what.ends_with(cause)).unwrap_or_default();
            format!("{what}{cause}")
        }
    }
}

/// Whether the cause lies outside the statement: the line, the server's state, a full disk, a wait that
/// was cut short.
fn may_pass(error: &tokio_postgres::Error) -> bool {
    error.code().map_or_else(|| is_of_the_line(error), |code| is_passing(code.code()))
}

fn is_of_the_line(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error);
    error.is_closed() || cause.is_some_and(|cause| cause.is::<std::io::Error>())
}

fn is_passing(code: &str) -> bool {
    // Connection, resources, intervention of an operator, system; and a transaction that lost a race more
    // often than it is repeated.
    let classes = ["08", "53", "57", "58", "40"];
    let states = [
        "25006", // read-only: a standby, or a server that is being moved
        "25P03", // idle in a transaction for too long
        "55P03", // a lock that was not to be had
    ];
    classes.iter().any(|class| code.starts_with(class)) || states.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn trouble_outside_the_statement_passes_and_the_rest_has_failed() {
        for code in [
            "57P01", "57P02", "57P03", "57014", "53100", "53200", "53300", "25006", "25P03",
            "55P03", "08006", "58030", "40001", "40P01",
        ] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["23505", "23503", "22021", "42P01", "42501", "25P02", "XX001", "54000"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
