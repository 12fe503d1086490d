//! The token's text: minting it and reading it back.
//!
//! One algorithm, one header, one spelling: a token this server did not write byte for byte is refused
//! before anything in it is believed. The same facts always mint the same bytes, which is what lets a
//! refresh be answered twice with one token. Whether a token is still good is not known here.

use std::fmt;

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::Keys;
use crate::storage::WallMillis;

const ISSUER: &str = "anteroom";
const AUDIENCE: &str = "anteroom.api";
/// Longer texts are refused unread, in bytes.
const TOKEN_BYTES_MAX: usize = 4096;
/// The signature part: 32 bytes in base64url.
const SIGNATURE_CHARS: usize = 43;
/// How far in the future a token may say it was made, in seconds: a wall clock may be set back a
/// little between two requests.
const ISSUED_AHEAD_MAX: i64 = 60;

/// What a token says. The order of the fields is the order in the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    pub(super) name: String,
    pub(super) roles: Vec<Role>,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: Uuid,
    lid: Uuid,
}

/// Whom and which login a token is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bearer<'a> {
    pub(super) user: UserId,
    pub(super) login: LoginId,
    pub(super) name: &'a str,
    pub(super) roles: &'a [Role],
}

/// When and as which one a token is minted, in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) jti: Uuid,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
}

/// A token and the hash under which it is stored.
#[derive(Clone)]
pub(super) struct Minted {
    pub(super) token: String,
    pub(super) signature_hash: [u8; 32],
}

/// A token whose signature is right and whose time has not passed.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) claims: Claims,
    pub(super) signature_hash: [u8; 32],
}

impl Claims {
    pub(super) const fn user(&self) -> UserId {
        UserId(self.sub)
    }

    pub(super) const fn login(&self) -> LoginId {
        LoginId(self.lid)
    }
}

/// Why a text is not a token in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JwtFault {
    /// Not one of ours, whatever it is.
    Malformed,
    /// Ours, but its time has passed.
    Expired,
}

/// Mints and reads tokens under one key.
pub(super) struct Jwt {
    header: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Jwt {
    pub(super) fn new(keys: &Keys) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        // Times are checked below, against the time the caller names.
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "sub", "iss", "aud"]);
        Self {
            header: URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"HS256"}"#),
            encoding: EncodingKey::from_secret(keys.token()),
            decoding: DecodingKey::from_secret(keys.token()),
            validation,
        }
    }

    /// Mints the token of these facts. `None` only if signing itself fails.
    pub(super) fn mint(&self, bearer: Bearer<'_>, stamp: Stamp) -> Option<Minted> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: bearer.user.0,
            name: bearer.name.to_owned(),
            roles: bearer.roles.to_vec(),
            iat: stamp.issued_at,
            exp: stamp.expires_at,
            jti: stamp.jti,
            lid: bearer.login.0,
        };
        let header = Header::new(Algorithm::HS256);
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding).ok()?;
        let (_, signature) = token.rsplit_once('.')?;
        let signature_hash = hash(signature);
        Some(Minted { token, signature_hash })
    }

    /// Reads a token. Never panics, and does nothing costly before the form is right.
    pub(super) fn verify(&self, token: &str, now: WallMillis) -> Result<Verified, JwtFault> {
        let signature = self.signature_of(token).ok_or(JwtFault::Malformed)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| JwtFault::Malformed)?
            .claims;
        let seconds = now.div_euclid(1000);
        if claims.exp <= claims.iat || claims.iat > seconds.saturating_add(ISSUED_AHEAD_MAX) {
            return Err(JwtFault::Malformed);
        }
        if claims.exp <= seconds {
            return Err(JwtFault::Expired);
        }
        Ok(Verified { claims, signature_hash: hash(signature) })
    }

    /// The signature part, if the text has the one form our tokens have.
    fn signature_of<'a>(&self, token: &'a str) -> Option<&'a str> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let mut parts = token.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = parts.next().is_none()
            && header == self.header
            && signature.len() == SIGNATURE_CHARS
            && is_strict_base64url(payload)
            && is_strict_base64url(signature);
        whole.then_some(signature)
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minted(..)")
    }
}

/// No padding, no other alphabet, and no stray bits in the last character.
fn is_strict_base64url(part: &str) -> bool {
    URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes| URL_SAFE_NO_PAD.encode(bytes) == part)
}

/// What is stored instead of the signature, so that a stolen store opens nothing.
fn hash(signature: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, signature.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
