//! Port: reading and sealing the journal.

use std::collections::BTreeSet;

use async_trait::async_trait;
use uuid::Uuid;

use super::chain::{self, Hash, Texts, Verification};
use super::entry::{Batch, Entry};
use crate::access::{Entity, Grant};
use crate::error::Result;
use crate::id::Id;
use crate::page::Rows;
use crate::workspace::Workspace;

/// An entry with its place in the chain.
#[derive(Clone, Debug)]
pub struct SealedEntry {
    /// Its dense number within the workspace, from 1.
    pub seq: i64,
    /// Its link.
    pub hash: Hash,
    /// The salt of its content's digest; absent once the content was erased.
    pub salt: Option<Vec<u8>>,
    /// The digest of its content, which an erasure left behind.
    pub digest: Option<Hash>,
    /// Its content as the store keeps it; empty once it was erased.
    pub texts: Texts,
    /// The entry; without images and events once its content was erased.
    pub entry: Entry,
}

impl SealedEntry {
    /// The digest of its content; `None` for one that is neither whole nor erased, which no store
    /// writes.
    pub fn content(&self) -> Option<Hash> {
        match (&self.salt, self.digest) {
            (Some(salt), None) => Some(chain::content(salt, &self.texts)),
            (None, Some(digest)) if self.texts.is_empty() => Some(digest),
            _ => None,
        }
    }

    /// Whether its content was erased.
    pub fn is_erased(&self) -> bool {
        self.salt.is_none()
    }
}

/// Entries that are sealed in one transaction.
const SEAL_BATCH: u32 = 1_000;

/// Port: the journal. Entries are appended by [`crate::store::Commit`] alone.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Numbers and links at most `limit` entries that no seal covers yet, in the order in which
    /// they were written, and says how many it did. Two callers at once do not disturb each other.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn seal_batch(&self, workspace: Id<Workspace>, limit: u32) -> Result<u32>;

    /// Numbers and links every entry of a workspace that no seal covers yet, some a transaction.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn seal(&self, workspace: Id<Workspace>) -> Result<()> {
        while self.seal_batch(workspace, SEAL_BATCH).await? == SEAL_BATCH {}
        Ok(())
    }

    /// The workspaces with entries that no seal covers yet, in no order. Grant-free: its reader is
    /// the worker that seals.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn unsealed(&self) -> Result<Vec<Id<Workspace>>>;

    /// Sealed entries after `seq`, at most `limit`, in order. Grant-free: its readers are workers.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn feed(&self, workspace: Id<Workspace>, after: i64, limit: u32) -> Result<Vec<SealedEntry>>;

    /// The number of the last sealed entry; 0 where there is none. Grant-free: its readers are workers.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn sealed_to(&self, workspace: Id<Workspace>) -> Result<i64>;

    /// Checks the whole chain.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn verify(&self, workspace: Id<Workspace>) -> Result<Verification>;

    /// Entries of a record and of what hangs below it, newest first, after an entry's id.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn timeline(
        &self,
        grant: &Grant,
        entity: Entity,
        record_id: Uuid,
        after: Option<Uuid>,
        limit: u16,
    ) -> Result<Rows<Entry>>;

    /// The entries of one record up to a version, oldest first.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn history(&self, grant: &Grant, entity: Entity, record_id: Uuid, up_to: i64) -> Result<Vec<Entry>>;

    /// Entries of a batch in the order of their records' ids, then of their versions: those after a record
    /// and a version of it, at most `limit`. Facts that wrote nothing have no version, and are left out.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn batch(
        &self,
        grant: &Grant,
        batch: Id<Batch>,
        after: Option<(Uuid, i64)>,
        limit: u32,
    ) -> Result<Vec<Entry>>;

    /// Those of some records to which a note, a task, a deal or a contact refers that is not deleted, and that
    /// somebody else than a batch wrote, or wrote since. As of the reading: what is made meanwhile is not seen.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn referred_from_outside(
        &self,
        grant: &Grant,
        batch: Id<Batch>,
        entity: Entity,
        ids: &[Uuid],
    ) -> Result<BTreeSet<Uuid>>;
}
