//! The OpenAPI schema of a filter; derived ones cannot say that it holds itself in five shapes.

use std::borrow::Cow;

use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Filter, MAX_LIST, Op};
use crate::time::Period;

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

/// What a field is compared with: one value or a list of them.
fn value() -> RefOr<Schema> {
    // Its items are as above, and neither null nor lists: said by type, since the shapes once more
    // would make up half of the document of a filter.
    let item = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Object]);
    let list = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(item)).max_items(Some(MAX_LIST));
    let about = "A value, or a list of them for `in`, `has_*` and `between`.";
    Schema::from(scalar().item(list).description(Some(about)).build()).into()
}

fn scalar() -> OneOfBuilder {
    let yes = || Schema::from(ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build()).into();
    let mut period = object(vec![("start_of", Period::schema())]);
    period.properties.insert("offset".to_owned(), i32::schema());
    OneOfBuilder::new()
        .item(of(Type::String))
        .item(of(Type::Number))
        .item(of(Type::Boolean))
        .item(object(vec![("me", yes())]))
        .item(object(vec![("my_team", yes())]))
        .item(object(vec![("ago", of(Type::String))]))
        .item(object(vec![("ahead", of(Type::String))]))
        .item(period)
        .item(object(vec![("amount_minor", i64::schema()), ("currency", of(Type::String))]))
}
