//! The definition of a custom field.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Entity;
use crate::edit::{Edit, set_required};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::text;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most choices of one field.
pub(crate) const MAX_CHOICES: usize = 500;
/// Most custom fields of one kind of record.
pub(crate) const MAX_FIELDS: usize = 200;

/// What a custom field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum CustomKind {
    /// Text of at most 1,000 characters.
    Text,
    /// A finite number.
    Number,
    /// An amount with its currency.
    Money,
    /// A calendar day.
    Date,
    /// One of the choices.
    Choice,
    /// Some of the choices.
    MultiChoice,
    /// True or false.
    Boolean,
    /// An http or https address.
    Url,
    /// A member of the workspace.
    User,
    /// A contact, company or deal; see [`CustomField::target`].
    Reference,
}

/// The definition of a custom field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomField {
    /// Its id.
    pub id: Id<CustomField>,
    /// Contact, company, deal or task.
    pub entity: Entity,
    /// Its key under `custom`; never changes.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// What it holds; never changes.
    pub kind: CustomKind,
    /// The choices of a choice field.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub choices: Arc<[String]>,
    /// The kind of record that a reference points to.
    #[serde(default)]
    pub target: Option<Entity>,
    /// Whether a record must have a value.
    #[serde(default)]
    pub required: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    /// When it was retired: values stay, but nobody sees or sets them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// A custom field to be defined.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewCustomField {
    /// Contact, company, deal or task.
    #[cfg_attr(feature = "schema", schema(schema_with = extensible))]
    pub entity: Entity,
    /// Lower-case letters, digits and underscores, starting with a letter, at most 60.
    #[cfg_attr(feature = "schema", schema(pattern = "^[a-z][a-z0-9_]{0,59}$"))]
    pub key: String,
    /// What people call it.
    #[cfg_attr(feature = "schema", schema(max_length = 100))]
    pub label: String,
    /// What it holds.
    pub kind: CustomKind,
    /// The choices of a choice field.
    #[serde(default)]
    pub choices: Vec<String>,
    /// The kind of record that a reference points to.
    #[serde(default)]
    pub target: Option<Entity>,
    /// Whether a record must have a value.
    #[serde(default)]
    pub required: bool,
}

/// The kinds of record that have custom fields.
#[cfg(feature = "schema")]
fn extensible() -> utoipa::openapi::schema::Object {
    let kinds = [Entity::Contact, Entity::Company, Entity::Deal, Entity::Task].map(Entity::name);
    let kind = utoipa::openapi::schema::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
    kind.enum_values(Some(kinds)).description(Some("Contact, company, deal or task.")).build()
}

/// A change of a definition; key and kind stay.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomFieldEdit {
    /// What people call it.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 100))]
    pub label: Edit<String>,
    /// The choices; values that are no longer among them stay on their records.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<String>>))]
    pub choices: Edit<Vec<String>>,
    /// Whether a record must have a value.
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub required: Edit<bool>,
}

impl CustomField {
    /// A new definition.
    ///
    /// # Errors
    /// `Invalid` for a key, label, target or choices that do not fit.
    pub fn new(id: Id<CustomField>, new: NewCustomField, now: Timestamp) -> Result<Self> {
        if !matches!(new.entity, Entity::Contact | Entity::Company | Entity::Deal | Entity::Task) {
            return Err(Error::invalid("entity", "entity", "must be contact, company, deal or task"));
        }
        check_key(&new.key)?;
        let target_fits = match (new.kind, new.target) {
            (CustomKind::Reference, Some(target)) => matches!(target, Entity::Contact | Entity::Company | Entity::Deal),
            (CustomKind::Reference, None) => false,
            (_, target) => target.is_none(),
        };
        if !target_fits {
            let message = "names contact, company or deal for a reference and nothing for other kinds";
            return Err(Error::invalid("target", "target", message));
        }
        let mut field = Self {
            id,
            entity: new.entity,
            key: new.key,
            label: text::clean_line("label", &new.label, 100)?,
            kind: new.kind,
            choices: Arc::new([]),
            target: new.target,
            required: new.required,
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        };
        field.set_choices(new.choices)?;
        Ok(field)
    }

    /// Applies a change.
    ///
    /// # Errors
    /// `Invalid` for a bad label or choices.
    pub fn edit(&mut self, edit: CustomFieldEdit) -> Result<()> {
        let mut label = self.label.clone();
        set_required("label", edit.label, &mut label)?;
        self.label = text::clean_line("label", &label, 100)?;
        set_required("required", edit.required, &mut self.required)?;
        match edit.choices {
            Edit::Keep => Ok(()),
            Edit::Clear => self.set_choices(Vec::new()),
            Edit::Set(choices) => self.set_choices(choices),
        }
    }

    /// Its key in filters, imports and masks.
    pub fn filter_key(&self) -> String {
        format!("custom.{}", self.key)
    }

    fn set_choices(&mut self, choices: Vec<String>) -> Result<()> {
        let has_choices = matches!(self.kind, CustomKind::Choice | CustomKind::MultiChoice);
        if has_choices == choices.is_empty() {
            let message = if has_choices { "needs at least one choice" } else { "only choice fields have choices" };
            return Err(Error::invalid("choices", "choices", message));
        }
        if choices.len() > MAX_CHOICES {
            return Err(Error::invalid("choices", "too_many", format!("has at most {MAX_CHOICES} choices")));
        }
        let mut clean: Vec<String> = Vec::with_capacity(choices.len());
        for (at, choice) in choices.iter().enumerate() {
            let choice = text::clean_line(&format!("choices.{at}"), choice, 100)?;
            if clean.iter().any(|known| text::key(known) == text::key(&choice)) {
                return Err(Error::invalid(format!("choices.{at}"), "duplicate", "is listed twice"));
            }
            clean.push(choice);
        }
        self.choices = clean.into();
        Ok(())
    }
}

/// Refuses keys that a filter's text form or a URL could not carry.
fn check_key(key: &str) -> Result<()> {
    let starts_well = key.starts_with(|c: char| c.is_ascii_lowercase());
    let clean = key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts_well && clean && key.len() <= 60 {
        return Ok(());
    }
    Err(Error::invalid("key", "key", "needs lower-case letters, digits and underscores, a letter first, at most 60"))
}

impl Record for CustomField {
    versioned!(CustomField);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}
