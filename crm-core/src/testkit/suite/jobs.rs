//! Jobs: taken once, held by a lease, stopped, taken up again; files spooled and read back.

use super::support::{contact, contact_of, fails, invalid_at, names, reading};
use crate::access::{Action, Entity, Role};
use crate::contact::ContactEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::{Conflict, Denied, NotFound};
use crate::id::Id;
use crate::job::{CHUNK_BYTES, Job, JobState, JobsRequest, Never, Stop, Task, Upload};
use crate::session::{Expect, Session};
use crate::store::IdempotencyKey;
use crate::testkit::{World, samples};
use crate::transfer::{DuplicatePolicy, Import, ImportOptions, Source as _};
use crate::user::UserStatus;

async fn spooled(session: &Session, bytes: &[u8]) -> Upload {
    let mut spool = session.transfers().receive().unwrap();
    // Pieces arrive as the network likes.
    for piece in bytes.chunks(70_001) {
        spool.write(piece).await.unwrap();
    }
    spool.finish().await.unwrap()
}

async fn begun(session: &Session, file: &str, on_duplicate: DuplicatePolicy) -> Job {
    let upload = spooled(session, file.as_bytes()).await;
    let options = ImportOptions { on_duplicate, ..ImportOptions::default() };
    session.transfers().begin(Entity::Contact, &upload, options).await.unwrap().into_inner()
}

fn import_of(job: &Job) -> Id<Import> {
    match job.task {
        Task::Import { import_id, .. } => import_id,
        _ => panic!("{job:?} imports nothing"),
    }
}

