//! What won deals brought by where they came from, as a store may add it up.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::group::GroupSum;
use super::port::DealFact;
use super::window::Window;
use crate::deal::{Deal, DealStatus};
use crate::id::Id;
use crate::money::Currency;

/// Deals that were won and say where they came from in the same letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSum {
    /// Where they came from, as it is written; absent for deals that do not say it.
    pub source: Option<String>,
    /// The currency of their values; absent for deals without one.
    pub currency: Option<Currency>,
    /// The day on which they were won, where their currency is a foreign one.
    pub day: Option<NaiveDate>,
    /// The first of them by id.
    pub first: Id<Deal>,
    /// How many there are, and what they are worth.
    pub sum: GroupSum,
}

impl SourceSum {
    /// Adds up the deals that were won in a window one by one: the definition of what a store may add up
    /// itself. Values in another currency than `own` are foreign, and need the rate of their day. The sums
    /// come by source, currency and day.
    pub fn of(facts: &[DealFact], window: Window, own: Currency) -> Vec<Self> {
        let span = window.span();
        let mut sums: BTreeMap<_, (Id<Deal>, GroupSum)> = BTreeMap::new();
        for fact in facts.iter().filter(|fact| fact.status == DealStatus::Won) {
            let Some(at) = fact.closed_at.filter(|at| span.holds(*at)) else { continue };
            let currency = fact.value.map(|value| value.currency);
            let is_foreign = currency.is_some_and(|currency| currency != own);
            let day = is_foreign.then(|| window.time_zone.day(at));
            let (first, sum) =
                sums.entry((fact.source.clone(), currency, day)).or_insert((fact.id, GroupSum::default()));
            *first = (*first).min(fact.id);
            sum.add(GroupSum::of(fact));
        }
        let sum = |((source, currency, day), (first, sum))| Self { source, currency, day, first, sum };
        sums.into_iter().map(sum).collect()
    }
}
