//! Files that jobs need, in pieces.

use std::collections::HashSet;

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::job::{Piece, Upload, UploadStore};
use crm_core::{Error, Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store};
use crate::fault::Outcome;
use crate::schema::upload_pieces;
use crate::types::{DbId, DbTime, Guid};

/// Files that are looked up at once to be forgotten.
const FILES: i64 = 1_000;
/// Pieces that are forgotten in one transaction, 16 MiB of them: other writers may wait for it.
const FORGOTTEN: usize = 64;
/// Jobs among which names of files are looked for at once.
const JOBS: i64 = 1_000;
/// What stands before the name of a file in what a job has to do, whatever the job's kind.
const NAMED: &str = "\"upload_id\":\"";
/// The length of such a name.
const NAME_BYTES: usize = 36;

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

    async fn keep_upload(&self, grant: &Grant, id: Id<Upload>, now: Timestamp) -> Result<()> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .write(async move |conn: &mut Conn| {
                let first = upload_pieces::table
                    .filter(upload_pieces::workspace_id.eq(workspace))
                    .filter(upload_pieces::upload_id.eq(DbId::from(id)))
                    .filter(upload_pieces::position.eq(0_i32));
                diesel::update(first).set(upload_pieces::at.eq(DbTime(now))).execute(conn).await?;
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
        let mut after = None;
        loop {
            let files = self.silent_files(until, after).await?;
            let Some(last) = files.last() else { return Ok(()) };
            after = Some(*last);
            for file in files {
                self.forget_silent(file, until).await?;
            }
        }
    }

    async fn forget_unnamed_uploads(&self, until: Timestamp) -> Result<()> {
        let (mut after, mut faults) = (None, Vec::new());
        loop {
            let files = self.silent_files(until, after).await?;
            let Some(last) = files.last() else { return faults.into_iter().next().map_or(Ok(()), Err) };
            after = Some(*last);
            // What fails in one workspace keeps no other from it; the first fault is told.
            for own in files.chunk_by(|(one, _), (next, _)| one == next) {
                faults.extend(self.forget_unnamed(own, until).await.err());
            }
        }
    }
}

impl Store {
    /// Forgets those files of one workspace that no job names.
    async fn forget_unnamed(&self, files: &[File], until: Timestamp) -> Result<()> {
        let Some((workspace, _)) = files.first() else { return Ok(()) };
        let named = self.named_files(*workspace).await?;
        for file in files.iter().filter(|(_, id)| !named.contains(id)) {
            self.forget_silent(*file, until).await?;
        }
        Ok(())
    }

    /// Some files of which nothing came after an instant, by workspace and id.
    async fn silent_files(&self, until: Timestamp, after: Option<File>) -> Result<Vec<File>> {
        let read = async move |conn: &mut Conn| -> Outcome<Vec<File>> {
            Ok(Statement::<(BigInt, Guid)>::new(old_files(until, after)).load(conn).await?)
        };
        self.pools.read(read).await
    }

    /// Forgets a file, some pieces a transaction, unless another one comes.
    async fn forget_silent(&self, file: File, until: Timestamp) -> Result<()> {
        let mut forgotten = FORGOTTEN;
        while forgotten == FORGOTTEN {
            let forget = async move |conn: &mut Conn| -> Outcome<usize> {
                Ok(Statement::<()>::new(first_pieces(file, until)).execute(conn).await?)
            };
            forgotten = self.pools.write(forget).await?;
        }
        Ok(())
    }

    /// The files that jobs of a workspace name. What is written meanwhile names none that is silent: the file of a
    /// job that begins was kept anew before, and a job that writes a file writes its pieces too.
    async fn named_files(&self, workspace: i64) -> Result<HashSet<DbId>> {
        let (mut named, mut after) = (HashSet::new(), None);
        loop {
            let read = async move |conn: &mut Conn| -> Outcome<(Option<DbId>, Vec<String>)> {
                let last: Vec<DbId> = Statement::<Guid>::new(last_of_jobs(workspace, after)).load(conn).await?;
                let last = last.into_iter().next();
                let naming = naming_jobs(workspace, after, last);
                Ok((last, Statement::<Text>::new(naming).load(conn).await?))
            };
            let (last, tasks) = self.pools.read(read).await?;
            named.extend(tasks.iter().flat_map(|task| names(task)));
            if last.is_none() {
                return Ok(named);
            }
            after = last;
        }
    }
}

/// A workspace and a file of it.
type File = (i64, DbId);

/// The files that are named in what a job has to do, as text: of kinds that this version does not know, too.
fn names(task: &str) -> impl Iterator<Item = DbId> {
    let named = task.split(NAMED).skip(1);
    named.filter_map(|rest| Uuid::try_parse(rest.get(..NAME_BYTES)?).ok()).map(DbId)
}

/// Jobs of a workspace after one of them.
fn later_jobs(sql: &'static str, workspace: i64, after: Option<DbId>) -> Fragment {
    let own = Fragment::new(sql).sql(" FROM jobs WHERE workspace_id = ").bind(workspace);
    match after {
        Some(after) => own.sql(" AND id > ").bind(after),
        None => own,
    }
}

/// The last one of the next jobs; none where there are fewer.
fn last_of_jobs(workspace: i64, after: Option<DbId>) -> Fragment {
    later_jobs("SELECT id", workspace, after).sql(" ORDER BY id LIMIT 1 OFFSET ").bind(JOBS - 1)
}

/// What those jobs have to do that name a file, up to the last one.
fn naming_jobs(workspace: i64, after: Option<DbId>, last: Option<DbId>) -> Fragment {
    let later = later_jobs("SELECT data", workspace, after);
    let some = match last {
        Some(last) => later.sql(" AND id <= ").bind(last),
        None => later,
    };
    some.sql(r#" AND data LIKE '%"upload_id":"%'"#)
}

/// Files of which nothing came after an instant. They are told from the files that have an old piece, once for
/// each: as long as pieces of a file come, its first ones are kept too.
fn old_files(until: Timestamp, after: Option<File>) -> Fragment {
    let old = Fragment::new("SELECT old.workspace_id, old.upload_id FROM (SELECT DISTINCT workspace_id, upload_id");
    let old = old.sql(" FROM upload_pieces WHERE at <= ").bind(DbTime(until));
    let old = match after {
        Some((workspace, id)) => {
            old.sql(" AND (workspace_id, upload_id) > (").bind(workspace).sql(", ").bind(id).sql(")")
        }
        None => old,
    };
    let old = old.sql(") AS old WHERE NOT EXISTS (SELECT 1 FROM upload_pieces AS later");
    let old = old.sql(" WHERE later.workspace_id = old.workspace_id AND later.upload_id = old.upload_id");
    let old = old.sql(" AND later.at > ").bind(DbTime(until)).sql(")");
    old.sql(" ORDER BY old.workspace_id, old.upload_id LIMIT ").bind(FILES)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_jobs_of_whatever_kind() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let task = format!(r#"{{"kind":"later","upload_id":"{one}","beside":{{"upload_id":"{two}"}},"upload_id":"#);
        assert!(names(&task).eq([DbId(one), DbId(two)]));
        for none in ["", "[7]", r#"{"upload_id":null}"#, r#"{"upload_id":"short"}"#] {
            assert_eq!(names(none).count(), 0, "{none}");
        }
    }
}
