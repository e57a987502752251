//! A clock that jumps an hour ahead and back while jobs run, and ticks that several processes keep.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crm_boot::{QueueOptions, Schedule, WorkerOptions, run_workers};
use crm_core::contact::ContactEdit;
use crm_core::job::{Handler, Job, JobContext, JobError, JobState, JobsRequest, NewJob, Policy};
use crm_core::testkit::{FakeClock, PATIENCE};
use crm_core::{Actor, Crm, Edit, Id, Session, Store, Zone};
use crm_storage::testkit::Schema;
use crm_storage::{Options, PostgresStore, SqliteStore};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{EFFECTS, effects, is_long, note};

/// Says that it began, waits until it may go on if it is told to, makes a contact of its name.
struct Step {
    say: UnboundedSender<String>,
    gate: Arc<Semaphore>,
}

impl Handler for Step {
    type Payload = (String, bool);
    const KIND: &'static str = "step";

    fn policy() -> Policy {
        Policy::on(EFFECTS)
    }

    async fn run(&self, job: &JobContext, (name, waits): (String, bool)) -> Result<(), JobError> {
        self.say.send(format!("{name} {}", job.attempt())).unwrap();
        if waits {
            self.gate.acquire().await.unwrap().forget();
        }
        let edit = ContactEdit { last_name: Edit::Set(name), ..ContactEdit::default() };
        job.once("effect").await?.contacts().create(edit).await?;
        Ok(())
    }
}

fn quick(name: &str) -> NewJob {
    Step::job(&(name.to_owned(), false)).unwrap()
}

fn held(name: &str) -> NewJob {
    Step::job(&(name.to_owned(), true)).unwrap()
}

async fn heard(said: &mut UnboundedReceiver<String>) -> String {
    tokio::time::timeout(PATIENCE, said.recv()).await.unwrap().unwrap()
}

