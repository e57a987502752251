//! `slackcrm deals move`.

use crm_core::deal::{Deal, MoveStage};
use crm_core::pipeline::{Pipeline, Stage};
use crm_core::{Error, Id, Session};
use serde_json::Value;

use crate::args::Output;
use crate::args::deals::{DealVerb, Move};
use crate::failure::Failure;
use crate::print;

/// Runs a verb that deals alone have.
pub(crate) async fn run(session: &Session, verb: &DealVerb, output: Output) -> Result<(), Failure> {
    match verb {
        DealVerb::Move(asked) => move_to(session, asked, output).await,
    }
}

/// Takes a deal to a stage and prints it.
async fn move_to(session: &Session, asked: &Move, output: Output) -> Result<(), Failure> {
    let deal = asked.one.id::<Deal>();
    let from_stage_id = match &asked.from {
        Some(from) => Some(stage(session, deal, from).await?),
        None => None,
    };
    let stage_id = stage(session, deal, &asked.stage).await?;
    let step = MoveStage { stage_id, from_stage_id, lost_reason: asked.lost_reason() };
    match session.deals().move_saying(deal, step, asked.expected.expect()).await {
        Ok(moved) => print::record(output, &moved),
        Err(error) => Err(refused(session, error).await),
    }
}

/// Why a move was refused; where somebody else was faster, with the stage that the deal is at by now.
async fn refused(session: &Session, error: Error) -> Failure {
    let stage = match error.current() {
        Some(current) => stage_of(session, &current.record).await,
        None => None,
    };
    let failure = Failure::from(error);
    match stage {
        Some(stage) => failure.hint(format!("it is at the stage {stage} now")),
        None => failure,
    }
}

/// The name of the stage that a deal is at.
async fn stage_of(session: &Session, deal: &Value) -> Option<String> {
    let id = |field: &str| deal.get(field).and_then(Value::as_str).and_then(|text| text.parse::<Id<()>>().ok());
    let (pipeline, stage): (Id<Pipeline>, Id<Stage>) = (id("pipeline_id")?.cast(), id("stage_id")?.cast());
    let pipeline = session.pipelines().read(pipeline).await.ok()?;
    pipeline.stages.iter().find(|one| one.id == stage).map(|one| one.name.clone())
}

/// A stage by its id, or by its name in a deal's pipeline.
async fn stage(session: &Session, deal: Id<Deal>, asked: &str) -> Result<Id<Stage>, Failure> {
    match asked.parse() {
        Ok(id) => Ok(id),
        Err(_) => stage_named(session, deal, asked).await,
    }
}

/// The stage of a name in a deal's pipeline.
async fn stage_named(session: &Session, deal: Id<Deal>, name: &str) -> Result<Id<Stage>, Failure> {
    let deal = session.deals().read(deal).await?;
    let pipeline = session.pipelines().read(deal.pipeline_id).await?;
    pipeline.stage_named(name).map(|stage| stage.id).ok_or_else(|| {
        let known: Vec<&str> = pipeline.stages.iter().map(|stage| stage.name.as_str()).collect();
        Failure::new(format!("{name:?} is not a stage of the deal's pipeline"))
            .hint(format!("it has {}", known.join(", ")))
    })
}
