//! Tasks beside other records: in bulk, in timelines and searches, in files, and when records go.

use futures::TryStreamExt as _;

use super::jobs::{import_of, spooled, work};
use super::support::{company, contact, contact_of, deal, fails, feed, filtered, invalid_at, own_alone, searched};
use super::tasks::{due, made, titles};
use super::uploads::{self, import, with_policy};
use crate::access::{Entity, FieldMask, Role, Rule};
use crate::bulk::{BulkChange, BulkMode, Selection};
use crate::contact::ContactEdit;
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::NotFound;
use crate::id::Id;
use crate::journal::{Change, Event};
use crate::page::ListRequest;
use crate::search::{HitKind, SearchRequest};
use crate::session::{Expect, Session};
use crate::task::{Task, TaskEdit, TaskKind, TaskPriority, TaskStatus};
use crate::testkit::{World, samples};
use crate::transfer::{DuplicatePolicy, ImportOptions};

pub async fn a_record_tells_of_its_tasks_to_whoever_sees_them(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = contact_of(&world, Role::Admin, "Ada").await;
    let about = |title: &str| TaskEdit { contact_id: id.into(), ..samples::task(title) };
    let secret = made(&admin, about("Secretive")).await.id;
    let given = TaskEdit { assignee_id: world.home.member(Role::Setter).into(), ..about("Open") };
    let given = made(&admin, given).await.id;
    world.set_rule(Role::Setter, Entity::Task, own_alone()).await;
    world.set_rule(Role::Setter, Entity::Contact, Rule::ALL).await;
    let setter = world.session(Role::Setter).await;
    let told = async |session: &Session| {
        let items = session.contacts().timeline(id, None, None).await.unwrap().data;
        items.iter().filter(|item| item.entity == Entity::Task).map(|item| item.record_id).collect::<Vec<_>>()
    };
    assert_eq!(told(&admin).await, [given.uuid(), secret.uuid()]);
    assert_eq!(told(&setter).await, [given.uuid()]);
    assert_eq!(setter.contacts().list(&filtered("related(tasks: title = secretive)")).await.unwrap().data.len(), 0);
    assert_eq!(setter.contacts().list(&filtered("related(tasks: title = open)")).await.unwrap().data.len(), 1);
    assert_eq!(admin.tasks().list(&filtered("related(contact: last_name = ada)")).await.unwrap().data.len(), 2);
    // What is deleted was there.
    admin.tasks().delete(given, Expect::Any).await.unwrap();
    assert_eq!(told(&setter).await, [given.uuid(), given.uuid()]);
    world.set_rule(Role::Setter, Entity::Task, Rule::NONE).await;
    assert!(told(&world.session(Role::Setter).await).await.is_empty());
    let own = admin.tasks().timeline(secret, None, None).await.unwrap().data;
    assert_eq!(own.iter().map(|item| item.change).collect::<Vec<_>>(), [Change::Created]);
}

pub async fn tasks_are_found_by_their_words(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = TaskEdit { description: "about the Überraschung".into(), ..samples::task("Call Ada") };
    let id = made(&admin, edit).await.id;
    made(&admin, samples::task("Write Bob")).await;
    for q in ["ada", "call a", "uberr"] {
        assert_eq!(titles(&admin.tasks().list(&searched(q)).await.unwrap().data), ["Call Ada"], "{q}");
    }
    let wanted = SearchRequest { q: "ada".to_owned(), ..SearchRequest::default() };
    let hits = admin.search().find(&wanted).await.unwrap();
    assert_eq!(hits.iter().map(|hit| (hit.kind, hit.id)).collect::<Vec<_>>(), [(HitKind::Task, id.uuid())]);
    let stranger = world.stranger().await;
    assert!(stranger.search().find(&wanted).await.unwrap().is_empty());
    let hidden = Rule { hidden: FieldMask::of(["description"]), ..Rule::ALL };
    world.set_rule(Role::Manager, Entity::Task, hidden).await;
    let manager = world.session(Role::Manager).await;
    assert!(manager.tasks().list(&searched("uberr")).await.unwrap().data.is_empty());
    assert_eq!(manager.tasks().read(id).await.unwrap().description, None);
}

