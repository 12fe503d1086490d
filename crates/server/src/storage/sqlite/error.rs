//! Which of SQLite's refusals may pass by themselves, and which ones end the store's life.

use rusqlite::{Error, ErrorCode, ffi};

use crate::storage::StorageError;

impl From<Error> for StorageError {
    fn from(error: Error) -> Self {
        if may_pass(&error) {
            Self::Unavailable(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }
}

/// Whether the cause lies outside the statement: a lock, a full disk, a broken device.
fn may_pass(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
        )
    )
}

/// Whether a failed commit leaves it open what the disk holds. After a failed fsync the kernel may
/// have dropped the very pages it could not write, so a second try that succeeds proves nothing.
/// A shared-memory file that cannot grow is a full disk and may pass.
pub(super) fn is_fatal_at_commit(error: &Error) -> bool {
    let Error::SqliteFailure(failure, _) = error else { return false };
    let passes = [ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMMAP, ffi::SQLITE_IOERR_NOMEM];
    failure.code == ErrorCode::SystemIoFailure && !passes.contains(&failure.extended_code)
}

#[cfg(test)]
mod tests {
    use rusqlite::{Error, ffi};

    use super::is_fatal_at_commit;
    use crate::storage::StorageError;

    fn failure(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn trouble_outside_the_statement_is_unavailable_and_the_rest_has_failed() {
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_BUSY_SNAPSHOT,
        ] {
            assert!(matches!(StorageError::from(failure(code)), StorageError::Unavailable(_)));
        }
        for code in [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CORRUPT, ffi::SQLITE_MISMATCH] {
            assert!(matches!(StorageError::from(failure(code)), StorageError::Failed(_)));
        }
    }

    #[test]
    fn a_failed_sync_is_fatal_and_a_full_disk_is_not() {
        assert!(is_fatal_at_commit(&failure(ffi::SQLITE_IOERR_FSYNC)));
        assert!(is_fatal_at_commit(&failure(ffi::SQLITE_IOERR_WRITE)));
        assert!(!is_fatal_at_commit(&failure(ffi::SQLITE_FULL)));
        assert!(!is_fatal_at_commit(&failure(ffi::SQLITE_IOERR_SHMSIZE)));
        assert!(!is_fatal_at_commit(&failure(ffi::SQLITE_BUSY)));
    }
}
