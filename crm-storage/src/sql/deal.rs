//! Deals, and the sums of the board.

use async_trait::async_trait;
use chrono::NaiveDate;
use crm_core::access::Grant;
use crm_core::deal::{Deal, DealStatus, DealStore, ForecastCategory, StageTotal};
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::pipeline::{Pipeline, Stage};
use crm_core::store::{Put, Stored};
use crm_core::transfer::RowKey;
use crm_core::{Entity, Id, Money, Result, Timestamp, Totals, text as core_text};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::custom_field::day_number;
use super::fragment::{Fragment, Statement};
use super::predicate::predicate;
use super::room::{self, Known, Life, Room};
use super::text::{join, split, split_required};
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::deals;
use crate::types::{DbId, DbTime, Guid};

/// Columns of a row, hence binds of an insert.
const COLUMNS: usize = 30;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = deals,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct DealRow {
    workspace_id: i64,
    id: DbId,
    title: Option<String>,
    title_key: String,
    value_minor: Option<i64>,
    value_currency: Option<String>,
    pipeline_id: DbId,
    stage_id: DbId,
    status: String,
    stage_entered_at: DbTime,
    opened_at: Option<DbTime>,
    closed_at: Option<DbTime>,
    contact_id: Option<DbId>,
    company_id: Option<DbId>,
    owner_id: Option<DbId>,
    source: Option<String>,
    source_key: Option<String>,
    external_id: Option<String>,
    external_id_key: Option<String>,
    tags: Option<String>,
    custom: Option<String>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
    expected_close_day: Option<i64>,
    probability: Option<i64>,
    forecast_category: Option<String>,
    lost_reason: Option<String>,
    lost_reason_key: Option<String>,
}

impl DealRow {
    fn new(workspace_id: i64, deal: &Deal) -> Outcome<Self> {
        let (title, title_key) = split_required(&deal.title);
        let (source, source_key) = split(deal.source.as_deref());
        let (external_id, external_id_key) = split(deal.external_id.as_deref());
        let (lost_reason, lost_reason_key) = split(deal.lost_reason.as_deref());
        Ok(Self {
            workspace_id,
            id: deal.id.into(),
            title,
            title_key,
            value_minor: deal.value.map(|value| value.amount_minor),
            value_currency: deal.value.map(|value| value.currency.code().to_owned()),
            pipeline_id: deal.pipeline_id.into(),
            stage_id: deal.stage_id.into(),
            status: deal.status.name().to_owned(),
            stage_entered_at: deal.stage_entered_at.into(),
            opened_at: deal.opened_at.map(DbTime::from),
            closed_at: deal.closed_at.map(DbTime::from),
            contact_id: deal.contact_id.map(DbId::from),
            company_id: deal.company_id.map(DbId::from),
            owner_id: deal.owner_id.map(DbId::from),
            source,
            source_key,
            external_id,
            external_id_key,
            tags: json::list(&deal.tags)?,
            custom: json::map(&deal.custom)?,
            created_at: deal.created_at.into(),
            updated_at: deal.updated_at.into(),
            version: deal.version,
            deleted_at: deal.deleted_at.map(DbTime::from),
            expected_close_day: deal.expected_close_date.map(day_number),
            probability: deal.probability,
            forecast_category: deal.forecast_category.map(|category| category.name().to_owned()),
            lost_reason,
            lost_reason_key,
        })
    }

    fn into_deal(self) -> Outcome<Deal> {
        Ok(Deal {
            id: self.id.into(),
            title: self.title.unwrap_or(self.title_key),
            value: money(self.value_minor, self.value_currency)?,
            pipeline_id: self.pipeline_id.into(),
            stage_id: self.stage_id.into(),
            status: status(&self.status)?,
            stage_entered_at: self.stage_entered_at.into(),
            opened_at: self.opened_at.map(Timestamp::from),
            closed_at: self.closed_at.map(Timestamp::from),
            expected_close_date: self.expected_close_day.map(day).transpose()?,
            probability: self.probability,
            forecast_category: self.forecast_category.as_deref().map(category).transpose()?,
            lost_reason: join(self.lost_reason, self.lost_reason_key),
            contact_id: self.contact_id.map(Id::from),
            company_id: self.company_id.map(Id::from),
            owner_id: self.owner_id.map(Id::from),
            source: join(self.source, self.source_key),
            external_id: join(self.external_id, self.external_id_key),
            tags: json::read_list(self.tags)?,
            custom: json::read_map(self.custom)?,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        })
    }
}

