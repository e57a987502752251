//! What is done about deliveries now and then: the old ones are forgotten, and those end that nothing sends any more.

use super::delivery::{Delivery, DeliveryState};
use super::turn::DeliveryTurn;
use crate::access::{Action, Actor, Entity};
use crate::crm::Crm;
use crate::error::{ErrorKind, Result};
use crate::id::Id;
use crate::job::{JobState, Stop};
use crate::session::Session;
use crate::store::{Changes, Write};
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// How long deliveries are kept, in seconds: 30 days.
const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Deliveries of one transaction: few, because a stop waits for it.
const AT_ONCE: u16 = 200;

impl Crm {
    /// Forgets deliveries of all workspaces that are 30 days old and not pending, some at a time, until it is asked
    /// to stop. Gives their number. What fails in one workspace keeps no other from it; the first fault is told.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn forget_old_deliveries(&self, stop: &dyn Stop) -> Result<usize> {
        let until: Timestamp = self.now().plus_seconds(-KEPT_SECONDS);
        let most = usize::from(AT_ONCE);
        let (mut all, mut faults) = (0, Vec::new());
        for workspace in self.workspaces().await? {
            let mut pruned = most;
            while pruned >= most && !stop.is_asked() {
                let some = self.ports.webhooks.prune_deliveries(workspace.id, until, AT_ONCE).await;
                pruned = some.map_err(|error| faults.push(error)).unwrap_or_default();
                all += pruned;
            }
        }
        faults.into_iter().next().map_or(Ok(all), Err)
    }

    /// Ends deliveries of all workspaces that are pending though nothing sends them: their job has ended without
    /// an attempt that could say so, as where its workers died. Some at a time, until it is asked to stop. Gives
    /// their number. What fails in one workspace keeps no other from it; the first fault is told.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn end_stranded_deliveries(&self, stop: &dyn Stop) -> Result<usize> {
        let most = usize::from(AT_ONCE);
        let (mut all, mut faults) = (0, Vec::new());
        for workspace in self.workspaces().await? {
            let mut ended = most;
            while ended >= most && !stop.is_asked() {
                let some = self.end_stranded(workspace.id).await;
                ended = some.map_err(|error| faults.push(error)).unwrap_or_default();
                all += ended;
            }
        }
        faults.into_iter().next().map_or(Ok(all), Err)
    }

    async fn end_stranded(&self, workspace: Id<Workspace>) -> Result<usize> {
        let stranded = self.ports.webhooks.stranded_deliveries(workspace, AT_ONCE).await?;
        if stranded.is_empty() {
            return Ok(0);
        }
        let product = self.acting(Actor::system(workspace, "webhook")).await?;
        let mut changes = product.changes();
        for delivery in &stranded {
            let ended = product.ended(&mut changes, delivery).await?;
            changes.writes.extend(ended.map(Write::DeliveryTurn));
        }
        let ended = changes.writes.len();
        match product.commit(&product.internally(Entity::WebhookEndpoint, Action::Update), changes).await {
            Ok(()) => Ok(ended),
            // A job was taken up meanwhile: the others are ended the next time.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(0),
            Err(error) => Err(error),
        }
    }
}

impl Session {
    /// How a delivery ended whose job has; nothing where the job was taken up meanwhile. The changes rely on the job.
    async fn ended(&self, changes: &mut Changes, delivery: &Delivery) -> Result<Option<DeliveryTurn>> {
        let grant = self.internally(Entity::Job, Action::Read);
        let job = match self.ports().jobs.job(&grant, delivery.id.cast()).await {
            Ok(job) => Some(job),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let failed = |why: &str| (DeliveryState::Failed, why.to_owned());
        let (state, reason) = match job.as_ref().map(|job| (job.state, &job.error)) {
            Some((JobState::Queued | JobState::Running, _)) => return Ok(None),
            Some((JobState::Cancelled, _)) => {
                (DeliveryState::Cancelled, "the job that sends it was cancelled".to_owned())
            }
            Some((_, Some(fault))) => failed(&fault.detail),
            Some((_, None)) => failed("the job that sends it has ended"),
            None => failed("the job that sends it was forgotten"),
        };
        job.iter().for_each(|job| changes.rely_on(job));
        Ok(Some(DeliveryTurn { id: delivery.id, state, reason: Some(reason), at: changes.now() }))
    }
}
