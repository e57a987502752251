//! What ended, and what is open, added up.
//!
//! Where sums by month can tell what is asked, they answer, whoever asks. Deals that ended within the hours
//! by which a month of the caller's zone differs from that of UTC are read one by one, as are those won in a
//! foreign currency, and all that ended in the window where it or its periods are not of whole months. No sums
//! are kept by source: anybody may write anything there.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::access::Grant;
use crm_core::analytics::{DealFact, DealGroups, GroupKey, GroupSum, SourceSum, Window, ended_key};
use crm_core::deal::{Deal, DealStatus};
use crm_core::filter::CheckedFilter;
use crm_core::user::User;
use crm_core::{Currency, Entity, Id, Period, Result, Zone};
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use super::analytics::{asked, facts};
use super::fragment::{Fragment, Statement};
use super::months::{self, MonthRow, MonthType, around, is_kept};
use super::predicate::{Place, predicate};
use super::{Conn, RunQueryDsl, Store, board, dialect, json, text};
use crate::fault::Outcome;
use crate::types::{DbId, DbTime, Guid};

/// The condition that a deal ended in a window.
fn ended_in(window: Window) -> Fragment {
    let mut ended = Fragment::new("deals.status <> ").bind(DealStatus::Open.name());
    // Without bounds no index of times helps.
    ended = ended.sql(" AND ").sql(dialect::UNINDEXED).sql("deals.closed_at IS NOT NULL");
    if let Some(start) = window.start() {
        ended = ended.sql(" AND deals.closed_at >= ").bind(DbTime(start));
    }
    if let Some(end) = window.end() {
        ended = ended.sql(" AND deals.closed_at < ").bind(DbTime(end));
    }
    ended
}

/// The same of deals that were won.
fn won_in(window: Window) -> Fragment {
    ended_in(window).sql(" AND deals.status = ").bind(DealStatus::Won.name())
}

/// A question about periods of whole months.
struct Question {
    /// The deals that ended at any time.
    ended: Fragment,
    /// Those that were won in the window in a foreign currency.
    foreign: Fragment,
    window: Window,
    every: Period,
    own: Currency,
}

/// The deals that ended in a window.
pub(super) async fn groups(
    store: &Store,
    grant: &Grant,
    filter: &CheckedFilter,
    window: Window,
    every: Period,
    own: Currency,
) -> Result<DealGroups> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let seen = grant.visible(Entity::Deal);
    let which = asked::<Deal>(grant, workspace, filter)?;
    if !(every.is_of_months() && window.is_of_months() && is_kept(filter) && is_kept(&seen)) {
        let which = which.and(ended_in(window));
        let read = async move |conn: &mut Conn| -> Outcome<Vec<DealFact>> { facts(conn, which).await };
        return Ok(DealGroups::ended(&store.pools.read(read).await?, window, every, own));
    }
    let kept = months::kept(workspace, [&seen, filter], [DealStatus::Won, DealStatus::Lost], window);
    let ended = which.clone().and(ended_in(Window { from: None, to: None, ..window }));
    let foreign = which.and(won_in(window)).sql(" AND deals.value_currency <> ").bind(own.code());
    let question = Question { ended, foreign, window, every, own };
    let read = async move |conn: &mut Conn| -> Outcome<DealGroups> {
        let rows: Vec<MonthRow> = Statement::<MonthType>::new(kept).load(conn).await?;
        question.answer(conn, rows).await
    };
    // A deal that changes its currency in between is in one part of it.
    store.pools.read_still(read).await
}

impl Question {
    fn is_foreign(&self, key: &GroupKey) -> bool {
        key.status == DealStatus::Won && key.currency.is_some_and(|currency| currency != self.own)
    }

    /// The group of a deal that sums keep.
    fn key(&self, fact: &DealFact, window: Window) -> Option<GroupKey> {
        ended_key(fact, window, self.every, self.own).filter(|key| !self.is_foreign(key))
    }

    async fn answer(&self, conn: &mut Conn, rows: Vec<MonthRow>) -> Outcome<DealGroups> {
        let (mut groups, mut ended, mut has_foreign) = (DealGroups::default(), BTreeSet::new(), false);
        for row in rows {
            ended.insert(row.1);
            let (key, sum) = months::group(row)?;
            if self.is_foreign(&key) {
                has_foreign = true;
            } else {
                groups.add(key, sum);
            }
        }
        let (window, mut moved) = (self.window, Vec::new());
        if window.time_zone != Zone::UTC {
            moved = around(conn, &self.ended, window.time_zone, &ended).await?;
        }
        // They leave their months of UTC before the window is cut, and are put where they belong after it.
        let everything = Window { from: None, to: None, time_zone: Zone::UTC };
        for fact in &moved {
            if let Some(key) = self.key(fact, everything) {
                groups.add(key, GroupSum::of(fact).negated());
            }
        }
        groups.retain(|key| key.day.is_none_or(|day| window.holds_day(day)));
        for fact in &moved {
            if let Some(key) = self.key(fact, window) {
                groups.add(key, GroupSum::of(fact));
            }
        }
        if has_foreign {
            let foreign = facts(conn, self.foreign.clone()).await?;
            for (key, sum) in DealGroups::ended(&foreign, window, self.every, self.own).iter() {
                groups.add(key, sum);
            }
        }
        Ok(groups)
    }
}

