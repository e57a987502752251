//! Tasks are done by somebody, by some time, in the zone of whoever asks.

use super::support::{company, contact_of, deal, fails, feed, filtered, invalid_at, own_alone, refused};
use crate::access::{Entity, Role, Rule, Scope};
use crate::edit::Edit;
use crate::error::ErrorKind::{Conflict, Denied, NotFound};
use crate::filter::Span;
use crate::id::Id;
use crate::journal::Event;
use crate::moment::Moment;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::task::{Calendar, CalendarRequest, Task, TaskEdit, TaskEvent, TaskKind, TaskPriority, TaskStatus};
use crate::testkit::{World, samples};
use crate::user::UserEdit;

/// A task.
pub(super) async fn made(session: &Session, edit: TaskEdit) -> Task {
    session.tasks().create(edit).await.unwrap().into_inner()
}

/// A task that is due at a moment, written as on the wire.
pub(super) fn due(title: &str, moment: &str) -> TaskEdit {
    TaskEdit { due_at: Edit::Set(moment.parse().unwrap()), ..samples::task(title) }
}

/// Titles, in the order of a page.
pub(super) fn titles<T: std::ops::Deref<Target = Task>>(tasks: &[T]) -> Vec<&str> {
    tasks.iter().map(|task| task.title.as_str()).collect()
}

/// The session of a role whose days are cut in a zone from now on.
pub(super) async fn moved_to(world: &World, role: Role, zone: &str) -> Session {
    let own = world.session(role).await;
    let edit = UserEdit { time_zone: Edit::Set(zone.parse().unwrap()), ..UserEdit::default() };
    own.users().update(world.home.member(role), edit, Expect::Any).await.unwrap();
    world.session(role).await
}

pub async fn a_task_is_the_callers_unless_another_is_named(world: World) {
    let setter = world.session(Role::Setter).await;
    let own = made(&setter, samples::task("Mine")).await;
    let (setter_id, closer_id) = (world.home.member(Role::Setter), world.home.member(Role::Closer));
    assert_eq!((own.assignee_id, own.created_by), (Some(setter_id), Some(setter_id)));
    assert_eq!((own.kind, own.priority, own.status), (TaskKind::ToDo, TaskPriority::Normal, TaskStatus::Open));
    // Setters make appointments for the closers of their team, and for nobody else.
    let theirs = TaskEdit { assignee_id: closer_id.into(), kind: TaskKind::Meeting.into(), ..samples::task("Theirs") };
    let theirs = made(&setter, theirs).await;
    assert_eq!((theirs.assignee_id, theirs.created_by), (Some(closer_id), Some(setter_id)));
    let far = TaskEdit { assignee_id: world.home.member(Role::SalesRep).into(), ..samples::task("Far") };
    fails(setter.tasks().create(far).await, Denied);
    let nobodys = TaskEdit { assignee_id: Edit::Set(Id::new_at(setter.now())), ..samples::task("X") };
    invalid_at(world.session(Role::Admin).await.tasks().create(nobodys).await, "assignee_id");
    let foreign = TaskEdit { assignee_id: world.away.member(Role::Admin).into(), ..samples::task("X") };
    invalid_at(world.session(Role::Admin).await.tasks().create(foreign).await, "assignee_id");
    // The product makes tasks for nobody in particular.
    let system = made(&world.system().await, samples::task("Any")).await;
    assert_eq!((system.assignee_id, system.created_by), (None, None));
    assert!(world.system().await.tasks().mine(&samples::list()).await.unwrap().data.is_empty());
}

