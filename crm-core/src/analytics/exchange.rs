//! The rates that figures need, read for whoever may see them.

use super::convert::Exchange;
use super::group::DealGroups;
use super::source::SourceSum;
use crate::access::{Action, Entity, Grant};
use crate::error::Result;
use crate::exchange_rate::{Days, Pair};
use crate::money::Currency;
use crate::session::Session;

/// The way of the values of groups of deals and of sources into the workspace's currency; none for whoever may
/// not see rates. Sources are read by themselves, so what was won between the two reads is among them alone.
///
/// # Errors
/// `Unavailable` past the deadline.
pub(super) async fn of_groups<'g>(
    session: &Session,
    grant: &Grant,
    groups: impl Iterator<Item = &'g DealGroups>,
    sources: impl Iterator<Item = &'g SourceSum>,
) -> Result<Option<Exchange>> {
    read(session, grant, |exchange| exchange.needs_of(groups, sources)).await
}

/// The way of amounts in these currencies into the workspace's by the rates of today; none for whoever
/// may not see rates.
///
/// # Errors
/// `Unavailable` past the deadline.
pub(crate) async fn of_today(
    session: &Session,
    grant: &Grant,
    currencies: impl Iterator<Item = Currency>,
) -> Result<Option<Exchange>> {
    read(session, grant, |exchange| exchange.needs(currencies.map(|currency| (currency, exchange.today())))).await
}

/// Reads the rates that are needed; most workspaces have one currency and need none.
async fn read(
    session: &Session,
    grant: &Grant,
    needs: impl FnOnce(&Exchange) -> Option<(Vec<Pair>, Days)>,
) -> Result<Option<Exchange>> {
    let Ok(rates) = session.require(Entity::ExchangeRate, Action::Read) else { return Ok(None) };
    let exchange = Exchange::into(grant.workspace().currency, grant.zone(), session.now());
    let Some((pairs, days)) = needs(&exchange) else { return Ok(Some(exchange)) };
    let found = session.ports().exchange_rates.exchange_rates_during(&rates, &pairs, days).await?;
    Ok(Some(exchange.by(&found)))
}
