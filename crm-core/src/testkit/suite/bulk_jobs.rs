//! Bulk work that one commit cannot hold is a job, and bulk work is undone by its batch.

use std::sync::Arc;

use super::jobs::{Ending, work};
use super::support::{conflicts, contact, fails, filtered, invalid_at, refused};
use crate::access::{Entity, Role, Rule, Scope};
use crate::bulk::{BulkAnswer, BulkChange, BulkMode, BulkReport, BulkStatus, MAX_ITEMS, Selection};
use crate::contact::{Contact, ContactEdit};
use crate::error::ErrorKind::{Denied, NotFound};
use crate::filter::Filter;
use crate::id::Id;
use crate::job::{Job, JobState, Never, Progress, Queue};
use crate::journal::Batch;
use crate::session::{Expect, Session};
use crate::store::IdempotencyKey;
use crate::testkit::{World, samples};

/// So many leads, one more than a commit takes.
async fn more_than_a_commit_takes(session: &Session) -> Vec<Id<Contact>> {
    let lead = |at: usize| Ok(ContactEdit { source: "fair".into(), ..samples::contact(&format!("Row {at}")) });
    let mut ids = Vec::new();
    for from in [0..MAX_ITEMS, MAX_ITEMS..MAX_ITEMS + 1] {
        let made = session.contacts().create_many(from.map(lead).collect(), BulkMode::Atomic).await.unwrap();
        ids.extend(made.results.into_iter().map(|one| Id::from(one.id.unwrap())));
    }
    ids
}

fn of_the_fair() -> Selection<Contact> {
    Selection::Filter(filter("source = fair"))
}

fn filter(text: &str) -> Filter {
    filtered(text).filter.unwrap()
}

fn titled(title: &str) -> BulkChange<ContactEdit> {
    BulkChange::Edit(ContactEdit { title: title.into(), ..ContactEdit::default() })
}

fn queued(answer: BulkAnswer) -> Job {
    match answer {
        BulkAnswer::Queued(job) => job.into_inner(),
        BulkAnswer::Done(report) => panic!("{} were changed at once", report.succeeded),
    }
}

async fn count(session: &Session, text: &str) -> Option<u64> {
    let request = crate::page::ListRequest { count: true, limit: Some(1), ..filtered(text) };
    session.contacts().list(&request).await.unwrap().total
}

pub async fn more_than_a_commit_takes_is_done_by_a_job(world: World) {
    let admin = world.session(Role::Admin).await;
    let ids = more_than_a_commit_takes(&admin).await;
    invalid_at(admin.contacts().change_many(of_the_fair(), titled("A"), BulkMode::Atomic).await, "filter");
    let keyed = || admin.clone().once(IdempotencyKey::new("PUT /contacts/bulk", "one", b"a"));
    let job = queued(keyed().contacts().change_many(of_the_fair(), titled("Buyer"), None).await.unwrap());
    let records = ids.len() as u64;
    assert_eq!((job.queue, job.progress), (Queue::BULK, Progress { done: 0, total: Some(records) }));
    // A repeat is answered with the same job; what comes and goes meanwhile has no part, or is at fault.
    let again = queued(keyed().contacts().change_many(of_the_fair(), titled("Buyer"), None).await.unwrap());
    assert_eq!(again.id, job.id);
    contact(&admin, ContactEdit { source: "fair".into(), ..samples::contact("Later") }).await;
    admin.contacts().delete(ids[3], Expect::Any).await.unwrap();
    conflicts(admin.jobs().revert(job.id.cast()).await, "bulk_running");
    // Whoever goes on after a stop neither skips a record nor counts one twice.
    assert!(world.crm.work(Arc::new(Ending)).await.unwrap());
    let stopped = admin.jobs().read(job.id).await.unwrap();
    assert_eq!((stopped.state, stopped.progress.done), (JobState::Queued, 1_000));
    assert!(world.crm.work(Arc::new(Never)).await.unwrap());
    let done = admin.jobs().read(job.id).await.unwrap().into_inner();
    assert_eq!((done.state, done.progress.done), (JobState::Done, records));
    let report: BulkReport = serde_json::from_value(done.result.unwrap()).unwrap();
    assert_eq!((u64::from(report.succeeded), report.failed), (records - 1, 1));
    let [fault] = report.results.as_slice() else { panic!("{} items are named", report.results.len()) };
    assert_eq!((fault.id.map(Id::from), fault.status), (Some(ids[3]), BulkStatus::Failed));
    assert_eq!(fault.index as usize, MAX_ITEMS - 3, "the latest come first");
    assert_eq!(count(&admin, "title is null").await, Some(1));
    // It is undone like any other.
    admin
        .contacts()
        .update(ids[5], ContactEdit { title: "Owner".into(), ..Default::default() }, Expect::Any)
        .await
        .unwrap();
    admin.jobs().revert(job.id.cast()).await.unwrap();
    assert_eq!(work(&world).await, 1);
    assert_eq!(count(&admin, "title = Buyer").await, Some(0));
    assert_eq!(count(&admin, "title = Owner").await, Some(1));
}

pub async fn bulk_work_is_undone_by_its_batch(world: World) {
    let admin = world.session(Role::Admin).await;
    let names = ["Hopper", "Lovelace"].map(|name| Ok(samples::contact(name)));
    let made = admin.contacts().create_many(names.into(), BulkMode::Atomic).await.unwrap();
    let hopper = Selection::Filter(filter("last_name = Hopper"));
    let deleted = admin.contacts().change_many(hopper, BulkChange::Delete, None).await.unwrap().report().unwrap();
    assert_eq!(deleted.succeeded, 1);
    // Whoever sees their own jobs alone takes their own work back alone.
    let rep = world.session(Role::SalesRep).await;
    fails(rep.jobs().revert(deleted.batch_id).await, NotFound);
    let own = rep.contacts().create_many(vec![Ok(samples::contact("Own"))], BulkMode::Atomic).await.unwrap();
    rep.jobs().revert(own.batch_id).await.unwrap();
    assert_eq!(work(&world).await, 1);
    assert_eq!(count(&admin, "last_name = Own").await, Some(0));
    let keyed = || admin.clone().once(IdempotencyKey::new("POST /batches/revert", "one", b"a"));
    let job = keyed().jobs().revert(deleted.batch_id).await.unwrap();
    assert_eq!(keyed().jobs().revert(deleted.batch_id).await.unwrap().id, job.id);
    assert_eq!(work(&world).await, 1);
    assert_eq!(count(&admin, "last_name = Hopper").await, Some(1));
    admin.jobs().revert(made.batch_id).await.unwrap();
    assert_eq!(work(&world).await, 1);
    // The first was brought back since, and is left as it is.
    assert_eq!(count(&admin, "last_name = Lovelace").await, Some(0));
    fails(admin.jobs().revert(Id::<Batch>::new_at(admin.now())).await, NotFound);
    fails(world.stranger().await.jobs().revert(made.batch_id).await, NotFound);
    let reading = Rule { read: Scope::All, ..Rule::NONE };
    world.set_rule(Role::SalesRep, Entity::Job, reading).await;
    let error = refused(world.session(Role::SalesRep).await.jobs().revert(made.batch_id).await);
    assert_eq!(error.kind(), Denied);
}
