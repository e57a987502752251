//! What stands behind the figures of a board.

use super::board::Board;
use super::model::Deal;
use crate::analytics::{CONVERTED_TODAY, DealFact, Exit, Explainer, Stay, Worth, exit};
use crate::id::Id;
use crate::pipeline::Pipeline;

/// The deals that a board is about, one by one.
pub(super) struct Behind<'a> {
    pub(super) facts: &'a [DealFact],
    /// Their stays in the stages of the pipeline.
    pub(super) stays: &'a [Stay],
    pub(super) worth: Worth<'a>,
}

const COUNT: &str = "deals of the question that are in the stage now";
const TOTAL: &str = "values of the deals of the question that are in the stage, added up per currency";
const WEIGHTED: &str = "sum over the deals of the question in the stage of value x probability (its own while it is open, \
    else its stage's), per currency, rounded once, halves to even";
const CONVERSION: &str = "of all times that a deal of the question got to the stage, the share that went on to a later one \
    that is not lost; a deal that comes back counts again; the deals that went on";
const ALL: &str = "values of all deals of the question in the pipeline, added up per currency";

/// Says what stands behind the figures of a board.
pub(super) fn explain(board: &Board, pipeline: &Pipeline, behind: &Behind<'_>, explainer: &mut Explainer) {
    for (at, stage) in board.stages.iter().enumerate() {
        let figure = |name: &str| format!("stages.{}.{name}", stage.stage_id);
        let here: Vec<&DealFact> = behind.facts.iter().filter(|fact| fact.stage_id == stage.stage_id).collect();
        let came: Vec<&Stay> = behind.stays.iter().filter(|stay| stay.stage == at).collect();
        let went_on = came.iter().filter(|stay| {
            let next = stay.left.map(|(_, next)| next);
            next.is_some_and(|next| exit(pipeline, at, next) == Exit::Advanced)
        });
        let times = u64::try_from(came.len()).unwrap_or(u64::MAX);
        explainer.say(figure("count"), COUNT, None, here.iter().map(|fact| fact.id));
        explainer.say(figure("conversion"), CONVERSION, Some(times), went_on.map(|stay| stay.deal));
        if stage.total.is_some() {
            explainer.say(figure("total"), TOTAL, None, valued(&here));
            explainer.say(figure("weighted"), WEIGHTED, None, valued(&here));
        }
        if stage.converted.is_some() {
            explainer.say(figure("converted"), CONVERTED_TODAY, None, rated(&here, behind.worth));
        }
    }
    let all: Vec<&DealFact> = behind.facts.iter().collect();
    if board.currency_totals.is_some() {
        explainer.say("currency_totals", ALL, None, valued(&all));
    }
    if board.converted.is_some() {
        explainer.say("converted", CONVERTED_TODAY, None, rated(&all, behind.worth));
    }
}

/// Those that have a value.
fn valued(facts: &[&DealFact]) -> Vec<Id<Deal>> {
    facts.iter().filter(|fact| fact.value.is_some()).map(|fact| fact.id).collect()
}

/// Those that have a value whose currency has a rate today.
fn rated(facts: &[&DealFact], worth: Worth<'_>) -> Vec<Id<Deal>> {
    let Some(exchange) = worth.exchange() else { return Vec::new() };
    let has_rate = |fact: &&&DealFact| fact.value.is_some_and(|value| exchange.has_rate(value.currency, None));
    facts.iter().filter(has_rate).map(|fact| fact.id).collect()
}
