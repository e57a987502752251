//! Endpoints are sent what they asked for, signed, until they take it or are given up.

use std::sync::Arc;

use serde_json::{Value, json};

use super::support::{Asked, conflicts, contact, deal, fails, feed, invalid_at, stage};
use crate::access::{Action, Entity, Role};
use crate::contact::ContactEdit;
use crate::crm::Crm;
use crate::error::ErrorKind::{Denied, NotFound, Unsupported};
use crate::id::Id;
use crate::integration::WebhookRequest;
use crate::job::{Endless, Never, Queue, Stop};
use crate::session::{Expect, Session};
use crate::testkit::{Receiver, World, samples};
use crate::webhook::{
    DeliveriesRequest, Delivery, DeliveryOrder, DeliveryState, DisabledReason, EndpointWithSecret, EventPattern,
    Health, NewWebhookEndpoint, ReplayDeliveries, RotateSecret, WebhookEndpoint, WebhookEndpointChange, WebhookStatus,
    signature,
};

pub(super) const URL: &str = "https://hooks.example/crm";
pub(super) const DAY: i64 = 24 * 60 * 60;

/// An engine that sends to a receiver.
pub(super) fn sending(world: &World) -> (Crm, Receiver) {
    let receiver = Receiver::new();
    let [crm, _] = world.engines(|builder| builder.webhooks(Arc::new(receiver.clone())));
    (crm, receiver)
}

pub(super) async fn member(crm: &Crm, world: &World, role: Role) -> Session {
    crm.acting(crate::access::Actor::user(world.home.workspace, world.home.member(role))).await.unwrap()
}

pub(super) fn wanting(events: &[&str]) -> NewWebhookEndpoint {
    samples::webhook(URL, events)
}

/// A change that changes nothing.
pub(super) fn same(endpoint: &WebhookEndpoint) -> WebhookEndpointChange {
    let WebhookEndpoint { url, description, event_types, fields, order, .. } = endpoint.clone();
    let event_types = event_types.iter().map(EventPattern::to_string).collect();
    WebhookEndpointChange { url, description, event_types, fields, order, status: None, rotate_secret: None }
}

pub(super) async fn made(session: &Session, new: NewWebhookEndpoint) -> EndpointWithSecret {
    session.webhooks().create(new).await.unwrap()
}

/// Hands over and sends what is due.
pub(super) async fn send(crm: &Crm) {
    while crm.relay().pass().await.unwrap() > 0 {}
    while crm.work(Arc::new(Never)).await.unwrap() {}
}

fn header<'a>(request: &'a WebhookRequest, name: &str) -> &'a str {
    request.headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

