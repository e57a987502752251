//! A record as one caller sees it.

use std::ops::Deref;

use serde::{Serialize, Serializer};

use super::mask::FieldMask;
use crate::store::Record;

/// A record without the fields that the caller does not see: absent on the wire, empty in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct View<T> {
    record: T,
    hidden: FieldMask,
}

impl<T: Record> View<T> {
    pub(crate) fn new(mut record: T, mask: &FieldMask) -> Self {
        if !mask.is_empty() {
            record.redact(mask);
        }
        Self { record, hidden: mask.clone() }
    }

    /// The record; hidden fields are empty.
    pub fn into_inner(self) -> T {
        self.record
    }

    /// The fields that are hidden.
    pub fn hidden(&self) -> &FieldMask {
        &self.hidden
    }
}

impl<T> Deref for View<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.record
    }
}

impl<T: Serialize> Serialize for View<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.hidden.is_empty() {
            return self.record.serialize(serializer);
        }
        let mut image = serde_json::to_value(&self.record).map_err(serde::ser::Error::custom)?;
        if let Some(fields) = image.as_object_mut() {
            self.hidden.redact(fields);
        }
        image.serialize(serializer)
    }
}

#[cfg(feature = "schema")]
impl<T: utoipa::ToSchema> utoipa::PartialSchema for View<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        T::schema()
    }
}

#[cfg(feature = "schema")]
impl<T: utoipa::ToSchema> utoipa::ToSchema for View<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        T::schemas(schemas);
    }
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use utoipa::{PartialSchema as _, ToSchema as _};

    use super::*;
    use crate::contact::Contact;

    #[test]
    fn a_view_has_the_schema_of_its_record() {
        assert_eq!(View::<Contact>::name(), Contact::name());
        assert!(View::<Contact>::schema() == Contact::schema());
        let (mut own, mut shown) = (Vec::new(), Vec::new());
        Contact::schemas(&mut own);
        View::<Contact>::schemas(&mut shown);
        assert!(!own.is_empty() && shown == own);
    }
}
