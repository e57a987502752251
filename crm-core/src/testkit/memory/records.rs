//! The ports of contacts, companies, deals, pipelines, notes and tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use super::facts::Linked;
use super::list;
use super::rows::{self, Rows};
use crate::access::{Entity, Grant};
use crate::activity::{Note, NoteStore};
use crate::company::{Company, CompanyStore};
use crate::contact::{Contact, ContactStore};
use crate::deal::{Deal, DealStore, StageTotal};
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListQuery, Rows as Page};
use crate::pipeline::{Pipeline, PipelineStore};
use crate::store::Stored;
use crate::tag::{Tag, TagCount, TagStore};
use crate::text;
use crate::time::Timestamp;
use crate::transfer::RowKey;

/// A record that an imported row can be known again by.
trait Known: Linked {
    /// Whether this key is the record's own.
    fn has_key(&self, key: &RowKey) -> bool;

    /// When it was made.
    fn created_at(&self) -> Timestamp;
}

/// The oldest visible record of each key.
fn known<T: Known>(rows: &Rows, grant: &Grant, keys: &[RowKey]) -> Vec<Option<Stored<T>>> {
    let oldest = |key: &RowKey| {
        let made = match key {
            RowKey::Fingerprint(digest) => rows.fingerprints.get(&(T::ENTITY, *digest)),
            _ => None,
        };
        let is_it = |row: &&T| made.is_some_and(|made| made.contains(&row.uuid())) || row.has_key(key);
        let found = rows.live::<T>().filter(is_it).filter(|row| list::sees(rows, grant, *row));
        found.min_by_key(|row| (row.created_at(), row.uuid())).cloned().map(Stored::loaded)
    };
    keys.iter().map(oldest).collect()
}

fn is_external(id: Option<&String>, key: &RowKey) -> bool {
    matches!((id, key), (Some(id), RowKey::ExternalId(wanted)) if text::key(id) == *wanted)
}

