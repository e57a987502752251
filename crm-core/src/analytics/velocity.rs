//! How fast deals go: days in each stage, the length of a sale, and what a day brings.

use std::collections::BTreeMap;

use serde::Serialize;

use super::convert::{CONVERTED, ConvertedPace, Exchange, Worth, tally};
use super::explain::Explainer;
use super::group::DealGroups;
use super::numbers::{Days, between, count, real, share};
use super::port::CycleFact;
use super::sales::{Lot, averages, by_currency};
use super::way::Stay;
use super::window::Window;
use crate::deal::{Deal, DealStatus};
use crate::error::Result;
use crate::id::Id;
use crate::money::{Currency, Money};
use crate::pipeline::{Pipeline, Stage, StageKind};
use crate::time::Timestamp;

/// How fast the deals of one pipeline go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Velocity {
    /// The pipeline.
    pub pipeline_id: Id<Pipeline>,
    /// Days in each open stage.
    pub stages: Vec<StageVelocity>,
    /// From opening to winning, of deals that were won in the window.
    pub won_cycle: Days,
    /// From opening to losing, of deals that were lost in the window.
    pub lost_cycle: Days,
    /// Deals that are open when the window ends, or now.
    pub opportunities: u64,
    /// Won of those that ended in the window.
    pub win_rate: Option<f64>,
    /// What a day brings, per currency; absent where the caller does not see values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Vec<Pace>>,
    /// The same in the workspace's currency; absent also where the caller does not see rates, and where
    /// no deal with a value was won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<ConvertedPace>,
}

/// Days in one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StageVelocity {
    /// The stage.
    pub stage_id: Id<Stage>,
    /// Its name.
    pub name: String,
    /// Stays that ended in the window.
    pub left: Days,
    /// Stays that last when the window ends, or now: how long they do by then.
    pub staying: Days,
    /// Of those that last, the ones longer than the stage's days until stale; absent where it has none.
    pub stale: Option<u64>,
}

/// Sales velocity in one currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pace {
    /// Open deals in the currency, and those without a value in the workspace's.
    pub opportunities: u64,
    /// The mean value of the deals won in the window.
    pub average_deal: Money,
    /// What a day brings.
    pub per_day: Money,
}

const LEFT: &str = "days (of 24 hours) that stays which ended in the window lasted; mean, median and 90th percentile \
    (type 7 of Hyndman and Fan)";
const STAYING: &str = "days that stays which last at the end of the window, or now, have lasted by then";
const CYCLE: &str = "days from opening to closing, of deals that closed so in the window and say when they were opened";
const OPPORTUNITIES: &str = "deals in an open stage at the end of the window, or now";
const WIN_RATE: &str = "deals won in the window divided by deals won or lost in it";
const STALE: &str = "of the stays that last, those that last longer than the stage's days until stale";
const PACE: &str = "sales velocity: opportunities x average won deal x win rate / mean won cycle in days; per currency by \
    the open deals in it, those without a value being in the workspace's";
const PACE_CONVERTED: &str = "sales velocity: all opportunities x average won deal in the workspace's currency x win \
    rate / mean won cycle in days";

/// What velocity is made of.
pub(crate) struct Course<'a> {
    pub(crate) pipeline: &'a Pipeline,
    /// The deals that ended in the window, of any pipeline.
    pub(crate) ended: &'a DealGroups,
    /// The deals of the pipeline.
    pub(crate) facts: &'a [CycleFact],
    pub(crate) stays: &'a [Stay],
    pub(crate) window: Window,
    pub(crate) now: Timestamp,
    /// The currency in which amounts without one are.
    pub(crate) currency: Currency,
}

