//! What was sold: won and lost, their worth and their share, by period.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::convert::{CONVERTED, ConvertedTally, Worth, tally};
use super::explain::Explainer;
use super::group::{DealGroups, Group, GroupSum};
use super::numbers::{Weighted, count, share};
use super::port::DealFact;
use super::window::Window;
use crate::deal::DealStatus;
use crate::error::Result;
use crate::money::{Currency, Totals};
use crate::time::Period;

/// What was sold in a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sales {
    /// All of it.
    pub total: Tally,
    /// How long a period is.
    pub every: Period,
    /// Period by period; those in which nothing ended are absent.
    pub periods: Vec<SalesPeriod>,
}

/// What was sold in one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SalesPeriod {
    /// Its first day.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub period: NaiveDate,
    /// What was sold.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Deals that ended. Amounts are absent where the caller does not see values.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tally {
    /// Deals won.
    pub won: u64,
    /// Deals lost.
    pub lost: u64,
    /// Won of those that ended.
    pub win_rate: Option<f64>,
    /// What the won ones are worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub won_value: Option<Totals>,
    /// Mean value of the won ones that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_deal: Option<Totals>,
    /// The same in the workspace's currency; absent also where the caller does not see rates, and for a
    /// sum beyond 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<ConvertedTally>,
}

impl Tally {
    /// Deals that ended, added up.
    ///
    /// # Errors
    /// `Invalid` for amounts whose sum leaves 64 bits.
    pub(crate) fn of(ended: &[Lot], worth: Worth<'_>) -> Result<Self> {
        let of = |status: DealStatus| ended.iter().filter(move |lot| lot.status == status);
        let number = |status| of(status).map(|lot| lot.sum.deals()).sum::<u64>();
        let mut tally = Self { won: number(DealStatus::Won), lost: number(DealStatus::Lost), ..Self::default() };
        tally.win_rate = share(tally.won, tally.won + tally.lost);
        if worth.is_shown() {
            let sums = by_currency(of(DealStatus::Won));
            let mut total = Weighted::default();
            sums.iter().for_each(|(currency, sum)| total.add_sum(*currency, sum.worth));
            tally.won_value = Some(total.divided_by(1)?);
            tally.average_deal = Some(averages(&sums)?);
            let converted = |exchange| self::tally(of(DealStatus::Won), exchange).ok();
            tally.converted = worth.exchange().and_then(converted);
        }
        Ok(tally)
    }

    /// What decides a rank: won value in a currency, the workspace's; converted where the caller sees
    /// rates.
    pub(super) fn sold(&self, currency: Currency) -> i64 {
        if let Some(converted) = &self.converted {
            return converted.won_value.amount_minor;
        }
        let own = self.won_value.iter().flat_map(Totals::iter).find(|money| money.currency == currency);
        own.map_or(0, |money| money.amount_minor)
    }
}

/// Some deals that ended, as a tally takes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lot {
    pub(super) status: DealStatus,
    /// Absent for deals without a value.
    pub(super) currency: Option<Currency>,
    /// The day whose rate counts, where they need one.
    pub(super) day: Option<NaiveDate>,
    pub(super) sum: GroupSum,
}

impl Lot {
    pub(super) fn of((key, sum): Group) -> Self {
        Self { status: key.status, currency: key.currency, day: key.day, sum }
    }
}

/// The deals with a value by its currency, and what they are worth.
pub(super) fn by_currency<'a>(lots: impl Iterator<Item = &'a Lot>) -> BTreeMap<Currency, GroupSum> {
    let mut sums: BTreeMap<Currency, GroupSum> = BTreeMap::new();
    for lot in lots {
        if let Some(currency) = lot.currency {
            sums.entry(currency).or_default().add(lot.sum);
        }
    }
    sums
}

/// The mean of each currency's values.
///
/// # Errors
/// `Invalid` for one that leaves 64 bits.
pub(super) fn averages(sums: &BTreeMap<Currency, GroupSum>) -> Result<Totals> {
    let mut averages = Totals::default();
    for (currency, sum) in sums {
        let mut weighted = Weighted::default();
        weighted.add_sum(*currency, sum.worth);
        let average = weighted.divided_by(sum.count.into())?;
        average.iter().try_for_each(|money| averages.add(money))?;
    }
    Ok(averages)
}

