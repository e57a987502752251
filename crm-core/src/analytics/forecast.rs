//! What will come in: by category, by month and by owner, weighted and not.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate};
use serde::Serialize;

use super::convert::{CONVERTED_FORECAST, ConvertedAmounts, Exchange, Purse, Worth};
use super::explain::Explainer;
use super::group::{self, DealGroups, GroupKey, GroupSum};
use super::numbers::Weighted;
use super::port::DealFact;
use super::window::Window;
use crate::deal::{Deal, DealStatus, ForecastCategory};
use crate::error::Result;
use crate::id::Id;
use crate::money::{Currency, Totals};
use crate::pipeline::Pipeline;
use crate::user::User;

/// What deals will bring.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Forecast {
    /// Deals whose day lies in the window: the expected one of open deals, the real one of won deals.
    pub total: Amounts,
    /// The same by month.
    pub months: Vec<Month>,
    /// The same by owner.
    pub owners: Vec<OwnerForecast>,
    /// Open deals without an expected day; part of nothing above.
    pub undated: Amounts,
}

/// A month of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Month {
    /// Its first day.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub month: NaiveDate,
    /// What it brings.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// An owner's part of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OwnerForecast {
    /// Whose deals; absent for deals without an owner.
    pub owner_id: Option<Id<User>>,
    /// What they bring.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// Deals by category. Amounts are absent where the caller does not see values.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Amounts {
    /// Open deals of any category but `omitted`.
    pub open_count: u64,
    /// Deals won.
    pub closed_count: u64,
    /// Deals among them that have no value.
    pub without_value: u64,
    /// Of the category pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Totals>,
    /// Of the category best case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_case: Option<Totals>,
    /// Of the category commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Totals>,
    /// Won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Totals>,
    /// Commit and closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cumulative_commit: Option<Totals>,
    /// Best case, commit and closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cumulative_best_case: Option<Totals>,
    /// Pipeline, best case and commit: all that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_pipeline: Option<Totals>,
    /// Each open deal's value times its probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Totals>,
    /// The same in the workspace's currency; absent also where the caller does not see rates, and for a
    /// sum beyond 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<ConvertedAmounts>,
}

/// The part of some deals, or of one, in a forecast.
struct Part {
    owner_id: Option<Id<User>>,
    currency: Option<Currency>,
    /// None for won deals.
    category: Option<ForecastCategory>,
    probability: i64,
    day: Option<NaiveDate>,
    sum: GroupSum,
}

/// What a forecast is made of.
pub(crate) struct Outlook<'a> {
    /// The deals that the window takes in.
    pub(crate) groups: &'a DealGroups,
    /// The same deals one by one, where somebody asked what stands behind the figures.
    pub(crate) facts: &'a [DealFact],
    pub(crate) pipelines: &'a [Pipeline],
    /// The workspace's currency.
    pub(crate) currency: Currency,
}

const CATEGORY: &str = "won deals are closed; open ones are of the category that somebody gave them, else by their \
    probability: from 90 % commit, from 50 % best case, below pipeline; omitted and lost ones are left out";
const CUMULATIVE: &str = "cumulative, as in Salesforce's forecasts: commit = commit + closed; best case = best case + \
    commit + closed; open pipeline = pipeline + best case + commit";
const WEIGHTED: &str = "sum over open deals of any category but omitted of value x probability (the deal's own, else \
    its stage's), per currency, rounded once, halves to even";
const VALUELESS: &str = "won deals and open ones of any category but omitted that have no value";
const UNDATED: &str = "open deals without an expected close date";

fn part(key: GroupKey, sum: GroupSum, pipelines: &[Pipeline]) -> Option<Part> {
    let GroupKey { owner_id, currency, day, .. } = key;
    if key.status == DealStatus::Won {
        return Some(Part { owner_id, currency, category: None, probability: 100, day, sum });
    }
    let pipeline = pipelines.iter().find(|pipeline| pipeline.id == key.pipeline_id);
    let stage = pipeline.and_then(|pipeline| Some((pipeline, pipeline.stage(key.stage_id).ok()?)));
    let by_stage = || stage.map_or(0, |(pipeline, stage)| pipeline.probability(stage));
    let probability = key.probability.unwrap_or_else(by_stage);
    let category = key.forecast_category.unwrap_or(ForecastCategory::of_probability(probability));
    let is_in = category != ForecastCategory::Omitted;
    is_in.then_some(Part { owner_id, currency, category: Some(category), probability, day, sum })
}

