//! What came in: won value by period, owner, source and currency.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::convert::{CONVERTED, ConvertedTally, Worth};
use super::explain::Explainer;
use super::group::Group;
use super::numbers::count;
use super::port::DealFact;
use super::sales::{AVERAGE, Ended, Lot, Tally, WON, WON_VALUE, grouped, period_of, with_key};
use super::source::SourceSum;
use super::window::Window;
use crate::deal::DealStatus;
use crate::error::Result;
use crate::id::Id;
use crate::money::{Currency, Totals};
use crate::text;
use crate::time::Period;
use crate::user::User;

/// What came in in a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Revenue {
    /// All of it.
    pub total: Earned,
    /// How long a period is.
    pub every: Period,
    /// Period by period; those in which nothing was won are absent.
    pub periods: Vec<PeriodRevenue>,
    /// By owner, who sold most first.
    pub owners: Vec<OwnerRevenue>,
    /// By where the deals came from, the largest first, whatever the case in which sources are written;
    /// absent where the caller does not see sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<SourceRevenue>>,
    /// By currency; absent where the caller does not see values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currencies: Option<Vec<CurrencyRevenue>>,
}

/// Deals won. Amounts are absent where the caller does not see values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Earned {
    /// Deals won.
    pub won: u64,
    /// What they are worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub won_value: Option<Totals>,
    /// Mean value of those that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_deal: Option<Totals>,
    /// The same in the workspace's currency; absent also where the caller does not see rates, and for a
    /// sum beyond 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<ConvertedTally>,
}

/// What came in in one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PeriodRevenue {
    /// Its first day.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub period: NaiveDate,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What came in by one member.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OwnerRevenue {
    /// Who; absent for deals without an owner.
    pub owner_id: Option<Id<User>>,
    /// Their name; absent where the caller does not see members.
    pub name: Option<String>,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What came in by one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SourceRevenue {
    /// Where the deals came from; absent for deals that do not say it.
    pub source: Option<String>,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What came in in one currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CurrencyRevenue {
    /// Which; deals without a value are in none.
    pub currency: Currency,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What revenue is made of besides deals.
pub(crate) struct Ledger<'a> {
    pub(crate) every: Period,
    pub(crate) currency: Currency,
    pub(crate) names: &'a BTreeMap<Id<User>, String>,
    pub(crate) worth: Worth<'a>,
}

/// Some won deals: added up, and one by one where somebody asked what stands behind the figures.
struct Won<'a> {
    lots: Vec<Lot>,
    behind: &'a [&'a DealFact],
}

