//! Undoing: field by field, as far as the caller may, whatever stops on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::jobs::{Ending, begun, import_of, spooled, work};
use super::support::{
    commit, conflicts, contact, contact_of, deal, fails, feed, filtered, hiding, names, pipeline, reading, refused,
    stage,
};
use crate::access::{Entity, Role, Rule, Scope};
use crate::bulk::{LeftReason, UndoReport};
use crate::contact::{Contact, ContactEdit};
use crate::deal::{Deal, DealEdit, DealEvent, DealStatus};
use crate::edit::Edit;
use crate::error::ErrorKind::{Denied, NotFound};
use crate::id::Id;
use crate::job::{Job, JobState, LEASE_SECONDS, Never, Task};
use crate::journal::Event;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::task::TaskEdit;
use crate::testkit::{World, samples};
use crate::transfer::{DuplicatePolicy, ImportOptions, ImportState};

/// A contact that an import knows again.
fn known(name: &str) -> ContactEdit {
    ContactEdit { email: Edit::Set(format!("{name}@example.com").parse().unwrap()), ..samples::contact(name) }
}

/// Undoes an import, and gives the report.
async fn reverted(world: &World, session: &Session, import: &Job) -> UndoReport {
    let job = session.transfers().revert(import_of(import)).await.unwrap();
    work(world).await;
    report(session, job.id).await
}

async fn report(session: &Session, job: Id<Job>) -> UndoReport {
    let job = session.jobs().read(job).await.unwrap().into_inner();
    assert_eq!(job.state, JobState::Done, "{job:?}");
    serde_json::from_value(job.result.unwrap()).unwrap()
}

