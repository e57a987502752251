//! How a task recurs: a rule of RFC 5545, checked and in one form.
//!
//! A rule is followed on the clock on the wall, without a zone; whoever asks says which zone the wall is in. So
//! a task of nine o'clock stays one of nine o'clock over a change of clocks, and what falls into a gap is
//! resolved as every local time is.
//!
//! Rules come from strangers: their length is bounded, a task recurs once a day at most, and a rule is followed
//! for so many steps and no further.

use std::fmt::{self, Display};
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDateTime, TimeZone as _};
use rrule::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rule::Rule;
use crate::error::{Error, Result};
use crate::time::Zone;

/// Most occurrences that are looked at: those that a rule counts, or every day in four years.
const MAX_STEPS: usize = 1_500;
/// Years after which the calendar has the same days.
const CYCLE: i32 = 400;
/// The last year in which a series is made to begin.
const LAST_START: i32 = 9_990;
/// Years after which days of the year fall on the same weekdays, but for centuries without a leap day.
const LEAP_CYCLE: i32 = 28;
/// From which year on a rule is tried out: it has to come true within twice the leap cycle.
const FIRST_TRIAL: i32 = LAST_YEAR - 2 * LEAP_CYCLE;
/// The last year that the library knows.
const LAST_YEAR: i32 = 10_000;

/// How a task recurs: a rule of RFC 5545 in its one form, as in `FREQ=WEEKLY;BYDAY=MO,TH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence(String);

impl Recurrence {
    /// The rule's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the series from `start` on comes true at all within the next decades, by the clock on the wall
    /// in UTC.
    pub(super) fn comes_true(&self, start: NaiveDateTime) -> bool {
        let found = || {
            let rule = Rule::parse(&self.0).ok()?;
            let trial = alike(start)?;
            let first =
                rule.parsed.clone().build(Tz::UTC.from_utc_datetime(&trial)).ok()?.limit().into_iter().next()?;
            let first = first.naive_utc();
            // A leap day that the year of before lacks is another day, and one all the same.
            let at = first.with_year(first.year() - trial.year() + start.year());
            Some(at.is_none_or(|at| !rule.has_ended(at, Zone::UTC)))
        };
        found().unwrap_or(false)
    }

    /// The first occurrence of the series from `start` on that comes after a time and passes, by the clock on the
    /// wall of a zone; none where the rule has ended before, or where it takes too long to find out.
    pub(super) fn first(
        &self,
        start: NaiveDateTime,
        after: Option<NaiveDateTime>,
        zone: Zone,
        passes: impl Fn(NaiveDateTime) -> bool,
    ) -> Option<NaiveDateTime> {
        let rule = Rule::parse(&self.0).ok()?;
        let near = after.map_or(start, |after| rule.nearer(start, after));
        let (near, years) = (later(near)?, cycles(near) * CYCLE);
        let series = rule.parsed.clone().build(Tz::UTC.from_utc_datetime(&near)).ok()?.limit();
        for at in series.into_iter().take(MAX_STEPS) {
            let at = at.naive_utc();
            let at = at.with_year(at.year() - years)?;
            if rule.has_ended(at, zone) {
                return None;
            }
            if after.is_none_or(|after| at > after) && passes(at) {
                return Some(at);
            }
        }
        None
    }
}

/// How many cycles of the calendar a series is moved on: the library ends in the year 10,000, and looks until then
/// for what never comes true.
fn cycles(at: NaiveDateTime) -> i32 {
    ((LAST_START - at.year()) / CYCLE).max(0)
}

/// The same place of the calendar in its last cycle: 400 years have the same days.
fn later(at: NaiveDateTime) -> Option<NaiveDateTime> {
    at.with_year(at.year() + cycles(at) * CYCLE)
}

/// The same day and weekday shortly before the end of the library's time, where leap years go on as from the
/// day on: what never comes true is found out within decades.
fn alike(at: NaiveDateTime) -> Option<NaiveDateTime> {
    let mut trials = (FIRST_TRIAL..FIRST_TRIAL + LEAP_CYCLE).filter(|year| (year - at.year()) % 4 == 0);
    trials.find_map(|year| at.with_year(year).filter(|trial| trial.weekday() == at.weekday()))
}

