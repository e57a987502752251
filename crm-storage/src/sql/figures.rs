//! What the store tells of itself.

use crm_core::Result;
use diesel::sql_types::BigInt;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store};

impl Store {
    /// Entries of the journal that wait for their seal, counted up to 10,000.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn unsealed_entries(&self) -> Result<u64> {
        let count: i64 = self
            .pools
            .key(async move |conn: &mut Conn| {
                let few = Fragment::new("SELECT COUNT(*) FROM (SELECT 1 AS one FROM journal_queue LIMIT 10000) AS few");
                Ok(Statement::<BigInt>::new(few.fixed()).get_result(conn).await?)
            })
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
