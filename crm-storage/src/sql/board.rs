//! The sums of the board.
//!
//! Who sees all deals and asks about all is answered from sums that every commit keeps, so that a board costs the
//! same however many deals there are. Who sees some of them or asks about some is answered from the deals
//! themselves, as is whoever asks about the stages that are left of a pipeline which gave one up.

use std::collections::BTreeMap;

use crm_core::access::Grant;
use crm_core::analytics::StageFlow;
use crm_core::deal::{Deal, StageTotal};
use crm_core::filter::CheckedFilter;
use crm_core::pipeline::{Pipeline, Stage};
use crm_core::store::Put;
use crm_core::{Entity, Id, Money, Result, Totals};
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use super::analytics::asked;
use super::fragment::{Fragment, Statement};
use super::history::Trodden;
use super::{Conn, RunQueryDsl, Store, dialect, months, room};
use crate::fault::Outcome;
use crate::types::{DbId, Guid};

/// What stands for a probability that nobody gave, in a key.
const NO_PROBABILITY: i64 = -1;
/// What stands for the stage before the first one, in a key.
const NOWHERE: Uuid = Uuid::nil();
/// Most rows of one statement; few enough for the binds of both stores.
const CHUNK: usize = 1_000;
/// Statements with at most so many rows are kept by connections.
const FEW: usize = 4;

/// The deals that are summed together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SumKey {
    pipeline: Uuid,
    stage: Uuid,
    probability: i64,
    currency: String,
}

/// How a sum changes: deals, and the two halves of their worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) deals: i64,
    pub(super) high: i64,
    pub(super) low: i64,
}

impl Sum {
    /// Adds a deal, or with the sign -1 takes it out.
    pub(super) fn add(&mut self, deal: &Deal, sign: i64) {
        let minor = deal.value.map_or(0, |value| value.amount_minor);
        self.deals += sign;
        self.high += sign * (minor / HALF);
        self.low += sign * (minor % HALF);
    }
}

/// What two halves of a sum are together.
pub(super) fn whole(high: i64, low: i64) -> i128 {
    i128::from(high) * i128::from(HALF) + i128::from(low)
}

/// Deals that went the same way: pipeline, stage left, stage reached.
type FlowKey = (Uuid, Uuid, Uuid);

/// Keeps the sums in step with what a commit wrote; the deals and their ways are written already. All are on their
/// way at once, in one order of the tables.
pub(super) async fn write(conn: &mut Conn, workspace: i64, puts: &[Put<Deal>], trodden: &Trodden) -> Outcome<()> {
    if puts.is_empty() {
        return Ok(());
    }
    let flows = flows_of(conn, workspace, puts, trodden).await?;
    let mut additions = sum_additions(workspace, &sums_of(puts));
    additions.extend(months::additions(workspace, puts));
    additions.extend(flow_additions(workspace, &flows));
    dialect::each(conn, additions).await?;
    Ok(())
}

/// What writes of deals do to the sums, without what stays the same.
fn sums_of(puts: &[Put<Deal>]) -> BTreeMap<SumKey, Sum> {
    let mut sums: BTreeMap<SumKey, Sum> = BTreeMap::new();
    let mut add = |deal: &Deal, sign: i64| {
        let key = SumKey {
            pipeline: deal.pipeline_id.uuid(),
            stage: deal.stage_id.uuid(),
            probability: deal.probability.unwrap_or(NO_PROBABILITY),
            currency: deal.value.map(|value| value.currency.code().to_owned()).unwrap_or_default(),
        };
        sums.entry(key).or_default().add(deal, sign);
    };
    for put in puts {
        if let Some(before) = put.before.as_ref().filter(|before| before.deleted_at.is_none()) {
            add(before, -1);
        }
        if put.after.deleted_at.is_none() {
            add(&put.after, 1);
        }
    }
    sums.retain(|_, sum| *sum != Sum::default());
    sums
}

