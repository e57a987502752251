//! What the rooms with records have in common: keyed reads, lists, and known rows.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;

use crm_core::access::{Grant, Listed};
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::store::{Put, Stored};
use crm_core::transfer::RowKey;
use crm_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::list::{self, Plans};
use super::predicate::{Place, predicate};
use super::{Conn, RunQueryDsl, Store, import};
use crate::fault::Outcome;
use crate::types::{DbId, Guid};

/// A kind of record that can be listed.
pub(crate) trait Room: Listed {
    /// Its table.
    const TABLE: &'static str;

    /// A record, deleted or not; one prepared statement for every call.
    fn find(conn: &mut Conn, workspace: i64, id: DbId) -> impl Future<Output = Outcome<Option<Self>>> + Send;

    /// The first records of an order that pass a condition.
    fn select(
        conn: &mut Conn,
        which: Fragment,
        order: Fragment,
        limit: i64,
    ) -> impl Future<Output = Outcome<Vec<Self>>> + Send;

    /// Writes new records.
    fn insert(conn: &mut Conn, workspace: i64, records: &[&Self]) -> impl Future<Output = Outcome<()>> + Send;

    /// Writes records over the versions that were loaded, and gives the number of rows of each.
    fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> impl Future<Output = Outcome<Vec<usize>>> + Send;

    /// Its tags.
    fn tags(&self) -> &[String] {
        &[]
    }
}

/// Whether a keyed read wants records that are deleted or those that are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Live,
    Deleted,
}

/// The place of a room's own table.
pub(crate) fn place<T: Room>(workspace: i64) -> Place {
    Place::table(T::ENTITY, T::TABLE, workspace)
}

/// The condition of the workspace, of not being deleted, and of what the caller sees.
pub(crate) fn visible<T: Room>(grant: &Grant, workspace: i64) -> Fragment {
    live::<T>(workspace).and(predicate(place::<T>(workspace), &grant.visible(T::ENTITY)))
}

/// As [`visible`], of what is deleted.
pub(crate) fn visible_deleted<T: Room>(grant: &Grant, workspace: i64) -> Fragment {
    let which = here::<T>(workspace).sql(" IS NOT NULL");
    which.and(predicate(place::<T>(workspace), &grant.visible(T::ENTITY)))
}

/// The condition of the workspace and of not being deleted.
pub(crate) fn live<T: Room>(workspace: i64) -> Fragment {
    here::<T>(workspace).sql(" IS NULL")
}

/// The condition of the workspace, and the time of deletion to be asked about.
fn here<T: Room>(workspace: i64) -> Fragment {
    let place = place::<T>(workspace);
    let here = place.column("workspace_id").sql(" = ").bind(workspace).sql(" AND ");
    here.then(place.column("deleted_at"))
}

/// A record that its owner makes visible: one read by key, the owner looked at afterwards.
pub(crate) async fn owned<T: Room>(store: &Store, grant: &Grant, id: Uuid, life: Life) -> Result<Stored<T>> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let found = store.pools.key(async move |conn: &mut Conn| T::find(conn, workspace, DbId(id)).await).await?;
    found
        .filter(|record| record.deleted_at().is_some() == (life == Life::Deleted))
        .filter(|record| grant.sees_owner(T::ENTITY, record.owner()))
        .map(Stored::loaded)
        .ok_or_else(|| Error::not_found(T::ENTITY.name(), id))
}

/// Those of these records that exist and that the caller sees.
pub(crate) async fn owned_by_id<T: Room>(store: &Store, grant: &Grant, ids: Vec<DbId>) -> Result<Vec<Stored<T>>> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let which = visible::<T>(grant, workspace).sql(" AND ").then(place::<T>(workspace).column("id")).in_ids(&ids);
    let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let found = store.pools.read(async move |conn: &mut Conn| T::select(conn, which, unordered(), limit).await).await?;
    Ok(found.into_iter().map(Stored::loaded).collect())
}

/// A page of a list.
pub(crate) async fn page<T: Room>(store: &Store, grant: &Grant, query: &ListQuery) -> Result<Page<T>> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let plans = Plans::of::<T>(workspace, query)?.kept::<T>(store);
    let limit = usize::from(query.limit());
    let rows = store
        .pools
        .read(async move |conn: &mut Conn| {
            let mut rows: Vec<T> = Vec::new();
            for segment in plans.choose(conn).await?.segments {
                // One more than the page tells whether others follow.
                let left = (limit + 1).saturating_sub(rows.len());
                if left > 0 {
                    let left = i64::try_from(left).unwrap_or(i64::MAX);
                    rows.extend(T::select(conn, segment.which, segment.order, left).await?);
                }
            }
            Ok(rows)
        })
        .await?;
    Ok(Page::cut(rows, query))
}

