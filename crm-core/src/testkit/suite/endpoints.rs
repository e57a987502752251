//! The log of what is sent to endpoints: which deliveries a question means, and which go before another.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::support::{commit, conflicts};
use super::workers::{Does, admin, enqueued, job, read, take};
use crate::access::{Action, Entity, Grant};
use crate::crm::Crm;
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::store::{Stored, Write};
use crate::testkit::{Receiver, World, samples};
use crate::time::Timestamp;
use crate::webhook::{
    Delivery, DeliveryOrder, DeliveryQuery, DeliveryState, Health, MadeSecret, NewWebhookEndpoint, Span,
    WebhookEndpoint, WebhookStatus,
};

fn sending(world: &World) -> Crm {
    let [crm, _] = world.engines(|builder| builder.webhooks(Arc::new(Receiver::new())));
    crm
}

async fn endpoint(session: &Session) -> Id<WebhookEndpoint> {
    let order = DeliveryOrder::Record;
    let new = NewWebhookEndpoint { order, ..samples::webhook("https://hooks.example/crm", &["*"]) };
    session.webhooks().create(new).await.unwrap().endpoint.id
}

/// A delivery of the event of a number about a record, wanted at an instant.
pub(super) fn delivery(endpoint_id: Id<WebhookEndpoint>, record: Uuid, seq: i64, created_at: Timestamp) -> Delivery {
    Delivery {
        id: Id::new_at(created_at),
        endpoint_id,
        message_id: seq.to_string(),
        kind: "contact.updated".to_owned(),
        seq,
        record_id: Some(record),
        state: DeliveryState::Pending,
        reason: None,
        attempts: Vec::new(),
        next_attempt_at: None,
        replay_of: None,
        created_at,
        finished_at: None,
    }
}

pub(super) async fn kept(session: &Session, deliveries: &[&Delivery]) {
    let mut changes = session.changes();
    changes.writes.push(Write::Deliveries(deliveries.iter().map(|one| (*one).clone()).collect()));
    commit(session, changes).await.unwrap();
}

pub async fn a_question_about_deliveries_means_its_endpoint_state_and_span(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let (own, other) = (endpoint(&session).await, endpoint(&session).await);
    let (start, record) = (crm.now(), Id::<Delivery>::new_at(crm.now()).uuid());
    let at = |minutes: i64| start.plus_seconds(60 * minutes);
    let [first, second, third] = [(1, 0), (2, 10), (3, 20)].map(|(seq, when)| delivery(own, record, seq, at(when)));
    let second = Delivery { state: DeliveryState::Failed, ..second };
    let test = Delivery { record_id: None, ..delivery(own, record, 0, at(5)) };
    let again = Delivery { replay_of: Some(first.id), ..delivery(own, record, 1, at(15)) };
    let foreign = Delivery { state: DeliveryState::Failed, ..delivery(other, record, 2, at(10)) };
    kept(&session, &[&third, &again, &foreign, &second, &test, &first]).await;
    let grant = session.internally(Entity::WebhookEndpoint, Action::Read);
    let asked = async |span: Span, state: Option<DeliveryState>, limit: u16| -> Vec<Id<Delivery>> {
        let query = DeliveryQuery { endpoint: own, state, span, limit };
        crm.ports.webhooks.deliveries(&grant, &query).await.unwrap().into_iter().map(|one| one.id).collect()
    };
    let all = [third.id, again.id, second.id, test.id, first.id];
    assert_eq!(asked(Span::Before(None), None, 10).await, all);
    assert_eq!(asked(Span::Before(None), None, 2).await, all[..2]);
    assert_eq!(asked(Span::Before(Some(second.id)), None, 10).await, all[3..]);
    assert_eq!(asked(Span::Before(None), Some(DeliveryState::Failed), 10).await, [second.id]);
    let within = |from: Option<i64>, to: Option<i64>, after| Span::Within { from: from.map(at), to: to.map(at), after };
    let [one, two, three] = [first.id, second.id, third.id];
    assert_eq!(asked(within(None, None, None), None, 10).await, [one, two, three]);
    assert_eq!(asked(within(None, None, None), None, 2).await, [one, two]);
    assert_eq!(asked(within(Some(10), None, None), None, 10).await, [two, three]);
    assert_eq!(asked(within(None, Some(20), None), None, 10).await, [one, two]);
    assert_eq!(asked(within(None, None, Some(one)), None, 10).await, [two, three]);
    assert_eq!(asked(within(Some(0), None, None), Some(DeliveryState::Failed), 10).await, [two]);
}

/// When the first job is due that goes before a delivery.
async fn ahead(crm: &Crm, grant: &Grant, of: &Delivery) -> Option<Timestamp> {
    crm.ports.webhooks.ahead_of(grant, of).await.unwrap()
}

