//! How long files are kept that were sent: those that jobs name for a week, and what nobody needs for an hour.

use std::sync::Arc;

use super::jobs::{Ending, begun, spooled, work};
use super::support::{invalid_at, reading};
use crate::access::{Action, Entity, Role};
use crate::id::Id;
use crate::job::{CHUNK_BYTES, Job, JobState, Piece, Task, Upload};
use crate::session::Session;
use crate::testkit::{World, samples};
use crate::transfer::{DuplicatePolicy, ExportList, ImportOptions, Source as _};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Lets time go by, and upkeep run.
async fn later(world: &World, seconds: i64) -> Session {
    world.clock.advance_seconds(seconds);
    world.crm.forget_old_uploads().await.unwrap();
    world.session(Role::Admin).await
}

async fn pieces(world: &World, session: &Session) -> u64 {
    world.crm.ports.uploads.count_pieces(&reading(session, Entity::Import)).await.unwrap()
}

fn file_of(job: &Job) -> Id<Upload> {
    match &job.task {
        Task::Import { upload_id, .. } => *upload_id,
        _ => panic!("{job:?} imports nothing"),
    }
}

async fn is_kept(world: &World, session: &Session, file: Id<Upload>) -> bool {
    let grant = reading(session, Entity::Import);
    world.crm.ports.uploads.piece(&grant, file, 0).await.unwrap().is_some()
}

pub async fn what_a_broken_upload_left_behind_is_forgotten_after_an_hour(world: World) {
    let admin = world.session(Role::Admin).await;
    // A request whose client goes is dropped where it stands, and a process that is killed does no more either.
    let mut spool = admin.transfers().receive().unwrap();
    spool.write(&vec![b'x'; 2 * CHUNK_BYTES + 1]).await.unwrap();
    drop(spool);
    let whole = spooled(&admin, b"Last Name\nHopper\n").await;
    assert_eq!(pieces(&world, &admin).await, 3);
    let admin = later(&world, 59 * MINUTE).await;
    assert_eq!(pieces(&world, &admin).await, 3);
    // One that comes slowly is no broken one: its newest piece counts.
    let mut slow = admin.transfers().receive().unwrap();
    slow.write(&vec![b'x'; CHUNK_BYTES]).await.unwrap();
    let admin = later(&world, 2 * MINUTE).await;
    assert_eq!(pieces(&world, &admin).await, 1);
    slow.write(&vec![b'x'; CHUNK_BYTES]).await.unwrap();
    let admin = later(&world, 59 * MINUTE).await;
    assert_eq!(pieces(&world, &admin).await, 2);
    // Whoever comes too late with a file hears so.
    invalid_at(admin.transfers().begin(Entity::Contact, &whole, ImportOptions::default()).await, "file");
}

pub async fn a_file_is_kept_while_the_one_beside_it_comes(world: World) {
    let admin = world.session(Role::Admin).await;
    let mut deals = admin.transfers().receive().unwrap();
    let mut companies = deals.beside();
    companies.write(&vec![b'x'; CHUNK_BYTES + 1]).await.unwrap();
    for _ in 0..3 {
        world.clock.advance_seconds(40 * MINUTE);
        deals.write(&vec![b'x'; CHUNK_BYTES]).await.unwrap();
        world.crm.forget_old_uploads().await.unwrap();
    }
    let (deals, companies) = deals.finish_with(Some(companies)).await.unwrap();
    let companies = companies.unwrap();
    let admin = world.session(Role::Admin).await;
    for (file, bytes) in [(&deals, 3 * CHUNK_BYTES), (&companies, CHUNK_BYTES + 1)] {
        assert_eq!(file.bytes, bytes as u64);
        assert!(is_kept(&world, &admin, file.id).await);
    }
    let admin = later(&world, HOUR + MINUTE).await;
    assert_eq!(pieces(&world, &admin).await, 0);
}

