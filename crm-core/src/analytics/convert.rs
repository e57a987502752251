//! Amounts in the workspace's currency, by the rate of their day.
//!
//! What has the same rate is added up exactly, converted and rounded once, halves to even; a sum is the
//! sum of these. So it lies within half a minor unit per rate of the exact one. A rate whose base is the
//! workspace's currency is divided by, and never turned round first.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::group::{DealGroups, GroupKey, GroupSum};
use super::numbers::{Weighted, rounded};
use super::port::DealFact;
use super::sales::Lot;
use super::source::SourceSum;
use crate::deal::DealStatus;
use crate::error::{Error, Result};
use crate::exchange_rate::{Days, ExchangeRate, Pair, Rate};
use crate::money::{Currency, Money, Totals};
use crate::time::{Timestamp, Zone};

/// What a sum is in the workspace's currency: the rate of the day on which its deal ended, of today for
/// open deals and on the board.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConvertedBoard {
    /// The worth of the deals.
    pub total: Money,
    /// Each deal's worth times its probability.
    pub weighted: Money,
    /// What had no rate and is part of neither.
    pub without_rate: Totals,
}

/// What was sold, in the workspace's currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConvertedTally {
    /// What the won deals are worth, by the rates of the days on which they closed.
    pub won_value: Money,
    /// Mean value of the won deals that are part of it.
    pub average_deal: Option<Money>,
    /// What had no rate on its day and is part of neither.
    pub without_rate: Totals,
}

/// What a day brings, in the workspace's currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConvertedPace {
    /// Mean value of the deals won in the window, by the rates of the days on which they closed; absent
    /// where none of them has a rate.
    pub average_deal: Option<Money>,
    /// What a day brings by all open deals; absent as the mean value is.
    pub per_day: Option<Money>,
    /// What had no rate on its day and is part of neither.
    pub without_rate: Totals,
}

/// What deals will bring, in the workspace's currency: won ones by the rates of the days on which they
/// closed, open ones by those of today.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConvertedAmounts {
    /// Of the category pipeline.
    pub pipeline: Money,
    /// Of the category best case.
    pub best_case: Money,
    /// Of the category commit.
    pub commit: Money,
    /// Won.
    pub closed: Money,
    /// Commit and closed.
    pub cumulative_commit: Money,
    /// Best case, commit and closed.
    pub cumulative_best_case: Money,
    /// Pipeline, best case and commit: all that is open.
    pub open_pipeline: Money,
    /// Each open deal's value times its probability.
    pub weighted: Money,
    /// What had no rate on its day and is part of none.
    pub without_rate: Totals,
}

pub(super) const CONVERTED: &str = "values of won deals in the workspace's currency, each by the rate of the day on \
    which it closed: amounts of one rate are added, converted and rounded once, halves to even; deals whose currency has \
    no rate that day are left out and stand in without_rate";
pub(super) const CONVERTED_FORECAST: &str = "in the workspace's currency, won deals by the rate of the day on which they \
    closed, open ones by that of today: amounts of one rate are added, converted and rounded once, halves to even; deals \
    whose currency has no rate that day are left out and stand in without_rate";
pub(crate) const CONVERTED_TODAY: &str = "in the workspace's currency by the rate of today, whenever the deals ended: \
    amounts of one rate are added, converted and rounded once, halves to even; deals whose currency has no rate today \
    are left out and stand in without_rate";

/// How an amount of some currency becomes one of the workspace's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Price {
    /// It is one already.
    Same,
    /// A unit of it buys so many.
    Direct(Rate),
    /// A unit of the workspace's currency buys so many of it.
    Inverse(Rate),
}

/// The rates into the workspace's currency, and which day is today.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    target: Currency,
    zone: Zone,
    today: NaiveDate,
    prices: BTreeMap<Currency, Vec<(NaiveDate, Price)>>,
}

impl Exchange {
    /// Into this currency, by no rates yet.
    pub(crate) fn into(target: Currency, zone: Zone, now: Timestamp) -> Self {
        Self { target, zone, today: zone.day(now), prices: BTreeMap::new() }
    }

