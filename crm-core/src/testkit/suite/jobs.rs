//! Jobs: taken once, held by a lease, stopped, taken up again; files spooled and read back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::TryStreamExt as _;

use super::support::{fails, hiding, invalid_at, names, reading};
use crate::access::{Action, Entity, Role, Rule, Scope};
use crate::error::ErrorKind::{Conflict, Denied, NotFound};
use crate::error::Result;
use crate::id::Id;
use crate::job::{
    CHUNK_BYTES, HEARTBEAT_SECONDS, Job, JobState, JobsRequest, LEASE_SECONDS, Never, Queue, Stop, Task, Upload,
};
use crate::session::Session;
use crate::store::IdempotencyKey;
use crate::testkit::{World, samples};
use crate::transfer::{BytesSource, DuplicatePolicy, Import, ImportOptions, Source};
use crate::user::UserStatus;

pub(super) async fn spooled(session: &Session, bytes: &[u8]) -> Upload {
    let mut spool = session.transfers().receive().unwrap();
    // Pieces arrive as the network likes.
    for piece in bytes.chunks(70_001) {
        spool.write(piece).await.unwrap();
    }
    spool.finish().await.unwrap()
}

pub(super) async fn begun(session: &Session, file: &str, on_duplicate: DuplicatePolicy) -> Job {
    let upload = spooled(session, file.as_bytes()).await;
    let options = ImportOptions { on_duplicate, ..ImportOptions::default() };
    session.transfers().begin(Entity::Contact, &upload, options).await.unwrap().into_inner()
}

pub(super) fn import_of(job: &Job) -> Id<Import> {
    match job.task {
        Task::Import { import_id, .. } => import_id,
        _ => panic!("{job:?} imports nothing"),
    }
}

/// Works until nothing is due.
pub(super) async fn work(world: &World) -> usize {
    let mut done = 0;
    while world.crm.work(Arc::new(Never)).await.unwrap() {
        done += 1;
    }
    done
}

async fn state(session: &Session, job: &Job) -> JobState {
    session.jobs().read(job.id).await.unwrap().state
}

pub async fn a_spooled_file_is_read_from_any_place(world: World) {
    let admin = world.session(Role::Admin).await;
    let bytes: Vec<u8> = (0..CHUNK_BYTES * 2 + 4_321).map(|at| (at * 31 % 251) as u8).collect();
    let upload = spooled(&admin, &bytes).await;
    assert_eq!(upload.bytes, bytes.len() as u64);
    let mut file = admin.transfers().spooled(&upload).unwrap();
    for offset in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 4_320, 7] {
        let read = file.read_at(offset as u64, 1_000).await.unwrap();
        assert!(!read.is_empty() && bytes[offset..].starts_with(&read), "{offset}");
    }
    assert!(file.read_at(upload.bytes, 10).await.unwrap().is_empty());
    // Another workspace has no such file.
    let stranger = world.stranger().await;
    invalid_at(stranger.transfers().spooled(&upload).unwrap().read_at(0, 10).await, "file");
    admin.transfers().forget(&upload).await.unwrap();
    invalid_at(admin.transfers().spooled(&upload).unwrap().read_at(0, 10).await, "file");
    let empty = spooled(&admin, b"").await;
    assert!(admin.transfers().spooled(&empty).unwrap().read_at(0, 10).await.unwrap().is_empty());
}

pub async fn a_job_imports_what_was_sent(world: World) {
    let manager = world.session(Role::Manager).await;
    let job =
        begun(&manager, "Last Name,Email\nHopper,grace@example.com\nCurie,nonsense\n", DuplicatePolicy::Skip).await;
    assert_eq!((job.state, job.attempts), (JobState::Queued, 0));
    assert_eq!(work(&world).await, 1);
    let done = manager.jobs().read(job.id).await.unwrap().into_inner();
    assert_eq!((done.state, done.attempts, done.due_at), (JobState::Done, 1, None));
    assert_eq!(Some(done.progress.done), done.progress.total);
    let import: Import = serde_json::from_value(done.result.unwrap()).unwrap();
    assert_eq!((import.id, import.counts.created, import.counts.failed), (import_of(&job), 1, 1));
    assert_eq!(names(&manager, &samples::list()).await, ["Hopper"]);
    let hopper = &manager.contacts().list(&samples::list()).await.unwrap().data[0];
    assert_eq!(hopper.owner_id, manager.actor().user_id());
    // What is done is done.
    assert_eq!(work(&world).await, 0);
    fails(manager.jobs().retry(job.id).await, Conflict);
    fails(manager.jobs().cancel(job.id).await, Conflict);
}

