//! From stage to stage: who goes on, who is lost, who goes back and who is still there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::explain::Explainer;
use super::numbers::{count, share};
use super::way::{Exit, Stay, by_deal, exit};
use super::window::Window;
use crate::deal::Deal;
use crate::id::Id;
use crate::pipeline::{Pipeline, Stage, StageKind};

/// Which stays count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Counting {
    /// All stays of the deals that began in the window, whenever they were: a class followed to its end.
    #[default]
    Cohort,
    /// What happened within the window, whenever the deals began.
    Snapshot,
}

/// When a deal counts as having reached a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Path {
    /// When it was there, or in any later stage that is not lost.
    #[default]
    AnyStage,
    /// When it was there and before in every earlier stage, one after the other.
    EveryStage,
}

/// How conversion is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConversionOptions {
    /// Which stays count.
    pub counting: Counting,
    /// When a deal counts as having reached a stage.
    pub path: Path,
}

/// Conversion through one pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Conversion {
    /// The pipeline.
    pub pipeline_id: Id<Pipeline>,
    /// Which stays count.
    pub counting: Counting,
    /// When a deal counts as having reached a stage.
    pub path: Path,
    /// Deals behind it.
    pub deals: u64,
    /// Stage by stage, in their order.
    pub stages: Vec<StageConversion>,
}

/// Conversion from one stage. Always `at_start + entries = advanced + lost + moved_back + still_there`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StageConversion {
    /// The stage.
    pub stage_id: Id<Stage>,
    /// Its name.
    pub name: String,
    /// What it means to be in it.
    pub kind: StageKind,
    /// Stays that had begun before the window; none in a cohort.
    pub at_start: u64,
    /// Stays that began.
    pub entries: u64,
    /// Stays that ended in a later stage, lost ones apart.
    pub advanced: u64,
    /// Stays that ended in a lost stage.
    pub lost: u64,
    /// Stays that ended in an earlier stage.
    pub moved_back: u64,
    /// Stays that had not ended.
    pub still_there: u64,
    /// Deals that reached it, in a snapshot also before the window.
    pub reached: u64,
    /// Deals that were in a later stage, lost ones apart, and never here.
    pub skipped: u64,
    /// Of the deals that reached it, the share that reached the next step.
    pub next_rate: Option<f64>,
    /// Of the deals that reached the first stage, the share that reached it.
    pub cumulative_rate: Option<f64>,
}

/// Stays as the window cuts them.
struct Cut<'a> {
    pipeline: &'a Pipeline,
    window: Window,
    options: ConversionOptions,
}

impl Cut<'_> {
    /// Whether a stay counts, of a deal with these stays.
    fn counts(&self, stay: &Stay, own: &[Stay]) -> bool {
        match self.options.counting {
            Counting::Cohort => own.first().is_some_and(|first| self.window.holds(first.entered)),
            Counting::Snapshot => {
                let is_over = stay.left.is_some_and(|(left, _)| self.window.start().is_some_and(|start| left < start));
                !is_over && self.has_begun(stay)
            }
        }
    }

    /// Whether a stay has begun as far as the window sees.
    fn has_begun(&self, stay: &Stay) -> bool {
        self.options.counting == Counting::Cohort || self.window.end().is_none_or(|end| stay.entered < end)
    }

    fn is_at_start(&self, stay: &Stay) -> bool {
        self.options.counting == Counting::Snapshot && self.window.start().is_some_and(|start| stay.entered < start)
    }

    /// How a stay ended, as far as the window sees.
    fn exit(&self, stay: &Stay) -> Option<Exit> {
        let (left, next) = stay.left?;
        let is_seen = self.options.counting == Counting::Cohort || self.window.end().is_none_or(|end| left < end);
        is_seen.then(|| exit(self.pipeline, stay.stage, next))
    }

    /// The deals that have stays that count.
    fn counted(&self, stays: &[Stay]) -> Vec<Counted> {
        let of_deal = |own: &[Stay]| Counted {
            stays: own.iter().filter(|stay| self.counts(stay, own)).copied().collect(),
            way: own.iter().filter(|stay| self.has_begun(stay)).copied().collect(),
        };
        by_deal(stays).map(of_deal).filter(|deal| !deal.stays.is_empty()).collect()
    }
}

/// A deal with stays that count.
struct Counted {
    /// Those stays.
    stays: Vec<Stay>,
    /// All of its stays until the window ends, which say where it has been.
    way: Vec<Stay>,
}

/// The steps of a pipeline: open stages one after the other, then all won ones as one step.
fn step_of(pipeline: &Pipeline, stage: usize) -> Option<usize> {
    let open = pipeline.stages.iter().filter(|stage| stage.kind == StageKind::Open).count();
    match pipeline.stages.get(stage)?.kind {
        StageKind::Open => Some(stage),
        StageKind::Won => Some(open),
        StageKind::Lost => None,
    }
}

/// Whether stays lead to a step.
fn reaches(pipeline: &Pipeline, own: &[Stay], step: usize, path: Path) -> bool {
    let steps = own.iter().filter_map(|stay| step_of(pipeline, stay.stage));
    match path {
        Path::AnyStage => steps.max().is_some_and(|furthest| furthest >= step),
        Path::EveryStage => {
            let climbed = steps.fold(0, |next, at| if at == next { next + 1 } else { next });
            climbed > step
        }
    }
}