impl Course<'_> {
    /// When the window ends, at the latest now.
    fn end(&self) -> Timestamp {
        self.window.end().map_or(self.now, |end| Timestamp::from_micros(end.micros() - 1).min(self.now))
    }

    fn closed(&self, status: DealStatus) -> Vec<&CycleFact> {
        let (span, closed) = (self.window.span(), self.facts.iter().filter(|fact| fact.status == status));
        closed.filter(|fact| fact.closed_at.is_some_and(|at| span.holds(at))).collect()
    }

    /// The won deals with a value, added up.
    fn won(&self) -> Vec<Lot> {
        let own = self.ended.iter().filter(|(key, _)| key.pipeline_id == self.pipeline.id);
        let won = own.filter(|(key, _)| key.status == DealStatus::Won && key.currency.is_some());
        won.map(Lot::of).collect()
    }

    fn stage(&self, at: usize, stage: &Stage, explainer: &mut Explainer) -> StageVelocity {
        let (span, end) = (self.window.span(), self.end());
        let own = || self.stays.iter().filter(move |stay| stay.stage == at);
        let left = own().filter_map(|stay| Some((stay, stay.left?.0))).filter(|(_, left)| span.holds(*left));
        let left: Vec<(Id<Deal>, i64)> = left.map(|(stay, left)| (stay.deal, between(stay.entered, left))).collect();
        let staying = own().filter(|stay| stay.lasts_at(end));
        let staying: Vec<(Id<Deal>, i64)> = staying.map(|stay| (stay.deal, between(stay.entered, end))).collect();
        let limit = stage.days_until_stale.map(|days| days.saturating_mul(86_400_000_000));
        let stale =
            limit.map(|limit| staying.iter().copied().filter(|(_, lasted)| *lasted > limit).collect::<Vec<_>>());
        let (left_count, staying_count) = (count(left.len()), count(staying.len()));
        explainer.say(format!("stages.{}.left", stage.id), LEFT, Some(left_count), ids(&left));
        explainer.say(format!("stages.{}.staying", stage.id), STAYING, Some(staying_count), ids(&staying));
        if let Some(stale) = &stale {
            explainer.say(format!("stages.{}.stale", stage.id), STALE, Some(staying_count), ids(stale));
        }
        StageVelocity {
            stage_id: stage.id,
            name: stage.name.clone(),
            left: durations(left),
            staying: durations(staying),
            stale: stale.map(|stale| count(stale.len())),
        }
    }

    /// The open deals at the end of the window.
    fn opportunities(&self) -> Vec<Id<Deal>> {
        let end = self.end();
        let is_open = |stay: &&Stay| {
            let stage = self.pipeline.stages.get(stay.stage);
            stage.is_some_and(|stage| stage.kind == StageKind::Open) && stay.lasts_at(end)
        };
        self.stays.iter().filter(is_open).map(|stay| stay.deal).collect()
    }

    fn pace(&self, open: &[Id<Deal>], win_rate: f64, cycle_days: f64) -> Result<Vec<Pace>> {
        let mut opportunities: BTreeMap<Currency, u64> = BTreeMap::new();
        for fact in self.facts.iter().filter(|fact| open.binary_search(&fact.id).is_ok()) {
            *opportunities.entry(fact.currency.unwrap_or(self.currency)).or_default() += 1;
        }
        let averages = averages(&by_currency(self.won().iter()))?;
        let pace = |average_deal: Money| {
            let opportunities = opportunities.get(&average_deal.currency).copied().unwrap_or(0);
            Pace { opportunities, average_deal, per_day: a_day(opportunities, average_deal, win_rate, cycle_days) }
        };
        Ok(averages.iter().map(pace).collect())
    }

    fn converted(
        &self,
        opportunities: u64,
        win_rate: f64,
        cycle_days: f64,
        exchange: &Exchange,
    ) -> Result<Option<ConvertedPace>> {
        let won = self.won();
        if won.is_empty() {
            return Ok(None);
        }
        let won = tally(won.iter(), exchange)?;
        let per_day = |average_deal| a_day(opportunities, average_deal, win_rate, cycle_days);
        Ok(Some(ConvertedPace {
            average_deal: won.average_deal,
            per_day: won.average_deal.map(per_day),
            without_rate: won.without_rate,
        }))
    }
}

