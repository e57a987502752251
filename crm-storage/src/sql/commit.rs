//! The one way to write: everything of a commit in one transaction.
//!
//! Writes go kind by kind, in the order in which rows point to one another, each kind in as few
//! statements as it takes. Of two writes of one record the later image is written over the version
//! that the first one loaded.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::deal::history_of;
use crm_core::job::Listener;
use crm_core::store::{Commit, Guard, GuardRow, IdempotencyKey, Put, Record, Reliance, Replay, Sealed};
use crm_core::workspace::Workspace;
use crm_core::{Entity, Error, Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::history::Trodden;
use super::room::Room;
use super::workspace::{self, NOWHERE};
use super::writes::Writes;
use super::{
    Conn, RunQueryDsl, Store, account, auth, board, columns, custom_field, dialect, exchange_rate, history,
    idempotency, import, job, journal, mail, pipeline, purge, queue, reference, relay, tag, team, upload, webhook,
    words,
};
use crate::fault::{Fault, Outcome};
use crate::schema::guards;
use crate::types::{DbId, Guid};

/// Looks at so many rows of a kind, which most commits rely on at most, are statements that connections keep.
const FEW: usize = 4;

/// What a commit finds out besides.
struct Committed {
    /// The key of the workspace.
    workspace: i64,
}

#[async_trait]
impl Commit for Store {
    async fn commit(&self, sealed: Sealed) -> Result<()> {
        let id = sealed.workspace_id();
        let sealed = Arc::new(sealed);
        let work = sealed.clone();
        let known = self.workspace_key(id).await?;
        let done = self.pools.write(async move |conn: &mut Conn| commit(conn, known, &work).await).await;
        match done {
            Ok(committed) => {
                self.workspaces.keep(id.uuid(), committed.workspace);
                self.tell_of_jobs(&job::rings(&sealed));
                self.tell_of_commit(id);
                Ok(())
            }
            Err(error) if reference::is_dangling(&error) => Err(self.dangling(known, &sealed).await?.unwrap_or(error)),
            Err(error) => Err(error),
        }
    }

    fn listen_for_commits(&self) -> Listener<Id<Workspace>> {
        self.listen_to_others()
    }

    async fn guard(&self, grant: &Grant, guard: Guard) -> Result<GuardRow> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let version = self
            .pools
            .key(async move |conn: &mut Conn| {
                let own =
                    guards::table.filter(guards::workspace_id.eq(workspace)).filter(guards::name.eq(guard.name()));
                Ok(own.select(guards::version).get_result(conn).await.optional()?)
            })
            .await?;
        Ok(GuardRow { guard, version: version.unwrap_or(0) })
    }

    async fn replay(&self, grant: &Grant, key: &IdempotencyKey, now: Timestamp) -> Result<Option<Replay>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let scope = key.scope.to_vec();
        self.pools.key(async move |conn: &mut Conn| idempotency::replay(conn, workspace, scope, now).await).await
    }

    async fn with_old_keys(&self, until: Timestamp) -> Result<Vec<Id<Workspace>>> {
        self.pools.read(async move |conn: &mut Conn| idempotency::places(conn, until).await).await
    }

    async fn prune_keys(&self, workspace: Id<Workspace>, until: Timestamp, limit: u16) -> Result<usize> {
        let key = self.workspace_key(workspace).await?;
        self.pools.write(async move |conn: &mut Conn| idempotency::prune(conn, key, until, limit).await).await
    }
}

async fn commit(conn: &mut Conn, known: i64, sealed: &Sealed) -> Outcome<Committed> {
    let writes = Writes::of(sealed);
    let workspace = found_workspace(conn, known, sealed, &writes).await?;
    // A repeat is told so before it is told that its unique values are taken, by itself.
    idempotency::keep(conn, workspace, sealed).await?;
    check_basis(conn, workspace, sealed, &writes).await?;
    write_people(conn, workspace, sealed, &writes).await?;
    write_settings(conn, workspace, &writes).await?;
    let trodden = write_records(conn, workspace, sealed, &writes).await?;
    write_jobs(conn, workspace, sealed, &writes).await?;
    write_messages(conn, workspace, &writes).await?;
    write_pauses(conn, workspace, &writes).await?;
    import::insert_failed(conn, workspace, &writes.failed).await?;
    import::insert_fingerprints(conn, workspace, &writes.fingerprints).await?;
    erase_purged(conn, workspace, sealed).await?;
    journal::append(conn, workspace, sealed.entries()).await?;
    // Last, because these rows are what commits of one slot wait for.
    board::write(conn, workspace, &writes.deals, &trodden).await?;
    Ok(Committed { workspace })
}

