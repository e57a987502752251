//! What token signers keep.

use crate::error::ErrorKind;
use crate::id::Id;
use crate::integration::{AccessClaims, TokenSigner};
use crate::time::Timestamp;

/// When the tokens are made: a whole second, as claims are.
const MADE: i64 = 1_800_000_000;
const LIFETIME: i64 = 900;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn claims() -> AccessClaims {
    let id = || at(MADE);
    AccessClaims::new(Id::new_at(id()), Id::new_at(id()), Id::new_at(id()), at(MADE), LIFETIME)
}

#[track_caller]
fn is_nobody(signer: &dyn TokenSigner, token: &str) {
    let shown: String = token.chars().take(200).collect();
    match signer.verify(token, at(MADE + 1)) {
        Ok(claims) => panic!("{shown:?} was taken for {claims:?}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{shown:?}: {error}"),
    }
}

pub fn what_was_signed_is_read_back(signer: &dyn TokenSigner, _: &dyn TokenSigner) {
    for claims in [claims(), claims()] {
        let token = signer.sign(&claims).unwrap();
        assert_eq!(signer.verify(&token, at(MADE)).unwrap(), claims);
    }
}

pub fn a_token_holds_until_it_ends(signer: &dyn TokenSigner, _: &dyn TokenSigner) {
    let token = signer.sign(&claims()).unwrap();
    let ends = MADE + LIFETIME;
    assert!(signer.verify(&token, at(ends - 1)).is_ok());
    for late in [ends, ends + 1, ends + 86_400, ends + 100 * 365 * 86_400] {
        let error = signer.verify(&token, at(late)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{late}");
    }
}

pub fn a_token_can_travel_in_a_header(signer: &dyn TokenSigner, _: &dyn TokenSigner) {
    let token = signer.sign(&claims()).unwrap();
    assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{token}");
    assert!((1..=4_096).contains(&token.len()), "{} bytes", token.len());
}

/// Every sign of it counts: changed, taken away or added.
pub fn a_tampered_token_is_nobody(signer: &dyn TokenSigner, _: &dyn TokenSigner) {
    let token = signer.sign(&claims()).unwrap();
    for (place, sign) in token.char_indices() {
        let (before, after) = (&token[..place], &token[place + sign.len_utf8()..]);
        is_nobody(signer, &format!("{before}{after}"));
        // A neighbour of the sign differs in its last bit, which some decoders drop.
        for other in ['A', 'B', '-', '.', if sign == 'g' { 'h' } else { 'g' }] {
            if other != sign {
                is_nobody(signer, &format!("{before}{other}{after}"));
            }
        }
    }
    for changed in
        [format!("{token}A"), format!("{token}."), format!(" {token}"), format!("{token}\n"), token.repeat(2)]
    {
        is_nobody(signer, &changed);
    }
    is_nobody(signer, &token.to_ascii_lowercase());
}

/// The signature of one says nothing of another, wherever they are cut.
pub fn a_mixture_of_two_tokens_is_nobody(signer: &dyn TokenSigner, _: &dyn TokenSigner) {
    let (one, two) = (signer.sign(&claims()).unwrap(), signer.sign(&claims()).unwrap());
    for place in 0..one.len().min(two.len()) {
        let mixture = format!("{}{}", &one[..place], &two[place..]);
        if mixture != one && mixture != two {
            is_nobody(signer, &mixture);
        }
    }
}

pub fn a_token_of_another_key_is_nobody(signer: &dyn TokenSigner, foreign: &dyn TokenSigner) {
    let claims = claims();
    is_nobody(signer, &foreign.sign(&claims).unwrap());
    is_nobody(foreign, &signer.sign(&claims).unwrap());
}

pub fn what_is_no_token_is_nobody(signer: &dyn TokenSigner, _: &dyn TokenSigner) {
    let long = "a".repeat(1_000_000);
    for text in [
        "",
        " ",
        ".",
        "..",
        "...",
        "a.b.c",
        "null",
        "{}",
        "\0",
        "токен",
        "eyJhbGciOiJub25lIn0.e30.",
        "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
        &long,
    ] {
        is_nobody(signer, text);
    }
}