/// What writes of deals do to the flows: of deals that stay, the steps that came or went count; with a deal
/// that comes or goes, all of its way.
async fn flows_of(
    conn: &mut Conn,
    workspace: i64,
    puts: &[Put<Deal>],
    trodden: &Trodden,
) -> Outcome<BTreeMap<FlowKey, i64>> {
    let mut flows: BTreeMap<FlowKey, i64> = BTreeMap::new();
    let mut add = |pipeline: Option<Uuid>, from: Option<Uuid>, to: Uuid, count: i64| {
        if let Some(pipeline) = pipeline {
            *flows.entry((pipeline, from.unwrap_or(NOWHERE), to)).or_default() += count;
        }
    };
    let places: BTreeMap<Uuid, Places> = puts.iter().map(|put| (put.after.id.uuid(), Places::of(put))).collect();
    for step in &trodden.added {
        let Some(places) = places.get(&step.deal_id.uuid()) else { continue };
        // The way of a deal that went holds the step by now, but its place never had it.
        let counts_in = if places.changed() { places.before } else { places.after };
        add(counts_in, step.from.map(Id::uuid), step.to.uuid(), 1);
    }
    for step in &trodden.removed {
        // The way holds the step no longer, but the place that the deal had before counts it.
        if let Some(places) = places.get(&step.deal_id.uuid()) {
            add(places.before, step.from.map(Id::uuid), step.to.uuid(), -1);
        }
    }
    let went: Vec<DbId> = places.iter().filter(|(_, places)| places.changed()).map(|(id, _)| DbId(*id)).collect();
    for (deal, from, to, count) in ways(conn, workspace, &went).await? {
        let Some(places) = places.get(&deal.0) else { continue };
        let from = from.map(|from| from.0);
        add(places.before, from, to.0, -count);
        add(places.after, from, to.0, count);
    }
    flows.retain(|_, change| *change != 0);
    Ok(flows)
}

/// The pipelines in which a write finds and leaves a deal; none while it is not there or deleted.
struct Places {
    before: Option<Uuid>,
    after: Option<Uuid>,
}

impl Places {
    fn of(put: &Put<Deal>) -> Self {
        let place = |deal: &Deal| deal.deleted_at.is_none().then(|| deal.pipeline_id.uuid());
        Self { before: put.before.as_ref().and_then(place), after: place(&put.after) }
    }

    fn changed(&self) -> bool {
        self.before != self.after
    }
}

/// How often a deal went from one stage to another: deal, stage left, stage reached, times.
type WayRow = (DbId, Option<DbId>, DbId, i64);

/// The ways of these deals.
async fn ways(conn: &mut Conn, workspace: i64, deals: &[DbId]) -> Outcome<Vec<WayRow>> {
    if deals.is_empty() {
        return Ok(Vec::new());
    }
    let ways = Fragment::new("SELECT deal_id, from_stage, to_stage, COUNT(*) FROM deal_moves WHERE workspace_id = ");
    let ways = ways.bind(workspace).sql(" AND deal_id").in_ids(deals).sql(" GROUP BY deal_id, from_stage, to_stage");
    Ok(Statement::<(Guid, Nullable<Guid>, Guid, BigInt)>::new(ways).load(conn).await?)
}

fn sum_additions(workspace: i64, sums: &BTreeMap<SumKey, Sum>) -> Vec<Statement<()>> {
    let rows = sums.iter().map(|(key, sum)| {
        let row = Fragment::new("").bind(workspace).sql(", ").bind(DbId(key.pipeline)).sql(", ");
        let row = row.bind(DbId(key.stage)).sql(", ").bind(key.probability).sql(", ").bind(key.currency.clone());
        row.sql(", ").bind(sum.deals).sql(", ").bind(sum.high).sql(", ").bind(sum.low)
    });
    const INSERT: &str = "INSERT INTO deal_sums (slot, workspace_id, pipeline_id, stage_id, probability, currency, deals, high, low) \
        VALUES (";
    const ADD: &str = ") ON CONFLICT (workspace_id, pipeline_id, stage_id, probability, currency, slot) DO UPDATE \
        SET deals = deal_sums.deals + excluded.deals, high = deal_sums.high + excluded.high, \
        low = deal_sums.low + excluded.low";
    upserts(INSERT, &rows.collect::<Vec<_>>(), ADD)
}

