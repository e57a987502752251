//! Facts about tasks.

use serde::{Deserialize, Serialize};

use super::kind::TaskStatus;
use super::model::Task;
use crate::id::Id;
use crate::time::Timestamp;
use crate::user::User;

/// A fact about a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum TaskEvent {
    /// It was done.
    #[serde(rename = "task.completed")]
    Completed {
        /// When: the time of the entry, or for imported history the time in the file.
        at: Timestamp,
    },
    /// It is to be done again.
    #[serde(rename = "task.reopened")]
    Reopened {
        /// When it had been done.
        completed_at: Option<Timestamp>,
    },
    /// Whoever is to do it was reminded.
    #[serde(rename = "task.reminded")]
    Reminded {
        /// For when the reminder was.
        at: Timestamp,
        /// Who is to do it; absent where nobody is.
        assignee_id: Option<Id<User>>,
    },
}

impl TaskEvent {
    /// The fact between two states of a task, if there is one; a new task has no state before.
    pub(super) fn between(before: Option<&Task>, after: &Task) -> Option<Self> {
        let was = before.map_or(TaskStatus::Open, |before| before.status);
        match (was, after.status) {
            (TaskStatus::Open, TaskStatus::Done) => after.completed_at.map(|at| TaskEvent::Completed { at }),
            (TaskStatus::Done, TaskStatus::Open) => {
                Some(TaskEvent::Reopened { completed_at: before.and_then(|before| before.completed_at) })
            }
            (TaskStatus::Open, TaskStatus::Open) | (TaskStatus::Done, TaskStatus::Done) => None,
        }
    }
}
