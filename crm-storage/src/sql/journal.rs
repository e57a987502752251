//! The journal: entries as commits append them, seals as `seal_batch` adds them.
//!
//! A commit puts its entries into a queue besides. Sealing takes them from there, under a lock of
//! the workspace's head: an entry of a transaction that commits late is found whenever it appears.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use crm_core::access::{ActorRef, Grant};
use crm_core::journal::chain::{self, Counted, GENESIS, Hash, SALT_BYTES, Texts, Verification, Verifier};
use crm_core::journal::{Batch, Change, Entry, JournalStore, SealedEntry};
use crm_core::page::{Position, Rows as Page};
use crm_core::workspace::Workspace;
use crm_core::{Entity, Id, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use uuid::Uuid;

use super::columns::{self, code};
use super::fragment::{Fragment, Statement};
use super::timeline::Shown;
use super::{Conn, RunQueryDsl, Store, dialect, json, outside};
use crate::fault::Outcome;
use crate::schema::{journal, journal_heads, journal_queue, journal_seals};
use crate::types::{DbId, DbTime, Guid};

/// Entries that verifying reads at once.
const VERIFY_CHUNK: i64 = 1_000;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = journal, treat_none_as_default_value = false)]
struct EntryRow {
    workspace_id: i64,
    record_id: DbId,
    id: DbId,
    at: DbTime,
    actor_id: Option<DbId>,
    cause: Option<String>,
    batch_id: Option<DbId>,
    depth: i16,
    entity: i16,
    version: i64,
    subject_entity: Option<i16>,
    subject_id: Option<DbId>,
    change: i16,
    before: Option<String>,
    after: Option<String>,
    events: Option<String>,
    salt: Option<Vec<u8>>,
    digest: Option<Vec<u8>>,
}

const CHANGES: [Change; 6] =
    [Change::Created, Change::Updated, Change::Deleted, Change::Restored, Change::Purged, Change::Noted];

/// The number of a kind of change in the table; never changes.
const fn change_code(change: Change) -> i16 {
    match change {
        Change::Created => 1,
        Change::Updated => 2,
        Change::Deleted => 3,
        Change::Restored => 4,
        Change::Purged => 5,
        Change::Noted => 6,
    }
}

impl EntryRow {
    fn new(workspace_id: i64, entry: &Entry) -> Outcome<Self> {
        let salt: [u8; SALT_BYTES] = rand::random();
        let Texts { before, after, events } = Texts::of(entry);
        Ok(Self {
            workspace_id,
            record_id: DbId(entry.record_id),
            id: entry.id.into(),
            at: entry.at.into(),
            actor_id: entry.actor.user_id.map(DbId::from),
            cause: entry.actor.cause.clone(),
            batch_id: entry.batch.map(DbId::from),
            depth: entry.depth.into(),
            entity: code(entry.entity),
            version: entry.version,
            subject_entity: entry.subject.map(|(entity, _)| code(entity)),
            subject_id: entry.subject.map(|(_, id)| DbId(id)),
            change: change_code(entry.change),
            before,
            after,
            events,
            salt: Some(salt.to_vec()),
            digest: None,
        })
    }

    fn into_line(self) -> Outcome<Line> {
        let entity = |code| columns::entity(code).ok_or(json::unreadable("a kind of record"));
        let change = CHANGES.into_iter().find(|change| change_code(*change) == self.change);
        let subject = match (self.subject_entity, self.subject_id) {
            (Some(code), Some(id)) => Some((entity(code)?, id.0)),
            _ => None,
        };
        let entry = Entry {
            id: self.id.into(),
            at: self.at.into(),
            actor: ActorRef { user_id: self.actor_id.map(Id::from), cause: self.cause },
            batch: self.batch_id.map(Id::from),
            depth: u8::try_from(self.depth).unwrap_or(u8::MAX),
            entity: entity(self.entity)?,
            record_id: self.record_id.0,
            version: self.version,
            subject,
            change: change.ok_or(json::unreadable("a kind of change"))?,
            before: json::read_map(self.before.clone())?,
            after: json::read_map(self.after.clone())?,
            events: json::read_list(self.events.clone())?,
        };
        let texts = Texts { before: self.before, after: self.after, events: self.events };
        Ok(Line { entry, salt: self.salt, digest: self.digest.map(hash).transpose()?, texts })
    }
}

