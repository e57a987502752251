use super::DateFormat::{DayMonthYear, MonthDayYear, YearMonthDay};
use super::*;
use crate::error::ErrorKind;
use proptest::prelude::*;

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn in_utc(text: &str) -> Timestamp {
    parse_moment(text, MonthDayYear).unwrap().instant(Zone::UTC)
}

#[test]
fn a_date_is_read_in_the_order_of_its_column() {
    assert_eq!(parse("2026-01-31", YearMonthDay).unwrap(), day(2026, 1, 31));
    assert_eq!(parse(" 3/1/2017 ", MonthDayYear).unwrap(), day(2017, 3, 1));
    assert_eq!(parse("3/1/2017", DayMonthYear).unwrap(), day(2017, 1, 3));
    assert_eq!(parse("31.01.2026", DayMonthYear).unwrap(), day(2026, 1, 31));
    assert_eq!(parse("2026/1/31", DayMonthYear).unwrap(), day(2026, 1, 31));
}

#[test]
fn an_impossible_date_is_refused() {
    for text in [
        "2/30/2026",
        "13/1/2026",
        "0/1/2026",
        "1/31/26",
        "1/31",
        "1/31/2026/1",
        "1-31/2026",
        "31",
        "",
        "soon",
        "0000-01-01",
        "1/+1/2026",
        "１/31/2026",
        "1/31/2026 25:00",
        "1/31/2026 9:60",
        "1/31/2026 13:00 PM",
        "1/31/2026 soon",
        "2026-01-31T",
        "20260131",
        "1/31/20266",
    ] {
        let error = parse(text, MonthDayYear).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
        assert_eq!((error.fields()[0].field.as_str(), &*error.fields()[0].code), ("", "date"));
    }
}

#[test]
fn times_are_read_as_programs_write_them() {
    for (text, expected) in [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31T10:30:00.250+01:00", "2026-01-31T09:30:00.25Z"),
        ("2016-05-20T14:14:50.000+0000", "2016-05-20T14:14:50Z"),
        ("2026-01-31 09:30", "2026-01-31T09:30:00Z"),
        ("2026-01-31 09:30:15 UTC", "2026-01-31T09:30:15Z"),
        ("2026-01-31 09:30:15 -05", "2026-01-31T14:30:15Z"),
        ("1/31/2017 9:30 AM", "2017-01-31T09:30:00Z"),
        ("1/31/2017, 9:30:01\u{202f}pm", "2017-01-31T21:30:01Z"),
        ("1/31/2017 12:00 AM", "2017-01-31T00:00:00Z"),
        ("1/31/2017 12:00 PM", "2017-01-31T12:00:00Z"),
        ("1/31/2017", "2017-01-31T00:00:00Z"),
    ] {
        assert_eq!(in_utc(text), expected.parse().unwrap(), "{text}");
    }
}

#[test]
fn a_broken_time_or_offset_is_refused() {
    for text in [
        "2026-01-31 9",
        "2026-01-31 09:30+25:00",
        "2026-01-31 09:30+1",
        "2026-01-31 09:30+01:",
        "2026-01-31 09:30:00.",
        "2026-01-31 0:30 AM",
    ] {
        assert!(parse_moment(text, YearMonthDay).is_err(), "{text}");
    }
}

#[test]
fn the_zone_fills_in_what_a_cell_leaves_open() {
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    let at = |text: &str| instant(parse_moment(text, YearMonthDay).unwrap(), berlin).unwrap().to_string();
    assert_eq!(at("2026-07-01"), "2026-06-30T22:00:00.000000Z");
    assert_eq!(at("2026-07-01 09:30"), "2026-07-01T07:30:00.000000Z");
    assert_eq!(at("2026-10-25 02:30"), "2026-10-25T00:30:00.000000Z");
    assert_eq!(at("2026-07-01T09:30:00Z"), "2026-07-01T09:30:00.000000Z");
}

#[test]
fn a_time_that_the_clock_skips_is_refused() {
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    let skipped = instant(parse_moment("2026-03-29 02:30", YearMonthDay).unwrap(), berlin).unwrap_err();
    assert_eq!((skipped.fields()[0].field.as_str(), skipped.fields()[0].code.as_ref()), ("", "no_such_time"));
}

#[test]
fn formats_are_known_by_name() {
    assert_eq!("YYYY-MM-DD".parse::<DateFormat>().unwrap(), YearMonthDay);
    assert_eq!("month_day_year".parse::<DateFormat>().unwrap(), MonthDayYear);
    assert_eq!("dd.mm.yyyy".parse::<DateFormat>().unwrap(), DayMonthYear);
    assert_eq!("y".parse::<DateFormat>().unwrap_err().fields()[0].field, "date_format");
}

proptest! {
    #[test]
    fn every_date_is_read_as_it_was_written(days in 1..3_652_059i32) {
        let date = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
        for (format, pattern) in [(YearMonthDay, "%Y-%m-%d"), (MonthDayYear, "%-m/%-d/%Y"), (DayMonthYear, "%d.%m.%Y")] {
            prop_assert_eq!(parse(&date.format(pattern).to_string(), format).unwrap(), date);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9:/. TZapmAPM+,é-]{0,24}") {
        for format in [YearMonthDay, MonthDayYear, DayMonthYear] {
            let _ = parse_moment(&text, format);
        }
    }
}
