//! Typed ids: UUIDv7, so that they sort by the time of their making.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering as AtomicOrdering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::error::Error;
use crate::time::Timestamp;

/// Counts the ids of this process, from a random number with room above it, so that two processes
/// count in different places.
static COUNTER: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(rand::random::<u32>() >> 1));

/// Id of an `E`; a UUIDv7, written as its hyphenated lower-case string.
pub struct Id<E: ?Sized> {
    uuid: Uuid,
    entity: PhantomData<fn() -> E>,
}

impl<E: ?Sized> Id<E> {
    /// A new id whose time part is `at`. Ids that one process makes for equal or rising instants sort
    /// in the order in which they were made.
    pub fn new_at(at: Timestamp) -> Self {
        // RFC 9562, section 6.2: the millisecond, then its 4,096th part (method 3), then a counter
        // (method 1) and random bits.
        let micros = u128::from(at.micros().max(0).unsigned_abs());
        let (millis, part) = (micros / 1_000, micros % 1_000 * 4_096 / 1_000);
        let count = u128::from(COUNTER.fetch_add(1, AtomicOrdering::Relaxed));
        let random = u128::from(rand::random::<u32>());
        let bits = millis << 80 | part << 64 | count << 30 | random >> 2;
        uuid::Builder::from_u128(bits)
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
            .into()
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
        serializer.serialize_str(self.uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()))
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
    fn ids_sort_in_the_order_in_which_a_process_makes_them() {
        let instants = (0..5_000).map(|at| Timestamp::from_micros(1_700_000_000_000_000 + at / 3));
        let ids: Vec<Id<Thing>> = instants.map(Id::new_at).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(
            ids.iter().all(|id| id.uuid().get_version_num() == 7 && id.uuid().get_variant() == uuid::Variant::RFC4122)
        );
    }

    #[test]
    fn an_id_tells_the_millisecond_of_its_making() {
        for micros in [0, 1_700_000_000_123_999, Timestamp::from_micros(i64::MAX).micros()] {
            let id = Id::<Thing>::new_at(Timestamp::from_micros(micros));
            let millis = id.uuid().as_u64_pair().0 >> 16;
            assert_eq!(i64::try_from(millis).unwrap(), micros / 1_000);
        }
    }

    #[test]
    fn only_the_hyphenated_spelling_is_read() {
        let id = Id::<Thing>::new_at(Timestamp::from_micros(0));
        assert_eq!(id.to_string().parse::<Id<Thing>>().unwrap(), id);
        assert!(id.uuid().simple().to_string().parse::<Id<Thing>>().is_err());
        assert!("".parse::<Id<Thing>>().is_err());
    }
}
