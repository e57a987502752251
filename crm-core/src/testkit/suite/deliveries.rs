//! Deliveries go on whatever becomes of others, and end in a state that says how.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::support::{conflicts, contact, deal, fails, field, invalid_at};
use super::webhooks::{DAY, URL, deliveries, kinds, made, member, same, send, sending, wanting};
use crate::access::{Action, Entity, Role, Rule, Scope};
use crate::contact::ContactEdit;
use crate::custom_field::CustomKind;
use crate::error::ErrorKind::{Denied, NotFound};
use crate::error::{Error, Result};
use crate::integration::{WebhookAnswer, WebhookRequest, WebhookSender};
use crate::job::{Endless, JobState, JobsRequest, Never, Queue, Settled, Stop, Taken, Workers};
use crate::mail::{MailSetup, Recipient};
use crate::session::{Expect, Session};
use crate::store::IdempotencyKey;
use crate::testkit::{FakeMailer, Receiver, World, samples};
use crate::webhook::{
    DeliveriesRequest, Delivery, DeliveryState, Health, NewWebhookEndpoint, ReplayDeliveries, ReplayedDeliveries,
    RotateSecret, SentRequest, WebhookEndpointChange, WebhookStatus,
};

/// The places of the queue in one process.
const PLACES: u16 = 20;

/// An attempt under way.
type Attempt<'a> = BoxFuture<'a, Option<Settled>>;

fn begin<'a>(workers: &'a Workers, stop: &'a Arc<dyn Stop>, taken: &'a [Taken]) -> FuturesUnordered<Attempt<'a>> {
    taken.iter().map(|one| Box::pin(workers.run(one, stop, &Endless)) as Attempt<'a>).collect()
}

pub async fn an_endpoint_that_hangs_leaves_places_to_others(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let hanging = "https://hanging.example/crm";
    receiver.hang(hanging);
    let slow = NewWebhookEndpoint { url: hanging.to_owned(), ..wanting(&["contact.created"]) };
    let slow = made(&admin, slow).await.endpoint;
    let other = made(&admin, wanting(&["deal.created"])).await.endpoint;
    for at in 0..PLACES {
        contact(&admin, samples::contact(&format!("C{at}"))).await;
    }
    while crm.relay().pass().await.unwrap() > 0 {}
    deal(&admin, samples::deal("Sale")).await;
    while crm.relay().pass().await.unwrap() > 0 {}
    let workers = crm.workers();
    let never: Arc<dyn Stop> = Arc::new(Never);
    let first = workers.take(&[(Queue::WEBHOOK, PLACES)], PLACES).await.unwrap();
    assert_eq!(first.len(), usize::from(PLACES), "they come before the other endpoint's");
    let mut under_way = begin(&workers, &never, &first);
    for _ in 2..PLACES {
        let settled = under_way.next().await.unwrap();
        workers.settle(settled.as_slice()).await.unwrap();
    }
    // Two hang; all others have left their places.
    assert_eq!(under_way.len(), 2);
    let second = workers.take(&[(Queue::WEBHOOK, PLACES - 2)], PLACES - 2).await.unwrap();
    for one in &second {
        let settled = workers.run(one, &never, &Endless).await;
        workers.settle(settled.as_slice()).await.unwrap();
    }
    assert_eq!(deliveries(&admin, other.id).await[0].state, DeliveryState::Delivered);
    let waiting = deliveries(&admin, slow.id).await;
    assert!(waiting.iter().all(|one| one.state == DeliveryState::Pending && one.attempts.is_empty()));
    // Once it is well again all of them come, and no wait has counted as an attempt.
    drop(under_way);
    receiver.answer_again(hanging);
    receiver.take();
    for _ in 0..PLACES {
        world.clock.advance_seconds(60);
        send(&crm).await;
    }
    let all = deliveries(&admin, slow.id).await;
    assert!(all.iter().all(|one| one.state == DeliveryState::Delivered));
    assert!(all.iter().all(|one| one.attempts.len() == 1 && one.attempts[0].number <= 2));
    assert_eq!(receiver.take().len(), usize::from(PLACES));
}

