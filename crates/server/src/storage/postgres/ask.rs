//! How statements are run: prepared once for each connection, their rows read by name.

use deadpool_postgres::GenericClient;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::error::Step;
use crate::storage::StorageError;

/// What a statement is given.
pub(crate) type Given<'a> = [&'a (dyn ToSql + Sync)];

/// All rows that a statement answers.
pub(crate) async fn rows(
    on: &impl GenericClient,
    sql: &'static str,
    given: &Given<'_>,
) -> Step<Vec<Row>> {
    let statement = on.prepare_cached(sql).await?;
    Ok(on.query(&statement, given).await?)
}

/// The first row, if there is one.
pub(crate) async fn row(
    on: &impl GenericClient,
    sql: &'static str,
    given: &Given<'_>,
) -> Step<Option<Row>> {
    Ok(rows(on, sql, given).await?.into_iter().next())
}

/// How many rows a statement changed.
pub(crate) async fn change(
    on: &impl GenericClient,
    sql: &'static str,
    given: &Given<'_>,
) -> Step<u64> {
    let statement = on.prepare_cached(sql).await?;
    Ok(on.execute(&statement, given).await?)
}

/// Prepares statements that are then sent one after the other without waiting. What is sent so arrives in
/// its order only when nothing has to be prepared in between.
pub(crate) async fn prepared<const N: usize>(
    on: &impl GenericClient,
    all: [&'static str; N],
) -> Step<[Statement; N]> {
    let mut statements = Vec::with_capacity(N);
    for sql in all {
        statements.push(on.prepare_cached(sql).await?);
    }
    statements.try_into().map_err(|_| StorageError::Failed("a statement is missing".into()).into())
}

/// An enumeration's word; one we do not know is a broken database, not a default.
pub(crate) fn word<T>(row: &Row, column: &str, parse: fn(&str) -> Option<T>) -> Step<T> {
    let text: &str = row.try_get(column)?;
    parse(text).ok_or_else(|| unreadable(column))
}

/// As [`word`], where there may be none.
pub(crate) fn optional_word<T>(
    row: &Row,
    column: &str,
    parse: fn(&str) -> Option<T>,
) -> Step<Option<T>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| parse(text).ok_or_else(|| unreadable(column))).transpose()
}

/// A column of whole numbers that are never negative.
pub(crate) fn whole<T: TryFrom<i64>>(row: &Row, column: &str) -> Step<T> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| unreadable(column))
}

fn unreadable(column: &str) -> super::error::Fault {
    StorageError::Failed(format!("the column {column} holds what nobody wrote there")).into()
}
