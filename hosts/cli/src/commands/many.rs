//! `slackcrm contacts bulk`, `bulk-create`, `bulk-update` and their like.

use crm_core::bulk::{BulkAnswer, BulkChange, BulkEdit, BulkMode, BulkReport, BulkStatus, Selection};
use crm_core::{Crm, Entity, Error, Expect, Id, Session};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::record::taken;
use super::{input, jobs};
use crate::args::{Bulk, BulkCreate, BulkUpdate, Changed, Chosen, Output};
use crate::failure::Failure;
use crate::print::Sheet;

/// Does the same to many records.
pub(crate) async fn bulk(
    crm: &Crm,
    session: &Session,
    entity: Entity,
    typed: &Bulk,
    output: Output,
) -> Result<(), Failure> {
    let mode = typed.partial.then_some(BulkMode::Partial);
    let (records, change) = (&typed.records, &typed.change);
    let answer = match entity {
        Entity::Contact => session.contacts().change_many(records.selection(), change.read()?, mode).await?,
        Entity::Company => session.companies().change_many(records.selection(), change.read()?, mode).await?,
        Entity::Task => session.tasks().change_many(records.selection(), change.read()?, mode).await?,
        _ => session.deals().change_many(records.selection(), change.read()?, mode).await?,
    };
    let report = match answer {
        BulkAnswer::Done(report) => report,
        BulkAnswer::Queued(job) => {
            let job = jobs::done(crm, session, *job).await?;
            serde_json::from_value(job.result.clone().unwrap_or_default()).map_err(Error::internal)?
        }
    };
    print(&report, output)
}

/// Makes many records.
pub(crate) async fn create(
    session: &Session,
    entity: Entity,
    typed: &BulkCreate,
    output: Output,
) -> Result<(), Failure> {
    let (items, mode) = (items(&typed.json)?, mode(typed.partial));
    let report = match entity {
        Entity::Contact => session.contacts().create_many(read_each(items), mode).await?,
        Entity::Company => session.companies().create_many(read_each(items), mode).await?,
        Entity::Task => session.tasks().create_many(read_each(items), mode).await?,
        _ => return Err(Failure::new("deals are not made in bulk").hint("make each of them, or import a file")),
    };
    print(&report, output)
}

/// Changes many records, each in its own way.
pub(crate) async fn update(
    session: &Session,
    entity: Entity,
    typed: &BulkUpdate,
    output: Output,
) -> Result<(), Failure> {
    let (items, mode) = (items(&typed.json)?, mode(typed.partial));
    let report = match entity {
        Entity::Contact => session.contacts().update_many(edit_each(items), mode).await?,
        Entity::Company => session.companies().update_many(edit_each(items), mode).await?,
        Entity::Task => session.tasks().update_many(edit_each(items), mode).await?,
        _ => session.deals().update_many(edit_each(items), mode).await?,
    };
    print(&report, output)
}

/// The items of a list that was typed, or that standard input holds.
fn items(json: &str) -> Result<Vec<Value>, Failure> {
    serde_json::from_str(&input::text(json)?).map_err(|error| Failure::new(format!("--json: is no JSON list: {error}")))
}

fn mode(is_partial: bool) -> BulkMode {
    if is_partial { BulkMode::Partial } else { BulkMode::Atomic }
}

/// The records, those that could not be read as their errors.
fn read_each<E: DeserializeOwned>(items: Vec<Value>) -> Vec<crm_core::Result<E>> {
    items.into_iter().map(|item| serde_json::from_value(item).map_err(unreadable)).collect()
}

/// As [`read_each`], of changes.
fn edit_each<T, E: DeserializeOwned>(items: Vec<Value>) -> Vec<crm_core::Result<BulkEdit<T, E>>> {
    items.into_iter().map(|item| read_edit(item).map_err(unreadable)).collect()
}

/// What says which record a change is about.
#[derive(Deserialize)]
struct Named {
    id: uuid::Uuid,
    #[serde(default)]
    version: Option<i64>,
}

fn read_edit<T, E: DeserializeOwned>(item: Value) -> serde_json::Result<BulkEdit<T, E>> {
    let mut fields: Map<String, Value> = serde_json::from_value(item)?;
    let Named { id, version } = serde_json::from_value(taken(&mut fields, &["id", "version"]).into())?;
    let expect = version.map_or(Expect::Any, Expect::Version);
    Ok(BulkEdit { id: id.into(), expect, edit: serde_json::from_value(fields.into())? })
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::invalid("", "value", error.to_string())
}

impl Chosen {
    fn selection<T>(&self) -> Selection<T> {
        match &self.filter {
            Some(filter) => Selection::Filter(filter.clone()),
            None => Selection::Ids(self.ids.iter().copied().map(Id::from).collect()),
        }
    }
}

impl Changed {
    fn read<E: DeserializeOwned>(&self) -> Result<BulkChange<E>, Failure> {
        if let Some(json) = &self.set {
            let edit =
                serde_json::from_str(json).map_err(|error| Error::invalid("--set", "value", error.to_string()))?;
            return Ok(BulkChange::Edit(edit));
        }
        if self.delete {
            return Ok(BulkChange::Delete);
        }
        if self.nobody || self.owner.is_some() {
            return Ok(BulkChange::Assign(self.owner.map(Id::from)));
        }
        Ok(BulkChange::Tag { add: self.tag.clone(), remove: self.untag.clone() })
    }
}

/// Says what became of the records; those at fault each with its reason.
fn print(report: &BulkReport, output: Output) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["Id", "Status", "Reason"]);
    let told = report.results.iter().filter(|result| output != Output::Table || result.status == BulkStatus::Failed);
    for result in told {
        let reason = result.error.as_ref().map(|error| error.detail.clone()).unwrap_or_default();
        let status = serde_json::to_value(result.status).map_err(Error::internal)?;
        sheet.row(vec![
            result.id.map(|id| id.to_string()).unwrap_or_default(),
            status.as_str().unwrap_or_default().to_owned(),
            reason,
        ]);
    }
    if output != Output::Table || report.failed > 0 {
        sheet.print(output, report)?;
    }
    if output == Output::Table {
        println!("{} done, {} at fault", report.succeeded, report.failed);
    }
    Ok(())
}
