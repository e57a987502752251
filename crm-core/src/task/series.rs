//! The next of a series: decided from the task that is done. It has one next: whoever opens it and does it again
//! finds that one, unless it was deleted before it was done.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};

use super::kind::TaskStatus;
use super::model::Task;
use super::recurrence::Recurrence;
use super::reminder::Reminder;
use crate::edit::Edit;
use crate::faults::Faults;
use crate::id::Id;
use crate::moment::Moment;
use crate::store::Stored;
use crate::time::{Timestamp, Zone};
use crate::user::User;

impl Task {
    /// When it is due, as it was said: on a day or at an instant.
    pub(super) fn due(&self) -> Option<Moment> {
        self.due_date.map(Moment::Day).or(self.due_at.map(Moment::from))
    }

    /// Says how it recurs, after it was said when it is due. A new rule begins a series; the first of a series
    /// takes its beginning along when it is moved, and a later one does not. `was_due` is when it was due before.
    pub(super) fn edit_recurrence(&mut self, rule: Edit<String>, was_due: Option<Moment>, faults: &mut Faults) {
        let rule = match rule {
            Edit::Keep => Ok(self.recurrence.clone()),
            Edit::Clear => Ok(None),
            Edit::Set(text) if text.trim().is_empty() => Ok(None),
            Edit::Set(text) => text.parse::<Recurrence>().map(Some),
        };
        let rule = match rule {
            Ok(Some(rule)) => rule,
            Ok(None) => return (self.recurrence, self.recurrence_start) = (None, None),
            Err(error) => return faults.refuse("recurrence", &error),
        };
        let Some(due) = self.due() else {
            return faults.add("recurrence", "needs_due", "a task recurs from due_at or due_date on: name one of them");
        };
        let is_new = self.recurrence.as_ref() != Some(&rule);
        let is_first = self.recurrence_start.is_none() || self.recurrence_start == was_due;
        if is_new || (is_first && self.recurrence_start != Some(due)) {
            // A rule that never comes true is a mistake, and dear to follow.
            if !self.beginnings(due).any(|at| rule.comes_true(at)) {
                return faults.add("recurrence", "never", "never comes true from the time on when the task is due");
            }
            self.recurrence_start = Some(due);
        }
        self.recurrence = Some(rule);
    }

    /// When a series can begin on the clock on the wall, whoever is to do it: in other zones an instant also lies on
    /// the day before or after.
    fn beginnings(&self, start: Moment) -> impl Iterator<Item = NaiveDateTime> {
        let at = self.wall_clock(start, Zone::UTC);
        let beside = match start {
            Moment::Day(_) => [None, None],
            _ => [at.checked_sub_days(Days::new(1)), at.checked_add_days(Days::new(1))],
        };
        std::iter::once(at).chain(beside.into_iter().flatten())
    }

    /// Says when somebody is reminded, after it was said when it is due.
    pub(super) fn edit_reminder(&mut self, reminder: Edit<String>, faults: &mut Faults) {
        match reminder {
            Edit::Keep => {}
            Edit::Clear => self.reminder = None,
            Edit::Set(text) if text.trim().is_empty() => self.reminder = None,
            Edit::Set(text) => match text.parse() {
                Ok(reminder) => self.reminder = Some(reminder),
                Err(error) => return faults.refuse("reminder", &error),
            },
        }
        match (self.reminder, self.due()) {
            (Some(_), None) => {
                faults.add("reminder", "needs_due", "a reminder needs due_at or due_date: name one of them")
            }
            (Some(Reminder::Minutes(_)), Some(Moment::Day(_))) => {
                faults.add(
                    "reminder",
                    "needs_time",
                    "a task that is due on a day has no minutes before it: say days, as in 1d 09:00",
                );
            }
            _ => {}
        }
    }

    /// When somebody is to be reminded, where whoever is to do it lives in a zone; never of what is done.
    pub(super) fn reminded_at(&self, zone: Zone) -> Option<Timestamp> {
        match (self.status, self.deleted_at, self.reminder, self.due_at) {
            (TaskStatus::Open, None, Some(reminder), Some(due)) => Some(reminder.instant(due, self.due_date, zone)),
            _ => None,
        }
    }

    /// The next of its series, by the clock of whoever is to do it: the first occurrence after the one that is
    /// done which is not over yet. None where the series has ended.
    pub(super) fn next_of_series(
        &self,
        id: Id<Task>,
        now: Timestamp,
        zone: Zone,
        by: Option<Id<User>>,
    ) -> Option<Task> {
        let (due_at, due_date) = self.next_due(now, zone)?;
        Some(Task {
            id,
            due_at: Some(due_at),
            due_date,
            status: TaskStatus::Open,
            completed_at: None,
            next_id: None,
            created_by: by,
            // It is another task in the other system, if it is one there.
            external_id: None,
            created_at: now,
            updated_at: now,
            version: 0,
            ..self.clone()
        })
    }

    fn next_due(&self, now: Timestamp, zone: Zone) -> Option<(Timestamp, Option<NaiveDate>)> {
        let (rule, due_at) = (self.recurrence.as_ref()?, self.due_at?);
        let start = self.wall_clock(self.recurrence_start.or(self.due())?, zone);
        let instant = |at: NaiveDateTime| match self.due_date {
            // A day that the zone skips has no end.
            Some(_) => zone.end_of_day(at.date()).ok(),
            None => Some(zone.first_instant(at)),
        };
        let is_next = |at: NaiveDateTime| match self.due_date {
            Some(due) => at.date() > due && instant(at).is_some_and(|end| end > now),
            None => zone.first_instant(at) > due_at.max(now),
        };
        // Clocks are set by less than two days.
        let past = zone.local(self.due_at?.max(now)).checked_sub_days(Days::new(2));
        let at = rule.first(start, past, zone, is_next)?;
        Some((instant(at)?, self.due_date.map(|_| at.date())))
    }

    /// The beginning of a series on the clock on the wall: midnight where this task is due on a day, else at a
    /// time of day, this task's own where the beginning has none.
    fn wall_clock(&self, start: Moment, zone: Zone) -> NaiveDateTime {
        let local = match start {
            Moment::Day(day) => day.and_time(self.due_at.map_or(NaiveTime::MIN, |due| zone.local(due).time())),
            start => zone.local(start.instant(zone)),
        };
        match self.due_date {
            Some(_) => local.date().and_time(NaiveTime::MIN),
            // Rules know no parts of a second.
            None => local.with_nanosecond(0).unwrap_or(local),
        }
    }
}

/// Whether a task of a series is done by this change.
pub(super) fn is_followed(task: &Stored<Task>) -> bool {
    let was_open = task.before().is_some_and(|before| before.status == TaskStatus::Open);
    let is_done = task.status == TaskStatus::Done && task.deleted_at.is_none();
    was_open && is_done && task.recurrence.is_some()
}
