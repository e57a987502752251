//! Exports whose file a job writes: the file that is sent at once, whatever happens on the way.

use std::sync::Arc;

use futures::TryStreamExt as _;

use super::jobs::{Ending, work};
use super::support::{conflicts, contact, deal, fails, field, filtered, hiding, invalid_at, reading, refused};
use crate::access::{Entity, Role, Rule, Scope};
use crate::bulk::BulkMode;
use crate::contact::{Contact, ContactEdit};
use crate::custom_field::CustomKind;
use crate::error::ErrorKind::{Conflict, Denied, NotFound};
use crate::error::Result;
use crate::id::Id;
use crate::job::{CHUNK_BYTES, Job, JobState, JobsRequest, Never, Progress, Queue, Task, Upload};
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::store::IdempotencyKey;
use crate::testkit::{World, samples};
use crate::text::Email;
use crate::transfer::{ExportList, ExportReport};

/// Records of a file that two steps and a part write.
const ROWS: usize = 4_100;

/// The list by last name.
fn by_name() -> ExportList {
    ExportList { sort: Some("last_name".to_owned()), ..ExportList::default() }
}

fn of(filter: &str) -> ExportList {
    ExportList { filter: filtered(filter).filter, ..ExportList::default() }
}

/// So many contacts, each with a title of some length.
async fn rows(session: &Session, many: usize) -> Vec<Id<Contact>> {
    let edit =
        |at: usize| ContactEdit { title: "=1+1".repeat(at % 40).into(), ..samples::contact(&format!("R{at:05}")) };
    let items = (0..many).map(|at| Ok(edit(at))).collect();
    let made = session.contacts().create_many(items, BulkMode::Atomic).await.unwrap();
    made.results.into_iter().map(|one| Id::from(one.id.unwrap())).collect()
}

async fn begun(session: &Session, entity: Entity, list: ExportList) -> Job {
    session.transfers().begin_export(entity, list).await.unwrap().into_inner()
}

/// The file that a job wrote.
async fn fetched(session: &Session, job: &Job) -> Result<Vec<u8>> {
    session.transfers().exported(job.id).try_concat().await
}

/// The file that is sent at once.
async fn streamed(session: &Session, entity: Entity, list: &ExportList) -> Vec<u8> {
    let ExportList { filter, sort, q } = list.clone();
    let request = ListRequest { filter, sort, q, ..samples::list() };
    session.transfers().export(entity, request).try_concat().await.unwrap()
}

async fn read(session: &Session, job: &Job) -> Job {
    session.jobs().read(job.id).await.unwrap().into_inner()
}

/// Does one step of the job that waits.
async fn step(world: &World) {
    assert!(world.crm.work(Arc::new(Ending)).await.unwrap());
}

async fn pieces(world: &World, session: &Session) -> u64 {
    world.crm.ports.uploads.count_pieces(&reading(session, Entity::Contact)).await.unwrap()
}

pub async fn a_job_writes_the_file_that_is_sent_at_once(world: World) {
    field(&world.session(Role::Admin).await, Entity::Contact, "note", CustomKind::Text).await;
    let admin = world.session(Role::Admin).await;
    rows(&admin, ROWS).await;
    let email = "ada@example.com".parse::<Email>().unwrap();
    contact(
        &admin,
        ContactEdit { email: email.into(), custom: samples::custom("note", "@x"), ..samples::contact("Ada") },
    )
    .await;
    admin.companies().create(samples::company("=SUM(A1)")).await.unwrap();
    deal(&admin, samples::deal("Big, \"one\"")).await;
    admin.tasks().create(samples::task("Call")).await.unwrap();
    let lists = [
        (Entity::Contact, ExportList::default(), ROWS as u64 + 1),
        (Entity::Contact, by_name(), ROWS as u64 + 1),
        (Entity::Contact, of("email = \"ada@example.com\""), 1),
        (Entity::Contact, of("email = \"nobody@example.com\""), 0),
        (Entity::Contact, ExportList { q: Some("ada".to_owned()), ..by_name() }, 1),
        (Entity::Company, ExportList::default(), 1),
        (Entity::Deal, ExportList::default(), 1),
        (Entity::Task, ExportList::default(), 1),
    ];
    for (entity, list, many) in lists {
        let job = begun(&admin, entity, list.clone()).await;
        assert_eq!((&job.queue, job.state, job.progress), (&Queue::EXPORT, JobState::Queued, Progress::default()));
        assert_eq!(work(&world).await, 1);
        let done = read(&admin, &job).await;
        assert_eq!((done.state, done.progress), (JobState::Done, Progress { done: many, total: Some(many) }));
        let file = fetched(&admin, &job).await.unwrap();
        assert!(file == streamed(&admin, entity, &list).await, "{entity} {list:?}");
        let report: ExportReport = serde_json::from_value(done.result.unwrap()).unwrap();
        assert_eq!(report, ExportReport { rows: many, bytes: file.len() as u64 });
    }
    let listed = admin.jobs().list(&JobsRequest { kind: Some("export".to_owned()), ..Default::default() }).await;
    assert_eq!(listed.unwrap().data.len(), 8);
}

