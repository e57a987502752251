//! Reminders: kept true by a job that each change of a task enqueues, at the instant of the reminder.
//!
//! The job looks at the task as it is then, and nowhere else: of one that is done or deleted nobody is reminded;
//! where it is to be reminded of later by now, as it was moved or the clock is another one, a job waits for that.
//! The fact is written under a key of task and instant, so it is there once however often the job runs, and the mail
//! that tells of it (`notice`) is enqueued by its commit.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::event::TaskEvent;
use super::kind::TaskStatus;
use super::model::Task;
use super::notice;
use super::series::is_followed;
use crate::access::{Action, Actor, Entity};
use crate::error::{ErrorKind, Result};
use crate::id::Id;
use crate::job::{Handler, JobContext, JobError, NewJob, Policy, Queue};
use crate::session::{Decisions, Session};
use crate::store::{Changes, IdempotencyKey, Reliance, Stored};
use crate::time::{Timestamp, Zone};
use crate::user::User;

/// What the product says that it acts for.
pub(super) const CAUSE: &str = "reminder";

/// What its job is told of a reminder: no more than the key by which the job is the only one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Due {
    task_id: Id<Task>,
    /// The instant that was computed.
    at: Timestamp,
}

/// The job that reminds of a task at an instant; none where nothing is to be reminded of.
///
/// # Errors
/// `Internal` where it cannot be written.
pub(super) fn job(task: &Task, at: Timestamp) -> Result<Option<NewJob>> {
    if task.reminder.is_none() {
        return Ok(None);
    }
    Ok(Some(Remind::job(&Due { task_id: task.id, at })?.at(at).unique(format!("{} {at}", task.id))))
}

/// The zones of those who are to do tasks, each looked up once.
pub(super) struct Zones<'s> {
    session: &'s Session,
    known: BTreeMap<Id<User>, User>,
}

impl<'s> Zones<'s> {
    pub(super) fn new(session: &'s Session) -> Self {
        Self { session, known: BTreeMap::new() }
    }

