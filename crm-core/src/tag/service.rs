//! Use cases of tags.

use super::model::TagCount;
use crate::access::{Action, Entity};
use crate::error::Result;
use crate::session::Session;

/// The tags of a workspace.
#[derive(Clone)]
pub struct Tags {
    session: Session,
}

impl Tags {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// All tags by name, each with the number of records that the caller sees with it.
    ///
    /// # Errors
    /// `Denied`; `Unavailable` past the deadline.
    pub async fn counts(&self) -> Result<Vec<TagCount>> {
        let grant = self.session.require(Entity::Tag, Action::Read)?;
        self.session.ports().tags.tag_counts(&grant).await
    }
}
