//! Reminders of those who live by another clock from now on: computed anew by a job that pages through their
//! open tasks.

use serde::{Deserialize, Serialize};

use super::fields::REMINDER;
use super::model::Task;
use super::remind::{CAUSE, Zones, job};
use super::window;
use crate::access::{Action, Actor, Entity};
use crate::error::Result;
use crate::filter::{Check, CheckedFilter};
use crate::id::Id;
use crate::job::{Handler, JobContext, JobError, NewJob, Policy, Queue};
use crate::page::{ListRequest, MAX_LIMIT, Position};
use crate::session::Session;
use crate::time::{Timestamp, Zone};
use crate::user::User;

/// Somebody lives by another clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rezoned {
    /// Who; everybody who lives by the workspace's clock where absent.
    user_id: Option<Id<User>>,
    /// The zone of before.
    was: Zone,
    /// Since when.
    at: Timestamp,
}

impl Rezoned {
    /// The job that computes reminders anew.
    ///
    /// # Errors
    /// `Internal` where it cannot be written.
    pub(crate) fn job(user_id: Option<Id<User>>, was: Zone, at: Timestamp) -> Result<NewJob> {
        RemindAnew::job(&Self { user_id, was, at })
    }
}

/// Computes reminders anew.
pub(crate) struct RemindAnew;

impl Handler for RemindAnew {
    type Payload = Rezoned;

    const KIND: &'static str = "task.remind_anew";

    fn policy() -> Policy {
        Policy::on(Queue::NOTIFICATION)
    }

    async fn run(&self, context: &JobContext, moved: Rezoned) -> Result<(), JobError> {
        let (mut after, mut done) = (None, 0);
        loop {
            // Members are read anew for each page: a long way lies between the first and the last.
            let product = context.crm().acting(Actor::system(context.workspace_id(), CAUSE)).await?;
            let (tasks, next) = page(&product, &moved, after).await?;
            enqueue(&product, &moved, &tasks).await?;
            done += tasks.len() as u64;
            context.progress(done, None).await?;
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// A page of the open tasks that somebody is reminded of, and where the next one begins.
async fn page(product: &Session, moved: &Rezoned, after: Option<Position>) -> Result<(Vec<Task>, Option<Position>)> {
    let grant = product.require(Entity::Task, Action::Read)?;
    let request = ListRequest { sort: Some("created_at".to_owned()), limit: Some(MAX_LIMIT), ..ListRequest::default() };
    let mut query = grant.check_list::<Task>(&request, product.now())?.from_position(after);
    let whose = moved.user_id.map_or_else(CheckedFilter::everything, window::of);
    query.filter = query.filter.and(window::open()).and(whose).and(CheckedFilter::is(REMINDER, Check::NotNull));
    let rows = product.ports().tasks.tasks(&grant, &query).await?;
    Ok((rows.rows, rows.next))
}

/// Enqueues the reminders of tasks at their new instants. One that is over by the new clock and was not by the
/// old comes at once; one that was over by the old clock has been told.
async fn enqueue(product: &Session, moved: &Rezoned, tasks: &[Task]) -> Result<()> {
    let mut zones = Zones::new(product);
    let mut changes = product.changes();
    for task in tasks {
        let (before, at) = (task.reminded_at(moved.was), task.reminded_at(zones.of(task).await?));
        // The workspace's clock is not that of those who have their own.
        let is_moved = before != at && (moved.user_id.is_some() || zones.own(task).is_none());
        if let Some(at) = at
            && is_moved
            && before.is_some_and(|before| before > moved.at)
            && let Some(job) = job(task, at)?
        {
            changes.enqueue(job);
        }
    }
    let grant = product.internally(Entity::Job, Action::Create);
    product.commit(&grant, changes).await
}