/// The deals that have been in a stage.
fn been(deals: &[Counted], stage: usize) -> impl Iterator<Item = Id<Deal>> {
    deals.iter().flat_map(|deal| &deal.way).filter(move |stay| stay.stage == stage).map(|stay| stay.deal)
}

/// Conversion of the stays of one pipeline.
pub(crate) fn conversion(
    pipeline: &Pipeline,
    stays: &[Stay],
    window: Window,
    options: ConversionOptions,
    explainer: &mut Explainer,
) -> Conversion {
    let cut = Cut { pipeline, window, options };
    let deals = cut.counted(stays);
    let reached = |step: usize| -> BTreeSet<Id<Deal>> {
        let ids = deals.iter().filter(|own| reaches(pipeline, &own.way, step, options.path));
        ids.filter_map(|own| own.way.first()).map(|stay| stay.deal).collect()
    };
    let first = count(reached(0).len());
    let stages = pipeline.stages.iter().enumerate().map(|(at, stage)| {
        let own: Vec<&Stay> = deals.iter().flat_map(|deal| &deal.stays).filter(|stay| stay.stage == at).collect();
        let ended = |wanted: Option<Exit>| -> Vec<Id<Deal>> {
            own.iter().filter(|stay| cut.exit(stay) == wanted).map(|stay| stay.deal).collect()
        };
        let step = step_of(pipeline, at);
        let here: BTreeSet<Id<Deal>> = match step {
            Some(step) if stage.kind == StageKind::Open => reached(step),
            Some(step) => {
                // Of several won stages each has its own deals.
                let on_the_way = reached(step);
                been(&deals, at).filter(|deal| on_the_way.contains(deal)).collect()
            }
            None => been(&deals, at).collect(),
        };
        let next = step.filter(|_| stage.kind == StageKind::Open).map(|step| reached(step + 1));
        let skipped = deals.iter().filter(|deal| {
            let is_here = deal.way.iter().any(|stay| stay.stage == at);
            let furthest = deal.way.iter().filter_map(|stay| step_of(pipeline, stay.stage)).max();
            !is_here && step.is_some_and(|step| furthest > Some(step))
        });
        let began: Vec<&Stay> = own.iter().copied().filter(|stay| !cut.is_at_start(stay)).collect();
        let row = StageConversion {
            stage_id: stage.id,
            name: stage.name.clone(),
            kind: stage.kind,
            at_start: count(own.len() - began.len()),
            entries: count(began.len()),
            advanced: count(ended(Some(Exit::Advanced)).len()),
            lost: count(ended(Some(Exit::Lost)).len()),
            moved_back: count(ended(Some(Exit::MovedBack)).len()),
            still_there: count(ended(None).len()),
            reached: count(here.len()),
            skipped: count(skipped.count()),
            next_rate: next.as_ref().and_then(|next| share(count(next.len()), count(here.len()))),
            cumulative_rate: step.and_then(|_| share(count(here.len()), first)),
        };
        explain(&row, &began, &here, next.as_ref(), first, explainer);
        for (name, wanted) in [
            ("advanced", Some(Exit::Advanced)),
            ("lost", Some(Exit::Lost)),
            ("moved_back", Some(Exit::MovedBack)),
            ("still_there", None),
        ] {
            let figure = format!("stages.{}.{name}", row.stage_id);
            explainer.say(figure, ENDS, Some(row.at_start + row.entries), ended(wanted));
        }
        row
    });
    let stages = stages.collect();
    Conversion {
        pipeline_id: pipeline.id,
        counting: options.counting,
        path: options.path,
        deals: count(deals.len()),
        stages,
    }
}

const ENDS: &str = "stays in the stage by how they ended; advanced: in a later stage that is not lost; moved back: in \
    an earlier one; at_start + entries = advanced + lost + moved_back + still_there";
const ENTRIES: &str = "stays in the stage that began; a deal that comes back begins another";
const REACHED: &str = "deals that were in the stage or, by any_stage, in a later one that is not lost; by every_stage \
    also in each earlier one before";
const NEXT: &str = "deals that reached the next step divided by deals that reached this stage";
const CUMULATIVE: &str = "deals that reached this stage divided by deals that reached the first one";

fn explain(
    row: &StageConversion,
    began: &[&Stay],
    here: &BTreeSet<Id<Deal>>,
    next: Option<&BTreeSet<Id<Deal>>>,
    first: u64,
    explainer: &mut Explainer,
) {
    let figure = |name: &str| format!("stages.{}.{name}", row.stage_id);
    explainer.say(figure("entries"), ENTRIES, None, began.iter().map(|stay| stay.deal));
    explainer.say(figure("reached"), REACHED, None, here.iter().copied());
    if let Some(next) = next {
        explainer.say(figure("next_rate"), NEXT, Some(row.reached), next.iter().copied());
    }
    if row.cumulative_rate.is_some() {
        explainer.say(figure("cumulative_rate"), CUMULATIVE, Some(first), here.iter().copied());
    }
}
