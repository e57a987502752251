//! A rule of RFC 5545 as the library reads it: its text, what a task does not follow of it, and its one form.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use chrono::{Datelike as _, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Weekday};
use rrule::{Frequency, NWeekday, RRule, Tz, Unvalidated};

use crate::error::{Error, Result};
use crate::moment::Moment;
use crate::time::{Timestamp, Zone};

/// Most characters of a rule.
const MAX_CHARS: usize = 200;
/// Most occurrences that a rule counts, and the longest distance between two of them in its unit.
const MAX_NUMBER: u32 = 1_000;
/// The parts that a rule can have.
const PARTS: [&str; 11] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    "BYMONTH",
    "BYWEEKNO",
    "BYYEARDAY",
    "BYMONTHDAY",
    "BYDAY",
    "BYSETPOS",
];
/// The parts of RFC 5545 that say a time of day.
const TIMES: [&str; 3] = ["BYHOUR", "BYMINUTE", "BYSECOND"];

/// A rule as the library reads it, without its end.
pub(super) struct Rule {
    pub(super) parsed: RRule<Unvalidated>,
    /// The library takes an end without a zone for one in the zone of the machine.
    until: Option<Moment>,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// Where it is none, or one that a task does not follow, at the field `recurrence`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_CHARS {
            return Err(Error::invalid("recurrence", "too_long", format!("must have at most {MAX_CHARS} characters")));
        }
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        // What the library slices it takes for ASCII.
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=;,+-".contains(&byte)) {
            return Err(no_rule("is no rule of RFC 5545, as in FREQ=WEEKLY;BYDAY=MO,TH"));
        }
        let (mut until, mut rest, mut seen) = (None, Vec::new(), BTreeSet::new());
        for part in text.split(';') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if TIMES.contains(&name) {
                let message = format!("{name}: a task recurs at the time of day when it is due");
                return Err(Error::invalid("recurrence", "unsupported", message));
            }
            if !PARTS.contains(&name) || value.is_empty() || !seen.insert(name) {
                return Err(no_rule(format!("{part}: is no part of a rule, or comes twice")));
            }
            match name {
                "UNTIL" => until = Some(end(value)?),
                "BYDAY" if !value.split(',').all(is_weekday) => {
                    return Err(no_rule(format!("{part}: is no list of weekdays, as in MO,TH or -1FR")));
                }
                _ => rest.push(part),
            }
        }
        let parsed: RRule<Unvalidated> = rest.join(";").parse().map_err(|error| no_rule(format!("{error}")))?;
        // The ranges of its parts, which do not depend on where a series begins.
        let any = Tz::UTC.from_utc_datetime(&NaiveDate::default().and_time(NaiveTime::MIN));
        parsed.clone().validate(any).map_err(|error| no_rule(format!("{error}")))?;
        let rule = Self { parsed, until };
        rule.check().map(|()| rule)
    }

    /// Refuses what the RFC allows or the library lets pass, and a task does not do.
    fn check(&self) -> Result<()> {
        if matches!(self.parsed.get_freq(), Frequency::Secondly | Frequency::Minutely | Frequency::Hourly) {
            let message = "FREQ: a task recurs by the day, week, month or year";
            return Err(Error::invalid("recurrence", "unsupported", message));
        }
        let numbers = [Some(u32::from(self.parsed.get_interval())), self.parsed.get_count()];
        if numbers.into_iter().flatten().any(|number| !(1..=MAX_NUMBER).contains(&number)) {
            let message = format!("INTERVAL and COUNT must lie between 1 and {MAX_NUMBER}");
            return Err(Error::invalid("recurrence", "out_of_range", message));
        }
        let is_numbered = |day: &NWeekday| matches!(day, NWeekday::Nth(..));
        let is_of_days = matches!(self.parsed.get_freq(), Frequency::Daily | Frequency::Weekly);
        if is_of_days && self.parsed.get_by_weekday().iter().any(is_numbered) {
            return Err(no_rule("BYDAY: weekdays have numbers in months and years alone"));
        }
        let has_dates = !self.parsed.get_by_month_day().is_empty() || !self.parsed.get_by_set_pos().is_empty();
        if is_of_days && has_dates {
            let message = "BYMONTHDAY, BYSETPOS: are of FREQ=MONTHLY or YEARLY";
            return Err(Error::invalid("recurrence", "unsupported", message));
        }
        if self.parsed.get_count().is_some() && self.until.is_some() {
            return Err(no_rule("ends by COUNT or by UNTIL: name one of them"));
        }
        Ok(())
    }

    /// A beginning from which the series goes on as from its own, nearer to a time that comes after it. What is
    /// counted is counted from its own.
    pub(super) fn nearer(&self, start: NaiveDateTime, after: NaiveDateTime) -> NaiveDateTime {
        let interval = i64::from(self.parsed.get_interval());
        let days = (after.date() - start.date()).num_days() - 1;
        let months = |unit: i64| {
            let past =
                i64::from(after.year() - start.year()) * 12 + i64::from(after.month()) - i64::from(start.month()) - 1;
            let past = u32::try_from(past / (unit * interval) * (unit * interval)).ok().filter(|past| *past > 0)?;
            let from = match start.day() {
                ..=28 => start,
                // Later days are not in every month, and matter where the rule names no days itself.
                _ if self.names_days() => start.with_day(1)?,
                _ => return None,
            };
            from.checked_add_months(Months::new(past))
        };
        let days_on = |unit: i64| start.checked_add_signed(TimeDelta::days(days / (unit * interval) * unit * interval));
        let nearer = match self.parsed.get_freq() {
            _ if self.parsed.get_count().is_some() || days <= 0 => None,
            Frequency::Daily => days_on(1),
            Frequency::Weekly => days_on(7),
            Frequency::Monthly => months(1),
            _ => months(12),
        };
        nearer.unwrap_or(start)
    }

    /// Whether the days of its months and years are its own, and not that of its beginning.
    fn names_days(&self) -> bool {
        let rule = &self.parsed;
        let is_of_days = !rule.get_by_month_day().is_empty() || !rule.get_by_year_day().is_empty();
        is_of_days || !rule.get_by_weekday().is_empty() || !rule.get_by_week_no().is_empty()
    }

    /// Whether the series is over before an occurrence.
    pub(super) fn has_ended(&self, at: NaiveDateTime, zone: Zone) -> bool {
        match self.until {
            None => false,
            Some(Moment::Day(last)) => at.date() > last,
            Some(Moment::Local(last)) => at > last,
            Some(last @ Moment::Fixed(_)) => zone.first_instant(at) > last.instant(zone),
        }
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = &self.parsed;
        write!(f, "FREQ={}", rule.get_freq())?;
        if rule.get_interval() != 1 {
            write!(f, ";INTERVAL={}", rule.get_interval())?;
        }
        if let Some(count) = rule.get_count() {
            write!(f, ";COUNT={count}")?;
        }
        match self.until {
            None => {}
            Some(Moment::Day(day)) => write!(f, ";UNTIL={}", day.format("%Y%m%d"))?,
            Some(Moment::Local(local)) => write!(f, ";UNTIL={}", local.format("%Y%m%dT%H%M%S"))?,
            Some(Moment::Fixed(at)) => write!(f, ";UNTIL={}", at.to_utc().format("%Y%m%dT%H%M%SZ"))?,
        }
        if rule.get_week_start() != Weekday::Mon {
            write!(f, ";WKST={}", NWeekday::Every(rule.get_week_start()))?;
        }
        list(f, "BYMONTH", rule.get_by_month())?;
        list(f, "BYWEEKNO", rule.get_by_week_no())?;
        list(f, "BYYEARDAY", rule.get_by_year_day())?;
        list(f, "BYMONTHDAY", rule.get_by_month_day())?;
        let mut days = rule.get_by_weekday().to_vec();
        days.sort_unstable();
        days.dedup();
        // The library writes the first Monday of a month as every one.
        let days = days.into_iter().map(|day| match day {
            NWeekday::Nth(number, day) => format!("{number}{}", NWeekday::Every(day)),
            every @ NWeekday::Every(_) => every.to_string(),
        });
        list(f, "BYDAY", &days.collect::<Vec<_>>())?;
        list(f, "BYSETPOS", rule.get_by_set_pos())
    }
}

