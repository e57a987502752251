//! The attack classes of JWTs: every text that is not exactly one of our tokens is nobody.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crm_core::ErrorKind;
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_800_000_000;

fn key(number: u32) -> SecretString {
    (0..40).filter_map(|at| char::from_digit((number + at * 7) % 36, 36)).collect::<String>().into()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn signer() -> JwtSigner {
    JwtSigner::new(&key(1)).unwrap()
}

/// The same claims at every call: ids are random.
fn claims() -> AccessClaims {
    static CLAIMS: LazyLock<AccessClaims> =
        LazyLock::new(|| AccessClaims::new(Id::new_at(at(1)), Id::new_at(at(2)), Id::new_at(at(3)), at(NOW), 900));
    *CLAIMS
}

/// The JSON of a good token's claims.
fn good() -> Value {
    let claims = claims();
    json!({
        "iss": "slackcrm", "aud": "slackcrm", "sub": claims.user_id, "wid": claims.workspace_id,
        "sid": claims.session_id, "iat": NOW, "exp": NOW + 900,
    })
}

/// A token of any header and payload, honestly signed with `key`.
fn forge(header: &str, payload: &str, key: &SecretString) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(key.expose_secret().as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn is_refused(token: &str) {
    let error = signer().verify(token, at(NOW)).expect_err(token);
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}

const OUR_HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

#[test]
fn our_header_is_the_one_of_the_library() {
    let header = jsonwebtoken::Header::new(Algorithm::HS256);
    assert_eq!(HEADER, URL_SAFE_NO_PAD.encode(OUR_HEADER));
    assert_eq!(serde_json::to_string(&header).unwrap(), OUR_HEADER);
}

#[test]
fn what_was_signed_is_read_back() {
    let claims = claims();
    let token = signer().sign(&claims).unwrap();
    assert_eq!(signer().verify(&token, at(NOW)).unwrap(), claims);
    assert_eq!(signer().verify(&forge(OUR_HEADER, &good().to_string(), &key(1)), at(NOW)).unwrap(), claims);
}

#[test]
fn another_library_accepts_our_tokens() {
    let token = signer().sign(&claims()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(Algorithm::HS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(key(1).expose_secret().as_bytes());
    assert!(jsonwebtoken::decode::<Value>(&token, &key, &validation).is_ok());
}

#[test]
fn a_token_without_signature_is_nobody() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#));
        let payload = URL_SAFE_NO_PAD.encode(good().to_string());
        is_refused(&format!("{header}.{payload}."));
        is_refused(&format!("{header}.{payload}"));
        is_refused(&forge(&format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#), &good().to_string(), &key(1)));
    }
    let token = signer().sign(&claims()).unwrap();
    is_refused(&token[..=token.rfind('.').unwrap()]);
}

#[test]
fn another_algorithm_is_nobody_even_with_the_right_key() {
    for alg in ["HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "hs256"] {
        is_refused(&forge(&format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#), &good().to_string(), &key(1)));
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let key = EncodingKey::from_secret(key(1).expose_secret().as_bytes());
        is_refused(&jsonwebtoken::encode(&jsonwebtoken::Header::new(algorithm), &good(), &key).unwrap());
    }
}

#[test]
fn a_key_in_the_header_is_not_used() {
    let thief = key(9);
    let jwk = URL_SAFE_NO_PAD.encode(thief.expose_secret());
    for extra in [
        format!(r#""jwk":{{"kty":"oct","k":"{jwk}"}}"#),
        r#""jku":"https://attacker.example/keys.json""#.to_owned(),
        r#""x5u":"https://attacker.example/cert.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""kid":"../../../dev/null""#.to_owned(),
        r#""kid":"x' UNION SELECT 'aaa'--""#.to_owned(),
        r#""crit":["exp"]"#.to_owned(),
    ] {
        let header = format!(r#"{{"typ":"JWT","alg":"HS256",{extra}}}"#);
        is_refused(&forge(&header, &good().to_string(), &thief));
        is_refused(&forge(&header, &good().to_string(), &key(1)));
    }
}

#[test]
fn a_foreign_or_empty_key_is_nobody() {
    is_refused(&forge(OUR_HEADER, &good().to_string(), &key(2)));
    is_refused(&forge(OUR_HEADER, &good().to_string(), &String::new().into()));
}

#[test]
fn another_audience_issuer_or_time_is_nobody() {
    for (claim, value) in [
        ("aud", json!("other")),
        ("aud", json!(["slackcrm"])),
        ("aud", json!("")),
        ("iss", json!("other")),
        ("exp", json!(NOW)),
        ("exp", json!(NOW - 1)),
        ("exp", json!(NOW + 900).to_string().into()),
        ("exp", json!(1.0e300)),
        ("exp", json!(-1)),
        ("exp", json!(i64::MAX as u64 + 1)),
        ("iat", json!(NOW + 3600)),
        ("iat", json!(NOW + 900)),
    ] {
        let mut changed = good();
        changed[claim] = value;
        is_refused(&forge(OUR_HEADER, &changed.to_string(), &key(1)));
    }
}

#[test]
fn a_token_ends_at_its_second() {
    let token = signer().sign(&claims()).unwrap();
    assert!(signer().verify(&token, at(NOW + 899)).is_ok());
    assert_eq!(signer().verify(&token, at(NOW + 900)).unwrap_err().code(), "token_expired");
    // The clock of another instance may run a little ahead of ours.
    assert!(signer().verify(&token, at(NOW - 30)).is_ok());
    assert!(signer().verify(&token, at(NOW - 61)).is_err());
}

#[test]
fn missing_unknown_repeated_and_mistyped_claims_are_nobody() {
    for claim in ["iss", "aud", "sub", "wid", "sid", "iat", "exp"] {
        let mut changed = good();
        changed.as_object_mut().unwrap().remove(claim);
        is_refused(&forge(OUR_HEADER, &changed.to_string(), &key(1)));
        for value in [json!(null), json!(7.5), json!({}), json!(["x"]), json!(true), json!("x")] {
            let mut changed = good();
            changed[claim] = value;
            is_refused(&forge(OUR_HEADER, &changed.to_string(), &key(1)));
        }
        let text = good().to_string();
        let repeated = format!("{},\"{claim}\":{}}}", &text[..text.len() - 1], good()[claim]);
        is_refused(&forge(OUR_HEADER, &repeated, &key(1)));
    }
    let mut more = good();
    more["role"] = json!("admin");
    is_refused(&forge(OUR_HEADER, &more.to_string(), &key(1)));
    for payload in ["", "null", "[]", "7", "{", "{}", "\u{0}", "not json"] {
        is_refused(&forge(OUR_HEADER, payload, &key(1)));
    }
}

#[test]
fn a_changed_or_cut_token_is_nobody() {
    let token = signer().sign(&claims()).unwrap();
    for end in 0..token.len() {
        is_refused(&token[..end]);
    }
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        // The last sign of a text in base 64 has bits that mean nothing; the decoder refuses those.
        is_refused(&changed);
    }
    for changed in
        [format!("{token}="), format!("{token}."), format!(" {token}"), format!("{token}.x"), token.replace('.', "..")]
    {
        is_refused(&changed);
    }
}

/// The shortest time of many that work took: what a machine with other work in hand adds to one of them, it does not
/// add to all.
fn shortest(rounds: usize, mut work: impl FnMut()) -> Duration {
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn a_huge_token_is_refused_unread() {
    let huge = format!("{HEADER}.{}.x", "A".repeat(8_000_000));
    assert!(shortest(10, || is_refused(&huge)).as_millis() < 50);
    is_refused(&".".repeat(1_000));
    is_refused(&"é".repeat(100));
}

#[test]
fn a_former_key_still_verifies_and_no_longer_signs() {
    let before = signer().sign(&claims()).unwrap();
    let rotated = JwtSigner::with_former(&key(2), &[key(1)]).unwrap();
    assert!(rotated.verify(&before, at(NOW)).is_ok());
    let after = rotated.sign(&claims()).unwrap();
    assert!(rotated.verify(&after, at(NOW)).is_ok());
    is_refused(&after);
    assert!(JwtSigner::new(&key(2)).unwrap().verify(&before, at(NOW)).is_err());
}

#[test]
fn a_short_key_is_refused() {
    let short = || SecretString::from("x".repeat(31));
    assert_eq!(JwtSigner::new(&short()).unwrap_err().kind(), ErrorKind::Invalid);
    assert!(JwtSigner::with_former(&key(1), &[short()]).is_err());
}

#[test]
fn keys_do_not_print() {
    assert!(!format!("{:?}", signer()).contains(key(1).expose_secret()));
}

/// `cargo test --release` shows some 600,000 verifications a second of one core; the bound leaves
/// room for debug builds and busy machines.
#[test]
fn verifying_is_fast() {
    let (signer, token) = (signer(), signer().sign(&claims()).unwrap());
    let rounds = 500;
    let time = shortest(40, || {
        for _ in 0..rounds {
            assert!(signer.verify(&token, at(NOW)).is_ok());
        }
    });
    let rate = f64::from(rounds) / time.as_secs_f64();
    println!("{rate:.0} verifications a second");
    assert!(rate > 10_000.0, "{rate:.0} verifications a second");
}