/// An entry with what its digest is made of, or what is left of it.
struct Line {
    entry: Entry,
    salt: Option<Vec<u8>>,
    digest: Option<Hash>,
    texts: Texts,
}

impl Line {
    /// The digest of the content.
    fn content(&self) -> Hash {
        self.digest.unwrap_or_else(|| chain::content(self.salt.as_deref().unwrap_or_default(), &self.texts))
    }
}

fn hash(bytes: Vec<u8>) -> Outcome<Hash> {
    bytes.try_into().map_err(|_| json::unreadable("a hash"))
}

#[derive(Insertable)]
#[diesel(table_name = journal_queue)]
struct QueueRow {
    workspace_id: i64,
    record_id: DbId,
    entry_id: DbId,
}

/// Appends entries, not sealed yet, each with a salt of its own.
pub(super) async fn append(conn: &mut Conn, workspace: i64, entries: &[Entry]) -> Outcome<()> {
    let entry = |entry: &Entry| Ok(diesel::insert_into(journal::table).values(EntryRow::new(workspace, entry)?));
    dialect::insert(conn, entries.iter().map(entry).collect::<Outcome<_>>()?).await?;
    let queued = |entry: &Entry| {
        let (record_id, entry_id) = (DbId(entry.record_id), entry.id.into());
        diesel::insert_into(journal_queue::table).values(QueueRow { workspace_id: workspace, record_id, entry_id })
    };
    dialect::insert(conn, entries.iter().map(queued).collect()).await?;
    Ok(())
}

/// Erases the content of the entries of a record and of what hung on it. The salted digest stays, the
/// salt goes.
pub(super) async fn erase(conn: &mut Conn, workspace: i64, entity: Entity, id: Uuid) -> Outcome<()> {
    for which in about(workspace, entity, id) {
        let whole = journal::table.filter(which).filter(journal::salt.is_not_null());
        let rows: Vec<EntryRow> = whole.select(EntryRow::as_select()).load(conn).await?;
        let lines = rows.into_iter().map(EntryRow::into_line).collect::<Outcome<Vec<_>>>()?;
        let erase = |line: Line| {
            let content = (
                journal::before.eq(None::<String>),
                journal::after.eq(None::<String>),
                journal::events.eq(None::<String>),
                journal::salt.eq(None::<Vec<u8>>),
                journal::digest.eq(Some(line.content().to_vec())),
            );
            let own = journal::table.filter(journal::workspace_id.eq(workspace));
            let own = own.filter(journal::record_id.eq(DbId(line.entry.record_id)));
            diesel::update(own.filter(journal::id.eq(DbId::from(line.entry.id)))).set(content)
        };
        dialect::each(conn, lines.into_iter().map(erase).collect()).await?;
    }
    Ok(())
}

/// The head of a workspace's chain, held until the transaction ends.
async fn lock_head(conn: &mut Conn, workspace: i64) -> Outcome<(i64, Hash)> {
    let first =
        (journal_heads::workspace_id.eq(workspace), journal_heads::seq.eq(0), journal_heads::hash.eq(GENESIS.to_vec()));
    diesel::insert_into(journal_heads::table).values(first).on_conflict_do_nothing().execute(conn).await?;
    let head = Fragment::new("SELECT seq, hash FROM journal_heads WHERE workspace_id = ").bind(workspace);
    let head = Statement::<(BigInt, Binary)>::new(head.sql(dialect::FOR_UPDATE).fixed());
    let (seq, bytes): (i64, Vec<u8>) = head.get_result(conn).await?;
    Ok((seq, hash(bytes)?))
}

#[derive(Insertable)]
#[diesel(table_name = journal_seals)]
struct SealRow {
    workspace_id: i64,
    seq: i64,
    record_id: DbId,
    entry_id: DbId,
    hash: Vec<u8>,
}

/// An entry by its record and its own id.
type Place = (DbId, DbId);

