//! Pipelines: ways through named stages, which deals follow.

mod model;
mod port;
mod service;

pub use model::{NewPipeline, NewStage, Pipeline, Stage, StageKind};
pub use port::PipelineStore;
pub use service::Pipelines;
