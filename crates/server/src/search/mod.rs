//! Finding what was said: how a text becomes words, and what a query asks of them.
//!
//! The same analysis makes the words that a store indexes, the terms of a query, and the judgement
//! whether a text matches. So a store's index only proposes: what is shown was judged on the words
//! that stand now. Pure; it knows no database and no wire.

mod query;
mod snippet;
mod text;

pub use query::{Phrase, Query};
pub use snippet::{Piece, snippet};
pub use text::index_words;
