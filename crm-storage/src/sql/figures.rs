//! What the store tells of itself.

use crm_core::Result;
use diesel::sql_types::BigInt;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store};
use crate::backlog::Backlog;

/// How many rows a source has, at most 10,000.
fn some(rows: &'static str) -> Fragment {
    Fragment::new("(SELECT COUNT(*) FROM (SELECT 1 AS one FROM ").sql(rows).sql(" LIMIT 10000) AS few)")
}

impl Store {
    /// What is still to do, in all workspaces.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn backlog(&self) -> Result<Backlog> {
        let counts = [some("journal_queue"), some("jobs WHERE state = 'queued'"), some("jobs WHERE state = 'running'")];
        let [entries, queued, running] = counts;
        let query = Fragment::new("SELECT ").then(entries).sql(", ").then(queued).sql(", ").then(running);
        let (entries, queued, running): (i64, i64, i64) = self
            .pools
            .key(async move |conn: &mut Conn| {
                Ok(Statement::<(BigInt, BigInt, BigInt)>::new(query.fixed()).get_result(conn).await?)
            })
            .await?;
        let number = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok(Backlog { unsealed_entries: number(entries), queued_jobs: number(queued), running_jobs: number(running) })
    }
}