/// The entries at these places, as far as they are there. Not a join: a planner that thinks little of a
/// queue reads the whole journal for it, once a batch. The range of ids keeps a record with a long
/// history from being read from its beginning.
async fn entries(conn: &mut Conn, workspace: i64, places: &[Place]) -> Outcome<HashMap<Place, EntryRow>> {
    let ids = places.iter().map(|(_, id)| *id);
    let (Some(first), Some(last)) = (ids.clone().min(), ids.max()) else { return Ok(HashMap::new()) };
    let mut records: Vec<DbId> = places.iter().map(|(record, _)| *record).collect();
    records.sort_unstable();
    records.dedup();
    let which = Fragment::new("journal.workspace_id = ").bind(workspace).sql(" AND journal.record_id").in_ids(&records);
    let which = which.sql(" AND journal.id >= ").bind(first).sql(" AND journal.id <= ").bind(last);
    let rows: Vec<EntryRow> = journal::table.filter(which).select(EntryRow::as_select()).load(conn).await?;
    Ok(rows.into_iter().map(|row| ((row.record_id, row.id), row)).collect())
}

async fn seal(conn: &mut Conn, workspace: i64, id: Id<Workspace>, limit: u32) -> Outcome<u32> {
    let queue = journal_queue::table.filter(journal_queue::workspace_id.eq(workspace)).select(journal_queue::position);
    let first: Option<i64> = queue.first(conn).await.optional()?;
    if first.is_none() {
        // Whoever only looks waits for nobody.
        return Ok(0);
    }
    let (mut seq, mut last) = lock_head(conn, workspace).await?;
    let waiting = journal_queue::table
        .filter(journal_queue::workspace_id.eq(workspace))
        .order(journal_queue::position)
        .limit(limit.into());
    let row = (journal_queue::position, journal_queue::record_id, journal_queue::entry_id);
    let waiting: Vec<(i64, DbId, DbId)> = waiting.select(row).load(conn).await?;
    let places: Vec<Place> = waiting.iter().map(|(_, record, entry)| (*record, *entry)).collect();
    let mut found = entries(conn, workspace, &places).await?;
    let (mut seals, mut done) = (Vec::new(), Vec::new());
    for (position, record_id, entry_id) in waiting {
        let Some(row) = found.remove(&(record_id, entry_id)) else { continue };
        let line = row.into_line()?;
        seq += 1;
        last = chain::link(&last, id, seq, &chain::digest(&line.entry, &line.content()));
        seals.push(SealRow { workspace_id: workspace, seq, record_id, entry_id, hash: last.to_vec() });
        done.push(position);
    }
    if done.is_empty() {
        return Ok(0);
    }
    let count = u32::try_from(done.len()).unwrap_or(u32::MAX);
    let seals = seals.into_iter().map(|row| diesel::insert_into(journal_seals::table).values(row));
    dialect::insert(conn, seals.collect()).await?;
    let unqueue = Fragment::new("DELETE FROM journal_queue WHERE position").in_integers(&done).sql(" AND ");
    let unqueue = unqueue.sql(dialect::UNINDEXED).sql("workspace_id = ").bind(workspace);
    Statement::<()>::new(unqueue).execute(conn).await?;
    let head = journal_heads::table.filter(journal_heads::workspace_id.eq(workspace));
    let moved = (journal_heads::seq.eq(seq), journal_heads::hash.eq(last.to_vec()));
    diesel::update(head).set(moved).execute(conn).await?;
    Ok(count)
}

