//! A task and its invariants.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::edit::TaskEdit;
use super::kind::{TaskKind, TaskPriority, TaskStatus};
use super::recurrence::Recurrence;
use super::reminder::Reminder;
use crate::access::{Entity, FieldMask};
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::{CustomValues, redact_custom};
use crate::deal::Deal;
use crate::edit::{Edit, set_required};
use crate::error::Result;
use crate::faults::Faults;
use crate::id::Id;
use crate::moment::Moment;
use crate::store::{Record, versioned};
use crate::tag::clean_tags;
use crate::text;
use crate::time::{Timestamp, Zone, epoch};
use crate::user::User;

/// Most characters of a description.
const MAX_DESCRIPTION_CHARS: usize = 5_000;
/// Most minutes that a task takes: a year.
const MAX_MINUTES: i64 = 525_600;

/// Something that somebody is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Task {
    /// Its id.
    pub id: Id<Task>,
    /// What is to be done.
    pub title: String,
    /// What else there is to say.
    #[serde(default)]
    pub description: Option<String>,
    /// Its kind.
    #[serde(default)]
    pub kind: TaskKind,
    /// How urgent it is.
    #[serde(default)]
    pub priority: TaskPriority,
    /// Whether it is done.
    #[serde(default)]
    pub status: TaskStatus,
    /// Until when it is to be done; of a whole day the last microsecond, in the zone of whoever set it.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// The day on which it is due; absent where it is due at an instant.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub due_date: Option<NaiveDate>,
    /// How many minutes it takes.
    #[serde(default)]
    pub duration_minutes: Option<i64>,
    /// When whoever is to do it is reminded: `30m` before it is due, or at `1d 09:00` before its day.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub reminder: Option<Reminder>,
    /// How it recurs, a rule of RFC 5545: when it is done, the next of its series is made.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub recurrence: Option<Recurrence>,
    /// When the first of its series was due: an instant or a day.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub recurrence_start: Option<Moment>,
    /// The task of its series that was made when it was done.
    #[serde(default)]
    pub next_id: Option<Id<Task>>,
    /// When it was done.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// The contact that it is about.
    #[serde(default)]
    pub contact_id: Option<Id<Contact>>,
    /// The company that it is about.
    #[serde(default)]
    pub company_id: Option<Id<Company>>,
    /// The deal that it is about.
    #[serde(default)]
    pub deal_id: Option<Id<Deal>>,
    /// Who is to do it.
    #[serde(default)]
    pub assignee_id: Option<Id<User>>,
    /// Who made it; absent where the product did.
    #[serde(default)]
    pub created_by: Option<Id<User>>,
    /// The record's id in the system that it was imported from.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Labels, sorted.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Custom values by key.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub custom: CustomValues,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl Task {
    /// A task without content.
    pub(crate) fn blank(id: Id<Task>, now: Timestamp) -> Self {
        Self {
            id,
            title: String::new(),
            description: None,
            kind: TaskKind::default(),
            priority: TaskPriority::default(),
            status: TaskStatus::default(),
            due_at: None,
            due_date: None,
            duration_minutes: None,
            reminder: None,
            recurrence: None,
            recurrence_start: None,
            next_id: None,
            completed_at: None,
            contact_id: None,
            company_id: None,
            deal_id: None,
            assignee_id: None,
            created_by: None,
            external_id: None,
            tags: Vec::new(),
            custom: CustomValues::new(),
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        }
    }

    /// Applies an edit, custom values merged key by key. When a task is done or open again,
    /// [`Task::conclude`] says the time.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; the task is then half edited and must be dropped.
    pub fn edit(&mut self, edit: TaskEdit) -> Result<()> {
        let mut faults = Faults::default();
        let mut title = (!self.title.is_empty()).then(|| std::mem::take(&mut self.title));
        faults.line("title", edit.title, 300, &mut title);
        match title {
            Some(title) => self.title = title,
            None => faults.add("title", "required", "a task needs a title"),
        }
        match edit.description {
            Edit::Keep => {}
            Edit::Clear => self.description = None,
            Edit::Set(said) => {
                let clean = text::optional_text("description", &said, MAX_DESCRIPTION_CHARS);
                faults.keep(clean, &mut self.description);
            }
        }
        or_default(edit.kind, &mut self.kind);
        or_default(edit.priority, &mut self.priority);
        faults.keep(set_required("status", edit.status, &mut self.status), &mut ());
        let due = self.due();
        self.edit_due(edit.due_at, edit.due_date, edit.zone.unwrap_or(Zone::UTC), &mut faults);
        self.edit_recurrence(edit.recurrence, due, &mut faults);
        self.edit_reminder(edit.reminder, &mut faults);
        edit.duration_minutes.apply(&mut self.duration_minutes);
        if self.duration_minutes.is_some_and(|minutes| !(0..=MAX_MINUTES).contains(&minutes)) {
            faults.add("duration_minutes", "out_of_range", "must lie between 0 and 525600 minutes");
        }
        self.edit_subject(edit.contact_id, edit.company_id, edit.deal_id, &mut faults);
        edit.assignee_id.apply(&mut self.assignee_id);
        faults.line("external_id", edit.external_id, 200, &mut self.external_id);
        match edit.tags {
            Edit::Keep => {}
            Edit::Clear => self.tags.clear(),
            Edit::Set(tags) => faults.keep(clean_tags(&tags), &mut self.tags),
        }
        faults.custom(edit.custom, &mut self.custom);
        faults.into_result()
    }

    /// Says until when it is to be done. The day that it is due on already is no news, whatever the
    /// zone of whoever says it again.
    fn edit_due(&mut self, at: Edit<Moment>, day: Edit<NaiveDate>, zone: Zone, faults: &mut Faults) {
        let (field, moment) = match (at, day) {
            (Edit::Set(at), Edit::Set(day)) => {
                let is_known = self.due_at == Some(at.instant(zone)) && self.due_date == Some(day);
                if !is_known {
                    faults.add("due_date", "exclusive", "a task is due at an instant or on a day: name one of them");
                }
                return;
            }
            (Edit::Set(at), _) => ("due_at", at),
            (_, Edit::Set(day)) => ("due_date", Moment::Day(day)),
            (Edit::Clear, _) => return (self.due_at, self.due_date) = (None, None),
            // Of a task that is due at an instant there is no day to take away.
            (Edit::Keep, Edit::Clear) if self.due_date.is_some() => {
                return (self.due_at, self.due_date) = (None, None);
            }
            (Edit::Keep, _) => return,
        };
        match moment {
            Moment::Day(day) if self.due_date == Some(day) => {}
            Moment::Day(day) if !(1..=9999).contains(&day.year()) => {
                faults.add(field, "out_of_range", "must lie between the years 1 and 9999");
            }
            Moment::Day(day) => match zone.end_of_day(day) {
                Ok(end) => (self.due_at, self.due_date) = (Some(end), Some(day)),
                Err(error) => faults.refuse(field, &error),
            },
            at => match at.strict_instant(zone) {
                Ok(at) => (self.due_at, self.due_date) = (Some(at), None),
                Err(error) => faults.refuse(field, &error),
            },
        }
    }

    /// Says what it is about: a record that is named takes the place of any other.
    fn edit_subject(
        &mut self,
        contact: Edit<Id<Contact>>,
        company: Edit<Id<Company>>,
        deal: Edit<Id<Deal>>,
        faults: &mut Faults,
    ) {
        if contact.value().is_some() || company.value().is_some() || deal.value().is_some() {
            (self.contact_id, self.company_id, self.deal_id) = (None, None, None);
        }
        contact.apply(&mut self.contact_id);
        company.apply(&mut self.company_id);
        deal.apply(&mut self.deal_id);
        let named = [self.contact_id.is_some(), self.company_id.is_some(), self.deal_id.is_some()];
        if named.into_iter().filter(|is_named| *is_named).count() > 1 {
            let field = if self.deal_id.is_some() { "deal_id" } else { "company_id" };
            faults.add(field, "subject", "a task is about one contact, one company or one deal");
        }
    }

    /// Makes the time of completion follow the status: `now` where a task is done that was not, none
    /// where it is open.
    pub fn conclude(&mut self, now: Timestamp) {
        self.completed_at = match self.status {
            TaskStatus::Open => None,
            TaskStatus::Done => self.completed_at.or(Some(now)),
        };
    }
}

