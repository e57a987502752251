//! The rate of a pair of currencies from a day on.

use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

use super::rate::Rate;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::money::Currency;
use crate::store::{Record, versioned};
use crate::time::{Timestamp, deserialize_day, epoch};
use crate::user::User;

/// Two currencies, whichever of them is the base: EUR/USD and USD/EUR are one pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair(Currency, Currency);

impl Pair {
    /// The pair of two currencies.
    pub fn of(one: Currency, other: Currency) -> Self {
        Self(one.min(other), one.max(other))
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// What one unit of a currency buys of another from a day on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExchangeRate {
    /// Its id.
    pub id: Id<ExchangeRate>,
    /// The currency of which one unit is priced.
    pub base_currency: Currency,
    /// The currency in which it is priced.
    pub quote_currency: Currency,
    /// Units of the quote currency that one unit of the base currency buys.
    pub rate: Rate,
    /// The day from which it holds, until the next one of the pair.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub valid_from: NaiveDate,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// The rate of a pair from a day on, to be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewExchangeRate {
    /// The currency of which one unit is priced.
    pub base_currency: Currency,
    /// The currency in which it is priced.
    pub quote_currency: Currency,
    /// Units of the quote currency that one unit of the base currency buys.
    pub rate: Rate,
    /// The day from which it holds.
    #[serde(deserialize_with = "deserialize_day")]
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub valid_from: NaiveDate,
}

/// Another number for a rate, with the direction in which it is meant: whoever set the rate of the pair the
/// other way round meanwhile shall not make one of the other. The pair and the day stay.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExchangeRateChange {
    /// The currency of which one unit is priced.
    pub base_currency: Currency,
    /// The currency in which it is priced.
    pub quote_currency: Currency,
    /// Units of the quote currency that one unit of the base currency buys.
    pub rate: Rate,
}

impl From<NewExchangeRate> for ExchangeRateChange {
    fn from(new: NewExchangeRate) -> Self {
        let NewExchangeRate { base_currency, quote_currency, rate, .. } = new;
        Self { base_currency, quote_currency, rate }
    }
}

impl NewExchangeRate {
    /// Refuses a currency priced in itself, and days that no calendar of the product has.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check(&self) -> Result<()> {
        if self.base_currency == self.quote_currency {
            let message = format!("is the base currency {} too", self.base_currency);
            return Err(Error::invalid("quote_currency", "same_currency", message));
        }
        if !(1..=9_999).contains(&self.valid_from.year()) {
            return Err(Error::invalid("valid_from", "out_of_range", "must lie between years 1 and 9999"));
        }
        Ok(())
    }

    /// Its two currencies.
    pub fn pair(&self) -> Pair {
        Pair::of(self.base_currency, self.quote_currency)
    }
}

impl ExchangeRate {
    /// A new rate.
    ///
    /// # Errors
    /// As [`NewExchangeRate::check`].
    pub fn new(id: Id<ExchangeRate>, new: NewExchangeRate, now: Timestamp) -> Result<Self> {
        new.check()?;
        let NewExchangeRate { base_currency, quote_currency, rate, valid_from } = new;
        Ok(Self {
            id,
            base_currency,
            quote_currency,
            rate,
            valid_from,
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        })
    }

    /// Its two currencies.
    pub fn pair(&self) -> Pair {
        Pair::of(self.base_currency, self.quote_currency)
    }

    /// Says the rate of the same pair and day anew, in the direction of the change.
    ///
    /// # Errors
    /// `Invalid` at `quote_currency` for another pair.
    pub(crate) fn change(&mut self, change: ExchangeRateChange) -> Result<()> {
        let ExchangeRateChange { base_currency, quote_currency, rate } = change;
        if Pair::of(base_currency, quote_currency) != self.pair() {
            let message = format!("is not the other currency of {}", self.pair());
            return Err(Error::invalid("quote_currency", "another_pair", message));
        }
        (self.base_currency, self.quote_currency, self.rate) = (base_currency, quote_currency, rate);
        Ok(())
    }
}

impl Record for ExchangeRate {
    versioned!(ExchangeRate);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}