/// Sealed entries after a number, in order, up to another.
async fn sealed(conn: &mut Conn, workspace: i64, after: i64, limit: i64) -> Outcome<Vec<SealedEntry>> {
    let seals = journal_seals::table
        .filter(journal_seals::workspace_id.eq(workspace))
        .filter(journal_seals::seq.gt(after))
        .order(journal_seals::seq)
        .limit(limit);
    let row = (journal_seals::seq, journal_seals::record_id, journal_seals::entry_id, journal_seals::hash);
    let seals: Vec<(i64, DbId, DbId, Vec<u8>)> = seals.select(row).load(conn).await?;
    let places: Vec<Place> = seals.iter().map(|(_, record, entry, _)| (*record, *entry)).collect();
    let mut found = entries(conn, workspace, &places).await?;
    let mut sealed = Vec::with_capacity(seals.len());
    for (seq, record_id, entry_id, bytes) in seals {
        let Some(row) = found.remove(&(record_id, entry_id)) else { continue };
        let Line { entry, salt, digest, texts } = row.into_line()?;
        sealed.push(SealedEntry { seq, hash: hash(bytes)?, salt, digest, texts, entry });
    }
    Ok(sealed)
}

/// The number of the last sealed entry.
async fn sealed_to(conn: &mut Conn, workspace: i64) -> Outcome<i64> {
    let head = journal_heads::table.filter(journal_heads::workspace_id.eq(workspace)).select(journal_heads::seq);
    Ok(head.get_result(conn).await.optional()?.unwrap_or(0))
}

async fn verify(conn: &mut Conn, workspace: i64, id: Id<Workspace>) -> Outcome<Verification> {
    let head = sealed_to(conn, workspace).await?;
    let queue = journal_queue::table.filter(journal_queue::workspace_id.eq(workspace));
    let waiting: i64 = queue.count().get_result(conn).await?;
    let all = journal::table.filter(journal::workspace_id.eq(workspace));
    let entries: i64 = all.count().get_result(conn).await?;
    let counted = Counted { head, waiting, entries };
    let mut verifier = Verifier::new(id);
    loop {
        let chunk = sealed(conn, workspace, verifier.seq(), VERIFY_CHUNK).await?;
        if chunk.is_empty() || !chunk.iter().all(|entry| verifier.check(entry)) {
            return Ok(verifier.finish(counted));
        }
    }
}

/// The entries whose subject or record this is, newest first.
async fn page_of(conn: &mut Conn, which: Fragment, limit: i64) -> Outcome<Vec<Entry>> {
    let found = journal::table.filter(which).order(journal::id.desc()).limit(limit);
    let rows: Vec<EntryRow> = found.select(EntryRow::as_select()).load(conn).await?;
    rows.into_iter().map(|row| Ok(row.into_line()?.entry)).collect()
}

/// The conditions of the entries of a record, and of those of what hangs on it.
fn about(workspace: i64, entity: Entity, id: Uuid) -> [Fragment; 2] {
    [("journal.record_id = ", " AND journal.entity = "), ("journal.subject_id = ", " AND journal.subject_entity = ")]
        .map(|(whose, kind)| {
            let which = Fragment::new("journal.workspace_id = ").bind(workspace).sql(" AND ").sql(whose).bind(DbId(id));
            which.sql(kind).bind(code(entity))
        })
}

/// The conditions of a timeline: what is about the record, as far as it is shown.
fn timeline_of(workspace: i64, entity: Entity, id: Uuid, shown: &Shown, after: Option<Uuid>) -> [Fragment; 2] {
    about(workspace, entity, id).map(|which| {
        let which = match &shown.tasks {
            Some(tasks) => which.sql(" AND ").then(tasks.clone()),
            None => which,
        };
        let which = which.sql(" AND journal.entity").in_integers(&shown.kinds);
        match after {
            Some(after) => which.sql(" AND journal.id < ").bind(DbId(after)),
            None => which,
        }
    })
}

#[async_trait]
impl JournalStore for Store {
    async fn seal_batch(&self, workspace: Id<Workspace>, limit: u32) -> Result<u32> {
        let key = self.workspace_key(workspace).await?;
        if key == super::workspace::NOWHERE {
            return Ok(0);
        }
        self.pools.write(async move |conn: &mut Conn| seal(conn, key, workspace, limit).await).await
    }

    async fn unsealed(&self) -> Result<Vec<Id<Workspace>>> {
        self.pools
            .read(async move |conn: &mut Conn| {
                // One look at the queue's index a workspace, however many there are that wait for nothing.
                let waiting = "EXISTS (SELECT 1 FROM journal_queue WHERE journal_queue.workspace_id = workspaces.key)";
                let waiting = Fragment::new("SELECT id FROM workspaces WHERE ").sql(waiting).fixed();
                let ids: Vec<DbId> = Statement::<Guid>::new(waiting).load(conn).await?;
                Ok(ids.into_iter().map(Id::from).collect())
            })
            .await
    }

