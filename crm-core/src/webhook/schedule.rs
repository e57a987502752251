//! When a delivery is tried again.

use chrono::{DateTime, Utc};

use crate::time::Timestamp;

/// Waits after the first, second … failed attempt, in seconds.
const WAITS: [i64; 9] =
    [5, 5 * 60, 30 * 60, 2 * 60 * 60, 5 * 60 * 60, 10 * 60 * 60, 14 * 60 * 60, 20 * 60 * 60, 24 * 60 * 60];
/// Attempts in all.
pub(super) const ATTEMPTS: u32 = 10;
/// The longest patience that an endpoint may ask for, in seconds.
const MOST_PATIENCE: i64 = 24 * 60 * 60;

/// When the next attempt is after one that failed, from 1; none after the last one. An endpoint that asks for
/// patience is given it, up to a day.
pub(super) fn next(attempt: u32, retry_after: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    let wait = *WAITS.get(usize::try_from(attempt.checked_sub(1)?).ok()?)?;
    let asked = retry_after.and_then(|text| asked(text, now)).unwrap_or(now);
    Some(now.plus_seconds(wait).max(asked.min(now.plus_seconds(MOST_PATIENCE))))
}

/// The instant of a `Retry-After`: seconds, or a date in one of the three forms of HTTP (RFC 9110, sections 10.2.3 and
/// 5.6.7).
fn asked(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(now.plus_seconds(seconds.into()));
    }
    httpdate::parse_http_date(text).ok().map(|date| DateTime::<Utc>::from(date).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_later_each_time_and_end() {
        let now = Timestamp::from_micros(0);
        let waits: Vec<i64> = (1..ATTEMPTS).map(|at| next(at, None, now).unwrap().micros() / 1_000_000).collect();
        assert_eq!(waits, WAITS);
        assert!(waits.is_sorted() && next(ATTEMPTS, None, now).is_none() && next(0, None, now).is_none());
    }

    #[test]
    fn patience_is_given_where_it_is_asked_for_up_to_a_day() {
        let now: Timestamp = "2015-10-21T07:27:00Z".parse().unwrap();
        let wait = |text| (next(1, Some(text), now).unwrap().micros() - now.micros()) / 1_000_000;
        assert_eq!(
            [wait("120"), wait("0"), wait("1"), wait("4294967295"), wait("soon"), wait("-3")],
            [120, 5, 5, 24 * 60 * 60, 5, 5]
        );
        for minute_later in
            ["Wed, 21 Oct 2015 07:28:00 GMT", "Wednesday, 21-Oct-15 07:28:00 GMT", "Wed Oct 21 07:28:00 2015"]
        {
            assert_eq!(wait(minute_later), 60, "{minute_later}");
        }
        assert_eq!(wait("Wed, 21 Oct 2015 07:20:00 GMT"), 5);
        assert_eq!(wait("Fri, 21 Oct 2033 07:28:00 GMT"), 24 * 60 * 60);
    }
}