pub(super) fn money(minor: Option<i64>, currency: Option<String>) -> Outcome<Option<Money>> {
    Ok(minor.zip(json::parsed(currency)?).map(|(minor, currency)| Money::minor(minor, currency)))
}

/// The day of a number of [`day_number`].
pub(super) fn day(number: i64) -> Outcome<NaiveDate> {
    let day = chrono::TimeDelta::try_days(number).and_then(|days| NaiveDate::default().checked_add_signed(days));
    day.ok_or(json::unreadable("a day"))
}

pub(super) fn category(name: &str) -> Outcome<ForecastCategory> {
    let found = ForecastCategory::ALL.into_iter().find(|category| category.name() == name);
    found.ok_or(json::unreadable("a forecast category"))
}

pub(super) fn status(name: &str) -> Outcome<DealStatus> {
    [DealStatus::Open, DealStatus::Won, DealStatus::Lost]
        .into_iter()
        .find(|status| status.name() == name)
        .ok_or(json::unreadable("a deal's status"))
}

impl Room for Deal {
    const TABLE: &'static str = "deals";

    async fn find(conn: &mut Conn, workspace: i64, id: DbId) -> Outcome<Option<Self>> {
        let row = deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::id.eq(id))
            .select(DealRow::as_select())
            .get_result(conn)
            .await
            .optional()?;
        row.map(DealRow::into_deal).transpose()
    }

    async fn select(conn: &mut Conn, which: Fragment, order: Fragment, limit: i64) -> Outcome<Vec<Self>> {
        let rows: Vec<DealRow> =
            deals::table.filter(which).order(order).limit(limit).select(DealRow::as_select()).load(conn).await?;
        rows.into_iter().map(DealRow::into_deal).collect()
    }

    async fn insert(conn: &mut Conn, workspace: i64, records: &[&Self]) -> Outcome<()> {
        if let [one] = records {
            // One row is one prepared statement; a batch is prepared for its length.
            let row = DealRow::new(workspace, one)?;
            diesel::insert_into(deals::table).values(row).execute(conn).await?;
            return Ok(());
        }
        for chunk in records.chunks(dialect::MAX_BINDS / COLUMNS) {
            let rows = chunk.iter().map(|deal| DealRow::new(workspace, deal)).collect::<Outcome<Vec<_>>>()?;
            diesel::insert_into(deals::table).values(rows).execute(conn).await?;
        }
        Ok(())
    }

    async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> Outcome<Vec<usize>> {
        let statement = |put: &Put<Self>| {
            let row = DealRow::new(workspace, &put.after)?;
            let before = put.before.as_ref().map_or(0, |before| before.version);
            let found = deals::table.filter(deals::workspace_id.eq(workspace)).filter(deals::id.eq(row.id));
            Ok(diesel::update(found.filter(deals::version.eq(before))).set(row))
        };
        let statements = puts.iter().map(statement).collect::<Outcome<Vec<_>>>()?;
        Ok(dialect::each(conn, statements).await?)
    }

    fn tags(&self) -> &[String] {
        &self.tags
    }
}

impl Known for Deal {
    fn columns(keys: &[RowKey]) -> Vec<(&'static str, Vec<String>)> {
        vec![("external_id_key", room::external_ids(keys))]
    }

