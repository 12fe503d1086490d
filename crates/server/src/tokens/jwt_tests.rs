//! Every way to bend a token, and none is accepted.

use anteroom_core::ids::{LoginId, UserId};
use anteroom_protocol::account::Role;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Bearer, Jwt, JwtFault, Stamp};
use crate::tokens::keys::Keys;

const SECRET: &str = "a secret of the tests, long enough to be one";
const IAT: i64 = 1_763_712_000;
const EXP: i64 = IAT + 1800;
const NOW: i64 = IAT * 1000 + 5_000;

fn keys() -> Keys {
    Keys::from_secret(SECRET).unwrap()
}

fn token() -> String {
    let bearer = Bearer {
        user: UserId(Uuid::from_u128(7)),
        login: LoginId(Uuid::from_u128(8)),
        name: "Kim 하나",
        roles: &[Role::User],
    };
    let stamp = Stamp { jti: Uuid::from_u128(9), issued_at: IAT, expires_at: EXP };
    Jwt::new(&keys()).mint(bearer, stamp).unwrap().token
}

/// Signs any header and claims with the right key, as an insider's tool might.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, keys().token());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// The claims of a good token with one text replaced.
fn claims_with(from: &str, to: &str) -> String {
    let token = token();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims = String::from_utf8(payload).unwrap();
    assert!(claims.contains(from), "{from} is not in {claims}");
    claims.replacen(from, to, 1)
}

fn verdict(token: &str) -> Result<(), JwtFault> {
    Jwt::new(&keys()).verify(token, NOW).map(drop)
}

#[track_caller]
fn assert_malformed(token: &str) {
    assert_eq!(verdict(token), Err(JwtFault::Malformed), "{token:.300}");
}

#[test]
fn the_same_facts_mint_the_same_bytes_and_are_read_back() {
    assert_eq!(token(), token());
    let read = Jwt::new(&keys()).verify(&token(), NOW).unwrap();
    assert_eq!(read.claims.user(), UserId(Uuid::from_u128(7)));
    assert_eq!(read.claims.login(), LoginId(Uuid::from_u128(8)));
    assert_eq!(read.claims.name, "Kim 하나");
    assert_eq!((read.claims.iat, read.claims.exp), (IAT, EXP));
    // The tool of these tests signs as the server does: its refusals are not for a wrong signature.
    assert_eq!(signed(HEADER, &claims_with("", "")), token());
}

#[test]
fn a_bit_flipped_anywhere_is_refused() {
    let good = token();
    for position in 0..good.len() {
        for bit in 0..7 {
            let mut bytes = good.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            assert_malformed(&String::from_utf8(bytes).unwrap());
        }
    }
}

#[test]
fn no_other_header_is_accepted_even_when_rightly_signed() {
    let claims = claims_with("", "");
    for header in [
        r#"{"typ":"JWT","alg":"none"}"#,
        r#"{"typ":"JWT","alg":"None"}"#,
        r#"{"typ":"JWT","alg":"NONE"}"#,
        r#"{"typ":"JWT","alg":"nOnE"}"#,
        r#"{"typ":"JWT","alg":"HS384"}"#,
        r#"{"typ":"JWT","alg":"HS512"}"#,
        r#"{"typ":"JWT","alg":"RS256"}"#,
        r#"{"typ":"JWT","alg":"ES256"}"#,
        r#"{"typ":"JWT","alg":"hs256"}"#,
        r#"{"typ":"JWT","alg":["HS256"]}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"at+jwt","alg":"HS256"}"#,
        r#"{"typ":"jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"typ":"JWT","alg":"HS256","kid":"../../../../etc/passwd"}"#,
        r#"{"typ":"JWT","alg":"HS256","kid":"' OR 1=1 --"}"#,
        r#"{"typ":"JWT","alg":"HS256","jku":"http://127.0.0.1/keys"}"#,
        r#"{"typ":"JWT","alg":"HS256","x5u":"http://127.0.0.1/cert"}"#,
        r#"{"typ":"JWT","alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#,
        r#"{"typ":"JWT","alg":"HS256","crit":["exp"]}"#,
        r#"{"typ":"JWT","alg":"HS256","alg":"HS256"}"#,
        r#"{"typ":"JWT","alg":"HS256"} "#,
        "",
        "{}",
        "null",
        "[]",
    ] {
        assert_malformed(&signed(header, &claims));
    }
}

