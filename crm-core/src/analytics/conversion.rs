//! From stage to stage: who goes on, who is lost, who goes back and who is still there.

use serde::{Deserialize, Serialize};

use super::explain::Explainer;
use super::numbers::{count, share};
use super::way::{Exit, Stay, by_deal, exit};
use super::window::{Span, Window};
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
    /// The step of each stage: open stages one after the other, then all won ones as one step.
    steps: Vec<Option<usize>>,
    span: Span,
    options: ConversionOptions,
}

impl<'a> Cut<'a> {
    fn new(pipeline: &'a Pipeline, window: Window, options: ConversionOptions) -> Self {
        let open = pipeline.stages.iter().filter(|stage| stage.kind == StageKind::Open).count();
        let step = |(at, stage): (usize, &Stage)| match stage.kind {
            StageKind::Open => Some(at),
            StageKind::Won => Some(open),
            StageKind::Lost => None,
        };
        let steps = pipeline.stages.iter().enumerate().map(step).collect();
        Self { pipeline, steps, span: window.span(), options }
    }

    fn step(&self, stage: usize) -> Option<usize> {
        self.steps.get(stage).copied().flatten()
    }

    fn is_cohort(&self) -> bool {
        self.options.counting == Counting::Cohort
    }

    fn is_at_start(&self, stay: &Stay) -> bool {
        !self.is_cohort() && self.span.follows(stay.entered)
    }

    /// How a stay ended, as far as the window sees.
    fn exit(&self, stay: &Stay) -> Option<Exit> {
        let (left, next) = stay.left?;
        let is_seen = self.is_cohort() || self.span.ends_after(left);
        is_seen.then(|| exit(self.pipeline, stay.stage, next))
    }

    /// A deal with these stays, which follow one another; none where no stay counts.
    fn counted<'s>(&self, own: &'s [Stay]) -> Option<Counted<'s>> {
        let first = own.first()?;
        let (stays, way) = if self.is_cohort() {
            (if self.span.holds(first.entered) { own } else { &[] }, own)
        } else {
            let begun = own.partition_point(|stay| self.span.ends_after(stay.entered));
            let way = own.get(..begun).unwrap_or_default();
            let over = way.partition_point(|stay| stay.left.is_some_and(|(left, _)| self.span.follows(left)));
            (way.get(over..).unwrap_or_default(), way)
        };
        if stays.is_empty() {
            return None;
        }
        let steps = || way.iter().filter_map(|stay| self.step(stay.stage));
        let furthest = steps().max();
        let reached = match self.options.path {
            Path::AnyStage => furthest,
            Path::EveryStage => {
                steps().fold(0_usize, |next, at| if at == next { next + 1 } else { next }).checked_sub(1)
            }
        };
        Some(Counted { deal: first.deal, stays, way, furthest, reached })
    }

    /// What became of the stays in a stage.
    fn passed(&self, deals: &[Counted<'_>], stage: usize) -> Passed {
        let mut passed = Passed::default();
        for stay in deals.iter().flat_map(|deal| deal.stays).filter(|stay| stay.stage == stage) {
            if self.is_at_start(stay) {
                passed.at_start.push(stay.deal);
            } else {
                passed.began.push(stay.deal);
            }
            let ended = match self.exit(stay) {
                Some(Exit::Advanced) => &mut passed.advanced,
                Some(Exit::Lost) => &mut passed.lost,
                Some(Exit::MovedBack) => &mut passed.moved_back,
                None => &mut passed.still_there,
            };
            ended.push(stay.deal);
        }
        passed
    }
}

/// A deal with stays that count.
struct Counted<'s> {
    deal: Id<Deal>,
    /// Those stays.
    stays: &'s [Stay],
    /// All of its stays until the window ends, which say where it has been.
    way: &'s [Stay],
    /// The last step that it has been in.
    furthest: Option<usize>,
    /// The last step that it counts as having reached.
    reached: Option<usize>,
}

impl Counted<'_> {
    fn has_been(&self, stage: usize) -> bool {
        self.way.iter().any(|stay| stay.stage == stage)
    }
}

/// The deals behind the stays in a stage, by how these began and ended.
#[derive(Default)]
struct Passed {
    at_start: Vec<Id<Deal>>,
    began: Vec<Id<Deal>>,
    advanced: Vec<Id<Deal>>,
    lost: Vec<Id<Deal>>,
    moved_back: Vec<Id<Deal>>,
    still_there: Vec<Id<Deal>>,
}

