//! Rows that are tasks.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Importable, Made, Row};
use crate::access::Grant;
use crate::crm::Ports;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::journal::Event;
use crate::session::Kept as _;
use crate::store::Stored;
use crate::task::{Task, TaskEdit, TaskKind, TaskPriority, TaskStatus};
use crate::text;
use crate::time::Timestamp;
use crate::transfer::cells::Cells;
use crate::transfer::date;
use crate::transfer::links::{Linked, Links};
use crate::transfer::model::RowKey;
use crate::transfer::numbers;
use crate::transfer::references::References;

/// What a row says about a task besides its fields.
pub(in crate::transfer) struct Course {
    completed_at: Option<Timestamp>,
    /// The kinds of records that it names.
    names: Names,
}

#[async_trait]
impl Importable for Task {
    type Extra = Course;

    fn read(cells: Cells<'_>, links: &mut Links, faults: &mut Faults) -> (TaskEdit, Course) {
        let moment = |cell: &str| date::parse_moment(cell, cells.plan.date_format);
        // Others call a time a date; an export of ours has both, and then the day is what was said.
        let (due_date, due_at) = (cells.value("due_date", faults, moment), cells.value("due_at", faults, moment));
        let due = due_date.or(due_at);
        let minutes = cells.value("duration_minutes", faults, numbers::integer);
        let completed_at = cells.instant("completed_at", faults);
        let status = cells.value("status", faults, status).or(completed_at.map(|_| TaskStatus::Done));
        let edit = TaskEdit {
            title: cells.line("title"),
            description: cells.line("description"),
            kind: cells.value("kind", faults, kind).map_or(Edit::Keep, Edit::Set),
            priority: cells.value("priority", faults, priority).map_or(Edit::Keep, Edit::Set),
            status: status.map_or(Edit::Keep, Edit::Set),
            due_at: due.map_or(Edit::Keep, Edit::Set),
            duration_minutes: minutes.map_or(Edit::Keep, Edit::Set),
            reminder: cells.line("reminder"),
            recurrence: cells.line("recurrence"),
            external_id: cells.external_id(),
            custom: cells.custom(links, faults),
            zone: Some(cells.plan.zone),
            ..TaskEdit::default()
        };
        (edit, Course { completed_at, names: Names::of(links) })
    }

    fn row_keys(edit: &TaskEdit) -> Vec<RowKey> {
        edit.external_id.value().map(|id| RowKey::ExternalId(text::key(id))).into_iter().collect()
    }

    fn external_id(edit: &mut TaskEdit) -> &mut Edit<String> {
        &mut edit.external_id
    }

    fn keys(&self) -> Vec<RowKey> {
        self.external_id.as_deref().map(|id| RowKey::ExternalId(text::key(id))).into_iter().collect()
    }

    fn link(edit: &mut TaskEdit, linked: &Linked) {
        edit.assignee_id = linked.owner.clone();
        // The closest of the records that are there.
        match (&linked.deal, &linked.contact) {
            (Edit::Set(_), _) => edit.deal_id = linked.deal.clone(),
            (_, Edit::Set(_)) => edit.contact_id = linked.contact.clone(),
            _ => edit.company_id = linked.company.clone(),
        }
        edit.tags = linked.tags.clone();
    }

    fn make(id: Id<Self>, edit: TaskEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Made<Self>> {
        let mut record = Task::blank(id, row.created_at.unwrap_or(references.now()));
        settle(&mut record, edit, &row.extra, references)?;
        let events = Task::facts(None, &record);
        Ok(Made { record, events })
    }

    fn change(&mut self, edit: TaskEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Vec<Event>> {
        let before = self.clone();
        settle(self, edit, &row.extra, references)?;
        Ok(Task::facts(Some(&before), self))
    }

    async fn known(ports: &Ports, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Self>>>> {
        ports.tasks.known_tasks(grant, keys).await
    }

    async fn by_id(ports: &Ports, grant: &Grant, ids: Vec<Uuid>) -> Result<Vec<Stored<Self>>> {
        let ids: Vec<Id<Self>> = ids.into_iter().map(Id::from).collect();
        ports.tasks.tasks_by_id(grant, &ids).await
    }
}

/// Applies what a row says, the time of completion included.
fn settle(task: &mut Task, edit: TaskEdit, course: &Course, references: &mut References<'_>) -> Result<()> {
    task.edit(edit)?;
    if course.names.are_several() {
        references.warn("a task is about one record: the deal before the contact before the company");
    }
    match task.status {
        TaskStatus::Done => task.completed_at = course.completed_at.or(task.completed_at),
        TaskStatus::Open if course.completed_at.is_some() => {
            references.warn("completed_at: the times of tasks that are still open are left out");
        }
        TaskStatus::Open => {}
    }
    task.conclude(references.now());
    Ok(())
}

/// The kinds of records that a row names, of which a task is about one.
struct Names {
    deal: bool,
    contact: bool,
    company: bool,
}

impl Names {
    fn of(links: &Links) -> Self {
        let company = links.company.is_some() || links.company_id.is_some();
        Self { deal: links.deal_id.is_some(), contact: links.names_contact(), company }
    }

    fn are_several(&self) -> bool {
        [self.deal, self.contact, self.company].into_iter().filter(|is_named| *is_named).count() > 1
    }
}

/// A name as other programs write it, in our letters.
fn squashed(cell: &str) -> String {
    text::key(cell).replace([' ', '-', '_'], "")
}

/// What is to be done.
fn kind(cell: &str) -> Result<TaskKind> {
    match squashed(cell).as_str() {
        "todo" | "task" | "other" | "none" => Ok(TaskKind::ToDo),
        "call" | "phone" | "phonecall" => Ok(TaskKind::Call),
        "email" | "mail" => Ok(TaskKind::Email),
        "meeting" | "appointment" | "event" | "lunch" | "demo" => Ok(TaskKind::Meeting),
        "followup" | "deadline" => Ok(TaskKind::FollowUp),
        _ => Err(none_of(&TaskKind::NAMES)),
    }
}

/// How urgent it is.
fn priority(cell: &str) -> Result<TaskPriority> {
    match squashed(cell).as_str() {
        "low" => Ok(TaskPriority::Low),
        "normal" | "medium" | "none" => Ok(TaskPriority::Normal),
        "high" => Ok(TaskPriority::High),
        "urgent" | "highest" | "critical" => Ok(TaskPriority::Urgent),
        _ => Err(none_of(&TaskPriority::NAMES)),
    }
}

/// Whether it is done.
fn status(cell: &str) -> Result<TaskStatus> {
    match squashed(cell).as_str() {
        "done" | "completed" | "complete" | "closed" | "finished" | "yes" | "true" | "1" => Ok(TaskStatus::Done),
        "open"
        | "notstarted"
        | "inprogress"
        | "waiting"
        | "waitingonsomeoneelse"
        | "deferred"
        | "todo"
        | "planned"
        | "no"
        | "false"
        | "0" => Ok(TaskStatus::Open),
        _ => Err(none_of(&TaskStatus::NAMES)),
    }
}

fn none_of(names: &[&str]) -> Error {
    Error::invalid("", "unknown_choice", format!("is none of {}", names.join(", ")))
}