/// The workspace's key; made with the workspace itself where this commit founds it.
async fn found_workspace(conn: &mut Conn, known: i64, sealed: &Sealed, writes: &Writes<'_>) -> Outcome<i64> {
    let mut key = known;
    for put in &writes.workspaces {
        match &put.before {
            None => key = workspace::insert(conn, &put.after).await?,
            Some(before) => expect_one(workspace::update(conn, &put.after, before.version).await?, &put.after)?,
        }
    }
    if key == NOWHERE {
        return Err(Error::not_found("workspace", sealed.workspace_id()).into());
    }
    Ok(key)
}

/// Refuses what was decided on rows that are others by now, and keeps them as they are until the commit ends.
async fn check_basis(conn: &mut Conn, workspace: i64, sealed: &Sealed, writes: &Writes<'_>) -> Outcome<()> {
    purge::lock(conn, workspace, sealed.purged()).await?;
    check_relied(conn, workspace, sealed.relied()).await?;
    for moved in &writes.cursors {
        if !relay::advance(conn, workspace, moved).await? {
            return Err(stale("cursor", &moved.handler));
        }
    }
    for guard in sealed.guards() {
        move_guard(conn, workspace, *guard).await?;
    }
    Ok(())
}

async fn write_people(conn: &mut Conn, workspace: i64, sealed: &Sealed, writes: &Writes<'_>) -> Outcome<()> {
    for new in &writes.accounts {
        account::insert(conn, new).await?;
    }
    put(conn, workspace, &writes.users).await?;
    for one in &writes.teams {
        expect_one(team::put(conn, workspace, one).await?, &one.after)?;
    }
    for user in &writes.signed_out {
        auth::revoke_all(conn, sealed.workspace_id().into(), (*user).into(), sealed.at()).await?;
    }
    Ok(())
}

async fn write_settings(conn: &mut Conn, workspace: i64, writes: &Writes<'_>) -> Outcome<()> {
    for one in &writes.custom_fields {
        match &one.before {
            None => custom_field::insert(conn, workspace, &one.after).await?,
            Some(before) => {
                let touched = custom_field::update(conn, workspace, &one.after, before.version).await?;
                expect_one(touched, &one.after)?;
            }
        }
    }
    for one in &writes.exchange_rates {
        expect_one(exchange_rate::put(conn, workspace, one).await?, &one.after)?;
    }
    for one in &writes.webhook_endpoints {
        expect_one(webhook::put(conn, workspace, one).await?, &one.after)?;
    }
    for made in &writes.webhook_secrets {
        webhook::keep_secret(conn, workspace, made).await?;
    }
    for one in &writes.mail_templates {
        expect_one(mail::put(conn, workspace, one).await?, &one.after)?;
    }
    let (new, changed) = split(&writes.tags);
    tag::insert(conn, workspace, &new).await?;
    expect_all(&tag::update(conn, workspace, &changed).await?, &changed)?;
    for one in &writes.pipelines {
        expect_one(pipeline::put(conn, workspace, one).await?, &one.after)?;
    }
    Ok(())
}

/// Writes what lists show, with the ways of deals, which it gives.
async fn write_records(conn: &mut Conn, workspace: i64, sealed: &Sealed, writes: &Writes<'_>) -> Outcome<Trodden> {
    put(conn, workspace, &writes.companies).await?;
    put(conn, workspace, &writes.contacts).await?;
    put(conn, workspace, &writes.deals).await?;
    let trodden = history::write(conn, workspace, &history_of(sealed)).await?;
    // A stage goes when no deal is in it any more.
    for one in &writes.pipelines {
        if !pipeline::give_up(conn, workspace, one).await? {
            return Err(stale("pipeline", one.after.id));
        }
    }
    put(conn, workspace, &writes.tasks).await?;
    put(conn, workspace, &writes.notes).await?;
    Ok(trodden)
}

/// Writes jobs, imports and what they work on.
async fn write_jobs(conn: &mut Conn, workspace: i64, sealed: &Sealed, writes: &Writes<'_>) -> Outcome<()> {
    for one in &writes.imports {
        expect_one(import::put(conn, workspace, one).await?, &one.after)?;
    }
    expect_all(&job::put(conn, workspace, &writes.jobs).await?, &writes.jobs)?;
    upload::insert_pieces(conn, workspace, &writes.pieces, sealed.at()).await
}

/// Writes what is sent to others, and to whom nothing is.
async fn write_messages(conn: &mut Conn, workspace: i64, writes: &Writes<'_>) -> Outcome<()> {
    webhook::insert_deliveries(conn, workspace, &writes.deliveries).await?;
    for turn in &writes.delivery_turns {
        webhook::turn(conn, workspace, turn).await?;
    }
    mail::insert_queued(conn, workspace, &writes.mails).await?;
    for new in &writes.suppressions {
        if mail::suppress(conn, workspace, new).await? == 0 {
            return Err(stale("suppression", &new.email));
        }
    }
    Ok(())
}