/// Conversion of the stays of one pipeline.
pub(crate) fn conversion(
    pipeline: &Pipeline,
    stays: &[Stay],
    window: Window,
    options: ConversionOptions,
    explainer: &mut Explainer,
) -> Conversion {
    let cut = Cut::new(pipeline, window, options);
    let deals: Vec<Counted<'_>> = by_deal(stays).filter_map(|own| cut.counted(own)).collect();
    let which = |keeps: &dyn Fn(&Counted<'_>) -> bool| -> Vec<Id<Deal>> {
        deals.iter().filter(|deal| keeps(deal)).map(|deal| deal.deal).collect()
    };
    let first = count(which(&|deal| deal.reached.is_some()).len());
    let stages = pipeline.stages.iter().enumerate().map(|(at, stage)| {
        let (passed, step) = (cut.passed(&deals, at), cut.step(at));
        let is_open = stage.kind == StageKind::Open;
        // Of several won stages each has its own deals, as has each lost one.
        let here = which(&|deal| deal.reached >= step && (is_open || deal.has_been(at)));
        let next = step.filter(|_| is_open).map(|step| which(&|deal| deal.reached > Some(step)));
        let skipped = which(&|deal| step.is_some() && deal.furthest > step && !deal.has_been(at));
        let row = StageConversion {
            stage_id: stage.id,
            name: stage.name.clone(),
            kind: stage.kind,
            at_start: count(passed.at_start.len()),
            entries: count(passed.began.len()),
            advanced: count(passed.advanced.len()),
            lost: count(passed.lost.len()),
            moved_back: count(passed.moved_back.len()),
            still_there: count(passed.still_there.len()),
            reached: count(here.len()),
            skipped: count(skipped.len()),
            next_rate: next.as_ref().and_then(|next| share(count(next.len()), count(here.len()))),
            cumulative_rate: step.and_then(|_| share(count(here.len()), first)),
        };
        let behind = Reached { here: &here, next: next.as_deref(), skipped: &skipped, first };
        explain(&row, &passed, &behind, explainer);
        row
    });
    let stages = stages.collect();
    explainer.say("deals", DEALS, None, which(&|_| true));
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
const DEALS: &str = "deals with stays that count: in a cohort those of deals that began in the window, whenever they \
    were; in a snapshot those that began, ended or lasted within it";
const AT_START: &str = "stays in the stage that had begun before the window; none in a cohort";
const SKIPPED: &str = "deals that were in a later step, an open stage after this one or a won one, and never here";
const ENTRIES: &str = "stays in the stage that began; a deal that comes back begins another";
const REACHED: &str = "of an open stage, by any_stage the deals that were in it or in a later one that is not lost, by \
    every_stage those that were in it and before in each earlier one, one after the other; of a won stage the deals that \
    were in it, by every_stage after each open one; of a lost stage the deals that were in it";
const NEXT: &str = "deals that reached the next step, the next open stage or after the last one any won stage, divided \
    by deals that reached this stage";
const CUMULATIVE: &str = "deals that reached this stage divided by deals that reached the first one";

/// The deals behind what a stage reached.
struct Reached<'a> {
    here: &'a [Id<Deal>],
    /// Those that reached the next step; none where there is none.
    next: Option<&'a [Id<Deal>]>,
    skipped: &'a [Id<Deal>],
    /// How many reached the first stage.
    first: u64,
}

fn explain(row: &StageConversion, passed: &Passed, behind: &Reached<'_>, explainer: &mut Explainer) {
    let &Reached { here, next, skipped, first } = behind;
    let figure = |name: &str| format!("stages.{}.{name}", row.stage_id);
    explainer.say(figure("at_start"), AT_START, None, passed.at_start.iter().copied());
    explainer.say(figure("entries"), ENTRIES, None, passed.began.iter().copied());
    explainer.say(figure("reached"), REACHED, None, here.iter().copied());
    explainer.say(figure("skipped"), SKIPPED, None, skipped.iter().copied());
    if let Some(next) = next {
        explainer.say(figure("next_rate"), NEXT, Some(row.reached), next.iter().copied());
    }
    if row.cumulative_rate.is_some() {
        explainer.say(figure("cumulative_rate"), CUMULATIVE, Some(first), here.iter().copied());
    }
    for (name, ended) in [
        ("advanced", &passed.advanced),
        ("lost", &passed.lost),
        ("moved_back", &passed.moved_back),
        ("still_there", &passed.still_there),
    ] {
        explainer.say(figure(name), ENDS, Some(row.at_start + row.entries), ended.iter().copied());
    }
}
