//! The JSON form of a filter.
//!
//! Reading counts levels, nodes and list values as it goes, so a hostile body is refused before it
//! is held. Unknown and repeated keys are refused by name.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::op::Op;
use super::value::{Operand, Scalar};
use super::{Comparison, Filter, MAX_DEPTH, MAX_LIST, MAX_NODES, READ_DEPTH, READ_NODES};
use crate::error::{Error, Result};
use crate::time::Period;

impl Filter {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// `Invalid` at `filter`: `json` for a text that is no JSON, `filter` for JSON that is no filter, `too_deep` for
    /// one of too many levels.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| {
            let text = error.to_string();
            if text.starts_with(TOO_DEEP) {
                return super::too_deep();
            }
            Error::invalid("filter", if error.is_data() { "filter" } else { "json" }, text)
        })
    }
}

/// How the refusal of too many levels begins: what refuses in the midst of JSON has a text and no code.
const TOO_DEEP: &str = "filter nests deeper than";

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::All(parts) => map.serialize_entry("all", parts)?,
            Self::Any(parts) => map.serialize_entry("any", parts)?,
            Self::Not(part) => map.serialize_entry("not", part)?,
            Self::Is(Comparison { field, op, value }) => {
                map.serialize_entry("field", field)?;
                map.serialize_entry("op", op)?;
                map.serialize_entry("value", value)?;
            }
            Self::Related { relation, filter } => {
                map.serialize_entry("related", relation)?;
                map.serialize_entry("filter", filter)?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FilterAt { depth: 1, nodes: &Cell::new(0) }.deserialize(deserializer)
    }
}

/// Reads the filter at this depth.
#[derive(Clone, Copy)]
struct FilterAt<'a> {
    depth: usize,
    nodes: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for FilterAt<'_> {
    type Value = Filter;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Filter, D::Error> {
        self.nodes.set(self.nodes.get() + 1);
        if self.depth > READ_DEPTH {
            return Err(D::Error::custom(format!("{TOO_DEEP} {MAX_DEPTH} levels")));
        }
        if self.nodes.get() > READ_NODES {
            return Err(D::Error::custom(format!("filter has more than {MAX_NODES} parts")));
        }
        deserializer.deserialize_map(self)
    }
}

/// The parts of a filter object as they come, in any order.
#[derive(Default)]
struct Parts {
    whole: Option<Filter>,
    field: Option<String>,
    op: Option<Op>,
    value: Option<Operand>,
    related: Option<String>,
    filter: Option<Filter>,
}

impl<'de> Visitor<'de> for FilterAt<'_> {
    type Value = Filter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a filter: an object with all, any, not, related or field")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Filter, A::Error> {
        let below = FilterAt { depth: self.depth + 1, ..self };
        let mut parts = Parts::default();
        while let Some(key) = map.next_key::<String>()? {
            let is_new = match key.as_str() {
                "all" => parts.whole.replace(Filter::All(map.next_value_seed(FiltersAt(below))?)).is_none(),
                "any" => parts.whole.replace(Filter::Any(map.next_value_seed(FiltersAt(below))?)).is_none(),
                "not" => parts.whole.replace(map.next_value_seed(below)?.negated()).is_none(),
                "field" => parts.field.replace(map.next_value()?).is_none(),
                "op" => parts.op.replace(map.next_value()?).is_none(),
                "value" => parts.value.replace(map.next_value()?).is_none(),
                "related" => parts.related.replace(map.next_value()?).is_none(),
                "filter" => parts.filter.replace(map.next_value_seed(below)?).is_none(),
                _ => return Err(unknown_key(&key, "filter")),
            };
            if !is_new {
                return Err(A::Error::custom(FILTER_SHAPES));
            }
        }
        parts.filter().ok_or_else(|| A::Error::custom(FILTER_SHAPES))
    }
}

const FILTER_SHAPES: &str =
    "a filter is one of {all: [..]}, {any: [..]}, {not: ..}, {field, op, value} and {related, filter}";

impl Parts {
    fn filter(self) -> Option<Filter> {
        match (self.whole, self.field, self.op, self.value, self.related, self.filter) {
            (Some(whole), None, None, None, None, None) => Some(whole),
            (None, Some(field), Some(op), value, None, None) => {
                // `is_null` alone says something without a value: that it is.
                let value = value.or_else(|| (op == Op::IsNull).then(|| true.into()))?;
                Some(Filter::Is(Comparison { field, op, value }))
            }
            (None, None, None, None, Some(relation), Some(filter)) => {
                Some(Filter::Related { relation, filter: Box::new(filter) })
            }
            _ => None,
        }
    }
}

