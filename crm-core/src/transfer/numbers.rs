//! Numbers and amounts as spreadsheets write them.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::money::{Currency, Money};

/// A number with a point for its fraction: `1.234,5` and `1234,50` have a decimal comma, because no
/// group of thousands has one or two digits; other texts stay as they are.
fn with_point(text: &str) -> Cow<'_, str> {
    let Some((whole, fraction)) = text.rsplit_once(',') else { return Cow::Borrowed(text) };
    let is_fraction = matches!(fraction.len(), 1..=2) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    let mut groups = unsigned.split('.');
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let is_grouped = groups.next().is_some_and(digits) && groups.all(|group| group.len() == 3 && digits(group));
    match is_fraction && is_grouped {
        true => Cow::Owned(format!("{}.{fraction}", whole.replace('.', ""))),
        false => Cow::Borrowed(text),
    }
}

/// The text without spaces between its digits.
fn closed_up(text: &str) -> Cow<'_, str> {
    let is_space = |letter: char| matches!(letter, ' ' | '\u{A0}' | '\u{202F}');
    if text.contains(is_space) { Cow::Owned(text.replace(is_space, "")) } else { Cow::Borrowed(text) }
}

/// A number, as in `1100.04`, `2,822`, `1.234,5` or `1e3`.
///
/// # Errors
/// `Invalid`, code `number`, without a field.
pub(super) fn number(text: &str) -> Result<f64> {
    let invalid = || Error::invalid("", "number", "is not a number");
    let closed = closed_up(text);
    let text = with_point(&closed);
    let plain: Cow<'_, str> = match text.split_once('.').map_or(&*text, |(whole, _)| whole) {
        whole if !whole.contains(',') => text,
        whole if is_grouped(whole) => Cow::Owned(text.replace(',', "")),
        _ => return Err(invalid()),
    };
    // `parse` knows "inf" and "nan" too.
    let is_plain = plain.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    plain.parse().ok().filter(|number: &f64| is_plain && number.is_finite()).ok_or_else(invalid)
}

/// Whether the commas of a whole number stand between thousands.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.strip_prefix('-').unwrap_or(whole).split(',');
    groups.next().is_some_and(|first| (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3)
}

/// A whole number, as in `2822`, `2,822` or `2822.0`.
///
/// # Errors
/// `Invalid`, code `number`, without a field.
pub(super) fn integer(text: &str) -> Result<i64> {
    let number = number(text)?;
    let is_exact = number.fract() == 0.0 && number.abs() < 9e15;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 53 bits")]
    let whole = number as i64;
    if is_exact { Ok(whole) } else { Err(Error::invalid("", "number", "is not a whole number")) }
}

/// An amount, perhaps with its currency, as in `1,054`, `$1,054.00`, `1.054,50 €` or `USD 1054`.
/// `given` is the currency that another cell names.
///
/// # Errors
/// `Invalid` without a field: `amount`, or `currency` for an unknown one and for two different ones.
pub(super) fn amount(text: &str, given: Option<Currency>, usual: Currency) -> Result<Money> {
    let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '.' | ',');
    let start = text.find(is_part).unwrap_or(text.len());
    let (before, rest) = text.split_at(start);
    let end = rest.rfind(is_part).map_or(0, |last| last + 1);
    let (digits, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let mark = match (before.trim(), after.trim()) {
        (mark, "") | ("", mark) => mark,
        _ => return Err(Error::invalid("", "amount", "is not an amount, as in 1,054.50")),
    };
    let named = currency_of(mark, given.unwrap_or(usual))?;
    if let (Some(given), Some(named)) = (given, named)
        && given != named
    {
        return Err(Error::invalid("", "currency", format!("names {named} beside {given}")));
    }
    let digits = closed_up(digits);
    Money::parse(&with_point(&digits), named.or(given).unwrap_or(usual))
}

/// The currency of a sign or code. Signs that several share mean the usual one if it has the sign.
fn currency_of(mark: &str, usual: Currency) -> Result<Option<Currency>> {
    const DOLLARS: [&str; 8] = ["USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "TWD"];
    let code = match mark {
        "" => return Ok(None),
        "$" if DOLLARS.contains(&usual.code()) => return Ok(Some(usual)),
        "¥" if usual.code() == "CNY" => return Ok(Some(usual)),
        "$" | "US$" => "USD",
        "€" => "EUR",
        "£" => "GBP",
        "¥" => "JPY",
        code => code,
    };
    code.to_ascii_uppercase().parse().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2,822", 2822.0),
            ("1100.04", 1100.04),
            ("1.234,5", 1234.5),
            ("12,5", 12.5),
            ("-3", -3.0),
            ("1 000", 1000.0),
        ] {
            assert_eq!(number(text).unwrap(), expected, "{text}");
        }
        for text in ["", "inf", "NaN", "12,34,567", "1,2345", "a", "1.2.3", "51-200"] {
            assert!(number(text).is_err(), "{text}");
        }
        assert_eq!(integer("2,822").unwrap(), 2822);
        assert!(integer("1.5").is_err() && integer("1e300").is_err());
    }

    #[test]
    fn amounts_carry_their_currency() {
        let eur: Currency = "EUR".parse().unwrap();
        let read = |text: &str| amount(text, None, Currency::USD).unwrap();
        assert_eq!(read("$1,054.00"), Money::minor(105_400, Currency::USD));
        assert_eq!(read("1.054,50 €"), Money::minor(105_450, eur));
        assert_eq!(read("eur 12"), Money::minor(1_200, eur));
        assert_eq!(read("0"), Money::minor(0, Currency::USD));
        assert_eq!(amount("7", Some(eur), Currency::USD).unwrap(), Money::minor(700, eur));
    }

    #[test]
    fn amounts_that_could_mean_something_else_are_refused() {
        for text in ["", "-", "1.234", "12,34,5", "€5 USD", "5 pounds", "five", "1e3"] {
            assert!(amount(text, None, Currency::USD).is_err(), "{text}");
        }
        assert!(amount("€5", Some(Currency::USD), Currency::USD).is_err());
    }
}
