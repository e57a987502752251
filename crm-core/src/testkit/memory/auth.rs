//! The ports of sign-ins and of the brake on guessing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use super::held::Taker;
use crate::auth::{Attempt, Rotation, SignIn, SignInStore, ThrottleStore};
use crate::error::Result;
use crate::id::Id;
use crate::testkit::Holdings;
use crate::time::Timestamp;

/// Sign-ins, and every digest that a refresh token of theirs ever had.
#[derive(Default)]
pub(super) struct SignIns {
    /// A sign-in and the digest of its present token.
    by_id: BTreeMap<Uuid, (SignIn, [u8; 32])>,
    by_digest: BTreeMap<[u8; 32], Uuid>,
    /// When each member of a workspace last signed in or renewed a sign-in.
    seen: BTreeMap<(Uuid, Uuid), Timestamp>,
}

impl SignIns {
    fn rotate(&mut self, digest: &[u8; 32], next: &[u8; 32], now: Timestamp, expires_at: Timestamp) -> Rotation {
        let found = self.by_digest.get(digest).and_then(|id| self.by_id.get_mut(id));
        let Some((sign_in, present)) = found.filter(|(sign_in, _)| sign_in.is_alive(now)) else {
            return Rotation::Unknown;
        };
        if present != digest {
            sign_in.revoked_at = Some(now);
            return Rotation::Reused(*sign_in);
        }
        *present = *next;
        sign_in.expires_at = expires_at;
        self.by_digest.insert(*next, sign_in.id.uuid());
        let rotated = *sign_in;
        self.see(&rotated, now);
        Rotation::Rotated(rotated)
    }

    fn see(&mut self, sign_in: &SignIn, now: Timestamp) {
        let seen = self.seen.entry((sign_in.workspace_id.uuid(), sign_in.user_id.uuid())).or_insert(now);
        *seen = now.max(*seen);
    }

    /// Gives all of it to whoever takes what the store holds.
    pub(super) fn hold(&self, held: &mut Holdings) {
        let Self { by_id, by_digest, seen } = self;
        Taker::of(held, None).take("refresh_digests", by_digest);
        for row in by_id.values() {
            Taker::of(held, Some(row.0.workspace_id.uuid())).take("sign_ins", [row]);
        }
        for ((workspace, user), at) in seen {
            Taker::of(held, Some(*workspace)).take("users_seen", [(user, at)]);
        }
    }

    /// When a member was last seen.
    pub(super) fn last_seen(&self, workspace: Uuid, user: Uuid) -> Option<Timestamp> {
        self.seen.get(&(workspace, user)).copied()
    }

    /// Ends every sign-in of a member.
    pub(super) fn end(&mut self, workspace: Uuid, user: Uuid, now: Timestamp) {
        let own = self.by_id.values_mut().map(|(sign_in, _)| sign_in);
        for sign_in in own.filter(|one| one.workspace_id.uuid() == workspace && one.user_id.uuid() == user) {
            sign_in.revoked_at.get_or_insert(now);
        }
    }
}

#[async_trait]
impl SignInStore for MemoryStore {
    async fn open(&self, sign_in: &SignIn, refresh_digest: &[u8; 32]) -> Result<()> {
        self.write(|state| {
            state.sign_ins.by_id.insert(sign_in.id.uuid(), (*sign_in, *refresh_digest));
            state.sign_ins.by_digest.insert(*refresh_digest, sign_in.id.uuid());
            state.sign_ins.see(sign_in, sign_in.created_at);
            Ok(())
        })
        .await
    }

    async fn rotate(
        &self,
        refresh_digest: &[u8; 32],
        next_digest: &[u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation> {
        Ok(self.write(|state| state.sign_ins.rotate(refresh_digest, next_digest, now, expires_at)).await)
    }

    async fn holder(&self, refresh_digest: &[u8; 32]) -> Result<Option<SignIn>> {
        self.read(|state| {
            let id = state.sign_ins.by_digest.get(refresh_digest);
            let found = id.and_then(|id| state.sign_ins.by_id.get(id));
            Ok(found.filter(|(_, present)| present == refresh_digest).map(|(sign_in, _)| *sign_in))
        })
        .await
    }

    async fn sign_in(&self, id: Id<SignIn>) -> Result<Option<SignIn>> {
        Ok(self.read(|state| state.sign_ins.by_id.get(&id.uuid()).map(|(sign_in, _)| *sign_in)).await)
    }

    async fn revoke(&self, id: Id<SignIn>, now: Timestamp) -> Result<()> {
        self.write(|state| {
            if let Some((sign_in, _)) = state.sign_ins.by_id.get_mut(&id.uuid()) {
                sign_in.revoked_at.get_or_insert(now);
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl ThrottleStore for MemoryStore {
    async fn attempt(&self, key: &str, limit: u32, window_seconds: i64, now: Timestamp) -> Result<Attempt> {
        self.write(|state| {
            let (began, count) = state.throttles.entry(key.to_owned()).or_insert((now.micros(), 0));
            let mut ends_at = Timestamp::from_micros(*began).plus_seconds(window_seconds);
            if now >= ends_at {
                (*began, *count) = (now.micros(), 0);
                ends_at = now.plus_seconds(window_seconds);
            }
            *count = count.saturating_add(1);
            Ok(Attempt { limit, made: *count, ends_at })
        })
        .await
    }

    async fn forgive(&self, key: &str) -> Result<()> {
        self.write(|state| {
            state.throttles.remove(key);
            Ok(())
        })
        .await
    }
}
