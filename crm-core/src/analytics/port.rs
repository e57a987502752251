//! Port: what analytics reads.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use uuid::Uuid;

use super::funnel::ContactFact;
use super::group::DealGroups;
use super::source::SourceSum;
use super::window::Window;
use crate::access::{Entity, Grant};
use crate::deal::{Deal, DealMove, DealStatus, ForecastCategory};
use crate::error::Result;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::money::{Currency, Money};
use crate::pipeline::{Pipeline, Stage};
use crate::task::TaskKind;
use crate::time::{Period, Timestamp};
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

/// What the length of sales is made of: a deal with fewer of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CycleFact {
    /// The deal.
    pub id: Id<Deal>,
    /// How it stands.
    pub status: DealStatus,
    /// When work on it began.
    pub opened_at: Option<Timestamp>,
    /// When it was won or lost.
    pub closed_at: Option<Timestamp>,
    /// The currency of its value.
    pub currency: Option<Currency>,
}

impl CycleFact {
    /// The fact of a deal.
    pub fn of(fact: &DealFact) -> Self {
        let &DealFact { id, status, opened_at, closed_at, .. } = fact;
        Self { id, status, opened_at, closed_at, currency: fact.value.map(|value| value.currency) }
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

/// A step of a deal, and whose the deal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedMove {
    /// The step.
    pub step: DealMove,
    /// The owner of the deal today.
    pub owner_id: Option<Id<User>>,
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

impl StageFlow {
    /// The flows between some stages, made of ways that come deal by deal in their order. Steps to other
    /// stages are passed over, as if the deal had stayed where it was before. They are in the order of the
    /// stages' ids, beginnings first.
    pub fn between(moves: &[DealMove], stages: &[Id<Stage>]) -> Vec<Self> {
        let mut flows: BTreeMap<(Option<Id<Stage>>, Id<Stage>), u64> = BTreeMap::new();
        for way in moves.chunk_by(|a, b| a.deal_id == b.deal_id) {
            let mut from = None;
            for to in way.iter().map(|step| step.to).filter(|to| stages.contains(to)) {
                if from != Some(to) {
                    *flows.entry((from, to)).or_default() += 1;
                }
                from = Some(to);
            }
        }
        flows.into_iter().map(|((from, to), count)| Self { from, to, count }).collect()
    }

    /// Whether it began and ended in one of these stages, or began a deal in one.
    pub(crate) fn is_between(&self, stages: &[Id<Stage>]) -> bool {
        self.from.is_none_or(|from| stages.contains(&from)) && stages.contains(&self.to)
    }
}

/// Port: what analytics reads. Every read is walled by the grant's workspace and visibility, and the
/// filter narrows it further; deleted deals are absent. Each read is of one state of the store. A report is made
/// of several, so its parts may differ by what is committed between them.
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

    /// The deals of a question that were won or lost in a window, by what reports take for alike: by month
    /// in the window's zone, or by day where `every` is shorter, and those won in another currency than
    /// `own` by day. A store may answer from sums that it keeps; [`DealGroups::ended`] says what they must
    /// be.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn ended_groups(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        window: Window,
        every: Period,
        own: Currency,
    ) -> Result<DealGroups> {
        Ok(DealGroups::ended(&self.deal_facts(grant, filter).await?, window, every, own))
    }

    /// The deals of a question that were won in a window, by where they came from, by source, currency and
    /// day. A store may add them up itself; [`SourceSum::of`] says what the sums must be.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn won_by_source(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        window: Window,
        own: Currency,
    ) -> Result<Vec<SourceSum>> {
        Ok(SourceSum::of(&self.deal_facts(grant, filter).await?, window, own))
    }

    /// How many deals of a question are open, by owner; owners without any are absent.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn open_deals(&self, grant: &Grant, filter: &CheckedFilter) -> Result<BTreeMap<Option<Id<User>>, u64>> {
        let mut owners: BTreeMap<_, u64> = BTreeMap::new();
        for fact in self.deal_facts(grant, filter).await? {
            if fact.status == DealStatus::Open {
                *owners.entry(fact.owner_id).or_default() += 1;
            }
        }
        Ok(owners)
    }

    /// The deals of a question with what the length of sales needs, in any order.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn cycle_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<CycleFact>> {
        Ok(self.deal_facts(grant, filter).await?.iter().map(CycleFact::of).collect())
    }

    /// The ways of the same deals: their steps in the order of the deals' ids, then of their places.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn deal_moves(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealMove>>;

    /// The steps that the deals of a question took from an instant on and before another, in any order.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn moves_between(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Vec<OwnedMove>> {
        let facts = self.deal_facts(grant, filter).await?;
        let owners: BTreeMap<Id<Deal>, Option<Id<User>>> = facts.iter().map(|fact| (fact.id, fact.owner_id)).collect();
        let mut moves = self.deal_moves(grant, filter).await?;
        moves.retain(|step| from.is_none_or(|from| from <= step.at) && to.is_none_or(|to| step.at < to));
        let owned = |step: DealMove| OwnedMove { step, owner_id: owners.get(&step.deal_id).copied().flatten() };
        Ok(moves.into_iter().map(owned).collect())
    }

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

    /// How often the deals of a question that are in a pipeline went from where to where, in the order of the
    /// stages' ids, beginnings first.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn stage_flows(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        filter: &CheckedFilter,
    ) -> Result<Vec<StageFlow>>;

    /// The same between some stages of the pipeline, in the same order. A store may count them itself;
    /// [`StageFlow::between`] says what they must be.
    ///
    /// # Errors
    /// As [`AnalyticsStore::deal_facts`].
    async fn flows_between(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        stages: &[Id<Stage>],
        filter: &CheckedFilter,
    ) -> Result<Vec<StageFlow>> {
        let facts = self.deal_facts(grant, filter).await?;
        let own = facts.iter().filter(|fact| fact.pipeline_id == pipeline).map(|fact| fact.id);
        let own: BTreeSet<Id<Deal>> = own.collect();
        let mut moves = self.deal_moves(grant, filter).await?;
        moves.retain(|step| own.contains(&step.deal_id));
        Ok(StageFlow::between(&moves, stages))
    }
}
