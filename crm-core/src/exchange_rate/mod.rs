//! Exchange rates: what a unit of one currency is worth in another, from a day on.
//!
//! A rate says how many units of its *quote* currency one unit of its *base* currency buys, as in
//! EUR/USD 1.0842 (ISO 4217 codes, the order of the markets). It holds from its day until the next one
//! of the same pair. A pair of currencies has one rate a day, whichever of the two is the base: to give
//! USD/EUR on a day that has EUR/USD turns that day's rate round.
//!
//! Deliberately absent: chains over a third currency, and rates that somebody else sends.

mod model;
mod port;
mod rate;
mod service;

pub use model::{ExchangeRate, ExchangeRateChange, NewExchangeRate, Pair};
pub use port::{Days, ExchangeRatePlace, ExchangeRateQuery, ExchangeRateStore};
pub use rate::Rate;
pub use service::{ExchangeRates, ExchangeRatesRequest, SetRate};
