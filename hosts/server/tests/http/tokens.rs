//! The attack classes of access tokens, over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crm_core::integration::{AccessClaims, TokenSigner as _};
use crm_core::{Clock as _, SystemClock, Timestamp};
use crm_integrations::auth::JwtSigner;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::conventions::shape;
use crate::support::{Api, Reply, SECRET};

fn claims(api: &Api) -> Value {
    let payload = api.token().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn token(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// A token that is rightly signed with this key (HS256, RFC 2104), whatever it says.
fn sealed(header: &str, claims: &Value, key: &str) -> String {
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key.bytes()).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(&message).finalize();
    let signature = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn signed(claims: &Value, secret: &str, issued_at: Timestamp, lifetime: i64) -> String {
    let id = |name: &str| claims[name].as_str().unwrap();
    let signer = JwtSigner::new(&secret.to_owned().into()).unwrap();
    let claims = AccessClaims::new(
        id("wid").parse().unwrap(),
        id("sub").parse().unwrap(),
        id("sid").parse().unwrap(),
        issued_at,
        lifetime,
    );
    signer.sign(&claims).unwrap()
}

#[tokio::test]
async fn every_token_but_ours_is_nobody() {
    let api = Api::memory().await;
    let (good, claims, now) = (api.token(), claims(&api), SystemClock.now());
    let signature = good.rsplit('.').next().unwrap();
    let foreign = "yF4nQw8sVb1kZx6mRt3cLp9dHj2gUa7e";
    let mut other_audience = claims.clone();
    other_audience["aud"] = json!("other");
    let mut admin = claims.clone();
    admin["role"] = json!("admin");
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(foreign)});
    let plain = good.split('.').next().unwrap();
    let other = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
    let attacks = [
        token(&json!({"typ": "JWT", "alg": "none"}), &claims, ""),
        token(&json!({"typ": "JWT", "alg": "HS512"}), &claims, signature),
        token(&json!({"typ": "JWT", "alg": "RS256"}), &claims, signature),
        sealed(&other(json!({"typ": "JWT", "alg": "HS256", "jwk": jwk})), &claims, foreign),
        sealed(&other(json!({"typ": "JWT", "alg": "HS256", "kid": "../../dev/null"})), &claims, ""),
        sealed(&other(json!({"typ": "JWT", "alg": "HS512"})), &claims, SECRET),
        sealed(plain, &other_audience, SECRET),
        format!("{plain}.{}.{signature}", URL_SAFE_NO_PAD.encode(admin.to_string())),
        signed(&claims, foreign, now, 900),
        signed(&claims, SECRET, now.plus_seconds(-3_600), 900),
        signed(&claims, SECRET, now.plus_seconds(3_600), 900),
        good[..good.len() - 1].to_owned(),
        "x".to_owned(),
        String::new(),
        "A".repeat(7_000),
    ];
    for attack in attacks {
        let reply = api.send(Method::GET, "/api/v1/auth/me", Some(&attack), None).await.expect(401);
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{attack}");
    }
    // The same claims, signed with the right key and in time, do hold.
    let rightly = sealed(plain, &claims, SECRET);
    api.send(Method::GET, "/api/v1/auth/me", Some(&rightly), None).await.expect(200);
    let fresh = signed(&claims, SECRET, now, 900);
    api.send(Method::GET, "/api/v1/auth/me", Some(&fresh), None).await.expect(200);
    let expired = signed(&claims, SECRET, now.plus_seconds(-3_600), 900);
    let refused = api.send(Method::GET, "/api/v1/auth/me", Some(&expired), None).await.problem(401, "token_expired");
    insta::assert_json_snapshot!(shape(&refused));
}

#[tokio::test]
async fn the_scheme_is_bearer_in_any_case_and_there_is_one_header() {
    let api = Api::memory().await;
    let ask = |headers: Vec<String>| {
        let mut request = api.client.get(api.url("/api/v1/auth/me"));
        for header in headers {
            request = request.header("authorization", header);
        }
        async { Reply::of(request.send().await.unwrap()).await }
    };
    let token = api.token();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        ask(vec![format!("{scheme} {token}")]).await.expect(200);
    }
    for bad in [format!("Basic {token}"), token.to_owned(), "Bearer".to_owned(), "Bearer ".to_owned()] {
        ask(vec![bad]).await.problem(401, "unauthenticated");
    }
    ask(vec![]).await.problem(401, "unauthenticated");
    ask(vec![format!("Bearer {token}"), format!("Bearer {token}")]).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn who_asks_is_settled_before_anything_else() {
    let api = Api::memory().await;
    for path in ["/api/v1/contacts", "/api/v1/contacts/search", "/api/v1/pipelines", "/api/v1/notes"] {
        let request = api.client.post(api.url(path)).header("content-type", "text/plain").body("{");
        Reply::of(request.send().await.unwrap()).await.problem(401, "unauthenticated");
    }
    let malformed = api.client.put(api.url("/api/v1/contacts/7")).header("if-match", "x").send().await.unwrap();
    Reply::of(malformed).await.problem(401, "unauthenticated");
}
