//! Keys by which a repeated request is known again.

use sha2::{Digest, Sha256};

use super::changes::Reliance;
use crate::time::Timestamp;

/// How long a key is kept, in seconds: 24 h.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// A caller's key, bound to who sent it, to what, with which body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Digest of actor, route and the caller's key.
    pub scope: [u8; 32],
    /// Digest of the request's body.
    pub body: [u8; 32],
}

impl IdempotencyKey {
    /// The key of one request: `actor` and `route` keep two callers' equal keys apart.
    pub fn new(actor: &str, route: &str, key: &str, body: &[u8]) -> Self {
        let mut scope = Sha256::new();
        for part in [actor, route, key] {
            scope.update((part.len() as u64).to_be_bytes());
            scope.update(part);
        }
        Self { scope: scope.finalize().into(), body: Sha256::digest(body).into() }
    }
}

/// What a key was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Digest of the body that came with it.
    pub body: [u8; 32],
    /// The record that answered it, at the version of then.
    pub result: Reliance,
    /// When.
    pub at: Timestamp,
}
