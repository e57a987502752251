//! From the fields that were typed to what the engine takes.

use std::io::Read as _;

use crm_core::custom_field::CustomKind;
use crm_core::filter::{CUSTOM_PREFIX, FieldKind};
use crm_core::{Entity, Money, Session};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::args::change::Fields;
use crate::failure::Failure;

/// How the text behind `=` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As it stands.
    Text,
    /// As a number or a truth value.
    Json,
    /// As texts between commas.
    List,
    /// As an amount, as in `1,250.00 USD`.
    Amount,
}

/// How the fields of a kind of record are read, custom ones included.
pub(crate) struct Readings {
    entity: Entity,
    custom: Vec<(String, CustomKind)>,
}

impl Readings {
    /// Those of a kind of record, as this caller sees its fields.
    pub(crate) async fn of(session: &Session, entity: Entity, fields: &Fields) -> Result<Self, Failure> {
        let mut custom = Vec::new();
        if fields.set.iter().any(|set| set.starts_with(CUSTOM_PREFIX)) {
            let own = session.custom_fields().list().await?;
            custom
                .extend(own.iter().filter(|field| field.entity == entity).map(|field| (field.key.clone(), field.kind)));
        }
        Ok(Self { entity, custom })
    }

    fn reading(&self, key: &str) -> Reading {
        if let Some(custom) = key.strip_prefix(CUSTOM_PREFIX) {
            let kind = self.custom.iter().find(|(known, _)| known == custom).map(|(_, kind)| *kind);
            return match kind {
                Some(CustomKind::Number | CustomKind::Boolean) => Reading::Json,
                Some(CustomKind::MultiChoice) => Reading::List,
                Some(CustomKind::Money) => Reading::Amount,
                _ => Reading::Text,
            };
        }
        match crm_core::access::catalogue(self.entity)
            .and_then(|catalogue| catalogue.field(key))
            .map(|field| &field.kind)
        {
            Some(FieldKind::Integer | FieldKind::Real | FieldKind::Bool) => Reading::Json,
            Some(FieldKind::Tags) => Reading::List,
            Some(FieldKind::Money) => Reading::Amount,
            _ => Reading::Text,
        }
    }

    /// The fields of a record that were typed.
    pub(crate) fn object(&self, fields: &Fields) -> Result<Map<String, Value>, Failure> {
        object(fields, |key| self.reading(key))
    }
}

/// The fields that were typed: those of the JSON object, and over them the single ones.
pub(crate) fn object(fields: &Fields, reading: impl Fn(&str) -> Reading) -> Result<Map<String, Value>, Failure> {
    let mut object = match fields.json.as_deref() {
        None if fields.set.is_empty() => {
            return Err(
                Failure::new("there is nothing to set").hint("name fields with --set FIELD=VALUE or --json OBJECT")
            );
        }
        None => Map::new(),
        Some(text) => {
            let text = if text == "-" { standard_input()? } else { text.to_owned() };
            serde_json::from_str(&text).map_err(|error| Failure::new(format!("--json: is no JSON object: {error}")))?
        }
    };
    for typed in &fields.set {
        let (key, value) = pair(typed, &reading)?;
        put(&mut object, &key, value);
    }
    Ok(object)
}

/// `FIELD=TEXT` or `FIELD:=JSON`.
fn pair(typed: &str, reading: impl Fn(&str) -> Reading) -> Result<(String, Value), Failure> {
    let wrong = |what: &str| Failure::new(format!("--set {typed}: {what}"));
    let (key, text) = typed.split_once('=').ok_or_else(|| wrong("is not FIELD=VALUE"))?;
    if let Some(key) = key.strip_suffix(':') {
        let value = serde_json::from_str(text).map_err(|error| wrong(&format!("is no JSON behind := ({error})")))?;
        return Ok((key.to_owned(), value));
    }
    let value = match reading(key) {
        _ if text.is_empty() => Value::Null,
        Reading::Text => text.into(),
        // What is neither is refused by the field itself.
        Reading::Json => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        Reading::List => text.split(',').map(str::trim).collect::<Vec<_>>().into(),
        Reading::Amount => {
            let (amount, code) =
                text.trim().rsplit_once(' ').ok_or_else(|| wrong("is not an amount, as in 99.50 USD"))?;
            let money = Money::parse(amount, code.parse().map_err(Failure::from)?)?;
            json!({"amount_minor": money.amount_minor, "currency": code})
        }
    };
    Ok((key.to_owned(), value))
}

/// Puts a value at its place; what stands behind `custom.` lies one object deeper.
fn put(object: &mut Map<String, Value>, key: &str, value: Value) {
    match key.strip_prefix(CUSTOM_PREFIX) {
        None => drop(object.insert(key.to_owned(), value)),
        Some(custom) => {
            let values = object.entry("custom").or_insert_with(|| json!({}));
            if let Some(values) = values.as_object_mut() {
                values.insert(custom.to_owned(), value);
            }
        }
    }
}

/// An object as the engine takes it; a field that does not fit is named.
pub(crate) fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Failure> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let place = match error.path().to_string().as_str() {
            "." => String::new(),
            path => format!("{path}: "),
        };
        Failure::new(format!("{place}{}", error.inner()))
    })
}

/// A text that was typed; `-` stands for all of standard input.
pub(crate) fn text(typed: &str) -> Result<String, Failure> {
    if typed == "-" { standard_input() } else { Ok(typed.to_owned()) }
}

fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(set: &[&str], json: Option<&str>) -> Result<Value, String> {
        let fields = Fields { set: set.iter().map(|one| (*one).to_owned()).collect(), json: json.map(str::to_owned) };
        let reading = |key: &str| match key {
            "employees" | "custom.size" => Reading::Json,
            "tags" => Reading::List,
            "value" => Reading::Amount,
            _ => Reading::Text,
        };
        object(&fields, reading).map(Value::Object).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_field_is_read_by_what_it_holds() {
        let set = [
            "name=12",
            "employees=42",
            "tags=vip, old",
            "value=1,250.5 USD",
            "custom.size=7",
            "title=",
            "phone:=null",
            "x=a=b",
        ];
        let expected = json!({
            "name": "12", "employees": 42, "tags": ["vip", "old"], "value": {"amount_minor": 125_050, "currency": "USD"},
            "custom": {"size": 7}, "title": null, "phone": null, "x": "a=b",
        });
        assert_eq!(typed(&set, None).unwrap(), expected);
    }

    #[test]
    fn single_fields_come_over_those_of_the_object() {
        let object = r#"{"name": "A", "title": "B", "custom": {"a": 1}}"#;
        let expected = json!({"name": "A", "title": "C", "custom": {"a": 1, "b": "2"}});
        assert_eq!(typed(&["title=C", "custom.b=2"], Some(object)).unwrap(), expected);
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for (set, json) in
            [(&[][..], None), (&["name"], None), (&["name:=x"], None), (&["value=5"], None), (&[], Some("[]"))]
        {
            assert!(typed(set, json).is_err(), "{set:?} {json:?}");
        }
    }
}
