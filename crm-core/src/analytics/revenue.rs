//! What came in: won value by period, owner, source and currency.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::convert::{CONVERTED, ConvertedTally, Worth};
use super::explain::Explainer;
use super::numbers::count;
use super::port::DealFact;
use super::sales::{AVERAGE, Tally, WON, ended};
use super::window::Window;
use crate::deal::DealStatus;
use crate::error::Result;
use crate::id::Id;
use crate::money::{Currency, Totals};
use crate::text;
use crate::time::Period;
use crate::user::User;

/// What came in in a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Revenue {
    /// All of it.
    pub total: Earned,
    /// How long a period is.
    pub every: Period,
    /// Period by period; those in which nothing was won are absent.
    pub periods: Vec<PeriodRevenue>,
    /// By owner, who sold most first.
    pub owners: Vec<OwnerRevenue>,
    /// By where the deals came from, the largest first, whatever the case in which sources are written;
    /// absent where the caller does not see sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<SourceRevenue>>,
    /// By currency; absent where the caller does not see values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currencies: Option<Vec<CurrencyRevenue>>,
}

/// Deals won. Amounts are absent where the caller does not see values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Earned {
    /// Deals won.
    pub won: u64,
    /// What they are worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub won_value: Option<Totals>,
    /// Mean value of those that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_deal: Option<Totals>,
    /// The same in the workspace's currency; absent also where the caller does not see rates, and for a
    /// sum beyond 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<ConvertedTally>,
}

/// What came in in one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PeriodRevenue {
    /// Its first day.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub period: NaiveDate,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What came in by one member.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OwnerRevenue {
    /// Who; absent for deals without an owner.
    pub owner_id: Option<Id<User>>,
    /// Their name; absent where the caller does not see members.
    pub name: Option<String>,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What came in by one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SourceRevenue {
    /// Where the deals came from; absent for deals that do not say it.
    pub source: Option<String>,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What came in in one currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CurrencyRevenue {
    /// Which; deals without a value are in none.
    pub currency: Currency,
    /// What came in.
    #[serde(flatten)]
    pub earned: Earned,
}

/// What revenue is made of besides deals.
pub(crate) struct Ledger<'a> {
    pub(crate) every: Period,
    pub(crate) currency: Currency,
    pub(crate) names: &'a BTreeMap<Id<User>, String>,
    pub(crate) worth: Worth<'a>,
    pub(crate) sources: Sources,
}

/// Whether the caller is told where deals came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    Shown,
    Hidden,
}

