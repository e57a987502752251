//! Tags, and the mirror by which records are found by them.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::company::Company;
use crm_core::contact::Contact;
use crm_core::deal::Deal;
use crm_core::filter::Check;
use crm_core::store::Put;
use crm_core::tag::{Tag, TagCount, TagStore};
use crm_core::task::Task;
use crm_core::{Entity, Id, Result, text as core_text};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use std::collections::{BTreeSet, HashMap};

use super::columns::code;
use super::fragment::{Fragment, Statement};
use super::predicate::Place;
use super::room::{self, Room};
use super::text::split_required;
use super::{Conn, RunQueryDsl, Store, dialect};
use crate::fault::Outcome;
use crate::schema::{record_tags, tags};
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = tags,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct TagRow {
    workspace_id: i64,
    id: DbId,
    name: Option<String>,
    name_key: String,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
}

impl TagRow {
    fn new(workspace_id: i64, tag: &Tag) -> Self {
        let (name, name_key) = split_required(&tag.name);
        Self {
            workspace_id,
            id: tag.id.into(),
            name,
            name_key,
            created_at: tag.created_at.into(),
            updated_at: tag.updated_at.into(),
            version: tag.version,
        }
    }

    fn into_tag(self) -> Tag {
        Tag {
            id: self.id.into(),
            name: self.name.unwrap_or(self.name_key),
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
        }
    }
}

/// Writes new tags.
pub(super) async fn insert(conn: &mut Conn, workspace: i64, new: &[&Tag]) -> Outcome<()> {
    let new = new.iter().map(|tag| diesel::insert_into(tags::table).values(TagRow::new(workspace, tag)));
    dialect::insert(conn, new.collect()).await?;
    Ok(())
}

/// Writes tags over the versions that were loaded.
pub(super) async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Tag>]) -> Outcome<Vec<usize>> {
    let statement = |put: &Put<Tag>| {
        let row = TagRow::new(workspace, &put.after);
        let before = put.before.as_ref().map_or(0, |before| before.version);
        let found = tags::table.filter(tags::workspace_id.eq(workspace)).filter(tags::id.eq(row.id));
        diesel::update(found.filter(tags::version.eq(before))).set(row)
    };
    Ok(dialect::each(conn, puts.iter().map(statement).collect()).await?)
}

#[derive(Insertable)]
#[diesel(table_name = record_tags, treat_none_as_default_value = false)]
struct RecordTagRow {
    workspace_id: i64,
    tag_key: String,
    entity: i16,
    record_id: DbId,
}

fn keys<T: Room>(record: Option<&T>) -> BTreeSet<String> {
    record.map(|record| record.tags().iter().map(|tag| core_text::key(tag)).collect()).unwrap_or_default()
}

/// Brings the mirror in line with records that were written.
pub(super) async fn mirror<T: Room>(conn: &mut Conn, workspace: i64, puts: &[Put<T>]) -> Outcome<()> {
    let mut new = Vec::new();
    let mut old = Vec::new();
    for put in puts.iter().filter(|put| put.before.as_ref().map_or(&[][..], T::tags) != put.after.tags()) {
        let (before, after) = (keys(put.before.as_ref()), keys(Some(&put.after)));
        let record_id = DbId(put.after.uuid());
        let row = |tag_key: &String| RecordTagRow {
            workspace_id: workspace,
            tag_key: tag_key.clone(),
            entity: code(T::ENTITY),
            record_id,
        };
        new.extend(after.difference(&before).map(row));
        old.extend(before.difference(&after).map(|key| (key.clone(), record_id)));
    }
    remove(conn, workspace, T::ENTITY, old).await?;
    let new = new.into_iter().map(|row| diesel::insert_into(record_tags::table).values(row));
    dialect::insert(conn, new.collect()).await?;
    Ok(())
}

/// Takes tags off records, in the mirror.
pub(super) async fn remove(conn: &mut Conn, workspace: i64, entity: Entity, old: Vec<(String, DbId)>) -> Outcome<()> {
    let statement = |(key, id): (String, DbId)| {
        let found = record_tags::table
            .filter(record_tags::workspace_id.eq(workspace))
            .filter(record_tags::tag_key.eq(key))
            .filter(record_tags::entity.eq(code(entity)))
            .filter(record_tags::record_id.eq(id));
        diesel::delete(found)
    };
    dialect::each(conn, old.into_iter().map(statement).collect()).await?;
    Ok(())
}