pub async fn what_goes_before_a_delivery_is_of_its_record_and_not_sent_yet(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let (own, other) = (endpoint(&session).await, endpoint(&session).await);
    let [record, another] = [(); 2].map(|()| Id::<Delivery>::new_at(crm.now()).uuid());
    let now = crm.now();
    let grant = session.internally(Entity::WebhookEndpoint, Action::Read);
    let last = delivery(own, record, 5, now);
    let queued = async |one: &Delivery, seconds: i64| {
        kept(&session, &[one]).await;
        let sends = job(Does::Succeed, "send").with_id(one.id.cast()).at(now.plus_seconds(seconds));
        enqueued(&session, sends).await
    };
    queued(&last, 10).await;
    for (seconds, apart) in [
        delivery(own, another, 1, now),
        delivery(other, record, 1, now),
        delivery(own, record, 6, now),
        Delivery { replay_of: Some(last.id), ..delivery(own, record, 1, now) },
        Delivery { state: DeliveryState::Delivered, ..delivery(own, record, 1, now) },
    ]
    .into_iter()
    .enumerate()
    {
        queued(&apart, 20 + seconds as i64).await;
        assert_eq!(ahead(&crm, &grant, &last).await, None, "{seconds}");
    }
    let ended = queued(&delivery(own, record, 2, now), 30).await;
    let due = read(&session, ended).await.due_at;
    assert_eq!(ahead(&crm, &grant, &last).await, due);
    session.jobs().cancel(ended).await.unwrap();
    assert_eq!(ahead(&crm, &grant, &last).await, None);
    // Of several the first.
    let (later, sooner) = (delivery(own, record, 3, now), delivery(own, record, 4, now));
    queued(&later, 5_000).await;
    let sooner = queued(&sooner, 4_000).await;
    assert_eq!(ahead(&crm, &grant, &last).await, read(&session, sooner).await.due_at);
    // One that runs was due when it was taken.
    world.clock.advance_seconds(4_100);
    let taken = take(&crm, 10).await;
    assert!(taken.iter().any(|one| one.id() == sooner));
    let session = admin(&crm, &world).await;
    assert_eq!(ahead(&crm, &grant, &last).await, read(&session, sooner).await.started_at);
    assert_eq!(ahead(&crm, &grant, &Delivery { record_id: None, ..last }).await, None);
}

pub async fn old_deliveries_are_forgotten_up_to_an_instant_and_some_at_a_time(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let (own, record, start) = (endpoint(&session).await, Id::<Delivery>::new_at(crm.now()).uuid(), crm.now());
    let made = [0, 10, 20, 30].map(|seconds| delivery(own, record, 1, start.plus_seconds(seconds)));
    let [first, second, third, fourth] = made.map(|one| Delivery { state: DeliveryState::Delivered, ..one });
    let second = Delivery { state: DeliveryState::Failed, ..second };
    let third = Delivery { state: DeliveryState::Cancelled, ..third };
    let waiting = delivery(own, record, 1, start);
    kept(&session, &[&waiting, &first, &second, &third, &fourth]).await;
    let prune = async |seconds, limit| {
        crm.ports.webhooks.prune_deliveries(world.home.workspace, start.plus_seconds(seconds), limit).await.unwrap()
    };
    assert_eq!((prune(-1, 10).await, prune(19, 10).await), (0, 2));
    assert_eq!((prune(30, 1).await, prune(30, 10).await, prune(30, 10).await), (1, 1, 0));
    // What is pending is still to be sent.
    let grant = session.internally(Entity::WebhookEndpoint, Action::Read);
    assert_eq!(crm.ports.webhooks.delivery(&grant, waiting.id).await.unwrap(), waiting);
}

pub async fn a_commit_keeps_more_deliveries_than_one_statement_takes(world: World) {
    // The relay hands 200 events to 50 endpoints at once; SQLite takes 3,640 rows in a statement, PostgreSQL 7,281.
    const MANY: i64 = 7_300;
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let (own, now) = (endpoint(&session).await, crm.now());
    let all: Vec<Delivery> = (1..=MANY).map(|seq| delivery(own, own.uuid(), seq, now)).collect();
    kept(&session, &all.iter().collect::<Vec<_>>()).await;
    let grant = session.internally(Entity::WebhookEndpoint, Action::Read);
    let query = DeliveryQuery { endpoint: own, state: None, span: Span::Before(None), limit: 10_000 };
    let read = crm.ports.webhooks.deliveries(&grant, &query).await.unwrap();
    let mut numbers: Vec<i64> = read.iter().map(|one| one.seq).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=MANY));
}

