//! Keys by which a repeated request is known again.

use sha2::{Digest, Sha256};

use super::changes::Reliance;
use crate::access::Actor;
use crate::time::Timestamp;

/// How long a key is kept, in seconds: 24 h.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// A caller's key, bound to who sent it, to what, with which body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Digest of route and the caller's key; of the actor too, once a session has it.
    pub scope: [u8; 32],
    /// Digest of the request's body.
    pub body: [u8; 32],
}

impl IdempotencyKey {
    /// The key of one request: `route` keeps the equal keys of two kinds of request apart.
    pub fn new(route: &str, key: &str, body: &[u8]) -> Self {
        Self { scope: digest([route.as_bytes(), key.as_bytes()]), body: Sha256::digest(body).into() }
    }

    /// The same key in the hands of an actor: two callers' equal keys are two keys.
    pub(crate) fn of(self, actor: &Actor) -> Self {
        let who = match actor {
            Actor::User { user_id, .. } => ("user", user_id.to_string()),
            Actor::System { cause, .. } => ("system", cause.clone()),
        };
        Self { scope: digest([who.0.as_bytes(), who.1.as_bytes(), &self.scope]), ..self }
    }
}

/// The digest of parts, each behind its length.
fn digest<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
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
