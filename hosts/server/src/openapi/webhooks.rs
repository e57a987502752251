//! What is sent to webhook endpoints: one message an event, from the engine's own list, and that of a test.
//!
//! The schema of a message says what all of them hold, and what is this event's own: its name, the kind of record, and
//! what became of it or the fact that it is named after, as the fact's type describes that.

use std::collections::BTreeMap;

use crm_core::journal::Event;
use crm_core::webhook::{EventKind, Message, TEST_EVENT, events};
use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ArrayBuilder, Object, ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, Response, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use super::operations::header;

/// Facts by the name of their event, as their types describe them.
type Facts = BTreeMap<String, Object>;

/// Adds the messages of all events.
pub(super) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Message::name().into_owned(), Message::schema());
    let facts = facts(&components.schemas);
    let paths = events().fold(PathsBuilder::new(), |paths, event| {
        let item = item(&event.name, &event.says, own(&event, &facts));
        paths.path(event.name, item)
    });
    let says = "A test of the endpoint, which a member asked for.";
    document.webhooks = Some(paths.path(TEST_EVENT, item(TEST_EVENT, says, of_test())).build());
}

/// The facts that the schemas of tagged types hold.
fn facts(schemas: &BTreeMap<String, RefOr<Schema>>) -> Facts {
    let kinds = schemas.values().filter_map(|schema| match schema {
        RefOr::T(Schema::OneOf(either)) => Some(&either.items),
        _ => None,
    });
    let objects = kinds.flatten().filter_map(|item| match item {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    });
    objects.filter_map(|object| Some((tag(object)?, object.clone()))).collect()
}

/// The one value of an object's `type`.
fn tag(object: &Object) -> Option<String> {
    let RefOr::T(Schema::Object(kind)) = object.properties.get("type")? else { return None };
    match kind.enum_values.as_deref()? {
        [Value::String(name)] => Some(name.clone()),
        _ => None,
    }
}

/// What the message of an event holds beyond what all of them do.
fn own(event: &EventKind, facts: &Facts) -> Object {
    let mut data = ObjectBuilder::new().property("entity", only(event.entity.name()));
    if let Some(change) = event.change {
        data = data.property("change", only(change.name())).required("change");
    }
    if let Some(fact) = facts.get(&event.name) {
        let events = ArrayBuilder::new()
            .description(Some("The fact that the event is named after, and others behind it."))
            .prefix_items([told(fact, event.fact)])
            .items(Ref::from_schema_name(<Event as ToSchema>::name()))
            .min_items(Some(1));
        data = data.property("events", events);
    }
    let own = ObjectBuilder::new().property("type", only(&event.name)).property("data", data);
    ["type", "id", "actor", "data"].into_iter().fold(own, ObjectBuilder::required).build()
}

/// What the message of a test holds: nothing happened.
fn of_test() -> Object {
    let null = || ObjectBuilder::new().schema_type(Type::Null);
    let own = ["id", "actor", "data"].into_iter().fold(ObjectBuilder::new(), |own, field| own.property(field, null()));
    let own = own.property("type", only(TEST_EVENT));
    ["type", "id", "actor", "data"].into_iter().fold(own, ObjectBuilder::required).build()
}

/// A text that is always the same.
fn only(text: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([text])).build()
}

/// A fact whose fields are described as the catalogue of events does.
fn told(fact: &Object, fields: &[(&str, &str)]) -> Object {
    let mut fact = fact.clone();
    for (field, is) in fields {
        match fact.properties.get_mut(*field) {
            Some(RefOr::Ref(reference)) => (*is).clone_into(&mut reference.description),
            Some(RefOr::T(Schema::Object(object))) => object.description = Some((*is).to_owned()),
            Some(RefOr::T(Schema::OneOf(either))) => either.description = Some((*is).to_owned()),
            _ => {}
        }
    }
    fact
}

fn item(name: &str, says: &str, own: Object) -> PathItem {
    let schema = AllOfBuilder::new().title(Some(name)).item(Ref::from_schema_name(Message::name())).item(own);
    let body = RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/json", Content::new(Some(schema)))
        .build();
    let mut headers = Vec::new();
    for (name, about, pattern) in [
        ("webhook-id", "The same for one event and endpoint, however often it is sent.", "^msg_[0-9a-f]{32}$"),
        ("webhook-timestamp", "When this attempt began, in seconds since 1970.", "^[0-9]{1,12}$"),
        ("webhook-signature", "One signature a live secret, after Standard Webhooks.", "^v1,[^ ]+( v1,[^ ]+)*$"),
    ] {
        headers.push(header(name, about, pattern));
    }
    let operation = OperationBuilder::new()
        .tag("webhooks")
        .summary(Some(says))
        .parameters(Some(headers))
        .request_body(Some(body))
        .response("2XX", Response::new("It was taken."))
        .response("410", Response::new("Nothing is to be sent any more: the endpoint is disabled."))
        .response("default", Response::new("It was not taken, and is sent again later."));
    let mut item = PathItem::new(HttpMethod::Post, operation);
    if let Some(post) = &mut item.post {
        // Who sends shows a signature and no token.
        post.security = Some(vec![SecurityRequirement::default()]);
    }
    item
}