pub async fn a_delivery_whose_job_is_cancelled_says_so_until_it_is_taken_up(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    receiver.answer(500, None);
    contact(&admin, samples::contact("Ada")).await;
    send(&crm).await;
    let id = deliveries(&admin, endpoint.id).await[0].id;
    admin.jobs().cancel(id.cast()).await.unwrap();
    let cancelled = deliveries(&admin, endpoint.id).await.remove(0);
    assert_eq!((cancelled.state, cancelled.attempts.len()), (DeliveryState::Cancelled, 1));
    let reason = cancelled.reason.clone().unwrap();
    assert!(reason.contains(&admin.actor().user_id().unwrap().to_string()), "{reason}");
    assert!(cancelled.next_attempt_at.is_none() && cancelled.finished_at.is_some());
    let asked = DeliveriesRequest { state: Some(DeliveryState::Cancelled), ..DeliveriesRequest::default() };
    assert_eq!(admin.webhooks().deliveries(endpoint.id, &asked).await.unwrap().data, std::slice::from_ref(&cancelled));
    // A worker that hears of it late writes nothing over it.
    let grant = admin.require(Entity::WebhookEndpoint, Action::Update).unwrap();
    let late = Delivery { state: DeliveryState::Pending, reason: None, ..cancelled.clone() };
    crm.ports.webhooks.note_delivery(&grant, &late, Health::Unknown).await.unwrap();
    assert_eq!(deliveries(&admin, endpoint.id).await, [cancelled]);
    receiver.take();
    admin.jobs().retry(id.cast()).await.unwrap();
    let again = deliveries(&admin, endpoint.id).await.remove(0);
    assert_eq!((again.state, again.reason, again.finished_at), (DeliveryState::Pending, None, None));
    send(&crm).await;
    assert_eq!(deliveries(&admin, endpoint.id).await[0].state, DeliveryState::Delivered);
    assert_eq!(kinds(&receiver.take()), ["contact.created"]);
    conflicts(admin.jobs().cancel(id.cast()).await, "job_state");
    assert_eq!(deliveries(&admin, endpoint.id).await[0].state, DeliveryState::Delivered);
}

pub async fn a_delivery_that_nothing_sends_any_more_is_ended_with_its_reason(world: World) {
    let (crm, _) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    // A test has one attempt, and its worker dies.
    let job = admin.webhooks().test(endpoint.id).await.unwrap();
    let workers = crm.workers().lease_seconds(10);
    assert_eq!(workers.take(&[(Queue::WEBHOOK, 1)], 1).await.unwrap().len(), 1);
    assert_eq!(crm.end_stranded_deliveries(&Never).await.unwrap(), 0, "its worker may be alive");
    world.clock.advance_seconds(11);
    workers.take(&[(Queue::WEBHOOK, 1)], 1).await.unwrap();
    assert_eq!(admin.jobs().read(job.id).await.unwrap().state, JobState::Failed);
    contact(&admin, samples::contact("Ada")).await;
    while crm.relay().pass().await.unwrap() > 0 {}
    assert_eq!(crm.end_stranded_deliveries(&Never).await.unwrap(), 1);
    let all = deliveries(&admin, endpoint.id).await;
    let ended = all.iter().find(|one| one.is_test()).unwrap();
    assert_eq!(ended.state, DeliveryState::Failed);
    assert!(ended.reason.is_some() && ended.finished_at.is_some());
    let other = all.iter().find(|one| !one.is_test()).unwrap();
    assert_eq!(other.state, DeliveryState::Pending, "its job waits");
    assert_eq!(crm.end_stranded_deliveries(&Never).await.unwrap(), 0);
}