    fn row_keys(&self) -> Vec<RowKey> {
        self.external_id.as_deref().map(|id| RowKey::ExternalId(core_text::key(id))).into_iter().collect()
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

/// A row of sums: stage, probability by hand, currency, deals, and the two halves of their worth.
type SumRow = (DbId, Option<i64>, Option<String>, i64, Option<i64>, Option<i64>);
/// Its SQL type.
type SumType = (Guid, Nullable<BigInt>, Nullable<Text>, BigInt, Nullable<BigInt>, Nullable<BigInt>);

/// Sums amounts in halves of 32 bits, so that no sum of a database overflows.
const SUMS: &str = "SELECT stage_id, probability, value_currency, COUNT(*), \
    CAST(SUM(value_minor / 4294967296) AS BIGINT), CAST(SUM(value_minor % 4294967296) AS BIGINT) \
    FROM deals WHERE ";

fn totals(rows: Vec<SumRow>) -> Result<Vec<StageTotal>> {
    let mut stages: Vec<StageTotal> = Vec::new();
    for (stage, probability, currency, count, high, low) in rows {
        let stage_id = Id::from(stage);
        if stages.last().is_none_or(|last| last.stage_id != stage_id || last.probability != probability) {
            stages.push(StageTotal { stage_id, probability, count: 0, total: Totals::default() });
        }
        let Some(last) = stages.last_mut() else { continue };
        last.count += u64::try_from(count).unwrap_or(0);
        if let (Some(currency), Some(high), Some(low)) = (currency, high, low) {
            let sum = i128::from(high) * 4_294_967_296 + i128::from(low);
            // A sum beyond 64 bits is refused as `Totals` refuses it.
            let half = |sum: i128| i64::try_from(sum).unwrap_or(i64::MAX);
            let currency = currency.parse()?;
            last.total.add(Money::minor(half(sum / 2), currency))?;
            last.total.add(Money::minor(half(sum - sum / 2), currency))?;
        }
    }
    Ok(stages)
}

#[async_trait]
impl DealStore for Store {
    async fn deal(&self, grant: &Grant, id: Id<Deal>) -> Result<Stored<Deal>> {
        room::owned(self, grant, id.uuid(), Life::Live).await
    }

    async fn deals_by_id(&self, grant: &Grant, ids: &[Id<Deal>]) -> Result<Vec<Stored<Deal>>> {
        room::owned_by_id(self, grant, ids.iter().copied().map(DbId::from).collect()).await
    }

    async fn deleted_deal(&self, grant: &Grant, id: Id<Deal>) -> Result<Stored<Deal>> {
        room::owned(self, grant, id.uuid(), Life::Deleted).await
    }

    async fn deals(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Deal>> {
        room::page(self, grant, query).await
    }

    async fn count_deals(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        room::count::<Deal>(self, grant, query, cap).await
    }

    async fn known_deals(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Deal>>>> {
        room::known(self, grant, keys).await
    }

    async fn stage_totals(&self, grant: &Grant, pipeline: Id<Pipeline>) -> Result<Vec<StageTotal>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = room::visible::<Deal>(grant, workspace).sql(" AND deals.pipeline_id = ").bind(DbId::from(pipeline));
        let sums = Fragment::new(SUMS)
            .then(which)
            .sql(" GROUP BY stage_id, probability, value_currency ORDER BY stage_id, probability");
        let rows = self
            .pools
            .read(async move |conn: &mut Conn| -> Outcome<Vec<SumRow>> {
                Ok(Statement::<SumType>::new(sums).load(conn).await?)
            })
            .await?;
        totals(rows)
    }

    async fn deals_in_stages(&self, grant: &Grant, stages: &[Id<Stage>], limit: usize) -> Result<Vec<Stored<Deal>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let ids: Vec<DbId> = stages.iter().copied().map(DbId::from).collect();
        let which = Fragment::new("deals.workspace_id = ").bind(workspace).sql(" AND deals.stage_id").in_ids(&ids);
        let which = which.and(predicate(room::place::<Deal>(workspace), &grant.visible(Entity::Deal)));
        let order = Fragment::new("deals.deleted_at IS NOT NULL, deals.id");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self.pools.read(async move |conn: &mut Conn| Deal::select(conn, which, order, limit).await).await?;
        Ok(found.into_iter().map(Stored::loaded).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(high: i64, low: i64) -> Result<Vec<StageTotal>> {
        totals(vec![(DbId(uuid::Uuid::nil()), None, Some("USD".to_owned()), 1, Some(high), Some(low))])
    }

    #[test]
    fn the_greatest_sum_is_told_and_one_beyond_it_is_refused() {
        let [greatest] = sum((1 << 31) - 1, (1 << 32) - 1).unwrap().try_into().unwrap();
        assert_eq!(greatest.total.iter().map(|sum| sum.amount_minor).collect::<Vec<_>>(), [i64::MAX]);
        assert!(sum(1 << 31, 0).is_err());
        assert!(sum(i64::MAX, 0).is_err());
    }
}
