//! Pipelines: ways through named stages, which deals follow.

mod change;
mod model;
mod port;
mod service;

pub use change::{PipelineChange, StageChange, StageTarget, given_up};
pub use model::{NewPipeline, NewStage, Pipeline, Stage, StageKind};
pub use port::PipelineStore;
pub use service::Pipelines;
