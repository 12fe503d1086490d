//! Logins and the tokens that prove them.

mod jwt;
mod keys;

pub use keys::{Keys, SecretError};
