//! Records with their relations, as filters see them.

use uuid::Uuid;

use super::rows::{Rows, Tabled};
use crate::access::{Listed, SearchPart};
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::filter::{Facts, Field, FieldValue, Relation};
use crate::id::Id;
use crate::store::Record as _;
use crate::task::Task;
use crate::user::User;

/// Whether a related record matches.
type Matches<'a> = &'a dyn Fn(&dyn Facts) -> bool;

/// A record whose relations can be followed.
pub(super) trait Linked: Listed + Tabled {
    /// Whether any record at the other end of the relation, not deleted, matches.
    fn related(&self, rows: &Rows, relation: &str, matches: Matches<'_>) -> bool;
}

/// A record beside the rows that it is related to.
pub(super) struct InPlace<'a, T> {
    pub(super) rows: &'a Rows,
    pub(super) record: &'a T,
}

impl<T: Linked> Facts for InPlace<'_, T> {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        self.record.field_value(field)
    }

    fn related(&self, relation: &Relation, matches: Matches<'_>) -> bool {
        self.record.related(self.rows, relation.key, matches)
    }

    fn search_text(&self) -> String {
        format!("{} {}", self.open_text(), self.record.search_text(SearchPart::Hideable))
    }

    fn open_text(&self) -> String {
        self.record.search_text(SearchPart::Open)
    }
}

/// Whether the record that a field points to is there and matches.
fn one<T: Linked>(rows: &Rows, id: Option<Id<T>>, matches: Matches<'_>) -> bool {
    let record = id.and_then(|id| rows.get::<T>(id.uuid())).filter(|record| record.deleted_at().is_none());
    record.is_some_and(|record| matches(&InPlace { rows, record }))
}

/// Whether one of the records that point here matches.
fn any<T: Linked>(rows: &Rows, points_here: impl Fn(&T) -> bool, matches: Matches<'_>) -> bool {
    rows.live::<T>().any(|record| points_here(record) && matches(&InPlace { rows, record }))
}

/// Whether one of a record's notes matches.
fn notes(rows: &Rows, id: Uuid, matches: Matches<'_>) -> bool {
    any::<Note>(rows, |note| note.subject().is_some_and(|(_, subject)| subject == id), matches)
}

impl Linked for Contact {
    fn related(&self, rows: &Rows, relation: &str, matches: Matches<'_>) -> bool {
        match relation {
            "company" => one(rows, self.company_id, matches),
            "owner" => one(rows, self.owner_id, matches),
            "deals" => any::<Deal>(rows, |deal| deal.contact_id == Some(self.id), matches),
            "notes" => notes(rows, self.id.uuid(), matches),
            "tasks" => any::<Task>(rows, |task| task.subject() == Some((Self::ENTITY, self.id.uuid())), matches),
            _ => false,
        }
    }
}

impl Linked for Company {
    fn related(&self, rows: &Rows, relation: &str, matches: Matches<'_>) -> bool {
        match relation {
            "owner" => one(rows, self.owner_id, matches),
            "contacts" => any::<Contact>(rows, |contact| contact.company_id == Some(self.id), matches),
            "deals" => any::<Deal>(rows, |deal| deal.company_id == Some(self.id), matches),
            "notes" => notes(rows, self.id.uuid(), matches),
            "tasks" => any::<Task>(rows, |task| task.subject() == Some((Self::ENTITY, self.id.uuid())), matches),
            _ => false,
        }
    }
}

impl Linked for Deal {
    fn related(&self, rows: &Rows, relation: &str, matches: Matches<'_>) -> bool {
        match relation {
            "company" => one(rows, self.company_id, matches),
            "contact" => one(rows, self.contact_id, matches),
            "owner" => one(rows, self.owner_id, matches),
            "notes" => notes(rows, self.id.uuid(), matches),
            "tasks" => any::<Task>(rows, |task| task.subject() == Some((Self::ENTITY, self.id.uuid())), matches),
            _ => false,
        }
    }
}

impl Linked for Task {
    fn related(&self, rows: &Rows, relation: &str, matches: Matches<'_>) -> bool {
        match relation {
            "contact" => one(rows, self.contact_id, matches),
            "company" => one(rows, self.company_id, matches),
            "deal" => one(rows, self.deal_id, matches),
            "assignee" => one(rows, self.assignee_id, matches),
            _ => false,
        }
    }
}

impl Linked for Note {
    fn related(&self, rows: &Rows, relation: &str, matches: Matches<'_>) -> bool {
        match relation {
            "contact" => one(rows, self.contact_id, matches),
            "company" => one(rows, self.company_id, matches),
            "deal" => one(rows, self.deal_id, matches),
            _ => false,
        }
    }
}

impl Linked for User {
    fn related(&self, _rows: &Rows, _relation: &str, _matches: Matches<'_>) -> bool {
        false
    }
}
