//! Webhook endpoints over HTTP.

use actix_web::{delete, get, post, put};
use crm_core::Page;
use crm_core::access::View;
use crm_core::job::Job;
use crm_core::webhook::{
    DeliveriesRequest, Delivery, DeliveryWithRequest, EndpointWithSecret, NewWebhookEndpoint, ReplayDeliveries,
    ReplayedDeliveries, WebhookEndpoint, WebhookEndpointChange,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Accepted, Body, CreatedWithSecret, Done, Found, Private, whole};
use crate::extract::{DeliveryId, Expected, Json, Keyed, OnceAt, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(read).service(replace).service(delete);
    config.service(test).service(deliveries).service(delivery).service(replay);
}

/// Where the events of the workspace are sent.
#[utoipa::path(tag = "webhooks", operation_id = "list_webhook_endpoints", responses((status = 200, body = Page<WebhookEndpoint>)))]
#[get("")]
async fn list(Signed(session, ()): Signed) -> Answer<Body<Page<View<WebhookEndpoint>>>> {
    Ok(whole(session.webhooks().list().await?))
}

/// Send events to an address from now on. The answer tells the secret that messages are signed with, this once.
#[utoipa::path(tag = "webhooks", operation_id = "create_webhook_endpoint", request_body = NewWebhookEndpoint, responses((status = 201, body = EndpointWithSecret)))]
#[post("")]
async fn create(Signed(session, Json(new)): Signed<Json<NewWebhookEndpoint>>) -> Answer<CreatedWithSecret> {
    Ok(CreatedWithSecret(session.webhooks().create(new).await?))
}

/// One webhook endpoint.
#[utoipa::path(tag = "webhooks", operation_id = "read_webhook_endpoint", responses((status = 200, body = WebhookEndpoint)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<WebhookEndpoint>>) -> Answer<Found<WebhookEndpoint>> {
    Ok(Found(session.webhooks().read(id).await?))
}

/// Say all of a webhook endpoint anew, disable or enable it, and make a new secret, which the answer tells this once.
#[utoipa::path(tag = "webhooks", operation_id = "replace_webhook_endpoint", request_body = WebhookEndpointChange, responses((status = 200, body = EndpointWithSecret)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(change))): Signed<(
        RecordId<WebhookEndpoint>,
        Expected,
        Json<WebhookEndpointChange>,
    )>,
) -> Answer<Private<EndpointWithSecret>> {
    Ok(Private::found(session.webhooks().update(id, change, expect).await?))
}

/// Delete a webhook endpoint and its secrets; what was not sent yet is given up.
#[utoipa::path(tag = "webhooks", operation_id = "delete_webhook_endpoint", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(
    Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<WebhookEndpoint>, Expected)>,
) -> Answer<Done> {
    session.webhooks().delete(id, expect).await?;
    Ok(Done)
}

/// Send a test message once; the job has the delivery's id and state as its result.
#[utoipa::path(tag = "webhooks", operation_id = "test_webhook_endpoint", responses((status = 202, body = Job)))]
#[post("/{id}/test")]
async fn test(Keyed(session, RecordId(id)): Keyed<RecordId<WebhookEndpoint>>) -> Answer<Accepted> {
    Ok(Accepted(session.webhooks().test(id).await?))
}

/// What was and will be sent to a webhook endpoint, the latest first, with the answers of the last 30 days.
#[utoipa::path(tag = "webhooks", operation_id = "list_webhook_deliveries", params(DeliveriesRequest), responses((status = 200, body = Page<Delivery>)))]
#[get("/{id}/deliveries")]
async fn deliveries(
    Signed(session, (RecordId(id), Query(request))): Signed<(RecordId<WebhookEndpoint>, Query<DeliveriesRequest>)>,
) -> Answer<Body<Page<Delivery>>> {
    Ok(Body(session.webhooks().deliveries(id, &request).await?))
}

/// One delivery to a webhook endpoint, with the headers and the body that its last attempt sent.
#[utoipa::path(tag = "webhooks", operation_id = "read_webhook_delivery", responses((status = 200, body = DeliveryWithRequest)))]
#[get("/{id}/deliveries/{delivery_id}")]
async fn delivery(
    Signed(session, (RecordId(id), DeliveryId(delivery))): Signed<(RecordId<WebhookEndpoint>, DeliveryId)>,
) -> Answer<Body<DeliveryWithRequest>> {
    Ok(Body(session.webhooks().delivery(id, delivery).await?))
}

/// Send one delivery again, or those of a span of time, at most a thousand at once.
#[utoipa::path(tag = "webhooks", operation_id = "replay_webhook_deliveries", request_body = ReplayDeliveries, responses((status = 200, body = ReplayedDeliveries)))]
#[post("/{id}/replay")]
async fn replay(
    OnceAt(session, RecordId(id), wanted): OnceAt<RecordId<WebhookEndpoint>, ReplayDeliveries>,
) -> Answer<Body<ReplayedDeliveries>> {
    Ok(Body(session.webhooks().replay(id, &wanted).await?))
}
