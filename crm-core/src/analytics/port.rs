//! Port: what analytics reads.

use async_trait::async_trait;
use chrono::NaiveDate;
use uuid::Uuid;

use super::funnel::ContactFact;
use super::group::DealGroups;
use super::window::Window;
use crate::access::{Entity, Grant};
use crate::deal::{Deal, DealMove, DealStatus, ForecastCategory};
use crate::error::Result;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::money::{Currency, Money};
use crate::pipeline::{Pipeline, Stage};
use crate::task::TaskKind;
use crate::time::Timestamp;
use crate::user::User;

/// What figures are made of: a deal with few of its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct DealFact {
    /// The deal.
    pub id: Id<Deal>,
    /// Its pipeline.
    pub pipeline_id: Id<Pipeline>,
    /// Where it is.
    pub stage_id: Id<Stage>,
    /// How it stands.
    pub status: DealStatus,
    /// What it is worth.
    pub value: Option<Money>,
    /// Whose it is.
    pub owner_id: Option<Id<User>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When work on it began.
    pub opened_at: Option<Timestamp>,
    /// When it was won or lost.
    pub closed_at: Option<Timestamp>,
    /// When it got to its stage.
    pub stage_entered_at: Timestamp,
    /// The day on which it is expected to close.
    pub expected_close_date: Option<NaiveDate>,
    /// Its probability in per cent, where somebody said one.
    pub probability: Option<i64>,
    /// Its category, where somebody said one.
    pub forecast_category: Option<ForecastCategory>,
    /// Where it came from.
    pub source: Option<String>,
}

impl DealFact {
    /// The fact of a deal.
    pub fn of(deal: &Deal) -> Self {
        Self {
            id: deal.id,
            pipeline_id: deal.pipeline_id,
            stage_id: deal.stage_id,
            status: deal.status,
            value: deal.value,
            owner_id: deal.owner_id,
            created_at: deal.created_at,
            opened_at: deal.opened_at,
            closed_at: deal.closed_at,
            stage_entered_at: deal.stage_entered_at,
            expected_close_date: deal.expected_close_date,
            probability: deal.probability,
            forecast_category: deal.forecast_category,
            source: deal.source.clone(),
        }
    }
}

/// What people leave behind when they work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkKind {
    /// Notes, by their author, when they were written.
    Notes,
    /// Tasks that are done, by their assignee, when they were done.
    Tasks,
    /// Contacts, by their owner, when they were made.
    Contacts,
    /// Companies, by their owner, when they were made.
    Companies,
    /// Deals, by their owner, when they were made.
    Deals,
}

impl WorkKind {
    /// Every kind.
    pub const ALL: [WorkKind; 5] =
        [WorkKind::Notes, WorkKind::Tasks, WorkKind::Contacts, WorkKind::Companies, WorkKind::Deals];

    /// The kind of its records.
    pub const fn entity(self) -> Entity {
        match self {
            WorkKind::Notes => Entity::Note,
            WorkKind::Tasks => Entity::Task,
            WorkKind::Contacts => Entity::Contact,
            WorkKind::Companies => Entity::Company,
            WorkKind::Deals => Entity::Deal,
        }
    }

    /// The field that says whose work it was.
    pub(crate) const fn person(self) -> &'static str {
        match self {
            WorkKind::Notes => "author_id",
            WorkKind::Tasks => "assignee_id",
            WorkKind::Contacts | WorkKind::Companies | WorkKind::Deals => "owner_id",
        }
    }

    /// The field that says when it was done.
    pub(crate) const fn time(self) -> &'static str {
        if matches!(self, WorkKind::Tasks) { "completed_at" } else { "created_at" }
    }
}

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Its record.
    pub record: Uuid,
    /// Whose it was.
    pub person: Option<Id<User>>,
    /// When it was done.
    pub at: Timestamp,
    /// Of which kind, if it was a task.
    pub task_kind: Option<TaskKind>,
}

/// How often deals went from one stage to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageFlow {
    /// The stage that they left; absent where they began.
    pub from: Option<Id<Stage>>,
    /// The stage that they got to.
    pub to: Id<Stage>,
    /// How often.
    pub count: u64,
}

/// Port: what analytics reads. Every read is walled by the grant's workspace and visibility, and the
/// filter narrows it further; deleted deals are absent.
#[async_trait]
pub trait AnalyticsStore: Send + Sync {
    /// The deals of a question, in the order of their ids.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed; `Invalid` for a filter
    /// with too many values.
    async fn deal_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealFact>>;

    /// The deals of a question that a forecast of a window takes in, by what it takes for alike: by month
    /// in the window's zone, and those won in another currency than `own` by day. A store may answer from
    /// sums that it keeps; [`DealGroups::of`] says what they must be.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn deal_groups(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        window: Window,
        own: Currency,
    ) -> Result<DealGroups> {
        Ok(DealGroups::of(&self.deal_facts(grant, filter).await?, window, own))
    }

    /// The ways of the same deals: their steps in the order of the deals' ids, then of their places.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn deal_moves(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealMove>>;

    /// The contacts of a question, in the order of their ids.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn contact_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<ContactFact>>;

    /// The work of a question, in the order of the records' ids; of tasks, those that are done.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn work(&self, grant: &Grant, kind: WorkKind, filter: &CheckedFilter) -> Result<Vec<Work>>;

    /// How often the deals of a pipeline went from where to where, in the order of the stages' ids,
    /// beginnings first.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn stage_flows(&self, grant: &Grant, pipeline: Id<Pipeline>) -> Result<Vec<StageFlow>>;
}
