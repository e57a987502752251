//! Items of a list that are read one by one: what is wrong with one is told apart from the others.

use crm_core::bulk::BulkEdit;
use crm_core::{Error, Expect, Id, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::body::field_fault;

/// An item, or why it cannot be read.
#[derive(Debug)]
pub(crate) struct Item<E>(pub(crate) Result<E>);

impl<'de, E: DeserializeOwned> Deserialize<'de> for Item<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Map::deserialize(deserializer).map(|fields| Self(read(fields)))
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
        Map::deserialize(deserializer).map(|fields| Self(read_edit(fields)))
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
