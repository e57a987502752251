//! Records, and the image beside the edited value.

use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::write::{Put, Write};
use crate::access::{Entity, FieldMask};
use crate::custom_field::CustomValues;
use crate::id::Id;
use crate::time::Timestamp;
use crate::user::User;

/// A record that lives in a workspace, has a version and a history.
pub trait Record: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its kind.
    const ENTITY: Entity;

    /// Its id.
    fn uuid(&self) -> Uuid;

    /// How often it was written: 1 after its making.
    fn version(&self) -> i64;

    /// Stamps the version and time of a write.
    fn stamp(&mut self, version: i64, at: Timestamp);

    /// When it was deleted; kept until it is purged.
    fn deleted_at(&self) -> Option<Timestamp>;

    /// The member whose scope reaches it.
    fn owner(&self) -> Option<Id<User>>;

    /// The record in whose timeline its history also appears.
    fn subject(&self) -> Option<(Entity, Uuid)> {
        None
    }

    /// Empties the fields that a mask hides. Every hideable field of the catalogue is handled here:
    /// a law of the testkit holds each room to that.
    fn redact(&mut self, _mask: &FieldMask) {}

    /// Its custom values, where its kind has some.
    fn custom_values_mut(&mut self) -> Option<&mut CustomValues> {
        None
    }

    /// This write among all writes.
    fn write(put: Put<Self>) -> Write;

    /// Its fields as JSON without empty ones, id, version and time of change: what the journal
    /// keeps.
    fn image(&self) -> Map<String, Value> {
        image(self)
    }
}

/// What every record says of itself in the same words, in its `impl Record`: its kind and its write, which
/// are called as its type is, its id, its version and the stamp of a write.
macro_rules! versioned {
    ($record:ident) => {
        const ENTITY: $crate::access::Entity = $crate::access::Entity::$record;

        fn uuid(&self) -> ::uuid::Uuid {
            self.id.uuid()
        }

        fn version(&self) -> i64 {
            self.version
        }

        fn stamp(&mut self, version: i64, at: $crate::Timestamp) {
            (self.version, self.updated_at) = (version, at);
        }

        fn write(put: $crate::store::Put<Self>) -> $crate::store::Write {
            $crate::store::Write::$record(put)
        }
    };
}

pub(crate) use versioned;

/// What of a record its JSON form says.
pub(crate) fn image(record: &impl Serialize) -> Map<String, Value> {
    let Ok(Value::Object(mut image)) = serde_json::to_value(record) else { return Map::new() };
    image.retain(|key, value| !is_empty(value) && !matches!(key.as_str(), "id" | "version" | "updated_at"));
    image
}

/// Whether a JSON value says nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A record as it was loaded, beside the value that a service edits.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    loaded: Loaded<T>,
    value: T,
}

/// What the store holds of a record. Most records are read and never edited, so it is copied at the
/// first edit.
#[derive(Clone, Debug, PartialEq)]
enum Loaded<T> {
    /// Nothing.
    Nothing,
    /// The value.
    Same,
    /// Another value than the edited one.
    Other(T),
}

impl<T: Record> Stored<T> {
    /// What a store read.
    pub fn loaded(value: T) -> Self {
        Self { loaded: Loaded::Same, value }
    }

    /// A record that no store holds yet.
    pub fn new(value: T) -> Self {
        Self { loaded: Loaded::Nothing, value }
    }

    /// The image that the store holds.
    pub fn before(&self) -> Option<&T> {
        match &self.loaded {
            Loaded::Nothing => None,
            Loaded::Same => Some(&self.value),
            Loaded::Other(loaded) => Some(loaded),
        }
    }

    /// The edited value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Makes the edited value the next version, and gives both images. `None` where nothing
    /// changed, so that saving a record as it was writes nothing.
    pub(crate) fn advance(&mut self, at: Timestamp) -> Option<Put<T>> {
        if self.before() == Some(&self.value) {
            return None;
        }
        let before = match std::mem::replace(&mut self.loaded, Loaded::Same) {
            Loaded::Nothing | Loaded::Same => None,
            Loaded::Other(loaded) => Some(loaded),
        };
        self.value.stamp(before.as_ref().map_or(0, T::version) + 1, at);
        Some(Put { before, after: self.value.clone() })
    }
}

impl<T> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Clone> DerefMut for Stored<T> {
    fn deref_mut(&mut self) -> &mut T {
        if matches!(self.loaded, Loaded::Same) {
            self.loaded = Loaded::Other(self.value.clone());
        }
        &mut self.value
    }
}
