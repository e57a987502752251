//! A team and its members.

use serde::{Deserialize, Serialize};

use crate::access::FieldMask;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::text;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most members of one team.
pub(crate) const MAX_MEMBERS: usize = 10_000;

/// A group of members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Team {
    /// Its id.
    pub id: Id<Team>,
    /// What people call it.
    pub name: String,
    /// Who is in it, in the order of their ids.
    #[serde(default)]
    pub members: Vec<Id<User>>,
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

/// A team to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewTeam {
    /// What people call it, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(max_length = 200))]
    pub name: String,
    /// Who is in it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(max_items = 10_000))]
    pub members: Vec<Id<User>>,
}

/// What is set of a team: all of it, or a change of some.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TeamEdit {
    /// What people call it, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 200))]
    pub name: Edit<String>,
    /// Who is in it: all of them, in place of those who were.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<Id<User>>>, max_items = 10_000))]
    pub members: Edit<Vec<Id<User>>>,
}

impl TeamEdit {
    /// Makes this edit a replacement: what it does not name is cleared.
    pub(crate) fn replacing(mut self) -> Self {
        self.name.replacing("name", &FieldMask::NONE);
        self.members.replacing("members", &FieldMask::NONE);
        self
    }
}

impl Team {
    /// A new team.
    ///
    /// # Errors
    /// `Invalid` for a bad name or too many members.
    pub fn new(id: Id<Team>, new: NewTeam, now: Timestamp) -> Result<Self> {
        let mut team = Self {
            id,
            name: text::clean_line("name", &new.name, 200)?,
            members: Vec::new(),
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        };
        team.set_members(new.members)?;
        Ok(team)
    }

    /// Changes what the edit names.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; the team is then half edited and must be dropped.
    pub fn edit(&mut self, edit: TeamEdit) -> Result<()> {
        let mut faults = Faults::default();
        match edit.name {
            Edit::Keep => {}
            Edit::Clear => faults.add("name", "required", "cannot be empty"),
            Edit::Set(name) => faults.keep(text::clean_line("name", &name, 200), &mut self.name),
        }
        match edit.members {
            Edit::Keep => {}
            Edit::Clear => self.members = Vec::new(),
            Edit::Set(members) => {
                if let Err(error) = self.set_members(members) {
                    faults.refuse("members", &error);
                }
            }
        }
        faults.into_result()
    }

    /// Replaces the members.
    ///
    /// # Errors
    /// `Invalid` for more than 10,000.
    pub fn set_members(&mut self, mut members: Vec<Id<User>>) -> Result<()> {
        members.sort_unstable();
        members.dedup();
        if members.len() > MAX_MEMBERS {
            return Err(Error::invalid("members", "too_many", format!("a team has at most {MAX_MEMBERS} members")));
        }
        self.members = members;
        Ok(())
    }
}

impl Record for Team {
    versioned!(Team);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}