pub async fn tasks_and_what_they_are_about_lead_to_one_another(world: World) {
    let admin = world.session(Role::Admin).await;
    let (ada, acme) = (contact_of(&world, Role::Admin, "Ada").await, company(&admin, "Acme").await);
    let roof = deal(&admin, samples::deal("Roof")).await.id;
    made(&admin, TaskEdit { contact_id: ada.into(), ..samples::task("Call") }).await;
    made(&admin, TaskEdit { company_id: acme.into(), ..samples::task("Visit") }).await;
    made(&admin, TaskEdit { deal_id: roof.into(), ..samples::task("Offer") }).await;
    let setter = world.home.member(Role::Setter);
    made(&admin, TaskEdit { assignee_id: setter.into(), ..samples::task("Rest") }).await;
    for (filter, title) in [
        ("related(contact: last_name = ada)", "Call"),
        ("related(company: name = acme)", "Visit"),
        ("related(deal: title = roof)", "Offer"),
        ("related(assignee: name = setter)", "Rest"),
    ] {
        assert_eq!(titles(&admin.tasks().list(&filtered(filter)).await.unwrap().data), [title], "{filter}");
    }
    let about = |title: &str| filtered(&format!("related(tasks: title = {title})"));
    let contacts = async |title: &str| admin.contacts().list(&about(title)).await.unwrap().data.len();
    let companies = async |title: &str| admin.companies().list(&about(title)).await.unwrap().data.len();
    let deals = async |title: &str| admin.deals().list(&about(title)).await.unwrap().data.len();
    assert_eq!((contacts("call").await, companies("call").await, deals("call").await), (1, 0, 0));
    assert_eq!((contacts("visit").await, companies("visit").await, deals("visit").await), (0, 1, 0));
    assert_eq!((contacts("offer").await, companies("offer").await, deals("offer").await), (0, 0, 1));
}

pub async fn tasks_are_changed_in_bulk(world: World) {
    let admin = world.session(Role::Admin).await;
    let items = ["A", "B", "C"].map(|title| Ok(due(title, "2026-03-29T10:00"))).into();
    let report = admin.tasks().create_many(items, BulkMode::Atomic).await.unwrap();
    let ids: Vec<Id<Task>> = report.results.iter().map(|result| result.id.unwrap().into()).collect();
    let closer = world.home.member(Role::Closer);
    let all = || Selection::Ids(ids.clone());
    let tasks = admin.tasks();
    let given = tasks.change_many(all(), BulkChange::Assign(Some(closer)), BulkMode::Atomic).await.unwrap();
    assert_eq!(given.report().unwrap().succeeded, 3);
    assert_eq!(world.session(Role::Closer).await.tasks().mine(&samples::list()).await.unwrap().data.len(), 3);
    let foreign = BulkChange::Assign(Some(world.away.member(Role::Admin)));
    invalid_at(tasks.change_many(all(), foreign, BulkMode::Atomic).await, "ids.0.assignee_id");
    let tag = BulkChange::Tag { add: vec!["x".to_owned()], remove: Vec::new() };
    tasks.change_many(Selection::Filter("title in [A, B]".parse().unwrap()), tag, BulkMode::Atomic).await.unwrap();
    assert_eq!(tasks.list(&filtered("tags has_any [x]")).await.unwrap().data.len(), 2);
    assert_eq!(admin.tags().counts().await.unwrap()[0].count, 2);
    let done = TaskEdit { status: TaskStatus::Done.into(), ..TaskEdit::default() };
    tasks.change_many(all(), BulkChange::Edit(done), BulkMode::Atomic).await.unwrap();
    let page = tasks.list(&filtered("status = done")).await.unwrap();
    assert!(page.data.len() == 3 && page.data.iter().all(|task| task.completed_at.is_some()));
    let feed = feed(&world, world.home.workspace).await;
    assert_eq!(feed.iter().filter(|sealed| matches!(sealed.entry.events[..], [Event::Task(_)])).count(), 3);
    tasks.change_many(all(), BulkChange::Delete, BulkMode::Atomic).await.unwrap();
    assert!(tasks.list(&samples::list()).await.unwrap().data.is_empty());
}

pub async fn a_task_can_be_deleted_restored_and_purged(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = TaskEdit { tags: vec!["vip".to_owned()].into(), ..samples::task("Secretive") };
    let before = made(&admin, edit).await;
    fails(admin.tasks().purge(before.id).await, NotFound);
    admin.tasks().delete(before.id, Expect::Version(1)).await.unwrap();
    fails(admin.tasks().read(before.id).await, NotFound);
    assert_eq!(admin.tags().counts().await.unwrap()[0].count, 0);
    let back = admin.tasks().restore(before.id).await.unwrap().into_inner();
    assert_eq!(back, Task { version: 3, updated_at: back.updated_at, ..before.clone() });
    admin.tasks().delete(before.id, Expect::Any).await.unwrap();
    admin.tasks().purge(before.id).await.unwrap();
    fails(admin.tasks().restore(before.id).await, NotFound);
    let feed = feed(&world, world.home.workspace).await;
    assert!(!format!("{feed:?}").contains("Secretive"));
    assert!(admin.workspace().verify_journal().await.unwrap().holds());
}