pub async fn of_many_workers_one_takes_a_job(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Create).await;
    let workers = [world.crm.clone(), world.second.clone(), world.crm.clone(), world.second.clone()];
    let tasks = workers.map(|crm| {
        Box::pin(async move { crm.work(Arc::new(Never)).await.unwrap() }) as futures::future::BoxFuture<'static, bool>
    });
    assert_eq!(world.at_once(tasks).await.into_iter().filter(|took| *took).count(), 1);
    assert_eq!(admin.jobs().read(job.id).await.unwrap().attempts, 1);
    assert_eq!(names(&admin, &samples::list()).await, ["Hopper"]);
}

pub async fn a_cancelled_job_does_nothing_until_it_is_taken_up_again(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    admin.jobs().cancel(job.id).await.unwrap();
    assert_eq!(work(&world).await, 0);
    assert!(names(&admin, &samples::list()).await.is_empty());
    fails(admin.jobs().cancel(job.id).await, Conflict);
    assert_eq!(admin.jobs().retry(job.id).await.unwrap().state, JobState::Queued);
    fails(admin.jobs().retry(job.id).await, Conflict);
    assert_eq!(work(&world).await, 1);
    assert_eq!(state(&admin, &job).await, JobState::Done);
    assert_eq!(names(&admin, &samples::list()).await, ["Hopper"]);
}

pub async fn a_job_whose_worker_died_is_taken_again_when_its_lease_ends(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    let mut taken = job.clone();
    taken.take(admin.now(), LEASE_SECONDS);
    let jobs = &world.crm.ports.jobs;
    assert!(jobs.swap_job(world.home.workspace, job.version, &taken).await.unwrap());
    // Whoever read the version before comes too late.
    assert!(!jobs.swap_job(world.home.workspace, job.version, &taken).await.unwrap());
    assert!(!jobs.swap_job(world.away.workspace, taken.version, &taken).await.unwrap());
    assert_eq!(work(&world).await, 0);
    world.clock.advance_seconds(119);
    assert_eq!(work(&world).await, 0);
    world.clock.advance_seconds(1);
    assert_eq!(work(&world).await, 1);
    let admin = world.session(Role::Admin).await;
    let done = admin.jobs().read(job.id).await.unwrap();
    // Attempts that ended before a step was done count no more.
    assert_eq!((done.state, done.attempts), (JobState::Done, 1));
}

pub async fn a_job_whose_workers_keep_dying_fails(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    let mut taken = job;
    for _ in 0..8 {
        let before = taken.version;
        taken.take(world.crm.now(), LEASE_SECONDS);
        assert!(world.crm.ports.jobs.swap_job(world.home.workspace, before, &taken).await.unwrap());
        world.clock.advance_seconds(121);
    }
    assert_eq!(work(&world).await, 1);
    let admin = world.session(Role::Admin).await;
    let failed = admin.jobs().read(taken.id).await.unwrap().into_inner();
    assert_eq!((failed.state, failed.error.unwrap().code.as_str()), (JobState::Failed, "unavailable"));
    assert!(names(&admin, &samples::list()).await.is_empty());
    admin.jobs().retry(taken.id).await.unwrap();
    assert_eq!(work(&world).await, 1);
    assert_eq!(names(&admin, &samples::list()).await, ["Hopper"]);
}

/// A worker whose process is about to end.
pub(super) struct Ending;

impl Stop for Ending {
    fn is_asked(&self) -> bool {
        true
    }
}

pub async fn a_job_is_given_back_when_its_process_ends(world: World) {
    let admin = world.session(Role::Admin).await;
    let rows: String = (0..2_500).map(|at| format!("Row {at:04}\n")).collect();
    let job = begun(&admin, &format!("Last Name\n{rows}"), DuplicatePolicy::Skip).await;
    assert!(world.crm.work(Arc::new(Ending)).await.unwrap());
    let back = admin.jobs().read(job.id).await.unwrap();
    assert_eq!((back.state, back.attempts), (JobState::Queued, 0));
    // What it did is done, and is not done again.
    let import = admin.transfers().read(import_of(&job)).await.unwrap();
    assert_eq!((import.rows, import.counts.created), (1_000, 1_000));
    assert_eq!(work(&world).await, 1);
    let import = admin.transfers().read(import_of(&job)).await.unwrap();
    assert_eq!((import.rows, import.counts.created), (2_500, 2_500));
}