pub async fn a_delivery_whose_job_is_taken_up_waits_whoever_ends_it_at_once(world: World) {
    let (crm, _) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    let job = admin.webhooks().test(endpoint.id).await.unwrap().id;
    let workers = crm.workers().lease_seconds(10);
    for _ in 0..5 {
        for _ in 0..2 {
            workers.take(&[(Queue::WEBHOOK, 1)], 1).await.unwrap();
            world.clock.advance_seconds(11);
        }
        assert_eq!(admin.jobs().read(job).await.unwrap().state, JobState::Failed);
        let (crm, session) = (crm.clone(), admin.clone());
        let end = async move { crm.end_stranded_deliveries(&Never).await.map(|_| ()).unwrap() };
        let take_up = async move { session.jobs().retry(job).await.map(|_| ()).unwrap() };
        let both: [BoxFuture<'static, ()>; 2] = [Box::pin(end), Box::pin(take_up)];
        world.at_once(both).await;
        assert_eq!(deliveries(&admin, endpoint.id).await[0].state, DeliveryState::Pending);
    }
}

/// A way on which nothing arrives, because whoever is there has a certificate of another name.
struct Misnamed;

#[async_trait]
impl WebhookSender for Misnamed {
    fn check(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn send(&self, request: WebhookRequest) -> Result<WebhookAnswer> {
        Err(Error::unavailable(format!("the certificate is not of {}", request.url)))
    }
}

pub async fn a_job_that_sends_says_neither_where_to_nor_what_came_back(world: World) {
    let receiver = Receiver::new();
    receiver.always(503);
    let senders: [Arc<dyn WebhookSender>; 2] = [Arc::new(Misnamed), Arc::new(receiver)];
    for (sender, cause) in senders.into_iter().zip(["hooks.example", "503"]) {
        let [crm, _] = world.engines(|builder| builder.webhooks(sender.clone()));
        let admin = member(&crm, &world, Role::Admin).await;
        let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
        contact(&admin, samples::contact("Ada")).await;
        send(&crm).await;
        let sent = deliveries(&admin, endpoint.id).await.remove(0);
        assert!(sent.attempts[0].error.as_deref().unwrap().contains(cause), "{sent:?}");
        let manager = member(&crm, &world, Role::Manager).await;
        let job = manager.jobs().read(sent.id.cast()).await.unwrap();
        assert_eq!((job.errors.len(), job.errors[0].code.as_str()), (1, "not_taken"));
        assert!(!job.errors[0].detail.contains(cause), "{job:?}");
        assert!(job.error.iter().all(|fault| !fault.detail.contains(cause)), "{job:?}");
        admin.webhooks().delete(endpoint.id, Expect::Any).await.unwrap();
    }
}

pub async fn admins_get_one_mail_of_an_endpoint_that_is_disabled_because_of_its_answers(world: World) {
    let (receiver, mailer) = (Receiver::new(), Arc::new(FakeMailer::default()));
    let [crm, _] = world.engines(|builder| {
        let setup = MailSetup::new(mailer.clone(), Recipient::parse("Acme Sales <crm@acme.example>").unwrap());
        builder.webhooks(Arc::new(receiver.clone())).mail(setup)
    });
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    receiver.always(410);
    for name in ["Ada", "Grace"] {
        contact(&admin, samples::contact(name)).await;
    }
    send(&crm).await;
    let sent = mailer.sent();
    let to: Vec<&str> = sent.iter().flat_map(|mail| mail.recipients()).map(|to| to.email.as_str()).collect();
    assert_eq!(to, ["admin@home.example"]);
    assert_eq!(sent[0].subject, "A webhook endpoint was disabled: hooks.example");
    let text = sent[0].text.as_deref().unwrap();
    assert!(text.contains("410") && text.contains(&format!("slackcrm webhooks enable {}", endpoint.id)), "{text}");
    assert!(!text.contains("/crm"), "{text}");
    // Whoever disables one knows that.
    for status in [WebhookStatus::Enabled, WebhookStatus::Disabled] {
        let change = WebhookEndpointChange { status: Some(status), ..same(&endpoint) };
        admin.webhooks().update(endpoint.id, change, Expect::Any).await.unwrap();
        send(&crm).await;
    }
    assert_eq!(mailer.sent().len(), 1);
}

pub async fn what_waits_in_a_paused_queue_is_sent_however_late(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    admin.queues().pause(&Queue::WEBHOOK).await.unwrap();
    contact(&admin, samples::contact("Ada")).await;
    send(&crm).await;
    world.clock.advance_seconds(31 * DAY);
    assert_eq!(crm.forget_old_deliveries(&Never).await.unwrap(), 0);
    admin.queues().resume(&Queue::WEBHOOK).await.unwrap();
    send(&crm).await;
    assert_eq!(kinds(&receiver.take()), ["contact.created"]);
    assert_eq!(deliveries(&admin, endpoint.id).await[0].state, DeliveryState::Delivered);
    assert_eq!(crm.forget_old_deliveries(&Never).await.unwrap(), 1);
}

pub async fn a_replay_under_one_key_happens_once(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint;
    for name in ["Ada", "Grace"] {
        contact(&admin, samples::contact(name)).await;
    }
    send(&crm).await;
    receiver.take();
    let from = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let span = ReplayDeliveries { from, ..ReplayDeliveries::default() };
    let keyed = |body: &[u8]| admin.clone().once(IdempotencyKey::new("POST /replay", "one", body));
    let first = keyed(b"a").webhooks().replay(endpoint.id, &span).await.unwrap();
    assert_eq!(first.replayed, 2);
    assert_eq!(keyed(b"a").webhooks().replay(endpoint.id, &span).await.unwrap(), first);
    send(&crm).await;
    assert_eq!(receiver.take().len(), 2);
    invalid_at(keyed(b"b").webhooks().replay(endpoint.id, &span).await, "Idempotency-Key");
    // Of many at once one sends, and all are told the same.
    let at_once = |_| {
        let (session, span) = (admin.clone().once(IdempotencyKey::new("POST /replay", "two", b"a")), span.clone());
        let id = endpoint.id;
        Box::pin(async move { session.webhooks().replay(id, &span).await })
            as BoxFuture<'static, Result<ReplayedDeliveries>>
    };
    let told: Vec<_> = world.at_once((0..4).map(at_once)).await.into_iter().map(Result::unwrap).collect();
    assert!(told.iter().all(|one| one.replayed == 2));
    send(&crm).await;
    assert_eq!(receiver.take().len(), 2);
    assert_eq!(replays(&admin).await, 2, "a request without a key leaves no job behind");
    admin.webhooks().replay(endpoint.id, &span).await.unwrap();
    assert_eq!(replays(&admin).await, 2);
}

/// The jobs that keep what was answered.
async fn replays(session: &Session) -> usize {
    let request = JobsRequest { kind: Some("webhook.replay".to_owned()), ..JobsRequest::default() };
    session.jobs().list(&request).await.unwrap().data.len()
}

pub async fn a_custom_field_that_an_endpoint_names_is_one_and_may_be_retired_later(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let region = field(&admin, Entity::Contact, "region", CustomKind::Text).await;
    let admin = member(&crm, &world, Role::Admin).await;
    let fields = vec!["custom.region".to_owned()];
    let new = NewWebhookEndpoint { fields: fields.clone(), ..wanting(&["contact.updated"]) };
    let endpoint = made(&admin, new).await.endpoint;
    let refused = NewWebhookEndpoint { fields, ..wanting(&["deal.*"]) };
    invalid_at(admin.webhooks().create(refused).await, "fields.0");
    let ada = contact(&admin, samples::contact("Ada")).await;
    for edit in [
        ContactEdit { custom: samples::custom("region", "north"), ..ContactEdit::default() },
        ContactEdit { title: "Countess".into(), ..ContactEdit::default() },
    ] {
        admin.contacts().update(ada.id, edit, Expect::Any).await.unwrap();
    }
    send(&crm).await;
    assert_eq!(kinds(&receiver.take()), ["contact.updated"]);
    admin.custom_fields().retire(region, Expect::Any).await.unwrap();
    let admin = member(&crm, &world, Role::Admin).await;
    let change = WebhookEndpointChange { url: format!("{URL}/2"), ..same(&endpoint) };
    let changed = admin.webhooks().update(endpoint.id, change, Expect::Any).await.unwrap().endpoint;
    assert_eq!(changed.fields, ["custom.region"]);
}

pub async fn what_was_sent_is_told_byte_for_byte_or_not_at_all(world: World) {
    let (crm, receiver) = sending(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let endpoint = made(&admin, wanting(&["contact.created"])).await.endpoint.id;
    let other = made(&admin, wanting(&["deal.created"])).await.endpoint.id;
    let ada = contact(&admin, samples::contact("Ada \"quoted\" Lovelace")).await;
    while crm.relay().pass().await.unwrap() > 0 {}
    let id = deliveries(&admin, endpoint).await[0].id;
    let told = async || admin.webhooks().delivery(endpoint, id).await.unwrap();
    assert_eq!(told().await.request, None, "nothing was sent yet");
    // Of several attempts it is the last one that is told.
    receiver.answer(500, None);
    send(&crm).await;
    world.clock.advance_seconds(60);
    send(&crm).await;
    let [_, last]: [WebhookRequest; 2] = receiver.take().try_into().unwrap();
    let found = told().await;
    assert_eq!((found.delivery.id, found.delivery.attempts.len()), (id, 2));
    let request = found.request.unwrap();
    assert_eq!((request.attempt, &request.url), (2, &last.url));
    assert_eq!(request.body.as_deref().map(str::as_bytes), Some(last.body.as_slice()));
    for (name, value) in &last.headers {
        assert_eq!(request.headers.get(*name), Some(value), "{name}");
    }
    assert_eq!(request.headers.len(), last.headers.len() + 1, "the kind of content beside them");
    // What happens to the record later is another event, and another secret signs what comes.
    admin.contacts().update(ada.id, samples::contact("King"), Expect::Any).await.unwrap();
    let rotate_secret = Some(RotateSecret { overlap_seconds: 0 });
    let read = admin.webhooks().read(endpoint).await.unwrap();
    let change = WebhookEndpointChange { rotate_secret, ..same(&read) };
    admin.webhooks().update(endpoint, change, Expect::Any).await.unwrap();
    assert_eq!(told().await.request.as_ref(), Some(&request));
    // Of what is gone nothing is told that is not in the log itself.
    admin.contacts().delete(ada.id, Expect::Any).await.unwrap();
    assert_eq!(told().await.request, Some(SentRequest { body: None, ..request }));
    let job = admin.webhooks().test(endpoint).await.unwrap().id;
    send(&crm).await;
    let [test]: [WebhookRequest; 1] = receiver.take().try_into().unwrap();
    let request = admin.webhooks().delivery(endpoint, job.cast()).await.unwrap().request.unwrap();
    assert_eq!(request.body.as_deref().map(str::as_bytes), Some(test.body.as_slice()));
    // The body is what an admin sees, whatever is hidden from those who only read.
    let read = Rule { read: Scope::All, ..Rule::NONE };
    world.set_rule(Role::Manager, Entity::WebhookEndpoint, read).await;
    let reader = member(&crm, &world, Role::Manager).await;
    let seen = reader.webhooks().delivery(endpoint, job.cast()).await.unwrap().request;
    assert_eq!(seen, Some(SentRequest { body: None, ..request }));
    fails(admin.webhooks().delivery(other, id).await, NotFound);
    fails(member(&crm, &world, Role::SalesRep).await.webhooks().delivery(endpoint, id).await, Denied);
}
