//! A task that recurs has its next when it is done: once, on the clock on the wall, until its series ends.

use futures::future::BoxFuture;

use super::jobs::work;
use super::support::{feed, hiding, invalid_at, own_alone};
use super::tasks::{due, made, moved_to};
use crate::access::{Entity, Role};
use crate::bulk::{BulkChange, Selection};
use crate::edit::Edit;
use crate::error::ErrorKind::Conflict;
use crate::id::Id;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::task::{Task, TaskEdit, TaskStatus};
use crate::testkit::{World, samples};

/// A task that recurs from a moment on.
fn every(rule: &str, moment: &str) -> TaskEdit {
    TaskEdit { recurrence: Edit::Set(rule.to_owned()), ..due("Water the plants", moment) }
}

/// Says that a task is done, and gives the next of its series.
async fn next(session: &Session, id: Id<Task>) -> Option<Task> {
    let done = session.tasks().complete(id, Expect::Any).await.unwrap();
    match done.next_id {
        Some(next) => Some(session.tasks().read(next).await.unwrap().into_inner()),
        None => None,
    }
}

/// When the tasks of a series are due, each done as soon as it is there.
async fn series(session: &Session, first: TaskEdit) -> Vec<String> {
    let (mut task, mut times) = (made(session, first).await, Vec::new());
    loop {
        let day = task.due_date.map(|day| day.to_string());
        times.push(day.or(task.due_at.map(|at| at.to_string())).unwrap());
        match next(session, task.id).await {
            Some(next) if times.len() < 6 => task = next,
            _ => return times,
        }
    }
}

async fn count(session: &Session) -> u64 {
    let all = ListRequest { count: true, ..samples::list() };
    session.tasks().list(&all).await.unwrap().total.unwrap()
}

pub async fn of_two_who_complete_a_task_at_once_one_makes_the_next(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = made(&admin, every("FREQ=DAILY", "2026-03-03T09:00:00Z")).await.id;
    let sessions = [admin.clone(), world.second_session(Role::Admin).await, admin.clone()];
    let complete = |session: Session| -> BoxFuture<'static, bool> {
        Box::pin(async move {
            match session.tasks().complete(id, Expect::Any).await {
                Ok(done) => done.next_id.is_some(),
                Err(error) => error.kind() != Conflict,
            }
        })
    };
    assert!(world.at_once(sessions.map(complete)).await.into_iter().any(|is_done| is_done));
    assert_eq!(count(&admin).await, 2);
    // Whoever opens it and does it again finds the next made.
    let done = admin.tasks().read(id).await.unwrap();
    admin.tasks().reopen(id, Expect::Any).await.unwrap();
    let again = admin.tasks().complete(id, Expect::Any).await.unwrap();
    assert_eq!((again.next_id, count(&admin).await), (done.next_id, 2));
    let entries = feed(&world, world.home.workspace).await;
    let batch = |id: Id<Task>, version| {
        let found =
            entries.iter().find(|sealed| (sealed.entry.record_id, sealed.entry.version) == (id.uuid(), version));
        found.and_then(|sealed| sealed.entry.batch)
    };
    assert!(batch(id, 2).is_some() && batch(id, 2) == batch(done.next_id.unwrap(), 1));
}