    /// The same by rates, which come in any order.
    pub(crate) fn by(mut self, rates: &[ExchangeRate]) -> Self {
        for rate in rates {
            let (currency, price) = match (rate.base_currency, rate.quote_currency) {
                (base, quote) if quote == self.target => (base, Price::Direct(rate.rate)),
                (base, quote) if base == self.target => (quote, Price::Inverse(rate.rate)),
                _ => continue,
            };
            self.prices.entry(currency).or_default().push((rate.valid_from, price));
        }
        self.prices.values_mut().for_each(|prices| prices.sort_unstable_by_key(|(day, _)| *day));
        self
    }

    /// The currency that it leads to.
    pub(crate) fn target(&self) -> Currency {
        self.target
    }

    /// The day whose rate counts for what has not ended.
    pub(crate) fn today(&self) -> NaiveDate {
        self.today
    }

    /// The day whose rate counts for a deal: the one on which it ended, or today.
    fn day(&self, fact: &DealFact) -> NaiveDate {
        match (fact.status, fact.closed_at) {
            (DealStatus::Won | DealStatus::Lost, Some(at)) => self.zone.day(at),
            _ => self.today,
        }
    }

    /// The pairs and the days whose rates the values of groups of deals and the sums of sources need; none where
    /// all are in the currency already. What lost deals would have brought is told nowhere.
    pub(crate) fn needs_of<'g>(
        &self,
        groups: impl Iterator<Item = &'g DealGroups>,
        sources: impl Iterator<Item = &'g SourceSum>,
    ) -> Option<(Vec<Pair>, Days)> {
        let day = |key: &GroupKey| key.day.filter(|_| key.status == DealStatus::Won).unwrap_or(self.today);
        let groups = groups.flat_map(DealGroups::iter).filter(|(key, _)| key.status != DealStatus::Lost);
        let groups = groups.filter_map(|(key, _)| Some((key.currency?, day(&key))));
        let sources = sources.filter_map(|sum| Some((sum.currency?, sum.day.unwrap_or(self.today))));
        self.needs(groups.chain(sources))
    }

    /// The pairs and the days whose rates amounts of these currencies on these days need.
    pub(crate) fn needs(&self, amounts: impl Iterator<Item = (Currency, NaiveDate)>) -> Option<(Vec<Pair>, Days)> {
        let (mut currencies, mut days) = (BTreeSet::new(), None);
        for (currency, day) in amounts.filter(|(currency, _)| *currency != self.target) {
            currencies.insert(currency);
            let Days { first, last } = days.unwrap_or(Days { first: day, last: day });
            days = Some(Days { first: first.min(day), last: last.max(day) });
        }
        let pairs = currencies.into_iter().map(|currency| Pair::of(currency, self.target)).collect();
        days.map(|days| (pairs, days))
    }

    /// Whether a currency has a rate on a day, or today.
    pub(crate) fn has_rate(&self, currency: Currency, day: Option<NaiveDate>) -> bool {
        self.price(currency, day.unwrap_or(self.today)).is_some()
    }

    /// Whether the value of a deal has a rate on its day; none without a value.
    pub(crate) fn converts(&self, fact: &DealFact) -> bool {
        fact.value.is_some_and(|value| self.has_rate(value.currency, Some(self.day(fact))))
    }

    /// The price of a currency on a day: the latest one until then.
    fn price(&self, currency: Currency, day: NaiveDate) -> Option<Price> {
        if currency == self.target {
            return Some(Price::Same);
        }
        let prices = self.prices.get(&currency)?;
        let begun = prices.partition_point(|(from, _)| *from <= day);
        prices.get(begun.checked_sub(1)?).map(|(_, price)| *price)
    }
}

/// What a caller is told of amounts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Worth<'a> {
    /// Nothing: their mask hides values.
    Hidden,
    /// Amounts per currency, and in the workspace's where they may see rates.
    Shown(Option<&'a Exchange>),
}

impl<'a> Worth<'a> {
    /// Whether amounts are told.
    pub(crate) fn is_shown(self) -> bool {
        matches!(self, Worth::Shown(_))
    }

