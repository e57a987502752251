//! Instants in UTC with microseconds, and the clock that services ask.
//!
//! Stores keep microseconds, so an instant is cut to them at its making: what was written is what
//! is read. Days, weeks and months are cut in an IANA zone by [`Zone`].

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike as _, Utc,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::edit::Edit;
use crate::error::Error;

/// An instant in UTC, cut to microseconds; RFC 3339 with six fraction digits on the wire.
///
/// Its year lies between 0001 and 9999, which is what RFC 3339 and both stores can hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Microseconds of 0001-01-01T00:00:00Z.
const MIN_MICROS: i64 = -62_135_596_800_000_000;
/// Microseconds of 9999-12-31T23:59:59.999999Z.
const MAX_MICROS: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The instant so many microseconds after 1970-01-01T00:00:00Z, held within years 1 to 9999.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(MIN_MICROS, MAX_MICROS))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The same instant as chrono's type.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// RFC 3339 with six fraction digits, in ASCII. Every answer is full of them, so they are
    /// not left to a formatter for everything.
    fn text(self) -> [u8; 27] {
        let (utc, mut text) = (self.utc(), *b"0000-00-00T00:00:00.000000Z");
        let mut put = |at: Range<usize>, mut number: u32| {
            for digit in text.get_mut(at).unwrap_or_default().iter_mut().rev() {
                *digit += u8::try_from(number % 10).unwrap_or_default();
                number /= 10;
            }
        };
        put(0..4, utc.year().unsigned_abs());
        put(5..7, utc.month());
        put(8..10, utc.day());
        put(11..13, utc.hour());
        put(14..16, utc.minute());
        put(17..19, utc.second());
        put(20..26, utc.timestamp_subsec_micros());
        text
    }

    /// This instant moved by whole seconds, held within the range.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_micros(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self::from_micros(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::invalid("time", "time", "is not an RFC 3339 instant, as in 2026-01-31T09:30:00Z");
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| invalid())?;
        let micros = time.timestamp_micros();
        if (MIN_MICROS..=MAX_MICROS).contains(&micros) { Ok(Self(micros)) } else { Err(invalid()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("is not an RFC 3339 instant"))
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Timestamp {
    fn name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
}

/// The day of a text with four digits for its year and two for its month and day, as in 2026-01-31.
///
/// # Errors
/// `Invalid` for anything else, and for year 0.
pub fn strict_day(text: &str) -> Result<NaiveDate, Error> {
    // chrono alone reads `2026-1-5` and years beyond four digits; the contract has one spelling.
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| day.to_string() == text);
    let day = day.filter(|_| text.len() == 10 && !text.starts_with("0000"));
    day.ok_or_else(|| Error::invalid("day", "date", NO_DAY))
}

/// What is told of a text that is no day.
const NO_DAY: &str = "is not a date of years 1 to 9999, as in 2026-01-31";

/// Reads a change of a day in its one spelling.
pub(crate) fn deserialize_day_edit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Edit<NaiveDate>, D::Error> {
    let text: Option<std::borrow::Cow<'de, str>> = Deserialize::deserialize(deserializer)?;
    let day = text.map(|text| strict_day(&text).map_err(|_| serde::de::Error::custom(NO_DAY))).transpose()?;
    Ok(day.map_or(Edit::Clear, Edit::Set))
}

/// Reads a day in its one spelling.
pub(crate) fn deserialize_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    strict_day(&text).map_err(|_| serde::de::Error::custom(NO_DAY))
}

/// Reads a day in its one spelling, or none.
///
/// # Errors
/// For a text that is no day.
pub fn deserialize_optional_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| strict_day(&text).map_err(|_| serde::de::Error::custom(NO_DAY))).transpose()
}

/// The time of a record whose image does not say it.
pub(crate) fn epoch() -> Timestamp {
    Timestamp::from_micros(0)
}

/// An IANA time zone, as in `Europe/Berlin`; cuts days, weeks and months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone(chrono_tz::Tz);

