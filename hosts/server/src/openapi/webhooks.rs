//! What is sent to webhook endpoints: one message an event, from the engine's own list.

use crm_core::webhook::{EventKind, Message, events};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, Response, Schema};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::operations::header;

/// Adds the messages of all events.
pub(super) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Message::name().into_owned(), Message::schema());
    let paths = events().fold(PathsBuilder::new(), |paths, event| paths.path(event.name.clone(), item(event)));
    document.webhooks = Some(paths.build());
}

fn item(event: EventKind) -> PathItem {
    let schema = RefOr::<Schema>::Ref(Ref::from_schema_name(Message::name()));
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
        .summary(Some(event.says))
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
