//! Times that are written relative to now.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, Months, NaiveDate, NaiveDateTime, TimeDelta};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;
use crate::time::{Period, Timestamp, Zone};

/// Years that a span and periods that an offset may reach, so that no calendar overflows.
const MAX_YEARS: u32 = 1_000;

/// An ISO 8601 duration of whole units, as in `P7D`, `P1Y6M` or `PT12H`.
///
/// Months and days move the local calendar and keep the local time of day, also over a change of
/// clocks; hours, minutes and seconds are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    months: u32,
    days: u32,
    seconds: u32,
}

impl Span {
    /// So many days.
    pub const fn days(days: u16) -> Self {
        Self { months: 0, days: days as u32, seconds: 0 }
    }

    /// So many calendar months.
    pub const fn months(months: u8) -> Self {
        Self { months: months as u32, days: 0, seconds: 0 }
    }

    /// So many exact hours.
    pub const fn hours(hours: u16) -> Self {
        Self { months: 0, days: 0, seconds: hours as u32 * 3_600 }
    }

    /// The instant this long before `at`.
    pub fn before(self, at: Timestamp, zone: Zone) -> Timestamp {
        let at = at.plus_seconds(-i64::from(self.seconds));
        self.on_the_calendar(at, zone, |local| {
            local.checked_sub_months(Months::new(self.months))?.checked_sub_days(Days::new(self.days.into()))
        })
    }

    /// The instant this long after `at`.
    pub fn after(self, at: Timestamp, zone: Zone) -> Timestamp {
        let moved = self.on_the_calendar(at, zone, |local| {
            local.checked_add_months(Months::new(self.months))?.checked_add_days(Days::new(self.days.into()))
        });
        moved.plus_seconds(i64::from(self.seconds))
    }

    /// Moves the local date and time of day, unless only hours are asked for: they are exact, and
    /// on the local clock an hour may happen twice or never.
    fn on_the_calendar(
        self,
        at: Timestamp,
        zone: Zone,
        shift: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
    ) -> Timestamp {
        if self.months == 0 && self.days == 0 {
            return at;
        }
        let moved = shift(zone.local(at));
        moved.map_or(at, |local| zone.first_instant(local))
    }
}

/// The first instant of the period that is `offset` periods away from the one that holds `now`.
pub(super) fn start_of(period: Period, offset: i32, now: Timestamp, zone: Zone) -> Timestamp {
    let present = zone.start_of(period, now);
    match shifted(zone.day(present), period, offset) {
        Some(day) => zone.start_of_day(day),
        None => present,
    }
}

fn shifted(day: NaiveDate, period: Period, offset: i32) -> Option<NaiveDate> {
    let months = |count: u32| {
        let months = Months::new(offset.unsigned_abs().checked_mul(count)?);
        if offset < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) }
    };
    match period {
        Period::Day => day.checked_add_signed(TimeDelta::days(offset.into())),
        Period::Week => day.checked_add_signed(TimeDelta::weeks(offset.into())),
        Period::Month => months(1),
        Period::Quarter => months(3),
        Period::Year => months(12),
    }
}

/// Whether an offset of `start_of` stays within reach of the calendar.
pub(super) fn is_near(offset: i32) -> bool {
    offset.unsigned_abs() <= MAX_YEARS
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::read(text)
            .ok_or_else(|| Error::invalid("duration", "duration", "is not an ISO 8601 duration, as in P7D or PT12H"))
    }
}

impl Span {
    fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P').filter(|rest| !rest.is_empty() && !rest.ends_with('T'))?;
        let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
        let [years, months, weeks, days] = units(date, ['Y', 'M', 'W', 'D'])?;
        let [hours, minutes, seconds] = units(time, ['H', 'M', 'S'])?;
        let limited = |total: u64, a_year: u64| {
            u32::try_from(total).ok().filter(|total| u64::from(*total) <= u64::from(MAX_YEARS) * a_year)
        };
        Some(Self {
            months: limited(years * 12 + months, 12)?,
            days: limited(weeks * 7 + days, 366)?,
            seconds: limited(hours * 3_600 + minutes * 60 + seconds, 366 * 86_400)?,
        })
    }
}

