//! The OpenAPI schema of a filter; derived ones cannot say that it holds itself in five shapes.

use std::borrow::Cow;

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Filter, Op};

impl PartialSchema for Filter {
    fn schema() -> RefOr<Schema> {
        let filter = || RefOr::<Schema>::from(Ref::from_schema_name("Filter"));
        let filters = || RefOr::<Schema>::from(Schema::from(ArrayBuilder::new().items(filter()).build()));
        let text = || RefOr::<Schema>::from(Schema::from(ObjectBuilder::new().schema_type(Type::String).build()));
        let value = ObjectBuilder::new()
            .schema_type(SchemaType::AnyValue)
            .description(Some(
                "scalar, list, or {me}, {my_team}, {ago}, {ahead}, {start_of, offset}, {amount_minor, currency}",
            ))
            .build();
        let object = |properties: Vec<(&str, RefOr<Schema>)>| {
            properties.into_iter().fold(ObjectBuilder::new(), |object, (key, schema)| {
                let object = object.property(key, schema);
                if key == "value" { object } else { object.required(key) }
            })
        };
        OneOfBuilder::new()
            .item(object(vec![("all", filters())]))
            .item(object(vec![("any", filters())]))
            .item(object(vec![("not", filter())]))
            .item(object(vec![("field", text()), ("op", Op::schema()), ("value", Schema::from(value).into())]))
            .item(object(vec![("related", text()), ("filter", filter())]))
            .into()
    }
}

impl ToSchema for Filter {
    fn name() -> Cow<'static, str> {
        "Filter".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_holds_itself_in_five_shapes_and_asks_for_a_value_in_none() {
        assert_eq!(Filter::name(), "Filter");
        let schema = serde_json::to_value(Filter::schema()).unwrap();
        let required: Vec<_> = schema["oneOf"].as_array().unwrap().iter().map(|shape| &shape["required"]).collect();
        let expected = serde_json::json!([["all"], ["any"], ["not"], ["field", "op"], ["related", "filter"]]);
        assert_eq!(serde_json::json!(required), expected);
    }
}
