//! Events are handed to each handler once, whoever relays and however many do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::support::{conflicts, contact, fails};
use crate::access::{Action, Actor, Entity, Role};
use crate::contact::ContactEdit;
use crate::crm::Crm;
use crate::error::ErrorKind::{Conflict, Internal, Unavailable};
use crate::error::{Error, Result};
use crate::job::{Handler, JobContext, JobError, JobsRequest, Policy, Queue, Task, Timer};
use crate::journal::Envelope;
use crate::relay::{CursorMove, EventHandler, Handover};
use crate::session::{Expect, Session};
use crate::store::{Changes, Write};
use crate::testkit::{StuckHandler, World, samples};

/// What an event is handed over as: its number and its name.
struct Told;

impl Handler for Told {
    type Payload = (i64, String);
    const KIND: &'static str = "told";

    fn policy() -> Policy {
        Policy::on(Queue::new("told"))
    }

    async fn run(&self, _: &JobContext, _: Self::Payload) -> std::result::Result<(), JobError> {
        Ok(())
    }
}

/// Hands every event over, unless it is broken or panics.
#[derive(Default)]
struct Telling {
    is_broken: AtomicBool,
    panics: AtomicBool,
}

#[async_trait]
impl EventHandler for Telling {
    fn name(&self) -> &'static str {
        "telling"
    }

    async fn hand(&self, _: &Session, events: &[Envelope], over: &mut Handover) -> Result<()> {
        for event in events {
            over.enqueue(Told::job(&(event.seq, event.kind.clone()))?);
        }
        assert!(!self.panics.load(Ordering::SeqCst), "the handler panics");
        match self.is_broken.load(Ordering::SeqCst) {
            true => Err(Error::unavailable("the handler is broken")),
            false => Ok(()),
        }
    }
}

/// Never says what follows from more than a few events.
struct Slow;

#[async_trait]
impl EventHandler for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    async fn hand(&self, _: &Session, events: &[Envelope], over: &mut Handover) -> Result<()> {
        if events.len() > 3 {
            std::future::pending::<()>().await;
        }
        for event in events {
            over.enqueue(Told::job(&(event.seq, event.kind.clone()))?);
        }
        Ok(())
    }
}

/// A timer by which time is up as soon as it is asked.
struct Over;

#[async_trait]
impl Timer for Over {
    async fn pass(&self, _: u32) {}
}

/// Two engines that tell.
fn telling(world: &World) -> ([Crm; 2], Arc<Telling>) {
    let handler = Arc::new(Telling::default());
    (world.engines(|builder| builder.handler(Told).event_handler(handler.clone())), handler)
}

/// Relays until there is nothing left.
async fn relay(crm: &Crm) {
    while crm.relay().pass().await.unwrap() > 0 {}
}

