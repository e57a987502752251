//! Port: exchange rates.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::NaiveDate;

use super::model::{ExchangeRate, Pair};
use crate::access::Grant;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::money::Currency;
use crate::page::foreign;
use crate::store::Stored;
use crate::time::strict_day;

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: NaiveDate,
    /// The last.
    pub last: NaiveDate,
}

/// The place of a rate in their list, by which a pair and a day are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeRatePlace {
    /// The day from which it holds.
    pub day: NaiveDate,
    /// Its currencies.
    pub pair: Pair,
}

impl fmt::Display for ExchangeRatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.day, self.pair)
    }
}

impl FromStr for ExchangeRatePlace {
    type Err = Error;

    fn from_str(cursor: &str) -> Result<Self> {
        let [day, one, other] = <[&str; 3]>::try_from(cursor.split('/').collect::<Vec<_>>()).map_err(|_| foreign())?;
        let day = strict_day(day).map_err(|_| foreign())?;
        let currency = |code: &str| code.parse::<Currency>().map_err(|_| foreign());
        let place = Self { day, pair: Pair::of(currency(one)?, currency(other)?) };
        if place.to_string() == cursor { Ok(place) } else { Err(foreign()) }
    }
}

/// A list of rates, checked.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeRateQuery {
    /// Those with this currency on either side.
    pub currency: Option<Currency>,
    /// Those that hold from this day or a later one on.
    pub from: Option<NaiveDate>,
    /// Those that hold from this day or an earlier one on.
    pub to: Option<NaiveDate>,
    /// Those that come after this place.
    pub after: Option<ExchangeRatePlace>,
    /// How many at most.
    pub limit: u16,
}

/// Port: exchange rates. Deleted ones are absent.
#[async_trait]
pub trait ExchangeRateStore: Send + Sync {
    /// A rate.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn exchange_rate(&self, grant: &Grant, id: Id<ExchangeRate>) -> Result<Stored<ExchangeRate>>;

    /// The rate that a pair has from this very day on, if there is one.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn exchange_rate_at(&self, grant: &Grant, place: ExchangeRatePlace) -> Result<Option<Stored<ExchangeRate>>>;

    /// A list of rates, the latest day first, then by pair.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn exchange_rates(&self, grant: &Grant, query: &ExchangeRateQuery) -> Result<Vec<ExchangeRate>>;

    /// The rates of these pairs that hold on one of the days at least, by pair and day: those that begin
    /// after the first day, and before them the one that holds on it.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn exchange_rates_during(&self, grant: &Grant, pairs: &[Pair], days: Days) -> Result<Vec<ExchangeRate>>;
}
