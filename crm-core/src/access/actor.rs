//! Who acts.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::user::User;
use crate::workspace::Workspace;

/// Who asks for a use case, and in which workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// A member, through a host that knows who it is.
    User {
        /// The workspace.
        workspace_id: Id<Workspace>,
        /// The member.
        user_id: Id<User>,
    },
    /// The product itself: a worker, or an operator at the command line. May do everything in this
    /// one workspace.
    System {
        /// The workspace.
        workspace_id: Id<Workspace>,
        /// Why it acts, as in `cli` or an entry of the journal; kept in the journal.
        cause: String,
    },
}

impl Actor {
    /// A member of a workspace.
    pub fn user(workspace_id: Id<Workspace>, user_id: Id<User>) -> Self {
        Actor::User { workspace_id, user_id }
    }

    /// The product itself.
    pub fn system(workspace_id: Id<Workspace>, cause: impl Into<String>) -> Self {
        Actor::System { workspace_id, cause: cause.into() }
    }

    /// The workspace in which it acts.
    pub fn workspace_id(&self) -> Id<Workspace> {
        match self {
            Actor::User { workspace_id, .. } | Actor::System { workspace_id, .. } => *workspace_id,
        }
    }

    /// The member, unless the product itself acts.
    pub fn user_id(&self) -> Option<Id<User>> {
        match self {
            Actor::User { user_id, .. } => Some(*user_id),
            Actor::System { .. } => None,
        }
    }
}

/// The actor as the journal names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ActorRef {
    /// The member; absent where the product itself acted.
    pub user_id: Option<Id<User>>,
    /// Why the product acted.
    pub cause: Option<String>,
}

impl From<&Actor> for ActorRef {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::User { user_id, .. } => Self { user_id: Some(*user_id), cause: None },
            Actor::System { cause, .. } => Self { user_id: None, cause: Some(cause.clone()) },
        }
    }
}