pub async fn a_task_is_done_and_open_again_and_says_so(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = made(&admin, samples::task("Call")).await.id;
    let at = world.set_time("2026-03-03T09:00:00Z");
    let done = admin.tasks().complete(id, Expect::Version(1)).await.unwrap();
    assert_eq!((done.status, done.version), (TaskStatus::Done, 2));
    assert!(done.completed_at.unwrap() >= at);
    // What is done already stays as it is.
    assert_eq!(admin.tasks().complete(id, Expect::Any).await.unwrap(), done);
    fails(admin.tasks().reopen(id, Expect::Version(1)).await, Conflict);
    let open = admin.tasks().reopen(id, Expect::Any).await.unwrap();
    assert_eq!((open.status, open.completed_at), (TaskStatus::Open, None));
    // A change of the status is as good as the verb.
    let edit = TaskEdit { status: TaskStatus::Done.into(), ..TaskEdit::default() };
    let again = admin.tasks().update(id, edit, Expect::Any).await.unwrap();
    let feed = feed(&world, world.home.workspace).await;
    let own = feed.iter().filter(|sealed| sealed.entry.record_id == id.uuid());
    let events: Vec<Event> = own.flat_map(|sealed| sealed.entry.events.clone()).collect();
    let told = [
        TaskEvent::Completed { at: done.completed_at.unwrap() },
        TaskEvent::Reopened { completed_at: done.completed_at },
        TaskEvent::Completed { at: again.completed_at.unwrap() },
    ];
    assert_eq!(events, told.map(Event::from));
    let born_done = TaskEdit { status: TaskStatus::Done.into(), ..samples::task("Noted later") };
    assert!(made(&admin, born_done).await.completed_at.is_some());
}

pub async fn the_open_tasks_are_overdue_upcoming_later_or_undated(world: World) {
    world.set_time("2026-03-02T12:00:00Z");
    let admin = moved_to(&world, Role::Admin, "Europe/Berlin").await;
    for (title, moment) in [
        ("last month", "2026-02-01T09:00"),
        ("yesterday", "2026-03-01"),
        ("an hour ago", "2026-03-02T11:00:00Z"),
        ("today", "2026-03-02"),
        ("in an hour", "2026-03-02T13:00:00Z"),
        ("on the last day", "2026-03-09"),
        ("after the window", "2026-03-10"),
        ("in a month", "2026-04-01T09:00"),
    ] {
        made(&admin, due(title, moment)).await;
    }
    made(&admin, samples::task("some day")).await;
    let done = made(&admin, due("done", "2026-03-01T09:00")).await.id;
    admin.tasks().complete(done, Expect::Any).await.unwrap();
    world.set_time("2026-03-02T12:00:00Z");
    let (tasks, all) = (admin.tasks(), ListRequest { count: true, ..samples::list() });
    let overdue = tasks.overdue(&all).await.unwrap();
    assert_eq!(titles(&overdue.data), ["last month", "yesterday", "an hour ago"]);
    assert_eq!(overdue.total, Some(3));
    let upcoming = tasks.upcoming(Span::days(7), &all).await.unwrap();
    assert_eq!(titles(&upcoming.data), ["in an hour", "today", "on the last day"]);
    // A week of local days, over the change of clocks too.
    let later = tasks.upcoming(Span::months(2), &all).await.unwrap();
    assert_eq!(titles(&later.data), ["in an hour", "today", "on the last day", "after the window", "in a month"]);
    // The caller's own conditions, order and pages hold within.
    let narrow = ListRequest { sort: Some("-due_at".to_owned()), limit: Some(2), ..filtered("title contains a") };
    let first = tasks.overdue(&narrow).await.unwrap();
    assert_eq!(titles(&first.data), ["an hour ago", "yesterday"]);
    let rest = tasks.overdue(&ListRequest { cursor: first.next_cursor, ..narrow }).await.unwrap();
    assert_eq!(titles(&rest.data), ["last month"]);
    invalid_at(tasks.overdue(&filtered("nothing = 1")).await, "filter.field");
    invalid_at(tasks.upcoming(Span::days(1), &ListRequest { limit: Some(0), ..samples::list() }).await, "limit");
}

