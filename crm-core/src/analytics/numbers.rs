//! The arithmetic that figures share.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::money::{Currency, Money, Totals};
use crate::time::Timestamp;

/// Microseconds of a day of 24 hours.
const DAY: f64 = 86_400_000_000.0;

/// How long things took, in days of 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Days {
    /// How many there are.
    pub count: u64,
    /// Their arithmetic mean.
    pub mean: Option<f64>,
    /// Half of them took no longer.
    pub median: Option<f64>,
    /// Nine of ten took no longer.
    pub p90: Option<f64>,
}

impl Days {
    /// The figures of durations in microseconds.
    pub(crate) fn of(mut durations: Vec<i64>) -> Self {
        durations.sort_unstable();
        let sum: i128 = durations.iter().map(|one| i128::from(*one)).sum();
        let mean = (!durations.is_empty()).then(|| real(sum) / (length(&durations) * DAY));
        Self {
            count: count(durations.len()),
            mean,
            median: percentile(&durations, 0.5),
            p90: percentile(&durations, 0.9),
        }
    }
}

/// A percentile of sorted durations, in days: linear between the two nearest ranks (Hyndman and Fan
/// 1996, type 7, as in Excel's PERCENTILE.INC and NumPy).
fn percentile(sorted: &[i64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * real(i128::try_from(last).unwrap_or(0));
    let (below, above) = (index(place.floor()), index(place.ceil()));
    let (below, above) = (days(*sorted.get(below)?), days(*sorted.get(above.min(last))?));
    Some(below + (above - below) * (place - place.floor()))
}

/// Microseconds as days.
fn days(micros: i64) -> f64 {
    real(micros.into()) / DAY
}

/// How long it is from one instant to another, never less than nothing.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> i64 {
    to.micros().saturating_sub(from.micros()).max(0)
}

/// The share of a part in the whole; none of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| real(part.into()) / real(whole.into()))
}

/// A number of things.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn length<T>(items: &[T]) -> f64 {
    real(i128::try_from(items.len()).unwrap_or(0))
}

/// A whole number as a float, which holds 53 bits of it.
pub(crate) fn real(whole: i128) -> f64 {
    whole as f64
}

/// A whole place within a slice.
fn index(place: f64) -> usize {
    place as usize
}

/// Sums of amounts times whole numbers, kept exact until they are divided once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weighted(BTreeMap<Currency, i128>);

impl Weighted {
    /// Adds an amount so many times.
    pub(crate) fn add(&mut self, amount: Money, times: i64) {
        self.add_sum(amount.currency, i128::from(amount.amount_minor) * i128::from(times));
    }

    /// Adds so many minor units.
    pub(crate) fn add_sum(&mut self, currency: Currency, minor: i128) {
        *self.0.entry(currency).or_insert(0) += minor;
    }

    /// The sums divided by a whole number above 0, each rounded once, halves to even.
    ///
    /// # Errors
    /// `Invalid` for a sum beyond 64 bits.
    pub(crate) fn divided_by(&self, divisor: i128) -> Result<Totals> {
        let mut totals = Totals::default();
        for (currency, sum) in &self.0 {
            let rounded = i64::try_from(rounded(*sum, divisor.max(1)));
            let minor = rounded.map_err(|_| Error::invalid("amount_minor", "overflow", "the sum is too large"))?;
            totals.add(Money::minor(minor, *currency))?;
        }
        Ok(totals)
    }
}

/// A quotient rounded to the nearest whole number, halves to even.
pub(super) fn rounded(sum: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (sum.div_euclid(divisor), sum.rem_euclid(divisor));
    match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let halves = [(5, 2), (15, 2), (25, 2), (-5, -2), (7, 4), (-15, -2)];
        for (sum, _) in halves {
            let expected = match sum {
                5 => 0,
                15 | 25 => 2,
                -15 => -2,
                7 => 1,
                _ => 0,
            };
            assert_eq!(rounded(sum, 10), expected, "{sum}");
        }
    }

    #[test]
    fn percentiles_are_those_of_a_spreadsheet() {
        let day = 86_400_000_000;
        let days = Days::of([1, 2, 3, 4].map(|number| number * day).into());
        assert_eq!((days.count, days.mean, days.median), (4, Some(2.5), Some(2.5)));
        assert!(days.p90.is_some_and(|p90| (p90 - 3.7).abs() < 1e-9));
        assert_eq!(Days::of(Vec::new()), Days { count: 0, mean: None, median: None, p90: None });
        assert_eq!(Days::of(vec![day]).p90, Some(1.0));
    }
}