/// Reads `1Y6M` as the counts of the given units, which must come in their order.
fn units<const N: usize>(mut text: &str, order: [char; N]) -> Option<[u64; N]> {
    let counts = order.map(|unit| {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        match text.split_at(digits) {
            (count, rest) if rest.starts_with(unit) && (1..=9).contains(&digits) => {
                text = rest.get(1..).unwrap_or_default();
                count.parse().unwrap_or_default()
            }
            _ => 0,
        }
    });
    text.is_empty().then_some(counts)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = |f: &mut fmt::Formatter<'_>, count: u32, unit: char| match count {
            0 => Ok(()),
            count => write!(f, "{count}{unit}"),
        };
        if *self == Self::default() {
            return f.write_str("PT0S");
        }
        f.write_str("P")?;
        unit(f, self.months / 12, 'Y')?;
        unit(f, self.months % 12, 'M')?;
        unit(f, self.days, 'D')?;
        if self.seconds > 0 {
            f.write_str("T")?;
        }
        unit(f, self.seconds / 3_600, 'H')?;
        unit(f, self.seconds % 3_600 / 60, 'M')?;
        unit(f, self.seconds % 60, 'S')
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("is not an ISO 8601 duration, as in P7D or PT12H"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(text: &str) -> Span {
        text.parse().unwrap()
    }

    #[test]
    fn a_span_has_one_spelling() {
        for (text, printed) in [
            ("P7D", "P7D"),
            ("P2W", "P14D"),
            ("P1Y6M", "P1Y6M"),
            ("P18M", "P1Y6M"),
            ("PT90M", "PT1H30M"),
            ("P1DT1S", "P1DT1S"),
            ("P1Y2M3DT4H5M6S", "P1Y2M3DT4H5M6S"),
            ("P1Y2M3W4DT26H61M", "P1Y2M25DT27H1M"),
            ("P0D", "PT0S"),
        ] {
            assert_eq!(span(text).to_string(), printed);
            assert_eq!(span(printed), span(text));
        }
        for text in [
            "",
            "P",
            "PT",
            "7D",
            "P7",
            "P1DT",
            "P-1D",
            "P1.5D",
            "P1D1Y",
            "PT1D",
            "P1D ",
            "P1001Y",
            "P9999999999D",
            "PP1D",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_reaches_a_thousand_years_and_no_further() {
        for text in ["P1000Y", "P12000M", "P999Y12M", "P366000D", "P52285W5D", "PT1193046H"] {
            assert!(text.parse::<Span>().is_ok(), "{text}");
        }
        for text in ["P1000Y1M", "P12001M", "P366001D", "P52285W6D", "PT1193047H"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_keep_the_local_time_of_day_and_hours_are_exact() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let noon_after = at("2026-03-29T10:00:00Z");
        assert_eq!(span("P1D").before(noon_after, berlin), at("2026-03-28T11:00:00Z"));
        assert_eq!(span("PT24H").before(noon_after, berlin), at("2026-03-28T10:00:00Z"));
        assert_eq!(span("P1D").after(at("2026-10-24T10:00:00Z"), berlin), at("2026-10-25T11:00:00Z"));
        assert_eq!(span("P1M").before(at("2026-03-31T12:00:00Z"), Zone::UTC), at("2026-02-28T12:00:00Z"));
    }

    #[test]
    fn a_time_that_the_clock_skips_is_the_end_of_the_gap_and_a_repeated_one_the_earlier() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(span("P1D").after(at("2026-03-28T01:30:20Z"), berlin), at("2026-03-29T01:00:00Z"));
        assert_eq!(span("P1D").after(at("2026-10-24T00:30:00Z"), berlin), at("2026-10-25T00:30:00Z"));
        // Samoa skipped the whole 30th.
        let apia: Zone = "Pacific/Apia".parse().unwrap();
        assert_eq!(span("P1D").after(at("2011-12-29T22:00:00Z"), apia), at("2011-12-30T10:00:00Z"));
        // The second 02:30 of that night is an instant of its own to exact hours.
        assert_eq!(span("PT1H").after(at("2026-10-25T00:30:00Z"), berlin), at("2026-10-25T01:30:00Z"));
    }

    #[test]
    fn periods_are_counted_on_the_local_calendar() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let now = at("2026-03-31T22:30:00Z");
        assert_eq!(start_of(Period::Month, 0, now, berlin), at("2026-03-31T22:00:00Z"));
        assert_eq!(start_of(Period::Month, -1, now, berlin), at("2026-02-28T23:00:00Z"));
        assert_eq!(start_of(Period::Week, 1, now, berlin), at("2026-04-05T22:00:00Z"));
        assert_eq!(start_of(Period::Quarter, -2, now, berlin), at("2025-09-30T22:00:00Z"));
        assert_eq!(start_of(Period::Year, 1, now, berlin), at("2026-12-31T23:00:00Z"));
    }

    #[test]
    fn the_farthest_reach_stays_within_time() {
        let least = span("P1000Y").before(at("0001-01-01T00:00:00Z"), Zone::UTC);
        assert_eq!(least, at("0001-01-01T00:00:00Z"));
        assert!(is_near(-1_000) && !is_near(i32::MIN));
        assert_eq!(
            start_of(Period::Year, 1_000, at("9999-06-01T00:00:00Z"), Zone::UTC).to_string(),
            "9999-12-31T23:59:59.999999Z"
        );
    }
}
