//! Accesses and sign-ins that were resolved within the last second.
//!
//! A change made on this instance drops them at once; a change made on another holds here within
//! the second after which an entry is too old.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::grant::Access;
use crate::auth::SignIn;
use crate::id::Id;
use crate::journal::Entry;
use crate::time::Timestamp;
use crate::user::User;
use crate::workspace::Workspace;

/// How long an entry holds, in microseconds: one second.
const LIFETIME_MICROS: i64 = 1_000_000;
/// Entries above which the outdated ones are swept out.
const SWEEP_AT: usize = 20_000;

/// A map whose entries hold for one second.
#[derive(Debug)]
struct Brief<K, V>(RwLock<HashMap<K, (Timestamp, V)>>);

impl<K: Eq + Hash, V: Clone> Brief<K, V> {
    fn new() -> Self {
        Self(RwLock::new(HashMap::new()))
    }

    fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.0.read();
        let (at, value) = entries.get(key)?;
        is_fresh(*at, now).then(|| value.clone())
    }

    /// Keeps a value that was read at `at`, unless it is outdated already.
    fn put(&self, key: K, value: V, at: Timestamp) {
        let mut entries = self.0.write();
        if entries.len() >= SWEEP_AT {
            entries.retain(|_, (kept_at, _)| is_fresh(*kept_at, at));
        }
        entries.insert(key, (at, value));
    }

    fn drop_where(&self, is_dropped: impl Fn(&K, &V) -> bool) {
        self.0.write().retain(|key, (_, value)| !is_dropped(key, value));
    }
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    // A clock that was set back makes nothing fresh.
    (0..LIFETIME_MICROS).contains(&(now.micros() - at.micros()))
}

/// The cache of one [`crate::Crm`].
#[derive(Debug)]
pub(crate) struct AccessCache {
    accesses: Brief<(Id<Workspace>, Id<User>), Arc<Access>>,
    sign_ins: Brief<Id<SignIn>, SignIn>,
    /// Counts invalidations, so that a value read before one is not kept after it.
    epoch: std::sync::atomic::AtomicU64,
    /// Entries of the journal whose changes of rights were seen to, and when they were made.
    seen_to: Mutex<HashMap<Id<Entry>, Timestamp>>,
}

impl AccessCache {
    pub(crate) fn new() -> Self {
        let epoch = std::sync::atomic::AtomicU64::new(0);
        Self { accesses: Brief::new(), sign_ins: Brief::new(), epoch, seen_to: Mutex::default() }
    }

    /// The mark to read before asking the store, and to hand in with the answer.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Forgets what an entry made at `at` has changed, once however many read it: what is resolved after that is
    /// of after the entry. Entries from before `forgotten` are not asked about any more.
    pub(crate) fn see_to(&self, entry: Id<Entry>, at: Timestamp, forgotten: Timestamp, forget: impl FnOnce(&Self)) {
        // Whoever comes meanwhile waits until all is forgotten.
        let mut seen_to = self.seen_to.lock();
        if seen_to.len() >= SWEEP_AT {
            seen_to.retain(|_, at| *at >= forgotten);
        }
        if seen_to.insert(entry, at).is_none() {
            forget(self);
        }
    }

    pub(crate) fn access(&self, workspace: Id<Workspace>, user: Id<User>, now: Timestamp) -> Option<Arc<Access>> {
        self.accesses.get(&(workspace, user), now)
    }

    pub(crate) fn keep_access(&self, access: &Arc<Access>, user: Id<User>, at: Timestamp, epoch: u64) {
        self.accesses.put((access.workspace.id, user), access.clone(), at);
        if self.epoch() != epoch {
            self.forget_workspace(access.workspace.id);
        }
    }

    pub(crate) fn sign_in(&self, id: Id<SignIn>, now: Timestamp) -> Option<SignIn> {
        self.sign_ins.get(&id, now)
    }

    pub(crate) fn keep_sign_in(&self, sign_in: SignIn, at: Timestamp, epoch: u64) {
        self.sign_ins.put(sign_in.id, sign_in, at);
        if self.epoch() != epoch {
            self.forget_sign_in(sign_in.id);
        }
    }

    pub(crate) fn forget_workspace(&self, workspace: Id<Workspace>) {
        self.epoch.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        self.accesses.drop_where(|(known, _), _| *known == workspace);
    }

    pub(crate) fn forget_sign_in(&self, id: Id<SignIn>) {
        self.epoch.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        self.sign_ins.drop_where(|known, _| *known == id);
    }