    /// The way into the workspace's currency, where it is told.
    pub(crate) fn exchange(self) -> Option<&'a Exchange> {
        match self {
            Worth::Hidden => None,
            Worth::Shown(exchange) => exchange,
        }
    }
}

/// Amounts on their way into the workspace's currency, exact as long as they have not arrived.
#[derive(Clone, Debug)]
pub(crate) struct Purse<'a> {
    exchange: &'a Exchange,
    sums: BTreeMap<(Currency, Price), i128>,
    left_out: Weighted,
    count: i64,
}

impl<'a> Purse<'a> {
    /// Without amounts.
    pub(crate) fn new(exchange: &'a Exchange) -> Self {
        Self { exchange, sums: BTreeMap::new(), left_out: Weighted::default(), count: 0 }
    }

    /// Adds an amount so many times, by the rate of a day.
    pub(crate) fn add(&mut self, amount: Money, times: i64, day: NaiveDate) {
        let sum = GroupSum { count: 1, worth: amount.amount_minor.into() };
        self.add_sum(amount.currency, sum, times, Some(day));
    }

    /// Adds the values of deals in a currency so many times, by the rate of a day or of today.
    pub(crate) fn add_sum(&mut self, currency: Currency, sum: GroupSum, times: i64, day: Option<NaiveDate>) {
        match self.exchange.price(currency, day.unwrap_or(self.exchange.today)) {
            Some(price) => {
                *self.sums.entry((currency, price)).or_insert(0) += sum.worth * i128::from(times);
                self.count += sum.count;
            }
            None => self.left_out.add_sum(currency, sum.worth),
        }
    }

    /// How many amounts are converted.
    pub(crate) fn count(&self) -> i64 {
        self.count
    }

    /// The sum divided by a whole number above 0.
    ///
    /// # Errors
    /// `Invalid` for a sum beyond 64 bits.
    pub(crate) fn divided_by(&self, divisor: i128) -> Result<Money> {
        let mut total = Money::minor(0, self.exchange.target);
        for ((currency, price), sum) in &self.sums {
            total = total.checked_add(self.converted(*currency, *price, *sum, divisor)?)?;
        }
        Ok(total)
    }

    /// The sums that had no rate.
    ///
    /// # Errors
    /// `Invalid` for a sum beyond 64 bits.
    pub(crate) fn without_rate(&self) -> Result<Totals> {
        self.left_out.divided_by(1)
    }

    fn converted(&self, currency: Currency, price: Price, sum: i128, divisor: i128) -> Result<Money> {
        let (times, parts) = match price {
            Price::Same => (1, 1),
            Price::Direct(rate) => (rate.parts(), Rate::one()),
            Price::Inverse(rate) => (Rate::one(), rate.parts()),
        };
        let (from, to) = (currency.exponent(), self.exchange.target.exponent());
        let times = i128::from(times) * 10_i128.pow(to.saturating_sub(from));
        let parts = i128::from(parts) * 10_i128.pow(from.saturating_sub(to)) * divisor.max(1);
        let exact = sum.checked_mul(times).map(|product| rounded(product, parts));
        let minor = exact.and_then(|minor| i64::try_from(minor).ok());
        let minor = minor.ok_or_else(|| Error::invalid("amount_minor", "overflow", "the sum is too large"))?;
        Ok(Money::minor(minor, self.exchange.target))
    }
}