/// Writes a part that has several values, each once; texts come in their order.
fn list<T: Clone + Ord + Display>(f: &mut fmt::Formatter<'_>, name: &str, values: &[T]) -> fmt::Result {
    let mut values = values.to_vec();
    if name != "BYDAY" {
        values.sort_unstable();
        values.dedup();
    }
    for (at, value) in values.iter().enumerate() {
        match at {
            0 => write!(f, ";{name}={value}")?,
            _ => write!(f, ",{value}")?,
        }
    }
    Ok(())
}

/// The end of a series: a day, a local time or an instant.
fn end(value: &str) -> Result<Moment> {
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y%m%d").ok().filter(|_| text.len() == 8);
    let local = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok().filter(|_| text.len() == 15);
    let found = match value.strip_suffix('Z') {
        Some(utc) => local(utc).map(|utc| Moment::from(Timestamp::from(utc.and_utc()))),
        None => day(value).map(Moment::Day).or(local(value).map(Moment::Local)),
    };
    found.ok_or_else(|| no_rule(format!("UNTIL={value}: is neither 20261231 nor 20261231T090000Z")))
}

/// Whether a text is a weekday, with its number in the month or year or without.
fn is_weekday(text: &str) -> bool {
    let Some((number, day)) = text.len().checked_sub(2).and_then(|at| text.split_at_checked(at)) else { return false };
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    let is_number = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_numbered = number.is_empty() || (is_number && digits.bytes().any(|byte| byte != b'0'));
    is_numbered && ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].contains(&day)
}

fn no_rule(message: impl Into<String>) -> Error {
    Error::invalid("recurrence", "recurrence", message.into())
}
