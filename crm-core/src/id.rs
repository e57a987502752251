//! Typed ids: UUIDv7, so that they sort by the time of their making.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::error::Error;
use crate::time::Timestamp;

/// Id of an `E`; a UUIDv7, written as its hyphenated lower-case string.
pub struct Id<E: ?Sized> {
    uuid: Uuid,
    entity: PhantomData<fn() -> E>,
}

impl<E: ?Sized> Id<E> {
    /// A new id whose time part is `at`.
    pub fn new_at(at: Timestamp) -> Self {
        let micros = at.micros().max(0).unsigned_abs();
        let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::ContextV7::new(), micros / 1_000_000, nanos)).into()
    }

    /// The bare UUID, for adapters.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// The same id read as that of another type, for adapters and the journal.
    pub const fn cast<F: ?Sized>(self) -> Id<F> {
        Id { uuid: self.uuid, entity: PhantomData }
    }
}

impl<E: ?Sized> From<Uuid> for Id<E> {
    fn from(uuid: Uuid) -> Self {
        Self { uuid, entity: PhantomData }
    }
}

impl<E: ?Sized> FromStr for Id<E> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // `Uuid` reads several spellings; the contract has one.
        match (text.len(), Uuid::try_parse(text)) {
            (36, Ok(uuid)) => Ok(uuid.into()),
            _ => Err(Error::invalid("id", "id", "is not a UUID")),
        }
    }
}

impl<E: ?Sized> fmt::Display for Id<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.hyphenated().fmt(f)
    }
}

impl<E: ?Sized> fmt::Debug for Id<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.hyphenated().fmt(f)
    }
}

impl<E: ?Sized> Clone for Id<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: ?Sized> Copy for Id<E> {}

impl<E: ?Sized> PartialEq for Id<E> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<E: ?Sized> Eq for Id<E> {}

impl<E: ?Sized> PartialOrd for Id<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E: ?Sized> Ord for Id<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<E: ?Sized> Hash for Id<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<E: ?Sized> Serialize for Id<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, E: ?Sized> Deserialize<'de> for Id<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("is not a UUID"))
    }
}

// utoipa's derive asks this of every generic type; `PartialSchema` follows from it.
#[cfg(feature = "schema")]
impl<E: ?Sized> utoipa::__dev::ComposeSchema for Id<E> {
    fn compose(
        _generics: Vec<utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>>,
    ) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)))
            .into()
    }
}

#[cfg(feature = "schema")]
impl<E: ?Sized> utoipa::ToSchema for Id<E> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;

    #[test]
    fn ids_sort_by_the_time_of_their_making() {
        let early = Id::<Thing>::new_at(Timestamp::from_micros(1_700_000_000_000_000));
        let late = Id::<Thing>::new_at(Timestamp::from_micros(1_700_000_000_002_000));
        assert!(early < late);
    }

    #[test]
    fn only_the_hyphenated_spelling_is_read() {
        let id = Id::<Thing>::new_at(Timestamp::from_micros(0));
        assert_eq!(id.to_string().parse::<Id<Thing>>().unwrap(), id);
        assert!(id.uuid().simple().to_string().parse::<Id<Thing>>().is_err());
        assert!("".parse::<Id<Thing>>().is_err());
    }
}
