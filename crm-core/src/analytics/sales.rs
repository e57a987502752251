//! What was sold: won and lost, their worth and their share, by period.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::explain::Explainer;
use super::numbers::{Weighted, count, share};
use super::port::DealFact;
use super::window::Window;
use crate::deal::DealStatus;
use crate::error::Result;
use crate::money::{Money, Totals};
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
}

impl Tally {
    /// Deals that ended, added up.
    ///
    /// # Errors
    /// `Invalid` for amounts whose sum leaves 64 bits.
    pub(crate) fn of(ended: &[&DealFact], shows_values: bool) -> Result<Self> {
        let won: Vec<&&DealFact> = ended.iter().filter(|fact| fact.status == DealStatus::Won).collect();
        let mut tally = Self {
            won: count(won.len()),
            lost: count(ended.iter().filter(|fact| fact.status == DealStatus::Lost).count()),
            ..Self::default()
        };
        tally.win_rate = share(tally.won, tally.won + tally.lost);
        if shows_values {
            let values: Vec<Money> = won.iter().filter_map(|fact| fact.value).collect();
            let mut total = Totals::default();
            values.iter().try_for_each(|value| total.add(*value))?;
            tally.average_deal = Some(averages(&total, &values)?);
            tally.won_value = Some(total);
        }
        Ok(tally)
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

const WON: &str = "deals that are won and closed in the window";
const LOST: &str = "deals that are lost and closed in the window";
const WIN_RATE: &str = "won deals divided by won and lost deals that closed in the window";
const AVERAGE: &str = "value of the won deals divided by the number of those that have one, per currency, rounded once";

/// What was sold.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn sales(
    facts: &[DealFact],
    window: Window,
    every: Period,
    shows_values: bool,
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
    let total = Tally::of(&ended, shows_values)?;
    let of = |status: DealStatus| ended.iter().filter(move |fact| fact.status == status).map(|fact| fact.id);
    explainer.say("total.won", WON, None, of(DealStatus::Won));
    explainer.say("total.lost", LOST, None, of(DealStatus::Lost));
    explainer.say("total.win_rate", WIN_RATE, Some(total.won + total.lost), of(DealStatus::Won));
    if shows_values {
        let valued = ended.iter().filter(|fact| fact.status == DealStatus::Won && fact.value.is_some());
        explainer.say("total.won_value", WON, None, valued.clone().map(|fact| fact.id));
        let denominator = count(valued.clone().count());
        explainer.say("total.average_deal", AVERAGE, Some(denominator), valued.map(|fact| fact.id));
    }
    let period = |(period, facts): (&NaiveDate, &Vec<&DealFact>)| {
        let won = facts.iter().filter(|fact| fact.status == DealStatus::Won);
        explainer.say(format!("periods.{period}.won"), WON, None, won.map(|fact| fact.id));
        Ok(SalesPeriod { period: *period, tally: Tally::of(facts, shows_values)? })
    };
    Ok(Sales { total, every, periods: periods.iter().map(period).collect::<Result<_>>()? })
}
