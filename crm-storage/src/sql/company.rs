//! Companies.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::company::{Company, CompanyStore};
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::store::{Put, Stored};
use crm_core::transfer::RowKey;
use crm_core::{Id, Result, Timestamp, text as core_text};
use diesel::prelude::*;

use super::fragment::Fragment;
use super::room::{self, Known, Life, Room};
use super::text::{join, split, split_required};
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::companies;
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = companies,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct CompanyRow {
    workspace_id: i64,
    id: DbId,
    name: Option<String>,
    name_key: String,
    domain: Option<String>,
    domain_key: Option<String>,
    industry: Option<String>,
    industry_key: Option<String>,
    employees: Option<i64>,
    owner_id: Option<DbId>,
    external_id: Option<String>,
    external_id_key: Option<String>,
    tags: Option<String>,
    custom: Option<String>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl CompanyRow {
    fn new(workspace_id: i64, company: &Company) -> Outcome<Self> {
        let (name, name_key) = split_required(&company.name);
        let (domain, domain_key) = split(company.domain.as_ref().map(AsRef::as_ref));
        let (industry, industry_key) = split(company.industry.as_deref());
        let (external_id, external_id_key) = split(company.external_id.as_deref());
        Ok(Self {
            workspace_id,
            id: company.id.into(),
            name,
            name_key,
            domain,
            domain_key,
            industry,
            industry_key,
            employees: company.employees,
            owner_id: company.owner_id.map(DbId::from),
            external_id,
            external_id_key,
            tags: json::list(&company.tags)?,
            custom: json::map(&company.custom)?,
            created_at: company.created_at.into(),
            updated_at: company.updated_at.into(),
            version: company.version,
            deleted_at: company.deleted_at.map(DbTime::from),
        })
    }

    fn into_company(self) -> Outcome<Company> {
        Ok(Company {
            id: self.id.into(),
            name: self.name.unwrap_or(self.name_key),
            domain: json::parsed(join(self.domain, self.domain_key))?,
            industry: join(self.industry, self.industry_key),
            employees: self.employees,
            owner_id: self.owner_id.map(Id::from),
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

impl Room for Company {
    const TABLE: &'static str = "companies";

    async fn find(conn: &mut Conn, workspace: i64, id: DbId) -> Outcome<Option<Self>> {
        let row = companies::table
            .filter(companies::workspace_id.eq(workspace))
            .filter(companies::id.eq(id))
            .select(CompanyRow::as_select())
            .get_result(conn)
            .await
            .optional()?;
        row.map(CompanyRow::into_company).transpose()
    }

    async fn select(conn: &mut Conn, which: Fragment, order: Fragment, limit: i64) -> Outcome<Vec<Self>> {
        let rows: Vec<CompanyRow> =
            companies::table.filter(which).order(order).limit(limit).select(CompanyRow::as_select()).load(conn).await?;
        rows.into_iter().map(CompanyRow::into_company).collect()
    }

    async fn insert(conn: &mut Conn, workspace: i64, records: &[&Self]) -> Outcome<()> {
        let new =
            |company: &&Self| Ok(diesel::insert_into(companies::table).values(CompanyRow::new(workspace, company)?));
        dialect::insert(conn, records.iter().map(new).collect::<Outcome<_>>()?).await?;
        Ok(())
    }

    async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> Outcome<Vec<usize>> {
        let statement = |put: &Put<Self>| {
            let row = CompanyRow::new(workspace, &put.after)?;
            let before = put.before.as_ref().map_or(0, |before| before.version);
            let found = companies::table.filter(companies::workspace_id.eq(workspace)).filter(companies::id.eq(row.id));
            Ok(diesel::update(found.filter(companies::version.eq(before))).set(row))
        };
        let statements = puts.iter().map(statement).collect::<Outcome<Vec<_>>>()?;
        Ok(dialect::each(conn, statements).await?)
    }

    fn tags(&self) -> &[String] {
        &self.tags
    }
}

impl Known for Company {
    fn columns(keys: &[RowKey]) -> Vec<(&'static str, Vec<String>)> {
        let domains = keys.iter().filter_map(|key| match key {
            RowKey::Domain(domain) => Some(core_text::key(domain)),
            _ => None,
        });
        let names = keys.iter().filter_map(|key| match key {
            RowKey::Name(name) => Some(name.clone()),
            _ => None,
        });
        let external = room::external_ids(keys);
        vec![("external_id_key", external), ("domain_key", domains.collect()), ("name_key", names.collect())]
    }

    fn row_keys(&self) -> Vec<RowKey> {
        let external = self.external_id.as_deref().map(|id| RowKey::ExternalId(core_text::key(id)));
        let domain = self.domain.as_ref().map(|domain| RowKey::Domain(domain.as_str().to_owned()));
        let name = RowKey::Name(core_text::key(&self.name));
        external.into_iter().chain(domain).chain([name]).collect()
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

#[async_trait]
impl CompanyStore for Store {
    async fn company(&self, grant: &Grant, id: Id<Company>) -> Result<Stored<Company>> {
        room::owned(self, grant, id.uuid(), Life::Live).await
    }

    async fn companies_by_id(&self, grant: &Grant, ids: &[Id<Company>]) -> Result<Vec<Stored<Company>>> {
        room::owned_by_id(self, grant, ids.iter().copied().map(DbId::from).collect()).await
    }

    async fn deleted_company(&self, grant: &Grant, id: Id<Company>) -> Result<Stored<Company>> {
        room::owned(self, grant, id.uuid(), Life::Deleted).await
    }

    async fn companies(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Company>> {
        room::page(self, grant, query).await
    }

    async fn count_companies(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        room::count::<Company>(self, grant, query, cap).await
    }

    async fn known_companies(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Company>>>> {
        room::known(self, grant, keys).await
    }
}