async fn write_pauses(conn: &mut Conn, workspace: i64, writes: &Writes<'_>) -> Outcome<()> {
    for pause in &writes.queue_pauses {
        if queue::turn(conn, workspace, pause).await? == 0 {
            return Err(stale("queue", &pause.queue));
        }
    }
    Ok(())
}

/// Erases records with the content of their history.
async fn erase_purged(conn: &mut Conn, workspace: i64, sealed: &Sealed) -> Outcome<()> {
    for (entity, id) in sealed.purged() {
        purge::record(conn, workspace, *entity, *id).await?;
        journal::erase(conn, workspace, *entity, *id).await?;
    }
    Ok(())
}

/// New records, and changes of old ones in the order of their ids, so that two commits which change
/// the same records wait for one another in one direction.
fn split<T: Record>(puts: &[Put<T>]) -> (Vec<&T>, Vec<Put<T>>) {
    let new = puts.iter().filter(|put| put.before.is_none()).map(|put| &put.after).collect();
    let mut changed: Vec<Put<T>> = puts.iter().filter(|put| put.before.is_some()).cloned().collect();
    changed.sort_by_key(|put| put.after.uuid());
    (new, changed)
}

/// Writes records with what mirrors them.
async fn put<T: Room>(conn: &mut Conn, workspace: i64, puts: &[Put<T>]) -> Outcome<()> {
    if puts.is_empty() {
        return Ok(());
    }
    let (new, changed) = split(puts);
    T::insert(conn, workspace, &new).await?;
    expect_all(&T::update(conn, workspace, &changed).await?, &changed)?;
    tag::mirror(conn, workspace, puts).await?;
    custom_field::mirror(conn, workspace, puts).await?;
    let documents: Vec<words::Document> = puts.iter().filter_map(words::Document::anew).collect();
    dialect::index(conn, workspace, T::ENTITY, T::TABLE, &documents).await
}

fn expect_all<T: Record>(touched: &[usize], puts: &[Put<T>]) -> Outcome<()> {
    touched.iter().zip(puts).try_for_each(|(rows, put)| expect_one(*rows, &put.after))
}

fn expect_one<T: Record>(rows: usize, record: &T) -> Outcome<()> {
    if rows == 1 { Ok(()) } else { Err(stale(T::ENTITY.name(), record.uuid())) }
}

fn stale(what: &str, which: impl std::fmt::Display) -> Fault {
    Error::conflict(format!("{what} {which} was changed meanwhile")).with_code("stale_version").into()
}

/// Checks rows that were only read, and keeps them as they are until the commit ends.
async fn check_relied(conn: &mut Conn, workspace: i64, relied: &[Reliance]) -> Outcome<()> {
    for entity in Entity::ALL {
        let mut own: Vec<&Reliance> = relied.iter().filter(|relied| relied.entity == entity).collect();
        own.sort_by_key(|relied| relied.id);
        let ids: Vec<DbId> = own.iter().map(|relied| DbId(relied.id)).collect();
        if ids.is_empty() {
            continue;
        }
        let found = versions(conn, workspace, entity, &ids).await?;
        let found: HashMap<Uuid, i64> = found.into_iter().map(|(id, version)| (id.0, version)).collect();
        for relied in own {
            if found.get(&relied.id) != Some(&relied.version) {
                return Err(stale(entity.name(), relied.id));
            }
        }
    }
    Ok(())
}

async fn versions(conn: &mut Conn, workspace: i64, entity: Entity, ids: &[DbId]) -> Outcome<Vec<(DbId, i64)>> {
    let select = match columns::table(entity) {
        Some(table) => {
            Fragment::new("SELECT id, version FROM ").sql(table).sql(" WHERE workspace_id = ").bind(workspace)
        }
        None => Fragment::new("SELECT id, version FROM workspaces WHERE key = ").bind(workspace),
    };
    let mut select = select.sql(" AND id").in_ids(ids).sql(" ORDER BY id").sql(dialect::FOR_SHARE);
    if ids.len() <= FEW {
        select = select.fixed();
    }
    Ok(Statement::<(Guid, BigInt)>::new(select).load(conn).await?)
}

/// Moves a guard on, where nobody else has.
async fn move_guard(conn: &mut Conn, workspace: i64, read: GuardRow) -> Outcome<()> {
    let name = read.guard.name();
    let touched = if read.version == 0 {
        let first = (guards::workspace_id.eq(workspace), guards::name.eq(name), guards::version.eq(1));
        diesel::insert_into(guards::table).values(first).on_conflict_do_nothing().execute(conn).await?
    } else {
        let own = guards::table.filter(guards::workspace_id.eq(workspace)).filter(guards::name.eq(name));
        let unmoved = own.filter(guards::version.eq(read.version));
        diesel::update(unmoved).set(guards::version.eq(read.version + 1)).execute(conn).await?
    };
    if touched == 1 { Ok(()) } else { Err(stale("guard", name)) }
}
