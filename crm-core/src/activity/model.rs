//! A note.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::Entity;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::text;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most characters of a note.
pub(crate) const MAX_BODY_CHARS: usize = 20_000;

/// A written remark on exactly one contact, company or deal. Whoever sees that record sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Note {
    /// Its id.
    pub id: Id<Note>,
    /// What it says.
    pub body: String,
    /// The contact it is on.
    #[serde(default)]
    pub contact_id: Option<Id<Contact>>,
    /// The company it is on.
    #[serde(default)]
    pub company_id: Option<Id<Company>>,
    /// The deal it is on.
    #[serde(default)]
    pub deal_id: Option<Id<Deal>>,
    /// Who wrote it; absent where the product did.
    #[serde(default)]
    pub author_id: Option<Id<User>>,
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

/// A note to be written, on exactly one record.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewNote {
    /// What it says, at most 20,000 characters.
    #[cfg_attr(feature = "schema", schema(max_length = 20_000))]
    pub body: String,
    /// The contact it is on.
    #[serde(default)]
    pub contact_id: Option<Id<Contact>>,
    /// The company it is on.
    #[serde(default)]
    pub company_id: Option<Id<Company>>,
    /// The deal it is on.
    #[serde(default)]
    pub deal_id: Option<Id<Deal>>,
}

/// A change of a note.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NoteEdit {
    /// What it says.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 20_000))]
    pub body: Edit<String>,
}

impl Note {
    /// A new note.
    ///
    /// # Errors
    /// `Invalid` for an empty or over-long body and for none or several records.
    pub fn new(id: Id<Note>, new: NewNote, author_id: Option<Id<User>>, now: Timestamp) -> Result<Self> {
        let NewNote { body, contact_id, company_id, deal_id } = new;
        let subjects = [contact_id.is_some(), company_id.is_some(), deal_id.is_some()];
        if subjects.into_iter().filter(|given| *given).count() != 1 {
            let message = "a note is on exactly one contact, company or deal";
            return Err(Error::invalid("contact_id", "subject", message));
        }
        Ok(Self {
            id,
            body: text::clean_text("body", &body, MAX_BODY_CHARS)?,
            contact_id,
            company_id,
            deal_id,
            author_id,
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        })
    }

    /// Applies a change.
    ///
    /// # Errors
    /// `Invalid` for an empty or over-long body.
    pub fn edit(&mut self, edit: NoteEdit) -> Result<()> {
        match edit.body {
            Edit::Keep => {}
            Edit::Clear => return Err(Error::invalid("body", "required", "cannot be empty")),
            Edit::Set(body) => self.body = text::clean_text("body", &body, MAX_BODY_CHARS)?,
        }
        Ok(())
    }
}

impl Record for Note {
    versioned!(Note);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        self.author_id
    }

    fn subject(&self) -> Option<(Entity, Uuid)> {
        let contact = self.contact_id.map(|id| (Entity::Contact, id.uuid()));
        let company = self.company_id.map(|id| (Entity::Company, id.uuid()));
        contact.or(company).or(self.deal_id.map(|id| (Entity::Deal, id.uuid())))
    }
}
