//! Port: webhook endpoints, their secrets and what was sent to them.

use async_trait::async_trait;
use secrecy::SecretString;

use super::delivery::{Delivery, DeliveryState};
use super::model::WebhookEndpoint;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// Deliveries of an endpoint, checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeliveryQuery {
    /// The endpoint.
    pub endpoint: Id<WebhookEndpoint>,
    /// Those in a state.
    pub state: Option<DeliveryState>,
    /// Which of them, and in which order.
    pub span: Span,
    /// How many at most.
    pub limit: u16,
}

/// Which deliveries of an endpoint, in which order.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// The latest first, those before this one.
    Before(Option<Id<Delivery>>),
    /// The earliest first, those that were wanted from an instant on and before another and that come after
    /// this one. Those that repeat others are left out.
    Within {
        /// From this instant on.
        from: Option<Timestamp>,
        /// Before this one.
        to: Option<Timestamp>,
        /// After this delivery.
        after: Option<Id<Delivery>>,
    },
}

/// What an attempt tells of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes deliveries.
    Works,
    /// It did not take one, at this instant.
    Fails(Timestamp),
    /// Nothing, as where nothing was sent, and after a test.
    Unknown,
}

/// Port: webhook endpoints; deleted ones are absent. Endpoints, secrets and new deliveries are written by
/// [`crate::store::Commit`].
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// An endpoint.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn webhook_endpoint(&self, grant: &Grant, id: Id<WebhookEndpoint>) -> Result<Stored<WebhookEndpoint>>;

    /// All endpoints of the grant's workspace, in the order of their making.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn webhook_endpoints(&self, grant: &Grant) -> Result<Vec<WebhookEndpoint>>;

    /// The secrets of an endpoint that hold at an instant, the newest first.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn webhook_secrets(
        &self,
        grant: &Grant,
        id: Id<WebhookEndpoint>,
        now: Timestamp,
    ) -> Result<Vec<SecretString>>;

    /// A delivery.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn delivery(&self, grant: &Grant, id: Id<Delivery>) -> Result<Delivery>;

    /// Deliveries of an endpoint.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn deliveries(&self, grant: &Grant, query: &DeliveryQuery) -> Result<Vec<Delivery>>;

    /// When the first job is due among those that send deliveries of the same endpoint and record which were
    /// wanted before this one, are pending and have a job that has not ended; one that runs was due when it was
    /// taken. None where there is none.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn ahead_of(&self, grant: &Grant, delivery: &Delivery) -> Result<Option<Timestamp>>;

    /// Writes a delivery over what was known of it, unless that was delivered or cancelled and this one is not
    /// delivered, and what it tells of its endpoint, and gives since when that has taken none.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn note_delivery(&self, grant: &Grant, delivery: &Delivery, health: Health) -> Result<Option<Timestamp>>;

    /// Deliveries of a workspace that are pending though their job has ended or was forgotten, at most `limit`, in no
    /// order; those that cannot be read are left out.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn stranded_deliveries(&self, workspace: Id<Workspace>, limit: u16) -> Result<Vec<Delivery>>;

    /// Forgets deliveries, at most `limit`, that were wanted until an instant and are not pending. Gives their
    /// number.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn prune_deliveries(&self, workspace: Id<Workspace>, until: Timestamp, limit: u16) -> Result<usize>;
}
