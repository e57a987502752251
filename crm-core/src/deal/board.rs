//! The board: a pipeline's stages with the number and worth of their deals.

use serde::Serialize;

use crate::access::FieldMask;
use crate::id::Id;
use crate::money::Totals;
use crate::pipeline::{Pipeline, Stage, StageKind};

/// Deals of one stage, as a store sums them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageTotal {
    /// The stage.
    pub stage_id: Id<Stage>,
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
}

impl Board {
    /// Lays the sums out in the order of the stages, as far as the caller sees what they add up.
    pub(crate) fn new(pipeline: &Pipeline, totals: Vec<StageTotal>, mask: &FieldMask) -> Self {
        let shows_values = !mask.hides("value");
        let column = |stage: &Stage| {
            let found = totals.iter().find(|total| total.stage_id == stage.id);
            BoardStage {
                stage_id: stage.id,
                name: stage.name.clone(),
                kind: stage.kind,
                count: found.map_or(0, |total| total.count),
                total: shows_values.then(|| found.map(|total| total.total.clone()).unwrap_or_default()),
            }
        };
        Self {
            pipeline_id: pipeline.id,
            name: pipeline.name.clone(),
            stages: pipeline.stages.iter().map(column).collect(),
        }
    }

    /// Deals in all stages.
    pub fn count(&self) -> u64 {
        self.stages.iter().map(|stage| stage.count).sum()
    }
}