    pub(crate) fn forget_sign_ins_of(&self, user: Id<User>) {
        self.epoch.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        self.sign_ins.drop_where(|_, sign_in| sign_in.user_id == user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Actor;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn access() -> Arc<Access> {
        let workspace = Workspace::new(Id::new_at(at(0)), "one", at(0)).unwrap();
        let actor = Actor::system(workspace.id, "test");
        let (teammates, custom_fields, rules) = (vec![], vec![], vec![]);
        let cursors = crate::page::CursorKeys::new(&[]);
        Arc::new(Access { workspace, actor, user: None, teammates, custom_fields, rules, cursors })
    }

    fn sign_in(user: Id<User>) -> SignIn {
        SignIn {
            id: Id::new_at(at(0)),
            account_id: Id::new_at(at(0)),
            workspace_id: Id::new_at(at(0)),
            user_id: user,
            created_at: at(0),
            expires_at: at(1),
            revoked_at: None,
        }
    }

    #[test]
    fn an_entry_holds_from_its_reading_for_one_second() {
        let entries = Brief::new();
        entries.put(1, "one", at(10));
        assert_eq!(entries.get(&1, at(10)), Some("one"));
        assert_eq!(entries.get(&1, at(9 + LIFETIME_MICROS)), Some("one"));
        assert_eq!(entries.get(&1, at(10 + LIFETIME_MICROS)), None);
        assert_eq!(entries.get(&1, at(9)), None);
    }

    #[test]
    fn a_full_map_sweeps_out_what_is_outdated_and_nothing_else() {
        let entries = Brief::new();
        let outdated = SWEEP_AT - 1;
        (0..outdated).for_each(|key| entries.put(key, (), at(0)));
        entries.put(outdated, (), at(1));
        assert_eq!(entries.0.read().len(), SWEEP_AT);
        entries.put(SWEEP_AT, (), at(LIFETIME_MICROS));
        assert_eq!(entries.0.read().len(), 2);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let cache = AccessCache::new();
        let (signed_in, access, user) = (sign_in(Id::new_at(at(0))), access(), Id::new_at(at(0)));
        let workspace = access.workspace.id;
        let before = cache.epoch();
        cache.forget_workspace(Id::new_at(at(0)));
        cache.keep_sign_in(signed_in, at(0), before);
        cache.keep_access(&access, user, at(0), before);
        assert!(cache.sign_in(signed_in.id, at(0)).is_none());
        assert!(cache.access(workspace, user, at(0)).is_none());

        cache.keep_sign_in(signed_in, at(0), cache.epoch());
        cache.keep_access(&access, user, at(0), cache.epoch());
        assert!(cache.sign_in(signed_in.id, at(0)).is_some());
        assert!(cache.access(workspace, user, at(0)).is_some());
    }

    #[test]
    fn a_change_drops_what_it_touches_and_nothing_else() {
        let cache = AccessCache::new();
        let (touched, other, user) = (access(), access(), Id::new_at(at(0)));
        let signed_in = sign_in(user);
        cache.keep_access(&touched, user, at(0), cache.epoch());
        cache.keep_access(&other, user, at(0), cache.epoch());
        cache.keep_sign_in(signed_in, at(0), cache.epoch());
        cache.forget_workspace(touched.workspace.id);
        cache.forget_sign_in(Id::new_at(at(0)));
        assert!(cache.access(touched.workspace.id, user, at(0)).is_none());
        assert!(cache.access(other.workspace.id, user, at(0)).is_some());
        assert!(cache.sign_in(signed_in.id, at(0)).is_some());
        cache.forget_sign_in(signed_in.id);
        assert!(cache.sign_in(signed_in.id, at(0)).is_none());
    }

    #[test]
    fn a_member_who_leaves_loses_their_sign_ins_and_nobody_else_does() {
        let cache = AccessCache::new();
        let (gone, other) = (sign_in(Id::new_at(at(0))), sign_in(Id::new_at(at(0))));
        cache.keep_sign_in(gone, at(0), cache.epoch());
        cache.keep_sign_in(other, at(0), cache.epoch());
        cache.forget_sign_ins_of(gone.user_id);
        assert!(cache.sign_in(gone.id, at(0)).is_none());
        assert!(cache.sign_in(other.id, at(0)).is_some());
    }

    #[test]
    fn an_entry_that_many_read_is_seen_to_once() {
        let (cache, access, user) = (AccessCache::new(), access(), Id::new_at(at(0)));
        let (entry, workspace) = (Id::new_at(at(0)), access.workspace.id);
        let see_to = |entry| cache.see_to(entry, at(0), at(0), |cache| cache.forget_workspace(workspace));
        see_to(entry);
        cache.keep_access(&access, user, at(0), cache.epoch());
        see_to(entry);
        assert!(cache.access(workspace, user, at(0)).is_some());
        see_to(Id::new_at(at(1)));
        assert!(cache.access(workspace, user, at(0)).is_none());
    }
}