fn body(request: &WebhookRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// The names of the events that came.
pub(super) fn kinds(requests: &[WebhookRequest]) -> Vec<String> {
    requests.iter().map(|request| body(request)["type"].as_str().unwrap().to_owned()).collect()
}

pub(super) async fn deliveries(session: &Session, id: Id<WebhookEndpoint>) -> Vec<Delivery> {
    session.webhooks().deliveries(id, &DeliveriesRequest::default()).await.unwrap().data
}

pub async fn an_endpoint_is_sent_what_it_asked_for_from_its_making_on(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    contact(&admin, samples::contact("Before")).await;
    let made = made(&admin, wanting(&["contact.created", "deal.*"])).await;
    let secret = made.secret.unwrap();
    let ada = contact(&admin, samples::contact("Ada")).await;
    let sale = deal(&admin, samples::deal("Sale")).await;
    admin.deals().move_to(sale.id, stage(&admin, "Engaging").await, Expect::Any).await.unwrap();
    admin.contacts().delete(contact(&admin, samples::contact("Gone")).await.id, Expect::Any).await.unwrap();
    contact(&world.stranger().await, samples::contact("Stranger")).await;
    send(&crm).await;
    let got = receiver.take();
    let mut names = kinds(&got);
    names.sort();
    assert_eq!(names, ["contact.created", "contact.created", "deal.created", "deal.moved"]);
    let first = got.iter().find(|one| body(one)["data"]["record_id"] == ada.id.to_string()).unwrap();
    assert_eq!(first.url, URL);
    assert_eq!(body(first)["data"]["after"]["last_name"], "Ada");
    assert_eq!(body(first)["workspace_id"], world.home.workspace.to_string());
    let (id, at) = (header(first, "webhook-id"), header(first, "webhook-timestamp"));
    let signed = signature(&[secret], id, at.parse().unwrap(), &first.body);
    assert_eq!(header(first, "webhook-signature"), signed);
    let all = deliveries(&admin, made.endpoint.id).await;
    assert!(all.len() == 4 && all.iter().all(|one| one.state == DeliveryState::Delivered));
    let attempt = &all.iter().find(|one| one.message_id == id).unwrap().attempts[0];
    assert_eq!((attempt.status, attempt.answer.as_deref(), attempt.number), (Some(200), Some("ok"), 1));
    send(&crm).await;
    assert!(receiver.take().is_empty(), "each event is sent once");
    let grant = admin.require(Entity::WebhookEndpoint, Action::Update).unwrap();
    let late = Delivery { state: DeliveryState::Pending, ..all[0].clone() };
    crm.ports.webhooks.note_delivery(&grant, &late, Health::Unknown).await.unwrap();
    assert_eq!(deliveries(&admin, made.endpoint.id).await, all, "what was taken stays so");
}

pub async fn a_field_filter_lets_through_what_changes_a_field(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let ada = contact(&admin, samples::contact("Ada")).await;
    let fields = vec!["title".to_owned()];
    made(&admin, NewWebhookEndpoint { fields, ..wanting(&["contact.updated"]) }).await;
    for edit in [
        ContactEdit { first_name: "A".into(), ..ContactEdit::default() },
        ContactEdit { title: "Countess".into(), ..ContactEdit::default() },
    ] {
        admin.contacts().update(ada.id, edit, Expect::Any).await.unwrap();
    }
    send(&crm).await;
    let got = receiver.take();
    assert_eq!(got.len(), 1);
    assert_eq!(body(&got[0])["data"]["after"]["title"], "Countess");
}

pub async fn a_rotated_secret_signs_beside_the_former_one_for_a_while(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let first = made(&admin, wanting(&["contact.created"])).await;
    let rotate_secret = Some(RotateSecret { overlap_seconds: 3_600 });
    let change = WebhookEndpointChange { rotate_secret, ..same(&first.endpoint) };
    let second = admin.webhooks().update(first.endpoint.id, change, Expect::Version(1)).await.unwrap();
    let secrets = [second.secret.unwrap(), first.secret.unwrap()];
    for live in [2, 1] {
        contact(&admin, samples::contact("Ada")).await;
        send(&crm).await;
        let got = receiver.take().remove(0);
        let at = header(&got, "webhook-timestamp").parse().unwrap();
        let signed = signature(&secrets[..live], header(&got, "webhook-id"), at, &got.body);
        assert_eq!(header(&got, "webhook-signature"), signed);
        world.clock.advance_seconds(3_600);
    }
}

pub async fn three_secrets_sign_at_most_and_one_more_ends_the_oldest(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let first = made(&admin, wanting(&["contact.created"])).await;
    let mut secrets = vec![first.secret.clone().unwrap()];
    for _ in 0..5 {
        let rotate_secret = Some(RotateSecret { overlap_seconds: 7 * DAY });
        let change = WebhookEndpointChange { rotate_secret, ..same(&first.endpoint) };
        let told = admin.webhooks().update(first.endpoint.id, change, Expect::Any).await.unwrap();
        secrets.insert(0, told.secret.unwrap());
    }
    for live in [3, 1] {
        contact(&admin, samples::contact("Ada")).await;
        send(&crm).await;
        let got = receiver.take().remove(0);
        let at = header(&got, "webhook-timestamp").parse().unwrap();
        let signed = signature(&secrets[..live], header(&got, "webhook-id"), at, &got.body);
        assert_eq!(header(&got, "webhook-signature"), signed);
        world.clock.advance_seconds(7 * DAY);
    }
}

pub async fn no_secret_is_told_twice_or_kept_in_the_journal(world: World) {
    use secrecy::ExposeSecret as _;
    let (crm, _) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let made = made(&admin, wanting(&["*"])).await;
    let secret = made.secret.clone().unwrap();
    let secret = secret.expose_secret().strip_prefix("whsec_").unwrap();
    assert!(!format!("{made:?}").contains(secret));
    let read = admin.webhooks().read(made.endpoint.id).await.unwrap();
    assert!(!serde_json::to_string(&read).unwrap().contains(secret));
    assert!(admin.webhooks().update(read.id, same(&read), Expect::Any).await.unwrap().secret.is_none());
    let entries = feed(&world, world.home.workspace).await;
    assert!(!format!("{entries:?}").contains(secret));
}

pub async fn only_those_with_the_permission_have_to_do_with_endpoints(world: World) {
    let (crm, _) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["*"])).await.endpoint;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let webhooks = member(&crm, &world, role).await.webhooks();
        fails(webhooks.list().await, Denied);
        fails(webhooks.create(wanting(&["*"])).await, Denied);
        fails(webhooks.read(endpoint.id).await, Denied);
        fails(webhooks.update(endpoint.id, same(&endpoint), Expect::Any).await, Denied);
        fails(webhooks.delete(endpoint.id, Expect::Any).await, Denied);
        fails(webhooks.test(endpoint.id).await, Denied);
        fails(webhooks.deliveries(endpoint.id, &DeliveriesRequest::default()).await, Denied);
        fails(webhooks.replay(endpoint.id, &ReplayDeliveries::default()).await, Denied);
    }
    let away = crate::access::Actor::user(world.away.workspace, world.away.member(Role::Admin));
    let stranger = crm.acting(away).await.unwrap().webhooks();
    fails(stranger.read(endpoint.id).await, NotFound);
    fails(stranger.update(endpoint.id, same(&endpoint), Expect::Any).await, NotFound);
    fails(stranger.delete(endpoint.id, Expect::Any).await, NotFound);
    fails(stranger.test(endpoint.id).await, NotFound);
    fails(stranger.deliveries(endpoint.id, &DeliveriesRequest::default()).await, NotFound);
    fails(stranger.replay(endpoint.id, &ReplayDeliveries::default()).await, NotFound);
    assert!(stranger.list().await.unwrap().is_empty());
    assert_eq!(admin.webhooks().read(endpoint.id).await.unwrap(), endpoint);
}

