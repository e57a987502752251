//! The sums of forecasts and of what ended, month by month.
//!
//! Every commit keeps them, by the months of UTC. A question that they can tell apart, of whole months and
//! about nothing but pipelines, stages and owners, is answered from them. In other zones a month begins some
//! hours earlier or later: the deals won within those hours are read one by one and put where they belong, as
//! are those won in a foreign currency, which need the rate of their day.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike as _, NaiveDate};
use crm_core::access::Grant;
use crm_core::analytics::{DealFact, DealGroups, GroupKey, GroupSum, Window, group_key};
use crm_core::deal::{Deal, DealStatus};
use crm_core::filter::{Check, CheckedFilter, Literal, Test};
use crm_core::store::Put;
use crm_core::{Currency, Entity, Id, Result, Zone};
use diesel::sql_types::{BigInt, Text};
use uuid::Uuid;

use super::analytics::{asked, facts, facts_of_each};
use super::board::{Sum, upserts};
use super::fragment::{Fragment, Statement};
use super::predicate::{Place, predicate};
use super::{Conn, RunQueryDsl, Store, deal, dialect};
use crate::fault::Outcome;
use crate::types::{DbId, DbTime, Guid};

/// What stands for a month, a probability and so on that there is not, in a key.
const NONE: i64 = -1;
/// How much earlier or later than at a month's beginning its deals are looked at: a clock that is put back
/// at midnight tells the day before once more.
const MARGIN: i64 = 2 * 3_600;
/// Most ranges of one statement.
const RANGES: usize = 100;

/// The deals that are summed together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct MonthKey {
    status: &'static str,
    month: i64,
    pipeline: Uuid,
    stage: Uuid,
    owner: Uuid,
    currency: String,
    probability: i64,
    category: &'static str,
}

/// The number of a day's month, counted from year 0.
fn month_of(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month0())
}

/// The first day of a month; none of no month.
fn first_day(month: i64) -> Option<NaiveDate> {
    let year = i32::try_from(month.div_euclid(12)).ok().filter(|_| month != NONE)?;
    NaiveDate::from_ymd_opt(year, u32::try_from(month.rem_euclid(12)).ok()? + 1, 1)
}

impl MonthKey {
    /// The place of a deal; none for one that ended without saying when.
    fn of(deal: &Deal) -> Option<Self> {
        let is_open = deal.status == DealStatus::Open;
        let month = match deal.status {
            DealStatus::Open => deal.expected_close_date.map_or(NONE, month_of),
            DealStatus::Won | DealStatus::Lost => month_of(deal.closed_at?.utc().date_naive()),
        };
        Some(Self {
            status: deal.status.name(),
            month,
            pipeline: deal.pipeline_id.uuid(),
            stage: deal.stage_id.uuid(),
            owner: deal.owner_id.map_or(Uuid::nil(), Id::uuid),
            currency: deal.value.map(|value| value.currency.code().to_owned()).unwrap_or_default(),
            probability: deal.probability.filter(|_| is_open).unwrap_or(NONE),
            category: deal.forecast_category.filter(|_| is_open).map_or("", |category| category.name()),
        })
    }
}

/// What keeps the sums in step with what a commit wrote.
pub(super) fn additions(workspace: i64, puts: &[Put<Deal>]) -> Vec<Statement<()>> {
    let mut sums: BTreeMap<MonthKey, Sum> = BTreeMap::new();
    let mut add = |deal: &Deal, sign: i64| {
        if let Some(key) = MonthKey::of(deal).filter(|_| deal.deleted_at.is_none()) {
            sums.entry(key).or_default().add(deal, sign);
        }
    };
    for put in puts {
        put.before.iter().for_each(|before| add(before, -1));
        add(&put.after, 1);
    }
    sums.retain(|_, sum| *sum != Sum::default());
    let row = |(key, sum): (MonthKey, Sum)| {
        let row = Fragment::new("").bind(workspace).sql(", ").bind(key.status).sql(", ").bind(key.month).sql(", ");
        let row = row.bind(DbId(key.pipeline)).sql(", ").bind(DbId(key.stage)).sql(", ").bind(DbId(key.owner));
        let row = row.sql(", ").bind(key.currency).sql(", ").bind(key.probability).sql(", ").bind(key.category);
        row.sql(", ").bind(sum.deals).sql(", ").bind(sum.high).sql(", ").bind(sum.low)
    };
    upserts(INSERT, &sums.into_iter().map(row).collect::<Vec<_>>(), ADD)
}

const INSERT: &str = "INSERT INTO deal_months (slot, workspace_id, status, month, pipeline_id, stage_id, owner_id, \
    currency, probability, category, deals, high, low) VALUES (";
const ADD: &str = ") ON CONFLICT (workspace_id, status, month, pipeline_id, stage_id, owner_id, currency, probability, \
    category, slot) DO UPDATE SET deals = deal_months.deals + excluded.deals, \
    high = deal_months.high + excluded.high, low = deal_months.low + excluded.low";
