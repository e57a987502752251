//! Deciding many records, and writing them in one commit.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{BulkChange, BulkEdit, BulkMode, BulkReport, BulkStatus, MAX_ITEMS, Outcome, Selection, refusal};
use crate::access::{Action, Grant};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Job, Task};
use crate::journal::Batch;
use crate::page::ListRequest;
use crate::session::{Blank, Decisions, Expect, Kept, Records, permitted, pointed};
use crate::store::{Changes, Stored};
use crate::tag::clean_tags;
use crate::text;
use crate::time::Timestamp;

/// Records of a filter that are read at once.
const PAGE: u16 = 2_000;

/// What one item asks for.
enum Step<T: Kept> {
    Make(fn(Id<T>, Timestamp) -> T, T::Edit),
    Change(Id<T>, Expect, BulkChange<T::Edit>),
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
        self.run(Action::Create, steps.collect(), mode).await
    }

    pub(crate) async fn update_many(
        &self,
        items: Vec<Result<BulkEdit<T, T::Edit>>>,
        mode: BulkMode,
    ) -> Result<BulkReport> {
        let steps = items.into_iter().map(|item| {
            let BulkEdit { id, expect, edit } = item?;
            Ok(Step::Change(id, expect, BulkChange::Edit(edit)))
        });
        self.run(Action::Update, steps.collect(), mode).await
    }

    pub(crate) async fn change_many(
        &self,
        selection: Selection<T>,
        change: BulkChange<T::Edit>,
        mode: BulkMode,
    ) -> Result<BulkReport> {
        let action = match change {
            BulkChange::Delete => Action::Delete,
            BulkChange::Edit(_) | BulkChange::Assign(_) | BulkChange::Tag { .. } => Action::Update,
        };
        let ids = match selection {
            Selection::Ids(ids) if ids.is_empty() => return Err(Error::invalid("ids", "required", "names no record")),
            Selection::Ids(ids) => ids,
            Selection::Filter(filter) => {
                let request = ListRequest { filter: Some(filter), ..ListRequest::default() };
                self.ids(&request).await?
            }
        };
        if ids.is_empty() {
            return Ok(BulkReport::new(self.batch(), Vec::new()));
        }
        let steps = ids.into_iter().map(|id| Ok(Step::Change(id, Expect::Any, change.clone())));
        self.run(action, steps.collect(), mode).await
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
            if ids.len() > MAX_ITEMS {
                let message = format!("describes more than {MAX_ITEMS} records");
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

    async fn run(&self, action: Action, steps: Steps<T>, mode: BulkMode) -> Result<BulkReport> {
        let grant = self.session.require(T::ENTITY, action)?;
        if steps.is_empty() || steps.len() > MAX_ITEMS {
            let message = format!("takes 1 to {MAX_ITEMS} items, not {}", steps.len());
            return Err(Error::invalid("items", "count", message));
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
                if let (BulkMode::Atomic, Some(refusal)) = (mode, refusal(&outcomes)) {
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
        let (now, task) = (changes.now(), Task::Bulk { batch_id: report.batch_id });
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
        let mut tags = BTreeSet::new();
        for decision in &mut decided {
            let Ok(Draft { record, status }) = decision else { continue };
            if *status == BulkStatus::Deleted {
                continue;
            }
            match self.session.check(grant, changes, record, &referred) {
                Ok(fresh) => tags.extend(fresh),
                Err(error) => *decision = Err(error),
            }
        }
        self.session.make_tags(grant, changes, &distinct(tags)).await?;
        let outcomes = steps.iter().zip(decided).map(|(step, decision)| match decision {
            Ok(Draft { mut record, status }) => {
                let is_changed = changes.put(&mut record);
                let status = if is_changed { status } else { BulkStatus::Unchanged };
                Outcome { id: Some(record.uuid()), status: Ok(status) }
            }
            Err(error) => Outcome { id: named(step).map(Id::uuid), status: Err(error) },
        });
        Ok(outcomes.collect())
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
                expect.check(&*record)?;
                grant.check_reach(&*record)?;
                let status = change_one(grant, now, &mut record, change)?;
                Ok(Draft { record, status })
            }
        }
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

/// Tags, each once, whichever their spelling.
fn distinct(tags: BTreeSet<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    tags.into_iter().filter(|tag| seen.insert(text::key(tag))).collect()
}