/// Works until nothing is due.
async fn work(world: &World) -> usize {
    let mut done = 0;
    while world.crm.work(&Never).await.unwrap() {
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

pub async fn files_that_nobody_needs_are_forgotten_after_a_week(world: World) {
    let admin = world.session(Role::Admin).await;
    let old = spooled(&admin, b"old").await;
    world.clock.advance_seconds(6 * 24 * 60 * 60);
    let admin = world.session(Role::Admin).await;
    let fresh = spooled(&admin, b"fresh").await;
    world.clock.advance_seconds(2 * 24 * 60 * 60);
    world.crm.forget_old_uploads().await.unwrap();
    let admin = world.session(Role::Admin).await;
    invalid_at(admin.transfers().spooled(&old).unwrap().read_at(0, 10).await, "file");
    assert_eq!(admin.transfers().spooled(&fresh).unwrap().read_at(0, 10).await.unwrap(), b"fresh");
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
        Box::pin(async move { crm.work(&Never).await.unwrap() }) as futures::future::BoxFuture<'static, bool>
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
    taken.take(admin.now());
    taken.version += 1;
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
    assert_eq!((done.state, done.attempts), (JobState::Done, 2));
}

pub async fn a_job_whose_workers_keep_dying_fails(world: World) {
    let admin = world.session(Role::Admin).await;
    let job = begun(&admin, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    let mut taken = job;
    for _ in 0..8 {
        let before = taken.version;
        taken.take(world.crm.now());
        taken.version += 1;
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
struct Ending;

impl Stop for Ending {
    fn is_asked(&self) -> bool {
        true
    }
}

pub async fn a_job_is_given_back_when_its_process_ends(world: World) {
    let admin = world.session(Role::Admin).await;
    let rows: String = (0..2_500).map(|at| format!("Row {at:04}\n")).collect();
    let job = begun(&admin, &format!("Last Name\n{rows}"), DuplicatePolicy::Skip).await;
    assert!(world.crm.work(&Ending).await.unwrap());
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
    invalid_at(
        manager.jobs().list(&JobsRequest { cursor: Some("x".to_owned()), ..JobsRequest::default() }).await,
        "cursor",
    );
}

pub async fn one_key_begins_one_import(world: World) {
    let admin = world.session(Role::Admin).await;
    let upload = spooled(&admin, b"Last Name\nHopper\n").await;
    let keyed = |body: &[u8]| admin.clone().once(IdempotencyKey::new("POST /contacts/import/csv", "one", body));
    let begin =
        async |session: Session| session.transfers().begin(Entity::Contact, &upload, ImportOptions::default()).await;
    let first = begin(keyed(b"a")).await.unwrap();
    assert_eq!(begin(keyed(b"a")).await.unwrap().id, first.id);
    invalid_at(begin(keyed(b"b")).await, "Idempotency-Key");
    assert_eq!(work(&world).await, 1);
    assert_eq!(begin(keyed(b"a")).await.unwrap().state, JobState::Done);
}

pub async fn an_import_is_undone_field_by_field(world: World) {
    let admin = world.session(Role::Admin).await;
    let with = |name: &str, title: &str| ContactEdit {
        title: title.into(),
        email: Edit::Set(format!("{name}@example.com").parse().unwrap()),
        ..samples::contact(name)
    };
    let known = contact(&admin, with("known", "Old")).await.id;
    let touched = contact(&admin, with("touched", "Old")).await.id;
    let file = "Email,Last Name,Title,Tags,Source\n\
        known@example.com,known,New,fair,web\ntouched@example.com,touched,New,fair,web\n\
        made@example.com,made,New,fair,web\nkept@example.com,kept,New,fair,web\n";
    let job = begun(&admin, file, DuplicatePolicy::Update).await;
    work(&world).await;
    assert_eq!(admin.contacts().read(known).await.unwrap().title.as_deref(), Some("New"));
    // Somebody works with two of them since.
    let edit = ContactEdit { title: "Newest".into(), ..ContactEdit::default() };
    admin.contacts().update(touched, edit.clone(), Expect::Any).await.unwrap();
    let list = admin.contacts().list(&samples::list()).await.unwrap();
    let kept = list.data.iter().find(|one| one.last_name.as_deref() == Some("kept")).unwrap().id;
    admin.contacts().update(kept, edit, Expect::Any).await.unwrap();

    let revert = admin.transfers().revert(import_of(&job)).await.unwrap().into_inner();
    assert_eq!(work(&world).await, 1);
    let report = admin.jobs().read(revert.id).await.unwrap().into_inner();
    assert_eq!(report.state, JobState::Done, "{report:?}");
    let report = report.result.unwrap();
    assert_eq!((&report["deleted"], &report["restored"], &report["left_alone"]), (&1.into(), &2.into(), &2.into()));
    let known = admin.contacts().read(known).await.unwrap();
    assert_eq!((known.title.as_deref(), known.tags.len(), known.source.as_deref()), (Some("Old"), 0, None));
    let touched = admin.contacts().read(touched).await.unwrap();
    assert_eq!((touched.title.as_deref(), touched.tags.len(), touched.source.as_deref()), (Some("Newest"), 0, None));
    let left = report["records"].as_array().unwrap();
    let fields = |id: uuid::Uuid| left.iter().find(|one| one["id"] == id.to_string()).map(|one| one["fields"].clone());
    assert_eq!(fields(touched.id.uuid()), Some(serde_json::json!(["title"])));
    assert_eq!(fields(kept.uuid()), Some(serde_json::json!(["title"])));
    assert_eq!(names(&admin, &samples::list()).await, ["kept", "known", "touched"]);

    // Undone again, nothing more happens; imported again, the row that is gone is made again.
    admin.transfers().revert(import_of(&job)).await.unwrap();
    work(&world).await;
    assert_eq!(names(&admin, &samples::list()).await, ["kept", "known", "touched"]);
    begun(&admin, file, DuplicatePolicy::Skip).await;
    work(&world).await;
    assert_eq!(names(&admin, &samples::list()).await, ["kept", "known", "made", "touched"]);
}

pub async fn only_whoever_may_change_an_import_undoes_it(world: World) {
    let (rep, closer) = (world.session(Role::SalesRep).await, world.session(Role::Closer).await);
    let job = begun(&rep, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    work(&world).await;
    fails(closer.transfers().revert(import_of(&job)).await, NotFound);
    fails(world.stranger().await.transfers().revert(import_of(&job)).await, NotFound);
    fails(world.session(Role::SupportAgent).await.transfers().revert(import_of(&job)).await, Denied);
    // Records that the caller may not delete are left alone and named.
    let own = contact_of(&world, Role::SalesRep, "Own").await;
    let revert = rep.transfers().revert(import_of(&job)).await.unwrap();
    work(&world).await;
    let report = rep.jobs().read(revert.id).await.unwrap().into_inner();
    assert_eq!(report.state, JobState::Done, "{report:?}");
    let report = report.result.unwrap();
    assert_eq!(report["deleted"].as_u64().unwrap() + report["left_alone"].as_u64().unwrap(), 1);
    assert_eq!(rep.contacts().read(own).await.unwrap().version, 1);
}
