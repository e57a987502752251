//! Tasks: what somebody is to do, by when, and about whom.
//!
//! A task is about at most one contact, company or deal, and shows in the timeline of that record to
//! whoever sees the task too. It is due at an instant or on a whole day: a day is over when it is over
//! for whoever asks, so what is overdue is asked in the zone of the caller (`window`).
//!
//! A task that recurs is one of a series: when it is done, the commit that says so makes the next (`series`).
//! Whoever is to do a task is reminded by a job that its change enqueues (`remind`).

mod calendar;
mod edit;
mod event;
mod fields;
mod kind;
mod model;
mod notice;
mod port;
mod recurrence;
mod remind;
mod reminder;
mod rezone;
mod rule;
mod series;
mod service;
mod window;

pub use calendar::{Calendar, CalendarDay, CalendarRequest};
pub use edit::TaskEdit;
pub use event::TaskEvent;
pub use fields::catalogue;
pub use kind::{TaskKind, TaskPriority, TaskStatus};
pub use model::Task;
pub use port::TaskStore;
pub use recurrence::Recurrence;
pub(crate) use remind::Remind;
pub use reminder::Reminder;
pub(crate) use rezone::{RemindAnew, Rezoned};
pub use service::Tasks;
