//! Use cases of imports and exports.

use crate::session::Session;

/// Imports and exports of a workspace.
#[derive(Clone)]
pub struct Transfers {
    session: Session,
}

impl Transfers {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }
}
