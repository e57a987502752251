//! A team and its members.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
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
    /// What people call it.
    pub name: String,
    /// Who is in it.
    #[serde(default)]
    pub members: Vec<Id<User>>,
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