fn flow_additions(workspace: i64, flows: &BTreeMap<FlowKey, i64>) -> Vec<Statement<()>> {
    let rows = flows.iter().map(|((pipeline, from, to), moves)| {
        let row = Fragment::new("").bind(workspace).sql(", ").bind(DbId(*pipeline)).sql(", ");
        row.bind(DbId(*from)).sql(", ").bind(DbId(*to)).sql(", ").bind(*moves)
    });
    const INSERT: &str =
        "INSERT INTO deal_flows (slot, workspace_id, pipeline_id, from_stage, to_stage, moves) VALUES (";
    const ADD: &str = ") ON CONFLICT (workspace_id, pipeline_id, from_stage, to_stage, slot) DO UPDATE \
        SET moves = deal_flows.moves + excluded.moves";
    upserts(INSERT, &rows.collect::<Vec<_>>(), ADD)
}

/// What adds rows to those with the same keys, in the order of the keys, in which all commits wait for one
/// another. Commits on other connections add to rows of other slots and need not wait.
pub(super) fn upserts(insert: &'static str, rows: &[Fragment], add: &'static str) -> Vec<Statement<()>> {
    let upsert = |chunk: &[Fragment]| {
        let mut statement = Fragment::new(insert);
        for (at, row) in chunk.iter().enumerate() {
            statement = statement.sql(if at == 0 { "" } else { "), (" }).sql(dialect::SLOT).sql(", ").then(row.clone());
        }
        let statement = statement.sql(add);
        Statement::new(if chunk.len() <= FEW { statement.fixed() } else { statement })
    };
    rows.chunks(CHUNK).map(upsert).collect()
}

/// A row of sums: stage, probability by hand, currency, deals, and the two halves of their worth.
type SumRow = (DbId, Option<i64>, Option<String>, i64, Option<i64>, Option<i64>);
/// Its SQL type.
type SumType = (Guid, Nullable<BigInt>, Nullable<Text>, BigInt, Nullable<BigInt>, Nullable<BigInt>);

/// Worth is added up in halves of 32 bits, so that no sum of a database overflows.
const HALF: i64 = 4_294_967_296;
/// Sums of the deals themselves.
const LIVE_SUMS: &str = "SELECT stage_id, probability, value_currency, COUNT(*), \
    CAST(SUM(value_minor / 4294967296) AS BIGINT), CAST(SUM(value_minor % 4294967296) AS BIGINT) \
    FROM deals WHERE ";
/// The sums that commits keep.
const KEPT_SUMS: &str = "SELECT stage_id, NULLIF(probability, -1), NULLIF(currency, ''), \
    CAST(SUM(deals) AS BIGINT), CAST(SUM(high) AS BIGINT), CAST(SUM(low) AS BIGINT) \
    FROM deal_sums WHERE workspace_id = ";
/// How many of the deals themselves went from where to where.
const LIVE_FLOWS: &str = "SELECT steps.from_stage, steps.to_stage, COUNT(*) \
    FROM deals CROSS JOIN deal_moves AS steps \
    WHERE steps.workspace_id = deals.workspace_id AND steps.deal_id = deals.id AND ";
/// The same between some stages: a step to another one is passed over.
const STEPS_BETWEEN: &str = "SELECT passed.from_stage, passed.to_stage, COUNT(*) FROM (SELECT steps.to_stage, \
    LAG(steps.to_stage) OVER (PARTITION BY steps.deal_id ORDER BY steps.place) AS from_stage \
    FROM deals CROSS JOIN deal_moves AS steps \
    WHERE steps.workspace_id = deals.workspace_id AND steps.deal_id = deals.id AND ";
const COUNTED_BETWEEN: &str = ") AS passed WHERE passed.from_stage IS NULL OR passed.from_stage <> passed.to_stage \
    GROUP BY passed.from_stage, passed.to_stage";
/// Deals with their places among those of their stages, who came last first.
const RANKED: &str = "SELECT ranked.id FROM (SELECT deals.id, ROW_NUMBER() OVER (PARTITION BY deals.stage_id \
    ORDER BY deals.stage_entered_at DESC, deals.id DESC) AS place FROM deals WHERE ";
/// The flows that commits keep.
const KEPT_FLOWS: &str = "SELECT from_stage, to_stage, CAST(SUM(moves) AS BIGINT) FROM deal_flows \
    WHERE workspace_id = ";

