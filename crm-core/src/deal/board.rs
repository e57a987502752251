//! The board: a pipeline's stages with the number and worth of their deals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::model::Deal;
use crate::access::View;
use crate::analytics::{StageFlow, Weighted};
use crate::error::Result;
use crate::id::Id;
use crate::money::Totals;
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
    /// Its stages in order.
    pub stages: Vec<BoardStage>,
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
    /// Of all times that a deal got here, the share that went on to a later stage, lost ones apart.
    pub conversion: Option<f64>,
    /// The deals that got here last, as many as were asked for.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Deal>))]
    pub deals: Vec<View<Deal>>,
    /// Goes on where `deals` ends, in the list of the stage's deals by `-stage_entered_at`.
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
        shows_values: bool,
    ) -> Result<Self> {
        let stages = pipeline.stages.iter().map(|stage| column(pipeline, stage, totals, flows, shows_values));
        let stages = stages.collect::<Result<Vec<_>>>()?;
        let mut all = Totals::default();
        stages.iter().flat_map(|stage| &stage.total).flat_map(Totals::iter).try_for_each(|money| all.add(money))?;
        Ok(Self {
            pipeline_id: pipeline.id,
            name: pipeline.name.clone(),
            currency_totals: shows_values.then_some(all),
            stages,
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
    shows_values: bool,
) -> Result<BoardStage> {
    let (mut count, mut total, mut weighted) = (0, Totals::default(), Weighted::default());
    for sum in totals.iter().filter(|sum| sum.stage_id == stage.id) {
        count += sum.count;
        for money in sum.total.iter() {
            total.add(money)?;
            // A deal that has ended is won or lost, whatever was thought likely.
            let by_hand = sum.probability.filter(|_| stage.kind == StageKind::Open);
            weighted.add(money, by_hand.unwrap_or_else(|| pipeline.probability(stage)));
        }
    }
    Ok(BoardStage {
        stage_id: stage.id,
        name: stage.name.clone(),
        kind: stage.kind,
        count,
        weighted: shows_values.then(|| weighted.divided_by(100)).transpose()?,
        total: shows_values.then_some(total),
        conversion: conversion(pipeline, stage, flows),
        deals: Vec::new(),
        next_cursor: None,
    })
}

/// Of all entries of a stage, the share that went on to a later one that is not lost.
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
