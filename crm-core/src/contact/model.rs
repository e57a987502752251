//! A contact and its invariants.

use serde::{Deserialize, Serialize};

use crate::access::{Entity, FieldMask};
use crate::company::Company;
use crate::custom_field::{CustomValues, redact_custom};
use crate::edit::{Edit, RecordEdit};
use crate::error::Result;
use crate::faults::Faults;
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::tag::clean_tags;
use crate::text::{Email, Phone};
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Where a contact stands on the way to being a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Lifecycle {
    /// Somebody who may become interested.
    #[default]
    Lead,
    /// Interested, and worth the team's time.
    Qualified,
    /// With a deal in the making.
    Opportunity,
    /// Has bought.
    Customer,
    /// Has left.
    Churned,
    /// Neither, as a partner.
    Other,
}

impl Lifecycle {
    /// Every stage's snake_case name, in the order of the enum.
    pub const NAMES: [&'static str; 6] = ["lead", "qualified", "opportunity", "customer", "churned", "other"];

    /// Every stage.
    pub const ALL: [Lifecycle; 6] = [
        Lifecycle::Lead,
        Lifecycle::Qualified,
        Lifecycle::Opportunity,
        Lifecycle::Customer,
        Lifecycle::Churned,
        Lifecycle::Other,
    ];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Lifecycle::Lead => "lead",
            Lifecycle::Qualified => "qualified",
            Lifecycle::Opportunity => "opportunity",
            Lifecycle::Customer => "customer",
            Lifecycle::Churned => "churned",
            Lifecycle::Other => "other",
        }
    }

    /// The stage of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// A person the team sells to. At least one of names, e-mail and phone is present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Contact {
    /// Its id.
    pub id: Id<Contact>,
    /// Given name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<Email>,
    /// Telephone number.
    #[serde(default)]
    pub phone: Option<Phone>,
    /// Job title.
    #[serde(default)]
    pub title: Option<String>,
    /// Where they work.
    #[serde(default)]
    pub company_id: Option<Id<Company>>,
    /// Who looks after them.
    #[serde(default)]
    pub owner_id: Option<Id<User>>,
    /// Where they stand.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Where they came from.
    #[serde(default)]
    pub source: Option<String>,
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

/// What a caller sets: the fields of a new contact, or a change of some.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ContactEdit {
    /// Given name, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub first_name: Edit<String>,
    /// Family name, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub last_name: Edit<String>,
    /// E-mail address.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Email>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub email: Edit<Email>,
    /// Telephone number.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Phone>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub phone: Edit<Phone>,
    /// Job title, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub title: Edit<String>,
    /// Where they work.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<Company>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub company_id: Edit<Id<Company>>,
    /// Who looks after them; a new record without one belongs to the caller.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<User>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub owner_id: Edit<Id<User>>,
    /// Where they stand.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Lifecycle>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub lifecycle: Edit<Lifecycle>,
    /// Where they came from, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub source: Edit<String>,
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

impl RecordEdit for ContactEdit {
    const ENTITY: Entity = Entity::Contact;

    fn named(&self) -> Vec<&'static str> {
        let fields = [
            self.first_name.named("first_name"),
            self.last_name.named("last_name"),
            self.email.named("email"),
            self.phone.named("phone"),
            self.title.named("title"),
            self.company_id.named("company_id"),
            self.owner_id.named("owner_id"),
            self.lifecycle.named("lifecycle"),
            self.source.named("source"),
            self.external_id.named("external_id"),
            self.tags.named("tags"),
        ];
        fields.into_iter().flatten().collect()
    }

    fn custom_mut(&mut self) -> &mut Edit<CustomValues> {
        &mut self.custom
    }

    fn replacing(mut self, mask: &FieldMask) -> Self {
        self.first_name.replacing("first_name", mask);
        self.last_name.replacing("last_name", mask);
        self.email.replacing("email", mask);
        self.phone.replacing("phone", mask);
        self.title.replacing("title", mask);
        self.company_id.replacing("company_id", mask);
        self.lifecycle.replacing("lifecycle", mask);
        self.source.replacing("source", mask);
        self.external_id.replacing("external_id", mask);
        self.tags.replacing("tags", mask);
        self
    }
}

impl Contact {
    /// A contact without content.
    pub(crate) fn blank(id: Id<Contact>, now: Timestamp) -> Self {
        Self {
            id,
            first_name: None,
            last_name: None,
            email: None,
            phone: None,
            title: None,
            company_id: None,
            owner_id: None,
            lifecycle: Lifecycle::default(),
            source: None,
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
    /// `Invalid` with every field at fault; the contact is then half edited and must be dropped.
    pub fn edit(&mut self, edit: ContactEdit) -> Result<()> {
        let mut faults = Faults::default();
        faults.line("first_name", edit.first_name, 200, &mut self.first_name);
        faults.line("last_name", edit.last_name, 200, &mut self.last_name);
        faults.line("title", edit.title, 200, &mut self.title);
        faults.line("source", edit.source, 200, &mut self.source);
        faults.line("external_id", edit.external_id, 200, &mut self.external_id);
        edit.email.apply(&mut self.email);
        edit.phone.apply(&mut self.phone);
        edit.company_id.apply(&mut self.company_id);
        edit.owner_id.apply(&mut self.owner_id);
        match edit.lifecycle {
            Edit::Keep => {}
            Edit::Clear => self.lifecycle = Lifecycle::default(),
            Edit::Set(lifecycle) => self.lifecycle = lifecycle,
        }
        match edit.tags {
            Edit::Keep => {}
            Edit::Clear => self.tags.clear(),
            Edit::Set(tags) => faults.keep(clean_tags(&tags), &mut self.tags),
        }
        faults.custom(edit.custom, &mut self.custom);
        if self.first_name.is_none() && self.last_name.is_none() && self.email.is_none() && self.phone.is_none() {
            faults.add("last_name", "required", "a contact needs a name, an e-mail address or a phone number");
        }
        faults.into_result()
    }

    /// Given and family name, or else the e-mail address or phone number.
    pub fn display_name(&self) -> String {
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if !name.is_empty() {
            return name;
        }
        let email = self.email.as_ref().map(Email::as_str);
        email.or(self.phone.as_ref().map(Phone::as_str)).unwrap_or_default().to_owned()
    }
}

impl Record for Contact {
    versioned!(Contact);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        self.owner_id
    }

    fn redact(&mut self, mask: &FieldMask) {
        if mask.hides("email") {
            self.email = None;
        }
        if mask.hides("phone") {
            self.phone = None;
        }
        if mask.hides("title") {
            self.title = None;
        }
        if mask.hides("source") {
            self.source = None;
        }
        redact_custom(&mut self.custom, mask);
    }

    fn custom_values_mut(&mut self) -> Option<&mut CustomValues> {
        Some(&mut self.custom)
    }
}
