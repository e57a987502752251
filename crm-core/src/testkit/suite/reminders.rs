//! Whoever is to do a task is reminded of it: at its instant on their clock, once, and of what is still so.

use std::sync::Arc;

use super::jobs::work;
use super::mails;
use super::support::{feed, own_alone};
use super::tasks::{due, made, moved_to};
use crate::access::{Entity, Role, Rule, Scope};
use crate::edit::Edit;
use crate::id::Id;
use crate::job::{JobState, JobsRequest, LEASE_SECONDS, Never, Queue, Stop};
use crate::journal::{Change, Event};
use crate::mail::{MailState, MailsRequest, NewSuppression};
use crate::session::{Expect, Session};
use crate::task::{Task, TaskEdit, TaskEvent};
use crate::testkit::{World, samples};
use crate::user::{UserEdit, UserStatus};

/// A task that somebody is reminded of.
fn reminding(reminder: &str, moment: &str) -> TaskEdit {
    TaskEdit { reminder: Edit::Set(reminder.to_owned()), ..due("Call Ada", moment) }
}

/// The instants of which somebody was reminded of a task.
async fn reminded(world: &World, id: Id<Task>) -> Vec<String> {
    let entries = feed(world, world.home.workspace).await;
    let own = entries.iter().filter(|sealed| sealed.entry.record_id == id.uuid());
    let at = |event: &Event| match event {
        Event::Task(TaskEvent::Reminded { at, .. }) => Some(at.to_string()),
        _ => None,
    };
    own.flat_map(|sealed| sealed.entry.events.iter().filter_map(at)).collect()
}

/// Sets the clock and does what is due.
async fn at(world: &World, time: &str) {
    world.set_time(time);
    work(world).await;
}

async fn in_zone(world: &World, role: Role, zone: &str) {
    let edit = UserEdit { time_zone: Edit::Set(zone.parse().unwrap()), ..UserEdit::default() };
    let admin = world.session(Role::Admin).await;
    admin.users().update(world.home.member(role), edit, Expect::Any).await.unwrap();
}

pub async fn a_reminder_comes_at_its_instant_on_the_clock_of_whoever_is_to_do_it(world: World) {
    world.set_time("2026-03-20T00:00:00Z");
    let rep = moved_to(&world, Role::SalesRep, "Europe/Berlin").await;
    let admin = world.session(Role::Admin).await;
    let theirs = |edit| TaskEdit { assignee_id: world.home.member(Role::SalesRep).into(), ..edit };
    // The day before ends at the change of clocks; the one after begins with it.
    let before = made(&admin, theirs(reminding("1d", "2026-03-29"))).await.id;
    let after = made(&rep, reminding("0d 09:00", "2026-03-29")).await.id;
    let timed = made(&rep, reminding("90m", "2026-03-29T09:00")).await.id;
    at(&world, "2026-03-28T07:59:59Z").await;
    assert!(reminded(&world, before).await.is_empty());
    at(&world, "2026-03-28T08:00:00Z").await;
    assert_eq!(reminded(&world, before).await, ["2026-03-28T08:00:00.000000Z"]);
    at(&world, "2026-03-29T05:29:59Z").await;
    assert!(reminded(&world, timed).await.is_empty());
    at(&world, "2026-03-29T05:30:00Z").await;
    assert_eq!(reminded(&world, timed).await, ["2026-03-29T05:30:00.000000Z"]);
    at(&world, "2026-03-29T06:59:59Z").await;
    assert!(reminded(&world, after).await.is_empty());
    at(&world, "2026-04-01T00:00:00Z").await;
    assert_eq!(reminded(&world, after).await, ["2026-03-29T07:00:00.000000Z"]);
    assert_eq!(reminded(&world, before).await.len(), 1);
    // A time that is over when it is said is no reminder.
    let late = made(&rep, reminding("30m", "2026-04-01T00:10:00Z")).await.id;
    at(&world, "2026-04-02T00:00:00Z").await;
    assert!(reminded(&world, late).await.is_empty());
}

