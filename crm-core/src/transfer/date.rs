//! Dates and times as spreadsheets and other programs write them.
//!
//! A column's order of day and month is decided once, from all its cells, never cell by cell. Years
//! have four digits: two would make the century a guess.

use std::str::FromStr;

use chrono::{FixedOffset, NaiveDate, NaiveTime, TimeZone};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use crate::moment::Moment;
use crate::time::{Timestamp, Zone};

/// Order of year, month and day; the separator may be `-`, `/` or `.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DateFormat {
    /// `2026-01-31`; read in every format, since it cannot be mistaken.
    YearMonthDay,
    /// `1/31/2026`, as in the United States.
    MonthDayYear,
    /// `31.1.2026`, as in most other countries.
    DayMonthYear,
}

impl FromStr for DateFormat {
    type Err = Error;

    /// Reads `year_month_day`, `ymd`, `YYYY-MM-DD` and the like for the other orders.
    fn from_str(name: &str) -> Result<Self> {
        let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
        match letters.to_ascii_lowercase().as_str() {
            "yearmonthday" | "ymd" | "yyyymmdd" | "iso" => Ok(DateFormat::YearMonthDay),
            "monthdayyear" | "mdy" | "mmddyyyy" => Ok(DateFormat::MonthDayYear),
            "daymonthyear" | "dmy" | "ddmmyyyy" => Ok(DateFormat::DayMonthYear),
            _ => Err(Error::invalid(
                "date_format",
                "date_format",
                "is none of year_month_day, month_day_year, day_month_year",
            )),
        }
    }
}

/// Reads a date; a time of day after it must be a true one and is dropped.
///
/// # Errors
/// `Invalid`, code `date`, without a field: the caller knows the column.
pub fn parse(text: &str, format: DateFormat) -> Result<NaiveDate> {
    moment(text, format).map(Moment::day).ok_or_else(|| {
        let example = match format {
            DateFormat::YearMonthDay => "2026-01-31",
            DateFormat::MonthDayYear => "1/31/2026",
            DateFormat::DayMonthYear => "31/1/2026",
        };
        Error::invalid("", "date", format!("is not a date such as {example}"))
    })
}

/// Reads a date with or without a time: RFC 3339, `2026-01-31 09:30[:00]`, `1/31/2017 9:30 AM`.
///
/// # Errors
/// `Invalid`, code `date`, without a field: the caller knows the column.
pub fn parse_moment(text: &str, format: DateFormat) -> Result<Moment> {
    moment(text, format).ok_or_else(|| {
        Error::invalid("", "date", "is not a date with a time such as 2026-01-31 09:30 or 2026-01-31T09:30:00Z")
    })
}

/// The instant of a cell. A file does not say which of two it means where a time happens twice: the earlier one.
///
/// # Errors
/// `Invalid`, code `no_such_time`, without a field, for a time that a clock change skips.
pub(super) fn instant(moment: Moment, zone: Zone) -> Result<Timestamp> {
    match moment.strict_instant(zone) {
        Err(error) if error.fields().iter().any(|fault| fault.code == "ambiguous_time") => Ok(moment.instant(zone)),
        settled => settled,
    }
}

fn moment(text: &str, format: DateFormat) -> Option<Moment> {
    let text = text.trim();
    let Some((day, time)) = text.split_once(['T', 't', ' ', '\u{A0}', '\u{202F}']) else {
        return date(text, format).map(Moment::Day);
    };
    let day = date(day.trim_end_matches(','), format)?;
    let (clock, offset) = split_offset(time.trim());
    let local = day.and_time(time_of_day(clock)?);
    match offset {
        None => Some(Moment::Local(local)),
        Some(offset) => fixed_offset(offset)?.from_local_datetime(&local).single().map(Moment::Fixed),
    }
}

fn date(text: &str, format: DateFormat) -> Option<NaiveDate> {
    let separator = text.chars().find(|letter| !letter.is_ascii_digit())?;
    if !matches!(separator, '-' | '/' | '.') {
        return None;
    }
    let mut parts = text.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match format {
        _ if first.len() == 4 => (first, second, third),
        DateFormat::YearMonthDay => return None,
        DateFormat::MonthDayYear => (third, first, second),
        DateFormat::DayMonthYear => (third, second, first),
    };
    let year = number(year, 4..=4).filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month, 1..=2)?, number(day, 1..=2)?)
}

/// The time and, where there is one, what says its distance from UTC.
fn split_offset(time: &str) -> (&str, Option<&str>) {
    let zulu = ["Z", "z", "UTC", "GMT"].into_iter().find(|zulu| time.ends_with(zulu));
    let at = match zulu {
        Some(zulu) => Some(time.len() - zulu.len()),
        None => time.find(['+', '-']),
    };
    match at.and_then(|at| time.split_at_checked(at)) {
        Some((clock, offset)) => (clock.trim_end(), Some(offset)),
        None => (time, None),
    }
}

/// `Z`, `UTC`, `+01:00`, `+0100` or `+01`.
fn fixed_offset(text: &str) -> Option<FixedOffset> {
    let Some(sign @ (b'+' | b'-')) = text.bytes().next() else {
        return FixedOffset::east_opt(0);
    };
    let digits = text.get(1..)?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None => digits.split_at_checked(2)?,
    };
    let minutes = if minutes.is_empty() && !digits.contains(':') { "00" } else { minutes };
    let minutes = number(minutes, 2..=2).filter(|minutes| *minutes < 60)?;
    let seconds = i32::try_from(number(hours, 2..=2)? * 3600 + minutes * 60).ok()?;
    FixedOffset::east_opt(if sign == b'-' { -seconds } else { seconds })
}

/// `9:30`, `09:30:15`, `09:30:15.123` or any of them with AM or PM.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let upper = text.to_ascii_uppercase();
    let (clock, half) = ["AM", "PM"]
        .into_iter()
        .find_map(|half| Some((upper.strip_suffix(half)?.trim_end(), Some(half))))
        .unwrap_or((&upper, None));
    let mut parts = clock.splitn(3, ':');
    let hour = number(parts.next()?, 1..=2)?;
    let minute = number(parts.next()?, 2..=2)?;
    let (second, micros) = match parts.next() {
        Some(seconds) => seconds_of(seconds)?,
        None => (0, 0),
    };
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some("PM") => hour % 12 + 12,
        Some(_) => hour % 12,
    };
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros)
}

fn seconds_of(text: &str) -> Option<(u32, u32)> {
    let Some((whole, fraction)) = text.split_once(['.', ',']) else {
        return Some((number(text, 2..=2)?, 0));
    };
    number(fraction.get(..1)?, 1..=1)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros: String = fraction.chars().chain("00000".chars()).take(6).collect();
    Some((number(whole, 2..=2)?, number(&micros, 6..=6)?))
}

/// A number of so many ASCII digits and nothing else.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