const KEPT: &str = "SELECT status, month, pipeline_id, stage_id, owner_id, currency, probability, category, \
    CAST(SUM(deals) AS BIGINT), CAST(SUM(high) AS BIGINT), CAST(SUM(low) AS BIGINT) \
    FROM deal_months WHERE deal_months.workspace_id = ";
const GROUPED: &str = " GROUP BY status, month, pipeline_id, stage_id, owner_id, currency, probability, category \
    HAVING SUM(deals) <> 0";

/// The SQL type of a row of [`kept`].
pub(super) type MonthType = (Text, BigInt, Guid, Guid, Guid, Text, BigInt, Text, BigInt, BigInt, BigInt);
/// A row of [`kept`].
pub(super) type MonthRow = (String, i64, DbId, DbId, DbId, String, i64, String, i64, i64, i64);

/// Whether sums can tell what a filter asks.
pub(super) fn is_kept(filter: &CheckedFilter) -> bool {
    match filter {
        CheckedFilter::All(parts) | CheckedFilter::Any(parts) => parts.iter().all(is_kept),
        CheckedFilter::Is(Test { field, check }) => {
            matches!(&*field.key, "pipeline_id" | "stage_id" | "owner_id") && is_told_apart(check)
        }
        _ => false,
    }
}

/// Whether sums can tell apart what a check asks: the nil id stands for nobody in them.
fn is_told_apart(check: &Check) -> bool {
    let is_id = |value: &Literal| matches!(value, Literal::Id(id) if !id.is_nil());
    match check {
        Check::Eq(value) => is_id(value),
        Check::In(values) => values.iter().all(is_id),
        _ => false,
    }
}

/// The months of sums that a window asks for; none where it asks for all. A month of its zone may begin in the
/// one of UTC before it and end in the one after it, and open deals that nobody expects are of any window.
fn told_within(window: Window, status: [DealStatus; 2]) -> Option<Fragment> {
    let from = window.from.map(|day| Fragment::new("month >= ").bind(month_of(day) - 1));
    let to = window.to.map(|day| Fragment::new("month <= ").bind(month_of(day) + 1));
    let within = from.into_iter().chain(to).reduce(Fragment::and)?;
    Some(match status.contains(&DealStatus::Open) {
        true => Fragment::new("(month = ").bind(NONE).sql(" OR (").then(within).sql("))"),
        false => within,
    })
}

/// The sums of the deals of a question that stand in one of two ways, as far as a window may ask for them.
pub(super) fn kept(workspace: i64, question: [&CheckedFilter; 2], status: [DealStatus; 2], window: Window) -> Fragment {
    let months = told_within(window, status);
    let [first, second] = status.map(DealStatus::name);
    let own = Fragment::new(KEPT).bind(workspace).sql(" AND status IN (").bind(first).sql(", ").bind(second).sql(")");
    let place = Place::table(Entity::Deal, "deal_months", workspace);
    let own = months.into_iter().fold(own, Fragment::and);
    let own = question.iter().fold(own, |own, filter| own.and(predicate(place, filter)));
    own.sql(GROUPED)
}

/// The deals that a forecast takes in.
pub(super) async fn groups(
    store: &Store,
    grant: &Grant,
    filter: &CheckedFilter,
    window: Window,
    own: Currency,
) -> Result<DealGroups> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let seen = grant.visible(Entity::Deal);
    let which = asked::<Deal>(grant, workspace, filter)?;
    if !(window.is_of_months() && is_kept(filter) && is_kept(&seen)) {
        let which = which.and(taken_in(window));
        let read = async move |conn: &mut Conn| -> Outcome<Vec<DealFact>> { facts(conn, which).await };
        return Ok(DealGroups::of(&store.pools.read(read).await?, window, own));
    }
    let kept = kept(workspace, [&seen, filter], [DealStatus::Open, DealStatus::Won], window);
    let won = which.clone().sql(" AND deals.status = ").bind(DealStatus::Won.name());
    let question = Question { won, window, own };
    let foreign = which.and(taken_in(window)).sql(" AND deals.status = ").bind(DealStatus::Won.name());
    let foreign = foreign.sql(" AND deals.value_currency <> ").bind(own.code());
    let read = async move |conn: &mut Conn| -> Outcome<DealGroups> {
        let rows: Vec<MonthRow> = Statement::<MonthType>::new(kept).load(conn).await?;
        let (mut groups, has_foreign) = question.answer(conn, rows).await?;
        if has_foreign {
            for (key, sum) in DealGroups::of(&facts(conn, foreign).await?, window, own).iter() {
                groups.add(key, sum);
            }
        }
        Ok(groups)
    };
    // A deal that changes its currency in between is in one part of it.
    store.pools.read_still(read).await
}

