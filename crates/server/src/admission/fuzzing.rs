//! For the fuzz targets: what seats are in a store.

use super::documents;

/// The document of a sitting, read and written anew; `None` where it is none.
#[must_use]
pub fn sitting(text: &str) -> Option<String> {
    documents::write_sitting(&documents::read_sitting(text).ok()?).ok()
}

/// The same of a waiter's streams.
#[must_use]
pub fn streams(text: &str) -> Option<String> {
    documents::write_streams(&documents::read_streams(text).ok()?).ok()
}