/// What won deals are worth in the workspace's currency.
///
/// # Errors
/// `Invalid` for a sum beyond 64 bits.
pub(super) fn tally<'a>(won: impl Iterator<Item = &'a Lot>, exchange: &Exchange) -> Result<ConvertedTally> {
    let mut purse = Purse::new(exchange);
    for lot in won {
        if let Some(currency) = lot.currency {
            purse.add_sum(currency, lot.sum, 1, lot.day);
        }
    }
    let won_value = purse.divided_by(1)?;
    let mut sum = Weighted::default();
    sum.add(won_value, 1);
    let average_deal = match purse.count() {
        0 => None,
        count => sum.divided_by(count.into())?.iter().next(),
    };
    Ok(ConvertedTally { won_value, average_deal, without_rate: purse.without_rate()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange_rate::NewExchangeRate;
    use crate::id::Id;

    fn day(number: i64) -> NaiveDate {
        Zone::UTC.day(Timestamp::from_micros(number * 86_400_000_000))
    }

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn rate((base, quote): (&str, &str), rate: &str, from: i64) -> ExchangeRate {
        let (base_currency, quote_currency) = (currency(base), currency(quote));
        let new = NewExchangeRate { base_currency, quote_currency, rate: rate.parse().unwrap(), valid_from: day(from) };
        ExchangeRate::new(Id::new_at(Timestamp::from_micros(0)), new, Timestamp::from_micros(0)).unwrap()
    }

    fn into_dollars(rates: &[ExchangeRate]) -> Exchange {
        Exchange::into(Currency::USD, Zone::UTC, Timestamp::from_micros(0)).by(rates)
    }

    fn converted(exchange: &Exchange, amounts: &[(Money, i64)]) -> Money {
        let mut purse = Purse::new(exchange);
        amounts.iter().for_each(|(amount, at)| purse.add(*amount, 1, day(*at)));
        purse.divided_by(1).unwrap()
    }

    #[test]
    fn the_rate_of_a_day_is_the_latest_until_then() {
        let rates = [rate(("EUR", "USD"), "2", 10), rate(("EUR", "USD"), "1.5", 0), rate(("USD", "EUR"), "4", 20)];
        let exchange = into_dollars(&rates);
        let euros = Money::minor(100, currency("EUR"));
        for (at, minor) in [(0, 150), (9, 150), (10, 200), (19, 200), (20, 25), (99, 25)] {
            assert_eq!(converted(&exchange, &[(euros, at)]), Money::minor(minor, Currency::USD), "day {at}");
        }
        assert_eq!(exchange.price(currency("EUR"), day(-1)), None);
    }

    #[test]
    fn a_source_that_was_won_after_the_groups_were_read_has_its_rate() {
        let (first, sum) = (Id::new_at(Timestamp::from_micros(0)), GroupSum { count: 1, worth: 100 });
        let won = SourceSum { source: None, currency: Some(currency("EUR")), day: Some(day(3)), first, sum };
        let needs = into_dollars(&[]).needs_of(std::iter::empty(), std::iter::once(&won)).unwrap();
        let days = Days { first: day(3), last: day(3) };
        assert_eq!(needs, (vec![Pair::of(currency("EUR"), Currency::USD)], days));
    }

    #[test]
    fn minor_units_are_those_of_each_currency() {
        let rates = [rate(("USD", "JPY"), "150", 0), rate(("BHD", "USD"), "2.65", 0), rate(("USD", "KWD"), "0.3", 0)];
        let exchange = into_dollars(&rates);
        for (code, minor, dollars) in [("JPY", 1_500, 1_000), ("BHD", 1_000, 265), ("KWD", 300, 100), ("USD", 7, 7)] {
            let amount = Money::minor(minor, currency(code));
            assert_eq!(converted(&exchange, &[(amount, 0)]), Money::minor(dollars, Currency::USD), "{code}");
        }
        let yen = Exchange::into(currency("JPY"), Zone::UTC, Timestamp::from_micros(0)).by(&rates);
        assert_eq!(converted(&yen, &[(Money::minor(1_000, Currency::USD), 0)]), Money::minor(1_500, currency("JPY")));
    }

    #[test]
    fn lost_deals_need_no_rate() {
        let key = |status| GroupKey {
            status,
            pipeline_id: Id::new_at(Timestamp::from_micros(0)),
            stage_id: Id::new_at(Timestamp::from_micros(0)),
            owner_id: None,
            day: Some(day(3)),
            probability: None,
            forecast_category: None,
            currency: Some(currency("EUR")),
        };
        let needs = |status| {
            let mut groups = DealGroups::default();
            groups.add(key(status), GroupSum { count: 1, worth: 100 });
            into_dollars(&[]).needs_of(std::iter::once(&groups), std::iter::empty())
        };
        assert_eq!(needs(DealStatus::Lost), None);
        let pairs = vec![Pair::of(currency("EUR"), Currency::USD)];
        let on = |at| Some((pairs.clone(), Days { first: day(at), last: day(at) }));
        assert_eq!([needs(DealStatus::Won), needs(DealStatus::Open)], [on(3), on(0)]);
    }

    #[test]
    fn a_half_goes_to_the_even_neighbour_once() {
        let exchange = into_dollars(&[rate(("EUR", "USD"), "0.5", 0)]);
        let euros = |minor| (Money::minor(minor, currency("EUR")), 0);
        assert_eq!(converted(&exchange, &[euros(5)]).amount_minor, 2);
        assert_eq!(converted(&exchange, &[euros(7)]).amount_minor, 4);
        // One by one they would be 2 and 2.
        assert_eq!(converted(&exchange, &[euros(5), euros(5)]).amount_minor, 5);
    }

    #[test]
    fn what_has_no_rate_is_told_and_not_added() {
        let exchange = into_dollars(&[rate(("EUR", "USD"), "2", 10)]);
        let mut purse = Purse::new(&exchange);
        let amounts = [("USD", 7, 0), ("EUR", 5, 9), ("EUR", 3, 10), ("GBP", 0, 10)];
        for (code, minor, at) in amounts {
            purse.add(Money::minor(minor, currency(code)), 1, day(at));
        }
        assert_eq!((purse.divided_by(1).unwrap(), purse.count()), (Money::minor(13, Currency::USD), 2));
        let left: Vec<Money> = purse.without_rate().unwrap().iter().collect();
        assert_eq!(left, [Money::minor(5, currency("EUR")), Money::minor(0, currency("GBP"))]);
    }

    #[test]
    fn a_sum_that_does_not_fit_is_refused() {
        let exchange = into_dollars(&[rate(("EUR", "USD"), "99999999.9999999999", 0)]);
        let mut purse = Purse::new(&exchange);
        purse.add(Money::minor(i64::MAX, currency("EUR")), i64::MAX, day(0));
        assert_eq!(purse.divided_by(1).unwrap_err().fields()[0].code, "overflow");
    }

    proptest! {
        #[test]
        fn a_sum_differs_from_that_of_its_parts_by_their_rounding_alone(
            parts in proptest::collection::vec((-1_000_000_000_i64..1_000_000_000, 0_i64..40, 0..3_usize), 1..60),
            rates in proptest::collection::vec((1_i64..1_000_000_000_000, 0_i64..40, any::<bool>()), 1..20),
        ) {
            let made: Vec<ExchangeRate> = rates.iter().map(|(parts, from, direct)| {
                let pair = if *direct { ("EUR", "USD") } else { ("USD", "EUR") };
                rate(pair, &Rate::from_parts(*parts).unwrap().to_string(), *from)
            }).collect();
            let exchange = into_dollars(&made);
            let mut purse = Purse::new(&exchange);
            let (mut sum, mut left_out) = (0_i128, 0_i128);
            for (minor, at, which) in &parts {
                let amount = Money::minor(*minor, currency(["EUR", "USD", "GBP"][*which]));
                purse.add(amount, 1, day(*at));
                let mut alone = Purse::new(&exchange);
                alone.add(amount, 1, day(*at));
                match alone.divided_by(1) {
                    Ok(part) => sum += i128::from(part.amount_minor),
                    Err(_) => return Ok(()),
                }
                left_out += alone.without_rate().unwrap().iter().map(|money| i128::from(money.amount_minor)).sum::<i128>();
            }
            let Ok(whole) = purse.divided_by(1) else { return Ok(()) };
            // Half a unit for each part, and half a one for each rate.
            let roundings = i128::try_from(parts.len() + purse.sums.len()).unwrap();
            prop_assert!((i128::from(whole.amount_minor) - sum).abs() * 2 <= roundings);
            let told: i128 = purse.without_rate().unwrap().iter().map(|money| i128::from(money.amount_minor)).sum();
            prop_assert_eq!(told, left_out);
            prop_assert_eq!(usize::try_from(purse.count()).unwrap() + parts.iter().filter(|(_, at, which)| {
                exchange.price(currency(["EUR", "USD", "GBP"][*which]), day(*at)).is_none()
            }).count(), parts.len());
        }
    }
}
