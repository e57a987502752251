//! JSON and other texts in columns; what is empty is `NULL`, which costs nothing.

use std::str::FromStr;

use crm_core::custom_field::CustomValues;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fault::{Fault, Outcome};

/// A list's text.
pub(crate) fn list<T: Serialize>(items: &[T]) -> Outcome<Option<String>> {
    if items.is_empty() { Ok(None) } else { Ok(Some(serde_json::to_string(items)?)) }
}

/// A map's text.
pub(crate) fn map(values: &CustomValues) -> Outcome<Option<String>> {
    if values.is_empty() { Ok(None) } else { Ok(Some(serde_json::to_string(values)?)) }
}

/// The list of a text.
pub(crate) fn read_list<T: DeserializeOwned>(text: Option<String>) -> Outcome<Vec<T>> {
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
}

/// The map of a text.
pub(crate) fn read_map(text: Option<String>) -> Outcome<CustomValues> {
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
}

/// The value of a text that it was made from.
pub(crate) fn parsed<T: FromStr<Err = crm_core::Error>>(text: Option<String>) -> Outcome<Option<T>> {
    // The caller sent nothing wrong: a row that does not read is our defect.
    text.map(|text| text.parse()).transpose().map_err(|error| crm_core::Error::internal(error).into())
}

/// The fault of a row that holds something unknown.
pub(crate) const fn unreadable(what: &'static str) -> Fault {
    Fault::Defect(what)
}
