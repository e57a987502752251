//! Imports, the rows that they refused, and what imported rows are known again by.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::store::{Put, Stored};
use crm_core::transfer::{FailedRow, Fingerprint, Import, ImportStore};
use crm_core::{Entity, Error, Id, Result};
use diesel::prelude::*;
use diesel::sql_types::Binary;
use uuid::Uuid;

use super::columns::code;
use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::{failed_rows, fingerprints, imports};
use crate::types::{DbId, Guid};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = imports,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct ImportRow {
    workspace_id: i64,
    id: DbId,
    created_by: Option<DbId>,
    data: String,
    version: i64,
}

impl ImportRow {
    fn new(workspace_id: i64, import: &Import) -> Outcome<Self> {
        Ok(Self {
            workspace_id,
            id: import.id.into(),
            created_by: import.created_by.map(DbId::from),
            data: serde_json::to_string(import)?,
            version: import.version,
        })
    }
}

/// Writes an import, and gives the number of rows.
pub(super) async fn put(conn: &mut Conn, workspace: i64, put: &Put<Import>) -> Outcome<usize> {
    let row = ImportRow::new(workspace, &put.after)?;
    let Some(before) = &put.before else {
        return Ok(diesel::insert_into(imports::table).values(row).execute(conn).await?);
    };
    let found = imports::table
        .filter(imports::workspace_id.eq(workspace))
        .filter(imports::id.eq(row.id))
        .filter(imports::version.eq(before.version));
    Ok(diesel::update(found).set(row).execute(conn).await?)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = failed_rows, treat_none_as_default_value = false)]
struct FailedRowRow {
    workspace_id: i64,
    import_id: DbId,
    line: i64,
    cells: String,
    field: String,
    code: String,
    message: String,
}

impl FailedRowRow {
    fn new(workspace_id: i64, row: &FailedRow) -> Outcome<Self> {
        Ok(Self {
            workspace_id,
            import_id: row.import_id.into(),
            line: i64::try_from(row.line).unwrap_or(i64::MAX),
            cells: serde_json::to_string(&row.cells)?,
            field: row.field.clone(),
            code: row.code.clone(),
            message: row.message.clone(),
        })
    }

    fn into_row(self) -> Outcome<FailedRow> {
        Ok(FailedRow {
            import_id: self.import_id.into(),
            line: u64::try_from(self.line).unwrap_or(0),
            cells: json::read_list(Some(self.cells))?,
            field: self.field,
            code: self.code,
            message: self.message,
        })
    }
}

/// Keeps refused rows; a line that was refused before stays as it is.
pub(super) async fn insert_failed(conn: &mut Conn, workspace: i64, refused: &[&FailedRow]) -> Outcome<()> {
    let new = |row: &&FailedRow| {
        let row = FailedRowRow::new(workspace, row)?;
        Ok(diesel::insert_into(failed_rows::table).values(row).on_conflict_do_nothing())
    };
    dialect::insert(conn, refused.iter().map(new).collect::<Outcome<_>>()?).await?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = fingerprints, treat_none_as_default_value = false)]
struct FingerprintRow {
    workspace_id: i64,
    entity: i16,
    digest: Vec<u8>,
    record_id: DbId,
}

/// Keeps what imported rows are known again by.
pub(super) async fn insert_fingerprints(conn: &mut Conn, workspace: i64, prints: &[&Fingerprint]) -> Outcome<()> {
    let row = |print: &&Fingerprint| FingerprintRow {
        workspace_id: workspace,
        entity: code(print.entity),
        digest: print.digest.to_vec(),
        record_id: DbId(print.record_id),
    };
    let new = prints.iter().map(row);
    let new = new.map(|row| diesel::insert_into(fingerprints::table).values(row).on_conflict_do_nothing());
    dialect::insert(conn, new.collect()).await?;
    Ok(())
}

/// The records that rows with these digests made.
pub(super) async fn records_of(
    conn: &mut Conn,
    workspace: i64,
    entity: Entity,
    digests: Vec<Vec<u8>>,
) -> Outcome<Vec<([u8; 16], Uuid)>> {
    let mut found = Vec::new();
    for chunk in digests.chunks(1_000) {
        let select = Fragment::new("SELECT digest, record_id FROM fingerprints WHERE workspace_id = ").bind(workspace);
        let select = select.sql(" AND entity = ").bind(code(entity)).sql(" AND digest").in_digests(chunk);
        let rows: Vec<(Vec<u8>, DbId)> = Statement::<(Binary, Guid)>::new(select).load(conn).await?;
        for (digest, id) in rows {
            let digest = digest.try_into().map_err(|_| json::unreadable("a fingerprint"))?;
            found.push((digest, id.0));
        }
    }
    Ok(found)
}

/// Forgets what a record is known again by.
pub(super) async fn forget(conn: &mut Conn, workspace: i64, id: Uuid) -> Outcome<()> {
    let own = fingerprints::table.filter(fingerprints::workspace_id.eq(workspace));
    diesel::delete(own.filter(fingerprints::record_id.eq(DbId(id)))).execute(conn).await?;
    Ok(())
}

#[async_trait]
impl ImportStore for Store {
    async fn import(&self, grant: &Grant, id: Id<Import>) -> Result<Stored<Import>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let found: Option<Import> = self
            .pools
            .key(async move |conn: &mut Conn| {
                let found = imports::table
                    .filter(imports::workspace_id.eq(workspace))
                    .filter(imports::id.eq(DbId::from(id)))
                    .select(imports::data);
                let data: Option<String> = found.get_result(conn).await.optional()?;
                Ok(data.map(|data| serde_json::from_str(&data)).transpose()?)
            })
            .await?;
        found
            .filter(|import| grant.sees_owner(Entity::Import, import.created_by))
            .map(Stored::loaded)
            .ok_or_else(|| Error::not_found("import", id))
    }

    async fn imports(&self, grant: &Grant, before: Option<Id<Import>>, limit: u16) -> Result<Vec<Import>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let mut own = imports::table.filter(imports::workspace_id.eq(workspace)).into_boxed();
        if let Some(before) = before {
            own = own.filter(imports::id.lt(DbId::from(before)));
        }
        if !grant.sees_owner(Entity::Import, None) {
            let seen: Vec<DbId> = grant.seen_owners(Entity::Import).into_iter().map(DbId).collect();
            own = own.filter(imports::created_by.eq_any(seen));
        }
        let latest = own.order(imports::id.desc()).limit(limit.into()).select(imports::data);
        self.pools
            .read(async move |conn: &mut Conn| {
                let rows: Vec<String> = latest.load(conn).await?;
                rows.iter().map(|data| Ok(serde_json::from_str(data)?)).collect::<Outcome<Vec<Import>>>()
            })
            .await
    }

    async fn failed_rows(&self, grant: &Grant, id: Id<Import>, after_line: u64, limit: u32) -> Result<Vec<FailedRow>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        if let Err(error) = self.import(grant, id).await {
            return if error.kind() == crm_core::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(error) };
        }
        let after = i64::try_from(after_line).unwrap_or(i64::MAX);
        self.pools
            .read(async move |conn: &mut Conn| {
                let rows: Vec<FailedRowRow> = failed_rows::table
                    .filter(failed_rows::workspace_id.eq(workspace))
                    .filter(failed_rows::import_id.eq(DbId::from(id)))
                    .filter(failed_rows::line.gt(after))
                    .order(failed_rows::line)
                    .limit(i64::from(limit))
                    .select(FailedRowRow::as_select())
                    .load(conn)
                    .await?;
                rows.into_iter().map(FailedRowRow::into_row).collect()
            })
            .await
    }
}
