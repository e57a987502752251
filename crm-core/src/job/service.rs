//! Use cases of jobs.

use serde::Deserialize;

use super::model::{Job, JobState, Queue};
use super::port::JobQuery;
use crate::access::{Action, Entity, View};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::page::{Page, check_limit};
use crate::session::{Decisions, Session};

/// The jobs of a workspace, as far as one actor may go.
#[derive(Clone)]
pub struct Jobs {
    session: Session,
}

/// A list of jobs, as a caller asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
pub struct JobsRequest {
    /// Those of a queue.
    pub queue: Option<Queue>,
    /// Those in a state.
    pub state: Option<JobState>,
    /// Jobs a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Jobs {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// A job.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Job>) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Job, Action::Read)?;
        let job = self.session.ports().jobs.job(&grant, id).await?.into_inner();
        Ok(grant.view(job.seen_by(&grant)))
    }

    /// A page of jobs, the latest first, without what came of them.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad limit or cursor.
    pub async fn list(&self, request: &JobsRequest) -> Result<Page<View<Job>>> {
        let grant = self.session.require(Entity::Job, Action::Read)?;
        let limit = check_limit(request.limit)?;
        let before = request.cursor.as_deref().map(str::parse).transpose();
        let before = before.map_err(|_: Error| Error::invalid("cursor", "cursor", "is not a cursor of this list"))?;
        let query = JobQuery { queue: request.queue, state: request.state, before, limit: limit + 1 };
        let mut jobs = self.session.ports().jobs.jobs(&grant, &query).await?;
        let is_last = jobs.len() <= usize::from(limit);
        jobs.truncate(usize::from(limit));
        let next_cursor = jobs.last().filter(|_| !is_last).map(|job| job.id.to_string());
        let data = jobs.into_iter().map(|job| grant.view(job)).collect();
        Ok(Page { data, next_cursor, total: None, total_is_capped: None })
    }

    /// Stops a job, once under the caller's key. What it did stays done; it can be taken up again.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for one that has ended.
    pub async fn cancel(&self, id: Id<Job>) -> Result<View<Job>> {
        self.change(id, Job::cancel).await
    }

    /// Queues a job again that failed or was cancelled, once under the caller's key; it goes on where it
    /// stopped.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for one that waits, runs or is done.
    pub async fn retry(&self, id: Id<Job>) -> Result<View<Job>> {
        self.change(id, Job::retry).await
    }

    async fn change(
        &self,
        id: Id<Job>,
        decide: fn(&mut Job, crate::time::Timestamp) -> Result<()>,
    ) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Job, Action::Update)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut job = self.session.ports().jobs.job(&grant, id).await?;
                grant.check_reach(&*job)?;
                let changes = self.session.changes();
                decide(&mut job, changes.now())?;
                self.session.commit_job(&grant, changes, job).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}