impl Ledger<'_> {
    /// What some won deals brought, and what decides their place among others.
    fn earned(&self, place: &str, won: &Won<'_>, explainer: &mut Explainer) -> Result<(Earned, i64)> {
        let tally = Tally::of(&won.lots, self.worth)?;
        let rank = tally.sold(self.currency);
        let Tally { won: number, won_value, average_deal, converted, .. } = tally;
        let behind = won.behind.iter();
        explainer.say(format!("{place}.won"), WON, None, behind.clone().map(|fact| fact.id));
        if won_value.is_some() {
            let valued = || behind.clone().filter(|fact| fact.value.is_some()).map(|fact| fact.id);
            let denominator = explainer.listens().then(|| count(valued().count()));
            explainer.say(format!("{place}.won_value"), WON_VALUE, None, valued());
            explainer.say(format!("{place}.average_deal"), AVERAGE, denominator, valued());
            if let Some(exchange) = self.worth.exchange().filter(|_| converted.is_some()) {
                let rated = || behind.clone().filter(|fact| exchange.converts(fact)).map(|fact| fact.id);
                let denominator = explainer.listens().then(|| count(rated().count()));
                explainer.say(format!("{place}.converted"), CONVERTED, denominator, rated());
            }
        }
        Ok((Earned { won: number, won_value, average_deal, converted }, rank))
    }

    fn periods(&self, won: &Won<'_>, window: Window, explainer: &mut Explainer) -> Result<Vec<PeriodRevenue>> {
        let own = |day: Option<NaiveDate>| day.map(|day| period_of(self.every, day, window));
        let behind = grouped(won.behind.iter().copied(), |fact| own(fact.closed_at.map(|at| window.time_zone.day(at))));
        let mut periods = Vec::new();
        for (key, lots) in grouped(won.lots.iter().copied(), |lot| own(lot.day)) {
            let Some(period) = key else { continue };
            let own = Won { lots, behind: with_key(&behind, &key) };
            let (earned, _) = self.earned(&format!("periods.{period}"), &own, explainer)?;
            periods.push(PeriodRevenue { period, earned });
        }
        Ok(periods)
    }

    fn owners(&self, won: &[Group], behind: &[&DealFact], explainer: &mut Explainer) -> Result<Vec<OwnerRevenue>> {
        let behind = grouped(behind.iter().copied(), |fact| fact.owner_id);
        let mut rows = Vec::new();
        for (owner_id, groups) in grouped(won.iter().copied(), |(key, _)| key.owner_id) {
            let place = owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
            let lots = groups.into_iter().map(Lot::of).collect();
            let own = Won { lots, behind: with_key(&behind, &owner_id) };
            let (earned, rank) = self.earned(&format!("owners.{place}"), &own, explainer)?;
            let name = owner_id.and_then(|id| self.names.get(&id).cloned());
            rows.push((rank, OwnerRevenue { owner_id, name, earned }));
        }
        Ok(largest_first(rows, |row| row.earned.won))
    }

    fn sources(
        &self,
        sums: &[SourceSum],
        behind: &[&DealFact],
        explainer: &mut Explainer,
    ) -> Result<Vec<SourceRevenue>> {
        let key = |source: &Option<String>| source.as_deref().map(text::key);
        let behind = grouped(behind.iter().copied(), |fact| key(&fact.source));
        let mut rows = Vec::new();
        for (key, sums) in grouped(sums, |sum| key(&sum.source)) {
            let place = key.as_deref().map_or_else(|| "nowhere".to_owned(), |key| format!("{key:?}"));
            // Of several ways of writing that of the first deal is told.
            let source = sums.iter().min_by_key(|sum| sum.first).and_then(|sum| sum.source.clone());
            let lot = |sum: &&SourceSum| {
                let &&SourceSum { currency, day, sum, .. } = sum;
                Lot { status: DealStatus::Won, currency, day, sum }
            };
            let own = Won { lots: sums.iter().map(lot).collect(), behind: with_key(&behind, &key) };
            let (earned, rank) = self.earned(&format!("sources.{place}"), &own, explainer)?;
            rows.push((rank, SourceRevenue { source, earned }));
        }
        Ok(largest_first(rows, |row| row.earned.won))
    }

    fn currencies(&self, won: &Won<'_>, explainer: &mut Explainer) -> Result<Vec<CurrencyRevenue>> {
        let behind = grouped(won.behind.iter().copied(), |fact| fact.value.map(|value| value.currency));
        let mut currencies = Vec::new();
        for (key, lots) in grouped(won.lots.iter().copied(), |lot| lot.currency) {
            let Some(currency) = key else { continue };
            let own = Won { lots, behind: with_key(&behind, &key) };
            let (earned, _) = self.earned(&format!("currencies.{currency}"), &own, explainer)?;
            currencies.push(CurrencyRevenue { currency, earned });
        }
        Ok(currencies)
    }
}

fn largest_first<T>(mut rows: Vec<(i64, T)>, won: impl Fn(&T) -> u64) -> Vec<T> {
    rows.sort_by_key(|(rank, row)| Reverse((*rank, won(row))));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// What came in; by source where the caller may be told sources.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn revenue(
    sold: Ended<'_>,
    sources: Option<&[SourceSum]>,
    window: Window,
    ledger: &Ledger<'_>,
    explainer: &mut Explainer,
) -> Result<Revenue> {
    let groups: Vec<Group> = sold.groups.iter().filter(|(key, _)| key.status == DealStatus::Won).collect();
    let behind: Vec<&DealFact> = sold.facts_in(window).filter(|fact| fact.status == DealStatus::Won).collect();
    let won = Won { lots: groups.iter().copied().map(Lot::of).collect(), behind: &behind };
    let (total, _) = ledger.earned("total", &won, explainer)?;
    let periods = ledger.periods(&won, window, explainer)?;
    let owners = ledger.owners(&groups, &behind, explainer)?;
    let sources = sources.map(|sums| ledger.sources(sums, &behind, explainer)).transpose()?;
    let is_shown = ledger.worth.is_shown();
    let currencies = is_shown.then(|| ledger.currencies(&won, explainer)).transpose()?;
    Ok(Revenue { total, every: ledger.every, periods, owners, sources, currencies })
}
