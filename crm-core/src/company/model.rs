//! A company and its invariants.

use serde::{Deserialize, Serialize};

use crate::access::{Entity, FieldMask};
use crate::custom_field::{CustomValues, redact_custom};
use crate::edit::{Edit, RecordEdit};
use crate::error::Result;
use crate::faults::Faults;
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::tag::clean_tags;
use crate::text::Domain;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// An organisation the team sells to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Company {
    /// Its id.
    pub id: Id<Company>,
    /// What people call it.
    pub name: String,
    /// Its internet domain.
    #[serde(default)]
    pub domain: Option<Domain>,
    /// What it does.
    #[serde(default)]
    pub industry: Option<String>,
    /// How many people work there.
    #[serde(default)]
    pub employees: Option<i64>,
    /// Who looks after it.
    #[serde(default)]
    pub owner_id: Option<Id<User>>,
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

/// What a caller sets: the fields of a new company, or a change of some.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CompanyEdit {
    /// What people call it, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub name: Edit<String>,
    /// Its internet domain; a web address is cut to it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Domain>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub domain: Edit<Domain>,
    /// What it does, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub industry: Edit<String>,
    /// How many people work there, 0 or more.
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>, minimum = 0))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub employees: Edit<i64>,
    /// Who looks after it; a new record without one belongs to the caller.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<User>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub owner_id: Edit<Id<User>>,
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
}

impl RecordEdit for CompanyEdit {
    const ENTITY: Entity = Entity::Company;

    fn named(&self) -> Vec<&'static str> {
        let fields = [
            self.name.named("name"),
            self.domain.named("domain"),
            self.industry.named("industry"),
            self.employees.named("employees"),
            self.owner_id.named("owner_id"),
            self.external_id.named("external_id"),
            self.tags.named("tags"),
        ];
        fields.into_iter().flatten().collect()
    }

    fn custom_mut(&mut self) -> &mut Edit<CustomValues> {
        &mut self.custom
    }

    fn replacing(mut self, mask: &FieldMask) -> Self {
        self.name.replacing("name", mask);
        self.domain.replacing("domain", mask);
        self.industry.replacing("industry", mask);
        self.employees.replacing("employees", mask);
        self.external_id.replacing("external_id", mask);
        self.tags.replacing("tags", mask);
        self
    }
}

impl Company {
    /// A company without content.
    pub(crate) fn blank(id: Id<Company>, now: Timestamp) -> Self {
        Self {
            id,
            name: String::new(),
            domain: None,
            industry: None,
            employees: None,
            owner_id: None,
            external_id: None,
            tags: Vec::new(),
            custom: CustomValues::new(),
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        }
    }

    /// Applies an edit, custom values merged key by key.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; the company is then half edited and must be dropped.
    pub fn edit(&mut self, edit: CompanyEdit) -> Result<()> {
        let mut faults = Faults::default();
        let mut name = (!self.name.is_empty()).then(|| std::mem::take(&mut self.name));
        faults.line("name", edit.name, 200, &mut name);
        match name {
            Some(name) => self.name = name,
            None => faults.add("name", "required", "a company needs a name"),
        }
        edit.domain.apply(&mut self.domain);
        faults.line("industry", edit.industry, 200, &mut self.industry);
        faults.line("external_id", edit.external_id, 200, &mut self.external_id);
        edit.employees.apply(&mut self.employees);
        if self.employees.is_some_and(|count| count < 0) {
            faults.add("employees", "out_of_range", "cannot be negative");
        }
        edit.owner_id.apply(&mut self.owner_id);
        match edit.tags {
            Edit::Keep => {}
            Edit::Clear => self.tags.clear(),
            Edit::Set(tags) => faults.keep(clean_tags(&tags), &mut self.tags),
        }
        faults.custom(edit.custom, &mut self.custom);
        faults.into_result()
    }
}

impl Record for Company {
    versioned!(Company);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        self.owner_id
    }

    fn redact(&mut self, mask: &FieldMask) {
        if mask.hides("domain") {
            self.domain = None;
        }
        if mask.hides("industry") {
            self.industry = None;
        }
        if mask.hides("employees") {
            self.employees = None;
        }
        redact_custom(&mut self.custom, mask);
    }

    fn custom_values_mut(&mut self) -> Option<&mut CustomValues> {
        Some(&mut self.custom)
    }
}
