//! Custom fields: what a workspace adds to contacts, companies, deals and tasks.
//!
//! Values live in the record as JSON under `custom`; the store mirrors each in a typed, indexed
//! table, so that filters on them use an index.

mod model;
mod port;
mod service;
mod value;

pub use model::{CustomField, CustomFieldEdit, CustomKind, NewCustomField};
pub(crate) use model::{MAX_CHOICES, MAX_FIELDS};
pub use port::CustomFieldStore;
pub use service::CustomFields;
pub(crate) use value::redact_custom;
pub(crate) use value::unknown_custom_field;
pub use value::{CustomValues, TypedValue, check_values};