fn unknown_key<E: serde::de::Error>(key: &str, of: &str) -> E {
    E::custom(format!("unknown key {:?} in a {of}", key.chars().take(64).collect::<String>()))
}

/// Reads a list of filters, all at this depth.
struct FiltersAt<'a>(FilterAt<'a>);

impl<'de> DeserializeSeed<'de> for FiltersAt<'_> {
    type Value = Vec<Filter>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Filter>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for FiltersAt<'_> {
    type Value = Vec<Filter>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of filters")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Filter>, A::Error> {
        let mut filters = Vec::new();
        while let Some(filter) = seq.next_element_seed(self.0)? {
            filters.push(filter);
        }
        Ok(filters)
    }
}

impl Serialize for Operand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(scalar) => scalar.serialize(serializer),
            Self::Many(scalars) => scalars.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Operand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OperandVisitor)
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::Text(text) => return serializer.serialize_str(text),
            Self::Integer(number) => return serializer.serialize_i64(*number),
            Self::Real(number) => return serializer.serialize_f64(*number),
            Self::Bool(truth) => return serializer.serialize_bool(*truth),
            _ => serializer.serialize_map(None)?,
        };
        match self {
            Self::Text(_) | Self::Integer(_) | Self::Real(_) | Self::Bool(_) => {}
            Self::Money { amount_minor, currency } => {
                map.serialize_entry("amount_minor", amount_minor)?;
                map.serialize_entry("currency", currency)?;
            }
            Self::Me => map.serialize_entry("me", &true)?,
            Self::MyTeam => map.serialize_entry("my_team", &true)?,
            Self::Ago(span) => map.serialize_entry("ago", &span.to_string())?,
            Self::Ahead(span) => map.serialize_entry("ahead", &span.to_string())?,
            Self::StartOf { period, offset } => {
                map.serialize_entry("start_of", period)?;
                if *offset != 0 {
                    map.serialize_entry("offset", offset)?;
                }
            }
        }
        map.end()
    }
}

/// Reads an operand by the kind of its JSON value.
struct OperandVisitor;

