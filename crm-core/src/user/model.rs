//! A member of a workspace.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::UserEvent;
use super::locale::Locale;
use crate::access::{FieldMask, Role};
use crate::account::Account;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::store::{Record, image, versioned};
use crate::text::{self, Email};
use crate::time::{Timestamp, Zone, epoch};
use crate::workspace::Workspace;

/// Whether a member may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum UserStatus {
    /// Known, but cannot sign in yet.
    Invited,
    /// May act.
    Active,
    /// May not act any more.
    Suspended,
}

impl UserStatus {
    /// Every status.
    pub const ALL: [UserStatus; 3] = [UserStatus::Invited, UserStatus::Active, UserStatus::Suspended];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            UserStatus::Invited => "invited",
            UserStatus::Active => "active",
            UserStatus::Suspended => "suspended",
        }
    }
}

impl fmt::Display for UserStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for UserStatus {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == name)
            .ok_or_else(|| Error::invalid("status", "status", format!("{name:?} is not a status")))
    }
}

/// A member of a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct User {
    /// Its id.
    pub id: Id<User>,
    /// The account that signs in; absent for people known only by name.
    ///
    /// Callers never see it: it ties a person's memberships of several workspaces together.
    #[serde(default, skip_serializing)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub account_id: Option<Id<Account>>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<Email>,
    /// Full name.
    pub name: String,
    /// What they are in the workspace.
    pub role: Role,
    /// Whether they may act.
    pub status: UserStatus,
    /// Their own time zone; the workspace's where absent.
    #[serde(default)]
    pub time_zone: Option<Zone>,
    /// Language and region that they read in; whatever their device says where absent.
    #[serde(default)]
    pub locale: Option<Locale>,
    /// When they last signed in or renewed a sign-in, which clients do every 15 minutes; told where
    /// members are shown, and no part of the record: it has no version and no history.
    #[serde(default)]
    pub last_seen_at: Option<Timestamp>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they were last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often they were written.
    #[serde(default)]
    pub version: i64,
    /// When they were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// A person to be known in the workspace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewUser {
    /// Full name, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(max_length = 200))]
    pub name: String,
    /// E-mail address, by which they may be invited later.
    #[serde(default)]
    pub email: Option<Email>,
    /// What they shall be.
    pub role: Role,
}

/// What is set of a member's profile: all of it, or a change of some.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UserEdit {
    /// Full name, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 200))]
    pub name: Edit<String>,
    /// E-mail address; that of a member who signs in is their account's and stays.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Email>))]
    pub email: Edit<Email>,
    /// Their own time zone.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Zone>))]
    pub time_zone: Edit<Zone>,
    /// Language and region.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Locale>))]
    pub locale: Edit<Locale>,
}

impl UserEdit {
    /// Makes this edit a replacement: what it does not name is cleared, but for the e-mail address of
    /// an account.
    pub(crate) fn replacing(mut self, user: &User) -> Self {
        self.name.replacing("name", &FieldMask::NONE);
        if user.account_id.is_none() {
            self.email.replacing("email", &FieldMask::NONE);
        }
        self.time_zone.replacing("time_zone", &FieldMask::NONE);
        self.locale.replacing("locale", &FieldMask::NONE);
        self
    }
}

/// One account's place in one workspace.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Membership {
    /// The workspace.
    #[serde(rename = "id")]
    pub workspace_id: Id<Workspace>,
    /// Its name.
    #[serde(rename = "name")]
    pub workspace_name: String,
    /// The member.
    pub user_id: Id<User>,
    /// Whether the member may act.
    #[serde(skip)]
    pub status: UserStatus,
}

impl User {
    /// A person without an account.
    ///
    /// # Errors
    /// `Invalid` for a bad name.
    pub fn new(id: Id<User>, new: NewUser, now: Timestamp) -> Result<Self> {
        Ok(Self {
            id,
            account_id: None,
            email: new.email,
            name: text::clean_line("name", &new.name, 200)?,
            role: new.role,
            status: UserStatus::Invited,
            time_zone: None,
            locale: None,
            last_seen_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        })
    }

    /// The first admin of a workspace.
    pub(crate) fn admin(id: Id<User>, name: &str, email: Email, now: Timestamp) -> Result<Self> {
        let new = NewUser { name: name.to_owned(), email: Some(email), role: Role::Admin };
        Ok(Self { status: UserStatus::Active, ..Self::new(id, new, now)? })
    }

    /// Whether this member keeps the workspace governable.
    pub fn is_active_admin(&self) -> bool {
        self.role == Role::Admin && self.status == UserStatus::Active && self.deleted_at.is_none()
    }

    /// Changes the profile.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; the member is then half edited and must be dropped.
    pub fn edit(&mut self, edit: UserEdit) -> Result<()> {
        let mut faults = Faults::default();
        match edit.name {
            Edit::Keep => {}
            Edit::Clear => faults.add("name", "required", "cannot be empty"),
            Edit::Set(name) => faults.keep(text::clean_line("name", &name, 200), &mut self.name),
        }
        let email = self.email.clone();
        edit.email.apply(&mut self.email);
        if self.account_id.is_some() && self.email != email {
            faults.add("email", "of_account", "is that of the account which the member signs in with");
        }
        edit.time_zone.apply(&mut self.time_zone);
        edit.locale.apply(&mut self.locale);
        faults.into_result()
    }

    /// Gives the member another role, and says so where it is another.
    pub fn change_role(&mut self, role: Role) -> Option<UserEvent> {
        let from = std::mem::replace(&mut self.role, role);
        (from != role).then_some(UserEvent::RoleChanged { from, to: role })
    }

    /// Activates or suspends the member. Who has no account goes back to being invited.
    ///
    /// # Errors
    /// `Invalid` for a member who would be active without an account, or invited with one.
    pub fn change_status(&mut self, status: UserStatus) -> Result<()> {
        let is_possible = match status {
            _ if status == self.status => true,
            UserStatus::Invited => self.account_id.is_none(),
            UserStatus::Active => self.account_id.is_some(),
            UserStatus::Suspended => true,
        };
        if !is_possible {
            return Err(Error::invalid("status", "status", "a member signs in first and is then active or suspended"));
        }
        self.status = status;
        Ok(())
    }
}

impl Record for User {
    versioned!(User);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        Some(self.id)
    }

    fn image(&self) -> Map<String, Value> {
        let account = self.account_id.map(|id| ("account_id".to_owned(), Value::from(id.to_string())));
        image(self).into_iter().chain(account).collect()
    }
}
