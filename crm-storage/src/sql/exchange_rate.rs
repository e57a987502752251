//! Exchange rates.

use std::collections::BTreeSet;

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::exchange_rate::{
    Days, ExchangeRate, ExchangeRatePlace, ExchangeRateQuery, ExchangeRateStore, Pair, Rate,
};
use crm_core::store::{Put, Stored};
use crm_core::{Currency, Error, Id, Result, Timestamp};
use diesel::prelude::*;

use super::custom_field::day_number;
use super::fragment::Fragment;
use super::{Conn, RunQueryDsl, Store, deal, json};
use crate::fault::Outcome;
use crate::schema::exchange_rates;
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = exchange_rates,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct ExchangeRateRow {
    workspace_id: i64,
    id: DbId,
    pair: String,
    base_currency: String,
    quote_currency: String,
    rate: i64,
    valid_from_day: i64,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl ExchangeRateRow {
    fn new(workspace_id: i64, rate: &ExchangeRate) -> Self {
        Self {
            workspace_id,
            id: rate.id.into(),
            pair: rate.pair().to_string(),
            base_currency: rate.base_currency.code().to_owned(),
            quote_currency: rate.quote_currency.code().to_owned(),
            rate: rate.rate.parts(),
            valid_from_day: day_number(rate.valid_from),
            created_at: rate.created_at.into(),
            updated_at: rate.updated_at.into(),
            version: rate.version,
            deleted_at: rate.deleted_at.map(DbTime::from),
        }
    }

    fn into_rate(self) -> Outcome<ExchangeRate> {
        let currency =
            |code: String| -> Outcome<Currency> { json::parsed(Some(code))?.ok_or(json::unreadable("a currency")) };
        Ok(ExchangeRate {
            id: self.id.into(),
            base_currency: currency(self.base_currency)?,
            quote_currency: currency(self.quote_currency)?,
            rate: Rate::from_parts(self.rate).map_err(|_| json::unreadable("an exchange rate"))?,
            valid_from: deal::day(self.valid_from_day)?,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        })
    }
}

/// Writes a rate, and gives the number of its rows.
pub(super) async fn put(conn: &mut Conn, workspace: i64, put: &Put<ExchangeRate>) -> Outcome<usize> {
    let row = ExchangeRateRow::new(workspace, &put.after);
    Ok(match &put.before {
        None => diesel::insert_into(exchange_rates::table).values(row).execute(conn).await?,
        Some(before) => {
            let own = exchange_rates::table
                .filter(exchange_rates::workspace_id.eq(workspace))
                .filter(exchange_rates::id.eq(row.id))
                .filter(exchange_rates::version.eq(before.version));
            diesel::update(own).set(row).execute(conn).await?
        }
    })
}

/// The live rates of a workspace.
fn live(workspace: i64) -> Fragment {
    Fragment::new("exchange_rates.deleted_at IS NULL AND exchange_rates.workspace_id = ").bind(workspace)
}

/// The pairs that a currency may be in.
fn concerns(currency: Currency) -> Fragment {
    let code = currency.code().to_owned();
    let base = Fragment::new("(exchange_rates.base_currency = ").bind(code.clone());
    base.sql(" OR exchange_rates.quote_currency = ").bind(code).sql(")")
}

/// Those whose day compares so with a day.
fn of_day(comparison: &'static str, day: crm_core::NaiveDate) -> Fragment {
    Fragment::new("exchange_rates.valid_from_day ").sql(comparison).bind(day_number(day))
}

fn rates(rows: Vec<ExchangeRateRow>) -> Outcome<Vec<ExchangeRate>> {
    rows.into_iter().map(ExchangeRateRow::into_rate).collect()
}

/// Those that come after a place in the list.
fn beyond(ExchangeRatePlace { day, pair }: ExchangeRatePlace) -> Fragment {
    let same = of_day("= ", day).sql(" AND exchange_rates.pair > ").bind(pair.to_string());
    Fragment::new("(").then(of_day("< ", day)).sql(" OR (").then(same).sql("))")
}

/// The rates of a pair that hold on one of the days at least.
fn during(workspace: i64, pair: Pair, days: Days) -> Fragment {
    let (pair, first) = (pair.to_string(), day_number(days.first));
    let own = live(workspace).and(Fragment::new("exchange_rates.pair = ").bind(pair.clone()));
    let holding = Fragment::new(
        "exchange_rates.valid_from_day >= COALESCE((SELECT MAX(held.valid_from_day) FROM exchange_rates AS held \
         WHERE held.deleted_at IS NULL AND held.workspace_id = ",
    );
    let holding = holding.bind(workspace).sql(" AND held.pair = ").bind(pair).sql(" AND held.valid_from_day <= ");
    let holding = holding.bind(first).sql("), ").bind(first).sql(")");
    own.and(of_day("<= ", days.last)).and(holding)
}

/// The live rate of a pair that holds from this day on.
fn at(workspace: i64, pair: Pair, day: crm_core::NaiveDate) -> Fragment {
    live(workspace).and(Fragment::new("exchange_rates.pair = ").bind(pair.to_string())).and(of_day("= ", day))
}

#[async_trait]
impl ExchangeRateStore for Store {
    async fn exchange_rate(&self, grant: &Grant, id: Id<ExchangeRate>) -> Result<Stored<ExchangeRate>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = live(workspace).and(Fragment::new("exchange_rates.id = ").bind(DbId::from(id)));
        let found = self.pools.key(async move |conn: &mut Conn| one(conn, which).await).await?;
        found.ok_or_else(|| Error::not_found("exchange_rate", id))
    }

    async fn exchange_rate_at(&self, grant: &Grant, place: ExchangeRatePlace) -> Result<Option<Stored<ExchangeRate>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = at(workspace, place.pair, place.day);
        self.pools.key(async move |conn: &mut Conn| one(conn, which).await).await
    }

    async fn exchange_rates(&self, grant: &Grant, query: &ExchangeRateQuery) -> Result<Vec<ExchangeRate>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let conditions = [
            query.currency.map(concerns),
            query.from.map(|day| of_day(">= ", day)),
            query.to.map(|day| of_day("<= ", day)),
            query.after.map(beyond),
        ];
        let which = conditions.into_iter().flatten().fold(live(workspace), Fragment::and);
        let limit = i64::from(query.limit);
        self.pools
            .read(async move |conn: &mut Conn| {
                let order = (exchange_rates::valid_from_day.desc(), exchange_rates::pair);
                let found = exchange_rates::table.filter(which).order(order).limit(limit);
                rates(found.select(ExchangeRateRow::as_select()).load(conn).await?)
            })
            .await
    }

    async fn exchange_rates_during(&self, grant: &Grant, pairs: &[Pair], days: Days) -> Result<Vec<ExchangeRate>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let pairs: BTreeSet<Pair> = pairs.iter().copied().collect();
        self.pools
            .read(async move |conn: &mut Conn| {
                let mut held = Vec::new();
                for pair in pairs {
                    let own = exchange_rates::table.filter(during(workspace, pair, days));
                    let own = own.order(exchange_rates::valid_from_day).select(ExchangeRateRow::as_select());
                    held.extend(rates(own.load(conn).await?)?);
                }
                Ok(held)
            })
            .await
    }
}

/// The rate that a condition leads to.
async fn one(conn: &mut Conn, which: Fragment) -> Outcome<Option<Stored<ExchangeRate>>> {
    let found = exchange_rates::table.filter(which).select(ExchangeRateRow::as_select());
    let row = found.get_result(conn).await.optional()?;
    Ok(row.map(ExchangeRateRow::into_rate).transpose()?.map(Stored::loaded))
}