impl Part {
    /// The first day of its month.
    fn month(&self) -> Option<NaiveDate> {
        self.day.and_then(|day| day.with_day(1))
    }

    /// Adds what its deals are worth, each so many times.
    fn add_to(&self, sums: &mut Weighted, times: i64) {
        if let Some(currency) = self.currency {
            sums.add_sum(currency, self.sum.worth * i128::from(times));
        }
    }

    /// As [`Part::add_to`], by the rate of their day: of today while they are open.
    fn convert(&self, purse: &mut Purse<'_>, times: i64) {
        let Some(currency) = self.currency else { return };
        let day = self.day.filter(|_| self.category.is_none());
        purse.add_sum(currency, self.sum, times, day);
    }

    /// Whether its deals have a value that has a rate on their day.
    fn has_rate(&self, exchange: &Exchange) -> bool {
        let day = self.day.filter(|_| self.category.is_none());
        self.currency.is_some_and(|currency| exchange.has_rate(currency, day))
    }
}

/// Where in a forecast amounts stand.
#[derive(Clone, Copy)]
enum Place {
    Total,
    Month(NaiveDate),
    Owner(Option<Id<User>>),
    Undated,
}

impl Place {
    fn holds(self, part: &Part) -> bool {
        match self {
            Place::Total => part.day.is_some(),
            Place::Month(month) => part.month() == Some(month),
            Place::Owner(owner) => part.day.is_some() && part.owner_id == owner,
            Place::Undated => part.day.is_none(),
        }
    }

    fn name(self) -> String {
        match self {
            Place::Total => "total".to_owned(),
            Place::Month(month) => format!("months.{month}"),
            Place::Owner(None) => "owners.nobody".to_owned(),
            Place::Owner(Some(id)) => format!("owners.{id}"),
            Place::Undated => "undated".to_owned(),
        }
    }
}

fn deals<'a>(parts: impl Iterator<Item = &'a Part>) -> u64 {
    parts.map(|part| u64::try_from(part.sum.count).unwrap_or(0)).sum()
}

fn amounts(parts: &[&Part], worth: Worth<'_>) -> Result<Amounts> {
    let own = || parts.iter().copied();
    let mut amounts = Amounts {
        open_count: deals(own().filter(|part| part.category.is_some())),
        closed_count: deals(own().filter(|part| part.category.is_none())),
        ..Amounts::default()
    };
    if !worth.is_shown() {
        return Ok(amounts);
    }
    amounts.without_value = deals(own().filter(|part| part.currency.is_none()));
    let sum = |categories: &[Option<ForecastCategory>]| {
        let mut sums = Weighted::default();
        own().filter(|part| categories.contains(&part.category)).for_each(|part| part.add_to(&mut sums, 1));
        Ok::<_, crate::error::Error>(Some(sums.divided_by(1)?))
    };
    let (pipeline, best_case, commit) =
        (Some(ForecastCategory::Pipeline), Some(ForecastCategory::BestCase), Some(ForecastCategory::Commit));
    amounts.pipeline = sum(&[pipeline])?;
    amounts.best_case = sum(&[best_case])?;
    amounts.commit = sum(&[commit])?;
    amounts.closed = sum(&[None])?;
    amounts.cumulative_commit = sum(&[commit, None])?;
    amounts.cumulative_best_case = sum(&[best_case, commit, None])?;
    amounts.open_pipeline = sum(&[pipeline, best_case, commit])?;
    let mut weighted = Weighted::default();
    own().filter(|part| part.category.is_some()).for_each(|part| part.add_to(&mut weighted, part.probability));
    amounts.weighted = Some(weighted.divided_by(100)?);
    amounts.converted = worth.exchange().and_then(|exchange| converted(parts, exchange).ok());
    Ok(amounts)
}

/// The amounts in the workspace's currency. What categories have together is their sum.
fn converted(parts: &[&Part], exchange: &Exchange) -> Result<ConvertedAmounts> {
    let (mut all, mut weighted) = (Purse::new(exchange), Purse::new(exchange));
    for part in parts {
        part.convert(&mut all, 1);
        if part.category.is_some() {
            part.convert(&mut weighted, part.probability);
        }
    }
    let sum = |category: Option<ForecastCategory>| {
        let mut purse = Purse::new(exchange);
        parts.iter().filter(|part| part.category == category).for_each(|part| part.convert(&mut purse, 1));
        purse.divided_by(1)
    };
    let (pipeline, best_case) = (sum(Some(ForecastCategory::Pipeline))?, sum(Some(ForecastCategory::BestCase))?);
    let (commit, closed) = (sum(Some(ForecastCategory::Commit))?, sum(None)?);
    let cumulative_commit = commit.checked_add(closed)?;
    Ok(ConvertedAmounts {
        pipeline,
        best_case,
        commit,
        closed,
        cumulative_commit,
        cumulative_best_case: best_case.checked_add(cumulative_commit)?,
        open_pipeline: pipeline.checked_add(best_case)?.checked_add(commit)?,
        weighted: weighted.divided_by(100)?,
        without_rate: all.without_rate()?,
    })
}

