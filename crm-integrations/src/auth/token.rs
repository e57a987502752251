//! Access tokens as HS256-signed JWTs.
//!
//! Every token is made here, so verification asks for exactly what is made here: the header is
//! compared byte for byte and never interpreted. A token cannot choose its algorithm, its key
//! (`kid`) or bring one along (`jwk`, `jku`, `x5c`), because nothing reads what it says there.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crm_core::auth::SignIn;
use crm_core::integration::{AccessClaims, TokenSigner};
use crm_core::user::User;
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Result, Timestamp};
use jsonwebtoken::crypto::{self, aws_lc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Fewest bytes of a key: as many as the digest has (RFC 7518, section 3.2).
pub const MIN_KEY_BYTES: usize = 32;

/// `{"typ":"JWT","alg":"HS256"}`, the header of every token.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";
const AUDIENCE: &str = "slackcrm";
const ISSUER: &str = "slackcrm";
/// Longest token that is looked at; ours have some 380 bytes.
const MAX_TOKEN_BYTES: usize = 1_024;
/// How far the clock of the instance that made a token may run ahead of ours, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 60;
/// Most tokens that are remembered: some 5 MB.
const MAX_KNOWN: usize = 10_000;

/// Signs access tokens with HS256 and verifies them, without a look into any store.
pub struct JwtSigner {
    signing: EncodingKey,
    verifying: Vec<DecodingKey>,
    /// Tokens that were found genuine: a caller sends the same one with every request, and reading it
    /// again would be a twelfth of what an answer costs.
    known: RwLock<HashMap<Box<str>, Said>>,
}

/// What a genuine token says, whether or not it holds by now.
#[derive(Clone, Copy)]
struct Said {
    workspace: Id<Workspace>,
    user: Id<User>,
    session: Id<SignIn>,
    issued: i64,
    ends: i64,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Id<User>,
    wid: Id<Workspace>,
    sid: Id<SignIn>,
    iat: i64,
    exp: i64,
}

impl JwtSigner {
    /// A signer with one key.
    ///
    /// # Errors
    /// `Invalid` at `secret_key` for a key of less than 32 bytes.
    pub fn new(key: &SecretString) -> Result<Self> {
        Self::with_former(key, &[])
    }

    /// A signer whose tokens are signed with `key`; those signed with a former key hold until they
    /// end, so that a key can be replaced without signing everybody out.
    ///
    /// # Errors
    /// `Invalid` at `secret_key` for a key of less than 32 bytes.
    pub fn with_former(key: &SecretString, former: &[SecretString]) -> Result<Self> {
        // The provider that the crate's features choose anyway; named here, so that a program in
        // which another crate switches on a second one still has a choice made.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        let ring = std::iter::once(key).chain(former);
        let verifying = ring.map(|key| checked(key).map(DecodingKey::from_secret)).collect::<Result<_>>()?;
        Ok(Self { signing: EncodingKey::from_secret(checked(key)?), verifying, known: RwLock::default() })
    }

    fn is_signed(&self, message: &str, signature: &str) -> bool {
        self.verifying
            .iter()
            .any(|key| crypto::verify(signature, message.as_bytes(), key, Algorithm::HS256).unwrap_or(false))
    }

    /// The payload of a token that was signed with a key of the ring.
    fn genuine(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let payload = message.strip_prefix(HEADER)?.strip_prefix('.')?;
        if !self.is_signed(message, signature) {
            return None;
        }
        URL_SAFE_NO_PAD.decode(payload).ok()
    }

    /// What a token says that was made here for us.
    fn said(&self, token: &str) -> Option<Said> {
        if let Some(said) = self.known.read().get(token) {
            return Some(*said);
        }
        let payload = self.genuine(token)?;
        let claims: Claims<'_> = serde_json::from_slice(&payload).ok()?;
        if claims.aud != AUDIENCE || claims.iss != ISSUER || claims.iat >= claims.exp {
            return None;
        }
        let Claims { wid: workspace, sub: user, sid: session, iat: issued, exp: ends, .. } = claims;
        let said = Said { workspace, user, session, issued, ends };
        let mut known = self.known.write();
        if known.len() >= MAX_KNOWN {
            // Those that are still sent come back at once.
            known.clear();
        }
        known.insert(token.into(), said);
        Some(said)
    }
}

/// The bytes of a key that is long enough.
fn checked(key: &SecretString) -> Result<&[u8]> {
    let bytes = key.expose_secret().as_bytes();
    if bytes.len() < MIN_KEY_BYTES {
        return Err(Error::invalid("secret_key", "too_short", format!("needs at least {MIN_KEY_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Whole seconds since 1970, as JWTs count.
fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}

impl std::fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtSigner").field("keys", &self.verifying.len()).finish_non_exhaustive()
    }
}

impl TokenSigner for JwtSigner {
    fn sign(&self, claims: &AccessClaims) -> Result<String> {
        let claims = Claims {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: claims.user_id,
            wid: claims.workspace_id,
            sid: claims.session_id,
            iat: seconds(claims.issued_at),
            exp: seconds(claims.expires_at),
        };
        let mut token = String::with_capacity(400);
        token.push_str(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&claims).map_err(Error::internal)?, &mut token);
        let signature = crypto::sign(token.as_bytes(), &self.signing, Algorithm::HS256).map_err(Error::internal)?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims> {
        // One message for everything: which check failed helps nobody who is honest.
        let refused = || Error::unauthenticated("the access token does not hold");
        let said = self.said(token).ok_or_else(refused)?;
        let now = seconds(now);
        if said.issued > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(refused());
        }
        if now >= said.ends {
            return Err(Error::unauthenticated("the access token has ended").with_code("token_expired"));
        }
        let issued_at = Timestamp::from_micros(said.issued.saturating_mul(1_000_000));
        let seconds = said.ends.saturating_sub(said.issued);
        Ok(AccessClaims::new(said.workspace, said.user, said.session, issued_at, seconds))
    }
}

#[cfg(test)]
mod tests;
