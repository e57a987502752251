//! Facts that a change's images do not tell by themselves: the sum of the rooms' events.

use serde::{Deserialize, Serialize};

use crate::auth::AuthEvent;
use crate::deal::DealEvent;
use crate::user::UserEvent;

/// A fact of one room. Every entry also says by its kind of change that a record was created,
/// updated, deleted, restored or purged; that needs no event of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Event {
    /// Of a deal.
    Deal(DealEvent),
    /// Of a member.
    User(UserEvent),
    /// Of signing in.
    Auth(AuthEvent),
}

impl From<DealEvent> for Event {
    fn from(event: DealEvent) -> Self {
        Event::Deal(event)
    }
}

impl From<UserEvent> for Event {
    fn from(event: UserEvent) -> Self {
        Event::User(event)
    }
}

impl From<AuthEvent> for Event {
    fn from(event: AuthEvent) -> Self {
        Event::Auth(event)
    }
}
