//! One field of a change: kept, cleared or set.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::access::{Entity, FieldMask};
use crate::custom_field::CustomValues;
use crate::error::{Error, Result};
use crate::time::Zone;

/// What a change does to one field. On the wire an absent field is kept, `null` clears it, any
/// other value sets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// Leave the field as it is.
    #[default]
    Keep,
    /// Empty the field.
    Clear,
    /// Give the field this value.
    Set(T),
}

impl<T> Edit<T> {
    /// Whether the field stays as it is.
    pub fn is_keep(&self) -> bool {
        matches!(self, Edit::Keep)
    }

    /// The new value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Edit::Set(value) => Some(value),
            Edit::Keep | Edit::Clear => None,
        }
    }

    /// Applies this to an optional field.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Edit::Keep => {}
            Edit::Clear => *field = None,
            Edit::Set(value) => *field = Some(value),
        }
    }

    /// The edit of a whole replacement: an absent field is cleared, unless the caller cannot see it.
    pub(crate) fn replacing(&mut self, field: &str, mask: &FieldMask) {
        if self.is_keep() && !mask.hides(field) {
            *self = Edit::Clear;
        }
    }

    /// The field's name, where this does anything to it.
    pub(crate) fn named(&self, field: &'static str) -> Option<&'static str> {
        (!self.is_keep()).then_some(field)
    }
}

/// A change of a record of which a caller may not see every field.
pub(crate) trait RecordEdit: Sized {
    /// The kind of record.
    const ENTITY: Entity;

    /// The built-in fields that it names, whatever it does to them.
    fn named(&self) -> Vec<&'static str>;

    /// Its change of custom values.
    fn custom_mut(&mut self) -> &mut Edit<CustomValues>;

    /// Reads its days and local times in this zone.
    fn in_zone(self, _zone: Zone) -> Self {
        self
    }

    /// Makes it a replacement: what it does not name is cleared, except what the caller cannot see
    /// and whose the record is.
    fn replacing(self, mask: &FieldMask) -> Self;
}

/// Applies an edit to a field that cannot be empty.
pub(crate) fn set_required<T>(field: &str, edit: Edit<T>, value: &mut T) -> Result<()> {
    match edit {
        Edit::Keep => {}
        Edit::Clear => return Err(Error::invalid(field, "required", "cannot be empty")),
        Edit::Set(new) => *value = new,
    }
    Ok(())
}

impl<T> From<T> for Edit<T> {
    fn from(value: T) -> Self {
        Edit::Set(value)
    }
}

impl From<&str> for Edit<String> {
    fn from(value: &str) -> Self {
        Edit::Set(value.to_owned())
    }
}

/// `null` for a field that is cleared. Whoever holds a field that is kept leaves it out.
impl<T: Serialize> Serialize for Edit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Edit::Clear, Edit::Set))
    }
}
