//! A commit, stamped and checked.

use async_trait::async_trait;
use uuid::Uuid;

use super::changes::{GuardRow, Reliance, TakenBack};
use super::idempotency::{IdempotencyKey, Replay};
use super::write::Write;
use crate::access::{Entity, Grant};
use crate::error::Result;
use crate::id::Id;
use crate::job::{Bell, Listener};
use crate::journal::Entry;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// Changes that are stamped with workspace, actor and time, whose permissions were checked and
/// whose journal entries are made. Only [`crate::session::Session`] makes one.
#[derive(Debug)]
pub struct Sealed {
    pub(crate) workspace_id: Id<Workspace>,
    pub(crate) at: Timestamp,
    pub(crate) writes: Vec<Write>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) relied: Vec<Reliance>,
    pub(crate) guards: Vec<GuardRow>,
    pub(crate) idempotency: Option<(IdempotencyKey, Reliance)>,
    pub(crate) purged: Vec<(Entity, Uuid)>,
    /// What writes take back, for what is derived from them.
    pub(crate) undone: Vec<TakenBack>,
}

impl Sealed {
    /// The workspace of every row.
    pub fn workspace_id(&self) -> Id<Workspace> {
        self.workspace_id
    }

    /// When it was decided.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The rows, in the order in which they may be written.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The journal entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Rows whose version must still stand.
    pub fn relied(&self) -> &[Reliance] {
        &self.relied
    }

    /// Guards whose version must still stand, and moves on.
    pub fn guards(&self) -> &[GuardRow] {
        &self.guards
    }

    /// The caller's key and what a repeat answers with.
    pub fn idempotency(&self) -> Option<&(IdempotencyKey, Reliance)> {
        self.idempotency.as_ref()
    }

    /// Records to erase, with the content of their entries.
    pub fn purged(&self) -> &[(Entity, Uuid)] {
        &self.purged
    }
}

/// Port: told of every commit after it was made, by the process that made it. It must return at once.
pub trait CommitListener: Send + Sync {
    /// Something was written to a workspace.
    fn committed(&self, workspace: Id<Workspace>);
}

/// Port: the only write of entity data.
#[async_trait]
pub trait Commit: Send + Sync {
    /// Writes everything in one transaction, or nothing.
    ///
    /// # Errors
    /// `Conflict` for a stale version, reliance or guard, for a taken unique value and where deals are in
    /// stages that a pipeline [gives up](crate::pipeline::given_up) or in a deleted pipeline; `Conflict`
    /// with code `idempotency_replay` where the key was used in the last 24 h; `Invalid` for a reference to a
    /// row that the workspace does not hold; `Unavailable` when the store cannot be reached.
    async fn commit(&self, sealed: Sealed) -> Result<()>;

    /// A guard's version; 0 before its first use.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn guard(&self, grant: &Grant, guard: super::Guard) -> Result<GuardRow>;

    /// What a key was used for in the last 24 h.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn replay(&self, grant: &Grant, key: &IdempotencyKey, now: Timestamp) -> Result<Option<Replay>>;

    /// The workspaces that hold keys which were used until an instant, in no order: one statement, however many
    /// workspaces there are. Grant-free, as [`Commit::prune_keys`]: its caller is upkeep.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn with_old_keys(&self, until: Timestamp) -> Result<Vec<Id<Workspace>>>;

    /// Forgets keys, at most `limit`, that were used until an instant, those that were used first first; where the
    /// store can tell, not those that somebody is writing anew. Gives their number. Commits forget none: they would
    /// wait for one another.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn prune_keys(&self, workspace: Id<Workspace>, until: Timestamp, limit: u16) -> Result<usize>;

    /// Hears of workspaces in which others committed, soon after they did, where the store can tell. A
    /// listener that ends says that it cannot. What this process commits, [`CommitListener`] hears.
    fn listen_for_commits(&self) -> Listener<Id<Workspace>> {
        Bell::new().listen()
    }
}
