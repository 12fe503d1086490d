//! Tokens: what was not signed is never taken, and what was reads as what was signed, while it is in time.

use std::sync::LazyLock;

use anteroom::fuzzing::tokens::{Facts, Signer};
use anteroom_protocol::account::Role;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::draw::{Draw, bent};

/// In seconds.
const NOW: i64 = 1_763_712_000;
const ROLES: [Role; 3] = [Role::User, Role::Moderator, Role::Admin];

static OURS: LazyLock<Signer> = LazyLock::new(|| signer("ours"));
static FOREIGN: LazyLock<Signer> = LazyLock::new(|| signer("foreign"));

fn signer(name: &str) -> Signer {
    Signer::new(&name.repeat(32)).expect("a long secret")
}

pub fn run(bytes: &[u8]) {
    // Nobody else has the key: whatever this is, it was not signed with it.
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(OURS.verify(&text, NOW * 1000), None, "taken: {text}");
    let mut draw = Draw(bytes);
    let flips = Draw(bytes);
    let (ahead, life) = (draw.number() as i64, draw.number() as i64);
    let facts = Facts {
        user: draw.array(),
        login: draw.array(),
        jti: draw.array(),
        roles: vec![ROLES[usize::from(draw.byte()) % 3]],
        issued_at: NOW - 30_000 + ahead,
        expires_at: NOW - 30_000 + ahead + life,
        name: draw.text_line(),
    };
    let token = OURS.mint(&facts).expect("a token");
    let is_good = facts.expires_at > facts.issued_at
        && facts.expires_at > NOW
        && facts.issued_at <= NOW + 60
        && token.len() <= 4096;
    let read = OURS.verify(&token, NOW * 1000);
    assert_eq!(read, is_good.then(|| facts.clone()), "{token}");
    assert_eq!(FOREIGN.verify(&token, NOW * 1000), None, "another server's");
    forged(&token, flips);
    // Other claims under the same signature, or under none.
    let [header, _, signature] = parts(&token);
    let payload = URL_SAFE_NO_PAD.encode(draw.0);
    if payload != parts(&token)[1] {
        for forged in [format!("{header}.{payload}.{signature}"), format!("{header}.{payload}.")] {
            assert_eq!(OURS.verify(&forged, NOW * 1000), None, "{forged}");
        }
    }
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("three parts")
}

/// One change anywhere, and one bit anywhere.
fn forged(token: &str, mut draw: Draw<'_>) {
    let bent = bent(token, &mut draw);
    assert_eq!(OURS.verify(&bent, NOW * 1000), None, "{bent}");
    let mut bytes = token.as_bytes().to_vec();
    let bit = draw.number() % (8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    let flipped = String::from_utf8_lossy(&bytes);
    assert_eq!(OURS.verify(&flipped, NOW * 1000), None, "{flipped}");
}
