//! What can be typed about tasks.

use clap::{Args as ClapArgs, Subcommand};
use crm_core::Moment;
use crm_core::filter::{Filter, Span};

use super::change::{Expected, Fields, One, Typed};
use super::{List, Records};

#[derive(Debug, Subcommand)]
pub(crate) enum Tasks {
    /// What every kind of record has
    #[command(flatten)]
    Records(Records<TaskFields>),
    /// What tasks alone have
    #[command(flatten)]
    Own(TaskVerb),
}

/// The fields of a task to set.
#[derive(Debug, ClapArgs)]
pub(crate) struct TaskFields {
    #[command(flatten)]
    fields: Fields,
    /// How it recurs from when it is due on: a rule of RFC 5545, as in `FREQ=WEEKLY;BYDAY=MO,TH`; an empty
    /// one ends the series
    #[arg(long, value_name = "RULE")]
    recurrence: Option<String>,
    /// When whoever is to do it is reminded: minutes before it is due, as in `30m`, or days before its day,
    /// as in `1d 09:00`; an empty one takes that away
    #[arg(long, value_name = "WHEN")]
    reminder: Option<String>,
}

impl Typed for TaskFields {
    fn typed(&self) -> Fields {
        let mut fields = self.fields.clone();
        for (name, value) in [("recurrence", &self.recurrence), ("reminder", &self.reminder)] {
            fields.set.extend(value.iter().map(|value| format!("{name}={value}")));
        }
        fields
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaskVerb {
    /// Say that a task is done
    Done {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
    /// Say that a task is to be done again
    Reopen {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
    /// The open tasks of whoever acts (`--as`); what is due first comes first
    Mine(List),
    /// Open tasks that are past due, the oldest first
    Overdue(List),
    /// Open tasks that are due within a time from now on, the next first
    Upcoming(Upcoming),
    /// Days with what is due on them, done or not
    Calendar(Calendar),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Upcoming {
    /// How long from now on, as an ISO 8601 duration
    #[arg(long, value_name = "DURATION", default_value = "P7D")]
    pub(crate) within: Span,
    #[command(flatten)]
    pub(crate) list: List,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Calendar {
    /// Where it begins: a day, a local time (`2026-03-01T09:00`) or an instant
    #[arg(long, value_name = "MOMENT")]
    pub(crate) from: Moment,
    /// Before which moment it ends
    #[arg(long, value_name = "MOMENT")]
    pub(crate) to: Moment,
    /// Only tasks that match, as in `assignee_id = me`
    #[arg(long)]
    pub(crate) filter: Option<Filter>,
    /// Tasks, 1 to 200
    #[arg(long, default_value_t = 200)]
    pub(crate) limit: u16,
    /// Where the page before said the next one starts
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cursor: Option<String>,
}