fn counts(report: &UndoReport) -> (u64, u64, u64) {
    (report.deleted, report.restored, report.left_alone)
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

pub async fn a_made_record_on_which_others_hung_something_is_left_alone(world: World) {
    let admin = world.session(Role::Admin).await;
    let before = contact(&admin, known("known")).await.id;
    let file = "Email,Last Name,Company\nnoted@example.com,noted,Acme\nbusy@example.com,busy,Acme\n\
        sold@example.com,sold,Acme\nplain@example.com,plain,Other\nknown@example.com,known,Third\n";
    let job = begun(&admin, file, DuplicatePolicy::Update).await;
    work(&world).await;
    let named = async |name: &str| {
        let found = admin.contacts().list(&filtered(&format!("last_name = {name}"))).await.unwrap();
        found.data.into_iter().next().unwrap().into_inner()
    };
    let (noted, busy, sold, plain) =
        (named("noted").await, named("busy").await, named("sold").await, named("plain").await);
    let note = admin.activities().create_note(samples::note(noted.id, "Called")).await.unwrap();
    // What is deleted again holds nothing.
    let edit = TaskEdit { contact_id: Edit::Set(busy.id), ..samples::task("Call") };
    let task = admin.tasks().create(edit).await.unwrap();
    admin.tasks().delete(task.id, Expect::Any).await.unwrap();
    let bought = deal(&admin, DealEdit { contact_id: Edit::Set(sold.id), ..samples::deal("Big") }).await;
    let other = plain.company_id.unwrap();
    let colleague = ContactEdit { company_id: Edit::Set(other), ..samples::contact("colleague") };
    let colleague = contact(&admin, colleague).await;
    // The contact that was there before goes back, so that its new company holds nobody.
    let report = reverted(&world, &admin, &job).await;
    assert_eq!(counts(&report), (4, 1, 3));
    assert!(report.records.iter().all(|one| one.reason == LeftReason::InUse && one.fields.is_empty()), "{report:?}");
    let left: BTreeSet<_> = report.records.iter().map(|one| (one.entity, one.id)).collect();
    let held = [(Entity::Contact, noted.id.uuid()), (Entity::Contact, sold.id.uuid()), (Entity::Company, other.uuid())];
    assert_eq!(left, BTreeSet::from(held));
    assert_eq!(admin.contacts().read(before).await.unwrap().company_id, None);
    assert_eq!(names(&admin, &samples::list()).await, ["colleague", "known", "noted", "sold"]);
    // Without what others hung on them they go.
    admin.activities().delete_note(note.id, Expect::Any).await.unwrap();
    admin.deals().delete(bought.id, Expect::Any).await.unwrap();
    admin.contacts().delete(colleague.id, Expect::Any).await.unwrap();
    assert_eq!(counts(&reverted(&world, &admin, &job).await), (3, 0, 0));
    assert_eq!(names(&admin, &samples::list()).await, ["known"]);
}

pub async fn what_a_record_that_was_changed_since_refers_to_is_left_alone(world: World) {
    let admin = world.session(Role::Admin).await;
    let before = contact(&admin, known("known")).await.id;
    let file = "Email,Last Name,Company\nmade@example.com,made,Acme\nknown@example.com,known,Third\n\
        plain@example.com,plain,Other\n";
    let job = begun(&admin, file, DuplicatePolicy::Update).await;
    work(&world).await;
    let made = admin.contacts().list(&filtered("last_name = made")).await.unwrap().data.remove(0).into_inner();
    let third = admin.contacts().read(before).await.unwrap().company_id.unwrap();
    for changed in [made.id, before] {
        let edit = ContactEdit { title: "Engineer".into(), ..ContactEdit::default() };
        admin.contacts().update(changed, edit, Expect::Any).await.unwrap();
    }
    let report = reverted(&world, &admin, &job).await;
    let left: BTreeMap<_, _> = report.records.iter().map(|one| (one.id, one.reason)).collect();
    let company = made.company_id.unwrap();
    let wanted =
        [(made.id.uuid(), LeftReason::Changed), (company.uuid(), LeftReason::InUse), (third.uuid(), LeftReason::InUse)];
    assert_eq!(left, BTreeMap::from(wanted), "{report:?}");
    assert_eq!(names(&admin, &samples::list()).await, ["known", "made"]);
    assert_eq!(admin.contacts().read(made.id).await.unwrap().company_id, Some(company));
    // What went back refers to it no more, and what is deleted neither.
    assert_eq!(admin.contacts().read(before).await.unwrap().company_id, None);
    admin.contacts().delete(made.id, Expect::Any).await.unwrap();
    assert_eq!(counts(&reverted(&world, &admin, &job).await), (2, 0, 0));
    fails(admin.companies().read(company).await, NotFound);
}

pub async fn only_whoever_may_change_an_import_undoes_it(world: World) {
    let (rep, closer) = (world.session(Role::SalesRep).await, world.session(Role::Closer).await);
    let job = begun(&rep, "Last Name\nHopper\n", DuplicatePolicy::Skip).await;
    work(&world).await;
    fails(closer.transfers().revert(import_of(&job)).await, NotFound);
    fails(world.stranger().await.transfers().revert(import_of(&job)).await, NotFound);
    fails(world.session(Role::SupportAgent).await.transfers().revert(import_of(&job)).await, Denied);
    assert_eq!(names(&rep, &samples::list()).await, ["Hopper"]);
    let own = contact_of(&world, Role::SalesRep, "Own").await;
    assert_eq!(counts(&reverted(&world, &rep, &job).await), (1, 0, 0));
    assert_eq!(names(&rep, &samples::list()).await, ["Own"]);
    assert_eq!(rep.contacts().read(own).await.unwrap().version, 1);
}

pub async fn what_a_caller_may_not_see_is_left_alone_and_not_named(world: World) {
    let admin = world.session(Role::Admin).await;
    let closer = world.session(Role::Closer).await;
    let hopper = contact(&closer, ContactEdit { title: "Old".into(), ..known("hopper") }).await.id;
    let curie = contact(&closer, known("curie")).await.id;
    let file = "Email,Last Name,Title,Source\nhopper@example.com,hopper,New,web\n\
        curie@example.com,curie,New,\nmade@example.com,made,New,web\ngiven@example.com,given,New,web\n";
    let job = begun(&closer, file, DuplicatePolicy::Update).await;
    work(&world).await;
    // Somebody else has one of them by now, and titles are no longer the closers' to see.
    let list = admin.contacts().list(&samples::list()).await.unwrap();
    let given = list.data.iter().find(|one| one.last_name.as_deref() == Some("given")).unwrap().id;
    let owner = world.home.member(Role::Manager);
    let edit = ContactEdit { owner_id: owner.into(), ..ContactEdit::default() };
    admin.contacts().update(given, edit, Expect::Any).await.unwrap();
    world.set_rule(Role::Closer, Entity::Contact, Rule { read: Scope::Own, ..hiding(&["title"]) }).await;
    let closer = world.session(Role::Closer).await;
    let report = reverted(&world, &closer, &job).await;
    assert_eq!(counts(&report), (1, 1, 3));
    let mut left: Vec<_> = report.records.iter().map(|one| (one.id, one.reason, one.fields.len())).collect();
    left.sort_unstable_by_key(|one| one.0);
    let mut both = [hopper, curie].map(|id| (id.uuid(), LeftReason::NotPermitted, 0));
    both.sort_unstable_by_key(|one| one.0);
    assert_eq!(left, both);
    let admin = world.session(Role::Admin).await;
    let hopper = admin.contacts().read(hopper).await.unwrap();
    assert_eq!((hopper.title.as_deref(), hopper.source.as_deref()), (Some("New"), None));
    assert_eq!(admin.contacts().read(curie).await.unwrap().version, 2);
    assert_eq!(names(&admin, &samples::list()).await, ["curie", "given", "hopper"]);
}

pub async fn an_undo_by_whoever_may_change_nothing_leaves_everything_alone(world: World) {
    let closer = world.session(Role::Closer).await;
    let hopper = contact(&closer, known("hopper")).await.id;
    let file = "Email,Last Name,Title\nhopper@example.com,hopper,New\nmade@example.com,made,New\n";
    let job = begun(&closer, file, DuplicatePolicy::Update).await;
    work(&world).await;
    world.set_rule(Role::Closer, Entity::Contact, Rule { read: Scope::All, ..Rule::NONE }).await;
    let closer = world.session(Role::Closer).await;
    let report = reverted(&world, &closer, &job).await;
    assert_eq!(counts(&report), (0, 0, 2));
    assert!(report.records.iter().all(|one| one.reason == LeftReason::NotPermitted));
    assert_eq!(closer.contacts().read(hopper).await.unwrap().title.as_deref(), Some("New"));
    assert_eq!(names(&closer, &samples::list()).await, ["hopper", "made"]);
}

pub async fn an_undo_leaves_no_contact_without_a_name(world: World) {
    let admin = world.session(Role::Admin).await;
    let email = Edit::Set("grace@example.com".parse().unwrap());
    let grace = contact(&admin, ContactEdit { email, ..ContactEdit::default() }).await.id;
    let job = begun(&admin, "Email,Last Name\ngrace@example.com,Hopper\n", DuplicatePolicy::Update).await;
    work(&world).await;
    let edit = ContactEdit { email: Edit::Clear, ..ContactEdit::default() };
    admin.contacts().update(grace, edit, Expect::Any).await.unwrap();
    let report = reverted(&world, &admin, &job).await;
    assert_eq!(counts(&report), (0, 0, 1));
    assert_eq!(report.records[0].reason, LeftReason::Invalid);
    assert_eq!(admin.contacts().read(grace).await.unwrap().last_name.as_deref(), Some("Hopper"));
}

pub async fn a_deal_goes_back_to_its_stage_whole_or_not_at_all(world: World) {
    let admin = world.session(Role::Admin).await;
    let identified = |id: &str| DealEdit { external_id: id.into(), ..samples::deal(id) };
    let (first, second) = (deal(&admin, identified("D1")).await, deal(&admin, identified("D2")).await);
    let (won, lost) = (stage(&admin, "Won").await, stage(&admin, "Lost").await);
    world.clock.advance_seconds(60);
    let admin = world.session(Role::Admin).await;
    let upload = spooled(&admin, b"External ID,Title,Stage\nD1,New,Won\nD2,New,Won\nD3,New,Won\n").await;
    let options = ImportOptions { on_duplicate: DuplicatePolicy::Update, ..ImportOptions::default() };
    let job = admin.transfers().begin(Entity::Deal, &upload, options).await.unwrap().into_inner();
    work(&world).await;
    assert_eq!(admin.deals().read(first.id).await.unwrap().status, DealStatus::Won);
    // Somebody takes one of them further.
    admin.deals().move_to(second.id, lost, Expect::Any).await.unwrap();
    let report = reverted(&world, &admin, &job).await;
    assert_eq!(counts(&report), (1, 2, 1));
    assert_eq!(report.records[0].fields, ["closed_at", "stage_entered_at", "stage_id", "status"]);
    let back = admin.deals().read(first.id).await.unwrap().into_inner();
    let version = back.version;
    assert_eq!(back, Deal { version, updated_at: back.updated_at, ..first.clone().into_inner() });
    let further = admin.deals().read(second.id).await.unwrap();
    assert_eq!((further.stage_id, further.status, further.title.as_str()), (lost, DealStatus::Lost, "D2"));
    assert!(further.closed_at.is_some());
    let entries = feed(&world, world.home.workspace).await;
    let last = entries.iter().rfind(|sealed| sealed.entry.record_id == first.id.uuid()).unwrap();
    let moved = DealEvent::Moved { from: Some(won), to: first.stage_id, at: last.entry.at };
    assert_eq!(last.entry.events, [Event::Deal(moved)]);
}

pub async fn an_undo_that_is_stopped_goes_on_and_counts_each_record_once(world: World) {
    let admin = world.session(Role::Admin).await;
    let rows: String = (0..2_500).map(|at| format!("Row {at},row{at}@example.com\n")).collect();
    let job = begun(&admin, &format!("Last Name,Email\n{rows}"), DuplicatePolicy::Skip).await;
    work(&world).await;
    let list = admin.contacts().list(&samples::list()).await.unwrap();
    let (first, last) = (list.data.last().unwrap().id, list.data[0].id);
    let edit = ContactEdit { title: "Kept".into(), ..ContactEdit::default() };
    for id in [first, last] {
        admin.contacts().update(id, edit.clone(), Expect::Any).await.unwrap();
    }
    let revert = admin.transfers().revert(import_of(&job)).await.unwrap().into_inner();
    // Its worker is stopped after each step, and one dies on the way.
    assert!(world.crm.work(Arc::new(Ending)).await.unwrap());
    let under_way = admin.jobs().read(revert.id).await.unwrap().into_inner();
    assert_eq!(under_way.state, JobState::Queued);
    let so_far: UndoReport = serde_json::from_value(under_way.result.clone().unwrap()).unwrap();
    assert!(so_far.deleted > 0 && so_far.deleted < 2_498, "{so_far:?}");
    assert_eq!(under_way.progress.done, so_far.deleted + so_far.left_alone);
    let mut taken = under_way.clone();
    taken.take(world.crm.now(), LEASE_SECONDS);
    assert!(world.crm.ports.jobs.swap_job(world.home.workspace, under_way.version, &taken).await.unwrap());
    world.clock.advance_seconds(121);
    while world.crm.work(Arc::new(Ending)).await.unwrap() {}
    let admin = world.session(Role::Admin).await;
    assert_eq!(counts(&report(&admin, revert.id).await), (2_498, 0, 2));
    assert_eq!(admin.jobs().read(revert.id).await.unwrap().progress.done, 2_500);
    assert_eq!(admin.contacts().list(&samples::list()).await.unwrap().data.len(), 2);
}

pub async fn a_record_of_more_entries_than_a_page_goes_all_the_way_back(world: World) {
    let admin = world.session(Role::Admin).await;
    let hopper = contact(&admin, samples::contact("Hopper")).await.id;
    let mut stored: Stored<Contact> =
        world.crm.ports.contacts.contact(&reading(&admin, Entity::Contact), hopper).await.unwrap();
    let mut changes = admin.changes();
    let batch = Id::new_at(admin.now());
    changes.in_batch(batch);
    for at in 0..2_100 {
        stored.title = Some(format!("Title {at}"));
        changes.put(&mut stored);
    }
    commit(&admin, changes).await.unwrap();
    let task = Task::Revert { batch_id: batch, reached: None };
    let job = Job::new(Id::new_at(admin.now()), task, admin.actor().user_id(), admin.now());
    let grant = reading(&admin, Entity::Job);
    let job = admin.enqueue(&grant, admin.changes(), job).await.unwrap();
    assert_eq!(work(&world).await, 1);
    assert_eq!(counts(&report(&admin, job.id).await), (0, 1, 0));
    assert_eq!(admin.contacts().read(hopper).await.unwrap().title, None);
}

pub async fn an_import_under_way_is_not_undone(world: World) {
    let admin = world.session(Role::Admin).await;
    let rows: String = (0..1_500).map(|at| format!("Row {at},row{at}@example.com\n")).collect();
    let job = begun(&admin, &format!("Last Name,Email\n{rows}"), DuplicatePolicy::Skip).await;
    let import = import_of(&job);
    conflicts(admin.transfers().revert(import).await, "import_running");
    assert!(world.crm.work(Arc::new(Ending)).await.unwrap());
    assert_eq!(admin.transfers().read(import).await.unwrap().rows, 1_000);
    conflicts(admin.transfers().revert(import).await, "import_running");
    admin.jobs().cancel(job.id).await.unwrap();
    // One that was cancelled is undone, and cannot be taken up again.
    assert_eq!(reverted(&world, &admin, &job).await.deleted, 1_000);
    admin.jobs().retry(job.id).await.unwrap();
    assert!(world.crm.work(Arc::new(Never)).await.unwrap());
    let import = admin.transfers().read(import).await.unwrap();
    assert_eq!((import.state, import.rows), (ImportState::Stopped, 1_000));
    assert!(names(&admin, &samples::list()).await.is_empty());
    let error = refused(admin.jobs().retry(job.id).await);
    assert_eq!(error.code(), "job_state");
}

pub async fn what_an_import_made_beside_its_records_stays_for_those_that_come_back(world: World) {
    let admin = world.session(Role::Admin).await;
    let imported = async |session: &Session| {
        let file = b"ID,Title,Stage,Owner,Company,Tags,Size\nD1,Big,Sketched,Sasha,Acme,fair,XL\n";
        let upload = spooled(session, file).await;
        let options = ImportOptions { create_fields: true, ..ImportOptions::default() };
        let job = session.transfers().begin(Entity::Deal, &upload, options).await.unwrap().into_inner();
        work(&world).await;
        // Somebody who knows the field that it defined.
        let session = world.session(Role::Admin).await;
        let made = session.deals().list(&samples::list()).await.unwrap().data.remove(0).into_inner();
        (session, job, made)
    };
    let (admin, job, made) = imported(&admin).await;
    assert!(made.owner_id.is_some() && made.tags == ["fair"] && made.custom.len() == 1, "{made:?}");
    let pipeline_then = pipeline(&admin).await;
    let fields_then = admin.custom_fields().list().await.unwrap();
    // The deal and its company.
    assert_eq!(counts(&reverted(&world, &admin, &job).await), (2, 0, 0));
    assert!(admin.deals().list(&samples::list()).await.unwrap().data.is_empty());
    let tags: Vec<_> = admin.tags().counts().await.unwrap().into_iter().map(|tag| (tag.name, tag.count)).collect();
    assert_eq!(tags, [("fair".to_owned(), 0)]);
    // The next import makes none of it once more.
    let (admin, _, again) = imported(&admin).await;
    assert_eq!((again.stage_id, again.owner_id, &again.custom), (made.stage_id, made.owner_id, &made.custom));
    assert_eq!(admin.users().list(&filtered("name = Sasha")).await.unwrap().data.len(), 1);
    assert_eq!(admin.custom_fields().list().await.unwrap(), fields_then);
    assert_eq!(pipeline(&admin).await, pipeline_then);
    // One that somebody wants back is what it was.
    let back = admin.deals().restore(made.id).await.unwrap();
    assert_eq!(
        (back.stage_id, back.owner_id, &back.tags, &back.custom),
        (made.stage_id, made.owner_id, &made.tags, &made.custom)
    );
}
