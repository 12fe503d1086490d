//! Logins and the tokens that prove them.
//!
//! A token is a JWT whose signature is also stored: being well signed makes it readable, being stored
//! makes it good. Read [`Tokens`] first; `jwt` knows only the text, `standing` only the copies of what
//! is stored, `keys` only the secret.

mod answers;
mod copies;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod issuer;
mod jwt;
mod keys;
mod standing;
mod state;

pub use answers::{AuthError, Identity, IssueError, IssuedToken, TokensConfig};
pub(crate) use copies::Copies;
pub(crate) use issuer::{AccountFault, account_in_force};
pub(crate) use keys::SECRET_FILE;
pub use keys::{Keys, SecretError};
pub(crate) use standing::Otherwise;
pub use state::Tokens;