/// What was handed over in the workspace of a session, and how often.
async fn told(session: &Session) -> BTreeMap<(i64, String), usize> {
    let mut all = BTreeMap::new();
    let mut cursor = None;
    loop {
        let kind = Some("told".to_owned());
        let request = JobsRequest { kind, limit: Some(200), cursor, ..JobsRequest::default() };
        let page = session.jobs().list(&request).await.unwrap();
        for job in &page.data {
            let Task::Run { payload, .. } = &job.task else { panic!("no handler's job") };
            let event: (i64, String) = serde_json::from_value(payload.clone()).unwrap();
            *all.entry(event).or_default() += 1;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn end(world: &World) -> i64 {
    world.crm.feed(world.home.workspace).await.unwrap().end().await.unwrap()
}

pub async fn each_event_is_handed_over_once_by_many_relays_at_once(world: World) {
    let ([crm, second], _) = telling(&world);
    relay(&crm).await;
    let (admin, start) = (world.session(Role::Admin).await, end(&world).await);
    let items = (0..450).map(|at| Ok(samples::contact(&format!("C{at}")))).collect();
    admin.contacts().create_many(items, Default::default()).await.unwrap();
    let relays = (0..6).map(|at| -> BoxFuture<'static, ()> {
        let crm = if at % 2 == 0 { crm.clone() } else { second.clone() };
        Box::pin(async move { relay(&crm).await })
    });
    world.at_once(relays).await;
    // Whoever lost the last race was not the last one.
    relay(&crm).await;
    let told = told(&admin).await;
    let wanted: BTreeMap<(i64, String), usize> =
        (start + 1..=start + 450).map(|seq| ((seq, "contact.created".to_owned()), 1)).collect();
    assert_eq!(told, wanted);
}

pub async fn events_stay_in_their_workspace(world: World) {
    let ([crm, _], _) = telling(&world);
    relay(&crm).await;
    contact(&world.stranger().await, samples::contact("Stranger")).await;
    relay(&crm).await;
    assert!(told(&world.session(Role::Admin).await).await.is_empty());
    assert_eq!(told(&world.stranger().await).await.len(), 1);
}

pub async fn a_handler_that_is_new_gets_no_history(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, samples::contact("Before")).await;
    let ([crm, second], _) = telling(&world);
    relay(&crm).await;
    relay(&second).await;
    assert!(told(&admin).await.is_empty());
    contact(&admin, samples::contact("After")).await;
    relay(&second).await;
    assert_eq!(told(&admin).await.len(), 1);
}

pub async fn a_workspace_that_is_made_later_is_handed_over_from_its_first_event_on(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, samples::contact("Before")).await;
    let ([crm, second], _) = telling(&world);
    relay(&crm).await;
    // Nobody relays while it is made and filled.
    let made = second.create_workspace("Later").await.unwrap().id;
    let later = second.acting(Actor::system(made, "test")).await.unwrap();
    contact(&later, samples::contact("First")).await;
    for crm in [&second, &crm] {
        relay(crm).await;
    }
    let occurrences = crm.feed(made).await.unwrap().after(0, 200).await.unwrap();
    let events = occurrences.iter().filter_map(|occurrence| later.envelope(occurrence));
    let wanted: BTreeMap<(i64, String), usize> = events.map(|event| ((event.seq, event.kind), 1)).collect();
    for kind in ["workspace.created", "contact.created"] {
        assert!(wanted.keys().any(|(_, wanted)| wanted == kind), "{kind}");
    }
    assert_eq!(told(&later).await, wanted);
    // In those that were there nothing of before is handed over.
    assert!(told(&admin).await.is_empty());
}

pub async fn many_who_begin_a_handler_at_once_hand_over_nothing_of_before(world: World) {
    let sessions = [world.session(Role::Admin).await, world.stranger().await];
    for session in &sessions {
        contact(session, samples::contact("Before")).await;
    }
    let ([crm, second], _) = telling(&world);
    let relays = (0..6).map(|at| -> BoxFuture<'static, ()> {
        let crm = if at % 2 == 0 { crm.clone() } else { second.clone() };
        Box::pin(async move { relay(&crm).await })
    });
    world.at_once(relays).await;
    for session in &sessions {
        assert!(told(session).await.is_empty());
        contact(session, samples::contact("After")).await;
    }
    relay(&crm).await;
    for session in &sessions {
        assert_eq!(told(session).await.len(), 1);
    }
}

pub async fn a_change_that_is_refused_hands_nothing_over(world: World) {
    let ([crm, _], _) = telling(&world);
    let admin = world.session(Role::Admin).await;
    let ada = contact(&admin, samples::contact("Ada")).await;
    relay(&crm).await;
    let late = admin.contacts().update(ada.id, ContactEdit::default(), Expect::Version(7)).await;
    fails(late, Conflict);
    relay(&crm).await;
    assert!(told(&admin).await.is_empty());
}