pub async fn an_export_that_was_stopped_comes_to_the_same_file(world: World) {
    let admin = world.session(Role::Admin).await;
    rows(&admin, ROWS).await;
    let expected = streamed(&admin, Entity::Contact, &by_name()).await;
    let job = begun(&admin, Entity::Contact, by_name()).await;
    for done in [2_000, 4_000] {
        step(&world).await;
        let stopped = read(&admin, &job).await;
        let progress = Progress { done, total: Some(ROWS as u64) };
        assert_eq!((stopped.state, stopped.attempts, stopped.progress), (JobState::Queued, 0, progress));
        conflicts(fetched(&admin, &job).await, "export_running");
    }
    // Whoever held it last gave no further sign of life.
    let mut taken = admin.ports().jobs.job(&reading(&admin, Entity::Job), job.id).await.unwrap().into_inner();
    let before = taken.version;
    taken.take(admin.now(), 60);
    assert!(world.crm.ports.jobs.swap_job(world.home.workspace, before, &taken).await.unwrap());
    assert_eq!(work(&world).await, 0);
    world.clock.advance_seconds(61);
    assert_eq!(work(&world).await, 1);
    let admin = world.session(Role::Admin).await;
    assert!(fetched(&admin, &job).await.unwrap() == expected);
    assert!(expected.len() > CHUNK_BYTES);
}

pub async fn an_export_holds_the_list_as_it_is_walked_through(world: World) {
    let admin = world.session(Role::Admin).await;
    let ids = rows(&admin, ROWS).await;
    let job = begun(&admin, Entity::Contact, by_name()).await;
    step(&world).await;
    // What comes before the place is left out, what goes there stays; behind it both count.
    contact(&admin, samples::contact("R00000 again")).await;
    contact(&admin, samples::contact("Rest")).await;
    for at in [7, 4_007] {
        admin.contacts().delete(ids[at], Expect::Any).await.unwrap();
    }
    assert_eq!(work(&world).await, 1);
    let file = String::from_utf8(fetched(&admin, &job).await.unwrap()).unwrap();
    let place = file.lines().next().unwrap().split(',').position(|header| header == "last_name").unwrap();
    let names: Vec<&str> = file.lines().skip(1).map(|line| line.split(',').nth(place).unwrap()).collect();
    let mut expected: Vec<String> = (0..ROWS).filter(|at| *at != 4_007).map(|at| format!("R{at:05}")).collect();
    expected.push("Rest".to_owned());
    assert!(names == expected, "{} of {}", names.len(), expected.len());
    let done = read(&admin, &job).await;
    assert_eq!(done.progress, Progress { done: ROWS as u64, total: Some(ROWS as u64) });
}

pub async fn the_times_of_an_export_are_told_from_when_it_was_asked_for(world: World) {
    let admin = world.session(Role::Admin).await;
    rows(&admin, 3).await;
    let job = begun(&admin, Entity::Contact, of("created_at > ago P1D")).await;
    world.clock.advance_seconds(3 * 24 * 60 * 60);
    assert_eq!(work(&world).await, 1);
    let admin = world.session(Role::Admin).await;
    assert_eq!(read(&admin, &job).await.progress.done, 3);
}

