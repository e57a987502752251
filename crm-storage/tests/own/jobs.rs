//! Jobs whose rows another version wrote.

use std::sync::Arc;

use crm_core::job::{Handler, Job, JobContext, JobError, JobState, Never, Policy, Priority, Queue, UploadStore};
use crm_core::transfer::ImportOptions;
use crm_core::{Entity, Session};

use super::{Behind, engine, session};

/// The job that was enqueued first.
const FIRST: &str = "WHERE id = (SELECT id FROM jobs ORDER BY id LIMIT 1)";

/// Begins the import of one contact.
async fn begun(session: &Session, name: &str) -> Job {
    let mut spool = session.transfers().receive().unwrap();
    spool.write(format!("Last Name\n{name}\n").as_bytes()).await.unwrap();
    let upload = spool.finish().await.unwrap();
    session.transfers().begin(Entity::Contact, &upload, ImportOptions::default()).await.unwrap().into_inner()
}

pub(crate) async fn a_job_that_cannot_be_read_fails_and_the_others_are_done<D: Behind>(
    open: impl AsyncFn() -> Option<D>,
) {
    let Some(database) = open().await else { return };
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    let (first, second) = (begun(&session, "Hopper").await, begun(&session, "Curie").await);
    database.execute(&format!("UPDATE jobs SET data = '[7]' {FIRST}")).await;
    assert!(crm.work(Arc::new(Never)).await.unwrap() && crm.work(Arc::new(Never)).await.unwrap());
    assert!(!crm.work(Arc::new(Never)).await.unwrap());
    let failed = session.jobs().read(first.id).await.unwrap().into_inner();
    assert_eq!((failed.state, failed.error.unwrap().code.as_str()), (JobState::Failed, "unreadable"));
    assert_eq!(failed.created_at.micros() / 1_000, first.created_at.micros() / 1_000);
    let list = session.jobs().list(&Default::default()).await.unwrap();
    let states: Vec<_> = list.data.iter().map(|job| (job.id, job.state)).collect();
    assert_eq!(states, [(second.id, JobState::Done), (first.id, JobState::Failed)]);
}

pub(crate) async fn a_job_of_a_later_kind_waits_for_a_process_that_knows_it<D: Behind>(
    open: impl AsyncFn() -> Option<D>,
) {
    let Some(database) = open().await else { return };
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    let (first, second) = (begun(&session, "Hopper").await, begun(&session, "Curie").await);
    let renamed = |from: &str, to: &str| {
        let data = format!(r#"REPLACE(data, '"kind":"{from}"', '"kind":"{to}"')"#);
        format!("UPDATE jobs SET data = {data} {FIRST}")
    };
    database.execute(&renamed("import", "later")).await;
    assert!(crm.work(Arc::new(Never)).await.unwrap() && crm.work(Arc::new(Never)).await.unwrap());
    assert!(!crm.work(Arc::new(Never)).await.unwrap());
    let waiting = session.jobs().read(first.id).await.unwrap().into_inner();
    assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, 0));
    assert!(waiting.errors.iter().map(|fault| fault.code.as_str()).eq(["no_handler"]));
    assert_eq!((waiting.error.unwrap().code.as_str(), waiting.run_at), ("no_handler", waiting.due_at));
    assert!(waiting.due_at.unwrap() > first.due_at.unwrap());
    assert_eq!(session.jobs().read(second.id).await.unwrap().state, JobState::Done);
    // What it has to do is as it was, and upkeep keeps the file that it names: whoever knows the kind does it.
    let later = first.created_at.plus_seconds(24 * 60 * 60);
    UploadStore::forget_unnamed_uploads(&*database.store(), later).await.unwrap();
    database.execute(&renamed("later", "import")).await;
    let due = D::time(first.created_at);
    database.execute(&format!("UPDATE jobs SET due_at = {due} {FIRST}")).await;
    assert!(crm.work(Arc::new(Never)).await.unwrap());
    assert_eq!(session.jobs().read(first.id).await.unwrap().state, JobState::Done);
}

/// A kind of job on a queue of its own.
struct Own;

impl Handler for Own {
    type Payload = ();
    const KIND: &'static str = "own";

    fn policy() -> Policy {
        Policy::on(Queue::new("own"))
    }

    async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
        Ok(())
    }
}

pub(crate) async fn a_job_that_cannot_be_read_keeps_its_queue_and_its_turn<D: Behind>(
    open: impl AsyncFn() -> Option<D>,
) {
    let Some(database) = open().await else { return };
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    let wanted = || Own::job(&()).unwrap();
    let normal = session.jobs().enqueue(wanted()).await.unwrap().id;
    let urgent = session.jobs().enqueue(wanted().priority(Priority::Urgent)).await.unwrap().id;
    let later = session.jobs().enqueue(wanted().after_seconds(1_000)).await.unwrap().id;
    let runs = async || session.jobs().read(later).await.unwrap().run_at;
    let waits_until = runs().await;
    database.execute("UPDATE jobs SET data = '[7]'").await;
    assert_eq!(runs().await, waits_until);
    let seen = session.jobs().read(urgent).await.unwrap();
    assert_eq!((&seen.queue, seen.priority), (&Queue::new("own"), Priority::Urgent));
    let workers = crm.workers();
    let taken = workers.take(&[(Queue::new("own"), 10)], 10).await.unwrap();
    let order: Vec<_> = taken.iter().map(|taken| (taken.id(), taken.job().queue)).collect();
    assert_eq!(order, [(urgent, Queue::new("own")), (normal, Queue::new("own"))]);
    // Each is known to be lost at once, not when its lease ends.
    for taken in &taken {
        let stop: Arc<dyn crm_core::job::Stop> = Arc::new(Never);
        let settled = workers.run(taken, &stop, &crm_core::job::Endless).await;
        workers.settle(settled.as_slice()).await.unwrap();
        let failed = session.jobs().read(taken.id()).await.unwrap().into_inner();
        assert_eq!((failed.state, failed.error.unwrap().code.as_str()), (JobState::Failed, "unreadable"));
    }
}

pub(crate) async fn a_job_that_cannot_be_read_gives_its_unique_key_free<D: Behind>(open: impl AsyncFn() -> Option<D>) {
    let Some(database) = open().await else { return };
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    let one = || Own::job(&()).unwrap().on(Queue::BULK).unique("one");
    let first = session.jobs().enqueue(one()).await.unwrap();
    database.execute("UPDATE jobs SET data = '[7]'").await;
    let again = session.jobs().enqueue(one()).await.unwrap();
    assert_eq!((again.is_new, again.id), (false, first.id));
    assert!(crm.work(Arc::new(Never)).await.unwrap());
    assert_eq!(session.jobs().read(first.id).await.unwrap().state, JobState::Failed);
    let second = session.jobs().enqueue(one()).await.unwrap();
    assert!(second.is_new);
    // One of a later kind that is stopped, too.
    let later = r#"REPLACE(data, '"kind":"run"', '"kind":"later"')"#;
    database.execute(&format!("UPDATE jobs SET data = {later}")).await;
    assert!(!session.jobs().enqueue(one()).await.unwrap().is_new);
    session.jobs().cancel(second.id).await.unwrap();
    let third = session.jobs().enqueue(one()).await.unwrap();
    assert!(third.is_new);
    // No other job's key is given free by that.
    assert!(!session.jobs().enqueue(one()).await.unwrap().is_new);
}