/// How many records a list has, counted up to `cap`.
pub(crate) async fn count<T: Room>(store: &Store, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let which = live::<T>(workspace).and(predicate(place::<T>(workspace), query.filter()));
    list::check_binds(&which)?;
    let count = Fragment::new("SELECT COUNT(*) FROM (SELECT 1 FROM ").sql(T::TABLE).sql(" WHERE ").then(which);
    let count = count.sql(" LIMIT ").bind(i64::try_from(cap).unwrap_or(i64::MAX)).sql(") AS counted");
    let counted = store.pools.read(async move |conn: &mut Conn| list::number(conn, count).await).await?;
    Ok(u64::try_from(counted).unwrap_or(0))
}

/// A record that an imported row can be known again by.
pub(crate) trait Known: Room {
    /// The columns of the keys that a record of this kind has, with the keys asked for.
    fn columns(keys: &[RowKey]) -> Vec<(&'static str, Vec<String>)>;

    /// The keys that are in its own fields.
    fn row_keys(&self) -> Vec<RowKey>;

    /// When it was made.
    fn created_at(&self) -> Timestamp;
}

/// The ids in other systems among keys, in their comparison form.
pub(crate) fn external_ids(keys: &[RowKey]) -> Vec<String> {
    let ids = keys.iter().filter_map(|key| match key {
        RowKey::ExternalId(id) => Some(id.clone()),
        _ => None,
    });
    ids.collect()
}

/// The oldest visible record of each key.
pub(crate) async fn known<T: Known>(store: &Store, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<T>>>> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let visible = visible::<T>(grant, workspace);
    let columns = T::columns(keys);
    let digests = keys.iter().filter_map(|key| match key {
        RowKey::Fingerprint(digest) => Some(digest.to_vec()),
        _ => None,
    });
    let digests: Vec<Vec<u8>> = digests.collect();
    let (mut found, prints) = store
        .pools
        .read(async move |conn: &mut Conn| {
            let prints = import::records_of(conn, workspace, T::ENTITY, digests).await?;
            let mut ids: Vec<DbId> = prints.iter().map(|(_, id)| DbId(*id)).collect();
            for (column, texts) in columns.into_iter().filter(|(_, texts)| !texts.is_empty()) {
                let oldest = oldest_of::<T>(workspace, visible.clone(), column, &texts);
                ids.extend(Statement::<Guid>::new(oldest).load::<DbId>(conn).await?);
            }
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                return Ok((Vec::new(), prints));
            }
            let which = visible.sql(" AND ").then(place::<T>(workspace).column("id")).in_ids(&ids);
            Ok((T::select(conn, which, unordered(), i64::MAX).await?, prints))
        })
        .await?;
    found.sort_by_key(|record| (record.created_at(), record.uuid()));
    Ok(oldest(&found, prints, keys))
}

/// The ids of the oldest records by these values of a column: many records may share one.
fn oldest_of<T: Room>(workspace: i64, visible: Fragment, column: &'static str, texts: &[String]) -> Fragment {
    let place = place::<T>(workspace);
    let (id, key) = (place.column("id"), place.column(column));
    let ranked = Fragment::new("SELECT ").then(id.clone()).sql(" AS id, ROW_NUMBER() OVER (PARTITION BY ");
    let ranked = ranked.then(key.clone()).sql(" ORDER BY ").then(place.column("created_at")).sql(", ").then(id);
    let ranked = ranked.sql(") AS age FROM ").sql(T::TABLE).sql(" WHERE ").then(visible).sql(" AND ");
    let ranked = ranked.then(key.clone()).sql(" IS NOT NULL AND ").then(key).in_texts(texts);
    Fragment::new("SELECT id FROM (").then(ranked).sql(") AS ranked WHERE age = 1")
}

/// No order. With one, a planner may walk the whole index of that order rather than look rows up.
pub(crate) fn unordered() -> Fragment {
    Fragment::new("(SELECT NULL)")
}

/// The first record of each key, of records in the order of their age.
fn oldest<T: Known>(found: &[T], prints: Vec<([u8; 16], Uuid)>, keys: &[RowKey]) -> Vec<Option<Stored<T>>> {
    let mut made: HashMap<Uuid, Vec<RowKey>> = HashMap::new();
    for (digest, id) in prints {
        made.entry(id).or_default().push(RowKey::Fingerprint(digest));
    }
    let mut by_key: BTreeMap<RowKey, &T> = BTreeMap::new();
    for record in found {
        for key in record.row_keys().into_iter().chain(made.remove(&record.uuid()).unwrap_or_default()) {
            by_key.entry(key).or_insert(record);
        }
    }
    keys.iter().map(|key| by_key.get(key).map(|record| Stored::loaded(T::clone(record)))).collect()
}