pub async fn a_purge_takes_the_tasks_on_its_record(world: World) {
    let admin = world.session(Role::Admin).await;
    let (person, other) = (contact_of(&world, Role::Admin, "Ada").await, contact_of(&world, Role::Admin, "Bob").await);
    let acme = company(&admin, "Acme").await;
    let engine = deal(&admin, DealEdit { contact_id: other.into(), ..samples::deal("Engine") }).await.id;
    let gone = made(&admin, samples::task("Secretive Ada")).await.id;
    let about = TaskEdit { title: "Call".into(), contact_id: person.into(), ..TaskEdit::default() };
    admin.tasks().update(gone, about, Expect::Any).await.unwrap();
    made(&admin, TaskEdit { company_id: acme.into(), ..samples::task("Secretive Acme") }).await;
    made(&admin, TaskEdit { deal_id: engine.into(), ..samples::task("Secretive engine") }).await;
    let kept = made(&admin, TaskEdit { contact_id: other.into(), ..samples::task("Call Bob") }).await;
    admin.contacts().delete(person, Expect::Any).await.unwrap();
    // What is about a deleted record can still be done.
    admin.tasks().complete(gone, Expect::Any).await.unwrap();
    admin.contacts().purge(person).await.unwrap();
    admin.companies().delete(acme, Expect::Any).await.unwrap();
    admin.companies().purge(acme).await.unwrap();
    admin.deals().delete(engine, Expect::Any).await.unwrap();
    admin.deals().purge(engine).await.unwrap();
    fails(admin.tasks().read(gone).await, NotFound);
    let page = admin.tasks().list(&samples::list()).await.unwrap();
    assert_eq!(page.data.iter().map(|task| (**task).clone()).collect::<Vec<_>>(), [kept]);
    assert!(admin.tasks().list(&searched("secretive")).await.unwrap().data.is_empty());
    let feed = feed(&world, world.home.workspace).await;
    assert!(!format!("{feed:?}").contains("Secretive"));
    assert!(admin.workspace().verify_journal().await.unwrap().holds());
}

