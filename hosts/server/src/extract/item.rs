//! Items of a list that are read one by one: what is wrong with one is told apart from the others.

use std::fmt;
use std::marker::PhantomData;

use crm_core::bulk::{BulkEdit, MAX_ITEMS};
use crm_core::{Error, Expect, Id, Result};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::body::field_fault;

/// A list that may be one longer than bulk work takes: what comes after is read and dropped, so that no
/// body becomes more than its records are worth, and the engine refuses the count.
#[derive(Debug)]
pub(crate) struct Bounded<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
    type Value = Bounded<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Bounded<T>, A::Error> {
        let mut taken = Vec::new();
        while taken.len() <= MAX_ITEMS {
            match list.next_element()? {
                Some(item) => taken.push(item),
                None => return Ok(Bounded(taken)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Bounded(taken))
    }
}

/// The fields of an item, and one that is there twice.
struct Fields {
    named: Map<String, Value>,
    repeated: Option<String>,
}

impl Fields {
    /// The fields, each of which is there once.
    fn once(self) -> Result<Map<String, Value>> {
        match self.repeated {
            None => Ok(self.named),
            Some(name) => Err(Error::invalid(name, "duplicate", "is there twice")),
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsReader)
    }
}

struct FieldsReader;

impl<'de> Visitor<'de> for FieldsReader {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> std::result::Result<Fields, A::Error> {
        let (mut named, mut repeated) = (Map::new(), None);
        while let Some((name, value)) = fields.next_entry::<String, Value>()? {
            if named.insert(name.clone(), value).is_some() {
                repeated.get_or_insert(name);
            }
        }
        Ok(Fields { named, repeated })
    }
}

/// An item, or why it cannot be read.
#[derive(Debug)]
pub(crate) struct Item<E>(pub(crate) Result<E>);

impl<'de, E: DeserializeOwned> Deserialize<'de> for Item<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Fields::deserialize(deserializer).map(|fields| Self(fields.once().and_then(read)))
    }
}

/// The change of one record: its id, perhaps its version, and the fields to change; or why it cannot
/// be read.
#[derive(Debug)]
pub(crate) struct EditItem<T, E>(pub(crate) Result<BulkEdit<T, E>>);

/// What says which record a change is about.
#[derive(Deserialize)]
#[serde(bound = "")]
struct Named<T> {
    id: Id<T>,
    #[serde(default)]
    version: Option<i64>,
}

impl<'de, T, E: DeserializeOwned> Deserialize<'de> for EditItem<T, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Fields::deserialize(deserializer).map(|fields| Self(fields.once().and_then(read_edit)))
    }
}

fn read_edit<T, E: DeserializeOwned>(mut fields: Map<String, Value>) -> Result<BulkEdit<T, E>> {
    let named = ["id", "version"].into_iter().filter_map(|name| fields.remove_entry(name)).collect();
    let Named { id, version } = read(named)?;
    let expect = version.map_or(Expect::Any, Expect::Version);
    Ok(BulkEdit { id, expect, edit: read(fields)? })
}

fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T> {
    serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|error| Error::invalid_fields(vec![field_fault(error.path(), error.inner())]))
}
