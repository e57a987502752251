//! What was sold: won and lost, their worth and their share, by period.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::convert::{CONVERTED, ConvertedTally, Worth, tally};
use super::explain::Explainer;
use super::numbers::{Weighted, count, share};
use super::port::DealFact;
use super::window::Window;
use crate::deal::DealStatus;
use crate::error::Result;
use crate::money::{Currency, Money, Totals};
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
    pub(crate) fn of(ended: &[&DealFact], worth: Worth<'_>) -> Result<Self> {
        let won: Vec<&&DealFact> = ended.iter().filter(|fact| fact.status == DealStatus::Won).collect();
        let mut tally = Self {
            won: count(won.len()),
            lost: count(ended.iter().filter(|fact| fact.status == DealStatus::Lost).count()),
            ..Self::default()
        };
        tally.win_rate = share(tally.won, tally.won + tally.lost);
        if worth.is_shown() {
            let values: Vec<Money> = won.iter().filter_map(|fact| fact.value).collect();
            let mut total = Totals::default();
            values.iter().try_for_each(|value| total.add(*value))?;
            tally.average_deal = Some(averages(&total, &values)?);
            tally.won_value = Some(total);
            let converted = |exchange| self::tally(won.iter().map(|fact| **fact), exchange).ok();
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

/// The mean of each currency's values.
fn averages(total: &Totals, values: &[Money]) -> Result<Totals> {
    let mut averages = Totals::default();
    for sum in total.iter() {
        let own = values.iter().filter(|value| value.currency == sum.currency).count();
        let mut weighted = Weighted::default();
        weighted.add(sum, 1);
        let average = weighted.divided_by(i128::try_from(own).unwrap_or(1))?;
        average.iter().try_for_each(|money| averages.add(money))?;
    }
    Ok(averages)
}

/// The deals that ended in a window.
pub(crate) fn ended(facts: &[DealFact], window: Window) -> Vec<&DealFact> {
    let ended = facts.iter().filter(|fact| fact.status != DealStatus::Open);
    ended.filter(|fact| fact.closed_at.is_some_and(|at| window.holds(at))).collect()
}

pub(super) const WON: &str = "deals that are won and closed in the window";
const LOST: &str = "deals that are lost and closed in the window";
const WIN_RATE: &str = "won deals divided by won and lost deals that closed in the window";
pub(super) const AVERAGE: &str =
    "value of the won deals divided by the number of those that have one, per currency, rounded once";

/// What was sold.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn sales(
    facts: &[DealFact],
    window: Window,
    every: Period,
    worth: Worth<'_>,
    explainer: &mut Explainer,
) -> Result<Sales> {
    let ended = ended(facts, window);
    let mut periods: BTreeMap<NaiveDate, Vec<&DealFact>> = BTreeMap::new();
    for fact in &ended {
        if let Some(at) = fact.closed_at {
            let zone = window.time_zone;
            periods.entry(zone.day(zone.start_of(every, at))).or_default().push(fact);
        }
    }
    let total = Tally::of(&ended, worth)?;
    explain_tally("total", &total, &ended, worth, explainer);
    let period = |(period, facts): (&NaiveDate, &Vec<&DealFact>)| {
        let tally = Tally::of(facts, worth)?;
        explain_tally(&format!("periods.{period}"), &tally, facts, worth, explainer);
        Ok(SalesPeriod { period: *period, tally })
    };
    Ok(Sales { total, every, periods: periods.iter().map(period).collect::<Result<_>>()? })
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
        explainer.say(format!("{place}.won_value"), WON, None, valued());
        explainer.say(format!("{place}.average_deal"), AVERAGE, Some(denominator), valued());
    }
    if let Some(exchange) = worth.exchange().filter(|_| tally.converted.is_some()) {
        let converted = || of(DealStatus::Won).filter(|fact| exchange.converts(fact)).map(|fact| fact.id);
        explainer.say(format!("{place}.converted"), CONVERTED, Some(count(converted().count())), converted());
    }
}