/// The condition that a record's tags pass a check.
pub(super) fn passes(place: Place, column: &'static str, check: &Check) -> Fragment {
    let carries = || {
        let some = Fragment::new(" FROM record_tags AS t WHERE t.workspace_id = ").then(place.column("workspace_id"));
        let some = some.sql(" AND t.entity = ").bind(code(place.entity));
        some.sql(" AND t.record_id = ").then(place.column("id")).sql(" AND t.tag_key")
    };
    let any = |tags: &[String]| Fragment::new("EXISTS (SELECT 1").then(carries()).in_texts(tags).sql(")");
    match check {
        Check::IsNull => place.column(column).sql(" IS NULL"),
        Check::NotNull => place.column(column).sql(" IS NOT NULL"),
        Check::HasAny(tags) => any(tags),
        Check::HasNone(tags) => Fragment::new("NOT ").then(any(tags)),
        Check::HasAll(tags) => {
            let wanted: Vec<String> = tags.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
            if wanted.is_empty() {
                return Fragment::everything();
            }
            let count = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
            Fragment::new("(SELECT COUNT(*)").then(carries()).in_texts(&wanted).sql(") = ").bind(count)
        }
        _ => Fragment::nothing(),
    }
}

/// Numbers of live records of one kind that the caller sees, by tag.
async fn counts<T: Room>(conn: &mut Conn, workspace: i64, visible: Fragment) -> Outcome<Vec<(String, i64)>> {
    let count = Fragment::new("SELECT t.tag_key, COUNT(*) FROM record_tags AS t WHERE t.workspace_id = ");
    let count = count.bind(workspace).sql(" AND t.entity = ").bind(code(T::ENTITY));
    // The offset keeps it one look-up a tag: no planner makes a join of it.
    let exists = count.sql(" AND EXISTS (SELECT 1 FROM ").sql(T::TABLE).sql(" WHERE ").then(visible).sql(" AND ");
    let exists = exists.then(room::place::<T>(workspace).column("id")).sql(" = t.record_id LIMIT 1 OFFSET 0)");
    let count = exists.sql(" GROUP BY t.tag_key");
    Ok(Statement::<(Text, BigInt)>::new(count).load(conn).await?)
}

#[async_trait]
impl TagStore for Store {
    async fn tags_by_key(&self, grant: &Grant, keys: &[String]) -> Result<Vec<Tag>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let which = Fragment::new("workspace_id = ").bind(workspace).sql(" AND name_key").in_texts(keys);
        self.pools
            .read(async move |conn: &mut Conn| {
                let rows: Vec<TagRow> = tags::table.filter(which).select(TagRow::as_select()).load(conn).await?;
                Ok(rows.into_iter().map(TagRow::into_tag).collect())
            })
            .await
    }

    async fn tag_counts(&self, grant: &Grant) -> Result<Vec<TagCount>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let contacts = room::visible::<Contact>(grant, workspace);
        let companies = room::visible::<Company>(grant, workspace);
        let deals = room::visible::<Deal>(grant, workspace);
        let tasks = room::visible::<Task>(grant, workspace);
        self.pools
            .read(async move |conn: &mut Conn| {
                let mut sums: HashMap<String, i64> = HashMap::new();
                let mut counted = counts::<Contact>(conn, workspace, contacts).await?;
                counted.extend(counts::<Company>(conn, workspace, companies).await?);
                counted.extend(counts::<Deal>(conn, workspace, deals).await?);
                counted.extend(counts::<Task>(conn, workspace, tasks).await?);
                for (key, count) in counted {
                    *sums.entry(key).or_default() += count;
                }
                let all = tags::table.filter(tags::workspace_id.eq(workspace)).order((tags::name_key, tags::id));
                let rows: Vec<TagRow> = all.select(TagRow::as_select()).load(conn).await?;
                let count = |row: TagRow| {
                    let count = sums.get(&row.name_key).copied().and_then(|count| u64::try_from(count).ok());
                    let count = count.unwrap_or(0);
                    TagCount { id: Id::from(row.id), name: row.name.unwrap_or(row.name_key), count }
                };
                Ok(rows.into_iter().map(count).collect())
            })
            .await
    }
}
