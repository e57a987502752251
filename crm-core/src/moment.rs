//! A moment as people write it: how much of it is known.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::time::{Timestamp, Zone};

/// A moment as somebody wrote it. On the wire a day (`2026-01-31`), a local time (`2026-01-31T09:30`)
/// or an RFC 3339 instant (`2026-01-31T09:30:00Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A day.
    Day(NaiveDate),
    /// A day and a time by the clock on the wall.
    Local(NaiveDateTime),
    /// A day and a time with their distance from UTC.
    Fixed(DateTime<FixedOffset>),
}

impl Moment {
    /// The day as it is written, whatever the zone.
    pub fn day(self) -> NaiveDate {
        match self {
            Moment::Day(day) => day,
            Moment::Local(local) => local.date(),
            Moment::Fixed(fixed) => fixed.date_naive(),
        }
    }

    /// The instant, where the zone fills in what the text leaves open: a day is its first instant, a
    /// time that happens twice the earlier one, a time that a clock change skips the end of the gap.
    pub fn instant(self, zone: Zone) -> Timestamp {
        match self {
            Moment::Day(day) => zone.start_of_day(day),
            Moment::Local(local) => zone.first_instant(local),
            Moment::Fixed(fixed) => Timestamp::from(fixed.with_timezone(&Utc)),
        }
    }

    /// As [`Moment::instant`], where nothing but the zone may be left open.
    ///
    /// # Errors
    /// `Invalid` without a field: `no_such_time` for a local time that a clock change skips,
    /// `ambiguous_time` for one that happens twice.
    pub fn strict_instant(self, zone: Zone) -> Result<Timestamp> {
        match self {
            Moment::Local(local) => zone.instant_of(local),
            Moment::Day(_) | Moment::Fixed(_) => Ok(self.instant(zone)),
        }
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Moment::Fixed(at.utc().fixed_offset())
    }
}

impl From<NaiveDate> for Moment {
    fn from(day: NaiveDate) -> Self {
        Moment::Day(day)
    }
}

impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(at.into());
        }
        let day = || text.parse().ok().map(Moment::Day);
        let local = |format| NaiveDateTime::parse_from_str(text, format).ok().map(Moment::Local);
        let found = day().or_else(|| local("%Y-%m-%dT%H:%M")).or_else(|| local("%Y-%m-%dT%H:%M:%S%.f"));
        found.filter(|moment| (1..=9999).contains(&moment.day().year())).ok_or_else(|| {
            let message = "is neither a day (2026-01-31), nor a local time (2026-01-31T09:30), nor an instant \
                (2026-01-31T09:30:00Z)";
            Error::invalid("", "time", message)
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Day(day) => day.fmt(f),
            Moment::Local(local) => write!(f, "{}", local.format("%Y-%m-%dT%H:%M:%S%.f")),
            Moment::Fixed(fixed) => Timestamp::from(fixed.with_timezone(&Utc)).fmt(f),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| {
            serde::de::Error::custom(error.fields().first().map_or("is no moment", |fault| fault.message.as_ref()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().unwrap()
    }

    fn berlin() -> Zone {
        "Europe/Berlin".parse().unwrap()
    }

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        for text in ["2026-01-31", "2026-01-31T09:30:00", "2026-01-31T09:30:00.123456Z"] {
            assert_eq!(moment(text).to_string(), text);
            assert_eq!(serde_json::from_value::<Moment>(text.into()).unwrap(), moment(text));
        }
        assert_eq!(moment("2026-01-31T09:30").to_string(), "2026-01-31T09:30:00");
        for text in ["", "soon", "2026-02-30", "2026-01-31T25:00", "12026-01-31", "2026-01-31 09:30", "0000-01-01"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
            assert!(serde_json::from_value::<Moment>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_that_the_clock_skips_or_repeats_is_refused_where_it_must_be_plain() {
        let code = |text: &str| moment(text).strict_instant(berlin()).unwrap_err().fields()[0].code.to_string();
        assert_eq!(code("2026-03-29T02:30"), "no_such_time");
        assert_eq!(code("2026-10-25T02:30"), "ambiguous_time");
        let plain = moment("2026-03-29T03:00").strict_instant(berlin()).unwrap();
        assert_eq!(plain, "2026-03-29T01:00:00Z".parse().unwrap());
        // Where it need not, the gap ends and the first of two is meant.
        assert_eq!(moment("2026-03-29T02:30").instant(berlin()), plain);
        assert_eq!(moment("2026-10-25T02:30").instant(berlin()), "2026-10-25T00:30:00Z".parse().unwrap());
    }
}
