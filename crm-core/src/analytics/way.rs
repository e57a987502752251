//! Stays in stages, made of moves.

use crate::deal::{Deal, DealMove};
use crate::id::Id;
use crate::pipeline::{Pipeline, StageKind};
use crate::time::Timestamp;

/// One stay of a deal in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    /// The deal.
    pub(crate) deal: Id<Deal>,
    /// The stage's place in its pipeline.
    pub(crate) stage: usize,
    /// When it began.
    pub(crate) entered: Timestamp,
    /// When it ended, and the place of the next stage; absent while it lasts.
    pub(crate) left: Option<(Timestamp, usize)>,
}

impl Stay {
    /// Whether the deal was there at an instant.
    pub(crate) fn lasts_at(&self, at: Timestamp) -> bool {
        self.entered <= at && self.left.is_none_or(|(left, _)| at < left)
    }
}

/// How a stay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// In a later stage that is not lost.
    Advanced,
    /// In a lost stage.
    Lost,
    /// In an earlier stage.
    MovedBack,
}

/// What a way from one stage of a pipeline to another is.
pub(crate) fn exit(pipeline: &Pipeline, from: usize, to: usize) -> Exit {
    let kind = pipeline.stages.get(to).map(|stage| stage.kind);
    match kind {
        Some(StageKind::Lost) if to > from => Exit::Lost,
        _ if to > from => Exit::Advanced,
        _ => Exit::MovedBack,
    }
}

/// The stays of the ways that moves tell, which come deal by deal in their order. Stages that the
/// pipeline does not have any more are passed over, as if the deal had stayed where it was before;
/// a step that is dated before the one before it was taken at that one's time.
pub(crate) fn stays(pipeline: &Pipeline, moves: &[DealMove]) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    for step in moves {
        let Some(stage) = pipeline.stages.iter().position(|stage| stage.id == step.to) else { continue };
        let mut entered = step.at;
        if let Some(last) = stays.last_mut().filter(|last| last.deal == step.deal_id) {
            if last.stage == stage {
                continue;
            }
            entered = entered.max(last.entered);
            last.left = Some((entered, stage));
        }
        stays.push(Stay { deal: step.deal_id, stage, entered, left: None });
    }
    stays
}

/// The stays, deal by deal.
pub(crate) fn by_deal(stays: &[Stay]) -> impl Iterator<Item = &[Stay]> {
    stays.chunk_by(|a, b| a.deal == b.deal)
}
