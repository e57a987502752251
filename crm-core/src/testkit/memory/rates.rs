//! Exchange rates.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::MemoryStore;
use super::rows::{self, Rows};
use crate::access::Grant;
use crate::error::Result;
use crate::exchange_rate::{Days, ExchangeRate, ExchangeRatePlace, ExchangeRateQuery, ExchangeRateStore, Pair};
use crate::id::Id;
use crate::money::Currency;
use crate::store::Stored;

/// Whether a currency is one of a rate's two.
fn concerns(rate: &ExchangeRate, currency: Currency) -> bool {
    rate.base_currency == currency || rate.quote_currency == currency
}

#[async_trait]
impl ExchangeRateStore for MemoryStore {
    async fn exchange_rate(&self, grant: &Grant, id: Id<ExchangeRate>) -> Result<Stored<ExchangeRate>> {
        self.rows(grant, |rows| {
            rows::found(rows.get::<ExchangeRate>(id.uuid()).filter(|rate| rate.deleted_at.is_none()), id.uuid())
        })
        .await
    }

    async fn exchange_rate_at(&self, grant: &Grant, place: ExchangeRatePlace) -> Result<Option<Stored<ExchangeRate>>> {
        let is_it = |rate: &&ExchangeRate| rate.pair() == place.pair && rate.valid_from == place.day;
        Ok(self.rows(grant, |rows| rows.live().find(is_it).cloned().map(Stored::loaded)).await)
    }

    async fn exchange_rates(&self, grant: &Grant, query: &ExchangeRateQuery) -> Result<Vec<ExchangeRate>> {
        let place = |rate: &ExchangeRate| (Reverse(rate.valid_from), rate.pair());
        let is_asked = |rate: &&ExchangeRate| {
            query.currency.is_none_or(|currency| concerns(rate, currency))
                && query.from.is_none_or(|from| from <= rate.valid_from)
                && query.to.is_none_or(|to| rate.valid_from <= to)
                && query.after.is_none_or(|after| (Reverse(after.day), after.pair) < place(rate))
        };
        let asked = |rows: &Rows| rows.live().filter(is_asked).cloned().collect();
        let mut rates: Vec<ExchangeRate> = self.rows(grant, asked).await;
        rates.sort_by_key(place);
        rates.truncate(query.limit.into());
        Ok(rates)
    }

    async fn exchange_rates_during(&self, grant: &Grant, pairs: &[Pair], days: Days) -> Result<Vec<ExchangeRate>> {
        let is_begun = |rate: &&ExchangeRate| pairs.contains(&rate.pair()) && rate.valid_from <= days.last;
        let begun = |rows: &Rows| rows.live().filter(is_begun).cloned().collect();
        let mut rates: Vec<ExchangeRate> = self.rows(grant, begun).await;
        rates.sort_by_key(|rate| (rate.pair(), rate.valid_from));
        let next: Vec<Option<ExchangeRate>> = rates.iter().skip(1).cloned().map(Some).chain([None]).collect();
        let is_over = |rate: &ExchangeRate, next: &Option<ExchangeRate>| {
            next.as_ref().is_some_and(|next| next.pair() == rate.pair() && next.valid_from <= days.first)
        };
        Ok(rates.into_iter().zip(next).filter(|(rate, next)| !is_over(rate, next)).map(|(rate, _)| rate).collect())
    }
}