pub async fn a_day_is_over_when_it_is_over_for_whoever_asks(world: World) {
    world.set_time("2026-03-02T00:00:00Z");
    let east = moved_to(&world, Role::Admin, "Pacific/Kiritimati").await;
    made(&east, due("the second", "2026-03-02")).await;
    let west = moved_to(&world, Role::Manager, "Etc/GMT+12").await;
    let overdue = async |session: &Session| session.tasks().overdue(&samples::list()).await.unwrap().data.len();
    for (now, is_over_in_the_east, is_over_in_the_west) in [
        ("2026-03-02T09:59:00Z", 0, 0),
        ("2026-03-02T10:00:00Z", 1, 0),
        ("2026-03-03T11:59:00Z", 1, 0),
        ("2026-03-03T12:00:00Z", 1, 1),
    ] {
        world.set_time(now);
        assert_eq!((overdue(&east).await, overdue(&west).await), (is_over_in_the_east, is_over_in_the_west), "{now}");
    }
    // A time on the wall is read where its writer is.
    let edit = due("nine", "2026-03-05T09:00");
    assert_eq!(made(&east, edit.clone()).await.due_at, "2026-03-04T19:00:00Z".parse().ok());
    assert_eq!(made(&west, edit).await.due_at, "2026-03-05T21:00:00Z".parse().ok());
}

pub async fn a_day_is_upcoming_as_soon_as_it_begins_for_whoever_asks(world: World) {
    world.set_time("2026-03-08T12:00:00Z");
    let west = moved_to(&world, Role::Manager, "Etc/GMT+12").await;
    made(&west, due("the tenth", "2026-03-10")).await;
    let east = moved_to(&world, Role::Admin, "Pacific/Kiritimati").await;
    for (now, is_upcoming) in [("2026-03-08T09:59:00Z", 0), ("2026-03-08T10:01:00Z", 1), ("2026-03-09T09:00:00Z", 1)] {
        world.set_time(now);
        let upcoming = east.tasks().upcoming(Span::days(1), &samples::list()).await.unwrap();
        assert_eq!(upcoming.data.len(), is_upcoming, "{now}");
    }
}

async fn calendar(session: &Session, from: &str, to: &str) -> Calendar {
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    let request = CalendarRequest { from, to, filter: None, limit: None, cursor: None };
    session.tasks().calendar(&request).await.unwrap()
}

pub async fn a_calendar_shows_each_day_of_the_zone_with_what_is_due(world: World) {
    let admin = moved_to(&world, Role::Admin, "Europe/Berlin").await;
    for (title, moment) in [
        ("before", "2026-03-27T23:59"),
        ("first", "2026-03-28T00:00"),
        ("all day", "2026-03-29"),
        ("night", "2026-03-29T01:59"),
        ("morning", "2026-03-29T03:00"),
        ("last", "2026-03-30T23:59:59.999999"),
        ("after", "2026-03-31T00:00"),
    ] {
        made(&admin, due(title, moment)).await;
    }
    let done = made(&admin, due("done", "2026-03-30T08:00")).await.id;
    admin.tasks().complete(done, Expect::Any).await.unwrap();
    let shown = calendar(&admin, "2026-03-28", "2026-03-31").await;
    let told = shown.days.iter().map(|day| {
        let hours = (day.ends_at.micros() - day.starts_at.micros()) / 3_600_000_000;
        (day.date.to_string(), hours, titles(&day.tasks))
    });
    let days: Vec<(String, i64, Vec<&str>)> = told.collect();
    let expected = [
        ("2026-03-28".to_owned(), 24, vec!["first"]),
        ("2026-03-29".to_owned(), 23, vec!["night", "morning", "all day"]),
        ("2026-03-30".to_owned(), 24, vec!["done", "last"]),
    ];
    assert_eq!((days.as_slice(), shown.time_zone.name()), (expected.as_slice(), "Europe/Berlin"));
    // A day stays its day elsewhere; an instant is where the clocks there have it.
    let far = moved_to(&world, Role::Manager, "Pacific/Auckland").await;
    let shown = calendar(&far, "2026-03-29", "2026-03-30").await;
    assert_eq!(titles(&shown.days[0].tasks), ["night", "morning", "all day"]);
    let shown = calendar(&far, "2026-03-28", "2026-03-29").await;
    assert_eq!(titles(&shown.days[0].tasks), ["before", "first"]);
    // Page by page.
    let mut request = CalendarRequest {
        from: Moment::Day("2026-03-28".parse().unwrap()),
        to: Moment::Day("2026-03-31".parse().unwrap()),
        filter: Some("title != done".parse().unwrap()),
        limit: Some(2),
        cursor: None,
    };
    let mut found = Vec::new();
    loop {
        let page = admin.tasks().calendar(&request).await.unwrap();
        found.extend(page.days.iter().flat_map(|day| day.tasks.iter().map(|task| task.title.clone())));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["first", "night", "morning", "all day", "last"]);
    invalid_at(admin.tasks().calendar(&CalendarRequest { to: request.from, ..request }).await, "to");
}