impl FromStr for Recurrence {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Rule::parse(text).map(|rule| Self(rule.to_string()))
    }
}

impl Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Recurrence {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Recurrence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("is no rule of RFC 5545"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveTime, Weekday};

    use super::*;

    fn rule(text: &str) -> Recurrence {
        text.parse().unwrap()
    }

    #[test]
    fn a_rule_has_one_form() {
        for (said, kept) in [
            ("rrule:byday=th,mo,mo;freq=weekly;interval=1;wkst=mo", "FREQ=WEEKLY;BYDAY=MO,TH"),
            ("FREQ=MONTHLY;BYDAY=+1MO", "FREQ=MONTHLY;BYDAY=1MO"),
            ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "FREQ=MONTHLY;COUNT=3;BYDAY=-1FR"),
            ("FREQ=MONTHLY;BYMONTHDAY=15,-1,1", "FREQ=MONTHLY;BYMONTHDAY=-1,1,15"),
            ("FREQ=YEARLY;UNTIL=20301231T090000Z;BYMONTH=6", "FREQ=YEARLY;UNTIL=20301231T090000Z;BYMONTH=6"),
            ("FREQ=DAILY;UNTIL=20301231", "FREQ=DAILY;UNTIL=20301231"),
            ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU", "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU"),
        ] {
            assert_eq!(rule(said).as_str(), kept);
            assert_eq!(rule(kept).as_str(), kept);
            assert_eq!(serde_json::from_value::<Recurrence>(kept.into()).unwrap().to_string(), kept);
        }
    }

    #[test]
    fn what_a_task_does_not_follow_is_refused_at_the_field() {
        let long = format!("FREQ=DAILY;BYMONTH={}", "1,".repeat(100));
        for text in [
            "",
            "FREQ",
            "FREQ=",
            "FREQ=FORTNIGHTLY",
            "FREQ=SECONDLY",
            "FREQ=MINUTELY",
            "FREQ=HOURLY",
            "INTERVAL=2",
            "FREQ=DAILY;FREQ=DAILY",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;INTERVAL=-1",
            "FREQ=DAILY;INTERVAL=70000",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=1001",
            "FREQ=DAILY;COUNT=2;UNTIL=20301231",
            "FREQ=DAILY;UNTIL=tomorrow",
            "FREQ=DAILY;UNTIL=20301332",
            "FREQ=DAILY;BYHOUR=1,2,3",
            "FREQ=DAILY;BYMINUTE=1",
            "FREQ=DAILY;BYSECOND=1",
            "FREQ=DAILY;BYEASTER=1",
            "FREQ=WEEKLY;BYDAY=XMO",
            "FREQ=WEEKLY;BYDAY=MÖ",
            "FREQ=MONTHLY;BYDAY=0MO",
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2",
            "FREQ=DAILY;BYSETPOS=5",
            "FREQ=WEEKLY;BYDAY=2MO",
            "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=9",
            "FREQ=YEARLY;BYMONTH=13",
            "FREQ=DAILY\nRRULE:FREQ=DAILY",
            "DTSTART:20260101T000000Z",
            "EXRULE:FREQ=DAILY",
            "FREQ=DAILY;X-A=B",
            &long,
        ] {
            let error = text.parse::<Recurrence>().unwrap_err();
            assert_eq!(error.fields()[0].field, "recurrence", "{text}");
        }
    }

    #[test]
    fn a_rule_that_never_comes_true_ends() {
        let start = "2026-01-01T09:00:00".parse().unwrap();
        for text in [
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9",
            "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        ] {
            assert_eq!(rule(text).first(start, None, Zone::UTC, |_| true), None);
        }
        assert_eq!(rule("FREQ=DAILY").first(start, None, Zone::UTC, |_| false), None);
    }

    #[test]
    fn what_never_comes_true_is_told_within_decades_wherever_it_begins() {
        for day in (0..300 * 366).step_by(367) {
            let start = NaiveDate::from_ymd_opt(1901, 1, 1).unwrap() + chrono::TimeDelta::days(day);
            let start = start.and_hms_opt(9, 0, 0).unwrap();
            assert!((FIRST_TRIAL..FIRST_TRIAL + LEAP_CYCLE).contains(&alike(start).unwrap().year()), "{start}");
            let comes_true = |text: &str| rule(text).comes_true(start);
            assert!(comes_true("FREQ=DAILY") && comes_true("FREQ=MONTHLY;BYDAY=5FR"), "{start}");
            assert!(comes_true("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"), "{start}");
            assert_eq!(comes_true("FREQ=DAILY;INTERVAL=7;BYDAY=MO"), start.weekday() == Weekday::Mon, "{start}");
            assert!(!comes_true("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "{start}");
            assert!(!comes_true("FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31"), "{start}");
            let until = (start.date() - chrono::TimeDelta::days(1)).format("FREQ=DAILY;UNTIL=%Y%m%d").to_string();
            assert!(!comes_true(&until), "{start}");
        }
    }

    #[test]
    fn a_rule_of_weekdays_goes_on_for_ever_whatever_the_day_of_its_beginning() {
        let after: NaiveDateTime = "2080-06-14T12:00:00".parse().unwrap();
        let next = |text: &str, start: &str| {
            rule(text).first(start.parse().unwrap(), Some(after), Zone::UTC, |_| true).map(|at| at.to_string())
        };
        for text in [
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR",
            "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR",
            "FREQ=MONTHLY;BYMONTHDAY=17,-14",
            "FREQ=YEARLY;BYWEEKNO=25;BYDAY=MO",
        ] {
            for start in ["2020-01-28T09:00:00", "2020-01-29T09:00:00", "2020-01-30T09:00:00", "2020-01-31T09:00:00"] {
                assert_eq!(next(text, start).as_deref(), Some("2080-06-17 09:00:00"), "{text} from {start}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_of_a_rules_letters_panics(text in "(FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY);)?((BYDAY|BYMONTHDAY|BYSETPOS|BYWEEKNO|BYYEARDAY|INTERVAL|COUNT|WKST|UNTIL)=[-+]?[0-9]{0,3}(MO|SU)?(,-?[0-9]{1,2})?;?){0,3}") {
            if let Ok(rule) = text.trim_end_matches(';').parse::<Recurrence>() {
                let start: NaiveDateTime = "2026-01-31T09:00:00".parse().unwrap();
                let after = start + chrono::TimeDelta::days(40);
                assert!(rule.first(start, Some(after), Zone::UTC, |_| true).is_none_or(|at| at > after));
                assert_eq!(rule.as_str().parse::<Recurrence>().unwrap(), rule);
            }
        }

        /// Days are counted one by one here, which no library does.
        #[test]
        fn the_next_day_of_a_simple_rule_is_the_one_that_counting_finds(
            first in 0_i64..4_000, interval in 1_i64..5, days in proptest::collection::btree_set(0_u8..7, 1..4), after in 0_i64..400,
        ) {
            let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
            let listed: Vec<&str> = days.iter().map(|day| names[usize::from(*day)]).collect();
            let start = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::TimeDelta::days(first);
            let from = start + chrono::TimeDelta::days(after);
            let monday = |day: NaiveDate| day - chrono::TimeDelta::days(i64::from(day.weekday().num_days_from_monday()));
            let is_weekly = |day: NaiveDate| {
                days.contains(&u8::try_from(day.weekday().num_days_from_monday()).unwrap())
                    && (monday(day) - monday(start)).num_days() / 7 % interval == 0
            };
            let is_daily = |day: NaiveDate| (day - start).num_days() % interval == 0;
            let counted = |is_one: &dyn Fn(NaiveDate) -> bool| {
                (1..400).map(|days| from + chrono::TimeDelta::days(days)).find(|day| is_one(*day)).unwrap()
            };
            let found = |text: String| {
                let at = rule(&text).first(start.and_time(NaiveTime::MIN), Some(from.and_time(NaiveTime::MIN)), Zone::UTC, |_| true);
                at.unwrap().date()
            };
            assert_eq!(found(format!("FREQ=DAILY;INTERVAL={interval}")), counted(&is_daily));
            let weekly = format!("FREQ=WEEKLY;INTERVAL={interval};BYDAY={}", listed.join(","));
            assert_eq!(found(weekly), counted(&is_weekly));
        }
    }
}