/// The condition that a forecast of a window may take a deal in; a day is lost or won between zones.
fn taken_in(window: Window) -> Fragment {
    let day = 86_400;
    let mut open = Fragment::new("deals.status = ").bind(DealStatus::Open.name());
    if window.from.is_some() || window.to.is_some() {
        open = open.sql(" AND (deals.expected_close_day IS NULL OR (1 = 1");
        open = window.from.into_iter().fold(open, |open, from| {
            open.sql(" AND deals.expected_close_day >= ").bind(super::custom_field::day_number(from))
        });
        open = window.to.into_iter().fold(open, |open, to| {
            open.sql(" AND deals.expected_close_day <= ").bind(super::custom_field::day_number(to))
        });
        open = open.sql("))");
    }
    let mut won = Fragment::new("deals.status = ").bind(DealStatus::Won.name());
    if let Some(start) = window.start() {
        won = won.sql(" AND deals.closed_at >= ").bind(DbTime(start.plus_seconds(-day)));
    }
    if let Some(end) = window.end() {
        won = won.sql(" AND deals.closed_at < ").bind(DbTime(end.plus_seconds(day)));
    }
    Fragment::new("(").then(open).sql(") OR (").then(won).sql(")")
}

/// A question that kept sums answer.
struct Question {
    won: Fragment,
    window: Window,
    own: Currency,
}

impl Question {
    /// The groups without those of deals won in a foreign currency, and whether there are any.
    async fn answer(&self, conn: &mut Conn, rows: Vec<MonthRow>) -> Outcome<(DealGroups, bool)> {
        let mut groups = DealGroups::default();
        let (mut won, mut has_foreign) = (BTreeSet::new(), false);
        for row in rows {
            let month = row.1;
            let (key, sum) = group(row)?;
            if key.status == DealStatus::Won {
                won.insert(month);
                if self.is_foreign(&key) {
                    has_foreign = true;
                    continue;
                }
            }
            groups.add(key, sum);
        }
        if self.window.time_zone != Zone::UTC {
            for fact in around(conn, &self.won, self.window.time_zone, &won).await? {
                self.put_right(&fact, &mut groups);
            }
        }
        let window = self.window;
        groups.retain(|key| key.day.is_none_or(|day| window.holds_day(day)));
        Ok((groups, has_foreign))
    }

    fn is_foreign(&self, key: &GroupKey) -> bool {
        key.currency.is_some_and(|currency| currency != self.own)
    }

    /// Takes a deal that was won near the beginning of a month from the month of UTC to that of the zone.
    fn put_right(&self, fact: &DealFact, groups: &mut DealGroups) {
        let sum = GroupSum::of(fact);
        for (time_zone, sum) in [(Zone::UTC, sum.negated()), (self.window.time_zone, sum)] {
            let everything = Window { from: None, to: None, time_zone };
            if let Some(key) = group_key(fact, everything, self.own).filter(|key| !self.is_foreign(key)) {
                groups.add(key, sum);
            }
        }
    }
}

/// The deals of a condition that ended while a month had begun in UTC or in the zone alone.
pub(super) async fn around(
    conn: &mut Conn,
    which: &Fragment,
    zone: Zone,
    months: &BTreeSet<i64>,
) -> Outcome<Vec<DealFact>> {
    let beginnings: BTreeSet<i64> = months.iter().flat_map(|month| [*month, month + 1]).collect();
    let range = |day: NaiveDate| {
        let (here, there) = (Zone::UTC.start_of_day(day), zone.start_of_day(day));
        let (low, high) = (here.min(there).plus_seconds(-MARGIN), here.max(there).plus_seconds(MARGIN));
        let ended = which.clone().sql(" AND deals.closed_at >= ").bind(DbTime(low));
        ended.sql(" AND deals.closed_at < ").bind(DbTime(high))
    };
    let ranges: Vec<Fragment> = beginnings.into_iter().filter_map(first_day).map(range).collect();
    // As many in one statement as it takes with their binds.
    let most = (dialect::MAX_BINDS / (which.binds() + 2)).clamp(1, RANGES);
    let mut found = Vec::new();
    for ranges in ranges.chunks(most) {
        found.extend(facts_of_each(conn, ranges.to_vec()).await?);
    }
    Ok(found)
}

/// The group of a row of sums.
pub(super) fn group(row: MonthRow) -> Outcome<(GroupKey, GroupSum)> {
    let (status, month, pipeline, stage, owner, currency, probability, category, count, high, low) = row;
    let key = GroupKey {
        status: deal::status(&status)?,
        pipeline_id: pipeline.into(),
        stage_id: stage.into(),
        owner_id: (owner.0 != Uuid::nil()).then(|| owner.into()),
        day: first_day(month),
        probability: (probability != NONE).then_some(probability),
        forecast_category: (!category.is_empty()).then(|| deal::category(&category)).transpose()?,
        currency: super::json::parsed((!currency.is_empty()).then_some(currency))?,
    };
    Ok((key, GroupSum { count, worth: super::board::whole(high, low) }))
}