pub async fn the_tasks_of_a_caller_are_open_and_theirs(world: World) {
    let (admin, closer) = (world.session(Role::Admin).await, world.session(Role::Closer).await);
    let own = made(&closer, due("Second", "2026-04-02")).await.id;
    made(&closer, samples::task("Third")).await;
    let given = TaskEdit { assignee_id: world.home.member(Role::Closer).into(), ..due("First", "2026-04-01") };
    made(&admin, given).await;
    made(&admin, samples::task("Not theirs")).await;
    let mine = async || {
        let page = closer.tasks().mine(&samples::list()).await.unwrap();
        page.data.iter().map(|task| task.title.clone()).collect::<Vec<_>>()
    };
    assert_eq!(mine().await, ["First", "Second", "Third"]);
    closer.tasks().complete(own, Expect::Any).await.unwrap();
    assert_eq!(mine().await, ["First", "Third"]);
}

pub async fn tasks_are_seen_as_far_as_the_scope_reaches(world: World) {
    let mut ids = Vec::new();
    for role in [Role::Admin, Role::Manager, Role::Setter, Role::SalesRep] {
        ids.push((role.name(), made(&world.session(role).await, samples::task(role.name())).await.id));
    }
    made(&world.system().await, samples::task("nobody")).await;
    for (scope, seen) in [
        (Scope::Own, vec!["setter"]),
        (Scope::Team, vec!["manager", "setter"]),
        (Scope::All, vec!["admin", "manager", "nobody", "sales_rep", "setter"]),
    ] {
        world.set_rule(Role::Setter, Entity::Task, Rule { read: scope, ..Rule::ALL }).await;
        let setter = world.session(Role::Setter).await;
        let request = ListRequest { count: true, sort: Some("title".to_owned()), ..samples::list() };
        let page = setter.tasks().list(&request).await.unwrap();
        assert_eq!((titles(&page.data), page.total), (seen.clone(), Some(seen.len() as u64)));
        for (assignee, id) in &ids {
            match seen.contains(assignee) {
                true => assert_eq!(setter.tasks().read(*id).await.unwrap().id, *id),
                false => {
                    fails(setter.tasks().read(*id).await, NotFound);
                    fails(setter.tasks().complete(*id, Expect::Any).await, NotFound);
                    fails(setter.tasks().delete(*id, Expect::Any).await, NotFound);
                    fails(setter.tasks().timeline(*id, None, None).await, NotFound);
                }
            }
        }
    }
    // Seen, but not theirs to change.
    let closer = world.session(Role::Closer).await;
    fails(closer.tasks().complete(ids[1].1, Expect::Any).await, Denied);
    world.set_rule(Role::Closer, Entity::Task, Rule::NONE).await;
    fails(world.session(Role::Closer).await.tasks().overdue(&samples::list()).await, Denied);
}