/// What deals will bring.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn forecast(
    outlook: &Outlook<'_>,
    window: Window,
    worth: Worth<'_>,
    explainer: &mut Explainer,
) -> Result<Forecast> {
    let &Outlook { groups, facts, pipelines, currency } = outlook;
    let parts: Vec<Part> = groups.iter().filter_map(|(key, sum)| part(key, sum, pipelines)).collect();
    let mut behind: Vec<(Part, Id<Deal>)> = Vec::new();
    if explainer.listens() {
        let one = GroupSum { count: 1, worth: 0 };
        let own = |fact: &DealFact| Some((part(group::key(fact, window, currency)?, one, pipelines)?, fact.id));
        behind.extend(facts.iter().filter_map(own));
    }
    let mut told = |place: Place| {
        let own: Vec<&Part> = parts.iter().filter(|part| place.holds(part)).collect();
        let amounts = amounts(&own, worth)?;
        if explainer.listens() {
            let own: Vec<&(Part, Id<Deal>)> = behind.iter().filter(|(part, _)| place.holds(part)).collect();
            explain(place, &own, &amounts, worth, explainer);
        }
        Ok::<_, crate::error::Error>(amounts)
    };
    let dated = || parts.iter().filter(|part| part.day.is_some());
    let months: BTreeSet<NaiveDate> = dated().filter_map(Part::month).collect();
    let owners: BTreeSet<Option<Id<User>>> = dated().map(|part| part.owner_id).collect();
    Ok(Forecast {
        total: told(Place::Total)?,
        months: months
            .into_iter()
            .map(|month| Ok(Month { month, amounts: told(Place::Month(month))? }))
            .collect::<Result<_>>()?,
        owners: owners
            .into_iter()
            .map(|owner_id| Ok(OwnerForecast { owner_id, amounts: told(Place::Owner(owner_id))? }))
            .collect::<Result<_>>()?,
        undated: told(Place::Undated)?,
    })
}

/// Says what stands behind amounts at their place in the answer.
fn explain(place: Place, behind: &[&(Part, Id<Deal>)], amounts: &Amounts, worth: Worth<'_>, explainer: &mut Explainer) {
    let which = |keeps: &dyn Fn(&Part) -> bool| {
        behind.iter().filter(|(part, _)| keeps(part)).map(|(_, id)| *id).collect::<Vec<_>>()
    };
    let of = |wanted: &[Option<ForecastCategory>]| which(&|part| wanted.contains(&part.category));
    let mut say = |figure: &str, definition: &'static str, deals: Vec<Id<Deal>>| {
        explainer.say(format!("{}.{figure}", place.name()), definition, None, deals);
    };
    let open = [ForecastCategory::Pipeline, ForecastCategory::BestCase, ForecastCategory::Commit].map(Some);
    let [pipeline, best_case, commit] = open;
    say("open_count", if matches!(place, Place::Undated) { UNDATED } else { CATEGORY }, of(&open));
    say("closed_count", CATEGORY, of(&[None]));
    if amounts.pipeline.is_none() {
        return;
    }
    say("without_value", VALUELESS, which(&|part| part.currency.is_none()));
    say("pipeline", CATEGORY, of(&[pipeline]));
    say("best_case", CATEGORY, of(&[best_case]));
    say("commit", CATEGORY, of(&[commit]));
    say("closed", CATEGORY, of(&[None]));
    say("cumulative_commit", CUMULATIVE, of(&[commit, None]));
    say("cumulative_best_case", CUMULATIVE, of(&[best_case, commit, None]));
    say("open_pipeline", CUMULATIVE, of(&open));
    say("weighted", WEIGHTED, of(&open));
    if let Some(exchange) = worth.exchange().filter(|_| amounts.converted.is_some()) {
        say("converted", CONVERTED_FORECAST, which(&|part| part.has_rate(exchange)));
    }
}