pub async fn what_a_handler_cannot_take_is_handed_over_later(world: World) {
    let ([crm, _], handler) = telling(&world);
    relay(&crm).await;
    let admin = world.session(Role::Admin).await;
    contact(&admin, samples::contact("Ada")).await;
    handler.is_broken.store(true, Ordering::SeqCst);
    fails(crm.relay().pass().await, Unavailable);
    assert!(told(&admin).await.is_empty());
    handler.panics.store(true, Ordering::SeqCst);
    fails(crm.relay().pass().await, Internal);
    assert!(told(&admin).await.is_empty());
    handler.panics.store(false, Ordering::SeqCst);
    handler.is_broken.store(false, Ordering::SeqCst);
    relay(&crm).await;
    assert_eq!(told(&admin).await.len(), 1);
}

pub async fn a_handler_that_never_returns_is_given_up_and_stops_nobody_else(world: World) {
    let telling = Arc::new(Telling::default());
    let [crm, _] = world
        .engines(|builder| builder.handler(Told).event_handler(Arc::new(StuckHandler)).event_handler(telling.clone()));
    relay(&crm).await;
    let admin = world.session(Role::Admin).await;
    contact(&admin, samples::contact("Ada")).await;
    let passed = crm.relay().pass_over(&Over).await;
    assert_eq!((passed.handed, passed.faults.len()), (1, 1));
    assert_eq!(passed.faults[0].kind(), Unavailable);
    assert_eq!(told(&admin).await.len(), 1);
    assert_eq!(crm.ports.relay.behind("stuck").await.unwrap(), [world.home.workspace], "it is asked again");
    assert_eq!(crm.relay().apart().count(), 2);
}

pub async fn a_handler_that_is_slow_is_handed_fewer_until_it_is_in_time(world: World) {
    let [crm, _] = world.engines(|builder| builder.handler(Told).event_handler(Arc::new(Slow)));
    relay(&crm).await;
    let admin = world.session(Role::Admin).await;
    let items = (0..20).map(|at| Ok(samples::contact(&format!("C{at}")))).collect();
    admin.contacts().create_many(items, Default::default()).await.unwrap();
    let slow = crm.relay();
    let mut handed = 0;
    for _ in 0..60 {
        handed += slow.pass_over(&Over).await.handed;
    }
    assert_eq!((handed, told(&admin).await.len()), (20, 20));
}

pub async fn a_cursor_that_was_moved_meanwhile_moves_nothing_and_enqueues_nothing(world: World) {
    let relay = &world.crm.ports.relay;
    let home = world.home.workspace;
    assert!(!relay.has_begun("probe").await.unwrap());
    relay.begin("probe", &[(home, 3)]).await.unwrap();
    relay.begin("probe", &[(home, 5)]).await.unwrap();
    assert_eq!(relay.cursor(home, "probe").await.unwrap(), Some(3));
    assert!(relay.has_begun("probe").await.unwrap() && !relay.has_begun("other").await.unwrap());
    assert_eq!(relay.cursor(world.away.workspace, "probe").await.unwrap(), None);
    assert_eq!(relay.not_begun("probe").await.unwrap(), [world.away.workspace]);
    let product = world.crm.acting(Actor::system(home, "test")).await.unwrap();
    let grant = product.require(Entity::Job, Action::Create).unwrap();
    let changes = |from, to| {
        let mut changes: Changes = product.changes();
        let handler = "probe".to_owned();
        changes.writes.push(Write::CursorMove(CursorMove { handler, from, to }));
        changes.enqueue(Told::job(&(to, "x".to_owned())).unwrap());
        changes
    };
    product.commit(&grant, changes(3, 4)).await.unwrap();
    conflicts(product.commit(&grant, changes(3, 5)).await, "stale_version");
    assert_eq!(relay.cursor(home, "probe").await.unwrap(), Some(4));
    assert_eq!(told(&world.session(Role::Admin).await).await.len(), 1);
    assert_eq!(relay.behind("probe").await.unwrap(), [home]);
    let last = end(&world).await;
    product.commit(&grant, changes(4, last)).await.unwrap();
    assert!(relay.behind("probe").await.unwrap().is_empty());
    contact(&world.session(Role::Admin).await, samples::contact("Ada")).await;
    assert_eq!(relay.behind("probe").await.unwrap(), [home]);
}
