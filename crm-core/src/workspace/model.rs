//! A workspace and its settings.

use serde::{Deserialize, Serialize};

use crate::access::Matrix;
use crate::edit::{Edit, set_required};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::money::Currency;
use crate::store::{Record, versioned};
use crate::text;
use crate::time::{Timestamp, Zone, epoch};
use crate::user::User;

/// A team's own world: its people, records and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Workspace {
    /// Its id.
    pub id: Id<Workspace>,
    /// What people call it.
    pub name: String,
    /// Where its days, weeks and months are cut.
    pub time_zone: Zone,
    /// The currency of amounts that name none.
    pub currency: Currency,
    /// Where it departs from the default permissions.
    #[serde(default, skip_serializing_if = "Matrix::is_default")]
    pub permissions: Matrix,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
}

impl Workspace {
    /// A new workspace, in UTC and US dollars.
    ///
    /// # Errors
    /// `Invalid` for a name that is empty, longer than 200 characters or has control characters.
    pub fn new(id: Id<Workspace>, name: &str, now: Timestamp) -> Result<Self> {
        Ok(Self {
            id,
            name: text::clean_line("workspace_name", name, 200)?,
            time_zone: Zone::UTC,
            currency: Currency::USD,
            permissions: Matrix::default(),
            created_at: now,
            updated_at: now,
            version: 0,
        })
    }

    /// Applies a change of settings.
    ///
    /// # Errors
    /// `Invalid` for a bad name or a cleared field.
    pub fn edit(&mut self, edit: WorkspaceEdit) -> Result<()> {
        match edit.name {
            Edit::Keep => {}
            Edit::Clear => return Err(Error::invalid("name", "required", "cannot be empty")),
            Edit::Set(name) => self.name = text::clean_line("name", &name, 200)?,
        }
        set_required("time_zone", edit.time_zone, &mut self.time_zone)?;
        set_required("currency", edit.currency, &mut self.currency)
    }
}

/// A change of a workspace's settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkspaceEdit {
    /// Name.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 200))]
    pub name: Edit<String>,
    /// IANA time zone.
    #[cfg_attr(feature = "schema", schema(value_type = Zone))]
    pub time_zone: Edit<Zone>,
    /// ISO 4217 currency.
    #[cfg_attr(feature = "schema", schema(value_type = Currency))]
    pub currency: Edit<Currency>,
}

impl Record for Workspace {
    versioned!(Workspace);

    fn deleted_at(&self) -> Option<Timestamp> {
        None
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}