pub async fn a_file_that_a_job_names_is_kept_for_a_week(world: World) {
    let admin = world.session(Role::Admin).await;
    let file = "Last Name\nHopper\n";
    let waiting = begun(&admin, file, DuplicatePolicy::Create).await;
    let cancelled = begun(&admin, file, DuplicatePolicy::Create).await;
    admin.jobs().cancel(cancelled.id).await.unwrap();
    // The file of companies beside deals is named as well.
    let (deals, companies) = (spooled(&admin, b"id,title\n1,A\n").await, spooled(&admin, b"id,name\n1,Acme\n").await);
    let options = ImportOptions::default();
    let both = admin.transfers().begin_with_companies(&deals, options, &companies).await.unwrap();
    let files = [file_of(&waiting), file_of(&cancelled), deals.id, companies.id];
    let admin = later(&world, 6 * DAY).await;
    for file in files {
        assert!(is_kept(&world, &admin, file).await);
    }
    admin.jobs().retry(cancelled.id).await.unwrap();
    admin.jobs().cancel(both.id).await.unwrap();
    assert_eq!(work(&world).await, 2);
    assert_eq!(admin.jobs().read(cancelled.id).await.unwrap().state, JobState::Done);
    // What is done has given its file back, and what nobody takes up again does so after a week.
    assert_eq!(pieces(&world, &admin).await, 2);
    let admin = later(&world, 2 * DAY).await;
    assert_eq!(pieces(&world, &admin).await, 0);
}

pub async fn a_file_that_a_job_begins_with_is_kept_anew(world: World) {
    let admin = world.session(Role::Admin).await;
    let upload = spooled(&admin, b"Last Name\nHopper\n").await;
    let (grant, uploads) = (reading(&admin, Entity::Import), &world.crm.ports.uploads);
    let (sent, begun) = (world.crm.now(), world.crm.now().plus_seconds(HOUR));
    uploads.keep_upload(&grant, upload.id, begun).await.unwrap();
    uploads.forget_unnamed_uploads(sent.plus_seconds(MINUTE)).await.unwrap();
    assert!(is_kept(&world, &admin, upload.id).await);
    // Of a file that is gone nothing is kept anew, and what is another workspace's is not touched.
    let stranger = world.stranger().await;
    let away = reading(&stranger, Entity::Import);
    uploads.keep_upload(&away, upload.id, begun.plus_seconds(HOUR)).await.unwrap();
    uploads.forget_unnamed_uploads(begun).await.unwrap();
    assert!(!is_kept(&world, &admin, upload.id).await);
    uploads.keep_upload(&grant, upload.id, begun).await.unwrap();
    invalid_at(admin.transfers().spooled(&upload).unwrap().read_at(0, 1).await, "file");
    // The beginning of an import does so: its job may be written long after the file was.
    let upload = spooled(&admin, b"Last Name\nHopper\n").await;
    let sent = world.crm.now();
    world.clock.advance_seconds(HOUR - MINUTE);
    let admin = world.session(Role::Admin).await;
    let job = admin.transfers().begin(Entity::Contact, &upload, ImportOptions::default()).await.unwrap();
    uploads.forget_uploads(sent).await.unwrap();
    assert!(is_kept(&world, &admin, file_of(&job)).await);
}

pub async fn of_many_files_those_that_jobs_name_are_kept(world: World) {
    let admin = world.session(Role::Admin).await;
    admin.contacts().create(samples::contact("Hopper")).await.unwrap();
    let transfers = admin.transfers();
    let export = transfers.begin_export(Entity::Contact, ExportList::default()).await.unwrap().id;
    assert_eq!(work(&world).await, 1);
    // An export that stopped on its way, an import that waits, and one of which the other workspace has the job.
    let stopped = transfers.begin_export(Entity::Contact, ExportList::default()).await.unwrap().id;
    assert!(world.crm.work_on(world.home.workspace, stopped, Arc::new(Ending)).await.unwrap());
    let waiting = begun(&admin, "Last Name\nCurie\n", DuplicatePolicy::Create).await;
    let named = pieces(&world, &admin).await;
    assert_eq!(named, 3);
    let stranger = world.stranger().await;
    let (away, uploads) = (reading(&stranger, Entity::Import), &world.crm.ports.uploads);
    uploads.keep_piece(&away, file_of(&waiting), 0, vec![b'x'], admin.now()).await.unwrap();
    // More files than a store looks up at once, and more pieces of one than it forgets at once.
    let piece = |upload_id, index| Piece { upload_id, index, bytes: vec![b'x'] };
    let long = Id::new_at(admin.now());
    let short = (0..1_100).map(|_| piece(Id::new_at(admin.now()), 0));
    let mut changes = admin.changes();
    changes.keep_pieces(short.chain((0..130).map(|index| piece(long, index))).collect());
    admin.commit(&admin.internally(Entity::Job, Action::Update), changes).await.unwrap();
    assert_eq!(pieces(&world, &admin).await, named + 1_230);
    let admin = later(&world, HOUR + MINUTE).await;
    assert_eq!(pieces(&world, &admin).await, named);
    assert!(!is_kept(&world, &stranger, file_of(&waiting)).await);
    assert_eq!(admin.jobs().read(export).await.unwrap().state, JobState::Done);
    assert_eq!(work(&world).await, 2);
}