impl Ledger<'_> {
    /// What some won deals brought, and what decides their place among others.
    fn earned(&self, place: &str, won: &[&DealFact], explainer: &mut Explainer) -> Result<(Earned, i64)> {
        let tally = Tally::of(won, self.worth)?;
        let rank = tally.sold(self.currency);
        let Tally { won: number, won_value, average_deal, converted, .. } = tally;
        explainer.say(format!("{place}.won"), WON, None, won.iter().map(|fact| fact.id));
        if won_value.is_some() {
            let valued = || won.iter().filter(|fact| fact.value.is_some()).map(|fact| fact.id);
            let denominator = explainer.listens().then(|| count(valued().count()));
            explainer.say(format!("{place}.won_value"), WON, None, valued());
            explainer.say(format!("{place}.average_deal"), AVERAGE, denominator, valued());
            if let Some(exchange) = self.worth.exchange().filter(|_| converted.is_some()) {
                let rated = || won.iter().filter(|fact| exchange.converts(fact)).map(|fact| fact.id);
                let denominator = explainer.listens().then(|| count(rated().count()));
                explainer.say(format!("{place}.converted"), CONVERTED, denominator, rated());
            }
        }
        Ok((Earned { won: number, won_value, average_deal, converted }, rank))
    }

    fn periods(&self, won: &[&DealFact], window: Window, explainer: &mut Explainer) -> Result<Vec<PeriodRevenue>> {
        let zone = window.time_zone;
        let day = |fact: &DealFact| fact.closed_at.map(|at| zone.day(zone.start_of(self.every, at)));
        let groups = grouped(won, day).into_iter().filter_map(|(period, own)| Some((period?, own)));
        let row = |(period, own): (NaiveDate, Vec<&DealFact>)| {
            let (earned, _) = self.earned(&format!("periods.{period}"), &own, explainer)?;
            Ok(PeriodRevenue { period, earned })
        };
        groups.map(row).collect()
    }

    fn owners(&self, won: &[&DealFact], explainer: &mut Explainer) -> Result<Vec<OwnerRevenue>> {
        let row = |(owner_id, own): (Option<Id<User>>, Vec<&DealFact>)| {
            let place = owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
            let (earned, rank) = self.earned(&format!("owners.{place}"), &own, explainer)?;
            let name = owner_id.and_then(|id| self.names.get(&id).cloned());
            Ok((rank, OwnerRevenue { owner_id, name, earned }))
        };
        let rows = grouped(won, |fact| fact.owner_id).into_iter().map(row).collect::<Result<Vec<_>>>()?;
        Ok(largest_first(rows, |row| row.earned.won))
    }

    fn sources(&self, won: &[&DealFact], explainer: &mut Explainer) -> Result<Vec<SourceRevenue>> {
        let key = |fact: &DealFact| fact.source.as_deref().map(text::key);
        let row = |(key, own): (Option<String>, Vec<&DealFact>)| {
            let place = key.as_deref().map_or_else(|| "nowhere".to_owned(), |key| format!("{key:?}"));
            let (earned, rank) = self.earned(&format!("sources.{place}"), &own, explainer)?;
            let source = own.first().and_then(|fact| fact.source.clone());
            Ok((rank, SourceRevenue { source, earned }))
        };
        let rows = grouped(won, key).into_iter().map(row).collect::<Result<Vec<_>>>()?;
        Ok(largest_first(rows, |row| row.earned.won))
    }

    fn currencies(&self, won: &[&DealFact], explainer: &mut Explainer) -> Result<Vec<CurrencyRevenue>> {
        let currency = |fact: &DealFact| fact.value.map(|value| value.currency);
        let groups = grouped(won, currency).into_iter().filter_map(|(currency, own)| Some((currency?, own)));
        let row = |(currency, own): (Currency, Vec<&DealFact>)| {
            let (earned, _) = self.earned(&format!("currencies.{currency}"), &own, explainer)?;
            Ok(CurrencyRevenue { currency, earned })
        };
        groups.map(row).collect()
    }
}

/// Deals by what they have in common, in its order.
fn grouped<'a, K: Ord>(
    won: &[&'a DealFact],
    key: impl Fn(&DealFact) -> Option<K>,
) -> BTreeMap<Option<K>, Vec<&'a DealFact>> {
    let mut groups: BTreeMap<Option<K>, Vec<&DealFact>> = BTreeMap::new();
    for fact in won {
        groups.entry(key(fact)).or_default().push(fact);
    }
    groups
}

fn largest_first<T>(mut rows: Vec<(i64, T)>, won: impl Fn(&T) -> u64) -> Vec<T> {
    rows.sort_by_key(|(rank, row)| Reverse((*rank, won(row))));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// What came in.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn revenue(
    facts: &[DealFact],
    window: Window,
    ledger: &Ledger<'_>,
    explainer: &mut Explainer,
) -> Result<Revenue> {
    let mut won = ended(facts, window);
    won.retain(|fact| fact.status == DealStatus::Won);
    let (total, _) = ledger.earned("total", &won, explainer)?;
    let periods = ledger.periods(&won, window, explainer)?;
    let owners = ledger.owners(&won, explainer)?;
    let sources = match ledger.sources {
        Sources::Shown => Some(ledger.sources(&won, explainer)?),
        Sources::Hidden => None,
    };
    let is_shown = ledger.worth.is_shown();
    let currencies = is_shown.then(|| ledger.currencies(&won, explainer)).transpose()?;
    Ok(Revenue { total, every: ledger.every, periods, owners, sources, currencies })
}