/// Whether the caller asks about every deal and sees it, so that what is kept of all is theirs.
pub(super) fn is_of_all(grant: &Grant, filter: &CheckedFilter) -> bool {
    let everything = CheckedFilter::everything();
    *filter == everything && grant.visible(Entity::Deal) == everything
}

/// The deals of a question that are in a pipeline.
fn asked_in(grant: &Grant, workspace: i64, pipeline: DbId, filter: &CheckedFilter) -> Result<Fragment> {
    Ok(asked::<Deal>(grant, workspace, filter)?.sql(" AND deals.pipeline_id = ").bind(pipeline))
}

/// Number and worth of the deals of a question that are in a pipeline.
pub(super) async fn totals(
    store: &Store,
    grant: &Grant,
    pipeline: Id<Pipeline>,
    filter: &CheckedFilter,
) -> Result<Vec<StageTotal>> {
    let (workspace, pipeline) = (store.workspace_key(grant.workspace_id()).await?, DbId::from(pipeline));
    let sums = if is_of_all(grant, filter) {
        let kept = Fragment::new(KEPT_SUMS).bind(workspace).sql(" AND pipeline_id = ").bind(pipeline);
        kept.sql(" GROUP BY stage_id, probability, currency HAVING SUM(deals) > 0").fixed()
    } else {
        let live = Fragment::new(LIVE_SUMS).then(asked_in(grant, workspace, pipeline, filter)?);
        live.sql(" GROUP BY stage_id, probability, value_currency")
    };
    let load =
        async move |conn: &mut Conn| -> Outcome<Vec<SumRow>> { Ok(Statement::<SumType>::new(sums).load(conn).await?) };
    stage_totals(store.pools.read(load).await?)
}

/// How often the deals of a question that are in a pipeline went from where to where.
pub(super) async fn flows(
    store: &Store,
    grant: &Grant,
    pipeline: Id<Pipeline>,
    filter: &CheckedFilter,
) -> Result<Vec<StageFlow>> {
    let (workspace, pipeline) = (store.workspace_key(grant.workspace_id()).await?, DbId::from(pipeline));
    let flows = if is_of_all(grant, filter) {
        let kept = Fragment::new(KEPT_FLOWS).bind(workspace).sql(" AND pipeline_id = ").bind(pipeline);
        kept.sql(" GROUP BY from_stage, to_stage HAVING SUM(moves) > 0").fixed()
    } else {
        let live = Fragment::new(LIVE_FLOWS).then(asked_in(grant, workspace, pipeline, filter)?);
        live.sql(" GROUP BY steps.from_stage, steps.to_stage")
    };
    load_flows(store, flows).await
}

/// How often the deals of a question that are in a pipeline went from one of these stages to another.
pub(super) async fn flows_between(
    store: &Store,
    grant: &Grant,
    pipeline: Id<Pipeline>,
    stages: &[Id<Stage>],
    filter: &CheckedFilter,
) -> Result<Vec<StageFlow>> {
    let (workspace, pipeline) = (store.workspace_key(grant.workspace_id()).await?, DbId::from(pipeline));
    let stages: Vec<DbId> = stages.iter().map(|stage| DbId::from(*stage)).collect();
    let steps = Fragment::new(STEPS_BETWEEN).then(asked_in(grant, workspace, pipeline, filter)?);
    load_flows(store, steps.sql(" AND steps.to_stage").in_ids(&stages).sql(COUNTED_BETWEEN)).await
}

