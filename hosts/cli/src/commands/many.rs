//! `slackcrm contacts bulk`, `bulk-create` and their like.

use crm_core::bulk::{BulkAnswer, BulkChange, BulkMode, BulkReport, BulkStatus, Selection};
use crm_core::{Crm, Entity, Error, Id, Session};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{input, jobs};
use crate::args::{Bulk, BulkCreate, Changed, Chosen, Output};
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
    let items: Vec<Value> = serde_json::from_str(&input::text(&typed.json)?)
        .map_err(|error| Failure::new(format!("--json: is no JSON list: {error}")))?;
    let mode = if typed.partial { BulkMode::Partial } else { BulkMode::Atomic };
    let report = match entity {
        Entity::Contact => session.contacts().create_many(read_each(items), mode).await?,
        Entity::Company => session.companies().create_many(read_each(items), mode).await?,
        Entity::Task => session.tasks().create_many(read_each(items), mode).await?,
        _ => return Err(Failure::new("deals are not made in bulk").hint("make each of them, or import a file")),
    };
    print(&report, output)
}

/// The records, those that could not be read as their errors.
fn read_each<E: DeserializeOwned>(items: Vec<Value>) -> Vec<crm_core::Result<E>> {
    let read = |item| serde_json::from_value(item).map_err(|error| Error::invalid("", "value", error.to_string()));
    items.into_iter().map(read).collect()
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