pub async fn a_reminder_is_a_fact_of_the_task_and_no_change_of_it(world: World) {
    let admin = world.session(Role::Admin).await;
    let contact = admin.contacts().create(samples::contact("Lovelace")).await.unwrap().id;
    let edit = TaskEdit { contact_id: contact.into(), ..reminding("10m", "2026-03-02T13:00:00Z") };
    let task = made(&admin, edit).await;
    world.set_rule(Role::SalesRep, Entity::Task, own_alone()).await;
    at(&world, "2026-03-02T12:50:00Z").await;
    let admin = world.session(Role::Admin).await;
    assert_eq!(admin.tasks().read(task.id).await.unwrap().version, 1);
    let told = |events: &[Event]| events.iter().any(|event| matches!(event, Event::Task(TaskEvent::Reminded { .. })));
    let own = admin.tasks().timeline(task.id, None, None).await.unwrap().data;
    assert!(own.iter().any(|item| item.change == Change::Noted && told(&item.events)));
    let related = admin.contacts().timeline(contact, None, None).await.unwrap().data;
    assert!(related.iter().any(|item| item.entity == Entity::Task && told(&item.events)));
    // Whoever watches is told, if they see the task.
    let happened = world.crm.feed(world.home.workspace).await.unwrap().after(0, 10_000).await.unwrap();
    let rep = world.session(Role::SalesRep).await;
    let watched = |session: &Session| {
        let mut envelopes = happened.iter().filter_map(|occurrence| session.envelope(occurrence));
        envelopes.any(|envelope| envelope.kind == "task.reminded" && envelope.data.record_id == task.id.uuid())
    };
    assert!(watched(&admin) && !watched(&rep));
}

pub async fn nobody_is_reminded_of_what_is_moved_done_or_deleted(world: World) {
    let admin = world.session(Role::Admin).await;
    let moment = "2026-03-02T14:00:00Z";
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(made(&admin, reminding("30m", moment)).await.id);
    }
    let [moved, done, deleted, quiet] = ids[..] else { unreachable!("four were made") };
    let edit = |due: &str| TaskEdit { due_at: Edit::Set(due.parse().unwrap()), ..TaskEdit::default() };
    admin.tasks().update(moved, edit("2026-03-02T16:00:00Z"), Expect::Any).await.unwrap();
    admin.tasks().complete(done, Expect::Any).await.unwrap();
    admin.tasks().delete(deleted, Expect::Any).await.unwrap();
    let silent = TaskEdit { reminder: Edit::Clear, ..TaskEdit::default() };
    admin.tasks().update(quiet, silent, Expect::Any).await.unwrap();
    at(&world, "2026-03-02T13:30:00Z").await;
    for id in [moved, done, deleted, quiet] {
        assert!(reminded(&world, id).await.is_empty());
    }
    at(&world, "2026-03-02T15:30:00Z").await;
    assert_eq!(reminded(&world, moved).await, ["2026-03-02T15:30:00.000000Z"]);
    // Moved again, it is another reminder; moved back to an instant that was told, it is none.
    let admin = world.session(Role::Admin).await;
    admin.tasks().update(moved, edit("2026-03-02T17:00:00Z"), Expect::Any).await.unwrap();
    admin.tasks().update(moved, edit("2026-03-02T16:00:00Z"), Expect::Any).await.unwrap();
    at(&world, "2026-03-02T18:00:00Z").await;
    assert_eq!(reminded(&world, moved).await, ["2026-03-02T15:30:00.000000Z"]);
}

