//! One entry: what was done to one record, by whom, with both images.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::event::Event;
use crate::access::{ActorRef, Entity};
use crate::id::Id;
use crate::store::{Put, Record};
use crate::time::Timestamp;

/// Marker of ids that tie the entries of one undertaking together.
#[derive(Clone, Copy, Debug)]
pub struct Batch;

/// What was done to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Change {
    /// Made.
    Created,
    /// Changed.
    Updated,
    /// Deleted; it can be restored.
    Deleted,
    /// Brought back.
    Restored,
    /// Erased, its history's content too.
    Purged,
    /// Nothing was written: a fact about the record, as a sign-in.
    Noted,
}

impl Change {
    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Deleted => "deleted",
            Change::Restored => "restored",
            Change::Purged => "purged",
            Change::Noted => "noted",
        }
    }
}

/// An entry before it is stamped.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(crate) entity: Entity,
    pub(crate) record_id: Uuid,
    pub(crate) version: i64,
    pub(crate) subject: Option<(Entity, Uuid)>,
    pub(crate) change: Change,
    pub(crate) before: Map<String, Value>,
    pub(crate) after: Map<String, Value>,
    pub(crate) events: Vec<Event>,
    /// Whether the product decided its content, and not the caller.
    pub(crate) is_products: bool,
}

impl Draft {
    /// The entry of a write: both images, cut to the fields that differ.
    pub(crate) fn of<T: Record>(put: &Put<T>) -> Self {
        let mut after = put.after.image();
        let mut before = put.before.as_ref().map(T::image).unwrap_or_default();
        before.retain(|key, old| match after.get(key) {
            Some(new) if new == old => {
                after.remove(key);
                false
            }
            _ => true,
        });
        let was_deleted = put.before.as_ref().map(|before| before.deleted_at().is_some());
        let change = match (was_deleted, put.after.deleted_at().is_some()) {
            (None, _) => Change::Created,
            (Some(false), true) => Change::Deleted,
            (Some(true), false) => Change::Restored,
            (Some(_), _) => Change::Updated,
        };
        Self {
            entity: T::ENTITY,
            record_id: put.after.uuid(),
            version: put.after.version(),
            subject: put.after.subject(),
            change,
            before,
            after,
            events: Vec::new(),
            is_products: false,
        }
    }

    /// The entry of an erasure; it keeps no content.
    pub(crate) fn purged<T: Record>(record: &T) -> Self {
        Self { change: Change::Purged, version: record.version() + 1, ..Self::noted(T::ENTITY, record.uuid()) }
    }

    /// An entry of a fact without a write.
    pub(crate) fn noted(entity: Entity, record_id: Uuid) -> Self {
        Self {
            entity,
            record_id,
            version: 0,
            subject: None,
            change: Change::Noted,
            before: Map::new(),
            after: Map::new(),
            events: Vec::new(),
            is_products: false,
        }
    }
}

/// One entry of the journal. `before` and `after` hold the fields that differ; an empty field is
/// absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id; order is by `seq`, never by id.
    pub id: Id<Entry>,
    /// When the change was decided.
    pub at: Timestamp,
    /// By whom.
    pub actor: ActorRef,
    /// The undertaking it is part of.
    pub batch: Option<Id<Batch>>,
    /// How many reactions lie between it and a person's act.
    pub depth: u8,
    /// Kind of record.
    pub entity: Entity,
    /// The record.
    pub record_id: Uuid,
    /// The record's version after it; 0 where nothing was written.
    pub version: i64,
    /// The record in whose timeline it also appears.
    pub subject: Option<(Entity, Uuid)>,
    /// What was done.
    pub change: Change,
    /// Former values.
    pub before: Map<String, Value>,
    /// New values.
    pub after: Map<String, Value>,
    /// Facts beyond the images.
    pub events: Vec<Event>,
}
