//! From events to deliveries.

use async_trait::async_trait;

use super::deliver::Deliver;
use super::delivery::Delivery;
use super::model::WebhookEndpoint;
use crate::access::{Action, Entity};
use crate::error::Result;
use crate::job::{Handler as _, NewJob};
use crate::journal::Envelope;
use crate::relay::{EventHandler, Handover, Reach};
use crate::session::Session;

/// The name under which the relay knows it.
pub(super) const NAME: &str = "webhooks";

/// Sends each event to the endpoints that want it. It begins with the first endpoint of a workspace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks;

#[async_trait]
impl EventHandler for Hooks {
    fn name(&self) -> &'static str {
        NAME
    }

    fn reach(&self) -> Reach {
        Reach::Begun
    }

    async fn hand(&self, product: &Session, events: &[Envelope], over: &mut Handover) -> Result<()> {
        let grant = product.internally(Entity::WebhookEndpoint, Action::Read);
        // After the events: whoever makes an endpoint is sent what comes later.
        let endpoints: Vec<WebhookEndpoint> = product.ports().webhooks.webhook_endpoints(&grant).await?;
        for event in events {
            for endpoint in endpoints.iter().filter(|endpoint| endpoint.wants(event)) {
                let delivery = Delivery::of(event, endpoint.id, product.now());
                over.enqueue(sending(&delivery)?);
                over.deliveries.push(delivery);
            }
        }
        Ok(())
    }
}

/// The job that sends a delivery: it has the same id.
pub(super) fn sending(delivery: &Delivery) -> Result<NewJob> {
    let job = Deliver::job(&delivery.endpoint_id)?.with_id(delivery.id.cast());
    Ok(if delivery.is_test() { job.attempts(1) } else { job })
}