pub async fn a_former_secret_holds_until_its_instant_and_no_longer(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let own = endpoint(&session).await;
    let start = crm.now();
    let at = |seconds: i64| start.plus_seconds(seconds);
    let grant = session.internally(Entity::WebhookEndpoint, Action::Read);
    let rotate = async |secret: &str, made: i64, former_until: i64| {
        let (secret, made_at, former_until) = (secret.to_owned().into(), at(made), at(former_until));
        let mut changes = session.changes();
        changes.writes.push(Write::WebhookSecret(MadeSecret { endpoint_id: own, secret, made_at, former_until }));
        commit(&session, changes).await.unwrap();
    };
    let held = async |seconds: i64| -> Vec<String> {
        let held = crm.ports.webhooks.webhook_secrets(&grant, own, at(seconds)).await.unwrap();
        held.iter().map(|secret| secret.expose_secret().to_owned()).filter(|secret| secret.len() == 1).collect()
    };
    rotate("a", 1, 1).await;
    rotate("b", 2, 10).await;
    rotate("c", 3, 100).await;
    assert_eq!(held(9).await, ["c", "b", "a"]);
    assert_eq!(held(10).await, ["c", "b"], "nothing makes a secret hold longer");
    assert_eq!((held(99).await, held(100).await), (vec!["c".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
    rotate("d", 4, 5).await;
    assert_eq!((held(4).await, held(5).await), (["d", "c", "b"].map(str::to_owned).to_vec(), vec!["d".to_owned()]));
    // Those of another endpoint go without it.
    let other = endpoint(&session).await;
    assert_eq!(crm.ports.webhooks.webhook_secrets(&grant, other, at(4)).await.unwrap().len(), 1);
    session.webhooks().delete(other, Expect::Any).await.unwrap();
    assert_eq!(held(4).await.len(), 3);
}

pub async fn an_endpoint_that_changed_meanwhile_is_a_conflict(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let own = endpoint(&session).await;
    let grant = session.internally(Entity::WebhookEndpoint, Action::Update);
    let loaded = async || crm.ports.webhooks.webhook_endpoint(&grant, own).await.unwrap();
    let (mut first, mut late) = (loaded().await, loaded().await);
    let put = async |endpoint: &mut Stored<WebhookEndpoint>, said: &str| {
        endpoint.description = Some(said.to_owned());
        let mut changes = session.changes();
        changes.put(endpoint);
        commit(&session, changes).await
    };
    put(&mut first, "first").await.unwrap();
    conflicts(put(&mut late, "late").await, "stale_version");
    assert_eq!(loaded().await.description.as_deref(), Some("first"));
}

pub async fn an_endpoint_that_is_enabled_again_has_failed_nobody(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let (own, other, now) = (endpoint(&session).await, endpoint(&session).await, crm.now());
    let grant = session.internally(Entity::WebhookEndpoint, Action::Update);
    let noted = async |id: Id<WebhookEndpoint>, health: Health| {
        crm.ports.webhooks.note_delivery(&grant, &delivery(id, id.uuid(), 1, now), health).await.unwrap()
    };
    let later = now.plus_seconds(9);
    assert_eq!((noted(own, Health::Fails(now)).await, noted(own, Health::Fails(later)).await), (Some(now), Some(now)));
    assert_eq!(noted(other, Health::Fails(later)).await, Some(later));
    for (status, since) in [(WebhookStatus::Disabled, Some(now)), (WebhookStatus::Enabled, None)] {
        let mut endpoint = crm.ports.webhooks.webhook_endpoint(&grant, own).await.unwrap();
        endpoint.status = status;
        let mut changes = session.changes();
        changes.put(&mut endpoint);
        commit(&session, changes).await.unwrap();
        assert_eq!(noted(own, Health::Unknown).await, since);
    }
    assert_eq!(noted(own, Health::Works).await, None);
    assert_eq!(noted(other, Health::Unknown).await, Some(later));
}

pub async fn an_endpoint_at_another_address_has_failed_nobody(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let (own, now) = (endpoint(&session).await, crm.now());
    let grant = session.internally(Entity::WebhookEndpoint, Action::Update);
    let noted = async |health: Health| {
        crm.ports.webhooks.note_delivery(&grant, &delivery(own, own.uuid(), 1, now), health).await.unwrap()
    };
    assert_eq!(noted(Health::Fails(now)).await, Some(now));
    for (url, since) in [("https://hooks.example/crm", Some(now)), ("https://hooks.example/mended", None)] {
        let mut endpoint = crm.ports.webhooks.webhook_endpoint(&grant, own).await.unwrap();
        (endpoint.url, endpoint.description) = (url.to_owned(), Some(url.to_owned()));
        let mut changes = session.changes();
        changes.put(&mut endpoint);
        commit(&session, changes).await.unwrap();
        assert_eq!(noted(Health::Unknown).await, since, "{url}");
    }
    let later = now.plus_seconds(9);
    assert_eq!(noted(Health::Fails(later)).await, Some(later));
}

pub async fn what_was_delivered_again_is_kept_as_it_is_now(world: World) {
    let crm = sending(&world);
    let session = admin(&crm, &world).await;
    let own = endpoint(&session).await;
    let grant = session.internally(Entity::WebhookEndpoint, Action::Update);
    let first = delivery(own, own.uuid(), 1, crm.now());
    kept(&session, &[&first]).await;
    for state in [DeliveryState::Delivered, DeliveryState::Failed, DeliveryState::Delivered] {
        let message_id = state.name().to_owned();
        let now = Delivery { state, message_id, finished_at: Some(crm.now()), ..first.clone() };
        crm.ports.webhooks.note_delivery(&grant, &now, Health::Unknown).await.unwrap();
        let read = crm.ports.webhooks.delivery(&grant, first.id).await.unwrap();
        assert_eq!((read.state, read == now), (DeliveryState::Delivered, state == DeliveryState::Delivered));
    }
}