pub async fn a_task_is_about_a_record_that_its_caller_sees(world: World) {
    let admin = world.session(Role::Admin).await;
    let (person, acme) = (contact_of(&world, Role::Admin, "Ada").await, company(&admin, "Acme").await);
    let engine = deal(&admin, samples::deal("Engine")).await.id;
    let id = made(&admin, TaskEdit { contact_id: person.into(), ..samples::task("Call") }).await.id;
    // Another record takes the place of the one it was about.
    let edit = TaskEdit { deal_id: engine.into(), ..TaskEdit::default() };
    let moved = admin.tasks().update(id, edit, Expect::Any).await.unwrap();
    assert_eq!((moved.contact_id, moved.deal_id), (None, Some(engine)));
    let both = TaskEdit { deal_id: engine.into(), company_id: acme.into(), ..TaskEdit::default() };
    invalid_at(admin.tasks().update(id, both, Expect::Any).await, "deal_id");
    admin.contacts().delete(person, Expect::Any).await.unwrap();
    let gone = TaskEdit { contact_id: person.into(), ..samples::task("Call") };
    invalid_at(admin.tasks().create(gone).await, "contact_id");
    let theirs = company(&world.stranger().await, "Theirs").await;
    let foreign = TaskEdit { company_id: theirs.into(), ..samples::task("Call") };
    invalid_at(admin.tasks().create(foreign).await, "company_id");
    world.set_rule(Role::Setter, Entity::Deal, own_alone()).await;
    let hidden = TaskEdit { deal_id: engine.into(), ..samples::task("Call") };
    invalid_at(world.session(Role::Setter).await.tasks().create(hidden).await, "deal_id");
}

pub async fn every_fault_of_a_task_is_told(world: World) {
    let tasks = moved_to(&world, Role::Admin, "Europe/Berlin").await.tasks();
    let bad = TaskEdit {
        title: " ".into(),
        description: "x\0".into(),
        status: Edit::Clear,
        duration_minutes: (-1).into(),
        due_at: Edit::Set("2026-03-29T02:30".parse().unwrap()),
        external_id: Edit::Set("x".repeat(201)),
        tags: vec![String::new()].into(),
        ..TaskEdit::default()
    };
    let error = refused(tasks.create(bad).await);
    let found: Vec<(&str, &str)> = error.fields().iter().map(|fault| (fault.field.as_str(), &*fault.code)).collect();
    let expected = [
        ("title", "required"),
        ("description", "control_character"),
        ("status", "required"),
        ("due_at", "no_such_time"),
        ("duration_minutes", "out_of_range"),
        ("external_id", "too_long"),
        ("tags.0", "required"),
    ];
    assert_eq!(found, expected);
    for minutes in [0, 525_600] {
        tasks.create(TaskEdit { duration_minutes: minutes.into(), ..samples::task("Long") }).await.unwrap();
    }
    let longer = TaskEdit { duration_minutes: 525_601.into(), ..samples::task("Long") };
    invalid_at(tasks.create(longer).await, "duration_minutes");
    let twice = TaskEdit { due_at: Edit::Set("2026-10-25T02:30".parse().unwrap()), ..samples::task("Twice") };
    assert_eq!(refused(tasks.create(twice).await).fields()[0].code, "ambiguous_time");
    let both = TaskEdit { due_date: Edit::Set("2026-03-30".parse().unwrap()), ..due("Both", "2026-03-29T09:00") };
    invalid_at(tasks.create(both).await, "due_date");
}

pub async fn a_replacement_keeps_assignee_and_status(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = TaskEdit {
        description: "Two\nlines".into(),
        kind: TaskKind::Call.into(),
        priority: TaskPriority::Urgent.into(),
        duration_minutes: 30.into(),
        assignee_id: world.home.member(Role::Closer).into(),
        tags: vec!["vip".to_owned()].into(),
        ..due("Call", "2026-03-29")
    };
    let before = made(&admin, edit).await;
    assert_eq!(before.description.as_deref(), Some("Two\nlines"));
    admin.tasks().complete(before.id, Expect::Any).await.unwrap();
    let after = admin.tasks().replace(before.id, samples::task("Other"), Expect::Version(2)).await.unwrap();
    assert_eq!(
        (after.assignee_id, after.status, after.created_by),
        (before.assignee_id, TaskStatus::Done, before.created_by)
    );
    assert_eq!((after.kind, after.priority, after.due_at, after.due_date), Default::default());
    assert_eq!((after.description.as_deref(), after.duration_minutes, after.tags.len()), (None, None, 0));
}