/// A calendar period that a zone can cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Period {
    /// From local midnight.
    Day,
    /// From Monday's local midnight (ISO 8601).
    Week,
    /// From the first of the month.
    Month,
    /// From the first of January, April, July or October.
    Quarter,
    /// From the first of January.
    Year,
}

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Zone = Zone(chrono_tz::Tz::UTC);

    /// The zone's IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The local calendar day of an instant.
    pub fn day(self, at: Timestamp) -> NaiveDate {
        at.utc().with_timezone(&self.0).date_naive()
    }

    /// The date and time of day of an instant.
    pub(crate) fn local(self, at: Timestamp) -> NaiveDateTime {
        at.utc().with_timezone(&self.0).naive_local()
    }

    /// The first instant of a local day: midnight, or where a clock change skips it, the first
    /// moment after the gap; where midnight happens twice, the earlier one.
    pub fn start_of_day(self, day: NaiveDate) -> Timestamp {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        for minutes in 0..=24 * 60 {
            let local = midnight + chrono::TimeDelta::minutes(minutes);
            if let Some(time) = self.0.from_local_datetime(&local).earliest() {
                return Timestamp::from(time.with_timezone(&Utc));
            }
        }
        // A zone that skips a whole day (Samoa, 2011-12-30): the day has no instant of its own, so
        // its start is the start of the next.
        day.checked_add_days(Days::new(1))
            .map_or_else(|| Timestamp::from(midnight.and_utc()), |next| self.start_of_day(next))
    }

    /// The last microsecond of a local day.
    ///
    /// # Errors
    /// `Invalid` with code `no_such_time`, without a field, for a day that the zone skips.
    pub fn end_of_day(self, day: NaiveDate) -> Result<Timestamp, Error> {
        let next = day.succ_opt().map_or(Timestamp(MAX_MICROS), |next| self.start_of_day(next));
        if next <= self.start_of_day(day) && next.micros() < MAX_MICROS {
            return Err(no_such_time(format!("{day} does not exist in {self}")));
        }
        Ok(Timestamp::from_micros(next.0 - 1))
    }

    /// The instant of a time by the clock on the wall.
    ///
    /// # Errors
    /// `Invalid` without a field: `no_such_time` for a time that a clock change skips,
    /// `ambiguous_time` for one that happens twice.
    pub fn instant_of(self, local: NaiveDateTime) -> Result<Timestamp, Error> {
        match self.0.from_local_datetime(&local) {
            LocalResult::Single(time) => Ok(Timestamp::from(time.with_timezone(&Utc))),
            LocalResult::Ambiguous(first, second) => {
                let message =
                    format!("{local} happens twice in {self}, as {} and {}", first.to_rfc3339(), second.to_rfc3339());
                Err(Error::invalid("", "ambiguous_time", message))
            }
            LocalResult::None => Err(no_such_time(format!("{local} does not exist in {self}: its clocks skip it"))),
        }
    }

    /// The instant of a time by the clock on the wall: the earlier where it happens twice, the end of
    /// the gap where never.
    pub(crate) fn first_instant(self, local: NaiveDateTime) -> Timestamp {
        // Every gap ends on a whole minute; the longest one is the day that Samoa skipped.
        let minute = local.with_second(0).and_then(|local| local.with_nanosecond(0)).unwrap_or(local);
        let later = (1..=24 * 60).filter_map(|minutes| minute.checked_add_signed(TimeDelta::minutes(minutes)));
        std::iter::once(local)
            .chain(later)
            .find_map(|local| self.0.from_local_datetime(&local).earliest())
            .map_or_else(|| Timestamp::from(local.and_utc()), |time| Timestamp::from(time.with_timezone(&Utc)))
    }

    /// The first instant of the period that holds `at`.
    pub fn start_of(self, period: Period, at: Timestamp) -> Timestamp {
        self.start_of_day(period.first_day(self.day(at)))
    }
}

