//! Records that can be listed, filtered and searched.

use uuid::Uuid;

use crate::custom_field::CustomValues;
use crate::filter::{Catalogue, Field, FieldKind, FieldValue, Source};
use crate::page::SortKey;
use crate::store::Record;
use crate::text;

/// A record with a catalogue of fields.
pub trait Listed: Record {
    /// What can be asked of it.
    fn catalogue() -> &'static Catalogue;

    /// The value of a built-in field.
    fn fact(&self, key: &str) -> FieldValue<'_>;

    /// Its custom values.
    fn custom_values(&self) -> Option<&CustomValues> {
        None
    }

    /// The text that searches read: what is never hidden, or what may be.
    fn search_text(&self, part: SearchPart) -> String;

    /// The value of any field.
    fn field_value(&self, field: &Field) -> FieldValue<'_> {
        match field.source {
            Source::Column => self.fact(&field.key),
            Source::Custom(_) => {
                let key = field.key.strip_prefix(crate::filter::CUSTOM_PREFIX).unwrap_or(&field.key);
                let value = self.custom_values().and_then(|values| values.get(key));
                value.map_or(FieldValue::Null, |value| custom_fact(&field.kind, value))
            }
        }
    }

    /// The value by which a list is ordered.
    fn sort_key(&self, field: &Field) -> Option<SortKey> {
        match self.field_value(field) {
            FieldValue::Text(raw) => Some(SortKey::Text(text::key(&raw))),
            FieldValue::Integer(number) => Some(SortKey::Integer(number)),
            FieldValue::Time(at) => Some(SortKey::Time(at)),
            FieldValue::Bool(truth) => Some(SortKey::Integer(truth.into())),
            FieldValue::Id(id) => Some(SortKey::Id(id)),
            FieldValue::Money { amount_minor, .. } => Some(SortKey::Integer(amount_minor)),
            FieldValue::Date(day) => {
                Some(SortKey::Integer(day.signed_duration_since(chrono::NaiveDate::default()).num_days()))
            }
            FieldValue::Null | FieldValue::Real(_) | FieldValue::Many(_) => None,
        }
    }
}

/// One half of a record's search text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchPart {
    /// Fields that no mask can hide.
    Open,
    /// Fields that a mask can hide.
    Hideable,
}

/// A custom value as filters see it. A value that does not fit its kind, left over from an older
/// definition, is no value.
fn custom_fact<'a>(kind: &FieldKind, value: &'a serde_json::Value) -> FieldValue<'a> {
    let fact = match kind {
        FieldKind::Text | FieldKind::Choice(_) => value.as_str().map(|text| FieldValue::Text(text.into())),
        FieldKind::Tags => value
            .as_array()
            .map(|items| FieldValue::Many(items.iter().filter_map(|item| item.as_str()).map(Into::into).collect())),
        FieldKind::Integer => value.as_i64().map(FieldValue::Integer),
        FieldKind::Real => value.as_f64().map(FieldValue::Real),
        FieldKind::Time => value.as_str().and_then(|text| text.parse().ok()).map(FieldValue::Time),
        FieldKind::Date => value.as_str().and_then(|text| text.parse().ok()).map(FieldValue::Date),
        FieldKind::Bool => value.as_bool().map(FieldValue::Bool),
        FieldKind::Reference(_) => value.as_str().and_then(|text| Uuid::try_parse(text).ok()).map(FieldValue::Id),
        FieldKind::Money => {
            let amount = value.get("amount_minor").and_then(serde_json::Value::as_i64);
            let currency = value.get("currency").and_then(serde_json::Value::as_str);
            amount.zip(currency).map(|(amount_minor, code)| FieldValue::Money { amount_minor, currency: code.into() })
        }
    };
    fact.unwrap_or(FieldValue::Null)
}

/// A text that may be absent, as filters see it.
pub(crate) fn text_fact(text: Option<&str>) -> FieldValue<'_> {
    text.map_or(FieldValue::Null, |text| FieldValue::Text(text.into()))
}

/// An id that may be absent, as filters see it.
pub(crate) fn id_fact<E: ?Sized>(id: Option<crate::id::Id<E>>) -> FieldValue<'static> {
    id.map_or(FieldValue::Null, |id| FieldValue::Id(id.uuid()))
}

/// Tags as filters see them.
pub(crate) fn tags_fact(tags: &[String]) -> FieldValue<'_> {
    FieldValue::Many(tags.iter().map(|tag| tag.as_str().into()).collect())
}
