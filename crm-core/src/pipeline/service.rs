//! Use cases of pipelines.

use super::model::{NewPipeline, Pipeline};
use crate::access::{Action, Entity, View};
use crate::error::Result;
use crate::id::Id;
use crate::session::Session;
use crate::store::Stored;

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
}