    async fn feed(&self, workspace: Id<Workspace>, after: i64, limit: u32) -> Result<Vec<SealedEntry>> {
        let key = self.workspace_key(workspace).await?;
        self.pools.read(async move |conn: &mut Conn| sealed(conn, key, after, limit.into()).await).await
    }

    async fn sealed_to(&self, workspace: Id<Workspace>) -> Result<i64> {
        let key = self.workspace_key(workspace).await?;
        self.pools.read(async move |conn: &mut Conn| sealed_to(conn, key).await).await
    }

    async fn verify(&self, workspace: Id<Workspace>) -> Result<Verification> {
        let key = self.workspace_key(workspace).await?;
        // One snapshot, or a purge in between would look like a forgery.
        self.pools.snapshot(async move |conn: &mut Conn| verify(conn, key, workspace).await).await
    }

    async fn timeline(
        &self,
        grant: &Grant,
        entity: Entity,
        record_id: Uuid,
        after: Option<Uuid>,
        limit: u16,
    ) -> Result<Page<Entry>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let shown = Shown::to(grant, workspace);
        if shown.kinds.is_empty() {
            return Ok(Page { rows: Vec::new(), next: None });
        }
        let [own, below] = timeline_of(workspace, entity, record_id, &shown, after);
        let more = i64::from(limit) + 1;
        let mut rows = self
            .pools
            .read(async move |conn: &mut Conn| {
                let mut rows = page_of(conn, own, more).await?;
                rows.extend(page_of(conn, below, more).await?);
                Ok(rows)
            })
            .await?;
        rows.sort_by_key(|entry| std::cmp::Reverse(entry.id));
        let has_more = rows.len() > usize::from(limit);
        rows.truncate(limit.into());
        let next = rows.last().filter(|_| has_more).map(|last| Position { key: None, id: last.id.uuid() });
        Ok(Page { rows, next })
    }

    async fn batch(
        &self,
        grant: &Grant,
        batch: Id<Batch>,
        after: Option<(Uuid, i64)>,
        limit: u32,
    ) -> Result<Vec<Entry>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let (record, version) = after.map_or((DbId(Uuid::nil()), 0), |(record, version)| (DbId(record), version));
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = journal::table
                    .filter(journal::workspace_id.eq(workspace))
                    .filter(journal::batch_id.eq(DbId::from(batch)))
                    .filter(journal::record_id.ge(record))
                    .filter(journal::record_id.gt(record).or(journal::version.gt(version)))
                    // Version 0 marks facts that wrote nothing.
                    .filter(journal::version.gt(0))
                    .order((journal::record_id, journal::version))
                    .limit(limit.into());
                let rows: Vec<EntryRow> = found.select(EntryRow::as_select()).load(conn).await?;
                rows.into_iter().map(|row| Ok(row.into_line()?.entry)).collect()
            })
            .await
    }

    async fn referred_from_outside(
        &self,
        grant: &Grant,
        batch: Id<Batch>,
        entity: Entity,
        ids: &[Uuid],
    ) -> Result<BTreeSet<Uuid>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        outside::referred(self, workspace, batch, entity, ids).await
    }

    async fn history(&self, grant: &Grant, entity: Entity, record_id: Uuid, up_to: i64) -> Result<Vec<Entry>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = journal::table
                    .filter(journal::workspace_id.eq(workspace))
                    .filter(journal::record_id.eq(DbId(record_id)))
                    .filter(journal::entity.eq(code(entity)))
                    // Version 0 marks facts that wrote nothing.
                    .filter(journal::version.between(1, up_to))
                    .order((journal::version, journal::id));
                let rows: Vec<EntryRow> = found.select(EntryRow::as_select()).load(conn).await?;
                rows.into_iter().map(|row| Ok(row.into_line()?.entry)).collect()
            })
            .await
    }
}
