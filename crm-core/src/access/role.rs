//! The six roles of a workspace.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a member is in the workspace; the matrix says what that allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Role {
    /// Runs the workspace.
    Admin,
    /// Leads a team.
    Manager,
    /// Brings deals to their end.
    Closer,
    /// Makes first contact and books meetings.
    Setter,
    /// Sells from first contact to the end.
    SalesRep,
    /// Helps customers.
    SupportAgent,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 6] =
        [Role::Admin, Role::Manager, Role::Closer, Role::Setter, Role::SalesRep, Role::SupportAgent];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Manager => "manager",
            Role::Closer => "closer",
            Role::Setter => "setter",
            Role::SalesRep => "sales_rep",
            Role::SupportAgent => "support_agent",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or_else(|| Error::invalid("role", "role", format!("{name:?} is not a role")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_reads_as_itself_and_nothing_else_reads() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse::<Role>().unwrap(), role);
        }
        assert_eq!("owner".parse::<Role>().unwrap_err().fields()[0].code, "role");
    }
}
