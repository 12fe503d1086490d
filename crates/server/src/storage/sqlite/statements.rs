//! How an enumeration is read back from its word.

use rusqlite::Row;
use rusqlite::types::Type;

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
