//! Deals that figures take for alike: those of a forecast, and those that ended.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};

use super::port::DealFact;
use super::window::Window;
use crate::deal::{DealStatus, ForecastCategory};
use crate::id::Id;
use crate::money::Currency;
use crate::pipeline::{Pipeline, Stage};
use crate::time::Period;
use crate::user::User;

/// What the deals of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// How they stand.
    pub status: DealStatus,
    /// Their pipeline.
    pub pipeline_id: Id<Pipeline>,
    /// Where they are.
    pub stage_id: Id<Stage>,
    /// Whose they are.
    pub owner_id: Option<Id<User>>,
    /// The first day of the month in which they are expected or ended; of deals won in a foreign
    /// currency, and where periods are shorter than months, the day itself; absent for open deals that
    /// nobody expects.
    pub day: Option<NaiveDate>,
    /// The probability in per cent that somebody gave them while they are open.
    pub probability: Option<i64>,
    /// The category that somebody gave them while they are open.
    pub forecast_category: Option<ForecastCategory>,
    /// The currency of their values; absent for deals without one.
    pub currency: Option<Currency>,
}

/// How many deals there are in a group, and what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSum {
    /// Deals.
    pub count: i64,
    /// The minor units of their values.
    pub worth: i128,
}

impl GroupSum {
    /// That of one deal.
    pub fn of(fact: &DealFact) -> Self {
        Self { count: 1, worth: fact.value.map_or(0, |value| value.amount_minor.into()) }
    }

    /// Adds other deals.
    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        self.worth += other.worth;
    }

    /// The same deals taken out.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { count: -self.count, worth: -self.worth }
    }

    /// How many deals there are.
    pub(super) fn deals(self) -> u64 {
        u64::try_from(self.count).unwrap_or(0)
    }
}

/// Some deals with what they have in common.
pub(super) type Group = (GroupKey, GroupSum);

/// Deals by what they have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DealGroups(BTreeMap<GroupKey, GroupSum>);

impl DealGroups {
    /// Groups the deals that a forecast of a window takes in one by one: open ones that are expected in
    /// it or that nobody expects, and those won in it. It is the definition of what a store may answer
    /// from sums. Values in another currency than `own` are foreign, and need the rate of their day.
    pub fn of(facts: &[DealFact], window: Window, own: Currency) -> Self {
        Self::by(facts, |fact| key(fact, window, own))
    }

    /// As [`DealGroups::of`], the deals that were won or lost in a window, to be told by periods.
    pub fn ended(facts: &[DealFact], window: Window, every: Period, own: Currency) -> Self {
        Self::by(facts, |fact| ended_key(fact, window, every, own))
    }

    fn by(facts: &[DealFact], key: impl Fn(&DealFact) -> Option<GroupKey>) -> Self {
        let mut groups = Self::default();
        for fact in facts {
            if let Some(key) = key(fact) {
                groups.add(key, GroupSum::of(fact));
            }
        }
        groups
    }

    /// Adds deals to a group, or takes them out where the sum is negative.
    pub fn add(&mut self, key: GroupKey, sum: GroupSum) {
        let group = self.0.entry(key).or_default();
        group.add(sum);
        if *group == GroupSum::default() {
            self.0.remove(&key);
        }
    }

    /// Keeps some of the groups.
    pub fn retain(&mut self, mut keeps: impl FnMut(&GroupKey) -> bool) {
        self.0.retain(|key, _| keeps(key));
    }

    /// The groups, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (GroupKey, GroupSum)> {
        self.0.iter().map(|(key, sum)| (*key, *sum))
    }

    /// The same without what the deals are worth.
    pub(crate) fn without_values(&self) -> Self {
        let mut groups = Self::default();
        for (key, sum) in self.iter() {
            groups.add(GroupKey { currency: None, ..key }, GroupSum { worth: 0, ..sum });
        }
        groups
    }
}

/// The day that decides in which month a deal is: the expected one of an open deal, that of its end for
/// one that was won. None for one that no forecast takes in.
pub(super) fn forecast_day(fact: &DealFact, window: Window) -> Option<Option<NaiveDate>> {
    match fact.status {
        DealStatus::Open => Some(fact.expected_close_date),
        DealStatus::Won => Some(Some(window.time_zone.day(fact.closed_at?))),
        DealStatus::Lost => None,
    }
}

/// The group of a deal; none for one that a forecast of the window does not take in.
pub fn key(fact: &DealFact, window: Window, own: Currency) -> Option<GroupKey> {
    let day = forecast_day(fact, window)?;
    if day.is_some_and(|day| !window.holds_day(day)) {
        return None;
    }
    let is_open = fact.status == DealStatus::Open;
    let currency = fact.value.map(|value| value.currency);
    let is_foreign = !is_open && currency.is_some_and(|currency| currency != own);
    let first = |day: NaiveDate| if is_foreign { Some(day) } else { day.with_day(1) };
    Some(GroupKey {
        status: fact.status,
        pipeline_id: fact.pipeline_id,
        stage_id: fact.stage_id,
        owner_id: fact.owner_id,
        day: day.and_then(first),
        probability: fact.probability.filter(|_| is_open),
        forecast_category: fact.forecast_category.filter(|_| is_open),
        currency,
    })
}

/// The group of a deal among those that ended in a window; none for one that did not.
pub fn ended_key(fact: &DealFact, window: Window, every: Period, own: Currency) -> Option<GroupKey> {
    let at = fact.closed_at.filter(|at| fact.status != DealStatus::Open && window.holds(*at))?;
    let (day, currency) = (window.time_zone.day(at), fact.value.map(|value| value.currency));
    let is_foreign = fact.status == DealStatus::Won && currency.is_some_and(|currency| currency != own);
    let is_apart = is_foreign || !every.is_of_months();
    Some(GroupKey {
        status: fact.status,
        pipeline_id: fact.pipeline_id,
        stage_id: fact.stage_id,
        owner_id: fact.owner_id,
        day: if is_apart { Some(day) } else { day.with_day(1) },
        probability: None,
        forecast_category: None,
        currency,
    })
}

impl Window {
    /// Whether it begins and ends with a month, so that sums of months answer for it.
    pub fn is_of_months(&self) -> bool {
        let begins = self.from.is_none_or(|day| day.day() == 1);
        begins && self.to.is_none_or(|day| day.succ_opt().is_none_or(|next| next.day() == 1))
    }
}
