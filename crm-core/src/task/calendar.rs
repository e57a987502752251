//! The calendar: days with what is due on them.

use chrono::NaiveDate;
use serde::Serialize;

use super::model::Task;
use super::window;
use crate::access::View;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::moment::Moment;
use crate::time::{Timestamp, Zone};

/// Most days of a calendar.
const MAX_DAYS: i64 = 400;

/// Which days, and which tasks of theirs.
#[derive(Clone, Debug)]
pub struct CalendarRequest {
    /// Where it begins: an instant, a local time or the start of a day in the caller's zone.
    pub from: Moment,
    /// Before which moment it ends.
    pub to: Moment,
    /// Which tasks; all that the caller may see where absent.
    pub filter: Option<Filter>,
    /// Tasks a page, 1 to 200; 200 where absent.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The days between two instants, with what is due on them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Calendar {
    /// Where its days are cut.
    pub time_zone: Zone,
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// Its days, those without a task too.
    pub days: Vec<CalendarDay>,
    /// Goes on where the tasks of this page end.
    pub next_cursor: Option<String>,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CalendarDay {
    /// The day.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub date: NaiveDate,
    /// Its first instant: a day lasts 23, 24 or 25 hours, as the clocks of the zone go.
    pub starts_at: Timestamp,
    /// The first instant after it.
    pub ends_at: Timestamp,
    /// What is due on it, done or not, in the order of `due_at`.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Task>))]
    pub tasks: Vec<View<Task>>,
}

impl Calendar {
    /// The empty days between two moments.
    ///
    /// # Errors
    /// `Invalid` at `from` and `to` for a local time that does not exist or happens twice, for an end
    /// that is not after the beginning, and for more than 400 days.
    pub(super) fn empty(from: Moment, to: Moment, zone: Zone) -> Result<Self> {
        let edge = |field: &str, moment: Moment| {
            moment.strict_instant(zone).map_err(|error| {
                let faults = error.fields().iter().cloned();
                Error::invalid_fields(
                    faults.map(|fault| crate::FieldError { field: field.to_owned(), ..fault }).collect(),
                )
            })
        };
        let (from, to) = (edge("from", from)?, edge("to", to)?);
        if to <= from {
            return Err(Error::invalid("to", "out_of_order", "must lie after the beginning"));
        }
        let (first, last) = window::days(from, to, zone);
        if last.signed_duration_since(first).num_days() >= MAX_DAYS {
            return Err(Error::invalid("to", "out_of_range", format!("must lie within {MAX_DAYS} days")));
        }
        let mut days = Vec::new();
        let mut date = first;
        while date <= last {
            let Some(next) = date.succ_opt() else { break };
            let (starts_at, ends_at) = (zone.start_of_day(date), zone.start_of_day(next));
            // A day that the zone skips is none.
            if starts_at < ends_at {
                days.push(CalendarDay { date, starts_at, ends_at, tasks: Vec::new() });
            }
            date = next;
        }
        Ok(Self { time_zone: zone, from, to, days, next_cursor: None })
    }

    /// Puts tasks on their days.
    pub(super) fn fill(&mut self, tasks: Vec<View<Task>>) {
        for task in tasks {
            let date = task.due_date.or(task.due_at.map(|at| self.time_zone.day(at)));
            // What is due on a day that the zone skips is on the next one.
            let day = date.map(|date| self.days.partition_point(|day| day.date < date));
            if let Some(day) = day.and_then(|day| self.days.get_mut(day)) {
                day.tasks.push(task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_on_a_day_that_the_zone_skips_is_on_the_day_after() {
        let zone: Zone = "Pacific/Apia".parse().unwrap();
        let due_on = |day: &str| {
            let mut task = Task::blank(crate::Id::new_at(crate::time::epoch()), crate::time::epoch());
            task.due_date = day.parse().ok();
            View::new(task, &crate::access::FieldMask::default())
        };
        let filled = |from: &str, to: &str| {
            let mut calendar = Calendar::empty(from.parse().unwrap(), to.parse().unwrap(), zone).unwrap();
            calendar.fill(["2011-12-29", "2011-12-30", "2011-12-31"].map(due_on).into());
            calendar.days.iter().map(|day| (day.date.to_string(), day.tasks.len())).collect::<Vec<_>>()
        };
        let day = |day: &str, tasks| (day.to_owned(), tasks);
        assert_eq!(filled("2011-12-29", "2012-01-01"), [day("2011-12-29", 1), day("2011-12-31", 2)]);
    }

    fn hours(zone: &str, from: &str, to: &str) -> Result<Vec<i64>> {
        let calendar = Calendar::empty(from.parse()?, to.parse()?, zone.parse()?)?;
        let hours = |day: &CalendarDay| (day.ends_at.micros() - day.starts_at.micros()) / 3_600_000_000;
        Ok(calendar.days.iter().map(hours).collect())
    }

    #[test]
    fn days_are_as_long_as_the_clocks_of_the_zone_make_them() {
        assert_eq!(hours("Europe/Berlin", "2026-03-28", "2026-03-31").unwrap(), [24, 23, 24]);
        assert_eq!(hours("Europe/Berlin", "2026-10-24", "2026-10-27").unwrap(), [24, 25, 24]);
        assert_eq!(hours("America/Sao_Paulo", "2017-10-14", "2017-10-16").unwrap(), [24, 23]);
        assert_eq!(hours("Pacific/Apia", "2011-12-29", "2012-01-01").unwrap(), [24, 24]);
        assert_eq!(hours("UTC", "2026-03-01T23:00:00Z", "2026-03-02T00:00:01Z").unwrap(), [24, 24]);
    }

    #[test]
    fn a_calendar_ends_after_it_begins_and_within_400_days() {
        let fault = |from: &str, to: &str| {
            let error = hours("Europe/Berlin", from, to).unwrap_err();
            (error.fields()[0].field.clone(), error.fields()[0].code.to_string())
        };
        let named = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(fault("2026-03-02", "2026-03-02"), named("to", "out_of_order"));
        assert_eq!(fault("2026-01-01", "2027-02-06"), named("to", "out_of_range"));
        assert_eq!(hours("UTC", "2026-01-01", "2027-02-05").unwrap().len(), 400);
        assert_eq!(fault("2026-03-29T02:30", "2026-04-01"), named("from", "no_such_time"));
        assert_eq!(fault("2026-10-01", "2026-10-25T02:30"), named("to", "ambiguous_time"));
        assert_eq!(fault("9999-12-31T23:59:59.999999Z", "9999-12-31"), named("to", "out_of_order"));
    }
}
