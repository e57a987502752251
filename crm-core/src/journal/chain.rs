//! The hash chain over the sealed journal.
//!
//! `digest(entry) = SHA-256(salt ‖ content)`, `hash(n) = SHA-256(hash(n-1) ‖ workspace ‖ n ‖
//! digest(n))`, with SHA-256 after FIPS 180-4. The salt is random and is erased with the content,
//! so that the digest which stays behind gives nothing away about what was erased.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::entry::{Change, Entry};
use super::port::SealedEntry;
use crate::access::Entity;
use crate::id::Id;
use crate::workspace::Workspace;

/// Length of a salt in bytes.
pub const SALT_BYTES: usize = 16;

/// A link of the chain, or a digest.
pub type Hash = [u8; 32];

/// The hash before the first entry.
pub const GENESIS: Hash = [0; 32];

/// The salted digest of an entry's content.
pub fn digest(salt: &[u8], entry: &Entry) -> Hash {
    let mut hash = Sha256::new();
    hash.update(salt);
    // The JSON of an entry is canonical: struct order is fixed and maps are sorted.
    hash.update(serde_json::to_vec(entry).unwrap_or_default());
    hash.finalize().into()
}

/// The hash of entry `seq`, given the one before.
pub fn link(previous: &Hash, workspace: Id<Workspace>, seq: i64, digest: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(workspace.uuid());
    hash.update(seq.to_be_bytes());
    hash.update(digest);
    hash.finalize().into()
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Verification {
    /// Entries whose place in the chain holds.
    pub sealed: i64,
    /// Of these, entries whose content was erased by a purge that the journal records.
    pub purged: i64,
    /// Entries that no seal covers yet.
    pub unsealed: i64,
    /// The first entry that was changed, removed or moved; later ones are not looked at.
    pub broken_at: Option<i64>,
}

impl Verification {
    /// Whether the sealed history is as it was written.
    pub fn holds(&self) -> bool {
        self.broken_at.is_none()
    }
}

/// Walks the chain entry by entry.
#[derive(Debug)]
pub struct Verifier {
    workspace: Id<Workspace>,
    previous: Hash,
    found: Verification,
    /// Records with erased entries that no purge explains yet, and the first of those entries.
    erased: BTreeMap<(Entity, Uuid), i64>,
    /// The same records by the record that they hang on, whose purge explains them too.
    hanging: BTreeMap<(Entity, Uuid), BTreeSet<(Entity, Uuid)>>,
}

impl Verifier {
    /// At the start of a workspace's chain.
    pub fn new(workspace: Id<Workspace>) -> Self {
        let (erased, hanging) = (BTreeMap::new(), BTreeMap::new());
        Self { workspace, previous: GENESIS, found: Verification::default(), erased, hanging }
    }

    /// The number of the last entry that held.
    pub fn seq(&self) -> i64 {
        self.found.sealed
    }

    /// Looks at the next entry. `false` where the chain breaks here.
    pub fn check(&mut self, sealed: &SealedEntry) -> bool {
        let seq = self.found.sealed + 1;
        let digest = match (&sealed.entry, &sealed.salt, &sealed.digest) {
            (entry, Some(salt), None) => Some(digest(salt, entry)),
            (entry, None, Some(kept)) => {
                self.remember_erased(entry, seq);
                Some(*kept)
            }
            _ => None,
        };
        let holds = sealed.seq == seq
            && digest.is_some_and(|digest| link(&self.previous, self.workspace, seq, &digest) == sealed.hash);
        if !holds {
            self.found.broken_at = Some(seq);
            return false;
        }
        if sealed.entry.change == Change::Purged {
            self.explain((sealed.entry.entity, sealed.entry.record_id));
        }
        self.previous = sealed.hash;
        self.found.sealed = seq;
        true
    }

    fn remember_erased(&mut self, entry: &Entry, seq: i64) {
        let record = (entry.entity, entry.record_id);
        self.erased.entry(record).or_insert(seq);
        if let Some(subject) = entry.subject {
            self.hanging.entry(subject).or_default().insert(record);
        }
        self.found.purged += 1;
    }

    /// A purge explains the erased entries of its record and of what hung on it.
    fn explain(&mut self, purged: (Entity, Uuid)) {
        self.erased.remove(&purged);
        for record in self.hanging.remove(&purged).unwrap_or_default() {
            self.erased.remove(&record);
        }
    }

    /// The result, given the sealed entries that the head counts and those that wait.
    ///
    /// An erased entry that no later purge explains, or a chain that is shorter than its head says,
    /// is a break.
    pub fn finish(mut self, head: i64, unsealed: i64) -> Verification {
        self.found.unsealed = unsealed;
        if self.found.broken_at.is_none() && self.found.sealed != head {
            self.found.broken_at = Some(self.found.sealed + 1);
        }
        let unexplained = self.erased.into_values().min();
        self.found.broken_at = self.found.broken_at.or(unexplained);
        self.found
    }
}
