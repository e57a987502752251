//! The board: a pipeline's stages with the number and worth of their deals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::model::Deal;
use crate::access::View;
use crate::analytics::{ConvertedBoard, Exchange, Explanation, Purse, StageFlow, Weighted, Worth};
use crate::error::Result;
use crate::filter::Filter;
use crate::id::Id;
use crate::money::{Money, Totals};
use crate::pipeline::{Pipeline, Stage, StageKind};

/// Deals of one stage and one probability, as a store sums them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageTotal {
    /// The stage.
    pub stage_id: Id<Stage>,
    /// The probability in per cent that somebody gave them; absent where the stage says it.
    pub probability: Option<i64>,
    /// Deals in it.
    pub count: u64,
    /// Their worth, per currency; deals without a value add nothing.
    pub total: Totals,
}

/// A pipeline's stages with their deals.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Board {
    /// The pipeline.
    pub pipeline_id: Id<Pipeline>,
    /// Its name.
    pub name: String,
    /// The worth of all deals, per currency; absent where the caller does not see values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency_totals: Option<Totals>,
    /// The worth of all deals in the workspace's currency, by the rates of today; absent also where the
    /// caller does not see rates, and for a sum beyond 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<ConvertedBoard>,
    /// Its stages in order.
    pub stages: Vec<BoardStage>,
    /// What was asked of the deals, as a list asks for it; absent where it is all deals. Of a filter near the limits
    /// it is beyond them, and a list takes it only with one of the board's cursors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The same of the deals that were opened in as many days before, without cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub before: Option<Box<Board>>,
    /// What stands behind each figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanations: Option<Vec<Explanation>>,
}

/// One column of the board.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BoardStage {
    /// The stage.
    pub stage_id: Id<Stage>,
    /// Its name.
    pub name: String,
    /// What it means to be in it.
    pub kind: StageKind,
    /// Deals in it that the caller sees.
    pub count: u64,
    /// Their worth per currency; absent where the caller does not see values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Totals>,
    /// Each deal's worth times its probability; absent where the caller does not see values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Totals>,
    /// Both in the workspace's currency, by the rates of today; absent also where the caller does not see
    /// rates, and for a sum beyond 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<ConvertedBoard>,
    /// Of all times that a deal got here, the share that went on to a later stage, lost ones apart.
    pub conversion: Option<f64>,
    /// The deals that got here last, as many as were asked for.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Deal>))]
    pub deals: Vec<View<Deal>>,
    /// Goes on where `deals` ends, in the list by `-stage_entered_at` of the deals that are in the stage and, where
    /// the board has a `filter`, pass it: of `all` of the two.
    pub next_cursor: Option<String>,
}

impl Board {
    /// Lays the sums out in the order of the stages, as far as the caller sees what they add up.
    ///
    /// # Errors
    /// `Invalid` for a sum beyond 64 bits.
    pub(crate) fn new(
        pipeline: &Pipeline,
        totals: &[StageTotal],
        flows: &[StageFlow],
        worth: Worth<'_>,
    ) -> Result<Self> {
        let stages = pipeline.stages.iter().map(|stage| column(pipeline, stage, totals, flows, worth));
        let stages = stages.collect::<Result<Vec<_>>>()?;
        let mut all = Totals::default();
        stages.iter().flat_map(|stage| &stage.total).flat_map(Totals::iter).try_for_each(|money| all.add(money))?;
        Ok(Self {
            pipeline_id: pipeline.id,
            name: pipeline.name.clone(),
            currency_totals: worth.is_shown().then_some(all),
            converted: worth.exchange().and_then(|exchange| together(&stages, exchange).ok()),
            stages,
            filter: None,
            before: None,
            explanations: None,
        })
    }

    /// Deals in all stages.
    pub fn count(&self) -> u64 {
        self.stages.iter().map(|stage| stage.count).sum()
    }
}

fn column(
    pipeline: &Pipeline,
    stage: &Stage,
    totals: &[StageTotal],
    flows: &[StageFlow],
    worth: Worth<'_>,
) -> Result<BoardStage> {
    let (mut count, mut total, mut weighted) = (0, Totals::default(), Weighted::default());
    for sum in totals.iter().filter(|sum| sum.stage_id == stage.id) {
        count += sum.count;
        for money in sum.total.iter() {
            total.add(money)?;
            weighted.add(money, chance(pipeline, stage, sum));
        }
    }
    Ok(BoardStage {
        stage_id: stage.id,
        name: stage.name.clone(),
        kind: stage.kind,
        count,
        weighted: worth.is_shown().then(|| weighted.divided_by(100)).transpose()?,
        total: worth.is_shown().then_some(total),
        converted: worth.exchange().and_then(|exchange| converted(pipeline, stage, totals, exchange).ok()),
        conversion: conversion(pipeline, stage, flows),
        deals: Vec::new(),
        next_cursor: None,
    })
}

/// How likely the deals of a sum are to be won. One that has ended is won or lost, whatever was thought
/// likely.
fn chance(pipeline: &Pipeline, stage: &Stage, sum: &StageTotal) -> i64 {
    let by_hand = sum.probability.filter(|_| stage.kind == StageKind::Open);
    by_hand.unwrap_or_else(|| pipeline.probability(stage))
}

/// The sums of a stage in the workspace's currency.
fn converted(pipeline: &Pipeline, stage: &Stage, totals: &[StageTotal], exchange: &Exchange) -> Result<ConvertedBoard> {
    let (mut total, mut weighted) = (Purse::new(exchange), Purse::new(exchange));
    for sum in totals.iter().filter(|sum| sum.stage_id == stage.id) {
        for money in sum.total.iter() {
            total.add(money, 1, exchange.today());
            weighted.add(money, chance(pipeline, stage, sum), exchange.today());
        }
    }
    let without_rate = total.without_rate()?;
    Ok(ConvertedBoard { total: total.divided_by(1)?, weighted: weighted.divided_by(100)?, without_rate })
}

/// The sums of all stages in the workspace's currency.
fn together(stages: &[BoardStage], exchange: &Exchange) -> Result<ConvertedBoard> {
    let nothing = Money::minor(0, exchange.target());
    let mut all = ConvertedBoard { total: nothing, weighted: nothing, without_rate: Totals::default() };
    for own in stages.iter().filter_map(|stage| stage.converted.as_ref()) {
        all.total = all.total.checked_add(own.total)?;
        all.weighted = all.weighted.checked_add(own.weighted)?;
        own.without_rate.iter().try_for_each(|money| all.without_rate.add(money))?;
    }
    Ok(all)
}

/// Of all entries of a stage, the share that went on to a later one that is not lost. The flows are between
/// stages of the pipeline alone: one to a stage that is gone would be an exit to nowhere.
fn conversion(pipeline: &Pipeline, stage: &Stage, flows: &[StageFlow]) -> Option<f64> {
    let places: BTreeMap<Id<Stage>, usize> =
        pipeline.stages.iter().enumerate().map(|(at, stage)| (stage.id, at)).collect();
    let is_later = |to: Id<Stage>| {
        let is_lost = pipeline.stages.iter().any(|stage| stage.id == to && stage.kind == StageKind::Lost);
        !is_lost && places.get(&to) > places.get(&stage.id)
    };
    let entries = flows.iter().filter(|flow| flow.to == stage.id).map(|flow| flow.count).sum();
    let advanced = flows.iter().filter(|flow| flow.from == Some(stage.id) && is_later(flow.to));
    let advanced = advanced.map(|flow| flow.count).sum();
    crate::analytics::share(advanced, entries)
}
