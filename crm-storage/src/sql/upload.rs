//! Files that jobs need, in pieces.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::job::{Upload, UploadStore};
use crm_core::{Error, Id, Result, Timestamp};
use diesel::prelude::*;

use super::{Conn, RunQueryDsl, Store};
use crate::schema::upload_pieces;
use crate::types::{DbId, DbTime};

#[derive(Insertable)]
#[diesel(table_name = upload_pieces)]
struct PieceRow {
    workspace_id: i64,
    upload_id: DbId,
    position: i32,
    at: DbTime,
    bytes: Vec<u8>,
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
        self.pools
            .write(async move |conn: &mut Conn| {
                diesel::delete(upload_pieces::table.filter(upload_pieces::at.le(DbTime(until)))).execute(conn).await?;
                Ok(())
            })
            .await
    }
}
