//! Records to which others refer that are not as a batch left them.

use std::collections::BTreeSet;

use crm_core::journal::Batch;
use crm_core::{Entity, Id, Result};
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store};
use crate::fault::Outcome;
use crate::types::{DbId, Guid};

/// Records that are looked up in one statement: what refers to all of them is looked at within the deadline.
const RECORDS: usize = 250;

/// The tables that refer to a kind of record, with their columns.
fn references(entity: Entity) -> &'static [(&'static str, &'static str)] {
    match entity {
        Entity::Contact => &[("notes", "contact_id"), ("tasks", "contact_id"), ("deals", "contact_id")],
        Entity::Company => {
            &[("notes", "company_id"), ("tasks", "company_id"), ("deals", "company_id"), ("contacts", "company_id")]
        }
        Entity::Deal => &[("notes", "deal_id"), ("tasks", "deal_id")],
        _ => &[],
    }
}

/// Those of some records to which one refers that is not deleted, and whose version is not of a batch.
pub(super) async fn referred(
    store: &Store,
    workspace: i64,
    batch: Id<Batch>,
    entity: Entity,
    ids: &[Uuid],
) -> Result<BTreeSet<Uuid>> {
    let mut found = BTreeSet::new();
    for some in ids.chunks(RECORDS) {
        let some: Vec<DbId> = some.iter().copied().map(DbId).collect();
        for reference in references(entity) {
            let referring = referring(workspace, batch, *reference, &some);
            let read = async move |conn: &mut Conn| -> Outcome<Vec<DbId>> {
                Ok(Statement::<Guid>::new(referring).load(conn).await?)
            };
            let referred = store.pools.read(read).await?;
            found.extend(referred.into_iter().map(|id| id.0));
        }
    }
    Ok(found)
}

fn referring(
    workspace: i64,
    batch: Id<Batch>,
    (table, column): (&'static str, &'static str),
    ids: &[DbId],
) -> Fragment {
    let from = Fragment::new("SELECT DISTINCT r.").sql(column).sql(" FROM ").sql(table).sql(" AS r");
    let from = from.sql(" WHERE r.workspace_id = ").bind(workspace).sql(" AND r.").sql(column).in_ids(ids);
    let from = from.sql(" AND r.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM journal AS j");
    let from = from.sql(
        " WHERE j.workspace_id = r.workspace_id AND j.record_id = r.id AND j.version = r.version AND j.batch_id = ",
    );
    from.bind(DbId::from(batch)).sql(")")
}
