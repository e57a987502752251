//! What can be asked of tasks.

use std::sync::LazyLock;

use super::kind::{TaskKind, TaskPriority, TaskStatus};
use super::model::Task;
use super::recurrence::Recurrence;
use crate::access::record::{id_fact, tags_fact, text_fact};
use crate::access::{Entity, Listed, SearchPart};
use crate::custom_field::CustomValues;
use crate::filter::{Catalogue, Field, FieldValue, Relation};

/// The field that says until when a task is due.
pub(super) const DUE_AT: Field = Field::time("due_at").sortable().importable();
/// The field that says that a task is due on a whole day.
pub(super) const DUE_DATE: Field = Field::date("due_date").importable();
/// The field that says whether a task is done.
pub(super) const STATUS: Field = Field::choice("status", &TaskStatus::NAMES).sortable().importable().not_null();
/// The field that says when somebody is reminded of a task.
pub(super) const REMINDER: Field = Field::text("reminder").importable();
/// The field that says whose a task is.
pub(super) const ASSIGNEE: Field = Field::reference("assignee_id", Entity::User);

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    entity: Entity::Task,
    fields: vec![
        Field::text("title").sortable().importable().not_null(),
        Field::text("description").importable().hideable(),
        Field::choice("kind", &TaskKind::NAMES).importable().not_null(),
        Field::choice("priority", &TaskPriority::NAMES).importable().not_null(),
        STATUS,
        DUE_AT,
        DUE_DATE,
        Field::integer("duration_minutes").importable(),
        REMINDER,
        Field::text("recurrence").importable(),
        Field::time("completed_at").sortable().importable(),
        Field::reference("contact_id", Entity::Contact),
        Field::reference("company_id", Entity::Company),
        Field::reference("deal_id", Entity::Deal),
        ASSIGNEE,
        Field::reference("created_by", Entity::User),
        Field::text("external_id").importable(),
        Field::tags("tags").importable(),
        Field::time("created_at").sortable().importable().not_null(),
        Field::time("updated_at").sortable().not_null(),
    ],
    relations: vec![
        Relation { key: "contact", entity: Entity::Contact },
        Relation { key: "company", entity: Entity::Company },
        Relation { key: "deal", entity: Entity::Deal },
        Relation { key: "assignee", entity: Entity::User },
    ],
});

/// The catalogue of tasks, without custom fields.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

impl Listed for Task {
    fn catalogue() -> &'static Catalogue {
        &CATALOGUE
    }

    fn fact(&self, key: &str) -> FieldValue<'_> {
        match key {
            "title" => FieldValue::Text(self.title.as_str().into()),
            "description" => text_fact(self.description.as_deref()),
            "kind" => FieldValue::Text(self.kind.name().into()),
            "priority" => FieldValue::Text(self.priority.name().into()),
            "status" => FieldValue::Text(self.status.name().into()),
            "due_at" => self.due_at.map_or(FieldValue::Null, FieldValue::Time),
            "due_date" => self.due_date.map_or(FieldValue::Null, FieldValue::Date),
            "duration_minutes" => self.duration_minutes.map_or(FieldValue::Null, FieldValue::Integer),
            "reminder" => {
                self.reminder.map_or(FieldValue::Null, |reminder| FieldValue::Text(reminder.to_string().into()))
            }
            "recurrence" => text_fact(self.recurrence.as_ref().map(Recurrence::as_str)),
            "completed_at" => self.completed_at.map_or(FieldValue::Null, FieldValue::Time),
            "contact_id" => id_fact(self.contact_id),
            "company_id" => id_fact(self.company_id),
            "deal_id" => id_fact(self.deal_id),
            "assignee_id" => id_fact(self.assignee_id),
            "created_by" => id_fact(self.created_by),
            "external_id" => text_fact(self.external_id.as_deref()),
            "tags" => tags_fact(&self.tags),
            "created_at" => FieldValue::Time(self.created_at),
            "updated_at" => FieldValue::Time(self.updated_at),
            _ => FieldValue::Null,
        }
    }

    fn custom_values(&self) -> Option<&CustomValues> {
        Some(&self.custom)
    }

    fn search_text(&self, part: SearchPart) -> String {
        match part {
            SearchPart::Open => self.title.clone(),
            SearchPart::Hideable => self.description.clone().unwrap_or_default(),
        }
    }
}
