//! What a caller sets of a task.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::kind::{TaskKind, TaskPriority, TaskStatus};
use crate::access::{Entity, FieldMask};
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::CustomValues;
use crate::deal::Deal;
use crate::edit::{Edit, RecordEdit};
use crate::id::Id;
use crate::moment::Moment;
use crate::time::{Zone, deserialize_day_edit};
use crate::user::User;

/// What a caller sets: the fields of a new task, or a change of some.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskEdit {
    /// What is to be done, at most 300 characters.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 300))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub title: Edit<String>,
    /// What else there is to say, at most 5,000 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 5_000))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub description: Edit<String>,
    /// Its kind; `to_do` where nobody says.
    #[cfg_attr(feature = "schema", schema(value_type = Option<TaskKind>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub kind: Edit<TaskKind>,
    /// How urgent it is; `normal` where nobody says.
    #[cfg_attr(feature = "schema", schema(value_type = Option<TaskPriority>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub priority: Edit<TaskPriority>,
    /// Whether it is done; a replacement that does not name it leaves it as it is.
    #[cfg_attr(feature = "schema", schema(value_type = TaskStatus))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub status: Edit<TaskStatus>,
    /// When it is due: an instant, or a local time (`2026-01-31T09:30`) in the caller's zone, or a
    /// day. An instant takes a day away that it was due on.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub due_at: Edit<Moment>,
    /// The day on which it is due, until that is over in the caller's zone. Give this or `due_at`.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    #[serde(skip_serializing_if = "Edit::is_keep", deserialize_with = "deserialize_day_edit")]
    pub due_date: Edit<NaiveDate>,
    /// How many minutes it takes, 0 to 525,600.
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>, minimum = 0, maximum = 525_600))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub duration_minutes: Edit<i64>,
    /// When whoever is to do it is reminded: so many minutes before it is due (`30m`), or so many days before
    /// its day at a time of theirs (`1d 09:00`; at nine where `1d` names none).
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 10))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub reminder: Edit<String>,
    /// How it recurs, a rule of RFC 5545 (`FREQ=WEEKLY;BYDAY=MO,TH`) by the day, week, month or year. It needs
    /// `due_at` or `due_date`, which begins the series.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub recurrence: Edit<String>,
    /// The contact that it is about; it is about one record, and leaves the one it was about.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<Contact>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub contact_id: Edit<Id<Contact>>,
    /// The company that it is about.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<Company>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub company_id: Edit<Id<Company>>,
    /// The deal that it is about.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<Deal>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub deal_id: Edit<Id<Deal>>,
    /// Who is to do it; a new task without one is the caller's.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<User>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub assignee_id: Edit<Id<User>>,
    /// The record's id in another system, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub external_id: Edit<String>,
    /// Labels; the list replaces the old one.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<crate::tag::TagName>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub tags: Edit<Vec<String>>,
    /// Custom values; a change touches only the keys it names, and `null` removes a value.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub custom: Edit<CustomValues>,
    /// Where days begin and local times count; the services put the caller's zone here. UTC where
    /// absent.
    #[serde(skip)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub zone: Option<Zone>,
}

impl RecordEdit for TaskEdit {
    const ENTITY: Entity = Entity::Task;

    fn named(&self) -> Vec<&'static str> {
        let fields = [
            self.title.named("title"),
            self.description.named("description"),
            self.kind.named("kind"),
            self.priority.named("priority"),
            self.status.named("status"),
            self.due_at.named("due_at"),
            self.due_date.named("due_date"),
            self.duration_minutes.named("duration_minutes"),
            self.reminder.named("reminder"),
            self.recurrence.named("recurrence"),
            self.contact_id.named("contact_id"),
            self.company_id.named("company_id"),
            self.deal_id.named("deal_id"),
            self.assignee_id.named("assignee_id"),
            self.external_id.named("external_id"),
            self.tags.named("tags"),
        ];
        fields.into_iter().flatten().collect()
    }

    fn custom_mut(&mut self) -> &mut Edit<CustomValues> {
        &mut self.custom
    }

    fn replacing(mut self, mask: &FieldMask) -> Self {
        self.title.replacing("title", mask);
        self.description.replacing("description", mask);
        self.kind.replacing("kind", mask);
        self.priority.replacing("priority", mask);
        self.due_at.replacing("due_at", mask);
        self.due_date.replacing("due_date", mask);
        self.duration_minutes.replacing("duration_minutes", mask);
        self.reminder.replacing("reminder", mask);
        self.recurrence.replacing("recurrence", mask);
        self.contact_id.replacing("contact_id", mask);
        self.company_id.replacing("company_id", mask);
        self.deal_id.replacing("deal_id", mask);
        self.external_id.replacing("external_id", mask);
        self.tags.replacing("tags", mask);
        self
    }

    fn in_zone(self, zone: Zone) -> Self {
        Self { zone: Some(zone), ..self }
    }
}
