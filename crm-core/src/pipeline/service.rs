//! Use cases of pipelines.

use super::change::{Consequences, PipelineChange};
use super::model::{NewPipeline, Pipeline, Stage};
use crate::access::{Action, Entity, View};
use crate::deal::Deal;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::{Decisions, Expect, Session};
use crate::store::{Changes, Stored};

/// Most deals that a change of a pipeline takes to other stages.
const MAX_MOVED: usize = 10_000;

/// The pipelines of a workspace.
#[derive(Clone)]
pub struct Pipelines {
    session: Session,
}

impl Pipelines {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Makes a pipeline beside the default one, which came with the workspace.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for bad names or stages.
    pub async fn create(&self, new: NewPipeline) -> Result<View<Pipeline>> {
        let grant = self.session.require(Entity::Pipeline, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut changes = self.session.changes();
        let now = changes.now();
        let mut pipeline = Stored::new(Pipeline::new(Id::new_at(now), new, now)?);
        changes.put(&mut pipeline);
        self.session.commit_once(&grant, changes, pipeline).await
    }

    /// All pipelines with their stages, the default one first, then by name.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn list(&self) -> Result<Vec<View<Pipeline>>> {
        let grant = self.session.require(Entity::Pipeline, Action::Read)?;
        let pipelines = self.session.ports().pipelines.pipelines(&grant).await?;
        Ok(pipelines.into_iter().map(|pipeline| grant.view(pipeline.into_inner())).collect())
    }

    /// A pipeline with its stages.
    ///
    /// # Errors
    /// `Denied`; `NotFound`.
    pub async fn read(&self, id: Id<Pipeline>) -> Result<View<Pipeline>> {
        let grant = self.session.require(Entity::Pipeline, Action::Read)?;
        Ok(grant.view(self.session.ports().pipelines.pipeline(&grant, id).await?.into_inner()))
    }

    /// Gives a pipeline another name and other stages. Deals of a stage that is left out go to the
    /// stage that the change names for them, and those of one that turns from open to won must be
    /// taken elsewhere before. Deals that are deleted go along, so that they can be restored.
    ///
    /// # Errors
    /// `Denied`, also where a deal must move that the caller may not change; `NotFound`; `Conflict`
    /// for another version; `Invalid` for bad stages, for a stage in use without a target, and where
    /// more than 10,000 deals would move.
    pub async fn update(&self, id: Id<Pipeline>, change: PipelineChange, expect: Expect) -> Result<View<Pipeline>> {
        let grant = self.session.require(Entity::Pipeline, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut pipeline = self.session.ports().pipelines.pipeline(&grant, id).await?;
                expect.check(&grant, &*pipeline)?;
                let mut changes = self.session.changes();
                let consequences = pipeline.change(change.clone(), changes.now())?;
                changes.put(&mut pipeline);
                self.empty(&consequences, &mut changes).await?;
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(pipeline.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Deletes a pipeline that no deal is in. Deals that were deleted before stay what they are, and
    /// cannot be restored any more.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version, for the default pipeline
    /// (`default_pipeline`) and for one that is in use (`pipeline_in_use`).
    pub async fn delete(&self, id: Id<Pipeline>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::Pipeline, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut pipeline = self.session.ports().pipelines.pipeline(&grant, id).await?;
                expect.check(&grant, &*pipeline)?;
                if pipeline.is_default {
                    return Err(Error::conflict("the default pipeline stays").with_code("default_pipeline"));
                }
                let stages: Vec<Id<Stage>> = pipeline.stages.iter().map(|stage| stage.id).collect();
                if self.deals_in(&stages, 1).await?.iter().any(|deal| deal.deleted_at.is_none()) {
                    return Err(Error::conflict(format!("deals are in pipeline {id}")).with_code("pipeline_in_use"));
                }
                let mut changes = self.session.changes();
                pipeline.deleted_at = Some(changes.now());
                changes.put(&mut pipeline);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Takes the deals of stages that are gone to where they go.
    async fn empty(&self, consequences: &Consequences, changes: &mut Changes) -> Result<()> {
        let deals = self.deals_in(&consequences.stages(), MAX_MOVED + 1).await?;
        if deals.is_empty() {
            return Ok(());
        }
        for deal in &deals {
            consequences.target(deal.stage_id)?;
        }
        if deals.len() > MAX_MOVED {
            let message = format!("more than {MAX_MOVED} deals would move: move some of them before");
            return Err(Error::invalid("targets", "too_many", message));
        }
        let grant = self.session.require(Entity::Deal, Action::Update)?;
        let is_theirs = |deal: &Deal| grant.sees_owner(Entity::Deal, deal.owner_id) && grant.check_reach(deal).is_ok();
        if !deals.iter().all(|deal| is_theirs(deal)) {
            // Which ones they are is not theirs to know.
            return Err(Error::denied("deals would move that lie outside the permission deal:update"));
        }
        for mut deal in deals {
            let target = consequences.target(deal.stage_id)?;
            let at = deal.arrival(target, changes.now());
            let moved = deal.move_to(target, at)?;
            changes.put(&mut deal);
            moved.into_iter().for_each(|moved| changes.emit(moved));
        }
        Ok(())
    }

    /// Deals of stages, whoever sees them: nothing of them reaches the caller but that they are there.
    async fn deals_in(&self, stages: &[Id<Stage>], limit: usize) -> Result<Vec<Stored<Deal>>> {
        if stages.is_empty() {
            return Ok(Vec::new());
        }
        let everything = self.session.as_product("pipeline").await?.require(Entity::Deal, Action::Read)?;
        self.session.ports().deals.deals_in_stages(&everything, stages, limit).await
    }
}
