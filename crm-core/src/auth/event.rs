//! Facts about signing in.

use serde::{Deserialize, Serialize};

use super::model::SignIn;
use crate::id::Id;

/// A fact about signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum AuthEvent {
    /// A member signed in.
    #[serde(rename = "auth.signed_in")]
    SignedIn {
        /// The sign-in.
        #[cfg_attr(feature = "schema", schema(value_type = uuid::Uuid))]
        session_id: Id<SignIn>,
    },
    /// A member signed out.
    #[serde(rename = "auth.signed_out")]
    SignedOut {
        /// The sign-in.
        #[cfg_attr(feature = "schema", schema(value_type = uuid::Uuid))]
        session_id: Id<SignIn>,
    },
    /// A replaced refresh token was used again; the sign-in was ended.
    #[serde(rename = "auth.refresh_reused")]
    RefreshReused {
        /// The sign-in.
        #[cfg_attr(feature = "schema", schema(value_type = uuid::Uuid))]
        session_id: Id<SignIn>,
    },
}