/// Applies an edit to a field that has a usual value.
fn or_default<T: Default>(edit: Edit<T>, value: &mut T) {
    match edit {
        Edit::Keep => {}
        Edit::Clear => *value = T::default(),
        Edit::Set(new) => *value = new,
    }
}

impl Record for Task {
    versioned!(Task);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        self.assignee_id
    }

    fn subject(&self) -> Option<(Entity, Uuid)> {
        let contact = self.contact_id.map(|id| (Entity::Contact, id.uuid()));
        let company = self.company_id.map(|id| (Entity::Company, id.uuid()));
        contact.or(company).or(self.deal_id.map(|id| (Entity::Deal, id.uuid())))
    }

    fn redact(&mut self, mask: &FieldMask) {
        if mask.hides("description") {
            self.description = None;
        }
        redact_custom(&mut self.custom, mask);
    }

    fn custom_values_mut(&mut self) -> Option<&mut CustomValues> {
        Some(&mut self.custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let at = Timestamp::from_micros(10);
        Task { title: "Call".to_owned(), ..Task::blank(Id::new_at(at), at) }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn berlin(edit: TaskEdit) -> TaskEdit {
        TaskEdit { zone: "Europe/Berlin".parse().ok(), ..edit }
    }

    fn due_at(text: &str) -> TaskEdit {
        berlin(TaskEdit { due_at: Edit::Set(text.parse().unwrap()), ..TaskEdit::default() })
    }

    fn due_date(text: &str) -> TaskEdit {
        berlin(TaskEdit { due_date: Edit::Set(text.parse().unwrap()), ..TaskEdit::default() })
    }

    fn fault(result: Result<()>) -> (String, String) {
        let error = result.unwrap_err();
        let fault = &error.fields()[0];
        (fault.field.clone(), fault.code.to_string())
    }

    #[test]
    fn a_day_is_due_until_its_last_microsecond_in_the_zone() {
        let mut task = task();
        task.edit(due_date("2026-03-29")).unwrap();
        assert_eq!(task.due_at, Some(at("2026-03-29T21:59:59.999999Z")));
        assert_eq!(task.due_date, Some("2026-03-29".parse().unwrap()));
        // Said again from elsewhere, it is the same day.
        let again = TaskEdit { due_date: Edit::Set("2026-03-29".parse().unwrap()), ..TaskEdit::default() };
        task.edit(again).unwrap();
        assert_eq!(task.due_at, Some(at("2026-03-29T21:59:59.999999Z")));
        task.edit(due_at("2026-03-29T10:00")).unwrap();
        assert_eq!((task.due_at, task.due_date), (Some(at("2026-03-29T08:00:00Z")), None));
        task.edit(due_at("2026-03-30")).unwrap();
        assert_eq!(task.due_date, Some("2026-03-30".parse().unwrap()));
        task.edit(TaskEdit { due_date: Edit::Clear, ..TaskEdit::default() }).unwrap();
        assert_eq!((task.due_at, task.due_date), (None, None));
        // The last day of time is one like any other.
        task.edit(due_date("9999-12-31")).unwrap();
    }

    #[test]
    fn a_time_that_is_none_is_refused_at_its_field() {
        let named = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(fault(task().edit(due_at("2026-03-29T02:30"))), named("due_at", "no_such_time"));
        assert_eq!(fault(task().edit(due_at("2026-10-25T02:30"))), named("due_at", "ambiguous_time"));
        let samoa = TaskEdit { zone: "Pacific/Apia".parse().ok(), ..due_date("2011-12-30") };
        assert_eq!(fault(task().edit(samoa)), named("due_date", "no_such_time"));
        let both = TaskEdit { due_date: due_date("2026-03-29").due_date, ..due_at("2026-03-29T10:00") };
        assert_eq!(fault(task().edit(both)), named("due_date", "exclusive"));
    }

    #[test]
    fn what_was_read_of_a_day_can_be_written_back() {
        let mut task = task();
        task.edit(due_date("2026-03-29")).unwrap();
        let before = task.clone();
        let back = TaskEdit { due_at: Edit::Set(task.due_at.unwrap().into()), ..due_date("2026-03-29") };
        task.edit(back).unwrap();
        assert_eq!(task, before);
    }

    #[test]
    fn a_task_is_about_one_record() {
        let (mut task, id) = (task(), Id::<Contact>::new_at(Timestamp::from_micros(1)));
        task.edit(TaskEdit { contact_id: id.into(), ..TaskEdit::default() }).unwrap();
        task.edit(TaskEdit { deal_id: id.cast().into(), ..TaskEdit::default() }).unwrap();
        assert_eq!((task.contact_id, task.deal_id), (None, Some(id.cast())));
        let two = TaskEdit { contact_id: id.into(), company_id: id.cast().into(), ..TaskEdit::default() };
        assert_eq!(fault(task.edit(two)), ("company_id".to_owned(), "subject".to_owned()));
    }

    #[test]
    fn the_time_of_completion_follows_the_status() {
        let mut task = task();
        task.edit(TaskEdit { status: TaskStatus::Done.into(), ..TaskEdit::default() }).unwrap();
        task.conclude(Timestamp::from_micros(20));
        task.conclude(Timestamp::from_micros(30));
        assert_eq!(task.completed_at, Some(Timestamp::from_micros(20)));
        task.edit(TaskEdit { status: TaskStatus::Open.into(), ..TaskEdit::default() }).unwrap();
        task.conclude(Timestamp::from_micros(40));
        assert_eq!(task.completed_at, None);
        let cleared = task.edit(TaskEdit { status: Edit::Clear, ..TaskEdit::default() });
        assert_eq!(fault(cleared), ("status".to_owned(), "required".to_owned()));
    }
}
