//! What will come in: by category, by month and by owner, weighted and not.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use super::explain::Explainer;
use super::numbers::{Weighted, count};
use super::port::DealFact;
use super::window::Window;
use crate::deal::{DealStatus, ForecastCategory};
use crate::error::Result;
use crate::id::Id;
use crate::money::Totals;
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
}

/// One deal's part in a forecast.
struct Part<'a> {
    fact: &'a DealFact,
    /// None for a won deal.
    category: Option<ForecastCategory>,
    probability: i64,
    day: Option<NaiveDate>,
}

const CATEGORY: &str = "won deals are closed; open ones are of the category that somebody gave them, else by their \
    probability: from 90 % commit, from 50 % best case, below pipeline; omitted and lost ones are left out";
const CUMULATIVE: &str = "cumulative, as in Salesforce's forecasts: commit = commit + closed; best case = best case + \
    commit + closed; open pipeline = pipeline + best case + commit";
const WEIGHTED: &str = "sum over open deals of value x probability (the deal's own, else its stage's), rounded once, \
    halves to even";
const UNDATED: &str = "open deals without an expected close date";

fn part<'a>(fact: &'a DealFact, pipelines: &[Pipeline], window: Window) -> Option<Part<'a>> {
    match fact.status {
        DealStatus::Lost => None,
        DealStatus::Won => {
            let day = window.time_zone.day(fact.closed_at?);
            Some(Part { fact, category: None, probability: 100, day: Some(day) })
        }
        DealStatus::Open => {
            let pipeline = pipelines.iter().find(|pipeline| pipeline.id == fact.pipeline_id);
            let stage = pipeline.and_then(|pipeline| Some((pipeline, pipeline.stage(fact.stage_id).ok()?)));
            let by_stage = || stage.map_or(0, |(pipeline, stage)| pipeline.probability(stage));
            let probability = fact.probability.unwrap_or_else(by_stage);
            let category = fact.forecast_category.unwrap_or(ForecastCategory::of_probability(probability));
            let is_in = category != ForecastCategory::Omitted;
            is_in.then_some(Part { fact, category: Some(category), probability, day: fact.expected_close_date })
        }
    }
}

fn amounts(parts: &[&Part<'_>], shows_values: bool) -> Result<Amounts> {
    let open = parts.iter().filter(|part| part.category.is_some());
    let mut amounts = Amounts {
        open_count: count(open.clone().count()),
        closed_count: count(parts.len() - open.clone().count()),
        without_value: count(parts.iter().filter(|part| part.fact.value.is_none()).count()),
        ..Amounts::default()
    };
    if !shows_values {
        amounts.without_value = 0;
        return Ok(amounts);
    }
    let sum = |categories: &[Option<ForecastCategory>]| {
        let mut totals = Totals::default();
        let own = parts.iter().filter(|part| categories.contains(&part.category));
        own.filter_map(|part| part.fact.value).try_for_each(|value| totals.add(value))?;
        Ok::<_, crate::error::Error>(Some(totals))
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
    for part in open {
        if let Some(value) = part.fact.value {
            weighted.add(value, part.probability);
        }
    }
    amounts.weighted = Some(weighted.divided_by(100)?);
    Ok(amounts)
}

/// What deals will bring.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn forecast(
    facts: &[DealFact],
    pipelines: &[Pipeline],
    window: Window,
    shows_values: bool,
    explainer: &mut Explainer,
) -> Result<Forecast> {
    let parts: Vec<Part<'_>> = facts.iter().filter_map(|fact| part(fact, pipelines, window)).collect();
    let undated: Vec<&Part<'_>> = parts.iter().filter(|part| part.day.is_none()).collect();
    let dated: Vec<&Part<'_>> = parts.iter().filter(|part| part.day.is_some_and(|day| window.holds_day(day))).collect();
    let mut months: BTreeMap<NaiveDate, Vec<&Part<'_>>> = BTreeMap::new();
    for part in &dated {
        if let Some(month) = part.day.and_then(|day| day.with_day(1)) {
            months.entry(month).or_default().push(part);
        }
    }
    let mut owners: BTreeMap<Option<Id<User>>, Vec<&Part<'_>>> = BTreeMap::new();
    for part in &dated {
        owners.entry(part.fact.owner_id).or_default().push(part);
    }
    explain(&dated, &undated, shows_values, explainer);
    Ok(Forecast {
        total: amounts(&dated, shows_values)?,
        months: months
            .iter()
            .map(|(month, parts)| Ok(Month { month: *month, amounts: amounts(parts, shows_values)? }))
            .collect::<Result<_>>()?,
        owners: owners
            .iter()
            .map(|(owner_id, parts)| Ok(OwnerForecast { owner_id: *owner_id, amounts: amounts(parts, shows_values)? }))
            .collect::<Result<_>>()?,
        undated: amounts(&undated, shows_values)?,
    })
}

fn explain(dated: &[&Part<'_>], undated: &[&Part<'_>], shows_values: bool, explainer: &mut Explainer) {
    let of = |wanted: &[Option<ForecastCategory>]| {
        let own = dated.iter().filter(|part| wanted.contains(&part.category));
        own.map(|part| part.fact.id).collect::<Vec<_>>()
    };
    let open = [ForecastCategory::Pipeline, ForecastCategory::BestCase, ForecastCategory::Commit].map(Some);
    explainer.say("total.open_count", CATEGORY, None, of(&open));
    explainer.say("total.closed_count", CATEGORY, None, of(&[None]));
    explainer.say("undated", UNDATED, None, undated.iter().map(|part| part.fact.id));
    if !shows_values {
        return;
    }
    let [pipeline, best_case, commit] = open;
    explainer.say("total.pipeline", CATEGORY, None, of(&[pipeline]));
    explainer.say("total.best_case", CATEGORY, None, of(&[best_case]));
    explainer.say("total.commit", CATEGORY, None, of(&[commit]));
    explainer.say("total.closed", CATEGORY, None, of(&[None]));
    explainer.say("total.cumulative_commit", CUMULATIVE, None, of(&[commit, None]));
    explainer.say("total.cumulative_best_case", CUMULATIVE, None, of(&[best_case, commit, None]));
    explainer.say("total.open_pipeline", CUMULATIVE, None, of(&open));
    explainer.say("total.weighted", WEIGHTED, None, of(&open));
}
