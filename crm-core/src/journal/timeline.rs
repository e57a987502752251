//! The timeline of a record: its history as the caller may see it.

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::entry::{Change, Entry};
use super::event::Event;
use crate::access::{ActorRef, Entity, FieldMask};
use crate::id::Id;
use crate::time::Timestamp;

/// One item of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TimelineItem {
    /// The entry behind it.
    #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
    pub id: Id<Entry>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: ActorRef,
    /// Kind of the record that changed.
    pub entity: Entity,
    /// The record that changed.
    pub record_id: Uuid,
    /// What was done.
    pub change: Change,
    /// Former values of changed fields.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub before: Map<String, Value>,
    /// New values of changed fields.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub after: Map<String, Value>,
    /// Facts beyond the values.
    pub events: Vec<Event>,
}

/// The field of members that nobody is told: it ties a person's memberships of several workspaces together.
pub(crate) const MEMBERS_ACCOUNT: &str = "account_id";

impl TimelineItem {
    /// An entry without the fields that the mask hides, and without what nobody is told.
    pub(crate) fn masked(entry: Entry, mask: &FieldMask) -> Self {
        let Entry { id, at, actor, entity, record_id, change, mut before, mut after, events, .. } = entry;
        for values in [&mut before, &mut after] {
            mask.redact(values);
            if entity == Entity::User {
                values.remove(MEMBERS_ACCOUNT);
            }
        }
        Self { id, at, actor, entity, record_id, change, before, after, events }
    }
}