    /// The zone of whoever is to do a task: the workspace's where nobody is, or where they have none.
    pub(super) async fn of(&mut self, task: &Task) -> Result<Zone> {
        let access = self.session.access();
        let Some(id) = task.assignee_id else { return Ok(access.workspace.time_zone) };
        if !self.known.contains_key(&id) {
            match self.session.ports().users.member(access.workspace.id, id).await {
                Ok(user) => drop(self.known.insert(id, user)),
                // Somebody whom the same commit makes has no zone of their own.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.own(task).unwrap_or(access.workspace.time_zone))
    }

    /// The own zone of whoever is to do a task, who was looked up.
    pub(super) fn own(&self, task: &Task) -> Option<Zone> {
        self.whose(task)?.time_zone
    }

    /// Whoever is to do a task, who was looked up.
    fn whose(&self, task: &Task) -> Option<&User> {
        self.known.get(&task.assignee_id?)
    }

    /// Refuses the commit where somebody's zone may be another one by now.
    pub(super) fn rely(&self, changes: &mut Changes) {
        self.known.values().for_each(|user| changes.rely(Reliance::on(user)));
    }
}

/// Puts among the changes what follows from changed tasks: the next of the series of those that are done, and
/// the jobs that remind of those that are due at another time.
///
/// # Errors
/// `Unavailable` when the store cannot be reached.
pub(super) async fn bring(session: &Session, changes: &mut Changes, tasks: Vec<&mut Stored<Task>>) -> Result<()> {
    let mut zones = Zones::new(session);
    let next = |task: &&mut Stored<Task>| task.next_id.filter(|_| is_followed(task));
    let standing = standing(session, tasks.iter().filter_map(next).collect()).await?;
    for task in tasks {
        let is_last = task.next_id.is_none_or(|next| !standing.contains(&next));
        if is_last && is_followed(task) {
            let (now, zone) = (changes.now(), zones.of(task).await?);
            let next = task.next_of_series(Id::new_at(now), now, zone, session.actor().user_id());
            if let Some(next) = next {
                task.next_id = Some(next.id);
                if changes.batch.is_none() {
                    changes.in_batch(Id::new_at(now));
                }
                remind(changes, &next, zone)?;
                changes.put_as_product(&mut Stored::new(next));
            }
        }
        if is_reminded_anew(task) {
            let zone = zones.of(task).await?;
            remind(changes, task, zone)?;
        }
    }
    zones.rely(changes);
    Ok(())
}

/// Those of some tasks after which their series go on: all but those that were deleted before they were done.
///
/// # Errors
/// `Unavailable` when the store cannot be reached.
async fn standing(session: &Session, ids: Vec<Id<Task>>) -> Result<BTreeSet<Id<Task>>> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    // Whoever does a task may not see the next.
    let product = session.as_product(CAUSE).await?;
    let grant = product.require(Entity::Task, Action::Read)?;
    let tasks = &session.ports().tasks;
    let mut standing: BTreeSet<Id<Task>> = tasks.tasks_by_id(&grant, &ids).await?.iter().map(|task| task.id).collect();
    for id in ids {
        if !standing.contains(&id) {
            match tasks.deleted_task(&grant, id).await {
                Ok(gone) if gone.status == TaskStatus::Open => {}
                Ok(_) => drop(standing.insert(id)),
                // Of what was purged nobody knows whether it was done: one task too few is better than one too many.
                Err(error) if error.kind() == ErrorKind::NotFound => drop(standing.insert(id)),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(standing)
}

/// Whether a change may have given a task another reminder.
fn is_reminded_anew(task: &Stored<Task>) -> bool {
    let told = |task: &Task| (task.reminder, task.due_at, task.due_date, task.status, task.assignee_id);
    task.reminder.is_some() && task.before().map(told) != Some(told(task))
}

/// Enqueues the job that reminds of a task, unless its time is over.
fn remind(changes: &mut Changes, task: &Task, zone: Zone) -> Result<()> {
    if let Some(at) = task.reminded_at(zone).filter(|at| *at > changes.now())
        && let Some(job) = job(task, at)?
    {
        changes.enqueue(job);
    }
    Ok(())
}

/// Reminds of a task.
pub(crate) struct Remind;

impl Handler for Remind {
    type Payload = Due;

    const KIND: &'static str = "task.remind";

    fn policy() -> Policy {
        Policy::on(Queue::NOTIFICATION)
    }

    async fn run(&self, job: &JobContext, due: Due) -> Result<(), JobError> {
        let product = job.crm().acting(Actor::system(job.workspace_id(), CAUSE)).await?;
        let mut decisions = Decisions::new();
        loop {
            if let Some(settled) = decisions.settle(once(&product, &due).await) {
                return settled.map_err(JobError::from);
            }
        }
    }
}

/// Decides once what becomes of a reminder whose time has come.
async fn once(product: &Session, due: &Due) -> Result<()> {
    let grant = product.require(Entity::Task, Action::Read)?;
    let task = match product.ports().tasks.task(&grant, due.task_id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        task => task?,
    };
    let mut zones = Zones::new(product);
    let zone = zones.of(&task).await?;
    let mut changes = product.changes();
    match task.reminded_at(zone) {
        None => return Ok(()),
        // It was moved to an instant that was over then.
        Some(at) if at != due.at && at <= task.updated_at => return Ok(()),
        // It was moved, or whoever is to do it lives by another clock by now.
        Some(at) if at > changes.now() && at != due.at => {
            remind(&mut changes, &task, zone)?;
            zones.rely(&mut changes);
            return product.commit(&grant, changes).await;
        }
        Some(at) => {
            tell(&mut changes, &task, at);
            if let Some(to) = zones.whose(&task) {
                notice::enqueue(product, &mut changes, &task, to, zone).await?;
            }
        }
    }
    match product.commit(&grant, changes).await {
        Err(error) if error.code() == "idempotency_replay" => Ok(()),
        told => told,
    }
}

/// Reminds: the fact in the task's journal, once an instant. What tells of it in further ways goes along in the
/// same commit.
fn tell(changes: &mut Changes, task: &Stored<Task>, at: Timestamp) {
    changes.rely_on(task);
    changes.note_on(&**task, TaskEvent::Reminded { at, assignee_id: task.assignee_id });
    changes.idempotent(IdempotencyKey::new("task.reminded", &format!("{} {at}", task.id), b""), task);
}