/// A source as it is written and in its comparison form, a currency, the first deal, how many there are, and
/// the two halves of their worth.
type SourceRow = (Option<String>, Option<String>, Option<String>, DbId, i64, i64, i64);
/// Its SQL type.
type SourceType = (Nullable<Text>, Nullable<Text>, Nullable<Text>, Guid, BigInt, BigInt, BigInt);

const SUMS: &str = ", COUNT(*), CAST(COALESCE(SUM(deals.value_minor / 4294967296), 0) AS BIGINT), \
    CAST(COALESCE(SUM(deals.value_minor % 4294967296), 0) AS BIGINT) FROM deals WHERE ";

fn into_sum((source, key, currency, first, count, high, low): SourceRow) -> Outcome<SourceSum> {
    Ok(SourceSum {
        source: text::join(source, key),
        currency: json::parsed(currency)?,
        day: None,
        first: first.into(),
        sum: GroupSum { count, worth: board::whole(high, low) },
    })
}

/// The deals that were won in a window, by where they came from.
pub(super) async fn by_source(
    store: &Store,
    grant: &Grant,
    filter: &CheckedFilter,
    window: Window,
    own: Currency,
) -> Result<Vec<SourceSum>> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let won = asked::<Deal>(grant, workspace, filter)?.and(won_in(window));
    let foreign = won.clone().sql(" AND deals.value_currency <> ").bind(own.code());
    let sums = Fragment::new("SELECT deals.source, deals.source_key, deals.value_currency, ").sql(dialect::FIRST_DEAL);
    let sums = sums.sql(SUMS).then(won).sql(" AND (deals.value_currency IS NULL OR deals.value_currency = ");
    let sums = sums.bind(own.code()).sql(") GROUP BY deals.source, deals.source_key, deals.value_currency");
    let read = async move |conn: &mut Conn| -> Outcome<Vec<SourceSum>> {
        let rows: Vec<SourceRow> = Statement::<SourceType>::new(sums).load(conn).await?;
        let mut sums = rows.into_iter().map(into_sum).collect::<Outcome<Vec<_>>>()?;
        sums.extend(SourceSum::of(&facts(conn, foreign).await?, window, own));
        Ok(sums)
    };
    let mut sums = store.pools.read_still(read).await?;
    sums.sort_by(|a, b| (&a.source, a.currency, a.day).cmp(&(&b.source, b.currency, b.day)));
    Ok(sums)
}

/// How many deals are open, by owner.
pub(super) async fn open(
    store: &Store,
    grant: &Grant,
    filter: &CheckedFilter,
) -> Result<BTreeMap<Option<Id<User>>, u64>> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let (seen, status) = (grant.visible(Entity::Deal), DealStatus::Open.name());
    let open = if is_kept(filter) && is_kept(&seen) {
        let place = Place::table(Entity::Deal, "deal_months", workspace);
        let kept = Fragment::new("SELECT owner_id, CAST(SUM(deals) AS BIGINT) FROM deal_months WHERE workspace_id = ");
        let kept = kept.bind(workspace).sql(" AND status = ").bind(status);
        let kept = kept.and(predicate(place, &seen)).and(predicate(place, filter));
        kept.sql(" GROUP BY owner_id HAVING SUM(deals) <> 0")
    } else {
        let live = Fragment::new("SELECT deals.owner_id, COUNT(*) FROM deals WHERE ");
        let live = live.then(asked::<Deal>(grant, workspace, filter)?).sql(" AND deals.status = ").bind(status);
        live.sql(" GROUP BY deals.owner_id")
    };
    let load = async move |conn: &mut Conn| -> Outcome<Vec<(Option<DbId>, i64)>> {
        Ok(Statement::<(Nullable<Guid>, BigInt)>::new(open).load(conn).await?)
    };
    let owner = |(owner, count): (Option<DbId>, i64)| {
        (owner.filter(|owner| owner.0 != Uuid::nil()).map(Id::from), u64::try_from(count).unwrap_or(0))
    };
    Ok(store.pools.read(load).await?.into_iter().map(owner).collect())
}
