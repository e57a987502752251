//! What is overdue and what is coming, in the zone of whoever asks.
//!
//! A task that is due at an instant is overdue after it. One that is due on a day is overdue once that
//! day is over where the caller is, wherever it was set: so its day is compared, not its `due_at`.

use chrono::NaiveDate;

use super::fields::{ASSIGNEE, DUE_AT, DUE_DATE, STATUS};
use super::kind::TaskStatus;
use crate::filter::{Check, CheckedFilter, Literal, Span};
use crate::id::Id;
use crate::time::{Timestamp, Zone};
use crate::user::User;

/// How far the ends of one day lie apart between the first zone in which it ends and the last.
const SLACK_SECONDS: i64 = 26 * 3_600;
/// How long a day is at most: one on which clocks are set back.
const DAY_SECONDS: i64 = 25 * 3_600;

/// Open tasks.
pub(super) fn open() -> CheckedFilter {
    CheckedFilter::is(STATUS, Check::Eq(Literal::Text(TaskStatus::Open.name().to_owned())))
}

/// Tasks of a member.
pub(super) fn of(assignee: Id<User>) -> CheckedFilter {
    CheckedFilter::is(ASSIGNEE, Check::Eq(Literal::Id(assignee.uuid())))
}

/// Open tasks whose time is over.
pub(super) fn overdue(now: Timestamp, zone: Zone) -> CheckedFilter {
    let timed = CheckedFilter::is(DUE_AT, Check::Lt(Literal::Time(now)));
    let days = CheckedFilter::is(DUE_DATE, Check::Lt(Literal::Date(zone.day(now))));
    // Says nothing that the parts do not say, but in the words of an index.
    let reach = Check::Le(Literal::Time(now.plus_seconds(SLACK_SECONDS)));
    open().and(CheckedFilter::is(DUE_AT, reach)).and(either(timed, days))
}

/// Open tasks that are due from now on until so long after.
pub(super) fn upcoming(now: Timestamp, window: Span, zone: Zone) -> CheckedFilter {
    open().and(between(now, window.after(now, zone), zone))
}

/// What a calendar of the time from an instant on until before another shows: as [`between`], and what is
/// due on days that the zone skips, which is on the day after them.
pub(super) fn shown(from: Timestamp, to: Timestamp, zone: Zone) -> CheckedFilter {
    let (mut first, last) = days(from, to, zone);
    let is_skipped = |day: &NaiveDate| zone.end_of_day(*day).is_err();
    while let Some(before) = first.pred_opt().filter(is_skipped) {
        first = before;
    }
    due(from, to, (first, last))
}

/// Tasks that are due from an instant on until before another, and those of the days between them.
pub(super) fn between(from: Timestamp, to: Timestamp, zone: Zone) -> CheckedFilter {
    due(from, to, days(from, to, zone))
}

/// Tasks that are due from an instant on until before another, or on one of the days from one to another.
fn due(from: Timestamp, to: Timestamp, (first, last): (NaiveDate, NaiveDate)) -> CheckedFilter {
    let timed = CheckedFilter::is(DUE_AT, Check::Ge(Literal::Time(from)));
    let timed = timed.and(CheckedFilter::is(DUE_AT, Check::Lt(Literal::Time(to))));
    let days = CheckedFilter::is(DUE_DATE, Check::Between(Literal::Date(first), Literal::Date(last)));
    // A day that has begun in time may be over a whole day later than the time.
    let (least, most) = (from.plus_seconds(-SLACK_SECONDS), to.plus_seconds(DAY_SECONDS + SLACK_SECONDS));
    let reach = Check::Between(Literal::Time(least), Literal::Time(most));
    CheckedFilter::is(DUE_AT, reach).and(either(timed, days))
}

/// The first and the last day of the time from an instant on until before another.
pub(super) fn days(from: Timestamp, to: Timestamp, zone: Zone) -> (NaiveDate, NaiveDate) {
    (zone.day(from), zone.day(Timestamp::from_micros(to.micros() - 1)))
}

/// Tasks that are due at an instant and pass the one, and those that are due on a day and pass the other.
fn either(timed: CheckedFilter, days: CheckedFilter) -> CheckedFilter {
    CheckedFilter::Any(vec![CheckedFilter::is(DUE_DATE, Check::IsNull).and(timed), days])
}