pub async fn a_job_acts_with_the_permissions_of_whoever_wanted_it(world: World) {
    let admin = world.session(Role::Admin).await;
    let rep = world.session(Role::SalesRep).await;
    let job = begun(&rep, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    let member = world.home.member(Role::SalesRep);
    let stored = world.crm.ports.users.user(&reading(&admin, Entity::User), member).await.unwrap();
    let mut changes = admin.changes();
    let mut suspended = stored;
    suspended.status = UserStatus::Suspended;
    changes.put(&mut suspended);
    let grant = admin.require(Entity::User, Action::Update).unwrap();
    admin.commit(&grant, changes).await.unwrap();
    world.clock.advance_seconds(2);
    assert_eq!(work(&world).await, 1);
    let admin = world.session(Role::Admin).await;
    let failed = admin.jobs().read(job.id).await.unwrap().into_inner();
    assert_eq!((failed.state, failed.error.unwrap().code.as_str()), (JobState::Failed, "unauthenticated"));
    assert!(names(&admin, &samples::list()).await.is_empty());
}

pub async fn a_job_is_seen_by_whoever_wanted_it_and_their_managers(world: World) {
    let (rep, closer) = (world.session(Role::SalesRep).await, world.session(Role::Closer).await);
    let mine = begun(&rep, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    let theirs = begun(&closer, "Last Name\nCurie\n", DuplicatePolicy::Skip).await;
    let listed = async |session: &Session| -> Vec<Id<Job>> {
        let page = session.jobs().list(&JobsRequest::default()).await.unwrap();
        page.data.iter().map(|job| job.id).collect()
    };
    assert_eq!(listed(&rep).await, [mine.id]);
    let mut both = [mine.id, theirs.id];
    both.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(listed(&world.session(Role::Manager).await).await, both);
    assert!(listed(&world.stranger().await).await.is_empty());
    for session in [&closer, &world.stranger().await] {
        fails(session.jobs().read(mine.id).await, NotFound);
        fails(session.jobs().cancel(mine.id).await, NotFound);
        fails(session.jobs().retry(mine.id).await, NotFound);
    }
    world.session(Role::Manager).await.jobs().cancel(mine.id).await.unwrap();
    // Pages follow each other.
    let manager = world.session(Role::Manager).await;
    let first = manager.jobs().list(&JobsRequest { limit: Some(1), ..JobsRequest::default() }).await.unwrap();
    let cursor = first.next_cursor.clone();
    let rest = JobsRequest { cursor, ..JobsRequest::default() };
    let rest = manager.jobs().list(&rest).await.unwrap();
    assert_eq!([first.data[0].id, rest.data[0].id], both);
    assert_eq!(rest.next_cursor, None);
    let queued = JobsRequest { state: Some(JobState::Queued), ..JobsRequest::default() };
    assert_eq!(manager.jobs().list(&queued).await.unwrap().data[0].id, theirs.id);
    let of = |queue| JobsRequest { queue: Some(queue), ..JobsRequest::default() };
    assert_eq!(manager.jobs().list(&of(Queue::IMPORT)).await.unwrap().data.len(), 2);
    assert!(manager.jobs().list(&of(Queue::BULK)).await.unwrap().data.is_empty());
    invalid_at(
        manager.jobs().list(&JobsRequest { cursor: Some("x".to_owned()), ..JobsRequest::default() }).await,
        "cursor",
    );
}

pub async fn one_key_begins_one_import(world: World) {
    let admin = world.session(Role::Admin).await;
    let keyed = |body: &[u8]| admin.clone().once(IdempotencyKey::new("POST /contacts/import/csv", "one", body));
    let begin = async |session: Session| {
        let upload = spooled(&session, b"Last Name\nHopper\n").await;
        session.transfers().begin(Entity::Contact, &upload, ImportOptions::default()).await
    };
    let first = begin(keyed(b"a")).await.unwrap();
    assert_eq!(begin(keyed(b"a")).await.unwrap().id, first.id);
    invalid_at(begin(keyed(b"b")).await, "Idempotency-Key");
    assert_eq!(work(&world).await, 1);
    assert_eq!(begin(keyed(b"a")).await.unwrap().state, JobState::Done);
}

pub async fn one_key_stops_and_takes_up_a_job_once(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    let keyed = |key: &str| admin.clone().once(IdempotencyKey::new("POST /jobs", key, b""));
    for _ in 0..2 {
        assert_eq!(keyed("stop").jobs().cancel(job.id).await.unwrap().state, JobState::Cancelled);
    }
    for _ in 0..2 {
        assert_eq!(keyed("retry").jobs().retry(job.id).await.unwrap().state, JobState::Queued);
    }
    // The key names what was done, and it is not done again.
    assert_eq!(keyed("stop").jobs().cancel(job.id).await.unwrap().state, JobState::Queued);
    assert_eq!(work(&world).await, 1);
}

pub async fn a_job_that_is_named_is_done_and_no_other(world: World) {
    let admin = world.session(Role::Admin).await;
    let first = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    let second = begun(&admin, "Last Name\nCurie\n", DuplicatePolicy::Skip).await;
    let home = world.home.workspace;
    assert!(world.crm.work_on(home, second.id, Arc::new(Never)).await.unwrap());
    assert!(!world.crm.work_on(home, second.id, Arc::new(Never)).await.unwrap());
    fails(world.crm.work_on(world.away.workspace, first.id, Arc::new(Never)).await, NotFound);
    assert_eq!((state(&admin, &first).await, state(&admin, &second).await), (JobState::Queued, JobState::Done));
    assert_eq!(names(&admin, &samples::list()).await, ["Curie"]);
}

/// A worker that meets a defect once.
struct Defect(AtomicBool);

impl Stop for Defect {
    fn is_asked(&self) -> bool {
        assert!(self.0.swap(true, Ordering::SeqCst), "a defect");
        false
    }
}

pub async fn a_job_that_panics_is_tried_again_with_its_reason_and_its_worker_goes_on(world: World) {
    let admin = world.session(Role::Admin).await;
    let (first, second) = (
        begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await,
        begun(&admin, "Last Name\nCurie\n", DuplicatePolicy::Skip).await,
    );
    let worker = Arc::new(Defect(AtomicBool::new(false)));
    assert!(world.crm.work(worker.clone()).await.unwrap());
    let waiting = admin.jobs().read(first.id).await.unwrap().into_inner();
    let fault = waiting.error.unwrap();
    assert_eq!((waiting.state, waiting.attempts, fault.code.as_str()), (JobState::Queued, 1, "panicked"));
    assert!(fault.detail.contains("a defect"), "{fault:?}");
    assert_eq!((waiting.errors.len(), waiting.errors[0].code.as_str()), (1, "panicked"));
    assert!(world.crm.work(worker.clone()).await.unwrap());
    assert_eq!(state(&admin, &second).await, JobState::Done);
    world.clock.advance_seconds(5);
    assert_eq!(work(&world).await, 1);
    assert_eq!(names(&world.session(Role::Admin).await, &samples::list()).await, ["Curie", "Hopper"]);
}

pub async fn a_job_that_is_cancelled_while_it_runs_stops_at_its_next_step(world: World) {
    let admin = world.session(Role::Admin).await;
    let rows: String = (0..4_000).map(|at| format!("Row {at},row{at}@example.com\n")).collect();
    let job = begun(&admin, &format!("Last Name,Email\n{rows}"), DuplicatePolicy::Skip).await;
    let (crm, session, id) = (world.crm.clone(), admin.clone(), job.id);
    let cancel = async move {
        while session.jobs().read(id).await.unwrap().progress.done == 0 {}
        // A worker that gets further at the same moment is no reason to give up.
        let ended = |error: &crate::Error| error.code() == "job_state";
        while session.jobs().cancel(id).await.is_err_and(|error| !ended(&error)) {}
    };
    let run = async move { assert!(crm.work(Arc::new(Never)).await.unwrap()) };
    world.at_once([Box::pin(run) as futures::future::BoxFuture<'static, ()>, Box::pin(cancel)]).await;
    let ended = admin.jobs().read(job.id).await.unwrap().into_inner();
    let import = admin.transfers().read(import_of(&job)).await.unwrap();
    match ended.state {
        JobState::Cancelled => assert!(import.rows % 1_000 == 0 && import.rows > 0, "{import:?}"),
        // The worker may have been at its last rows.
        state => assert_eq!((state, import.rows), (JobState::Done, 4_000)),
    }
    assert_eq!(import.counts.created, import.rows);
    if ended.state == JobState::Cancelled {
        assert_eq!(work(&world).await, 0);
        admin.jobs().retry(job.id).await.unwrap();
        world.clock.advance_seconds(HEARTBEAT_SECONDS + 1);
        assert_eq!(work(&world).await, 1);
        let admin = world.session(Role::Admin).await;
        assert_eq!(admin.transfers().read(import_of(&job)).await.unwrap().counts.created, 4_000);
    }
}

/// The file of an import's refused rows.
async fn failed_file(session: &Session, job: &Job) -> String {
    let pieces: Vec<Vec<u8>> = session.transfers().failed_rows(import_of(job)).try_collect().await.unwrap();
    String::from_utf8(pieces.concat()).unwrap()
}

pub async fn what_came_of_a_job_tells_nothing_that_its_reader_does_not_see(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name,Title,Email\nCurie,Chief,nonsense\n", DuplicatePolicy::Skip).await;
    work(&world).await;
    world.set_rule(Role::Manager, Entity::Contact, hiding(&["title", "email"])).await;
    let (admin, manager) = (world.session(Role::Admin).await, world.session(Role::Manager).await);
    assert!(failed_file(&admin, &job).await.contains("Curie,Chief,nonsense"));
    let file = failed_file(&manager, &job).await;
    assert!(file.contains("Last Name") && file.contains("Curie"), "{file}");
    for hidden in ["Chief", "nonsense", "email", "Title"] {
        assert!(!file.contains(hidden), "{file} tells {hidden}");
    }
    let columns = async |session: &Session| {
        let result = session.jobs().read(job.id).await.unwrap().into_inner().result.unwrap();
        let kept: Import = serde_json::from_value(result).unwrap();
        assert_eq!(kept.columns, session.transfers().read(import_of(&job)).await.unwrap().columns);
        kept.columns
    };
    assert_eq!(columns(&admin).await[1].as_deref(), Some("title"));
    assert_eq!(columns(&manager).await, [Some("last_name".to_owned()), None, None]);
}

pub async fn a_list_of_jobs_leaves_out_what_came_of_them(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    work(&world).await;
    let list = admin.jobs().list(&JobsRequest::default()).await.unwrap();
    assert_eq!((list.data[0].id, list.data[0].state, &list.data[0].result), (job.id, JobState::Done, &None));
    assert!(admin.jobs().read(job.id).await.unwrap().result.is_some());
}

/// A file whose importer loses a permission while its rows are read.
struct Revoking<'w> {
    file: BytesSource,
    world: &'w World,
    /// Whether all of it was read once, as before its rows are.
    is_known: bool,
}

#[async_trait]
impl Source for Revoking<'_> {
    fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        if self.is_known && offset > 100_000 {
            let rule = Rule { read: Scope::All, ..Rule::NONE };
            self.world.set_rule(Role::Closer, Entity::Contact, rule).await;
        }
        self.is_known |= offset >= self.bytes();
        self.file.read_at(offset, max).await
    }
}

pub async fn permissions_that_end_during_an_import_hold_from_its_next_chunk_on(world: World) {
    let closer = world.session(Role::Closer).await;
    let title = "x".repeat(180);
    let rows: String = (0..2_000).map(|at| format!("Row {at},{title}\n")).collect();
    let file = BytesSource::new(format!("Last Name,Title\n{rows}"));
    let import = closer.transfers().start(Entity::Contact, &mut file.clone(), ImportOptions::default()).await.unwrap();
    let mut file = Revoking { file, world: &world, is_known: false };
    fails(closer.transfers().run(import.id, &mut file, &mut |_| {}).await, Denied);
    let admin = world.session(Role::Admin).await;
    let import = admin.transfers().read(import.id).await.unwrap();
    assert_eq!((import.rows, import.counts.created), (1_000, 1_000));
}