pub async fn a_change_that_keeps_the_instant_keeps_the_reminder(world: World) {
    world.set_time("2026-03-02T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let day = made(&admin, reminding("1d 09:00", "2026-03-05T10:00:00Z")).await.id;
    let minutes = made(&admin, reminding("60m", "2026-03-03T13:00:00Z")).await.id;
    let early = made(&admin, reminding("60m", "2026-03-04T13:00:00Z")).await.id;
    let edit = |due: &str| TaskEdit { due_at: Edit::Set(due.parse().unwrap()), ..TaskEdit::default() };
    admin.tasks().update(day, edit("2026-03-05T15:00:00Z"), Expect::Any).await.unwrap();
    let same = TaskEdit { reminder: Edit::Set("90m".to_owned()), ..edit("2026-03-03T13:30:00Z") };
    admin.tasks().update(minutes, same, Expect::Any).await.unwrap();
    // An hour before that is over when it is said.
    admin.tasks().update(early, edit("2026-03-02T12:10:00Z"), Expect::Any).await.unwrap();
    at(&world, "2026-03-03T12:00:00Z").await;
    assert_eq!(reminded(&world, minutes).await, ["2026-03-03T12:00:00.000000Z"]);
    at(&world, "2026-03-06T00:00:00Z").await;
    assert_eq!((reminded(&world, day).await.len(), reminded(&world, minutes).await.len()), (1, 1));
    assert!(reminded(&world, early).await.is_empty());
}

pub async fn a_reminder_follows_whoever_moves_to_another_zone(world: World) {
    world.set_time("2026-03-02T00:00:00Z");
    in_zone(&world, Role::SalesRep, "Europe/Berlin").await;
    let admin = world.session(Role::Admin).await;
    let theirs = |edit| TaskEdit { assignee_id: world.home.member(Role::SalesRep).into(), ..edit };
    let mut ids = Vec::new();
    for title in ["2026-03-05", "2026-03-06"] {
        ids.push(made(&admin, theirs(reminding("0d", title))).await.id);
    }
    let [west, east] = ids[..] else { unreachable!("two were made") };
    // Nine in New York comes later than nine in Berlin.
    in_zone(&world, Role::SalesRep, "America/New_York").await;
    at(&world, "2026-03-05T08:00:00Z").await;
    assert!(reminded(&world, west).await.is_empty());
    at(&world, "2026-03-05T14:00:00Z").await;
    assert_eq!(reminded(&world, west).await, ["2026-03-05T14:00:00.000000Z"]);
    // Nine in Tokyo is over, and nine in New York was not: it is told at once.
    at(&world, "2026-03-06T01:00:00Z").await;
    in_zone(&world, Role::SalesRep, "Asia/Tokyo").await;
    at(&world, "2026-03-06T01:00:10Z").await;
    assert_eq!(reminded(&world, east).await, ["2026-03-06T00:00:00.000000Z"]);
    at(&world, "2026-03-07T00:00:00Z").await;
    assert_eq!((reminded(&world, east).await.len(), reminded(&world, west).await.len()), (1, 1));
}

pub async fn a_reminder_is_told_once_whoever_dies_over_it(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = made(&admin, reminding("10m", "2026-03-02T13:00:00Z")).await.id;
    world.set_time("2026-03-02T12:50:00Z");
    let stop: Arc<dyn Stop> = Arc::new(Never);
    let workers = world.crm.workers();
    let taken = workers.take(&[(Queue::NOTIFICATION, 1)], 1).await.unwrap();
    // It was told, and the worker dies before it can say so.
    assert!(workers.run(&taken[0], &stop, &crate::job::Endless).await.is_some());
    assert_eq!(reminded(&world, id).await.len(), 1);
    world.clock.advance_seconds(LEASE_SECONDS + 1);
    // The reminder comes again; the mail of it looks for a process that sends.
    assert_eq!(work(&world).await, 2);
    assert_eq!(reminded(&world, id).await, ["2026-03-02T12:50:00.000000Z"]);
}

pub async fn a_reminder_stays_in_its_workspace(world: World) {
    let (admin, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let own = made(&admin, reminding("10m", "2026-03-02T13:00:00Z")).await.id;
    let theirs = made(&stranger, reminding("10m", "2026-03-02T13:00:00Z")).await.id;
    at(&world, "2026-03-02T12:50:00Z").await;
    assert_eq!((reminded(&world, own).await.len(), reminded(&world, theirs).await.len()), (1, 0));
    let away = feed(&world, world.away.workspace).await;
    assert!(away.iter().any(|sealed| sealed.entry.record_id == theirs.uuid() && sealed.entry.change == Change::Noted));
}

/// A task of the sales rep's of which they are reminded.
fn theirs(world: &World, reminder: &str, moment: &str) -> TaskEdit {
    TaskEdit { assignee_id: world.home.member(Role::SalesRep).into(), ..reminding(reminder, moment) }
}

pub async fn whoever_is_reminded_gets_one_mail(world: World) {
    world.set_time("2026-03-02T00:00:00Z");
    in_zone(&world, Role::SalesRep, "Europe/Berlin").await;
    let ([crm, second], mailer) = mails::mailing(&world);
    let admin = mails::member(&crm, &world, Role::Admin).await;
    let id = made(&admin, theirs(&world, "30m", "2026-03-02T14:00:00Z")).await.id;
    mails::work(&crm).await;
    assert!(mailer.sent().is_empty());
    world.set_time("2026-03-02T13:30:00Z");
    // It was told, and the worker dies before it can say so.
    let stop: Arc<dyn Stop> = Arc::new(Never);
    let workers = crm.workers();
    let taken = workers.take(&[(Queue::NOTIFICATION, 1)], 1).await.unwrap();
    assert!(workers.run(&taken[0], &stop, &crate::job::Endless).await.is_some());
    world.clock.advance_seconds(LEASE_SECONDS + 1);
    mails::work(&second).await;
    let sent = mailer.sent();
    let to: Vec<&str> = sent.iter().flat_map(|mail| mail.recipients()).map(|to| to.email.as_str()).collect();
    assert_eq!((to, sent[0].subject.as_str()), (vec!["sales_rep@home.example"], "Reminder: Call Ada"));
    assert!(sent[0].text.as_ref().unwrap().contains("Call Ada is due on 2026-03-02 at 15:00"), "{sent:?}");
    assert!(sent[0].html.is_some() && sent[0].unsubscribe_url.is_some());
    let log = admin.mails().log(&MailsRequest::default()).await.unwrap().data;
    assert_eq!((log.len(), log[0].state, log[0].created_by), (1, MailState::Sent, None));
    assert_eq!(reminded(&world, id).await.len(), 1);
}

pub async fn a_title_that_no_subject_holds_is_cut_in_the_mail(world: World) {
    let ([crm, _], mailer) = mails::mailing(&world);
    let admin = mails::member(&crm, &world, Role::Admin).await;
    let edit = theirs(&world, "30m", "2026-03-02T14:00:00Z");
    made(&admin, TaskEdit { title: Edit::Set("ä".repeat(300)), ..edit }).await;
    world.set_time("2026-03-02T13:30:00Z");
    mails::work(&crm).await;
    let subjects: Vec<String> = mailer.sent().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, [format!("Reminder: {}…", "ä".repeat(199))]);
}

pub async fn no_mail_goes_to_whoever_is_not_to_be_reminded(world: World) {
    let ([crm, _], mailer) = mails::mailing(&world);
    let admin = mails::member(&crm, &world, Role::Admin).await;
    let moment = "2026-03-02T14:00:00Z";
    let of = |role| TaskEdit { assignee_id: world.home.member(role).into(), ..reminding("30m", moment) };
    let done = made(&admin, of(Role::SalesRep)).await.id;
    admin.tasks().complete(done, Expect::Any).await.unwrap();
    let nobodys = made(&admin, of(Role::SalesRep)).await.id;
    let unassigned = TaskEdit { assignee_id: Edit::Clear, ..TaskEdit::default() };
    admin.tasks().update(nobodys, unassigned, Expect::Any).await.unwrap();
    let suspended = made(&admin, of(Role::Setter)).await.id;
    let setter = world.home.member(Role::Setter);
    admin.users().change_status(setter, UserStatus::Suspended, Expect::Any).await.unwrap();
    let suppressed = made(&admin, of(Role::Closer)).await.id;
    admin.mails().suppress(NewSuppression { email: "closer@home.example".parse().unwrap() }).await.unwrap();
    world.set_time("2026-03-02T13:30:00Z");
    mails::work(&crm).await;
    assert!(mailer.sent().is_empty() && reminded(&world, done).await.is_empty());
    // They are facts all the same.
    for id in [nobodys, suspended, suppressed] {
        assert_eq!(reminded(&world, id).await.len(), 1);
    }
    let log = admin.mails().log(&MailsRequest::default()).await.unwrap().data;
    let told: Vec<_> = log.iter().map(|record| (record.recipients.as_str(), record.state)).collect();
    assert_eq!(told, [("closer@home.example", MailState::Suppressed)]);
}

pub async fn no_mail_tells_of_a_task_that_whoever_is_to_do_it_may_not_read(world: World) {
    let ([crm, _], mailer) = mails::mailing(&world);
    let admin = mails::member(&crm, &world, Role::Admin).await;
    let id = made(&admin, theirs(&world, "30m", "2026-03-02T14:00:00Z")).await.id;
    world.set_rule(Role::SalesRep, Entity::Task, Rule { read: Scope::None, ..Rule::ALL }).await;
    world.set_time("2026-03-02T13:30:00Z");
    mails::work(&crm).await;
    assert!(mailer.sent().is_empty());
    assert_eq!(reminded(&world, id).await.len(), 1);
    let log = admin.mails().log(&MailsRequest::default()).await.unwrap().data;
    assert!(log.is_empty(), "{log:?}");
}

pub async fn a_template_that_does_not_fit_keeps_nobody_from_being_reminded(world: World) {
    let ([crm, _], mailer) = mails::mailing(&world);
    let admin = mails::member(&crm, &world, Role::Admin).await;
    for (at, subject) in [("13:00", "Do {{ task.title }}"), ("14:00", "Do {{ nothing }}")] {
        made(&admin, theirs(&world, "30m", &format!("2026-03-02T{at}:00Z"))).await;
        let content = mails::content(subject, "x");
        admin.mails().set_template(&mails::name("reminder"), content, Expect::Any).await.unwrap();
        world.set_time(&format!("2026-03-02T{at}:00Z"));
        mails::work(&crm).await;
    }
    let subjects: Vec<String> = mailer.sent().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Do Call Ada", "Reminder: Call Ada"]);
}

/// The jobs that leave a mail to a process that sends.
async fn leaving(world: &World) -> Vec<JobState> {
    let request = JobsRequest { kind: Some("mail.tell".to_owned()), ..JobsRequest::default() };
    let jobs = world.session(Role::Admin).await.jobs().list(&request).await.unwrap().data;
    jobs.iter().map(|job| job.state).collect()
}

pub async fn a_process_without_mail_leaves_it_to_one_that_sends(world: World) {
    let ([crm, second], mailer) = mails::mailing(&world);
    let admin = mails::member(&crm, &world, Role::Admin).await;
    let id = made(&admin, theirs(&world, "30m", "2026-03-02T14:00:00Z")).await.id;
    // It reminds, and looks for the mail's process.
    at(&world, "2026-03-02T13:30:00Z").await;
    at(&world, "2026-03-02T13:31:00Z").await;
    assert_eq!((reminded(&world, id).await.len(), leaving(&world).await), (1, vec![JobState::Queued]));
    assert!(mailer.sent().is_empty());
    world.set_time("2026-03-02T13:33:00Z");
    // The mail was enqueued, and the worker dies before it can say so.
    let stop: Arc<dyn Stop> = Arc::new(Never);
    let workers = crm.workers();
    let taken = workers.take(&[(Queue::EMAIL, 1)], 1).await.unwrap();
    assert!(workers.run(&taken[0], &stop, &crate::job::Endless).await.is_some());
    world.clock.advance_seconds(LEASE_SECONDS + 1);
    mails::work(&second).await;
    let subjects: Vec<String> = mailer.sent().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Reminder: Call Ada"]);
    assert_eq!(leaving(&world).await, [JobState::Done]);
    let log = admin.mails().log(&MailsRequest::default()).await.unwrap().data;
    assert_eq!((log.len(), log[0].state, log[0].created_by), (1, MailState::Sent, None));
}

pub async fn without_a_mailer_reminders_are_facts_alone(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = made(&admin, theirs(&world, "30m", "2026-03-02T14:00:00Z")).await.id;
    at(&world, "2026-03-02T13:30:00Z").await;
    assert_eq!((reminded(&world, id).await.len(), leaving(&world).await), (1, vec![JobState::Queued]));
    // Nobody sends mail here: what was to go out does not wait for ever.
    at(&world, "2026-03-03T13:29:00Z").await;
    assert_eq!(leaving(&world).await, [JobState::Queued]);
    at(&world, "2026-03-03T14:30:00Z").await;
    assert_eq!(leaving(&world).await, [JobState::Done]);
    let admin = world.session(Role::Admin).await;
    assert!(admin.mails().log(&MailsRequest::default()).await.unwrap().data.is_empty());
}
