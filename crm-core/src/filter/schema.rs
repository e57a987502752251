//! The OpenAPI schema of a filter; derived ones cannot say that it holds itself, nor which fields go together.

use std::borrow::Cow;

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Filter, Op};

impl PartialSchema for Filter {
    fn schema() -> RefOr<Schema> {
        let filter = || RefOr::<Schema>::from(Ref::from_schema_name("Filter"));
        let filters = || RefOr::<Schema>::from(Schema::from(ArrayBuilder::new().items(filter()).build()));
        OneOfBuilder::new()
            .item(object(vec![("all", filters())]))
            .item(object(vec![("any", filters())]))
            .item(object(vec![("not", filter())]))
            .item(object(vec![("field", of(Type::String)), ("op", comparing()), ("value", value())]))
            .item(is_null())
            .item(object(vec![("related", of(Type::String)), ("filter", filter())]))
            .into()
    }
}

impl ToSchema for Filter {
    fn name() -> Cow<'static, str> {
        "Filter".into()
    }
}

/// An object with exactly these fields.
fn object(fields: Vec<(&str, RefOr<Schema>)>) -> Object {
    let object = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
    fields.into_iter().fold(object, |object, (field, schema)| object.property(field, schema).required(field)).build()
}

fn of(kind: Type) -> RefOr<Schema> {
    Schema::from(ObjectBuilder::new().schema_type(kind).build()).into()
}

/// One of these texts.
fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    Schema::from(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(texts)).build()).into()
}

/// The operators that need a value.
fn comparing() -> RefOr<Schema> {
    one_of(Op::ALL.into_iter().filter(|op| *op != Op::IsNull).map(Op::name))
}

/// The one that says something without a value.
fn is_null() -> Object {
    let mut object = object(vec![("field", of(Type::String)), ("op", one_of([Op::IsNull.name()]))]);
    object.properties.insert("value".to_owned(), of(Type::Boolean));
    object
}

/// What a field is compared with. The objects are told in words: as shapes they would be most of the
/// document of every list.
fn value() -> RefOr<Schema> {
    let kinds = [Type::String, Type::Number, Type::Boolean, Type::Object, Type::Array];
    let value = ObjectBuilder::new().schema_type(SchemaType::from_iter(kinds)).description(Some(
        "A value, or a list of them for `in`, `has_*` and `between`: a text, a number, true or false, `{me: true}`, \
         `{my_team: true}`, `{ago}`, `{ahead}`, `{start_of, offset}` or `{amount_minor, currency}`.",
    ));
    Schema::from(value.build()).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_operator_is_in_one_shape() {
        let schema = serde_json::to_value(Filter::schema()).unwrap();
        let shapes = schema["oneOf"].as_array().unwrap().iter();
        let named: Vec<&str> = shapes
            .filter_map(|shape| shape.pointer("/properties/op/enum")?.as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(named.len(), Op::ALL.len());
        assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), Op::ALL.map(Op::name).into());
    }

    #[test]
    fn a_shape_has_no_other_fields() {
        let schema = serde_json::to_value(Filter::schema()).unwrap();
        assert_eq!(Filter::name(), "Filter");
        let shapes = schema["oneOf"].as_array().unwrap();
        assert_eq!(shapes.len(), 6);
        assert!(shapes.iter().all(|shape| shape["additionalProperties"] == false));
    }
}
