//! Money: whole minor units of one currency. Two currencies are never added.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// An ISO 4217 currency, as in `USD`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The United States dollar.
    pub const USD: Currency = Currency(iso_currency::Currency::USD);

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal digits of the minor unit: 2 for USD, 0 for JPY, 3 for BHD.
    pub fn exponent(self) -> u32 {
        self.0.exponent().unwrap_or(0).into()
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl FromStr for Currency {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self> {
        iso_currency::Currency::from_code(code).map(Currency).ok_or_else(|| {
            Error::invalid("currency", "currency", format!("{code:?} is not an ISO 4217 code, as in USD"))
        })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        code.parse().map_err(|_| serde::de::Error::custom("is not an ISO 4217 currency"))
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("ISO 4217 code"))
            .pattern(Some("^[A-Z]{3}$"))
            .examples([serde_json::json!("USD")])
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Currency {
    fn name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
}

/// An amount in minor units of its currency: 1,250.00 USD is `amount_minor` 125000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Money {
    /// Minor units, as in cents.
    pub amount_minor: i64,
    /// Their currency.
    pub currency: Currency,
}

impl Money {
    /// So many minor units.
    pub const fn minor(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// The amount that a decimal text names, as in `1054`, `-3.5` or `1,234.56` (comma groups
    /// thousands).
    ///
    /// # Errors
    /// `Invalid` for anything else, for more fraction digits than the currency has, and beyond
    /// 64 bits.
    pub fn parse(text: &str, currency: Currency) -> Result<Self> {
        let invalid = |why: &str| Error::invalid("value", "amount", format!("{text:?} {why}"));
        let trimmed = text.trim();
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let places = usize::try_from(currency.exponent()).unwrap_or(0);
        if fraction.trim_end_matches('0').len() > places {
            return Err(invalid(&format!("has more than {places} fraction digits for {currency}")));
        }
        let whole = ungroup(whole).ok_or_else(|| invalid("is not an amount"))?;
        let minor = whole
            .chars()
            .chain(fraction.chars().chain(std::iter::repeat('0')).take(places))
            .try_fold(0_i64, |sum, digit| {
                let digit = i64::from(digit.to_digit(10)?);
                sum.checked_mul(10)?.checked_sub(digit)
            })
            .filter(|_| fraction.chars().all(|digit| digit.is_ascii_digit()))
            .and_then(|minus| if negative { Some(minus) } else { minus.checked_neg() })
            .ok_or_else(|| invalid("is not an amount that fits"))?;
        Ok(Self { amount_minor: minor, currency })
    }

    /// The sum of two amounts of one currency.
    ///
    /// # Errors
    /// `Invalid` for two currencies or a sum beyond 64 bits.
    pub fn checked_add(self, other: Money) -> Result<Money> {
        if self.currency != other.currency {
            return Err(Error::invalid(
                "currency",
                "mixed_currencies",
                format!("cannot add {} to {}", other.currency, self.currency),
            ));
        }
        self.amount_minor
            .checked_add(other.amount_minor)
            .map(|amount_minor| Money { amount_minor, ..self })
            .ok_or_else(|| Error::invalid("amount_minor", "overflow", "the sum is too large"))
    }
}

/// The digits of a whole number whose commas, if any, group thousands.
fn ungroup(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next().filter(|first| !first.is_empty())?;
    let grouped = whole.contains(',');
    let regular = (!grouped || first.len() <= 3) && groups.all(|group| group.len() == 3);
    (regular && whole.chars().all(|digit| digit.is_ascii_digit() || digit == ',')).then(|| whole.replace(',', ""))
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::try_from(self.currency.exponent()).unwrap_or(0);
        let digits = format!("{:0>width$}", self.amount_minor.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        write!(f, "{sign}{}", group(whole))?;
        if places > 0 {
            write!(f, ".{fraction}")?;
        }
        write!(f, " {}", self.currency)
    }
}

/// A whole number with commas between thousands.
fn group(whole: &str) -> String {
    let mut grouped = String::with_capacity(whole.len() + whole.len() / 3);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Sums kept apart by currency, in the order of their codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Currency, i64>);

impl Totals {
    /// Adds an amount to the sum of its currency.
    ///
    /// # Errors
    /// `Invalid` when a sum leaves 64 bits.
    pub fn add(&mut self, money: Money) -> Result<()> {
        let sum = self.0.entry(money.currency).or_insert(0);
        *sum = Money::minor(*sum, money.currency).checked_add(money)?.amount_minor;
        Ok(())
    }

    /// The sums, one a currency.
    pub fn iter(&self) -> impl Iterator<Item = Money> {
        self.0.iter().map(|(currency, minor)| Money::minor(*minor, *currency))
    }
}

impl Serialize for Totals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Totals {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <Vec<Money> as utoipa::PartialSchema>::schema()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Totals {
    fn name() -> std::borrow::Cow<'static, str> {
        "Totals".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        <Money as utoipa::ToSchema>::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn amounts_are_read_with_their_currency_exponent() {
        assert_eq!(Money::parse("1054", Currency::USD).unwrap(), Money::minor(105_400, Currency::USD));
        assert_eq!(Money::parse(" 1,234.5 ", Currency::USD).unwrap(), Money::minor(123_450, Currency::USD));
        assert_eq!(Money::parse("-0.01", Currency::USD).unwrap(), Money::minor(-1, Currency::USD));
        assert_eq!(Money::parse("500", currency("JPY")).unwrap(), Money::minor(500, currency("JPY")));
        assert_eq!(Money::parse("1.5", currency("BHD")).unwrap(), Money::minor(1_500, currency("BHD")));
    }

    #[test]
    fn what_is_not_an_exact_amount_is_refused() {
        for text in ["", "-", ".", ".5", "1.234", "1,23", "1e3", "12,34,567", "NaN", "--1", "9223372036854775808"] {
            assert!(Money::parse(text, Currency::USD).is_err(), "{text:?}");
        }
    }

    #[test]
    fn display_groups_thousands() {
        assert_eq!(Money::minor(1_000_553_400, Currency::USD).to_string(), "10,005,534.00 USD");
        assert_eq!(Money::minor(-5, Currency::USD).to_string(), "-0.05 USD");
        assert_eq!(Money::minor(i64::MIN, currency("JPY")).to_string(), "-9,223,372,036,854,775,808 JPY");
    }

    proptest! {
        #[test]
        fn two_currencies_are_never_added(a: i64, b: i64) {
            let sum = Money::minor(a, Currency::USD).checked_add(Money::minor(b, currency("EUR")));
            prop_assert!(sum.is_err());
        }

        #[test]
        fn a_sum_is_exact_or_refused(a: i64, b: i64) {
            let sum = Money::minor(a, Currency::USD).checked_add(Money::minor(b, Currency::USD));
            prop_assert_eq!(sum.ok().map(|sum| sum.amount_minor), a.checked_add(b));
        }

        #[test]
        fn what_is_printed_is_read_back(minor: i64) {
            for code in ["USD", "JPY", "BHD"] {
                let money = Money::minor(minor, currency(code));
                let printed = money.to_string();
                let amount = printed.strip_suffix(code).unwrap();
                prop_assert_eq!(Money::parse(amount, money.currency).unwrap(), money);
            }
        }

        #[test]
        fn totals_keep_currencies_apart(amounts in proptest::collection::vec((-1_000_000_i64..1_000_000, any::<bool>()), 0..50)) {
            let mut totals = Totals::default();
            for (minor, euro) in &amounts {
                let currency = if *euro { currency("EUR") } else { Currency::USD };
                totals.add(Money::minor(*minor, currency)).unwrap();
            }
            for total in totals.iter() {
                let euro = total.currency == currency("EUR");
                let expected: i64 = amounts.iter().filter(|(_, e)| *e == euro).map(|(minor, _)| minor).sum();
                prop_assert_eq!(total.amount_minor, expected);
            }
        }
    }
}
