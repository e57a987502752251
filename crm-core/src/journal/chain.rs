//! The hash chain over the sealed journal.
//!
//! `content = SHA-256(salt ‖ before ‖ after ‖ events)`, `digest(entry) = SHA-256(form ‖ header ‖
//! content)`, `hash(n) = SHA-256(hash(n-1) ‖ workspace ‖ n ‖ digest(n))`, with SHA-256 after FIPS
//! 180-4. An erasure takes images, events and the random salt, and leaves `content`, which gives
//! nothing away about what was erased; the header (who did what to which record, and when) stays
//! and is checked for ever.
//!
//! Neither part is made by serialising our own types: the header is written field by field, and the
//! content is the texts as a store keeps them. A field that a later version adds to an entry or to
//! an event leaves the digests of older entries as they are.

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

/// The form in which a header is written. A later form gets another number, and entries then say
/// which is theirs.
const FORM: u8 = 1;

/// An entry's content as the JSON texts that a store keeps; what is empty has no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Former values.
    pub before: Option<String>,
    /// New values.
    pub after: Option<String>,
    /// Facts beyond the images.
    pub events: Option<String>,
}

impl Texts {
    /// The texts of an entry that is about to be kept.
    pub fn of(entry: &Entry) -> Self {
        let text = |is_empty: bool, json: serde_json::Result<String>| json.ok().filter(|_| !is_empty);
        Self {
            before: text(entry.before.is_empty(), serde_json::to_string(&entry.before)),
            after: text(entry.after.is_empty(), serde_json::to_string(&entry.after)),
            events: text(entry.events.is_empty(), serde_json::to_string(&entry.events)),
        }
    }

    /// Whether nothing is there, as after an erasure.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The salted digest of an entry's content: what an erasure leaves behind.
pub fn content(salt: &[u8], texts: &Texts) -> Hash {
    let mut canon = Canon::default();
    canon.text(salt);
    for text in [&texts.before, &texts.after, &texts.events] {
        canon.option(text.as_deref(), Canon::text);
    }
    canon.finish()
}

/// The digest of an entry, given that of its content.
pub fn digest(entry: &Entry, content: &Hash) -> Hash {
    let mut canon = Canon::default();
    canon.fixed([FORM]);
    canon.fixed(entry.id.uuid());
    canon.fixed(entry.at.micros().to_be_bytes());
    canon.option(entry.actor.user_id.map(Id::uuid), Canon::fixed);
    canon.option(entry.actor.cause.as_deref(), Canon::text);
    canon.option(entry.batch.map(Id::uuid), Canon::fixed);
    canon.fixed([entry.depth]);
    canon.text(entry.entity.name());
    canon.fixed(entry.record_id);
    canon.fixed(entry.version.to_be_bytes());
    canon.option(entry.subject, |canon, (entity, id)| {
        canon.text(entity.name());
        canon.fixed(id);
    });
    canon.text(entry.change.name());
    canon.fixed(content);
    canon.finish()
}

/// Hashes fields one after another so that no two rows of fields give the same bytes.
#[derive(Default)]
struct Canon(Sha256);

impl Canon {
    /// A field whose length never differs.
    fn fixed(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// A field of any length: its length goes first.
    fn text(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update((bytes.as_ref().len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// A field that may be absent.
    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.fixed([u8::from(value.is_some())]);
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn finish(self) -> Hash {
        self.0.finalize().into()
    }
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

/// What a store counts beside the chain itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Sealed entries, as the head says.
    pub head: i64,
    /// Entries that wait for their seal.
    pub waiting: i64,
    /// All entries.
    pub entries: i64,
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
        let digest = sealed.content().map(|content| digest(&sealed.entry, &content));
        let holds = sealed.seq == seq
            && digest.is_some_and(|digest| link(&self.previous, self.workspace, seq, &digest) == sealed.hash);
        if !holds {
            self.found.broken_at = Some(seq);
            return false;
        }
        let entry = &sealed.entry;
        match sealed.is_erased() {
            true => self.remember_erased(entry, seq),
            // An erased entry explains nothing, itself least of all.
            false if entry.change == Change::Purged => self.explain((entry.entity, entry.record_id)),
            false => {}
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

    /// The result, given what the store counts.
    ///
    /// An erased entry that no later purge explains, a chain that is shorter than its head says, and
    /// entries that are neither sealed nor waiting are breaks.
    pub fn finish(mut self, counted: Counted) -> Verification {
        self.found.unsealed = counted.waiting;
        let is_whole = self.found.sealed == counted.head && counted.head + counted.waiting == counted.entries;
        if self.found.broken_at.is_none() && !is_whole {
            self.found.broken_at = Some(self.found.sealed + 1);
        }
        let unexplained = self.erased.into_values().min();
        self.found.broken_at = self.found.broken_at.or(unexplained);
        self.found
    }
}
