//! When whoever is to do a task is reminded of it.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate, NaiveTime, Timelike as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::time::{Timestamp, Zone};

/// Most minutes before a task is due: four weeks.
const MAX_MINUTES: u32 = 40_320;
/// Most days before the day on which a task is due.
const MAX_DAYS: u16 = 365;
/// When people are reminded where nobody says.
const MORNING: NaiveTime = match NaiveTime::from_hms_opt(9, 0, 0) {
    Some(nine) => nine,
    None => NaiveTime::MIN,
};

/// When whoever is to do a task is reminded of it. On the wire `30m`, 30 minutes before it is due, or `1d 09:00`,
/// at nine o'clock of the day before the one on which it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reminder {
    /// So many minutes before the instant at which it is due.
    Minutes(u32),
    /// So many days before the day on which it is due.
    Days {
        /// How many; none is the day itself.
        days: u16,
        /// At which time by the clock of whoever is to do it.
        at: NaiveTime,
    },
}

impl Reminder {
    /// The instant for a task that is due at another, or on a day of the zone: the earlier of two where the
    /// clock shows the time twice, the end of the gap where never.
    pub(super) fn instant(self, due_at: Timestamp, due_date: Option<NaiveDate>, zone: Zone) -> Timestamp {
        match self {
            Reminder::Minutes(minutes) => due_at.plus_seconds(-60 * i64::from(minutes)),
            Reminder::Days { days, at } => {
                let due = due_date.unwrap_or_else(|| zone.day(due_at));
                let day = due.checked_sub_days(Days::new(u64::from(days))).unwrap_or(due);
                zone.first_instant(day.and_time(at))
            }
        }
    }
}

impl FromStr for Reminder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let number =
            |digits: &str| digits.parse::<u32>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(minutes) = text.strip_suffix('m').and_then(number) {
            return match minutes <= MAX_MINUTES {
                true => Ok(Reminder::Minutes(minutes)),
                false => Err(out_of_range()),
            };
        }
        let read = text.split_once('d').and_then(|(days, at)| {
            let at = match at {
                "" => MORNING,
                at => NaiveTime::parse_from_str(at.strip_prefix(' ')?, "%H:%M").ok().filter(|_| at.len() == 6)?,
            };
            Some((number(days)?, at))
        });
        let (days, at) = read.ok_or_else(|| {
            let message = "is neither minutes before a time, as in 30m, nor days before a day, as in 1d or 1d 09:00";
            Error::invalid("reminder", "reminder", message)
        })?;
        let days = u16::try_from(days).ok().filter(|days| *days <= MAX_DAYS).ok_or_else(out_of_range)?;
        Ok(Reminder::Days { days, at })
    }
}

fn out_of_range() -> Error {
    Error::invalid("reminder", "out_of_range", format!("must lie within {MAX_MINUTES} minutes or {MAX_DAYS} days"))
}

impl fmt::Display for Reminder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reminder::Minutes(minutes) => write!(f, "{minutes}m"),
            Reminder::Days { days, at } => write!(f, "{days}d {:02}:{:02}", at.hour(), at.minute()),
        }
    }
}

impl Serialize for Reminder {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reminder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("is no reminder"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_has_one_form() {
        for (said, kept) in
            [("30m", "30m"), ("0m", "0m"), ("1d", "1d 09:00"), ("0d 18:30", "0d 18:30"), (" 7d ", "7d 09:00")]
        {
            assert_eq!(said.parse::<Reminder>().unwrap().to_string(), kept);
            assert_eq!(kept.parse::<Reminder>().unwrap(), said.parse().unwrap());
        }
        for text in [
            "",
            "m",
            "-1m",
            "+1m",
            "40321m",
            "1.5d",
            "366d",
            "1d 9:00",
            "1d 25:00",
            "1d  09:00",
            "1d09:00",
            "soon",
            "1h",
            "é",
        ] {
            let error = text.parse::<Reminder>().unwrap_err();
            assert_eq!(error.fields()[0].field, "reminder", "{text}");
        }
    }

    #[test]
    fn days_are_counted_on_the_clock_on_the_wall() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let at = |reminder: &str, day: &str| {
            let day: NaiveDate = day.parse().unwrap();
            let due = berlin.end_of_day(day).unwrap();
            reminder.parse::<Reminder>().unwrap().instant(due, Some(day), berlin).to_string()
        };
        // Clocks go from two to three on the 29th of March, and from three to two on the 25th of October.
        assert_eq!(at("1d", "2026-03-29"), "2026-03-28T08:00:00.000000Z");
        assert_eq!(at("0d", "2026-03-29"), "2026-03-29T07:00:00.000000Z");
        assert_eq!(at("0d 02:30", "2026-03-29"), "2026-03-29T01:00:00.000000Z");
        assert_eq!(at("0d 02:30", "2026-10-25"), "2026-10-25T00:30:00.000000Z");
    }
}
