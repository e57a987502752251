//! Rows that are deals, with the times at which they went through their stages.

use async_trait::async_trait;

use super::{Importable, Made, Row};
use crate::access::Grant;
use crate::crm::Ports;
use crate::deal::{Deal, DealEdit, DealEvent, DealStatus};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::journal::Event;
use crate::pipeline::Stage;
use crate::store::Stored;
use crate::text;
use crate::time::Timestamp;
use crate::transfer::cells::Cells;
use crate::transfer::links::{Linked, Links};
use crate::transfer::model::RowKey;
use crate::transfer::numbers;
use crate::transfer::references::References;

/// What a row says about a deal besides its fields.
pub(in crate::transfer) struct Course {
    stage: Option<String>,
    opened_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    /// The title of a new deal whose row has none.
    title: Option<String>,
}

#[async_trait]
impl Importable for Deal {
    type Edit = DealEdit;
    type Extra = Course;

    fn read(cells: Cells<'_>, links: &mut Links, faults: &mut Faults) -> (DealEdit, Course) {
        let currency = cells.value("currency", faults, |cell| cell.to_ascii_uppercase().parse());
        let value = cells.value("value", faults, |cell| numbers::amount(cell, currency, cells.plan.currency));
        let edit = DealEdit {
            title: cells.line("title"),
            value: value.map_or(Edit::Keep, Edit::Set),
            source: cells.line("source"),
            external_id: cells.line("external_id"),
            custom: cells.custom(links, faults),
            ..DealEdit::default()
        };
        let course = Course {
            stage: cells.text("stage").map(str::to_owned),
            opened_at: cells.instant("opened_at", faults),
            closed_at: cells.instant("closed_at", faults),
            title: default_title(cells),
        };
        (edit, course)
    }

    fn row_key(edit: &DealEdit) -> Option<RowKey> {
        edit.external_id.value().map(|id| RowKey::ExternalId(text::key(id)))
    }

    fn keys(&self) -> Vec<RowKey> {
        self.external_id.as_deref().map(|id| RowKey::ExternalId(text::key(id))).into_iter().collect()
    }

    fn link(edit: &mut DealEdit, linked: &Linked) {
        edit.owner_id = linked.owner.clone();
        edit.company_id = linked.company.clone();
        edit.contact_id = linked.contact.clone();
        edit.tags = linked.tags.clone();
    }

    fn make(id: Id<Self>, mut edit: DealEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Made<Self>> {
        let course = &row.extra;
        if edit.title.is_keep() {
            edit.title = course.title.clone().map_or(Edit::Keep, Edit::Set);
        }
        let (pipeline, stage) = references.stage(None, course.stage.as_deref())?;
        let created_at = row.created_at.or(course.opened_at).unwrap_or(references.now());
        let mut record = Deal::at_stage(id, pipeline, &stage, created_at);
        record.edit(edit)?;
        record.opened_at = course.opened_at;
        record.closed_at = course.closed_at.filter(|_| record.status != DealStatus::Open);
        record.stage_entered_at = record.closed_at.or(course.opened_at).unwrap_or(created_at);
        check_order(&record)?;
        if course.closed_at.is_some() && record.closed_at.is_none() {
            references.warn("closed_at: the dates of deals that are still open are left out");
        }
        let moved = DealEvent::Moved { from: None, to: stage.id, at: record.stage_entered_at };
        Ok(Made { record, events: vec![moved.into()] })
    }

    fn change(&mut self, edit: DealEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Vec<Event>> {
        let course = &row.extra;
        self.edit(edit)?;
        self.opened_at = course.opened_at.or(self.opened_at);
        let mut events = Vec::new();
        if course.stage.is_some() {
            let (_, stage) = references.stage(Some(self.pipeline_id), course.stage.as_deref())?;
            events.extend(follow(self, &stage, course.closed_at, references.now())?.map(Event::from));
        }
        if self.status != DealStatus::Open {
            self.closed_at = course.closed_at.or(self.closed_at);
        }
        check_order(self)?;
        Ok(events)
    }

    async fn known(ports: &Ports, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Self>>>> {
        ports.deals.known_deals(grant, keys).await
    }
}

/// Takes a deal to the stage that a row names: at the row's close where that closes it, else now.
fn follow(deal: &mut Deal, stage: &Stage, closed_at: Option<Timestamp>, now: Timestamp) -> Result<Option<DealEvent>> {
    let closes = DealStatus::from(stage.kind) != DealStatus::Open;
    let at = closed_at.filter(|_| closes).unwrap_or(now);
    deal.move_to(stage, at).map_err(|_| {
        let message = format!("lies before the deal got to its present stage at {}", deal.stage_entered_at);
        Error::invalid(if closes { "closed_at" } else { "stage" }, "out_of_order", message)
    })
}

/// Refuses a deal that closes before it opens.
fn check_order(deal: &Deal) -> Result<()> {
    match (deal.opened_at, deal.closed_at) {
        (Some(opened), Some(closed)) if closed < opened => {
            Err(Error::invalid("closed_at", "out_of_order", "lies before the deal was opened"))
        }
        _ => Ok(()),
    }
}

/// Company and product, as far as the row has them, else its id in the other system.
fn default_title(cells: Cells<'_>) -> Option<String> {
    let product = cells.text("product").or_else(|| cells.text("custom.product"));
    let parts: Vec<&str> = cells.text("company").into_iter().chain(product).collect();
    let title = if parts.is_empty() { cells.text("external_id")?.to_owned() } else { parts.join(" – ") };
    Some(title.chars().take(300).collect())
}