impl Period {
    /// The first day of the period that a day is in.
    pub(crate) fn first_day(self, day: NaiveDate) -> NaiveDate {
        let first = match self {
            Period::Day => Some(day),
            Period::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
            Period::Month => day.with_day(1),
            Period::Quarter => {
                day.with_day(1).and_then(|first| first.checked_sub_months(Months::new(first.month0() % 3)))
            }
            Period::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        };
        first.unwrap_or(day)
    }

    /// Whether months add up to it.
    pub fn is_of_months(self) -> bool {
        matches!(self, Period::Month | Period::Quarter | Period::Year)
    }
}

fn no_such_time(message: String) -> Error {
    Error::invalid("", "no_such_time", message)
}

impl FromStr for Zone {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        name.parse()
            .map(Zone)
            .map_err(|_| Error::invalid("time_zone", "time_zone", "is not an IANA time zone, as in Europe/Berlin"))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("is not an IANA time zone"))
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Zone {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("IANA time zone"))
            .examples([serde_json::json!("Europe/Berlin")])
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Zone {
    fn name() -> std::borrow::Cow<'static, str> {
        "TimeZone".into()
    }
}

/// Port: what time it is. Services ask it once a use case.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(Utc::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn instants_keep_microseconds_and_drop_the_rest() {
        assert_eq!(at("2026-01-31T10:30:00.123456789+01:00").to_string(), "2026-01-31T09:30:00.123456Z");
        assert!("2026-02-30T00:00:00Z".parse::<Timestamp>().is_err());
        assert!("0000-01-01T00:00:00Z".parse::<Timestamp>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn an_instant_is_written_as_rfc_3339_has_it(micros in MIN_MICROS..=MAX_MICROS) {
            for micros in [micros, MIN_MICROS, MAX_MICROS, micros % 86_400_000_000] {
                let at = Timestamp::from_micros(micros);
                assert_eq!(at.to_string(), at.utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
                assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at);
            }
        }
    }

    #[test]
    fn a_day_with_a_clock_change_starts_at_its_local_midnight() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(berlin.start_of(Period::Day, at("2026-03-29T12:00:00Z")), at("2026-03-28T23:00:00Z"));
        assert_eq!(berlin.start_of(Period::Day, at("2026-03-30T12:00:00Z")), at("2026-03-29T22:00:00Z"));
        assert_eq!(berlin.start_of(Period::Day, at("2026-10-25T12:00:00Z")), at("2026-10-24T22:00:00Z"));
        assert_eq!(berlin.start_of(Period::Day, at("2026-10-26T12:00:00Z")), at("2026-10-25T23:00:00Z"));
    }

    #[test]
    fn a_day_without_midnight_starts_after_the_gap() {
        let sao_paulo: Zone = "America/Sao_Paulo".parse().unwrap();
        assert_eq!(sao_paulo.start_of(Period::Day, at("2017-10-15T12:00:00Z")), at("2017-10-15T03:00:00Z"));
        let apia: Zone = "Pacific/Apia".parse().unwrap();
        let skipped = NaiveDate::from_ymd_opt(2011, 12, 30).unwrap();
        assert_eq!(apia.start_of_day(skipped), at("2011-12-30T10:00:00Z"));
    }

    #[test]
    fn periods_are_cut_in_the_zone() {
        let tokyo: Zone = "Asia/Tokyo".parse().unwrap();
        let new_year = at("2025-12-31T15:30:00Z");
        assert_eq!(tokyo.start_of(Period::Year, new_year), at("2025-12-31T15:00:00Z"));
        assert_eq!(Zone::UTC.start_of(Period::Quarter, new_year), at("2025-10-01T00:00:00Z"));
        assert_eq!(Zone::UTC.start_of(Period::Week, new_year), at("2025-12-29T00:00:00Z"));
        assert_eq!(Zone::UTC.start_of(Period::Month, new_year), at("2025-12-01T00:00:00Z"));
    }
}
