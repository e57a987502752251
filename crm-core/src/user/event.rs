//! Facts about members.

use serde::{Deserialize, Serialize};

use crate::access::Role;

/// A fact about a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum UserEvent {
    /// The role changed.
    #[serde(rename = "user.role_changed")]
    RoleChanged {
        /// Before.
        from: Role,
        /// After.
        to: Role,
    },
}
