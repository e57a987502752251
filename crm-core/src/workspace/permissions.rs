//! The permissions of a workspace, as they are told and set.

use serde::{Deserialize, Serialize};

use super::model::Workspace;
use crate::access::Matrix;

/// What each role may do with each kind of record in a workspace.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Permissions {
    /// Every rule as it holds. Admins may always do everything.
    pub rules: Matrix,
    /// How often the workspace was written, of which they are a part.
    pub version: i64,
}

/// What roles shall be allowed to do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PermissionsChange {
    /// The rules, each of them whole; those that are left out are as by default.
    pub rules: Matrix,
}

impl From<&Workspace> for Permissions {
    fn from(workspace: &Workspace) -> Self {
        Self { rules: workspace.permissions.complete(), version: workspace.version }
    }
}
