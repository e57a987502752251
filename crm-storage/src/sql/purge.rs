//! Erasing a record with everything that hangs below it.

use crm_core::Entity;
use crm_core::activity::Note;
use crm_core::company::Company;
use crm_core::contact::Contact;
use crm_core::deal::Deal;
use crm_core::task::Task;
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::room::{Room, place};
use super::{Conn, RunQueryDsl, columns, custom_field, dialect, history, import, journal, tag};
use crate::fault::Outcome;
use crate::types::{DbId, Guid};

/// Erases a record, its words, tags, values and fingerprints, the notes and tasks on it, and what
/// points to it. Whoever pointed to it keeps their version: nobody changed them.
pub(super) async fn record(conn: &mut Conn, workspace: i64, entity: Entity, id: Uuid) -> Outcome<()> {
    match entity {
        Entity::Contact => {
            hanging_on(conn, workspace, "contact_id", id).await?;
            unlink(conn, workspace, "deals", "contact_id", id).await?;
            row::<Contact>(conn, workspace, id).await
        }
        Entity::Company => {
            hanging_on(conn, workspace, "company_id", id).await?;
            unlink(conn, workspace, "deals", "company_id", id).await?;
            unlink(conn, workspace, "contacts", "company_id", id).await?;
            row::<Company>(conn, workspace, id).await
        }
        Entity::Deal => {
            hanging_on(conn, workspace, "deal_id", id).await?;
            history::forget(conn, workspace, id).await?;
            row::<Deal>(conn, workspace, id).await
        }
        Entity::Task => row::<Task>(conn, workspace, id).await,
        Entity::Note => row::<Note>(conn, workspace, id).await,
        // Other kinds are never purged.
        _ => Ok(()),
    }
}

/// Holds records that are about to be erased against everybody who is about to point to them. A
/// share of the row, as relying on it takes, would let a note in that the erasure does not see.
pub(super) async fn lock(conn: &mut Conn, workspace: i64, purged: &[(Entity, Uuid)]) -> Outcome<()> {
    let mut purged = purged.to_vec();
    purged.sort_unstable();
    for (entity, id) in purged {
        let Some(table) = columns::table(entity) else { continue };
        let select = Fragment::new("SELECT id FROM ").sql(table).sql(" WHERE workspace_id = ").bind(workspace);
        let select = select.sql(" AND id = ").bind(DbId(id)).sql(dialect::FOR_UPDATE);
        let _held: Vec<DbId> = Statement::<Guid>::new(select).load(conn).await?;
    }
    Ok(())
}

async fn row<T: Room>(conn: &mut Conn, workspace: i64, id: Uuid) -> Outcome<()> {
    let Some(record) = T::find(conn, workspace, DbId(id)).await? else { return Ok(()) };
    let tags = record.tags().iter().map(|tag| (crm_core::text::key(tag), DbId(id))).collect();
    tag::remove(conn, workspace, T::ENTITY, tags).await?;
    custom_field::forget(conn, workspace, &[DbId(id)]).await?;
    import::forget(conn, workspace, id).await?;
    dialect::forget(conn, workspace, T::ENTITY, T::TABLE, &[id]).await?;
    let delete = Fragment::new("DELETE FROM ").sql(T::TABLE).sql(" WHERE workspace_id = ").bind(workspace);
    Statement::<()>::new(delete.sql(" AND id = ").bind(DbId(id))).execute(conn).await?;
    Ok(())
}

/// Erases the notes and tasks that hang on a record.
async fn hanging_on(conn: &mut Conn, workspace: i64, column: &'static str, id: Uuid) -> Outcome<()> {
    rows_on::<Note>(conn, workspace, column, id).await?;
    rows_on::<Task>(conn, workspace, column, id).await
}

async fn rows_on<T: Room>(conn: &mut Conn, workspace: i64, column: &'static str, id: Uuid) -> Outcome<()> {
    let place = place::<T>(workspace);
    let which = place.column("workspace_id").sql(" = ").bind(workspace).sql(" AND ").then(place.column(column));
    let found = T::select(conn, which.sql(" = ").bind(DbId(id)), place.column("id"), i64::MAX).await?;
    for record in found {
        row::<T>(conn, workspace, record.uuid()).await?;
        // A task may have been about something else before.
        journal::erase(conn, workspace, T::ENTITY, record.uuid()).await?;
    }
    Ok(())
}

async fn unlink(conn: &mut Conn, workspace: i64, table: &'static str, column: &'static str, id: Uuid) -> Outcome<()> {
    let update = Fragment::new("UPDATE ").sql(table).sql(" SET ").sql(column).sql(" = NULL WHERE workspace_id = ");
    let update = update.bind(workspace).sql(" AND ").sql(column).sql(" = ").bind(DbId(id));
    Statement::<()>::new(update).execute(conn).await?;
    Ok(())
}