#[test]
fn no_other_claims_are_accepted_even_when_rightly_signed() {
    let exp = format!("\"exp\":{EXP}");
    let iat = format!("\"iat\":{IAT}");
    let with = |value: &str| claims_with(&exp, &format!("\"exp\":{value}"));
    let bent = [
        claims_with(&format!("{exp},"), ""),
        with(&format!("\"{EXP}\"")),
        with(&format!("{EXP}.0")),
        with("1e12"),
        with("-1"),
        with("9223372036854775808"),
        with("18446744073709551616"),
        with("1e400"),
        with("null"),
        with("[1]"),
        with("true"),
        with(&format!("{EXP},\"exp\":{EXP}")),
        with(&IAT.to_string()),
        claims_with(&iat, &format!("\"iat\":{}", IAT + 66)),
        claims_with(&iat, "\"iat\":\"now\""),
        claims_with(&exp, &format!("{exp},\"nbf\":\"later\"")),
        claims_with(&exp, &format!("{exp},\"nbf\":{}", EXP + 1)),
        claims_with("\"iss\":\"anteroom\"", "\"iss\":\"other\""),
        claims_with("\"iss\":\"anteroom\"", "\"iss\":[\"anteroom\"]"),
        claims_with("\"aud\":\"anteroom.api\"", "\"aud\":\"anteroom.ticket\""),
        claims_with("\"aud\":\"anteroom.api\",", ""),
        claims_with("\"sub\":\"00000000", "\"sub\":\"0000000"),
        claims_with("\"roles\":[\"user\"]", "\"roles\":[\"root\"]"),
        claims_with("\"roles\":[\"user\"]", "\"roles\":\"user\""),
        claims_with("\"roles\":[\"user\"]", "\"roles\":[\"user\"],\"roles\":[\"admin\"]"),
        claims_with("{", "{\"admin\":true,"),
        String::new(),
        "null".into(),
        "[]".into(),
        "[".repeat(2000),
    ];
    for claims in bent {
        assert_malformed(&signed(HEADER, &claims));
    }
}

#[test]
fn a_token_has_one_spelling() {
    let good = token();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    // The last character of 43 carries two bits that belong to nothing.
    let last = signature.as_bytes()[42];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.iter().position(|c| *c == last).unwrap();
    assert_eq!(value % 4, 0);
    for stray in 1..4 {
        let twin = char::from(alphabet[value + stray]);
        assert_malformed(&format!("{message}.{}{twin}", &signature[..42]));
    }
    for bent in [
        format!("{good}="),
        format!("{good}."),
        format!("{good}.x"),
        format!(".{good}"),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}=="),
        format!("{header}..{signature}"),
        format!("{header}.{payload}."),
        message.to_owned(),
        signature.to_owned(),
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        format!("{message}.{}", &signature[..42]),
        format!("{message}.{signature}A"),
        good.replace(['-', '_'], "+"),
        good.to_uppercase(),
        format!("Bearer {good}"),
        format!("{header}.{payload}.{}", "é".repeat(22)),
    ] {
        assert_malformed(&bent);
    }
}

#[test]
fn a_foreign_key_or_another_purpose_s_key_is_refused() {
    let foreign = Keys::from_secret("another secret that is long enough too").unwrap();
    assert_eq!(Jwt::new(&foreign).verify(&token(), NOW).map(drop), Err(JwtFault::Malformed));
    let message = token().rsplit_once('.').unwrap().0.to_owned();
    let ticket_key = hmac::Key::new(hmac::HMAC_SHA256, keys().ticket());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&ticket_key, message.as_bytes()));
    assert_malformed(&format!("{message}.{signature}"));
}

#[test]
fn a_token_ends_at_its_second_without_leeway() {
    let at = |now| Jwt::new(&keys()).verify(&token(), now).map(drop);
    assert_eq!(at(EXP * 1000 - 1), Ok(()));
    assert_eq!(at(EXP * 1000), Err(JwtFault::Expired));
    assert_eq!(at(EXP * 1000 + 1000), Err(JwtFault::Expired));
    assert_eq!(at(i64::MAX), Err(JwtFault::Expired));
    assert_eq!(at(i64::MIN), Err(JwtFault::Malformed));
    assert_eq!(at(IAT * 1000 - 60_000), Ok(()));
    assert_eq!(at(IAT * 1000 - 60_001), Err(JwtFault::Malformed));
}

#[test]
fn an_overlong_token_is_refused_unread() {
    let name = format!("\"name\":\"{}\"", "x".repeat(4096));
    assert_malformed(&signed(HEADER, &claims_with("\"name\":\"Kim 하나\"", &name)));
    assert_malformed(&"a".repeat(10_000_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn no_random_mutation_is_accepted(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<char>()), 1..6),
    ) {
        let good = token();
        let mut chars: Vec<char> = good.chars().collect();
        for (index, kind, c) in edits {
            let at = index.index(chars.len());
            match kind {
                0 => chars[at] = c,
                1 => chars.insert(at, c),
                2 if chars.len() > 1 => { chars.remove(at); }
                _ => chars.swap(at, 0),
            }
        }
        let bent: String = chars.into_iter().collect();
        prop_assert!(bent == good || verdict(&bent).is_err());
    }
}
