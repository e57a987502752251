//! `slackcrm webhooks`.

use crm_core::webhook::{
    DeliveriesRequest, Delivery, DeliveryOrder, EndpointWithSecret, EventPattern, NewWebhookEndpoint, ReplayDeliveries,
    ReplayedDeliveries, RotateSecret, WebhookEndpoint, WebhookEndpointChange, WebhookStatus,
};
use crm_core::{Crm, Expect, Id, Session};

use super::{jobs, records};
use crate::args::Output;
use crate::args::webhooks::{Order, Wanted, Webhooks};
use crate::failure::Failure;
use crate::print::{self, Sheet, print_json};

/// Webhook endpoints and what was sent to them.
pub(crate) async fn run(crm: &Crm, session: &Session, verb: &Webhooks, output: Output) -> Result<(), Failure> {
    let webhooks = session.webhooks();
    match verb {
        Webhooks::List => {
            let all = webhooks.list().await?;
            let mut sheet = Sheet::new(&["Id", "Url", "Events", "Status", "Reason"]);
            for endpoint in &all {
                let reason = endpoint.disabled_reason.map(|reason| print::word(&reason)).unwrap_or_default();
                let status = print::word(&endpoint.status);
                sheet.row(vec![endpoint.id.to_string(), endpoint.url.clone(), events(endpoint), status, reason]);
            }
            sheet.print(output, &all)
        }
        Webhooks::Show(one) => print::record(output, &webhooks.read(one.id()).await?),
        Webhooks::Create { url, wanted } => {
            let new = NewWebhookEndpoint {
                url: url.clone(),
                description: wanted.description.clone(),
                event_types: wanted.events.clone(),
                fields: wanted.fields.clone(),
                order: wanted.order.map(order).unwrap_or_default(),
            };
            tell(output, &webhooks.create(new).await?)
        }
        Webhooks::Update { one, url, wanted, expected } => {
            let (mut change, held) = as_it_is(session, one.id()).await?;
            say(&mut change, url.as_deref(), wanted);
            let expect = if expected.expect() == Expect::Any { held } else { expected.expect() };
            tell(output, &webhooks.update(one.id(), change, expect).await?)
        }
        Webhooks::Enable(one) => set(session, one.id(), WebhookStatus::Enabled, output).await,
        Webhooks::Disable(one) => set(session, one.id(), WebhookStatus::Disabled, output).await,
        Webhooks::Rotate { one, overlap } => {
            let rotate_secret = Some(RotateSecret { overlap_seconds: *overlap });
            let (same, held) = as_it_is(session, one.id()).await?;
            let change = WebhookEndpointChange { rotate_secret, ..same };
            tell(output, &webhooks.update(one.id(), change, held).await?)
        }
        Webhooks::Delete { one, expected } => {
            webhooks.delete(one.id(), expected.expect()).await?;
            print::deleted(output, one.id::<()>())
        }
        Webhooks::Test(one) => {
            let job = webhooks.test(one.id()).await?;
            // The job says of a test that was not taken no more than why.
            let sent = jobs::done(crm, session, job).await?;
            print_json(&sent.result)
        }
        Webhooks::Deliveries { one, state, limit, cursor } => {
            let request = DeliveriesRequest { state: *state, limit: Some(*limit), cursor: cursor.clone() };
            let page = webhooks.deliveries(one.id(), &request).await?;
            records::print(&["Id", "Event", "State", "Attempts#", "Answer#", "Wanted", "Fault"], &page, output, row)
        }
        Webhooks::Delivery { one, delivery } => print_json(&webhooks.delivery(one.id(), Id::from(*delivery)).await?),
        Webhooks::Replay { one, delivery, from, to, state } => {
            let delivery_id = delivery.map(Id::from);
            let mut wanted = ReplayDeliveries { delivery_id, from: *from, to: *to, state: *state, cursor: None };
            let mut all = ReplayedDeliveries { replayed: 0, next_cursor: None };
            loop {
                let some = webhooks.replay(one.id(), &wanted).await?;
                all.replayed += some.replayed;
                if some.next_cursor.is_none() {
                    return print_json(&all);
                }
                wanted.cursor = some.next_cursor;
            }
        }
    }
}

/// A change that changes nothing, and the version that it is based on: what somebody else changes meanwhile is not
/// written over.
async fn as_it_is(session: &Session, id: Id<WebhookEndpoint>) -> Result<(WebhookEndpointChange, Expect), Failure> {
    let WebhookEndpoint { url, description, event_types, fields, order, version, .. } =
        session.webhooks().read(id).await?.into_inner();
    let event_types = event_types.iter().map(EventPattern::to_string).collect();
    let same =
        WebhookEndpointChange { url, description, event_types, fields, order, status: None, rotate_secret: None };
    Ok((same, Expect::Version(version)))
}

/// Puts what was typed in the place of what is.
fn say(change: &mut WebhookEndpointChange, url: Option<&str>, wanted: &Wanted) {
    if let Some(url) = url {
        url.clone_into(&mut change.url);
    }
    if !wanted.events.is_empty() {
        change.event_types.clone_from(&wanted.events);
    }
    if !wanted.fields.is_empty() {
        change.fields.clone_from(&wanted.fields);
    }
    if let Some(wanted) = wanted.order {
        change.order = order(wanted);
    }
    if wanted.description.is_some() {
        change.description.clone_from(&wanted.description);
    }
}

async fn set(session: &Session, id: Id<WebhookEndpoint>, status: WebhookStatus, output: Output) -> Result<(), Failure> {
    let (same, held) = as_it_is(session, id).await?;
    let change = WebhookEndpointChange { status: Some(status), ..same };
    tell(output, &session.webhooks().update(id, change, held).await?)
}

fn order(order: Order) -> DeliveryOrder {
    match order {
        Order::None => DeliveryOrder::None,
        Order::Record => DeliveryOrder::Record,
    }
}

/// Prints an endpoint, and a secret that was made.
fn tell(output: Output, told: &EndpointWithSecret) -> Result<(), Failure> {
    match (output, &told.secret) {
        (Output::Json, _) => print_json(told),
        (_, None) => print::record(output, &told.endpoint),
        (_, Some(_)) => print::record(output, told),
    }
}

fn events(endpoint: &WebhookEndpoint) -> String {
    endpoint.event_types.iter().map(EventPattern::to_string).collect::<Vec<_>>().join(", ")
}

fn row(delivery: &Delivery) -> Vec<String> {
    let last = delivery.attempts.last();
    vec![
        delivery.id.to_string(),
        delivery.kind.clone(),
        delivery.state.name().to_owned(),
        delivery.attempts.len().to_string(),
        last.and_then(|last| last.status).map(|status| status.to_string()).unwrap_or_default(),
        delivery.created_at.to_string(),
        delivery.reason.clone().or_else(|| last.and_then(|last| last.error.clone())).unwrap_or_default(),
    ]
}