/// What a day brings by so many deals of a mean value.
fn a_day(opportunities: u64, average_deal: Money, win_rate: f64, cycle_days: f64) -> Money {
    let per_day = real(opportunities.into()) * real(average_deal.amount_minor.into()) * win_rate / cycle_days;
    Money::minor(nearest(per_day), average_deal.currency)
}

/// The nearest whole number; beyond 64 bits their border.
fn nearest(value: f64) -> i64 {
    value.round_ties_even() as i64
}

fn ids(durations: &[(Id<Deal>, i64)]) -> impl Iterator<Item = Id<Deal>> {
    durations.iter().map(|(id, _)| *id)
}

/// How long the sales of deals took that say when they began.
fn cycles(closed: &[&CycleFact]) -> Vec<(Id<Deal>, i64)> {
    let cycle = |fact: &&CycleFact| Some((fact.id, between(fact.opened_at?, fact.closed_at?)));
    closed.iter().filter_map(cycle).collect()
}

fn durations(durations: Vec<(Id<Deal>, i64)>) -> Days {
    Days::of(durations.into_iter().map(|(_, duration)| duration).collect())
}

/// How fast deals go.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn velocity(course: &Course<'_>, worth: Worth<'_>, explainer: &mut Explainer) -> Result<Velocity> {
    let open_stages = course.pipeline.stages.iter().enumerate().filter(|(_, stage)| stage.kind == StageKind::Open);
    let stages: Vec<StageVelocity> = open_stages.map(|(at, stage)| course.stage(at, stage, explainer)).collect();
    let [all_won, all_lost] = [DealStatus::Won, DealStatus::Lost].map(|status| course.closed(status));
    let (won, lost) = (cycles(&all_won), cycles(&all_lost));
    explainer.say("won_cycle", CYCLE, Some(count(won.len())), ids(&won));
    explainer.say("lost_cycle", CYCLE, Some(count(lost.len())), ids(&lost));
    let mut open = course.opportunities();
    open.sort_unstable();
    explainer.say("opportunities", OPPORTUNITIES, None, open.iter().copied());
    let ended = count(all_won.len()) + count(all_lost.len());
    let win_rate = share(count(all_won.len()), ended);
    explainer.say("win_rate", WIN_RATE, Some(ended), all_won.iter().map(|fact| fact.id));
    let won_cycle = durations(won);
    let (mut pace, mut converted) = (Vec::new(), None);
    if let (Some(rate), Some(days)) = (win_rate, won_cycle.mean.filter(|days| *days > 0.0)) {
        pace = course.pace(&open, rate, days)?;
        if let Some(exchange) = worth.exchange() {
            converted = course.converted(count(open.len()), rate, days, exchange).ok().flatten();
        }
    }
    if worth.is_shown() {
        explainer.say("pace", PACE, None, open.iter().copied());
    }
    if let Some(exchange) = worth.exchange().filter(|_| converted.is_some()) {
        let day = |fact: &CycleFact| fact.closed_at.map(|at| course.window.time_zone.day(at));
        let has_rate = |fact: &CycleFact| fact.currency.is_some_and(|own| exchange.has_rate(own, day(fact)));
        let rated = || all_won.iter().filter(|fact| has_rate(fact)).map(|fact| fact.id);
        explainer.say("converted.average_deal", CONVERTED, Some(count(rated().count())), rated());
        explainer.say("converted.per_day", PACE_CONVERTED, None, open.iter().copied());
    }
    Ok(Velocity {
        pipeline_id: course.pipeline.id,
        stages,
        won_cycle,
        lost_cycle: durations(lost),
        opportunities: count(open.len()),
        win_rate,
        pace: worth.is_shown().then_some(pace),
        converted,
    })
}
