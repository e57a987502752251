//! The ports of contacts, companies, deals, tasks, pipelines, notes and tags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use super::analytics::asked;
use super::facts::Linked;
use super::list;
use super::rows::{self, Rows};
use crate::access::{Entity, Grant};
use crate::activity::{Note, NoteStore};
use crate::company::{Company, CompanyStore};
use crate::contact::{Contact, ContactStore};
use crate::deal::{Deal, DealStore, StageTotal};
use crate::error::Result;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::page::{ListQuery, Rows as Page};
use crate::pipeline::{Pipeline, PipelineStore, Stage};
use crate::store::Stored;
use crate::tag::{Tag, TagCount, TagStore};
use crate::task::{Task, TaskStore};
use crate::text;
use crate::time::Timestamp;
use crate::transfer::RowKey;

/// A record that an imported row can be known again by.
trait Known: Linked {
    /// The keys that the record tells by itself.
    fn keys(&self) -> Vec<RowKey>;

    /// When it was made.
    fn created_at(&self) -> Timestamp;
}

/// The oldest visible record of each key.
fn known<T: Known>(rows: &Rows, grant: &Grant, keys: &[RowKey]) -> Vec<Option<Stored<T>>> {
    let wanted: BTreeSet<&RowKey> = keys.iter().collect();
    let mut found: BTreeMap<RowKey, Vec<&T>> = BTreeMap::new();
    for row in rows.live::<T>() {
        for key in row.keys().into_iter().filter(|key| wanted.contains(key)) {
            found.entry(key).or_default().push(row);
        }
    }
    for key in wanted {
        if let RowKey::Fingerprint(digest) = key {
            let made = rows.fingerprints.range((T::ENTITY, *digest, Uuid::nil())..=(T::ENTITY, *digest, Uuid::max()));
            let made = made.filter_map(|(_, _, id)| rows.get::<T>(*id)).filter(|row| row.deleted_at().is_none());
            found.entry(key.clone()).or_default().extend(made);
        }
    }
    let oldest = |key: &RowKey| {
        let visible = found.get(key).into_iter().flatten().filter(|row| list::sees(rows, grant, **row));
        visible.min_by_key(|row| (row.created_at(), row.uuid())).map(|row| Stored::loaded(T::clone(row)))
    };
    keys.iter().map(oldest).collect()
}

fn external(id: Option<&String>) -> Option<RowKey> {
    id.map(|id| RowKey::ExternalId(text::key(id)))
}

