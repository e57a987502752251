//! Addresses that get no mail.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::text::Email;
use crate::time::Timestamp;
use crate::user::User;

/// Why an address gets no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum SuppressionReason {
    /// Whoever has it unsubscribed: what opens an account (`invitation`, `verification`, `password_reset`) is sent
    /// all the same.
    Unsubscribed,
    /// A member said so.
    Manual,
}

impl SuppressionReason {
    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            SuppressionReason::Unsubscribed => "unsubscribed",
            SuppressionReason::Manual => "manual",
        }
    }

    /// The reason of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Unsubscribed, Self::Manual].into_iter().find(|reason| reason.name() == name)
    }
}

/// An address that gets no mail of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suppression {
    /// Its id.
    pub id: Id<Suppression>,
    /// The address.
    pub email: Email,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
    /// The member who said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Id<User>>,
}

/// An address that shall get no mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewSuppression {
    /// The address.
    pub email: Email,
}
