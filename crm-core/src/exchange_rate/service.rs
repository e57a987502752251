//! Use cases of exchange rates.

use chrono::NaiveDate;
use serde::Deserialize;

use super::model::{ExchangeRate, ExchangeRateChange, NewExchangeRate};
use super::port::{ExchangeRatePlace, ExchangeRateQuery};
use crate::access::{Action, Entity, View};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::money::Currency;
use crate::page::{Page, check_limit};
use crate::session::{Decisions, Expect, Session};
use crate::store::Stored;
use crate::time::{Timestamp, deserialize_optional_day};

/// The exchange rates of a workspace.
#[derive(Clone)]
pub struct ExchangeRates {
    session: Session,
}

/// What became of a rate that was set.
#[derive(Clone, Debug, PartialEq)]
pub enum SetRate {
    /// The pair had none from that day on.
    Made(View<ExchangeRate>),
    /// It had one, which says the same now.
    WasThere(View<ExchangeRate>),
}

impl SetRate {
    /// The rate.
    pub fn into_rate(self) -> View<ExchangeRate> {
        match self {
            SetRate::Made(rate) | SetRate::WasThere(rate) => rate,
        }
    }
}

/// A list of rates, as a caller asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
pub struct ExchangeRatesRequest {
    /// Those with this currency on either side.
    #[cfg_attr(feature = "schema", param(inline))]
    pub currency: Option<Currency>,
    /// Those that hold from this day or a later one on.
    #[serde(deserialize_with = "deserialize_optional_day")]
    #[cfg_attr(feature = "schema", param(value_type = Option<String>, format = Date))]
    pub from: Option<NaiveDate>,
    /// Those that hold from this day or an earlier one on.
    #[serde(deserialize_with = "deserialize_optional_day")]
    #[cfg_attr(feature = "schema", param(value_type = Option<String>, format = Date))]
    pub to: Option<NaiveDate>,
    /// Rates a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl ExchangeRates {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Sets the rate of a pair from a day on: makes it, or changes the one that the pair has from that
    /// day on, also where its other currency is the base. Says which of both it did.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a currency priced in itself.
    pub async fn set(&self, new: NewExchangeRate) -> Result<SetRate> {
        let grant = self.session.require(Entity::ExchangeRate, Action::Create)?;
        if let Some((first, at)) = self.session.replayed_at::<ExchangeRate>(&grant).await? {
            // One that said the same of a rate at its first version did not make it: it came later.
            let is_made = first.version == 1 && first.created_at == at;
            return Ok(if is_made { SetRate::Made(first) } else { SetRate::WasThere(first) });
        }
        new.check()?;
        let place = ExchangeRatePlace { day: new.valid_from, pair: new.pair() };
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let known = self.session.ports().exchange_rates.exchange_rate_at(&grant, place).await?;
                let mut changes = self.session.changes();
                let is_known = known.is_some();
                let mut rate = match known {
                    None => {
                        let now = changes.now();
                        Stored::new(ExchangeRate::new(Id::new_at(now), new, now)?)
                    }
                    Some(mut known) => {
                        self.session.require(Entity::ExchangeRate, Action::Update)?;
                        known.change(new.into())?;
                        known
                    }
                };
                changes.put(&mut rate);
                let set = self.session.commit_once(&grant, changes, rate).await?;
                Ok::<_, Error>(if is_known { SetRate::WasThere(set) } else { SetRate::Made(set) })
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// A page of rates, the latest day first, then by pair.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad limit or cursor.
    pub async fn list(&self, request: &ExchangeRatesRequest) -> Result<Page<View<ExchangeRate>>> {
        let grant = self.session.require(Entity::ExchangeRate, Action::Read)?;
        let limit = check_limit(request.limit)?;
        let &ExchangeRatesRequest { currency, from, to, .. } = request;
        let seal = grant.seal(&("exchange_rates", currency, from, to));
        let after = seal.open::<String>(request.cursor.as_deref())?.as_deref().map(str::parse).transpose()?;
        let query = ExchangeRateQuery { currency, from, to, after, limit: limit + 1 };
        let mut rates = self.session.ports().exchange_rates.exchange_rates(&grant, &query).await?;
        let is_last = rates.len() <= usize::from(limit);
        rates.truncate(usize::from(limit));
        let place = |rate: &ExchangeRate| {
            seal.close(&ExchangeRatePlace { day: rate.valid_from, pair: rate.pair() }.to_string())
        };
        let next_cursor = rates.last().filter(|_| !is_last).map(place);
        let data = rates.into_iter().map(|rate| grant.view(rate)).collect();
        Ok(Page { data, next_cursor, total: None, total_is_capped: None })
    }

    /// A rate.
    ///
    /// # Errors
    /// `Denied`; `NotFound`.
    pub async fn read(&self, id: Id<ExchangeRate>) -> Result<View<ExchangeRate>> {
        let grant = self.session.require(Entity::ExchangeRate, Action::Read)?;
        Ok(grant.view(self.session.ports().exchange_rates.exchange_rate(&grant, id).await?.into_inner()))
    }

    /// Gives a rate another number, in either direction; its pair and its day stay.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` for another pair.
    pub async fn update(
        &self,
        id: Id<ExchangeRate>,
        change: ExchangeRateChange,
        expect: Expect,
    ) -> Result<View<ExchangeRate>> {
        self.change(Action::Update, id, expect, |rate, _| rate.change(change)).await
    }

    /// Deletes a rate: the one before it holds in its place.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<ExchangeRate>, expect: Expect) -> Result<()> {
        let delete = |rate: &mut ExchangeRate, now| {
            rate.deleted_at = Some(now);
            Ok(())
        };
        self.change(Action::Delete, id, expect, delete).await.map(drop)
    }

    async fn change(
        &self,
        action: Action,
        id: Id<ExchangeRate>,
        expect: Expect,
        decide: impl Fn(&mut ExchangeRate, Timestamp) -> Result<()> + Sync,
    ) -> Result<View<ExchangeRate>> {
        let grant = self.session.require(Entity::ExchangeRate, action)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut rate = self.session.ports().exchange_rates.exchange_rate(&grant, id).await?;
                expect.check(&grant, &*rate)?;
                let mut changes = self.session.changes();
                decide(&mut rate, changes.now())?;
                changes.put(&mut rate);
                self.session.commit(&grant, changes).await?;
                Ok::<_, Error>(grant.view(rate.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}
