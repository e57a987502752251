//! Files that jobs need, in pieces.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::job::{Piece, Upload, UploadStore};
use crm_core::{Error, Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store};
use crate::fault::Outcome;
use crate::schema::upload_pieces;
use crate::types::{DbId, DbTime, Guid};

/// Files that are looked up at once to be forgotten.
const FILES: i64 = 1_000;
/// Pieces that are forgotten in one transaction, 16 MiB of them: other writers may wait for it.
const FORGOTTEN: usize = 64;

#[derive(Insertable)]
#[diesel(table_name = upload_pieces)]
struct PieceRow {
    workspace_id: i64,
    upload_id: DbId,
    position: i32,
    at: DbTime,
    bytes: Vec<u8>,
}

/// Keeps pieces of files.
pub(super) async fn insert_pieces(conn: &mut Conn, workspace_id: i64, pieces: &[&Piece], at: Timestamp) -> Outcome<()> {
    for piece in pieces {
        let position = i32::try_from(piece.index).map_err(Error::internal)?;
        let (upload_id, bytes) = (piece.upload_id.into(), piece.bytes.clone());
        let row = PieceRow { workspace_id, upload_id, position, at: at.into(), bytes };
        diesel::insert_into(upload_pieces::table).values(row).execute(conn).await?;
    }
    Ok(())
}

#[async_trait]
impl UploadStore for Store {
    async fn keep_piece(
        &self,
        grant: &Grant,
        id: Id<Upload>,
        index: u32,
        bytes: Vec<u8>,
        now: Timestamp,
    ) -> Result<()> {
        let workspace_id = self.workspace_key(grant.workspace_id()).await?;
        let position = i32::try_from(index).map_err(Error::internal)?;
        let row = PieceRow { workspace_id, upload_id: id.into(), position, at: now.into(), bytes };
        self.pools
            .write(async move |conn: &mut Conn| {
                diesel::insert_into(upload_pieces::table).values(row).execute(conn).await?;
                Ok(())
            })
            .await
    }

    async fn count_pieces(&self, grant: &Grant) -> Result<u64> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let counted: i64 = self
            .pools
            .read(async move |conn: &mut Conn| {
                let own = upload_pieces::table.filter(upload_pieces::workspace_id.eq(workspace));
                Ok(own.count().get_result(conn).await?)
            })
            .await?;
        u64::try_from(counted).map_err(Error::internal)
    }

    async fn piece(&self, grant: &Grant, id: Id<Upload>, index: u32) -> Result<Option<Vec<u8>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let position = i32::try_from(index).map_err(Error::internal)?;
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = upload_pieces::table
                    .filter(upload_pieces::workspace_id.eq(workspace))
                    .filter(upload_pieces::upload_id.eq(DbId::from(id)))
                    .filter(upload_pieces::position.eq(position));
                Ok(found.select(upload_pieces::bytes).get_result(conn).await.optional()?)
            })
            .await
    }

    async fn forget_upload(&self, grant: &Grant, id: Id<Upload>) -> Result<()> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .write(async move |conn: &mut Conn| {
                let own = upload_pieces::table.filter(upload_pieces::workspace_id.eq(workspace));
                diesel::delete(own.filter(upload_pieces::upload_id.eq(DbId::from(id)))).execute(conn).await?;
                Ok(())
            })
            .await
    }

    async fn forget_uploads(&self, until: Timestamp) -> Result<()> {
        loop {
            let read = async move |conn: &mut Conn| -> Outcome<Vec<File>> {
                Ok(Statement::<(BigInt, Guid)>::new(old_files(until)).load(conn).await?)
            };
            let files = self.pools.read(read).await?;
            if files.is_empty() {
                return Ok(());
            }
            for file in files {
                let mut forgotten = FORGOTTEN;
                while forgotten == FORGOTTEN {
                    let forget = async move |conn: &mut Conn| -> Outcome<usize> {
                        Ok(Statement::<()>::new(first_pieces(file, until)).execute(conn).await?)
                    };
                    forgotten = self.pools.write(forget).await?;
                }
            }
        }
    }
}

/// A workspace and a file of it.
type File = (i64, DbId);

/// Files of which nothing came after an instant. They are told from the files that have an old piece, once for
/// each: as long as pieces of a file come, its first ones are kept too.
fn old_files(until: Timestamp) -> Fragment {
    let old = Fragment::new("SELECT old.workspace_id, old.upload_id FROM (SELECT DISTINCT workspace_id, upload_id");
    let old = old.sql(" FROM upload_pieces WHERE at <= ").bind(DbTime(until));
    let old = old.sql(") AS old WHERE NOT EXISTS (SELECT 1 FROM upload_pieces AS later");
    let old = old.sql(" WHERE later.workspace_id = old.workspace_id AND later.upload_id = old.upload_id");
    old.sql(" AND later.at > ").bind(DbTime(until)).sql(") LIMIT ").bind(FILES)
}

/// The deletion of the first pieces of a file, unless another one has come: whoever would go on with a file of
/// which some are gone looks for the first of them.
fn first_pieces((workspace_id, upload_id): File, until: Timestamp) -> Fragment {
    let own = |sql: &'static str| {
        let own = Fragment::new(sql).sql(" WHERE workspace_id = ").bind(workspace_id);
        own.sql(" AND upload_id = ").bind(upload_id)
    };
    let most = i64::try_from(FORGOTTEN).unwrap_or(i64::MAX);
    let first = own("SELECT position FROM upload_pieces").sql(" ORDER BY position LIMIT ").bind(most);
    let later = own("SELECT 1 FROM upload_pieces").sql(" AND at > ").bind(DbTime(until));
    let old = own("DELETE FROM upload_pieces").sql(" AND position IN (").then(first);
    old.sql(") AND NOT EXISTS (").then(later).sql(")")
}