/// The conditions of the deals of a question that got to each of these stages last, at most so many a stage; none
/// without stages. All deals of a stage are walked in the order in which they came, until there are enough; those
/// that pass a filter may be few, so they are put into that order, and the filter stands in the statement once.
pub(super) fn last_in_stages(
    grant: &Grant,
    workspace: i64,
    stages: &[Id<Stage>],
    filter: &CheckedFilter,
    most: i64,
) -> Result<Option<Fragment>> {
    let own = if *filter == CheckedFilter::everything() {
        let last = |stage: &Id<Stage>| {
            let own = Fragment::new("SELECT id FROM (SELECT deals.id FROM deals WHERE ");
            let own = own.then(room::visible::<Deal>(grant, workspace)).sql(" AND deals.stage_id = ");
            let own = own.bind(DbId::from(*stage)).sql(" ORDER BY deals.stage_entered_at DESC, deals.id DESC LIMIT ");
            own.bind(most).sql(") AS last")
        };
        Fragment::chain(stages.iter().map(last).collect(), " UNION ALL ")
    } else {
        let ids: Vec<DbId> = stages.iter().map(|stage| DbId::from(*stage)).collect();
        let own = Fragment::new(RANKED).then(asked::<Deal>(grant, workspace, filter)?);
        let own = own.sql(" AND deals.stage_id").in_ids(&ids).sql(") AS ranked WHERE ranked.place <= ").bind(most);
        (!ids.is_empty()).then_some(own)
    };
    let of = |own| Fragment::new("deals.workspace_id = ").bind(workspace).sql(" AND deals.id IN (").then(own).sql(")");
    Ok(own.map(of))
}

async fn load_flows(store: &Store, flows: Fragment) -> Result<Vec<StageFlow>> {
    let load = async move |conn: &mut Conn| -> Outcome<Vec<(Option<DbId>, DbId, i64)>> {
        Ok(Statement::<(Nullable<Guid>, Guid, BigInt)>::new(flows).load(conn).await?)
    };
    let flow = |(from, to, count): (Option<DbId>, DbId, i64)| StageFlow {
        from: from.filter(|from| from.0 != NOWHERE).map(Id::from),
        to: to.into(),
        count: u64::try_from(count).unwrap_or(0),
    };
    let mut flows: Vec<StageFlow> = store.pools.read(load).await?.into_iter().map(flow).collect();
    flows.sort_unstable_by_key(|flow| (flow.from, flow.to));
    Ok(flows)
}

fn stage_totals(rows: Vec<SumRow>) -> Result<Vec<StageTotal>> {
    let mut stages: BTreeMap<(Id<Stage>, Option<i64>), StageTotal> = BTreeMap::new();
    for (stage, probability, currency, count, high, low) in rows {
        let stage_id = Id::from(stage);
        let empty = || StageTotal { stage_id, probability, count: 0, total: Totals::default() };
        let stage = stages.entry((stage_id, probability)).or_insert_with(empty);
        stage.count += u64::try_from(count).unwrap_or(0);
        if let (Some(currency), Some(high), Some(low)) = (currency, high, low) {
            let sum = whole(high, low);
            // A sum beyond 64 bits is refused as `Totals` refuses it.
            let half = |sum: i128| i64::try_from(sum).unwrap_or(i64::MAX);
            let currency = currency.parse()?;
            stage.total.add(Money::minor(half(sum / 2), currency))?;
            stage.total.add(Money::minor(half(sum - sum / 2), currency))?;
        }
    }
    Ok(stages.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(high: i64, low: i64) -> Result<Vec<StageTotal>> {
        stage_totals(vec![(DbId(uuid::Uuid::nil()), None, Some("USD".to_owned()), 1, Some(high), Some(low))])
    }

    #[test]
    fn a_stage_has_one_sum_a_probability_in_whatever_order_a_database_gives_its_currencies() {
        let row = |stage: u128, probability, currency: &str| {
            (DbId(Uuid::from_u128(stage)), probability, Some(currency.to_owned()), 1, Some(0), Some(7))
        };
        let rows = vec![row(2, None, "USD"), row(1, Some(9), "USD"), row(2, None, "EUR"), row(1, None, "USD")];
        let told = stage_totals(rows).unwrap();
        let told = told.iter().map(|stage| (stage.stage_id.uuid().as_u128(), stage.probability, stage.count));
        assert_eq!(told.collect::<Vec<_>>(), [(1, None, 1), (1, Some(9), 1), (2, None, 2)]);
    }

    #[test]
    fn the_greatest_sum_is_told_and_one_beyond_it_is_refused() {
        let [greatest] = sum((1 << 31) - 1, (1 << 32) - 1).unwrap().try_into().unwrap();
        assert_eq!(greatest.total.iter().map(|sum| sum.amount_minor).collect::<Vec<_>>(), [i64::MAX]);
        assert!(sum(1 << 31, 0).is_err());
        assert!(sum(i64::MAX, 0).is_err());
    }
}