pub async fn an_undone_completion_makes_no_second_next(world: World) {
    let admin = world.session(Role::Admin).await;
    let undone = async |id: Id<Task>| {
        let entries = feed(&world, world.home.workspace).await;
        let of = entries.iter().rfind(|sealed| sealed.entry.record_id == id.uuid());
        admin.jobs().revert(of.unwrap().entry.batch.unwrap()).await.unwrap();
        work(&world).await;
        admin.tasks().read(id).await.unwrap().status
    };
    // Somebody works with the next, so it stays.
    let first = made(&admin, every("FREQ=DAILY", "2026-03-03T09:00:00Z")).await.id;
    let kept = next(&admin, first).await.unwrap().id;
    let title = TaskEdit { title: "Water them well".into(), ..TaskEdit::default() };
    admin.tasks().update(kept, title, Expect::Any).await.unwrap();
    assert_eq!(undone(first).await, TaskStatus::Open);
    assert_eq!((next(&admin, first).await.unwrap().id, count(&admin).await), (kept, 2));
    // Nobody has touched this one, so it goes, and the series goes on all the same.
    let second = made(&admin, every("FREQ=DAILY", "2026-03-03T09:00:00Z")).await.id;
    let gone = next(&admin, second).await.unwrap();
    assert_eq!(undone(second).await, TaskStatus::Open);
    assert_eq!(count(&admin).await, 3);
    let anew = next(&admin, second).await.unwrap();
    assert_eq!((anew.id == gone.id, anew.due_at, count(&admin).await), (false, gone.due_at, 4));
    // The next was done before it was deleted: its own next is there.
    next(&admin, kept).await.unwrap();
    admin.tasks().delete(kept, Expect::Any).await.unwrap();
    let before = count(&admin).await;
    admin.tasks().reopen(first, Expect::Any).await.unwrap();
    assert_eq!(admin.tasks().complete(first, Expect::Any).await.unwrap().next_id, Some(kept));
    assert_eq!(count(&admin).await, before);
}

pub async fn the_next_of_a_series_is_like_the_one_that_is_done(world: World) {
    let admin = world.session(Role::Admin).await;
    let contact = admin.contacts().create(samples::contact("Hopper")).await.unwrap().id;
    let edit = TaskEdit {
        description: "all of them".into(),
        duration_minutes: 15.into(),
        contact_id: contact.into(),
        assignee_id: world.home.member(Role::SalesRep).into(),
        external_id: "plants-1".into(),
        tags: Edit::Set(vec!["home".to_owned()]),
        reminder: Edit::Set("10m".to_owned()),
        ..every("freq=weekly;byday=mo,th", "2026-03-02T09:00:00Z")
    };
    let first = made(&admin, edit).await;
    assert_eq!(first.recurrence.as_ref().unwrap().as_str(), "FREQ=WEEKLY;BYDAY=MO,TH");
    // Whoever completes it carries along what they do not see.
    world.set_rule(Role::SalesRep, Entity::Task, hiding(&["description"])).await;
    let next_id = next(&world.session(Role::SalesRep).await, first.id).await.unwrap().id;
    let next = admin.tasks().read(next_id).await.unwrap().into_inner();
    assert_eq!(next.due_at, Some("2026-03-05T09:00:00Z".parse().unwrap()));
    let like = Task {
        id: next.id,
        due_at: next.due_at,
        external_id: None,
        created_by: Some(world.home.member(Role::SalesRep)),
        created_at: next.created_at,
        updated_at: next.updated_at,
        version: 1,
        ..first
    };
    assert_eq!(next, like);
}