impl<'de> Visitor<'de> for OperandVisitor {
    type Value = Operand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, number, true, false, list, or an object such as {me: true} or {ago: \"P7D\"}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Operand, A::Error> {
        let mut scalars = Vec::new();
        while let Some(operand) = seq.next_element()? {
            let Operand::One(scalar) = operand else {
                return Err(A::Error::custom("a list of values holds a list"));
            };
            if scalars.len() == MAX_LIST {
                return Err(A::Error::custom(format!("a list has more than {MAX_LIST} values")));
            }
            scalars.push(scalar);
        }
        Ok(Operand::Many(scalars))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Operand, A::Error> {
        let mut parts = ScalarParts::default();
        while let Some(key) = map.next_key::<String>()? {
            let is_new = match key.as_str() {
                "me" => parts.whole.replace(said(Scalar::Me, map.next_value()?)?).is_none(),
                "my_team" => parts.whole.replace(said(Scalar::MyTeam, map.next_value()?)?).is_none(),
                "ago" => parts.whole.replace(Scalar::Ago(map.next_value()?)).is_none(),
                "ahead" => parts.whole.replace(Scalar::Ahead(map.next_value()?)).is_none(),
                "start_of" => parts.period.replace(map.next_value()?).is_none(),
                "offset" => parts.offset.replace(map.next_value()?).is_none(),
                "amount_minor" => parts.amount_minor.replace(map.next_value()?).is_none(),
                "currency" => parts.currency.replace(map.next_value()?).is_none(),
                _ => return Err(unknown_key(&key, "value")),
            };
            if !is_new {
                return Err(A::Error::custom(SCALAR_SHAPES));
            }
        }
        parts.scalar().map(Operand::One).ok_or_else(|| A::Error::custom(SCALAR_SHAPES))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Operand, E> {
        Ok(text.into())
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Operand, E> {
        Ok(truth.into())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Operand, E> {
        Ok(number.into())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Operand, E> {
        // What no whole number here can hold reads as JSON reads still longer ones.
        Ok(i64::try_from(number).map_or(Scalar::Real(number as f64), Scalar::Integer).into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Operand, E> {
        Ok(Scalar::Real(number).into())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Operand, E> {
        Err(E::custom("null is no value to compare with: use is_null"))
    }
}

/// The parts of an operand object as they come, in any order.
#[derive(Default)]
struct ScalarParts {
    whole: Option<Scalar>,
    period: Option<Period>,
    offset: Option<i32>,
    amount_minor: Option<i64>,
    currency: Option<String>,
}

const SCALAR_SHAPES: &str = "a value object is one of {me: true}, {my_team: true}, {ago: ..}, {ahead: ..}, \
                             {start_of, offset} and {amount_minor, currency}";

impl ScalarParts {
    fn scalar(self) -> Option<Scalar> {
        match (self.whole, self.period, self.offset, self.amount_minor, self.currency) {
            (Some(whole), None, None, None, None) => Some(whole),
            (None, Some(period), offset, None, None) => {
                Some(Scalar::StartOf { period, offset: offset.unwrap_or_default() })
            }
            (None, None, None, Some(amount_minor), Some(currency)) => Some(Scalar::Money { amount_minor, currency }),
            _ => None,
        }
    }
}

/// `{"me": true}` says something, `{"me": false}` does not.
fn said<E: serde::de::Error>(scalar: Scalar, truth: bool) -> Result<Scalar, E> {
    if truth { Ok(scalar) } else { Err(E::custom(SCALAR_SHAPES)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_has_one_spelling() {
        for json in [
            json!({"all": []}),
            json!({"any": [{"not": {"field": "score", "op": "gt", "value": 80}}]}),
            json!({"related": "company", "filter": {"field": "industry", "op": "starts_with", "value": "re"}}),
            json!({"field": "score", "op": "between", "value": [1, 2.5]}),
            json!({"field": "tags", "op": "has_none", "value": ["vip", "big fish"]}),
            json!({"field": "phone", "op": "is_null", "value": false}),
            json!({"field": "owner_id", "op": "in", "value": [{"me": true}, {"my_team": true}]}),
            json!({"field": "created_at", "op": "ge", "value": {"ago": "P7D"}}),
            json!({"field": "due_at", "op": "lt", "value": {"ahead": "P1Y2M3DT4H5M6S"}}),
            json!({"field": "created_at", "op": "ge", "value": {"start_of": "month"}}),
            json!({"field": "created_at", "op": "ge", "value": {"start_of": "quarter", "offset": -1}}),
            json!({"field": "value", "op": "gt", "value": {"amount_minor": 125_000, "currency": "USD"}}),
        ] {
            let filter: Filter = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(serde_json::to_value(&filter).unwrap(), json);
        }
    }

    #[test]
    fn is_null_says_so_without_a_value() {
        let short = Filter::from_json(r#"{"op": "is_null", "field": "phone"}"#).unwrap();
        assert_eq!(short, Filter::is("phone", Op::IsNull, true));
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_reason() {
        for (json, reason) in [
            (r#"{}"#, "a filter is one of"),
            (r#"[]"#, "a filter: an object"),
            (r#"{"all": [], "any": []}"#, "a filter is one of"),
            (r#"{"all": [], "field": "a"}"#, "a filter is one of"),
            (r#"{"all": {}}"#, "a list of filters"),
            (r#"{"field": "a", "op": "eq"}"#, "a filter is one of"),
            (r#"{"field": "a", "op": "like", "value": 1}"#, "unknown variant `like`"),
            (r#"{"field": "a", "op": "eq", "value": null}"#, "use is_null"),
            (r#"{"field": "a", "op": "in", "value": [[1]]}"#, "holds a list"),
            (r#"{"field": "a", "op": "eq", "value": {"me": false}}"#, "a value object is one of"),
            (r#"{"field": "a", "op": "eq", "value": {"me": true, "ago": "P1D"}}"#, "a value object is one of"),
            (r#"{"field": "a", "op": "eq", "value": {"offset": 1}}"#, "a value object is one of"),
            (r#"{"field": "a", "op": "eq", "value": {"ago": "7 days"}}"#, "ISO 8601 duration"),
            (r#"{"field": "a", "op": "eq", "value": {"you": true}}"#, "unknown key \"you\" in a value"),
            (r#"{"field": "a", "op": "eq", "value": 1, "case": true}"#, "unknown key \"case\" in a filter"),
        ] {
            let error = Filter::from_json(json).unwrap_err();
            assert_eq!(error.fields()[0].code, "filter");
            assert!(error.message().contains(reason), "{json}: {error}");
        }
        assert_eq!(Filter::from_json("{").unwrap_err().fields()[0].code, "json");
    }
}