pub async fn tasks_come_from_files_of_other_programs(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = ContactEdit { email: Edit::Set("ada@example.com".parse().unwrap()), ..samples::contact("Ada") };
    let ada = contact(&admin, edit).await.id;
    let engine = deal(&admin, DealEdit { external_id: "D-1".into(), ..samples::deal("Engine") }).await.id;
    let file = "Task ID,Task Title,Task Type,Priority,Task Status,Due Date,Assigned To,Contact email,Company name,Associated Deal ID,Notes\n\
        1,Call her,CALL,HIGH,NOT_STARTED,1/31/2026 9:30 AM,closer@home.example,ada@example.com,Acme,,\"Two\nlines\"\n\
        2,Write,EMAIL,NONE,COMPLETED,1/30/2026,,,,D-1,\n\
        3,Wait,TODO,MEDIUM,WAITING,,,,,,\n\
        4,Bad,CALL,SOON,MAYBE,,,,,,\n";
    let first = import(&admin, Entity::Task, file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((first.counts.created, first.counts.failed, first.warnings.len()), (3, 1, 1), "{:?}", first.warnings);
    let again = import(&admin, Entity::Task, file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((again.counts.unchanged, again.counts.failed), (3, 1));
    let sorted = ListRequest { sort: Some("title".to_owned()), ..samples::list() };
    let tasks = admin.tasks().list(&sorted).await.unwrap().data;
    assert_eq!(titles(&tasks), ["Call her", "Wait", "Write"]);
    let [call, wait, write] = [&tasks[0], &tasks[1], &tasks[2]];
    assert_eq!((call.kind, call.priority, call.status), (TaskKind::Call, TaskPriority::High, TaskStatus::Open));
    assert_eq!((call.due_at, call.due_date), ("2026-01-31T09:30:00Z".parse().ok(), None));
    assert_eq!(call.assignee_id, Some(world.home.member(Role::Closer)));
    // The contact comes before the company, which is not even made.
    assert_eq!((call.contact_id, call.company_id), (Some(ada), None));
    assert!(admin.companies().list(&samples::list()).await.unwrap().data.is_empty());
    assert_eq!((write.deal_id, write.due_date), (Some(engine), "2026-01-30".parse().ok()));
    assert!(write.status == TaskStatus::Done && write.completed_at.is_some());
    assert_eq!((wait.assignee_id, wait.created_by), (Some(world.home.member(Role::Admin)), wait.assignee_id));
}

pub async fn a_task_is_about_the_closest_record_that_is_there(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = ContactEdit { email: Edit::Set("ada@example.com".parse().unwrap()), ..samples::contact("Ada") };
    let ada = contact(&admin, edit).await.id;
    let acme = company(&admin, "Acme").await;
    let file = "title,contact,company,deal_id\n\
        a,ada@example.com,Acme,unknown\n\
        b,nobody@example.com,Acme,unknown\n\
        c,nobody@example.com,,unknown\n";
    let counts = import(&admin, Entity::Task, file, ImportOptions::default()).await.counts;
    assert_eq!((counts.created, counts.failed), (3, 0));
    let sorted = ListRequest { sort: Some("title".to_owned()), ..samples::list() };
    let tasks = admin.tasks().list(&sorted).await.unwrap().data;
    let about: Vec<_> = tasks.iter().map(|task| (task.contact_id, task.company_id, task.deal_id)).collect();
    assert_eq!(about, [(Some(ada), None, None), (None, Some(acme), None), (None, None, None)]);
}

pub async fn an_exported_task_comes_back_as_it_was(world: World) {
    let admin = world.session(Role::Admin).await;
    let engine = deal(&admin, samples::deal("Engine")).await.id;
    let full = TaskEdit {
        description: "=1+1, \"quoted\"\nline".into(),
        kind: TaskKind::FollowUp.into(),
        priority: TaskPriority::Low.into(),
        status: TaskStatus::Done.into(),
        duration_minutes: 45.into(),
        deal_id: engine.into(),
        tags: vec!["a".to_owned(), "b".to_owned()].into(),
        reminder: "2d 08:30".into(),
        recurrence: "FREQ=MONTHLY;BYDAY=-1SU".into(),
        ..due("Full", "2026-03-29")
    };
    made(&admin, full).await;
    made(&admin, due("Timed", "2026-03-29T10:00:00.123456Z")).await;
    let file = admin.transfers().export(Entity::Task, samples::list()).try_concat().await.unwrap();
    let file = String::from_utf8(file).unwrap();
    let same = import(&admin, Entity::Task, &file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((same.counts.created, same.counts.updated, same.counts.unchanged), (0, 0, 2), "{file}");
    let edited =
        import(&admin, Entity::Task, &file.replace("Full", "Fuller"), with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((edited.counts.updated, edited.counts.unchanged), (1, 1));
    // Elsewhere those ids are another system's, and the deal is not known.
    let away = uploads::system_away(&world).await;
    let there = import(&away, Entity::Task, &file, ImportOptions::default()).await;
    assert_eq!((there.counts.created, there.counts.failed), (2, 0));
    let own = away.tasks().list(&filtered("title = full")).await.unwrap().data.remove(0);
    assert_eq!((own.deal_id, own.due_date, own.status), (None, "2026-03-29".parse().ok(), TaskStatus::Done));
    assert_eq!(own.reminder.unwrap().to_string(), "2d 08:30");
    assert_eq!((own.recurrence.as_ref().unwrap().as_str(), own.next_id), ("FREQ=MONTHLY;BYDAY=-1SU", None));
}

pub async fn an_import_of_tasks_is_undone(world: World) {
    let admin = world.session(Role::Admin).await;
    let known = TaskEdit { external_id: "1".into(), ..due("Old", "2026-03-29T10:00:00Z") };
    let known = made(&admin, known).await;
    let file = "id,title,status,due_at\n1,New,done,2026-04-01\n2,Made,open,\n";
    let upload = spooled(&admin, file.as_bytes()).await;
    let job = admin.transfers().begin(Entity::Task, &upload, with_policy(DuplicatePolicy::Update)).await.unwrap();
    work(&world).await;
    let changed = admin.tasks().read(known.id).await.unwrap();
    assert_eq!((changed.status, changed.due_date), (TaskStatus::Done, "2026-04-01".parse().ok()));
    admin.transfers().revert(import_of(&job)).await.unwrap();
    work(&world).await;
    let back = admin.tasks().read(known.id).await.unwrap().into_inner();
    assert_eq!(back, Task { version: back.version, updated_at: back.updated_at, ..known });
    assert_eq!(titles(&admin.tasks().list(&samples::list()).await.unwrap().data), ["Old"]);
}
