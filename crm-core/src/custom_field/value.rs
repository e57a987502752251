//! Values of custom fields: checked against their definitions, and typed for filters.

use chrono::NaiveDate;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::{CustomField, CustomKind};
use crate::access::FieldMask;
use crate::error::{FieldError, Result};
use crate::money::Money;
use crate::text;

/// A record's custom values by key, each in the JSON form of its kind.
pub type CustomValues = Map<String, Value>;

/// A value in the form in which filters compare it.
#[derive(Clone, Debug, PartialEq)]
pub enum TypedValue {
    /// Text, choice or url, as it was written.
    Text(String),
    /// Choices.
    Many(Vec<String>),
    /// Number.
    Real(f64),
    /// Amount.
    Money(Money),
    /// Day.
    Date(NaiveDate),
    /// Truth.
    Bool(bool),
    /// Reference.
    Id(Uuid),
}

impl CustomField {
    /// A JSON value as this field holds it; `None` where it does not fit.
    pub fn typed(&self, value: &Value) -> Option<TypedValue> {
        match self.kind {
            CustomKind::Text | CustomKind::Url | CustomKind::Choice => {
                value.as_str().map(|s| TypedValue::Text(s.into()))
            }
            CustomKind::MultiChoice => {
                let choices = value.as_array()?.iter().map(|choice| choice.as_str().map(str::to_owned));
                choices.collect::<Option<_>>().map(TypedValue::Many)
            }
            CustomKind::Number => value.as_f64().filter(|number| number.is_finite()).map(TypedValue::Real),
            CustomKind::Money => serde_json::from_value(value.clone()).ok().map(TypedValue::Money),
            CustomKind::Date => value.as_str()?.parse().ok().map(TypedValue::Date),
            CustomKind::Boolean => value.as_bool().map(TypedValue::Bool),
            CustomKind::User | CustomKind::Reference => Uuid::try_parse(value.as_str()?).ok().map(TypedValue::Id),
        }
    }

    /// The value as it is kept, or what is wrong with it.
    fn clean(&self, value: &Value) -> Result<Value, (&'static str, String)> {
        let wrong = |what: &str| ("value_type", format!("must be {what}"));
        match self.kind {
            CustomKind::Text => {
                let text = value.as_str().ok_or_else(|| wrong("text"))?;
                text::clean_text("", text, 1_000).map(Value::from).map_err(reason)
            }
            CustomKind::Url => {
                let text = value.as_str().ok_or_else(|| wrong("an http or https address"))?;
                let text = text::clean_line("", text, 1_000).map_err(reason)?;
                let lower = text.to_ascii_lowercase();
                let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
                match rest {
                    Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(text.into()),
                    _ => Err(wrong("an http or https address")),
                }
            }
            CustomKind::Choice => self.choice(value).map(Value::from),
            CustomKind::MultiChoice => {
                let items = value.as_array().ok_or_else(|| wrong("a list of choices"))?;
                let mut chosen = items.iter().map(|item| self.choice(item)).collect::<Result<Vec<_>, _>>()?;
                chosen.sort_unstable();
                chosen.dedup();
                Ok(chosen.into())
            }
            CustomKind::Date => {
                // One spelling a day, so that equal days are equal JSON.
                let date: Option<NaiveDate> = value.as_str().and_then(|text| text.parse().ok());
                let date = date.filter(|date| (1..=9999).contains(&chrono::Datelike::year(date)));
                date.map(|date| date.to_string().into()).ok_or_else(|| wrong("a day, as in 2026-01-31"))
            }
            CustomKind::User | CustomKind::Reference => match self.typed(value) {
                Some(TypedValue::Id(id)) => Ok(id.hyphenated().to_string().into()),
                _ => Err(wrong("an id")),
            },
            CustomKind::Number => self.typed(value).map(|_| value.clone()).ok_or_else(|| wrong("a finite number")),
            CustomKind::Money => {
                self.typed(value).map(|_| value.clone()).ok_or_else(|| wrong("an amount_minor with its currency"))
            }
            CustomKind::Boolean => self.typed(value).map(|_| value.clone()).ok_or_else(|| wrong("true or false")),
        }
    }

    /// The choice that a value names, as it was defined.
    fn choice(&self, value: &Value) -> Result<String, (&'static str, String)> {
        let text = value.as_str().unwrap_or_default();
        let key = text::key(text.trim());
        let found = self.choices.iter().find(|choice| text::key(choice) == key).cloned();
        found.ok_or_else(|| ("choice", "is not one of the field's choices".to_owned()))
    }
}

/// Removes the values that a mask hides.
pub(crate) fn redact_custom(values: &mut CustomValues, mask: &FieldMask) {
    for key in mask.iter().filter_map(|key| key.strip_prefix(crate::filter::CUSTOM_PREFIX)) {
        values.remove(key);
    }
}

/// Code and message of a text that was refused.
fn reason(error: crate::error::Error) -> (&'static str, String) {
    let message = error.fields().first().map(|field| field.message.clone());
    ("text", message.unwrap_or_else(|| error.to_string()))
}

/// The fault of a key that no custom field has, or none that the caller sees.
pub(crate) fn unknown_custom_field(key: &str) -> FieldError {
    let field = format!("{}{key}", crate::filter::CUSTOM_PREFIX);
    FieldError::new(field, "unknown_field", "is not a custom field of this workspace")
}

/// Checks a record's custom values against the workspace's definitions, as far as the caller sees
/// them, and puts each in its kept
/// form. A `null` removes the value. What a record already held under a retired or changed
/// definition stays as long as it is not touched.
///
/// Gives the errors, one a field, rather than failing, so that they join those of other fields.
pub fn check_values(
    definitions: &[CustomField],
    before: Option<&CustomValues>,
    values: &mut CustomValues,
) -> Vec<FieldError> {
    let mut faults = Vec::new();
    values.retain(|_, value| !value.is_null());
    for (key, value) in values.iter_mut() {
        if before.and_then(|before| before.get(key)) == Some(value) {
            continue;
        }
        let field = format!("custom.{key}");
        match definitions.iter().find(|definition| &definition.key == key) {
            None => faults.push(unknown_custom_field(key)),
            Some(definition) => match definition.clean(value) {
                Ok(clean) => *value = clean,
                Err((code, message)) => faults.push(FieldError::new(field, code, message)),
            },
        }
    }
    // A list without choices says as little as no list.
    values.retain(|_, value| value.as_array().is_none_or(|choices| !choices.is_empty()));
    for definition in definitions.iter().filter(|definition| definition.required) {
        // What another field of this key left behind is no value of this one.
        if values.get(&definition.key).is_none_or(|value| definition.typed(value).is_none()) {
            faults.push(FieldError::new(definition.filter_key(), "required", "is required"));
        }
    }
    faults
}