pub async fn a_cancelled_export_leaves_no_piece_behind(world: World) {
    let admin = world.session(Role::Admin).await;
    rows(&admin, ROWS).await;
    let job = begun(&admin, Entity::Contact, by_name()).await;
    step(&world).await;
    assert!(pieces(&world, &admin).await > 0);
    let cancelled = admin.jobs().cancel(job.id).await.unwrap().into_inner();
    assert_eq!((cancelled.state, cancelled.result), (JobState::Cancelled, None));
    assert_eq!((work(&world).await, pieces(&world, &admin).await), (0, 0));
    fails(fetched(&admin, &job).await, NotFound);
    fails(admin.jobs().cancel(job.id).await, Conflict);
    // Taken up again it begins anew.
    admin.jobs().retry(job.id).await.unwrap();
    assert_eq!(work(&world).await, 1);
    assert!(fetched(&admin, &job).await.unwrap() == streamed(&admin, Entity::Contact, &by_name()).await);
    assert_eq!(read(&admin, &job).await.progress.done, ROWS as u64);
}

pub async fn an_export_that_is_cancelled_while_it_runs_leaves_no_piece_behind(world: World) {
    let admin = world.session(Role::Admin).await;
    rows(&admin, ROWS).await;
    let job = begun(&admin, Entity::Contact, by_name()).await;
    let (crm, session, id) = (world.crm.clone(), admin.clone(), job.id);
    let cancel = async move {
        while session.jobs().read(id).await.unwrap().progress.done == 0 {}
        // A worker that gets further at the same moment is no reason to give up.
        let ended = |error: &crate::Error| error.code() == "job_state";
        while session.jobs().cancel(id).await.is_err_and(|error| !ended(&error)) {}
    };
    let run = async move { assert!(crm.work(Arc::new(Never)).await.unwrap()) };
    world.at_once([Box::pin(run) as futures::future::BoxFuture<'static, ()>, Box::pin(cancel)]).await;
    let ended = read(&admin, &job).await;
    match ended.state {
        JobState::Cancelled => assert_eq!(pieces(&world, &admin).await, 0),
        // The worker may have been at its last rows.
        state => assert_eq!((state, ended.progress.done), (JobState::Done, ROWS as u64)),
    }
}

pub async fn an_exports_file_is_its_makers_alone(world: World) {
    let (rep, admin) = (world.session(Role::SalesRep).await, world.session(Role::Admin).await);
    contact(&rep, samples::contact("Own")).await;
    contact(&admin, samples::contact("Other")).await;
    let list = of("last_name in [\"Own\", \"Other\"]");
    let job = begun(&rep, Entity::Contact, list.clone()).await;
    conflicts(fetched(&rep, &job).await, "export_running");
    assert_eq!(work(&world).await, 1);
    let file = fetched(&rep, &job).await.unwrap();
    assert!(file == streamed(&rep, Entity::Contact, &list).await);
    let text = String::from_utf8(file).unwrap();
    assert!(text.contains("Own") && !text.contains("Other"), "{text}");
    for other in [&admin, &world.session(Role::Manager).await, &world.system().await, &world.stranger().await] {
        fails(fetched(other, &job).await, NotFound);
    }
    // Whoever sees the job is not told what was asked for.
    let told = |job: &Job| match &job.task {
        Task::Export { list, file, .. } => (list.is_some(), file.columns.is_empty(), file.cursor.is_some()),
        task => panic!("{task:?} exports nothing"),
    };
    assert_eq!(told(&read(&rep, &job).await), (true, false, false));
    assert_eq!(told(&read(&admin, &job).await), (false, true, false));
    fails(world.stranger().await.jobs().read(job.id).await, NotFound);
    // What is no export has no file.
    fails(rep.transfers().exported(Id::new_at(rep.now())).try_concat().await, NotFound);
    world.set_rule(Role::SalesRep, Entity::Contact, hiding(&["phone"])).await;
    fails(fetched(&world.session(Role::SalesRep).await, &job).await, Denied);
    world.set_rule(Role::SalesRep, Entity::Contact, Rule { read: Scope::All, ..Rule::NONE }).await;
    fails(fetched(&world.session(Role::SalesRep).await, &job).await, Denied);
}

pub async fn an_exports_file_is_refused_to_whoever_may_read_less_than_it_holds(world: World) {
    let manager = world.session(Role::Manager).await;
    deal(&manager, samples::deal("D")).await;
    let job = begun(&manager, Entity::Deal, ExportList::default()).await;
    assert_eq!(work(&world).await, 1);
    let file = fetched(&manager, &job).await.unwrap();
    let own = Rule { read: Scope::Own, ..Rule::ALL };
    for entity in [Entity::Deal, Entity::Company, Entity::Contact] {
        for narrower in [own.clone(), Rule { read: Scope::Team, ..Rule::ALL }] {
            world.set_rule(Role::Manager, entity, narrower).await;
            fails(fetched(&world.session(Role::Manager).await, &job).await, Denied);
        }
        world.set_rule(Role::Manager, entity, Rule::ALL).await;
        assert!(fetched(&world.session(Role::Manager).await, &job).await.unwrap() == file);
    }
    // What is told of is what could be read then; to read more is no fault.
    world.set_rule(Role::Manager, Entity::Deal, own).await;
    let less = begun(&world.session(Role::Manager).await, Entity::Deal, ExportList::default()).await;
    assert_eq!(work(&world).await, 1);
    world.set_rule(Role::Manager, Entity::Deal, Rule::ALL).await;
    assert!(fetched(&world.session(Role::Manager).await, &less).await.is_ok());
}

pub async fn whoever_reads_no_companies_or_contacts_exports_no_names_of_them(world: World) {
    world.set_rule(Role::Manager, Entity::Company, Rule::NONE).await;
    let columns = async |world: &World| {
        let manager = world.session(Role::Manager).await;
        let file = String::from_utf8(streamed(&manager, Entity::Deal, &ExportList::default()).await).unwrap();
        let has = |name: &str| file.trim().split(',').any(|header| header == name);
        (has("company"), has("contact"))
    };
    assert_eq!(columns(&world).await, (false, true));
    world.set_rule(Role::Manager, Entity::Contact, Rule::NONE).await;
    assert_eq!(columns(&world).await, (false, false));
}

pub async fn the_file_of_an_export_that_has_ended_is_forgotten_on_demand(world: World) {
    let (rep, admin) = (world.session(Role::SalesRep).await, world.session(Role::Admin).await);
    contact(&rep, samples::contact("Own")).await;
    let job = begun(&rep, Entity::Contact, by_name()).await;
    conflicts(rep.transfers().forget_exported(job.id).await, "export_running");
    assert_eq!(work(&world).await, 1);
    let done = read(&rep, &job).await;
    fails(world.stranger().await.transfers().forget_exported(job.id).await, NotFound);
    assert_eq!(pieces(&world, &rep).await, 1);
    // Whoever may change all jobs need not be its maker.
    admin.transfers().forget_exported(job.id).await.unwrap();
    assert_eq!(pieces(&world, &rep).await, 0);
    fails(fetched(&rep, &job).await, NotFound);
    fails(rep.transfers().forget_exported(job.id).await, NotFound);
    let kept = read(&rep, &job).await;
    assert_eq!((kept.state, kept.progress, kept.result), (done.state, done.progress, done.result));
    let own = begun(&rep, Entity::Contact, by_name()).await;
    assert_eq!(work(&world).await, 1);
    rep.transfers().forget_exported(own.id).await.unwrap();
    assert_eq!(pieces(&world, &rep).await, 0);
}

pub async fn an_export_goes_on_as_far_as_its_maker_may(world: World) {
    let admin = world.session(Role::Admin).await;
    rows(&admin, ROWS).await;
    let (hidden, forbidden) = (hiding(&["phone"]), Rule { read: Scope::All, ..Rule::NONE });
    for rule in [hidden, forbidden] {
        world.set_rule(Role::Manager, Entity::Contact, Rule::ALL).await;
        let manager = world.session(Role::Manager).await;
        let job = begun(&manager, Entity::Contact, by_name()).await;
        step(&world).await;
        world.set_rule(Role::Manager, Entity::Contact, rule).await;
        assert_eq!(work(&world).await, 1);
        let failed = read(&world.session(Role::Admin).await, &job).await;
        assert_eq!((failed.state, failed.error.unwrap().code.as_str()), (JobState::Failed, "denied"));
        assert_eq!(failed.progress.done, 2_000);
        // What was hidden before it began is not in it at all.
        world.set_rule(Role::Manager, Entity::Contact, hiding(&["title"])).await;
    }
    let job = begun(&world.session(Role::Manager).await, Entity::Contact, by_name()).await;
    assert_eq!(work(&world).await, 1);
    let manager = world.session(Role::Manager).await;
    let file = fetched(&manager, &job).await.unwrap();
    assert!(file == streamed(&manager, Entity::Contact, &by_name()).await);
    assert!(!String::from_utf8(file).unwrap().lines().next().unwrap().contains("title"));
    fails(world.session(Role::SupportAgent).await.transfers().begin_export(Entity::Deal, by_name()).await, Denied);
}

pub async fn a_bad_list_is_refused_before_there_is_a_job(world: World) {
    let admin = world.session(Role::Admin).await;
    let refused_at = async |entity: Entity, list: ExportList, at: &'static str| {
        invalid_at(admin.transfers().begin_export(entity, list).await, at);
    };
    refused_at(Entity::Contact, ExportList { sort: Some("nothing".to_owned()), ..Default::default() }, "sort").await;
    refused_at(Entity::Note, ExportList::default(), "entity").await;
    let unknown = admin.transfers().begin_export(Entity::Contact, of("nothing = 1")).await;
    assert!(refused(unknown).fields().iter().any(|fault| fault.code == "unknown_field"));
    assert!(admin.jobs().list(&JobsRequest::default()).await.unwrap().data.is_empty());
}

pub async fn one_key_begins_one_export(world: World) {
    let admin = world.session(Role::Admin).await;
    let keyed = |body: &[u8]| admin.clone().once(IdempotencyKey::new("POST /contacts/export/csv", "one", body));
    let begin = async |session: Session| session.transfers().begin_export(Entity::Contact, by_name()).await;
    let first = begin(keyed(b"a")).await.unwrap();
    assert_eq!(begin(keyed(b"a")).await.unwrap().id, first.id);
    invalid_at(begin(keyed(b"b")).await, "Idempotency-Key");
    assert_eq!(work(&world).await, 1);
    assert_eq!(begin(keyed(b"a")).await.unwrap().state, JobState::Done);
}

pub async fn an_exports_file_is_forgotten_after_a_week(world: World) {
    const DAY: i64 = 24 * 60 * 60;
    let admin = world.session(Role::Admin).await;
    rows(&admin, ROWS).await;
    let expected = streamed(&admin, Entity::Contact, &by_name()).await;
    let done = begun(&admin, Entity::Contact, by_name()).await;
    let stopped = begun(&admin, Entity::Contact, by_name()).await;
    assert!(world.crm.work_on(world.home.workspace, done.id, Arc::new(Never)).await.unwrap());
    assert!(world.crm.work_on(world.home.workspace, stopped.id, Arc::new(Ending)).await.unwrap());
    world.clock.advance_seconds(6 * DAY);
    world.crm.forget_old_uploads().await.unwrap();
    assert!(fetched(&world.session(Role::Admin).await, &done).await.unwrap() == expected);
    world.clock.advance_seconds(2 * DAY);
    world.crm.forget_old_uploads().await.unwrap();
    let admin = world.session(Role::Admin).await;
    fails(fetched(&admin, &done).await, NotFound);
    // One that waited so long that its first pieces are gone begins anew.
    assert_eq!(pieces(&world, &admin).await, 0);
    assert_eq!(work(&world).await, 1);
    assert!(fetched(&admin, &stopped).await.unwrap() == expected);
}

pub async fn a_file_is_kept_whole_as_long_as_pieces_of_it_come(world: World) {
    let admin = world.session(Role::Admin).await;
    let (grant, uploads) = (reading(&admin, Entity::Import), &world.crm.ports.uploads);
    let now = admin.now();
    let (file, old) = (Id::<Upload>::new_at(now), Id::<Upload>::new_at(now));
    let later = now.plus_seconds(100);
    for (id, index, at) in [(file, 0, now), (file, 1, later), (old, 0, now)] {
        uploads.keep_piece(&grant, id, index, vec![b'x'], at).await.unwrap();
    }
    // More than a store forgets at once.
    for index in 1..=200 {
        uploads.keep_piece(&grant, old, index, vec![b'x'], now).await.unwrap();
    }
    uploads.forget_uploads(now.plus_seconds(50)).await.unwrap();
    assert!(uploads.piece(&grant, file, 0).await.unwrap().is_some());
    assert_eq!(uploads.count_pieces(&grant).await.unwrap(), 2);
    uploads.forget_uploads(later).await.unwrap();
    assert_eq!(uploads.count_pieces(&grant).await.unwrap(), 0);
}
