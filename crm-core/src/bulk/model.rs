//! What bulk work is asked for and answers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::View;
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::filter::Filter;
use crate::id::Id;
use crate::job::Job;
use crate::journal::Batch;
use crate::session::Expect;
use crate::user::User;

/// Most records of one commit.
pub const MAX_ITEMS: usize = 10_000;
/// Most records that a filter may describe.
pub const MAX_DESCRIBED: usize = 1_000_000;
/// Most faults that a job's report names.
const MAX_NAMED: usize = 1_000;

/// What becomes of the other items where one is at fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum BulkMode {
    /// Nothing is written.
    #[default]
    Atomic,
    /// They are written.
    Partial,
}

/// The change of one record among many.
#[derive(Clone, Debug)]
pub struct BulkEdit<T, E> {
    /// The record.
    pub id: Id<T>,
    /// The version that the change is based on.
    pub expect: Expect,
    /// The fields to change.
    pub edit: E,
}

/// The records of a request.
#[derive(Clone, Debug)]
pub enum Selection<T> {
    /// Those with these ids.
    Ids(Vec<Id<T>>),
    /// Those that a filter describes and the caller sees.
    Filter(Filter),
}

/// What is done to each of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkChange<E> {
    /// Change the fields that the edit names.
    Edit(E),
    /// Give them to somebody, or to nobody.
    Assign(Option<Id<User>>),
    /// Add some tags, then remove others.
    Tag {
        /// Tags to add.
        add: Vec<String>,
        /// Tags to remove.
        remove: Vec<String>,
    },
    /// Delete them; they can be restored until they are purged.
    Delete,
}

/// What became of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum BulkStatus {
    /// The record was made.
    Created,
    /// The record was changed.
    Updated,
    /// The record was as it should be.
    Unchanged,
    /// The record was deleted.
    Deleted,
    /// The item is at fault, and nothing was done.
    Failed,
}

/// Why an item failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BulkFault {
    /// Stable snake_case code, as of a problem document.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// The fields at fault, named within the item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One item's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BulkResult {
    /// The item's place in the request, from 0.
    pub index: u32,
    /// The record, where there is one.
    pub id: Option<Uuid>,
    /// What became of it.
    pub status: BulkStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<BulkFault>,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BulkReport {
    /// What its journal entries have in common.
    #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
    pub batch_id: Id<Batch>,
    /// Items that were done.
    pub succeeded: u32,
    /// Items at fault.
    pub failed: u32,
    /// Every item's outcome, in the order of the request; of a job, the first 1,000 items at fault.
    pub results: Vec<BulkResult>,
}

/// The answer to a request: done, or too much for one commit.
#[derive(Clone, Debug, PartialEq)]
pub enum BulkAnswer {
    /// It is done.
    Done(BulkReport),
    /// A job does it, some records a commit.
    Queued(Box<View<Job>>),
}

impl BulkAnswer {
    /// The report of what is done already.
    pub fn report(self) -> Option<BulkReport> {
        match self {
            BulkAnswer::Done(report) => Some(report),
            BulkAnswer::Queued(_) => None,
        }
    }
}

/// An item that was decided: the record that it made or named, and what became of it.
pub(super) struct Outcome {
    pub(super) id: Option<Uuid>,
    pub(super) status: Result<BulkStatus>,
}

impl BulkReport {
    pub(super) fn new(batch_id: Id<Batch>, outcomes: Vec<Outcome>) -> Self {
        let results: Vec<BulkResult> = (0..).zip(outcomes).map(|(index, outcome)| result(index, outcome)).collect();
        let failed = results.iter().filter(|result| result.status == BulkStatus::Failed).count();
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        Self { batch_id, succeeded: count(results.len() - failed), failed: count(failed), results }
    }

    /// The report of work of which nothing is done yet.
    pub(crate) fn begun(batch_id: Id<Batch>) -> Self {
        Self::new(batch_id, Vec::new())
    }

    /// Adds what became of further records.
    pub(super) fn add(&mut self, outcomes: Vec<Outcome>) {
        let first = self.succeeded + self.failed;
        let further = Self::new(self.batch_id, outcomes);
        (self.succeeded, self.failed) = (self.succeeded + further.succeeded, self.failed + further.failed);
        let faults = further.results.into_iter().filter(|result| result.status == BulkStatus::Failed);
        let room = MAX_NAMED.saturating_sub(self.results.len());
        self.results.extend(faults.take(room).map(|fault| BulkResult { index: first + fault.index, ..fault }));
    }
}

fn result(index: u32, outcome: Outcome) -> BulkResult {
    let Outcome { id, status } = outcome;
    match status {
        Ok(status) => BulkResult { index, id, status, error: None },
        Err(error) => {
            let fault = BulkFault {
                code: error.code().to_owned(),
                detail: error.message().to_owned(),
                errors: error.fields().to_vec(),
            };
            BulkResult { index, id, status: BulkStatus::Failed, error: Some(fault) }
        }
    }
}

/// How a request names its records, and so the places of its faults.
#[derive(Clone, Copy, Debug)]
pub(super) enum Naming {
    /// Each with what becomes of it.
    Items,
    /// By their ids.
    Ids,
    /// By a filter.
    Filter,
}

impl Naming {
    /// The part of the request that names them.
    pub(super) const fn part(self) -> &'static str {
        match self {
            Naming::Items => "items",
            Naming::Ids => "ids",
            Naming::Filter => "filter",
        }
    }

    /// A fault of one record, at the place of the request that named it.
    fn place(self, at: usize, id: Option<Uuid>, fault: &FieldError) -> FieldError {
        let FieldError { field, code, message } = fault;
        let (field, message) = match (self, field.as_str(), id) {
            // A filter has no place for one of its records.
            (Naming::Filter, _, Some(id)) => ("filter".to_owned(), format!("record {id}: {field}: {message}")),
            (Naming::Ids, "id", _) | (_, "", _) => (format!("{}.{at}", self.part()), message.clone()),
            _ => (format!("{}.{at}.{field}", self.part()), message.clone()),
        };
        FieldError { field, code: code.clone(), message }
    }
}

/// The refusal of a whole request for the faults of its items; `None` where there are none. Faults of
/// one kind, as stale versions alone, keep their kind; others are `Invalid`.
pub(super) fn refusal(naming: Naming, outcomes: &[Outcome]) -> Option<Error> {
    let fault = |(at, outcome): (usize, &'_ Outcome)| Some((at, outcome.id, outcome.status.as_ref().err()?.clone()));
    let faults: Vec<(usize, Option<Uuid>, Error)> = outcomes.iter().enumerate().filter_map(fault).collect();
    let (first_at, _, first) = faults.first()?;
    let is_uniform = faults.iter().all(|(_, _, error)| error.kind() == first.kind());
    if is_uniform && matches!(first.kind(), ErrorKind::Conflict | ErrorKind::Denied) {
        let message = format!("{}.{first_at}: {}", naming.part(), first.message());
        return Some(Error::new(first.kind(), message).with_code(first.code()));
    }
    let fields = faults.iter().flat_map(|(at, id, error)| match error.fields() {
        [] => vec![naming.place(*at, *id, &FieldError::new("", error.code(), error.message().to_owned()))],
        fields => fields.iter().map(|fault| naming.place(*at, *id, fault)).collect(),
    });
    Some(Error::invalid_fields(fields.collect()))
}