pub async fn what_is_no_endpoint_is_refused(world: World) {
    let (crm, _) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let refuse = async |new: NewWebhookEndpoint, field: &str| invalid_at(admin.webhooks().create(new).await, field);
    refuse(NewWebhookEndpoint { url: "http://hooks.example/".to_owned(), ..wanting(&["*"]) }, "url").await;
    refuse(NewWebhookEndpoint { url: " ".to_owned(), ..wanting(&["*"]) }, "url").await;
    refuse(wanting(&[]), "event_types").await;
    refuse(wanting(&["deal.moved", "deal.exploded"]), "event_types.1").await;
    refuse(NewWebhookEndpoint { fields: vec![String::new()], ..wanting(&["*"]) }, "fields.0").await;
    for unknown in ["colour", "version", "custom.region"] {
        let fields = vec!["title".to_owned(), unknown.to_owned()];
        refuse(NewWebhookEndpoint { fields, ..wanting(&["contact.*"]) }, "fields.1").await;
    }
    // What deals have is nothing to ask of contacts.
    let fields = vec!["stage_id".to_owned()];
    let deals = made(&admin, NewWebhookEndpoint { fields: fields.clone(), ..wanting(&["deal.*"]) }).await.endpoint;
    let contacts = WebhookEndpointChange { event_types: vec!["contact.*".to_owned()], ..same(&deals) };
    invalid_at(admin.webhooks().update(deals.id, contacts, Expect::Any).await, "fields.0");
    refuse(NewWebhookEndpoint { fields, ..wanting(&["contact.*"]) }, "fields.0").await;
    let one = made(&admin, wanting(&["*"])).await.endpoint;
    let rotate_secret = Some(RotateSecret { overlap_seconds: -1 });
    let change = WebhookEndpointChange { rotate_secret, ..same(&one) };
    let refused = admin.webhooks().update(one.id, change, Expect::Any).await;
    invalid_at(refused, "rotate_secret.overlap_seconds");
    conflicts(admin.webhooks().update(one.id, same(&one), Expect::Version(9)).await, "stale_version");
    for _ in 2..50 {
        made(&admin, wanting(&["*"])).await;
    }
    refuse(wanting(&["*"]), "url").await;
    // A program that sends nothing makes no endpoint.
    let plain = world.session(Role::Admin).await.webhooks();
    plain.delete(one.id, Expect::Any).await.unwrap();
    fails(plain.create(wanting(&["*"])).await, Unsupported);
    fails(admin.webhooks().read(one.id).await, NotFound);
}

