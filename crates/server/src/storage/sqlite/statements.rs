//! How statements are written down: as named constants that one test can prepare, each and all; and
//! how an enumeration is read back from its word.

use rusqlite::Row;
use rusqlite::types::Type;

/// Declares statements as constants, and in tests the list `ALL` of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*

        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// An enumeration's word; one we do not know is a broken database, not a default.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: &str,
    parse: fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let index = row.as_ref().column_index(column)?;
    parse(&text).ok_or_else(|| rusqlite::Error::InvalidColumnType(index, text, Type::Text))
}
