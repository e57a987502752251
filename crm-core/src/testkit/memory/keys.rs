//! Callers' keys.

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::store::{KEPT_SECONDS, Replay, Sealed};
use crate::time::Timestamp;

/// Whether a key has not expired.
pub(super) fn is_kept(replay: &Replay, now: Timestamp) -> bool {
    now < replay.at.plus_seconds(KEPT_SECONDS)
}

impl Rows {
    /// Keeps the caller's key, unless it is kept already and has not expired.
    pub(super) fn keep_key(&mut self, sealed: &Sealed) -> Result<()> {
        let Some((key, result)) = &sealed.idempotency else { return Ok(()) };
        if self.replays.get(&key.scope).is_some_and(|first| is_kept(first, sealed.at)) {
            return Err(Error::conflict("the idempotency key was used before").with_code("idempotency_replay"));
        }
        self.replays.insert(key.scope, Replay { body: key.body, result: *result, at: sealed.at });
        Ok(())
    }

    /// The scopes of the keys that were used until an instant, those that were used first first.
    pub(super) fn old_keys(&self, until: Timestamp) -> Vec<[u8; 32]> {
        let old = self.replays.iter().filter(|(_, replay)| replay.at <= until);
        let mut old: Vec<(Timestamp, [u8; 32])> = old.map(|(scope, replay)| (replay.at, *scope)).collect();
        old.sort_unstable();
        old.into_iter().map(|(_, scope)| scope).collect()
    }
}
