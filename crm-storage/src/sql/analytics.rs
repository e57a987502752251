//! What analytics reads: the deals of a question with few of their columns, and their ways.

use std::collections::BTreeMap;

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::activity::Note;
use crm_core::analytics::{
    AnalyticsStore, ContactFact, CycleFact, DealFact, DealGroups, OwnedMove, SourceSum, StageFlow, Window, Work,
    WorkKind,
};
use crm_core::company::Company;
use crm_core::contact::{Contact, Lifecycle};
use crm_core::deal::{Deal, DealMove};
use crm_core::filter::CheckedFilter;
use crm_core::pipeline::{Pipeline, Stage};
use crm_core::task::{Task, TaskKind};
use crm_core::user::User;
use crm_core::{Currency, Id, Period, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::fragment::{Fragment, Statement};
use super::predicate::predicate;
use super::room::{self, Room, place};
use super::{Conn, RunQueryDsl, Store, board, deal, dialect, endings, history, json, list, months};
use crate::fault::Outcome;
use crate::types::{DbId, DbTime, Guid, Ts};

/// A deal's columns that figures are made of.
const FACTS: &str = "SELECT deals.id, deals.pipeline_id, deals.stage_id, deals.status, deals.value_minor, \
    deals.value_currency, deals.owner_id, deals.created_at, deals.opened_at, deals.closed_at, \
    deals.stage_entered_at, deals.expected_close_day, deals.probability, deals.forecast_category, deals.source, \
    deals.source_key FROM deals WHERE ";
/// A deal's columns that the length of sales is made of.
const CYCLES: &str =
    "SELECT deals.id, deals.status, deals.opened_at, deals.closed_at, deals.value_currency FROM deals WHERE ";
/// Steps of deals. A cross join is done as it is written on SQLite, which would rather walk all steps than
/// those of the deals in question.
const STEPS: &str = "SELECT steps.deal_id, steps.place, steps.from_stage, steps.to_stage, steps.at \
    FROM deals CROSS JOIN deal_moves AS steps \
    WHERE steps.workspace_id = deals.workspace_id AND steps.deal_id = deals.id AND ";
/// The same with the deal's owner.
const OWNED: &str =
    "SELECT steps.deal_id, steps.place, steps.from_stage, steps.to_stage, steps.at, deals.owner_id FROM ";
/// Steps of all deals in some days are found by their index. Those of some deals are found by the deals, which
/// may be few where the workspace took many steps in these days.
const STEPS_FIRST: &str = "deal_moves AS steps CROSS JOIN deals";
const DEALS_FIRST: &str = "deals CROSS JOIN deal_moves AS steps";
const SAME_DEAL: &str = " AND steps.workspace_id = deals.workspace_id AND steps.deal_id = deals.id AND ";
/// A contact's columns that the funnel is made of.
const CONTACTS: &str = "SELECT contacts.id, contacts.lifecycle, contacts.created_at FROM contacts WHERE ";

/// Work: record, whose it was, when, and of a task its kind.
const NOTES: &str = "SELECT notes.id, notes.author_id, notes.created_at, CAST(NULL AS TEXT) FROM notes WHERE ";
const TASKS: &str = "SELECT tasks.id, tasks.assignee_id, tasks.completed_at, tasks.kind FROM tasks \
    WHERE tasks.completed_at IS NOT NULL AND ";
const NEW_CONTACTS: &str =
    "SELECT contacts.id, contacts.owner_id, contacts.created_at, CAST(NULL AS TEXT) FROM contacts WHERE ";
const NEW_COMPANIES: &str =
    "SELECT companies.id, companies.owner_id, companies.created_at, CAST(NULL AS TEXT) FROM companies WHERE ";
const NEW_DEALS: &str = "SELECT deals.id, deals.owner_id, deals.created_at, CAST(NULL AS TEXT) FROM deals WHERE ";

type WorkType = (Guid, Nullable<Guid>, Ts, Nullable<Text>);
type WorkRow = (DbId, Option<DbId>, DbTime, Option<String>);

fn into_work((record, person, at, kind): WorkRow) -> Outcome<Work> {
    let named = |name: String| {
        let found = TaskKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or(json::unreadable("a kind of task"))
    };
    let task_kind = kind.map(named).transpose()?;
    Ok(Work { record: record.0, person: person.map(Id::from), at: at.into(), task_kind })
}

type FactType = (
    Guid,
    Guid,
    Guid,
    Text,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Guid>,
    Ts,
    Nullable<Ts>,
    Nullable<Ts>,
    Ts,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
);

#[derive(Queryable)]
struct FactRow {
    id: DbId,
    pipeline_id: DbId,
    stage_id: DbId,
    status: String,
    value_minor: Option<i64>,
    value_currency: Option<String>,
    owner_id: Option<DbId>,
    created_at: DbTime,
    opened_at: Option<DbTime>,
    closed_at: Option<DbTime>,
    stage_entered_at: DbTime,
    expected_close_day: Option<i64>,
    probability: Option<i64>,
    forecast_category: Option<String>,
    source: Option<String>,
    source_key: Option<String>,
}

impl FactRow {
    fn into_fact(self) -> Outcome<DealFact> {
        Ok(DealFact {
            id: self.id.into(),
            pipeline_id: self.pipeline_id.into(),
            stage_id: self.stage_id.into(),
            status: deal::status(&self.status)?,
            value: deal::money(self.value_minor, self.value_currency)?,
            owner_id: self.owner_id.map(Id::from),
            created_at: self.created_at.into(),
            opened_at: self.opened_at.map(Timestamp::from),
            closed_at: self.closed_at.map(Timestamp::from),
            stage_entered_at: self.stage_entered_at.into(),
            expected_close_date: self.expected_close_day.map(deal::day).transpose()?,
            probability: self.probability,
            forecast_category: self.forecast_category.as_deref().map(deal::category).transpose()?,
            source: super::text::join(self.source, self.source_key),
        })
    }
}

type CycleType = (Guid, Text, Nullable<Ts>, Nullable<Ts>, Nullable<Text>);
type CycleRow = (DbId, String, Option<DbTime>, Option<DbTime>, Option<String>);

fn into_cycle((id, status, opened_at, closed_at, currency): CycleRow) -> Outcome<CycleFact> {
    Ok(CycleFact {
        id: id.into(),
        status: deal::status(&status)?,
        opened_at: opened_at.map(Timestamp::from),
        closed_at: closed_at.map(Timestamp::from),
        currency: json::parsed(currency)?,
    })
}

type StepType = (Guid, BigInt, Nullable<Guid>, Guid, Ts);
type OwnedType = (Guid, BigInt, Nullable<Guid>, Guid, Ts, Nullable<Guid>);
type OwnedRow = (DbId, i64, Option<DbId>, DbId, DbTime, Option<DbId>);

/// The condition of a question.
pub(super) fn asked<T: Room>(grant: &Grant, workspace: i64, filter: &CheckedFilter) -> Result<Fragment> {
    let which = room::visible::<T>(grant, workspace).and(predicate(place::<T>(workspace), filter));
    list::check_binds(&which)?;
    Ok(which)
}

/// The facts of the deals that pass a condition.
pub(super) async fn facts(conn: &mut Conn, which: Fragment) -> Outcome<Vec<DealFact>> {
    facts_of_each(conn, vec![which]).await
}

/// The facts of the deals that pass each of some conditions. Each is looked up by an index of its own; of
/// one condition with alternatives a planner may rather walk all deals of a status.
pub(super) async fn facts_of_each(conn: &mut Conn, conditions: Vec<Fragment>) -> Outcome<Vec<DealFact>> {
    let select = |which: Fragment| Fragment::new(FACTS).then(which);
    let all = Fragment::chain(conditions.into_iter().map(select).collect(), " UNION ALL ");
    let Some(all) = all else { return Ok(Vec::new()) };
    let rows: Vec<FactRow> = Statement::<FactType>::new(all).load(conn).await?;
    rows.into_iter().map(FactRow::into_fact).collect()
}

#[async_trait]
impl AnalyticsStore for Store {
    async fn deal_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealFact>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = asked::<Deal>(grant, workspace, filter)?;
        let read = async move |conn: &mut Conn| -> Outcome<Vec<DealFact>> {
            let mut facts = facts(conn, which).await?;
            facts.sort_by_key(|fact| fact.id);
            Ok(facts)
        };
        self.pools.read(read).await
    }

    async fn deal_groups(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        window: Window,
        own: Currency,
    ) -> Result<DealGroups> {
        months::groups(self, grant, filter, window, own).await
    }

    async fn ended_groups(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        window: Window,
        every: Period,
        own: Currency,
    ) -> Result<DealGroups> {
        endings::groups(self, grant, filter, window, every, own).await
    }

    async fn won_by_source(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        window: Window,
        own: Currency,
    ) -> Result<Vec<SourceSum>> {
        endings::by_source(self, grant, filter, window, own).await
    }

    async fn open_deals(&self, grant: &Grant, filter: &CheckedFilter) -> Result<BTreeMap<Option<Id<User>>, u64>> {
        endings::open(self, grant, filter).await
    }

    async fn cycle_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<CycleFact>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let facts = Fragment::new(CYCLES).then(asked::<Deal>(grant, workspace, filter)?);
        self.pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<CycleFact>> {
                let rows: Vec<CycleRow> = Statement::<CycleType>::new(facts).load(conn).await?;
                rows.into_iter().map(into_cycle).collect()
            })
            .await
    }

    async fn deal_moves(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealMove>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let steps = Fragment::new(STEPS).then(asked::<Deal>(grant, workspace, filter)?);
        self.pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<DealMove>> {
                let rows: Vec<history::StepRow> = Statement::<StepType>::new(steps).load(conn).await?;
                let mut steps: Vec<DealMove> = rows.into_iter().map(history::step).collect();
                // They come in this order but for few, whatever index led to the deals: it costs nearly nothing
                // here, and a database would sort all of them.
                steps.sort_by_key(|step| (step.deal_id, step.place));
                Ok(steps)
            })
            .await
    }

    async fn moves_between(
        &self,
        grant: &Grant,
        filter: &CheckedFilter,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Vec<OwnedMove>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = asked::<Deal>(grant, workspace, filter)?;
        let is_of_all = board::is_of_all(grant, filter);
        let (order, mark) = match from {
            Some(_) if is_of_all => (STEPS_FIRST, ""),
            _ => (DEALS_FIRST, dialect::UNINDEXED),
        };
        let mut steps = Fragment::new(OWNED).sql(order).sql(" WHERE steps.workspace_id = ").bind(workspace);
        if let Some(from) = from {
            steps = steps.sql(" AND ").sql(mark).sql("steps.at >= ").bind(DbTime(from));
        }
        if let Some(to) = to {
            steps = steps.sql(" AND ").sql(mark).sql("steps.at < ").bind(DbTime(to));
        }
        let steps = steps.sql(SAME_DEAL).then(which);
        self.pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<OwnedMove>> {
                let rows: Vec<OwnedRow> = Statement::<OwnedType>::new(steps).load(conn).await?;
                let owned = |(deal, place, from, to, at, owner): OwnedRow| OwnedMove {
                    step: history::step((deal, place, from, to, at)),
                    owner_id: owner.map(Id::from),
                };
                Ok(rows.into_iter().map(owned).collect())
            })
            .await
    }

    async fn contact_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<ContactFact>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let facts = Fragment::new(CONTACTS).then(asked::<Contact>(grant, workspace, filter)?);
        let facts = facts.sql(" ORDER BY contacts.id");
        self.pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<ContactFact>> {
                let rows: Vec<(DbId, String, DbTime)> = Statement::<(Guid, Text, Ts)>::new(facts).load(conn).await?;
                let fact = |(id, lifecycle, created_at): (DbId, String, DbTime)| {
                    let lifecycle = Lifecycle::named(&lifecycle).ok_or(json::unreadable("a lifecycle"))?;
                    Ok(ContactFact { id: id.into(), lifecycle, created_at: created_at.into() })
                };
                rows.into_iter().map(fact).collect()
            })
            .await
    }

    async fn work(&self, grant: &Grant, kind: WorkKind, filter: &CheckedFilter) -> Result<Vec<Work>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let (select, which, order) = match kind {
            WorkKind::Notes => (NOTES, asked::<Note>(grant, workspace, filter)?, " ORDER BY notes.id"),
            WorkKind::Tasks => (TASKS, asked::<Task>(grant, workspace, filter)?, " ORDER BY tasks.id"),
            WorkKind::Contacts => (NEW_CONTACTS, asked::<Contact>(grant, workspace, filter)?, " ORDER BY contacts.id"),
            WorkKind::Companies => {
                (NEW_COMPANIES, asked::<Company>(grant, workspace, filter)?, " ORDER BY companies.id")
            }
            WorkKind::Deals => (NEW_DEALS, asked::<Deal>(grant, workspace, filter)?, " ORDER BY deals.id"),
        };
        let work = Fragment::new(select).then(which).sql(order);
        self.pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<Work>> {
                let rows: Vec<WorkRow> = Statement::<WorkType>::new(work).load(conn).await?;
                rows.into_iter().map(into_work).collect()
            })
            .await
    }

    async fn stage_flows(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        filter: &CheckedFilter,
    ) -> Result<Vec<StageFlow>> {
        board::flows(self, grant, pipeline, filter).await
    }

    async fn flows_between(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        stages: &[Id<Stage>],
        filter: &CheckedFilter,
    ) -> Result<Vec<StageFlow>> {
        board::flows_between(self, grant, pipeline, stages, filter).await
    }
}
