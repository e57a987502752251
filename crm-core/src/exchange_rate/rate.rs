//! A positive decimal number, kept exactly.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// Digits after the point.
const PLACES: usize = 10;
/// What a rate of 1 is in its parts.
const ONE: i64 = 10_000_000_000;
/// Rates lie below this many units, which leaves them eight digits before the point.
const LIMIT: i64 = 100_000_000;

/// How many units of one currency a unit of another buys: above 0, below 100,000,000 and with at most
/// ten digits after the point. Text on the wire, as in `"1.0842"`, since a JSON number would be read as
/// a binary float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(i64);

impl Rate {
    /// The rate of so many ten-billionths.
    ///
    /// # Errors
    /// `Invalid` for what lies outside the range of rates.
    pub fn from_parts(parts: i64) -> Result<Self> {
        let holds = 0 < parts && parts / ONE < LIMIT;
        if holds { Ok(Self(parts)) } else { Err(unfit("must lie above 0 and below 100000000")) }
    }

    /// Ten-billionths.
    pub fn parts(self) -> i64 {
        self.0
    }

    /// The parts of 1.
    pub(crate) const fn one() -> i64 {
        ONE
    }
}

fn unfit(why: &str) -> Error {
    Error::invalid("rate", "rate", why)
}

impl FromStr for Rate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = || unfit("is not a decimal number, as in 1.0842");
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(malformed()),
            None => (text, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit()) {
            return Err(malformed());
        }
        if fraction.trim_end_matches('0').len() > PLACES {
            return Err(unfit("has more than 10 digits after the point"));
        }
        let digits = whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(PLACES));
        let parts = digits
            .map(|digit| i64::from(digit - b'0'))
            .try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(digit));
        Self::from_parts(parts.unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:0>PLACES$}", self.0 % ONE);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{}{point}{fraction}", self.0 / ONE)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| {
            let why = error.fields().first().map_or("is not a rate", |fault| &fault.message);
            serde::de::Error::custom(why)
        })
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Rate {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("Exact decimal above 0 with at most 10 digits after the point"))
            .pattern(Some(r"^[0-9]{1,8}(\.[0-9]{1,10})?$"))
            .examples([serde_json::json!("1.0842")])
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Rate {
    fn name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rate_is_read_exactly() {
        for (text, parts) in [
            ("1.0842", 10_842_000_000),
            ("0.0000000001", 1),
            ("99999999.9999999999", 999_999_999_999_999_999),
            ("007.50000000000000", 75_000_000_000),
        ] {
            assert_eq!(text.parse::<Rate>().unwrap().parts(), parts, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_rate_is_refused() {
        let bad = [
            "",
            "0",
            "0.0",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.",
            ".5",
            " 1",
            "NaN",
            "0.00000000001",
            "100000000",
            "9999999999999999999999",
            "1.2.3",
            "١",
        ];
        for text in bad {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
            assert!(serde_json::from_value::<Rate>(text.into()).is_err(), "{text:?}");
        }
        assert!(serde_json::from_str::<Rate>("1.5").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(parts in 1..LIMIT * ONE) {
            let rate = Rate::from_parts(parts).unwrap();
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }
    }
}