pub async fn what_is_not_taken_is_sent_again_later_each_time_and_then_given_up(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    contact(&admin, samples::contact("Ada")).await;
    receiver.answer(500, None);
    receiver.answer(302, None);
    receiver.always(503);
    send(&crm).await;
    let mut ids = vec![header(&receiver.take()[0], "webhook-id").to_owned()];
    for wait in [5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 10 * 3_600, 14 * 3_600, 20 * 3_600, 24 * 3_600] {
        world.clock.advance_seconds(wait - 2);
        send(&crm).await;
        assert!(receiver.take().is_empty(), "too early by {wait}");
        world.clock.advance_seconds(3);
        send(&crm).await;
        let got = receiver.take();
        assert_eq!(got.len(), 1, "{wait}");
        ids.push(header(&got[0], "webhook-id").to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one message has one id");
    world.clock.advance_seconds(2 * DAY);
    send(&crm).await;
    assert!(receiver.take().is_empty());
    let all = deliveries(&admin, endpoint.id).await;
    assert_eq!((all.len(), all[0].state, all[0].attempts.len()), (1, DeliveryState::Failed, 10));
    assert_eq!(all[0].attempts[0].answer.as_deref(), Some("said"));
    assert!(all[0].attempts[1].error.as_deref().unwrap().contains("redirect"));
}

pub async fn an_endpoint_that_asks_for_patience_is_given_it(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    made(&admin, wanting(&["contact.created"])).await;
    contact(&admin, samples::contact("Ada")).await;
    receiver.answer(429, Some("600"));
    send(&crm).await;
    world.clock.advance_seconds(590);
    send(&crm).await;
    assert_eq!(receiver.take().len(), 1);
    world.clock.advance_seconds(15);
    send(&crm).await;
    assert_eq!(receiver.take().len(), 1);
}

pub async fn an_endpoint_that_is_gone_or_fails_for_days_is_disabled_and_that_is_told(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    contact(&admin, samples::contact("Ada")).await;
    receiver.answer(410, None);
    send(&crm).await;
    let disabled = admin.webhooks().read(endpoint.id).await.unwrap();
    assert_eq!((disabled.status, disabled.disabled_reason), (WebhookStatus::Disabled, Some(DisabledReason::Gone)));
    let told = crm.feed(world.home.workspace).await.unwrap().after(0, 10_000).await.unwrap();
    let last = admin.envelope(told.last().unwrap()).unwrap();
    assert_eq!(last.kind, "webhook_endpoint.disabled");
    // What happens while it is disabled is not sent later.
    contact(&admin, samples::contact("Missed")).await;
    let change = WebhookEndpointChange { status: Some(WebhookStatus::Enabled), ..same(&disabled) };
    admin.webhooks().update(endpoint.id, change, Expect::Any).await.unwrap();
    receiver.take();
    receiver.always(500);
    // A message a day: the first that is given up after five days of nothing disables it.
    for hour in (0..6 * 24).step_by(2) {
        if hour % 24 == 0 {
            contact(&admin, samples::contact("Ada")).await;
        }
        send(&crm).await;
        world.clock.advance_seconds(2 * 60 * 60);
    }
    let disabled = admin.webhooks().read(endpoint.id).await.unwrap();
    assert_eq!(disabled.disabled_reason, Some(DisabledReason::Failing));
    assert!(!receiver.take().iter().any(|one| body(one)["data"]["after"]["last_name"] == "Missed"));
    receiver.take();
    contact(&admin, samples::contact("Late")).await;
    send(&crm).await;
    assert!(receiver.take().is_empty());
    let replay = ReplayDeliveries { from: Some("2026-01-01T00:00:00Z".parse().unwrap()), ..Default::default() };
    conflicts(admin.webhooks().replay(endpoint.id, &replay).await, "webhook_disabled");
}

pub async fn a_replay_sends_the_same_message_again(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    let other = made(&admin, wanting(&["deal.created"])).await.endpoint;
    for name in ["Ada", "Grace", "Mary"] {
        contact(&admin, samples::contact(name)).await;
        send(&crm).await;
        world.clock.advance_seconds(60);
    }
    let first = receiver.take();
    let sent = deliveries(&admin, endpoint.id).await;
    let one = ReplayDeliveries { delivery_id: Some(sent[2].id), ..ReplayDeliveries::default() };
    assert_eq!(admin.webhooks().replay(endpoint.id, &one).await.unwrap().replayed, 1);
    send(&crm).await;
    let again = receiver.take().remove(0);
    assert_eq!(header(&again, "webhook-id"), header(&first[0], "webhook-id"));
    assert_eq!(body(&again), body(&first[0]));
    let span = ReplayDeliveries { from: Some(sent[1].created_at), ..ReplayDeliveries::default() };
    assert_eq!(admin.webhooks().replay(endpoint.id, &span).await.unwrap().replayed, 2);
    send(&crm).await;
    assert_eq!(receiver.take().len(), 2);
    let webhooks = admin.webhooks();
    invalid_at(webhooks.replay(other.id, &one).await, "delivery_id");
    invalid_at(webhooks.replay(endpoint.id, &ReplayDeliveries::default()).await, "delivery_id");
    let both = ReplayDeliveries { delivery_id: one.delivery_id, ..span };
    invalid_at(webhooks.replay(endpoint.id, &both).await, "delivery_id");
    let failed = DeliveriesRequest { state: Some(DeliveryState::Failed), ..DeliveriesRequest::default() };
    assert!(webhooks.deliveries(endpoint.id, &failed).await.unwrap().data.is_empty());
    let few = DeliveriesRequest { limit: Some(4), ..DeliveriesRequest::default() };
    let page = webhooks.deliveries(endpoint.id, &few).await.unwrap();
    let rest = DeliveriesRequest { cursor: page.next_cursor, ..few };
    assert_eq!((page.data.len(), webhooks.deliveries(endpoint.id, &rest).await.unwrap().data.len()), (4, 2));
}

pub async fn deliveries_of_one_record_are_sent_one_after_another(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let order = DeliveryOrder::Record;
    let endpoint = made(&admin, NewWebhookEndpoint { order, ..wanting(&["contact.*"]) }).await.endpoint;
    receiver.answer(500, None);
    let ada = contact(&admin, samples::contact("Ada")).await;
    send(&crm).await;
    let edit = ContactEdit { title: "Countess".into(), ..ContactEdit::default() };
    admin.contacts().update(ada.id, edit, Expect::Any).await.unwrap();
    contact(&admin, samples::contact("Grace")).await;
    send(&crm).await;
    assert_eq!(kinds(&receiver.take()), ["contact.created", "contact.created"], "the other record does not wait");
    for _ in 0..4 {
        world.clock.advance_seconds(10);
        send(&crm).await;
    }
    assert_eq!(kinds(&receiver.take()), ["contact.created", "contact.updated"]);
    // Of two that are taken at once the later one waits for the earlier, and not for the end of its lease.
    for title in ["Dr", "Professor"] {
        let edit = ContactEdit { title: title.into(), ..ContactEdit::default() };
        admin.contacts().update(ada.id, edit, Expect::Any).await.unwrap();
    }
    while crm.relay().pass().await.unwrap() > 0 {}
    let later = deliveries(&admin, endpoint.id).await.into_iter().max_by_key(|one| one.seq).unwrap().id;
    let workers = crm.workers();
    let never: Arc<dyn Stop> = Arc::new(Never);
    let mut taken = workers.take(&[(Queue::WEBHOOK, 2)], 2).await.unwrap();
    taken.sort_by_key(|one| one.id().uuid() != later.uuid());
    assert_eq!(taken.len(), 2);
    for one in &taken {
        let settled = workers.run(one, &never, &Endless).await;
        workers.settle(settled.as_slice()).await.unwrap();
    }
    assert_eq!(body(&receiver.take()[0])["data"]["after"]["title"], "Dr");
    world.clock.advance_seconds(2);
    send(&crm).await;
    assert_eq!(body(&receiver.take()[0])["data"]["after"]["title"], "Professor");
}

pub async fn a_test_is_sent_once_and_its_job_says_what_came_of_it(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    receiver.answer(500, None);
    let job = admin.webhooks().test(endpoint.id).await.unwrap();
    send(&crm).await;
    world.clock.advance_seconds(DAY);
    send(&crm).await;
    assert_eq!(kinds(&receiver.take()), ["webhook.test"]);
    let job = admin.jobs().read(job.id).await.unwrap();
    let sent = deliveries(&admin, endpoint.id).await.remove(0);
    assert_eq!(job.result, Some(json!({"id": sent.id, "state": "failed"})), "no address and no answer");
    assert_eq!((sent.state, sent.attempts[0].status), (DeliveryState::Failed, Some(500)));
}

pub async fn what_was_erased_meanwhile_is_told_to_nobody(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    made(&admin, wanting(&["contact.created"])).await;
    let ada = contact(&admin, samples::contact("Ada")).await;
    while crm.relay().pass().await.unwrap() > 0 {}
    admin.contacts().delete(ada.id, Expect::Any).await.unwrap();
    admin.contacts().purge(ada.id).await.unwrap();
    send(&crm).await;
    let got = receiver.take();
    assert!(got.len() == 1 && !String::from_utf8_lossy(&got[0].body).contains("Ada"));
}

pub async fn old_deliveries_are_forgotten(world: World) {
    let (crm, _) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    contact(&admin, samples::contact("Old")).await;
    send(&crm).await;
    world.clock.advance_seconds(20 * DAY);
    contact(&admin, samples::contact("New")).await;
    send(&crm).await;
    assert_eq!(crm.forget_old_deliveries(&Never).await.unwrap(), 0);
    world.clock.advance_seconds(11 * DAY);
    assert_eq!(crm.forget_old_deliveries(&Asked).await.unwrap(), 0, "whoever is asked to stop does");
    assert_eq!(crm.forget_old_deliveries(&Never).await.unwrap(), 1);
    assert_eq!(deliveries(&admin, endpoint.id).await.len(), 1);
    let grant = admin.require(Entity::WebhookEndpoint, Action::Read).unwrap();
    assert_eq!(crm.ports.webhooks.webhook_endpoints(&grant).await.unwrap().len(), 1);
}