pub async fn a_series_ends_when_its_rule_says_so(world: World) {
    world.set_time("2026-03-01T00:00:00Z");
    let admin = world.session(Role::Admin).await;
    let counted = series(&admin, every("FREQ=DAILY;COUNT=3", "2026-03-02")).await;
    assert_eq!(counted, ["2026-03-02", "2026-03-03", "2026-03-04"]);
    let until = series(&admin, every("FREQ=DAILY;INTERVAL=2;UNTIL=20260306", "2026-03-02")).await;
    assert_eq!(until, ["2026-03-02", "2026-03-04", "2026-03-06"]);
    let until = series(&admin, every("FREQ=DAILY;UNTIL=20260303T090000Z", "2026-03-02T09:00:00Z")).await;
    assert_eq!(until.len(), 2);
    let months = series(&admin, every("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", "2026-03-31")).await;
    assert_eq!(months, ["2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]);
    // What counts is the series, however its tasks were moved.
    let first = made(&admin, every("FREQ=DAILY;COUNT=3", "2026-03-02")).await;
    let second = next(&admin, first.id).await.unwrap();
    let later = TaskEdit { due_date: Edit::Set("2026-03-04".parse().unwrap()), ..TaskEdit::default() };
    admin.tasks().update(second.id, later, Expect::Any).await.unwrap();
    assert_eq!(next(&admin, second.id).await, None);
    // A task that is deleted, or has no rule any more, is not followed.
    let last = made(&admin, every("FREQ=DAILY", "2026-03-02")).await;
    let before = count(&admin).await;
    let plain = TaskEdit { recurrence: Edit::Clear, status: TaskStatus::Done.into(), ..TaskEdit::default() };
    assert_eq!(admin.tasks().update(last.id, plain, Expect::Any).await.unwrap().next_id, None);
    let gone = made(&admin, every("FREQ=DAILY", "2026-03-02")).await;
    admin.tasks().delete(gone.id, Expect::Any).await.unwrap();
    assert_eq!(count(&admin).await, before);
}

pub async fn a_series_keeps_its_time_on_the_clock_of_whoever_is_to_do_it(world: World) {
    world.set_time("2026-03-20T00:00:00Z");
    let rep = moved_to(&world, Role::SalesRep, "Europe/Berlin").await;
    let morning = series(&rep, every("FREQ=DAILY;COUNT=3", "2026-03-28T09:00")).await;
    assert_eq!(morning, ["2026-03-28T08:00:00.000000Z", "2026-03-29T07:00:00.000000Z", "2026-03-30T07:00:00.000000Z"]);
    // Half past two is skipped once, and is half past two again on the day after.
    let night = series(&rep, every("FREQ=DAILY;COUNT=3", "2026-03-28T02:30")).await;
    assert_eq!(night, ["2026-03-28T01:30:00.000000Z", "2026-03-29T01:00:00.000000Z", "2026-03-30T00:30:00.000000Z"]);
    let autumn = series(&rep, every("FREQ=DAILY;COUNT=3", "2026-10-24T02:30")).await;
    assert_eq!(autumn, ["2026-10-24T00:30:00.000000Z", "2026-10-25T00:30:00.000000Z", "2026-10-26T01:30:00.000000Z"]);
    // Whoever completes it lives elsewhere.
    let admin = world.session(Role::Admin).await;
    let theirs = TaskEdit {
        assignee_id: world.home.member(Role::SalesRep).into(),
        ..every("FREQ=DAILY", "2026-03-28T08:00:00Z")
    };
    let theirs = made(&admin, theirs).await;
    assert_eq!(next(&admin, theirs.id).await.unwrap().due_at, Some("2026-03-29T07:00:00Z".parse().unwrap()));
    // A day is over at the midnight of whoever is to do it.
    let day = made(&rep, every("FREQ=DAILY", "2026-03-28")).await;
    let day = next(&admin, day.id).await.unwrap();
    assert_eq!(day.due_date, Some("2026-03-29".parse().unwrap()));
    assert_eq!(day.due_at, Some("2026-03-29T21:59:59.999999Z".parse().unwrap()));
}

pub async fn what_is_over_is_left_out_of_a_series(world: World) {
    world.set_time("2026-03-02T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let at = |text: &str| Some(text.parse().unwrap());
    let late = made(&admin, every("FREQ=DAILY", "2026-02-20T13:00:00Z")).await;
    assert_eq!(next(&admin, late.id).await.unwrap().due_at, at("2026-03-02T13:00:00Z"));
    let late = made(&admin, every("FREQ=DAILY", "2026-02-20T11:00:00Z")).await;
    assert_eq!(next(&admin, late.id).await.unwrap().due_at, at("2026-03-03T11:00:00Z"));
    // Today is not over.
    let late = made(&admin, every("FREQ=DAILY", "2026-02-20")).await;
    assert_eq!(next(&admin, late.id).await.unwrap().due_date, Some("2026-03-02".parse().unwrap()));
    let early = made(&admin, every("FREQ=WEEKLY", "2026-03-09")).await;
    assert_eq!(next(&admin, early.id).await.unwrap().due_date, Some("2026-03-16".parse().unwrap()));
    // Occurrences that are left out count.
    let counted = made(&admin, every("FREQ=DAILY;COUNT=3", "2026-02-20")).await;
    assert_eq!(next(&admin, counted.id).await, None);
}

pub async fn a_rule_that_a_task_does_not_follow_is_refused_at_its_field(world: World) {
    let admin = world.session(Role::Admin).await;
    for rule in
        ["FREQ=SECONDLY", "FREQ=HOURLY", "FREQ=DAILY;BYMINUTE=1", "nonsense", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"]
    {
        invalid_at(admin.tasks().create(every(rule, "2026-03-02")).await, "recurrence");
    }
    let ended = every("FREQ=DAILY;UNTIL=20200101", "2026-03-02");
    invalid_at(admin.tasks().create(ended).await, "recurrence");
    let some_day = TaskEdit { recurrence: "FREQ=DAILY".into(), ..samples::task("Some day") };
    invalid_at(admin.tasks().create(some_day).await, "recurrence");
    let task = made(&admin, every("FREQ=DAILY", "2026-03-02")).await;
    let undated = TaskEdit { due_date: Edit::Clear, ..TaskEdit::default() };
    invalid_at(admin.tasks().update(task.id, undated, Expect::Any).await, "recurrence");
    for (reminder, moment) in [("30m", "2026-03-02"), ("soon", "2026-03-02"), ("99999m", "2026-03-02T09:00:00Z")] {
        let edit = TaskEdit { reminder: Edit::Set(reminder.to_owned()), ..due("Call", moment) };
        invalid_at(admin.tasks().create(edit).await, "reminder");
    }
    let undated = TaskEdit { reminder: "1d".into(), ..samples::task("Some day") };
    invalid_at(admin.tasks().create(undated).await, "reminder");
}

pub async fn a_rule_that_comes_true_in_the_zone_of_whoever_follows_it_is_taken(world: World) {
    // Monday in Auckland is Sunday in UTC.
    world.set_time("2026-02-27T00:00:00Z");
    let rep = moved_to(&world, Role::SalesRep, "Pacific/Auckland").await;
    let weekly = made(&rep, every("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2026-03-02T09:00")).await;
    assert_eq!(weekly.due_at, Some("2026-03-01T20:00:00Z".parse().unwrap()));
    assert_eq!(next(&rep, weekly.id).await.unwrap().due_at, Some("2026-03-08T20:00:00Z".parse().unwrap()));
    // A day is the same in every zone, and on a Thursday it is Monday in none.
    invalid_at(rep.tasks().create(every("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2026-03-01")).await, "recurrence");
    invalid_at(rep.tasks().create(every("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2026-03-05T09:00")).await, "recurrence");
}

pub async fn many_tasks_are_done_as_one_is(world: World) {
    let admin = world.session(Role::Admin).await;
    let (mut ids, mut plain) = (Vec::new(), Vec::new());
    for day in 3..6 {
        ids.push(made(&admin, every("FREQ=DAILY", &format!("2026-03-0{day}"))).await.id);
        plain.push(made(&admin, samples::task("Plain")).await.id);
    }
    let edit = TaskEdit { status: TaskStatus::Done.into(), ..TaskEdit::default() };
    let all = Selection::Ids(ids.iter().chain(&plain).copied().collect());
    admin.tasks().change_many(all, BulkChange::Edit(edit), None).await.unwrap();
    assert_eq!(count(&admin).await, 9);
    for (id, day) in ids.iter().zip(4..7) {
        let next = admin.tasks().read(*id).await.unwrap().next_id.unwrap();
        let next = admin.tasks().read(next).await.unwrap();
        assert_eq!(next.due_date.unwrap().to_string(), format!("2026-03-0{day}"));
    }
}

pub async fn a_series_goes_on_under_the_eyes_of_those_who_see_it(world: World) {
    world.set_rule(Role::SalesRep, Entity::Task, own_alone()).await;
    let (rep, admin) = (world.session(Role::SalesRep).await, world.session(Role::Admin).await);
    let task = made(&rep, every("FREQ=WEEKLY", "2026-03-03")).await;
    let next = next(&admin, task.id).await.unwrap();
    assert_eq!(next.assignee_id, Some(world.home.member(Role::SalesRep)));
    assert!(rep.tasks().read(next.id).await.is_ok());
    assert!(world.stranger().await.tasks().read(next.id).await.is_err());
}
