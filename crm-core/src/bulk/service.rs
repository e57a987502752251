//! Deciding many records, and writing them in one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::model::{
    BulkAnswer, BulkChange, BulkEdit, BulkMode, BulkReport, BulkStatus, MAX_DESCRIBED, MAX_ITEMS, Naming, Outcome,
    Selection, refusal,
};
use crate::access::{Action, Entity, Grant, View};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Job, Task};
use crate::journal::Batch;
use crate::page::ListRequest;
use crate::session::{Blank, Decisions, Expect, Kept, Records, permitted, pointed, put_kept};
use crate::store::{Changes, Stored};
use crate::tag::{MAX_TAGS, clean_tags, clean_tags_at};
use crate::text;
use crate::time::Timestamp;

/// Records of a filter that are read at once.
const PAGE: u16 = 2_000;

/// What one item asks for.
enum Step<T: Kept> {
    Make(fn(Id<T>, Timestamp) -> T, T::Edit),
    Change(Id<T>, Expect, Arc<BulkChange<T::Edit>>),
}

/// The steps of a request, those that could not be read as their errors.
type Steps<T> = Vec<Result<Step<T>>>;

/// A record with what shall become of it.
struct Draft<T> {
    record: Stored<T>,
    status: BulkStatus,
}

impl<T: Kept> Records<'_, T> {
    pub(crate) async fn create_many(&self, items: Vec<Result<T::Edit>>, mode: BulkMode) -> Result<BulkReport>
    where
        T: Blank,
    {
        let steps = items.into_iter().map(|item| item.map(|edit| Step::Make(T::blank, edit)));
        self.run(Action::Create, Naming::Items, steps.collect(), mode).await
    }

    pub(crate) async fn update_many(
        &self,
        items: Vec<Result<BulkEdit<T, T::Edit>>>,
        mode: BulkMode,
    ) -> Result<BulkReport> {
        let steps = items.into_iter().map(|item| {
            let BulkEdit { id, expect, edit } = item?;
            Ok(Step::Change(id, expect, Arc::new(BulkChange::Edit(edit))))
        });
        self.run(Action::Update, Naming::Items, steps.collect(), mode).await
    }

    pub(crate) async fn change_many(
        &self,
        selection: Selection<T>,
        change: BulkChange<T::Edit>,
        mode: Option<BulkMode>,
    ) -> Result<BulkAnswer> {
        let action = change.action();
        // Before anything is looked up or copied: who may not, hears only that, and a repeat is
        // answered as the first request was, whatever the filter describes by now.
        let grant = self.session.require(T::ENTITY, action)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return answered(first);
        }
        if let BulkChange::Tag { add, remove } = &change {
            check_tags("add", add)?;
            check_tags("remove", remove)?;
            // They are the same for all records: where one is no name, none of the records is at fault.
            clean_tags_at("add", add)?;
        }
        let (naming, ids) = match selection {
            Selection::Ids(ids) if ids.is_empty() => return Err(Error::invalid("ids", "required", "names no record")),
            Selection::Ids(ids) => (Naming::Ids, ids),
            Selection::Filter(filter) => {
                let request = ListRequest { filter: Some(filter), ..ListRequest::default() };
                (Naming::Filter, self.ids(&request).await?)
            }
        };
        if ids.is_empty() {
            let none = BulkReport::new(self.batch(), Vec::new());
            return self.finish(&grant, self.session.changes(), none).await.map(BulkAnswer::Done);
        }
        if matches!(naming, Naming::Filter) && ids.len() > MAX_ITEMS {
            if mode == Some(BulkMode::Atomic) {
                let message = format!("describes more than {MAX_ITEMS} records, too many for one commit");
                return Err(Error::invalid("filter", "too_many", message));
            }
            let job = self.enqueue(&grant, &ids, &change).await?;
            return Ok(BulkAnswer::Queued(Box::new(job)));
        }
        let change = Arc::new(change);
        let steps = ids.into_iter().map(|id| Ok(Step::Change(id, Expect::Any, change.clone())));
        self.run(action, naming, steps.collect(), mode.unwrap_or_default()).await.map(BulkAnswer::Done)
    }

    /// What a change of records becomes, decided but not written.
    pub(super) async fn decided(
        &self,
        ids: &[Id<T>],
        change: &Arc<BulkChange<T::Edit>>,
    ) -> Result<(Changes, Vec<Outcome>)> {
        let grant = self.session.require(T::ENTITY, change.action())?;
        let steps = ids.iter().map(|id| Ok(Step::Change(*id, Expect::Any, change.clone())));
        let mut changes = self.session.changes();
        let outcomes = self.decide(&grant, &mut changes, &steps.collect()).await?;
        Ok((changes, outcomes))
    }

    /// The ids of a whole list, the latest first.
    async fn ids(&self, request: &ListRequest) -> Result<Vec<Id<T>>> {
        let grant = self.session.require(T::ENTITY, Action::Read)?;
        let mut query = grant.check_list::<T>(request, self.session.now())?;
        query.limit = PAGE;
        let mut ids = Vec::new();
        loop {
            let rows = T::page(self.session.ports(), &grant, &query).await?;
            ids.extend(rows.rows.iter().map(|row| Id::from(row.uuid())));
            if ids.len() > MAX_DESCRIBED {
                let message = format!("describes more than {MAX_DESCRIBED} records");
                return Err(Error::invalid("filter", "too_many", message));
            }
            match rows.next {
                Some(position) => query = query.from_position(Some(position)),
                None => return Ok(ids),
            }
        }
    }

    fn batch(&self) -> Id<Batch> {
        Id::new_at(self.session.now())
    }

    async fn run(&self, action: Action, naming: Naming, steps: Steps<T>, mode: BulkMode) -> Result<BulkReport> {
        let grant = self.session.require(T::ENTITY, action)?;
        if steps.is_empty() || steps.len() > MAX_ITEMS {
            let message = format!("takes 1 to {MAX_ITEMS} items, not {}", steps.len());
            return Err(Error::invalid(naming.part(), "count", message));
        }
        if let Some(first) = self.session.enqueued(&grant).await? {
            return read_report(&first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                let batch = self.batch();
                changes.in_batch(batch);
                let outcomes = self.decide(&grant, &mut changes, &steps).await?;
                if let (BulkMode::Atomic, Some(refusal)) = (mode, refusal(naming, &outcomes)) {
                    return Err(refusal);
                }
                self.finish(&grant, changes, BulkReport::new(batch, outcomes)).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Commits the changes. Under a caller's key the report is kept with them, for a repeat to be
    /// answered with.
    async fn finish(&self, grant: &Grant, changes: Changes, report: BulkReport) -> Result<BulkReport> {
        if !self.session.is_keyed() {
            self.session.commit(grant, changes).await?;
            return Ok(report);
        }
        let (now, task) = (changes.now(), Task::Bulk { entity: T::ENTITY, batch_id: report.batch_id });
        let result = serde_json::to_value(&report).map_err(Error::internal)?;
        let job = Job::done(Id::new_at(now), task, result, self.session.actor().user_id(), now);
        let job = self.session.enqueue(grant, changes, job).await?;
        read_report(&job)
    }

    /// Decides every step, and puts what is without fault among the changes.
    async fn decide(&self, grant: &Grant, changes: &mut Changes, steps: &Steps<T>) -> Result<Vec<Outcome>> {
        let mut known = self.known(grant, steps).await?;
        let mut decided: Vec<Result<Draft<T>>> =
            steps.iter().map(|step| self.draft(grant, changes.now(), &mut known, step)).collect();
        let pointers = decided.iter().flatten().flat_map(|draft| pointed(grant, &draft.record));
        let referred = self.session.referred(grant, pointers.collect()).await?;
        let mut fresh: Vec<(usize, Vec<String>)> = Vec::new();
        for (at, decision) in decided.iter_mut().enumerate() {
            let Ok(Draft { record, status }) = decision else { continue };
            if *status == BulkStatus::Deleted {
                continue;
            }
            match self.session.check(grant, changes, record, &referred) {
                Ok(tags) => fresh.push((at, tags)),
                Err(error) => *decision = Err(error),
            }
        }
        self.make_tags(grant, changes, &mut decided, &fresh).await?;
        let kept = decided.iter_mut().flatten().filter(|draft| draft.status != BulkStatus::Deleted);
        let kept: Vec<&mut Stored<T>> = kept.map(|draft| &mut draft.record).collect();
        T::bring(self.session, changes, kept).await?;
        let outcomes = steps.iter().zip(decided).map(|(step, decision)| match decision {
            Ok(Draft { mut record, status }) => {
                let is_changed = put_kept(changes, &mut record);
                let status = if is_changed { status } else { BulkStatus::Unchanged };
                Outcome { id: Some(record.uuid()), status: Ok(status) }
            }
            Err(error) => Outcome { id: named(step).map(Id::uuid), status: Err(error) },
        });
        Ok(outcomes.collect())
    }

    /// Makes the tags that do not exist yet; where the caller may not, the items that need them are at
    /// fault. `fresh` are the items' new tags, by the items' places.
    async fn make_tags(
        &self,
        grant: &Grant,
        changes: &mut Changes,
        decided: &mut [Result<Draft<T>>],
        fresh: &[(usize, Vec<String>)],
    ) -> Result<()> {
        let names: BTreeSet<String> = fresh.iter().flat_map(|(_, tags)| tags.iter().cloned()).collect();
        let missing = self.session.missing_tags(grant, names).await?;
        let Err(error) = self.session.require(Entity::Tag, Action::Create) else {
            self.session.put_tags(changes, missing.values());
            return Ok(());
        };
        let at_fault = fresh.iter().filter(|(_, tags)| tags.iter().any(|tag| missing.contains_key(&text::key(tag))));
        for (at, _) in at_fault {
            if let Some(decision) = decided.get_mut(*at) {
                *decision = Err(error.clone());
            }
        }
        Ok(())
    }

    /// The records that the steps name, as far as the caller sees them.
    async fn known(&self, grant: &Grant, steps: &Steps<T>) -> Result<BTreeMap<Id<T>, Stored<T>>> {
        let ids: BTreeSet<Id<T>> = steps.iter().filter_map(named).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<Id<T>> = ids.into_iter().collect();
        let found = T::load_many(self.session.ports(), grant, &ids).await?;
        Ok(found.into_iter().map(|record| (Id::from(record.uuid()), record)).collect())
    }

    /// A step's record as the step wants it. A record is taken out of those that are known, so a second
    /// step about it finds nothing.
    fn draft(
        &self,
        grant: &Grant,
        now: Timestamp,
        known: &mut BTreeMap<Id<T>, Stored<T>>,
        step: &Result<Step<T>>,
    ) -> Result<Draft<T>> {
        match step.as_ref().map_err(Clone::clone)? {
            Step::Make(blank, edit) => {
                let mut record = Stored::new(blank(Id::new_at(now), now));
                record.apply(permitted(grant, edit.clone())?)?;
                self.session.own(&mut record);
                grant.check_reach(&*record)?;
                Ok(Draft { record, status: BulkStatus::Created })
            }
            Step::Change(id, expect, change) => {
                let missing =
                    || Error::invalid("id", "not_found", format!("{} {id} not found, or named before", T::ENTITY));
                let mut record = known.remove(id).ok_or_else(missing)?;
                expect.check_among(&*record)?;
                grant.check_reach(&*record)?;
                let status = change_one(grant, now, &mut record, change)?;
                Ok(Draft { record, status })
            }
        }
    }
}

/// The answer to a repeat: what the first request was answered, or its job as it stands by now.
fn answered(job: View<Job>) -> Result<BulkAnswer> {
    match job.task {
        Task::Change { .. } => Ok(BulkAnswer::Queued(Box::new(job))),
        _ => read_report(&job).map(BulkAnswer::Done),
    }
}

/// The report that a job keeps.
fn read_report(job: &Job) -> Result<BulkReport> {
    let kept = job.result.clone().unwrap_or_default();
    serde_json::from_value(kept).map_err(|_| {
        let message = "was used before by another request";
        Error::invalid("Idempotency-Key", "idempotency_key_reused", message)
    })
}

/// Does to a record what is done to each.
fn change_one<T: Kept>(
    grant: &Grant,
    now: Timestamp,
    record: &mut Stored<T>,
    change: &BulkChange<T::Edit>,
) -> Result<BulkStatus> {
    match change {
        BulkChange::Edit(edit) => record.apply(permitted(grant, edit.clone())?)?,
        BulkChange::Assign(owner) => record.set_owner(*owner),
        BulkChange::Tag { add, remove } => {
            let tags = retagged(record.tags(), add, remove)?;
            record.set_tags(tags);
        }
        BulkChange::Delete => {
            record.set_deleted(Some(now));
            return Ok(BulkStatus::Deleted);
        }
    }
    Ok(BulkStatus::Updated)
}

/// Refuses more tags than a record can have: each is compared with those of every record.
fn check_tags(field: &str, tags: &[String]) -> Result<()> {
    if tags.len() > MAX_TAGS {
        return Err(Error::invalid(field, "too_many", format!("takes at most {MAX_TAGS} tags")));
    }
    Ok(())
}

/// A record's tags with some added and others removed; a tag that it has keeps its spelling.
fn retagged(old: &[String], add: &[String], remove: &[String]) -> Result<Vec<String>> {
    let had: BTreeSet<String> = old.iter().map(|tag| text::key(tag)).collect();
    let removed: BTreeSet<String> = remove.iter().map(|tag| text::key(tag)).collect();
    let added = clean_tags(add)?.into_iter().filter(|tag| !had.contains(&text::key(tag)));
    let all = old.iter().cloned().chain(added).filter(|tag| !removed.contains(&text::key(tag)));
    clean_tags(&all.collect::<Vec<_>>())
}

/// The record that a step names.
fn named<T: Kept>(step: &Result<Step<T>>) -> Option<Id<T>> {
    match step {
        Ok(Step::Change(id, ..)) => Some(*id),
        Ok(Step::Make(..)) | Err(_) => None,
    }
}
