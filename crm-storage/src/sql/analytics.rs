//! What analytics reads: the deals of a question with few of their columns, and their ways.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::analytics::{AnalyticsStore, DealFact, StageFlow};
use crm_core::deal::{Deal, DealMove};
use crm_core::filter::CheckedFilter;
use crm_core::{Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::fragment::{Fragment, Statement};
use super::predicate::predicate;
use super::room::{self, place};
use super::{Conn, RunQueryDsl, Store, deal, history, list};
use crate::fault::Outcome;
use crate::types::{DbId, DbTime, Guid, Ts};

/// A deal's columns that figures are made of.
const FACTS: &str = "SELECT deals.id, deals.pipeline_id, deals.stage_id, deals.status, deals.value_minor, \
    deals.value_currency, deals.owner_id, deals.created_at, deals.opened_at, deals.closed_at, \
    deals.stage_entered_at, deals.expected_close_day, deals.probability, deals.forecast_category, deals.source, \
    deals.source_key FROM deals WHERE ";
/// Steps of deals. A cross join is done as it is written on SQLite, which would rather walk all steps than
/// those of the deals in question.
const STEPS: &str = "SELECT steps.deal_id, steps.place, steps.from_stage, steps.to_stage, steps.at \
    FROM deals CROSS JOIN deal_moves AS steps \
    WHERE steps.workspace_id = deals.workspace_id AND steps.deal_id = deals.id AND ";
/// How many deals went from where to where.
const FLOWS: &str = "SELECT steps.from_stage, steps.to_stage, COUNT(*) \
    FROM deals CROSS JOIN deal_moves AS steps \
    WHERE steps.workspace_id = deals.workspace_id AND steps.deal_id = deals.id AND ";

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

type StepType = (Guid, BigInt, Nullable<Guid>, Guid, Ts);

/// The condition of a question.
fn asked(grant: &Grant, workspace: i64, filter: &CheckedFilter) -> Result<Fragment> {
    let which = room::visible::<Deal>(grant, workspace).and(predicate(place::<Deal>(workspace), filter));
    list::check_binds(&which)?;
    Ok(which)
}

#[async_trait]
impl AnalyticsStore for Store {
    async fn deal_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealFact>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let facts = Fragment::new(FACTS).then(asked(grant, workspace, filter)?).sql(" ORDER BY deals.id");
        self.pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<DealFact>> {
                let rows: Vec<FactRow> = Statement::<FactType>::new(facts).load(conn).await?;
                rows.into_iter().map(FactRow::into_fact).collect()
            })
            .await
    }

    async fn deal_moves(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealMove>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let steps = Fragment::new(STEPS).then(asked(grant, workspace, filter)?);
        let steps = steps.sql(" ORDER BY steps.deal_id, steps.place");
        self.pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<DealMove>> {
                let rows: Vec<history::StepRow> = Statement::<StepType>::new(steps).load(conn).await?;
                Ok(rows.into_iter().map(history::step).collect())
            })
            .await
    }

    async fn stage_flows(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<StageFlow>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let flows = Fragment::new(FLOWS).then(asked(grant, workspace, filter)?);
        let flows = flows.sql(" GROUP BY steps.from_stage, steps.to_stage");
        let rows = self
            .pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<(Option<DbId>, DbId, i64)>> {
                Ok(Statement::<(Nullable<Guid>, Guid, BigInt)>::new(flows).load(conn).await?)
            })
            .await?;
        let flow = |(from, to, count): (Option<DbId>, DbId, i64)| StageFlow {
            from: from.map(Id::from),
            to: to.into(),
            count: u64::try_from(count).unwrap_or(0),
        };
        let mut flows: Vec<StageFlow> = rows.into_iter().map(flow).collect();
        flows.sort_unstable_by_key(|flow| (flow.from, flow.to));
        Ok(flows)
    }
}
