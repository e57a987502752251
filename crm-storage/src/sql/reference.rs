//! Which field of a refused commit points to nothing.
//!
//! A database says that some reference dangles, SQLite not even which. Only after such a refusal
//! are the commit's references looked up one by one.

use std::collections::BTreeSet;

use crm_core::store::{Record as _, Sealed, Write};
use crm_core::{Entity, Error, Id, Result};
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store, columns};
use crate::fault::Outcome;
use crate::types::{DbId, Guid};

/// A field, and the row that it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reference {
    field: &'static str,
    entity: Entity,
    id: Uuid,
}

/// Whether an error is that of a dangling reference.
pub(super) fn is_dangling(error: &Error) -> bool {
    error.fields().iter().any(|field| field.field == "reference")
}

fn to<E>(field: &'static str, entity: Entity, id: Option<Id<E>>) -> Option<Reference> {
    id.map(|id| Reference { field, entity, id: id.uuid() })
}

/// What a write points to.
fn references(write: &Write) -> Vec<Reference> {
    let found: Vec<Option<Reference>> = match write {
        Write::Team(put) => put.after.members.iter().map(|id| to("members", Entity::User, Some(*id))).collect(),
        Write::Contact(put) => vec![
            to("company_id", Entity::Company, put.after.company_id),
            to("owner_id", Entity::User, put.after.owner_id),
        ],
        Write::Company(put) => vec![to("owner_id", Entity::User, put.after.owner_id)],
        Write::Deal(put) => vec![
            to("contact_id", Entity::Contact, put.after.contact_id),
            to("company_id", Entity::Company, put.after.company_id),
            to("owner_id", Entity::User, put.after.owner_id),
            to("pipeline_id", Entity::Pipeline, Some(put.after.pipeline_id)),
        ],
        Write::Note(put) => vec![
            to("contact_id", Entity::Contact, put.after.contact_id),
            to("company_id", Entity::Company, put.after.company_id),
            to("deal_id", Entity::Deal, put.after.deal_id),
            to("author_id", Entity::User, put.after.author_id),
        ],
        Write::Task(put) => vec![
            to("contact_id", Entity::Contact, put.after.contact_id),
            to("company_id", Entity::Company, put.after.company_id),
            to("deal_id", Entity::Deal, put.after.deal_id),
            to("assignee_id", Entity::User, put.after.assignee_id),
            to("created_by", Entity::User, put.after.created_by),
        ],
        Write::Import(put) => vec![to("created_by", Entity::User, put.after.created_by)],
        Write::Job(put) => vec![to("created_by", Entity::User, put.after.created_by)],
        Write::FailedRows(rows) => {
            rows.iter().map(|row| to("import_id", Entity::Import, Some(row.import_id))).collect()
        }
        Write::Workspace(_)
        | Write::User(_)
        | Write::Pipeline(_)
        | Write::Tag(_)
        | Write::CustomField(_)
        | Write::ExchangeRate(_)
        | Write::WebhookEndpoint(_)
        | Write::WebhookSecret(_)
        | Write::Deliveries(_)
        | Write::DeliveryTurn(_)
        | Write::CursorMove(_)
        | Write::MailTemplate(_)
        | Write::MailQueued(_)
        | Write::Suppression(_)
        | Write::QueuePause(_)
        | Write::Fingerprints(_)
        | Write::Pieces(_)
        | Write::Account(_)
        | Write::SignInsEnded(_) => Vec::new(),
    };
    found.into_iter().flatten().collect()
}

/// The row that a write makes or changes.
fn written(write: &Write) -> Option<(Entity, Uuid)> {
    Some(match write {
        Write::User(put) => (Entity::User, put.after.uuid()),
        Write::Contact(put) => (Entity::Contact, put.after.uuid()),
        Write::Company(put) => (Entity::Company, put.after.uuid()),
        Write::Deal(put) => (Entity::Deal, put.after.uuid()),
        Write::Pipeline(put) => (Entity::Pipeline, put.after.uuid()),
        Write::Import(put) => (Entity::Import, put.after.uuid()),
        _ => return None,
    })
}

impl Store {
    /// The error that names the first reference of a commit that points to nothing.
    pub(super) async fn dangling(&self, workspace: i64, sealed: &Sealed) -> Result<Option<Error>> {
        let own: BTreeSet<(Entity, Uuid)> = sealed.writes().iter().filter_map(written).collect();
        let all = sealed.writes().iter().flat_map(references);
        let mut asked: Vec<Reference> = all.filter(|to| !own.contains(&(to.entity, to.id))).collect();
        asked.sort_unstable();
        asked.dedup();
        let missing = self.pools.read(async move |conn: &mut Conn| first_missing(conn, workspace, asked).await).await?;
        let of_a_deal = || sealed.writes().iter().any(|write| matches!(write, Write::Deal(_)));
        let was_held = |missing: &Reference| {
            let loaded = sealed.writes().iter().filter_map(Write::loaded);
            loaded.flat_map(|write| references(&write)).any(|held| held == *missing)
        };
        Ok(match missing {
            // Erased since the record was read, which is no fault of whoever changed something else.
            Some(missing) if was_held(&missing) => {
                let message = format!("{} {} was erased meanwhile", missing.entity, missing.id);
                Some(Error::conflict(message).with_code("stale_version"))
            }
            Some(Reference { field, entity, id }) => {
                Some(Error::invalid(field, "not_found", format!("{entity} {id} not found")))
            }
            // Every row is there: the stage is one of another pipeline.
            None if of_a_deal() => Some(Error::invalid("stage_id", "stage", "is not a stage of the deal's pipeline")),
            None => None,
        })
    }
}

async fn first_missing(conn: &mut Conn, workspace: i64, asked: Vec<Reference>) -> Outcome<Option<Reference>> {
    for entity in Entity::ALL {
        let Some(table) = columns::table(entity) else { continue };
        let own: Vec<&Reference> = asked.iter().filter(|to| to.entity == entity).collect();
        if own.is_empty() {
            continue;
        }
        let ids: Vec<DbId> = own.iter().map(|to| DbId(to.id)).collect();
        let select = Fragment::new("SELECT id FROM ").sql(table).sql(" WHERE workspace_id = ").bind(workspace);
        let held: Vec<DbId> = Statement::<Guid>::new(select.sql(" AND id").in_ids(&ids)).load(conn).await?;
        let held: BTreeSet<DbId> = held.into_iter().collect();
        if let Some(missing) = own.into_iter().find(|to| !held.contains(&DbId(to.id))) {
            return Ok(Some(*missing));
        }
    }
    Ok(None)
}