impl Known for Contact {
    fn has_key(&self, key: &RowKey) -> bool {
        match (key, &self.email) {
            (RowKey::Email(wanted), Some(email)) => email.as_str() == wanted,
            _ => is_external(self.external_id.as_ref(), key),
        }
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

impl Known for Company {
    fn has_key(&self, key: &RowKey) -> bool {
        match (key, &self.domain) {
            (RowKey::Domain(wanted), Some(domain)) => domain.as_str() == wanted,
            (RowKey::Name(wanted), _) => text::key(&self.name) == *wanted,
            _ => is_external(self.external_id.as_ref(), key),
        }
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

impl Known for Deal {
    fn has_key(&self, key: &RowKey) -> bool {
        is_external(self.external_id.as_ref(), key)
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

#[async_trait]
impl ContactStore for MemoryStore {
    async fn contact(&self, grant: &Grant, id: Id<Contact>) -> Result<Stored<Contact>> {
        self.rows(grant, |rows| list::visible(rows, grant, id.uuid())).await
    }

    async fn contacts_by_id(&self, grant: &Grant, ids: &[Id<Contact>]) -> Result<Vec<Stored<Contact>>> {
        Ok(self.rows(grant, |rows| list::visible_of(rows, grant, ids.iter().map(|id| id.uuid()))).await)
    }

    async fn deleted_contact(&self, grant: &Grant, id: Id<Contact>) -> Result<Stored<Contact>> {
        self.rows(grant, |rows| list::deleted(rows, grant, id.uuid())).await
    }

    async fn contacts(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Contact>> {
        Ok(self.rows(grant, |rows| list::page(rows, query)).await)
    }

    async fn count_contacts(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        Ok(self.rows(grant, |rows| list::count::<Contact>(rows, query, cap)).await)
    }

    async fn known_contacts(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Contact>>>> {
        Ok(self.rows(grant, |rows| known(rows, grant, keys)).await)
    }
}

#[async_trait]
impl CompanyStore for MemoryStore {
    async fn company(&self, grant: &Grant, id: Id<Company>) -> Result<Stored<Company>> {
        self.rows(grant, |rows| list::visible(rows, grant, id.uuid())).await
    }

    async fn companies_by_id(&self, grant: &Grant, ids: &[Id<Company>]) -> Result<Vec<Stored<Company>>> {
        Ok(self.rows(grant, |rows| list::visible_of(rows, grant, ids.iter().map(|id| id.uuid()))).await)
    }

    async fn deleted_company(&self, grant: &Grant, id: Id<Company>) -> Result<Stored<Company>> {
        self.rows(grant, |rows| list::deleted(rows, grant, id.uuid())).await
    }

    async fn companies(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Company>> {
        Ok(self.rows(grant, |rows| list::page(rows, query)).await)
    }

    async fn count_companies(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        Ok(self.rows(grant, |rows| list::count::<Company>(rows, query, cap)).await)
    }

    async fn known_companies(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Company>>>> {
        Ok(self.rows(grant, |rows| known(rows, grant, keys)).await)
    }
}

#[async_trait]
impl DealStore for MemoryStore {
    async fn deal(&self, grant: &Grant, id: Id<Deal>) -> Result<Stored<Deal>> {
        self.rows(grant, |rows| list::visible(rows, grant, id.uuid())).await
    }

    async fn deals_by_id(&self, grant: &Grant, ids: &[Id<Deal>]) -> Result<Vec<Stored<Deal>>> {
        Ok(self.rows(grant, |rows| list::visible_of(rows, grant, ids.iter().map(|id| id.uuid()))).await)
    }

    async fn deleted_deal(&self, grant: &Grant, id: Id<Deal>) -> Result<Stored<Deal>> {
        self.rows(grant, |rows| list::deleted(rows, grant, id.uuid())).await
    }

    async fn deals(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Deal>> {
        Ok(self.rows(grant, |rows| list::page(rows, query)).await)
    }

    async fn count_deals(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        Ok(self.rows(grant, |rows| list::count::<Deal>(rows, query, cap)).await)
    }

    async fn known_deals(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Deal>>>> {
        Ok(self.rows(grant, |rows| known(rows, grant, keys)).await)
    }

    async fn stage_totals(&self, grant: &Grant, pipeline: Id<Pipeline>) -> Result<Vec<StageTotal>> {
        self.rows(grant, |rows| {
            let mut totals: BTreeMap<_, StageTotal> = BTreeMap::new();
            let deals = rows.live::<Deal>().filter(|deal| deal.pipeline_id == pipeline);
            for deal in deals.filter(|deal| list::sees(rows, grant, *deal)) {
                let empty = || StageTotal { stage_id: deal.stage_id, count: 0, total: Default::default() };
                let total = totals.entry(deal.stage_id).or_insert_with(empty);
                total.count += 1;
                if let Some(value) = deal.value {
                    total.total.add(value)?;
                }
            }
            Ok(totals.into_values().collect())
        })
        .await
    }
}

#[async_trait]
impl PipelineStore for MemoryStore {
    async fn pipeline(&self, grant: &Grant, id: Id<Pipeline>) -> Result<Stored<Pipeline>> {
        self.rows(grant, |rows| rows::found(rows.get::<Pipeline>(id.uuid()), id.uuid())).await
    }

    async fn pipelines(&self, grant: &Grant) -> Result<Vec<Stored<Pipeline>>> {
        let mut pipelines: Vec<Pipeline> = self.rows(grant, |rows| rows.live().cloned().collect()).await;
        pipelines.sort_by_key(|pipeline| (!pipeline.is_default, text::key(&pipeline.name), pipeline.id));
        Ok(pipelines.into_iter().map(Stored::loaded).collect())
    }
}

#[async_trait]
impl NoteStore for MemoryStore {
    async fn note(&self, grant: &Grant, id: Id<Note>) -> Result<Stored<Note>> {
        self.rows(grant, |rows| list::visible(rows, grant, id.uuid())).await
    }

    async fn notes(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Note>> {
        Ok(self.rows(grant, |rows| list::page(rows, query)).await)
    }
}

#[async_trait]
impl TagStore for MemoryStore {
    async fn tags_by_key(&self, grant: &Grant, keys: &[String]) -> Result<Vec<Tag>> {
        Ok(self
            .rows(grant, |rows| rows.live::<Tag>().filter(|tag| keys.contains(&text::key(&tag.name))).cloned().collect())
            .await)
    }

    async fn tag_counts(&self, grant: &Grant) -> Result<Vec<TagCount>> {
        self.rows(grant, |rows| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            count_tags::<Contact>(rows, grant, |contact| &contact.tags, &mut counts);
            count_tags::<Company>(rows, grant, |company| &company.tags, &mut counts);
            count_tags::<Deal>(rows, grant, |deal| &deal.tags, &mut counts);
            let mut tags: Vec<&Arc<Tag>> = rows.tags.values().collect();
            tags.sort_by_key(|tag| (text::key(&tag.name), tag.id));
            let count = |tag: &Arc<Tag>| counts.get(&text::key(&tag.name)).copied().unwrap_or(0);
            Ok(tags.iter().map(|tag| TagCount { id: tag.id, name: tag.name.clone(), count: count(tag) }).collect())
        })
        .await
    }
}

/// Adds the tags of the visible records of one kind.
fn count_tags<T: Linked>(rows: &Rows, grant: &Grant, tags: fn(&T) -> &[String], counts: &mut BTreeMap<String, u64>) {
    for record in rows.live::<T>().filter(|record| list::sees(rows, grant, *record)) {
        for tag in tags(record) {
            *counts.entry(text::key(tag)).or_default() += 1;
        }
    }
}

/// The kinds of record that a note can be on.
pub(super) const SUBJECTS: [Entity; 3] = [Entity::Contact, Entity::Company, Entity::Deal];

/// The id that a reference holds.
pub(super) fn target<E>(id: Option<Id<E>>) -> Option<Uuid> {
    id.map(Id::uuid)
}
