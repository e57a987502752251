//! The permissions of a workspace, as they are told and set.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::model::Workspace;
use crate::access::{Entity, Matrix, Role, Rule};

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
    #[serde(deserialize_with = "by_names")]
    pub rules: Matrix,
}

/// Reads roles and kinds of record as texts first: the place of what is wrong in a rule is told by such keys alone.
fn by_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Matrix, D::Error> {
    let mut rules = Matrix::default();
    for (name, own) in BTreeMap::<String, BTreeMap<String, Rule>>::deserialize(deserializer)? {
        let role: Role = name.parse().map_err(|_| D::Error::custom(format!("{name:?} is not a role")))?;
        for (name, rule) in own {
            let entity: Entity =
                name.parse().map_err(|_| D::Error::custom(format!("{name:?} is not a kind of record")))?;
            rules.set(role, entity, rule);
        }
    }
    Ok(rules)
}

impl From<&Workspace> for Permissions {
    fn from(workspace: &Workspace) -> Self {
        Self { rules: workspace.permissions.complete(), version: workspace.version }
    }
}
