//! Deals, and the sums of the board.

use async_trait::async_trait;
use chrono::NaiveDate;
use crm_core::access::Grant;
use crm_core::deal::{Deal, DealStatus, DealStore, ForecastCategory, StageTotal};
use crm_core::filter::CheckedFilter;
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::pipeline::{Pipeline, Stage};
use crm_core::store::{Put, Stored};
use crm_core::transfer::RowKey;
use crm_core::{Entity, Id, Money, Result, Timestamp, text as core_text};
use diesel::prelude::*;

use super::custom_field::day_number;
use super::fragment::Fragment;
use super::predicate::predicate;
use super::room::{self, Known, Life, Room};
use super::text::{join, split, split_required};
use super::{Conn, RunQueryDsl, Store, board, dialect, json, list};
use crate::fault::Outcome;
use crate::schema::deals;
use crate::types::{DbId, DbTime};

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
    value_estimated: i64,
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
            value_estimated: deal.value_estimated.into(),
        })
    }

    fn into_deal(self) -> Outcome<Deal> {
        Ok(Deal {
            id: self.id.into(),
            title: self.title.unwrap_or(self.title_key),
            value: money(self.value_minor, self.value_currency)?,
            value_estimated: self.value_estimated != 0,
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

/// What a move changes. SQLite writes an entry of every index with a column that a statement sets, also
/// where it stays as it was, and the other columns have a dozen indexes.
#[derive(AsChangeset)]
#[diesel(table_name = deals, treat_none_as_null = true)]
struct MovedRow {
    stage_id: DbId,
    status: String,
    stage_entered_at: DbTime,
    closed_at: Option<DbTime>,
    probability: Option<i64>,
    forecast_category: Option<String>,
    lost_reason: Option<String>,
    lost_reason_key: Option<String>,
    updated_at: DbTime,
    version: i64,
}

impl MovedRow {
    fn new(deal: &Deal) -> Self {
        let (lost_reason, lost_reason_key) = split(deal.lost_reason.as_deref());
        Self {
            stage_id: deal.stage_id.into(),
            status: deal.status.name().to_owned(),
            stage_entered_at: deal.stage_entered_at.into(),
            closed_at: deal.closed_at.map(DbTime::from),
            probability: deal.probability,
            forecast_category: deal.forecast_category.map(|category| category.name().to_owned()),
            lost_reason,
            lost_reason_key,
            updated_at: deal.updated_at.into(),
            version: deal.version,
        }
    }
}

/// Whether a write changes nothing but what a move changes.
fn is_move(put: &Put<Deal>) -> bool {
    put.before.as_ref().is_some_and(|before| {
        let after = &put.after;
        let moved = Deal {
            stage_id: after.stage_id,
            status: after.status,
            stage_entered_at: after.stage_entered_at,
            closed_at: after.closed_at,
            probability: after.probability,
            forecast_category: after.forecast_category,
            lost_reason: after.lost_reason.clone(),
            updated_at: after.updated_at,
            version: after.version,
            ..before.clone()
        };
        moved == *after
    })
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
        let new = |deal: &&Self| Ok(diesel::insert_into(deals::table).values(DealRow::new(workspace, deal)?));
        dialect::insert(conn, records.iter().map(new).collect::<Outcome<_>>()?).await?;
        Ok(())
    }

    async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> Outcome<Vec<usize>> {
        let found = |put: &Put<Self>| {
            let before = put.before.as_ref().map_or(0, |before| before.version);
            let own = deals::table.filter(deals::workspace_id.eq(workspace));
            own.filter(deals::id.eq(DbId::from(put.after.id))).filter(deals::version.eq(before))
        };
        // One kind of statement a commit, or commits would wait for one another in two directions.
        if puts.iter().all(is_move) {
            let moved = |put: &Put<Self>| diesel::update(found(put)).set(MovedRow::new(&put.after));
            return Ok(dialect::each(conn, puts.iter().map(moved).collect()).await?);
        }
        let whole = |put: &Put<Self>| Ok(diesel::update(found(put)).set(DealRow::new(workspace, &put.after)?));
        Ok(dialect::each(conn, puts.iter().map(whole).collect::<Outcome<Vec<_>>>()?).await?)
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

    async fn stage_totals(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        filter: &CheckedFilter,
    ) -> Result<Vec<StageTotal>> {
        board::totals(self, grant, pipeline, filter).await
    }

    async fn last_in_stages(
        &self,
        grant: &Grant,
        stages: &[Id<Stage>],
        filter: &CheckedFilter,
        limit: usize,
    ) -> Result<Vec<Vec<Deal>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let Some(which) = board::last_in_stages(grant, workspace, stages, filter, most)? else {
            return Ok(Vec::new());
        };
        list::check_binds(&which)?;
        let which = list::often(self, which);
        let read = async move |conn: &mut Conn| Deal::select(conn, which, room::unordered(), i64::MAX).await;
        let mut found = self.pools.read(read).await?;
        found.sort_by_key(|deal| std::cmp::Reverse((deal.stage_entered_at, deal.id)));
        let mut columns: Vec<Vec<Deal>> = stages.iter().map(|_| Vec::new()).collect();
        for deal in found {
            let at = stages.iter().position(|stage| *stage == deal.stage_id);
            if let Some(column) = at.and_then(|at| columns.get_mut(at)) {
                column.push(deal);
            }
        }
        Ok(columns)
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