async fn ended(session: &Session, id: Id<Job>) -> Job {
    let wait = async {
        loop {
            let job = session.jobs().read(id).await.unwrap();
            if job.finished_at.is_some() {
                return job.into_inner();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

async fn enqueue(session: &Session, job: NewJob) -> Id<Job> {
    session.jobs().enqueue(job).await.unwrap().id
}

async fn system<S: Store>(store: Arc<S>, clock: Arc<FakeClock>) -> (Crm, Session) {
    let crm = Crm::builder(store).clock(clock).build();
    let workspace = match crm.workspaces().await.unwrap().first() {
        Some(workspace) => workspace.id,
        None => crm.create_workspace("Faults").await.unwrap().id,
    };
    let session = crm.acting(Actor::system(workspace, "test")).await.unwrap();
    (crm, session)
}

async fn the_clock_jumps<S: Store>(store: &str, database: Arc<S>) {
    let clock = Arc::new(FakeClock::at("2026-03-02T11:30:00Z".parse().unwrap()));
    let (crm, session) = system(database, clock.clone()).await;
    let (say, mut said) = unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let options = || {
        let options = WorkerOptions::none().handler(Step { say: say.clone(), gate: gate.clone() });
        options.queue(QueueOptions::new(EFFECTS).concurrency(8))
    };
    let jumps = if is_long() { 10 } else { 1 };
    for round in 0..jumps {
        // Ahead: leases end by the clock, so what runs is ended and begun anew. The first heartbeat is far away.
        let workers = run_workers(&crm, options());
        let names: Vec<String> = (0..3).map(|at| format!("Ahead {round} {at}")).collect();
        let mut running = Vec::new();
        for name in &names {
            running.push(enqueue(&session, held(name)).await);
            assert_eq!(heard(&mut said).await, format!("{name} 1"));
        }
        clock.advance_seconds(3_600);
        let again: BTreeSet<String> = [heard(&mut said).await, heard(&mut said).await, heard(&mut said).await].into();
        assert_eq!(again, names.iter().map(|name| format!("{name} 2")).collect());
        gate.add_permits(3);
        for id in running {
            let job = ended(&session, id).await;
            assert_eq!((job.state, job.attempts), (JobState::Done, 2));
            assert_eq!(job.errors[0].code, "lease_expired");
        }
        // Back: what runs goes on, what comes is done, and what waits for its time waits an hour longer.
        let runs = enqueue(&session, held(&format!("Back {round} runs"))).await;
        heard(&mut said).await;
        let waits = enqueue(&session, quick(&format!("Back {round} waits")).after_seconds(60)).await;
        clock.advance_seconds(-3_600);
        let comes = enqueue(&session, quick(&format!("Back {round} comes"))).await;
        heard(&mut said).await;
        assert_eq!(ended(&session, comes).await.state, JobState::Done);
        gate.add_permits(1);
        let job = ended(&session, runs).await;
        assert_eq!((job.state, job.attempts), (JobState::Done, 1));
        assert_eq!(session.jobs().read(waits).await.unwrap().state, JobState::Queued);
        clock.advance_seconds(3_700);
        heard(&mut said).await;
        assert_eq!(ended(&session, waits).await.state, JobState::Done);
        workers.stop().await;
    }
    let found = effects(&session).await;
    assert_eq!((found.len(), found.iter().collect::<BTreeSet<_>>().len()), (jumps * 6, jumps * 6));
    let rounds = format!("{jumps} jumps");
    let holds = "what runs begins anew; each effect is there once";
    let outcome = format!("{} jobs began anew with `lease_expired`; {} effects", jumps * 3, found.len());
    note(store, "the clock jumps an hour ahead", &rounds, holds, &outcome);
    let holds = "what runs and what is new is done";
    note(store, "the clock jumps an hour back", &rounds, holds, "done; what waits for a time waited longer");
}

/// Three processes keep one schedule. What each keeps besides shows that it is past the tick that all keep.
async fn a_tick_comes_once<S: Store>(store: &str, databases: [Arc<S>; 3]) {
    let clock = Arc::new(FakeClock::at("2026-03-02T11:59:59Z".parse().unwrap()));
    clock.tick_micros(0);
    let (say, mut said) = unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let mut workers = Vec::new();
    let mut sessions = Vec::new();
    for (database, own) in databases.into_iter().zip(["one", "two", "three"]) {
        let (crm, session) = system(database, clock.clone()).await;
        let schedule = |name: &str| Schedule::new(name, "0 12 * * *", Zone::UTC, quick(name)).unwrap();
        let options = WorkerOptions::none().handler(Step { say: say.clone(), gate: gate.clone() });
        workers.push(run_workers(&crm, options.schedule(schedule("noon")).schedule(schedule(own))));
        sessions.push(session);
    }
    clock.advance_seconds(1);
    let mut begun = Vec::new();
    while begun.len() < 4 {
        begun.push(heard(&mut said).await);
    }
    begun.sort_unstable();
    assert_eq!(begun, ["noon 1", "one 1", "three 1", "two 1"]);
    for workers in workers {
        workers.stop().await;
    }
    assert_eq!(sessions[0].jobs().list(&JobsRequest::default()).await.unwrap().data.len(), 4);
    note(store, "a tick that three processes keep", "once", "it enqueues one job", "one job");
}

/// A store that is given up by nobody: where the clock stands, whoever is to try again later never does.
fn patient() -> Options {
    Options::default().patience(PATIENCE).deadline(PATIENCE)
}

async fn sqlite(folder: &tempfile::TempDir) -> Arc<SqliteStore> {
    let store = Arc::new(SqliteStore::open(folder.path().join("clock.db"), patient()).unwrap());
    store.migrate().await.unwrap();
    store
}

async fn server(url: &str) -> Arc<PostgresStore> {
    let store = Arc::new(PostgresStore::connect(url, patient().connections(6)).await.unwrap());
    store.migrate().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    the_clock_jumps("SQLite", sqlite(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_doubles_nothing_on_postgres() {
    let Some(schema) = Schema::new().await else { return };
    the_clock_jumps("PostgreSQL", server(&schema.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_comes_once_however_many_processes_keep_it_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    a_tick_comes_once("SQLite", [sqlite(&folder).await, sqlite(&folder).await, sqlite(&folder).await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_comes_once_however_many_processes_keep_it_on_postgres() {
    let Some(schema) = Schema::new().await else { return };
    a_tick_comes_once(
        "PostgreSQL",
        [server(&schema.url()).await, server(&schema.url()).await, server(&schema.url()).await],
    )
    .await;
}
