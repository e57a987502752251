//! An endpoint is disabled for what it failed at its present address, and not by one failure long after another.

use super::support::contact;
use super::webhooks::{DAY, deliveries, made, member, same, send, sending, wanting};
use crate::access::Role;
use crate::crm::Crm;
use crate::session::Expect;
use crate::testkit::{World, samples};
use crate::webhook::{DeliveryState, DisabledReason, WebhookEndpointChange, WebhookStatus};

const HOUR: i64 = 60 * 60;
/// Between the ten attempts at a message, in seconds.
const WAITS: [i64; 9] = [5, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// Goes on to the attempts after these waits.
async fn wait(world: &World, crm: &Crm, waits: &[i64]) {
    for seconds in waits {
        world.clock.advance_seconds(seconds + 1);
        send(crm).await;
    }
}

pub async fn an_endpoint_whose_address_was_mended_is_not_disabled_for_its_old_one(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    receiver.always(503);
    contact(&admin, samples::contact("Ada")).await;
    send(&crm).await;
    world.clock.advance_seconds(2 * DAY);
    contact(&admin, samples::contact("Grace")).await;
    send(&crm).await;
    wait(&world, &crm, &WAITS[..8]).await;
    // It has taken nothing for 4.9 days, and the last attempts come when it is five.
    world.clock.advance_seconds(18 * HOUR);
    let mended = "https://hooks.example/mended";
    let change = WebhookEndpointChange { url: mended.to_owned(), ..same(&endpoint) };
    admin.webhooks().update(endpoint.id, change, Expect::Any).await.unwrap();
    receiver.take();
    wait(&world, &crm, &[6 * HOUR]).await;
    let got = receiver.take();
    assert!(!got.is_empty() && got.iter().all(|one| one.url == mended), "{got:?}");
    let all = deliveries(&admin, endpoint.id).await;
    assert!(all.iter().all(|one| (one.state, one.attempts.len()) == (DeliveryState::Failed, 10)), "{all:?}");
    assert_eq!(admin.webhooks().read(endpoint.id).await.unwrap().status, WebhookStatus::Enabled);
}

pub async fn one_failure_long_after_another_disables_nothing(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    receiver.always(503);
    contact(&admin, samples::contact("Ada")).await;
    send(&crm).await;
    wait(&world, &crm, &WAITS).await;
    assert_eq!(deliveries(&admin, endpoint.id).await[0].state, DeliveryState::Failed);
    world.clock.advance_seconds(4 * DAY);
    contact(&admin, samples::contact("Grace")).await;
    send(&crm).await;
    assert_eq!(admin.webhooks().read(endpoint.id).await.unwrap().status, WebhookStatus::Enabled);
    receiver.always(200);
    wait(&world, &crm, &WAITS[..1]).await;
    let states = deliveries(&admin, endpoint.id).await.iter().map(|one| one.state).collect::<Vec<_>>();
    assert_eq!(states, [DeliveryState::Delivered, DeliveryState::Failed]);
}

pub async fn a_message_that_is_given_up_after_five_days_of_nothing_disables_its_endpoint(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    receiver.always(503);
    let reason = async || admin.webhooks().read(endpoint.id).await.unwrap().disabled_reason;
    contact(&admin, samples::contact("Ada")).await;
    send(&crm).await;
    wait(&world, &crm, &WAITS).await;
    assert_eq!(reason().await, None, "it was given up after three days");
    world.clock.advance_seconds(4 * DAY);
    contact(&admin, samples::contact("Grace")).await;
    send(&crm).await;
    wait(&world, &crm, &WAITS[..8]).await;
    assert_eq!(reason().await, None, "it is sent once more");
    wait(&world, &crm, &WAITS[8..]).await;
    assert_eq!(reason().await, Some(DisabledReason::Failing));
}