impl Known for Contact {
    fn keys(&self) -> Vec<RowKey> {
        let email = self.email.as_ref().map(|email| RowKey::Email(email.as_str().to_owned()));
        external(self.external_id.as_ref()).into_iter().chain(email).collect()
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

impl Known for Company {
    fn keys(&self) -> Vec<RowKey> {
        let domain = self.domain.as_ref().map(|domain| RowKey::Domain(domain.as_str().to_owned()));
        let name = RowKey::Name(text::key(&self.name));
        external(self.external_id.as_ref()).into_iter().chain(domain).chain([name]).collect()
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

impl Known for Deal {
    fn keys(&self) -> Vec<RowKey> {
        external(self.external_id.as_ref()).into_iter().collect()
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

impl Known for Task {
    fn keys(&self) -> Vec<RowKey> {
        external(self.external_id.as_ref()).into_iter().collect()
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
impl TaskStore for MemoryStore {
    async fn task(&self, grant: &Grant, id: Id<Task>) -> Result<Stored<Task>> {
        self.rows(grant, |rows| list::visible(rows, grant, id.uuid())).await
    }

    async fn tasks_by_id(&self, grant: &Grant, ids: &[Id<Task>]) -> Result<Vec<Stored<Task>>> {
        Ok(self.rows(grant, |rows| list::visible_of(rows, grant, ids.iter().map(|id| id.uuid()))).await)
    }

    async fn deleted_task(&self, grant: &Grant, id: Id<Task>) -> Result<Stored<Task>> {
        self.rows(grant, |rows| list::deleted(rows, grant, id.uuid())).await
    }

    async fn tasks(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Task>> {
        Ok(self.rows(grant, |rows| list::page(rows, query)).await)
    }

    async fn count_tasks(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        Ok(self.rows(grant, |rows| list::count::<Task>(rows, query, cap)).await)
    }

    async fn known_tasks(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Task>>>> {
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

    async fn stage_totals(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        filter: &CheckedFilter,
    ) -> Result<Vec<StageTotal>> {
        self.rows(grant, |rows| {
            let mut totals: BTreeMap<_, StageTotal> = BTreeMap::new();
            for deal in asked::<Deal>(rows, grant, filter).filter(|deal| deal.pipeline_id == pipeline) {
                let (stage_id, probability) = (deal.stage_id, deal.probability);
                let empty = || StageTotal { stage_id, probability, count: 0, total: Default::default() };
                let total = totals.entry((stage_id, probability)).or_insert_with(empty);
                total.count += 1;
                if let Some(value) = deal.value {
                    total.total.add(value)?;
                }
            }
            Ok(totals.into_values().collect())
        })
        .await
    }

    async fn last_in_stages(
        &self,
        grant: &Grant,
        stages: &[Id<Stage>],
        filter: &CheckedFilter,
        limit: usize,
    ) -> Result<Vec<Vec<Deal>>> {
        let found = |rows: &Rows| {
            let last = |stage: &Id<Stage>| {
                let own = asked::<Deal>(rows, grant, filter).filter(|deal| deal.stage_id == *stage);
                let mut own: Vec<&Deal> = own.collect();
                own.sort_by_key(|deal| std::cmp::Reverse((deal.stage_entered_at, deal.id)));
                own.into_iter().take(limit).cloned().collect()
            };
            stages.iter().map(last).collect()
        };
        Ok(self.rows(grant, found).await)
    }

    async fn deals_in_stages(&self, grant: &Grant, stages: &[Id<Stage>], limit: usize) -> Result<Vec<Stored<Deal>>> {
        let found = |rows: &Rows| {
            let deals = rows.deals.values().filter(|deal| stages.contains(&deal.stage_id));
            let mut deals: Vec<&Deal> =
                deals.map(AsRef::as_ref).filter(|deal| list::sees(rows, grant, *deal)).collect();
            deals.sort_by_key(|deal| (deal.deleted_at.is_some(), deal.id));
            deals.into_iter().take(limit).cloned().map(Stored::loaded).collect()
        };
        Ok(self.rows(grant, found).await)
    }
}

#[async_trait]
impl PipelineStore for MemoryStore {
    async fn pipeline(&self, grant: &Grant, id: Id<Pipeline>) -> Result<Stored<Pipeline>> {
        self.rows(grant, |rows| {
            let live = rows.get::<Pipeline>(id.uuid()).filter(|pipeline| pipeline.deleted_at.is_none());
            rows::found(live, id.uuid())
        })
        .await
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

    async fn deleted_note(&self, grant: &Grant, id: Id<Note>) -> Result<Stored<Note>> {
        self.rows(grant, |rows| list::deleted(rows, grant, id.uuid())).await
    }

    async fn notes(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Note>> {
        Ok(self.rows(grant, |rows| list::page(rows, query)).await)
    }
}

#[async_trait]
impl TagStore for MemoryStore {
    async fn tags_by_key(&self, grant: &Grant, keys: &[String]) -> Result<Vec<Tag>> {
        Ok(self
            .rows(grant, |rows| {
                rows.live::<Tag>().filter(|tag| keys.contains(&text::key(&tag.name))).cloned().collect()
            })
            .await)
    }

    async fn tag_counts(&self, grant: &Grant) -> Result<Vec<TagCount>> {
        self.rows(grant, |rows| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            count_tags::<Contact>(rows, grant, |contact| &contact.tags, &mut counts);
            count_tags::<Company>(rows, grant, |company| &company.tags, &mut counts);
            count_tags::<Deal>(rows, grant, |deal| &deal.tags, &mut counts);
            count_tags::<Task>(rows, grant, |task| &task.tags, &mut counts);
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

/// The kinds of record that a note or a task can be on.
pub(super) const SUBJECTS: [Entity; 3] = [Entity::Contact, Entity::Company, Entity::Deal];

/// The id that a reference holds.
pub(super) fn target<E>(id: Option<Id<E>>) -> Option<Uuid> {
    id.map(Id::uuid)
}