/// What reports about deals that ended are made of.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    /// The deals that ended in the window.
    pub(crate) groups: &'a DealGroups,
    /// The deals of the question one by one, where somebody asked what stands behind the figures.
    pub(crate) facts: &'a [DealFact],
}

impl<'a> Ended<'a> {
    /// Those of the deals one by one that ended in a window.
    pub(super) fn facts_in(self, window: Window) -> impl Iterator<Item = &'a DealFact> {
        let (span, ended) = (window.span(), self.facts.iter().filter(|fact| fact.status != DealStatus::Open));
        ended.filter(move |fact| fact.closed_at.is_some_and(|at| span.holds(at)))
    }
}

/// Things by what they have in common, in its order.
pub(super) fn grouped<T, K: Ord>(all: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> BTreeMap<K, Vec<T>> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for one in all {
        groups.entry(key(&one)).or_default().push(one);
    }
    groups
}

/// What has a key in common, nothing where the key is not there.
pub(super) fn with_key<'m, T, K: Ord>(groups: &'m BTreeMap<K, Vec<T>>, key: &K) -> &'m [T] {
    groups.get(key).map(Vec::as_slice).unwrap_or_default()
}

/// The first day of the period that a day is in.
pub(super) fn period_of(every: Period, day: NaiveDate, window: Window) -> NaiveDate {
    window.time_zone.day(window.time_zone.start_of_day(every.first_day(day)))
}

pub(super) const WON: &str = "deals that are won and closed in the window";
pub(super) const WON_VALUE: &str = "values of the deals that are won and closed in the window, added up per currency";
const LOST: &str = "deals that are lost and closed in the window";
const WIN_RATE: &str = "won deals divided by won and lost deals that closed in the window";
pub(super) const AVERAGE: &str =
    "value of the won deals divided by the number of those that have one, per currency, rounded once";

/// What was sold.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn sales(
    sold: Ended<'_>,
    window: Window,
    every: Period,
    worth: Worth<'_>,
    explainer: &mut Explainer,
) -> Result<Sales> {
    let zone = window.time_zone;
    let total = Tally::of(&sold.groups.iter().map(Lot::of).collect::<Vec<_>>(), worth)?;
    let behind: Vec<&DealFact> = sold.facts_in(window).collect();
    explain_tally("total", &total, &behind, worth, explainer);
    let own = |day: Option<NaiveDate>| day.map(|day| period_of(every, day, window));
    let periods = grouped(sold.groups.iter(), |(key, _)| own(key.day));
    let behind = grouped(behind, |fact| own(fact.closed_at.map(|at| zone.day(at))));
    let mut told = Vec::with_capacity(periods.len());
    for (key, groups) in periods {
        let Some(period) = key else { continue };
        let tally = Tally::of(&groups.into_iter().map(Lot::of).collect::<Vec<_>>(), worth)?;
        explain_tally(&format!("periods.{period}"), &tally, with_key(&behind, &key), worth, explainer);
        told.push(SalesPeriod { period, tally });
    }
    Ok(Sales { total, every, periods: told })
}

/// Says what stands behind a tally at its place in the answer.
pub(super) fn explain_tally(
    place: &str,
    tally: &Tally,
    ended: &[&DealFact],
    worth: Worth<'_>,
    explainer: &mut Explainer,
) {
    if !explainer.listens() {
        return;
    }
    let of = |status: DealStatus| ended.iter().filter(move |fact| fact.status == status);
    let (won, lost) = (|| of(DealStatus::Won).map(|fact| fact.id), of(DealStatus::Lost).map(|fact| fact.id));
    explainer.say(format!("{place}.won"), WON, None, won());
    explainer.say(format!("{place}.lost"), LOST, None, lost);
    explainer.say(format!("{place}.win_rate"), WIN_RATE, Some(tally.won + tally.lost), won());
    let valued = || of(DealStatus::Won).filter(|fact| fact.value.is_some()).map(|fact| fact.id);
    let denominator = count(valued().count());
    if tally.won_value.is_some() {
        explainer.say(format!("{place}.won_value"), WON_VALUE, None, valued());
        explainer.say(format!("{place}.average_deal"), AVERAGE, Some(denominator), valued());
    }
    if let Some(exchange) = worth.exchange().filter(|_| tally.converted.is_some()) {
        let converted = || of(DealStatus::Won).filter(|fact| exchange.converts(fact)).map(|fact| fact.id);
        explainer.say(format!("{place}.converted"), CONVERTED, Some(count(converted().count())), converted());
    }
}
