//! What the importing caller may do, looked up once a run.

use super::model::DuplicatePolicy;
use crate::access::{Action, Entity, Grant, Role};
use crate::error::Result;
use crate::id::Id;
use crate::session::Session;
use crate::user::User;

/// The caller's grants for the records of a file and for what the file names.
#[derive(Clone)]
pub(super) struct Rights {
    /// To make the file's records; it also opens the reads.
    pub(super) create: Grant,
    /// To change them; needed by the policy `update` alone.
    pub(super) update: Option<Grant>,
    /// To give them away.
    pub(super) assign: Option<Grant>,
    /// To make companies that the file names.
    pub(super) company: Option<Grant>,
    pub(super) makes_users: bool,
    pub(super) makes_tags: bool,
    pub(super) adds_stages: bool,
    /// Who owns records that name no owner: whoever began the import, also where somebody else goes on
    /// with it.
    pub(super) owner: Option<Id<User>>,
}

impl Rights {
    /// The caller's rights in an import that `owner` began.
    ///
    /// # Errors
    /// `Denied` where the caller may not make such records, or under `update` not change them.
    pub(super) fn new(
        session: &Session,
        entity: Entity,
        policy: DuplicatePolicy,
        owner: Option<Id<User>>,
    ) -> Result<Self> {
        let create = session.require(entity, Action::Create)?;
        let update = match policy {
            DuplicatePolicy::Update => Some(session.require(entity, Action::Update)?),
            DuplicatePolicy::Skip | DuplicatePolicy::Create => None,
        };
        let may = |entity, action| session.require(entity, action).is_ok();
        Ok(Self {
            create,
            update,
            assign: session.require(entity, Action::Assign).ok(),
            company: session.require(Entity::Company, Action::Create).ok(),
            // They are sales reps.
            makes_users: may(Entity::User, Action::Create) && !session.access().is_exceeded_by(Role::SalesRep),
            makes_tags: may(Entity::Tag, Action::Create),
            adds_stages: may(Entity::Pipeline, Action::Update),
            owner,
        })
    }
}
