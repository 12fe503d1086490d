//! For the fuzz targets: tokens without a store.

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;
use uuid::Uuid;

use super::jwt::{Bearer, Jwt, Stamp};
use super::keys::Keys;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whose it is.
    pub user: [u8; 16],
    /// Under which login.
    pub login: [u8; 16],
    /// As which one.
    pub jti: [u8; 16],
    /// The display name.
    pub name: String,
    /// In this order.
    pub roles: Vec<Role>,
    /// In seconds.
    pub issued_at: i64,
    /// In seconds.
    pub expires_at: i64,
}

/// Mints and reads tokens.
pub struct Signer(Jwt);

impl Signer {
    /// `None` where the secret is too short.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        Keys::from_secret(secret).ok().map(|keys| Self(Jwt::new(&keys)))
    }

    /// The token of these facts.
    #[must_use]
    pub fn mint(&self, facts: &Facts) -> Option<String> {
        let bearer = Bearer {
            user: UserId(Uuid::from_bytes(facts.user)),
            login: LoginId(Uuid::from_bytes(facts.login)),
            name: &facts.name,
            roles: &facts.roles,
        };
        let (issued_at, expires_at) = (facts.issued_at, facts.expires_at);
        let stamp = Stamp { jti: Uuid::from_bytes(facts.jti), issued_at, expires_at };
        self.0.mint(bearer, stamp).map(|minted| minted.token)
    }

    /// What a token says that is good at `now`, in milliseconds.
    #[must_use]
    pub fn verify(&self, token: &str, now: i64) -> Option<Facts> {
        let claims = self.0.verify(token, now).ok()?.claims;
        Some(Facts {
            user: claims.user().0.into_bytes(),
            login: claims.login().0.into_bytes(),
            jti: claims.jti.into_bytes(),
            issued_at: claims.iat,
            expires_at: claims.exp,
            name: claims.name,
            roles: claims.roles,
        })
    }
}
