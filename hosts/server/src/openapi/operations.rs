//! What follows from an operation's path, method and body.

use std::collections::BTreeSet;

use utoipa::ToSchema as _;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, Schema};

use super::examples::refusal;
use super::schemas::{WHOLE, versioned};
use super::{BEARER, COOKIE};
use crate::refusal::Problem;

const PROBLEM: &str = "application/problem+json";
/// Where a reference to a schema begins.
const SCHEMAS: &str = "#/components/schemas/";

/// Every refusal that an operation may answer with.
const REFUSALS: [(&str, &str); 15] = [
    ("400", "The body is no JSON."),
    ("401", "No access token, or one that does not hold; at a sign-in, another proof that does not hold."),
    (
        "403",
        "A permission is missing, which `detail` names, registering is closed, or a cookie comes from a foreign page.",
    ),
    ("404", "There is no such record, or the caller does not see it."),
    ("408", "The body did not arrive in time."),
    ("409", "Somebody else was faster, or a unique value is taken."),
    ("413", "The body is too large."),
    ("414", "Path and query are too long; a search takes its filter as a body."),
    ("415", "The body is not `application/json`."),
    ("422", "The input breaks a rule; `errors` names each place."),
    ("426", "The request is no handshake of a WebSocket."),
    ("429", "Too many attempts; `Retry-After` says when to try again."),
    ("500", "A defect of the server."),
    ("501", "This deployment cannot do that."),
    ("503", "The store is down or a deadline has passed; `Retry-After` says when to try again."),
];

/// What is answered before there is a request.
const LARGE_HEAD: (&str, &str) =
    ("431", "The head has more than 96 fields or 128 KiB. The answer has no body, and the connection is closed.");

/// The refusals by their names in the document.
pub(super) fn refusals() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let problems = REFUSALS.into_iter().map(|(status, why)| (refusal_name(status), problem(status, why)));
    let (status, why) = LARGE_HEAD;
    let bare = ResponseBuilder::new().description(why).build();
    problems.chain([(refusal_name(status), bare)]).map(|(name, response)| (name, response.into()))
}

/// What is known of the document as a whole.
struct Facts {
    /// Schemas of records, whose answers have an `ETag`.
    versioned: BTreeSet<String>,
    /// Paths that can be read.
    readable: BTreeSet<String>,
}

/// Completes every operation.
pub(super) fn complete(document: &mut OpenApi) {
    let facts = Facts {
        versioned: document.components.as_ref().map(|all| versioned(&all.schemas)).unwrap_or_default(),
        readable: readable(document),
    };
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            describe(path, method, operation);
            add_headers(&facts, path, operation);
            add_refusals(path, method, operation);
        }
    }
}

fn readable(document: &OpenApi) -> BTreeSet<String> {
    let paths = document.paths.paths.iter();
    paths.filter(|(_, item)| item.get.is_some()).map(|(path, _)| path.clone()).collect()
}

/// The operations of a path by their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    let named = [("get", get), ("post", post), ("put", put), ("patch", patch), ("delete", delete)];
    named.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Who may call it, and with what.
fn describe(path: &str, method: &str, operation: &mut Operation) {
    if let Some(summary) = &mut operation.summary {
        // It is one sentence, however long its line in the source.
        *summary = summary.replace('\n', " ");
    }
    let is_signed = operation.security.is_none();
    if is_signed {
        let ways: &[&str] = if path.ends_with("/events") { &[BEARER, COOKIE] } else { &[BEARER] };
        operation.security = Some(ways.iter().map(|way| SecurityRequirement::new(*way, [""; 0])).collect());
    }
    let mut parameters = Vec::new();
    if path.contains("{id}") {
        parameters.push(id("id", "The record's id."));
    }
    if path.contains("{delivery_id}") {
        parameters.push(id("delivery_id", "The delivery's id."));
    }
    if is_signed && is_versioned(path) && matches!(method, "put" | "patch" | "delete")
        || path.ends_with("/workspace") && method == "patch"
        || path.ends_with("/permissions") && method == "put"
    {
        let about = "The version that the change is based on, as in `\"3\"`; another is 409.";
        parameters.push(header("If-Match", about, r#"^(\*|"[0-9]{1,18}")$"#));
    }
    if is_signed && takes_key(path, method, operation) {
        let about = "Makes a repeated request answer as the first did, for 24 h.";
        parameters.push(header("Idempotency-Key", about, "^[!-~]{1,255}$"));
    }
    operation.parameters.get_or_insert_default().extend(parameters.into_iter().map(RefOr::T));
    if matches!(method, "post" | "put") {
        ask_for_all(operation);
    }
}

/// Whether the path names a record with a version.
fn is_versioned(path: &str) -> bool {
    let is_plain = path.contains("/suppressions/") || path.contains("/exports/");
    path.contains("{id}") && !is_plain || path.ends_with("/templates/{name}")
}

/// Whether a repeat under the same key answers as the first request did.
fn takes_key(path: &str, method: &str, operation: &Operation) -> bool {
    if path.ends_with("/webhook-endpoints") {
        // The answer tells a secret, which is told once.
        return false;
    }
    let is_bulk = method == "post" && path.contains("/bulk");
    let steers_jobs = method == "post" && (path.contains("/jobs/") || path.contains("/queues/"));
    let is_told = path.ends_with("/replay") || method == "post" && path.ends_with("/suppressions");
    is_told || is_bulk || steers_jobs || creates(operation) || operation.responses.responses.contains_key("202")
}

fn creates(operation: &Operation) -> bool {
    operation.responses.responses.contains_key("201")
}

/// A record that is made or replaced needs more than one that is changed.
fn ask_for_all(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        if let RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) = content
            && let Some((whole, ..)) = WHOLE.iter().find(|(_, change, _)| named(reference) == Some(change))
        {
            *reference = Ref::from_schema_name(*whole);
        }
    }
}

/// The name of the schema that is referred to.
fn named(reference: &Ref) -> Option<&str> {
    reference.ref_location.strip_prefix(SCHEMAS)
}

fn add_headers(facts: &Facts, path: &str, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let record = response.content.values().find_map(|content| match content {
            RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) => named(reference),
            _ => None,
        });
        if record.is_some_and(|record| facts.versioned.contains(record)) {
            response.headers.insert("ETag".to_owned(), sent("The record's version, for `If-Match`."));
        }
        if status == "202" {
            response.headers.insert("Location".to_owned(), sent("The job's path."));
        }
        if status == "201" && facts.readable.contains(&format!("{path}/{{id}}")) {
            response.headers.insert("Location".to_owned(), sent("The record's path."));
        }
        response.headers.insert("X-Request-Id".to_owned(), sent("The request's id, as in the log."));
        if counts(path) {
            response.headers.extend(share());
        }
        if counts(path) || path.ends_with("/logout") {
            let about = "The cookie with the next refresh token, where a browser keeps it, or its end.";
            response.headers.insert("Set-Cookie".to_owned(), sent(about));
        }
        if response.description.is_empty() {
            let description = match status.as_str() {
                "201" => "Made.",
                "202" => "A worker does it; the job tells how far it is.",
                "204" => "Done.",
                _ => "The answer.",
            };
            response.description = description.to_owned();
        }
    }
}

/// Whether the operation is one whose attempts are counted.
fn counts(path: &str) -> bool {
    ["/login", "/register", "/refresh"].iter().any(|end| path.ends_with(end))
}

/// What the counted operations tell of the rest of a share.
fn share() -> impl Iterator<Item = (String, RefOr<Header>)> {
    let told = [
        ("RateLimit-Limit", "Attempts that the tightest window allows."),
        ("RateLimit-Remaining", "Attempts that are left in it."),
        ("RateLimit-Reset", "Seconds until it ends."),
    ];
    told.into_iter().map(|(name, description)| (name.to_owned(), sent(description)))
}

fn add_refusals(path: &str, method: &str, operation: &mut Operation) {
    let is_open = operation.security.iter().flatten().all(|way| *way == SecurityRequirement::default());
    let (writes, ends) = (method != "get", |end: &str| path.ends_with(end));
    let (signs_in, repeats) = (ends("/login") || ends("/refresh"), !is_open && takes_key(path, method, operation));
    let has_body = operation.request_body.is_some();
    let may = [
        (true, &["422", "431", "500"][..]),
        (!["/healthz", "/metrics", "/openapi.json", "/docs"].iter().any(|path| ends(path)), &["503"]),
        (counts(path), &["429"]),
        (signs_in || !is_open || ends("/metrics"), &["401"]),
        (takes_query(operation), &["414"]),
        (ends("/ws"), &["426"]),
        (ends("/email/send") || ends("/email/template"), &["501"]),
        (signs_in || !is_open || ends("/register") || ends("/ws"), &["403"]),
        (has_body, &["400", "408", "413", "415"]),
        // What was made under a key may be gone when it is asked for again.
        (path.contains('{') || names_pipeline(path) || repeats, &["404"]),
        // A file that is still being written.
        (ends("/file.csv"), &["409"]),
        (writes && !signs_in && !ends("/search") && !ends("/filter/tags") && !ends("/logout"), &["409"]),
    ];
    for status in may.into_iter().filter(|(may, _)| *may).flat_map(|(_, statuses)| statuses) {
        let reference = RefOr::Ref(Ref::from_response_name(refusal_name(status)));
        operation.responses.responses.entry((*status).to_owned()).or_insert(reference);
    }
}

/// Whether the query names a pipeline that must be there.
fn names_pipeline(path: &str) -> bool {
    path.ends_with("/deals/pipeline") || path.contains("/analytics/")
}

/// Whether the operation takes a query string.
pub(crate) fn takes_query(operation: &Operation) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters.into_iter().any(|parameter| matches!(parameter, RefOr::T(one) if one.parameter_in == ParameterIn::Query))
}

fn refusal_name(status: &str) -> String {
    format!("Refused{status}")
}

fn problem(status: &str, why: &str) -> Response {
    let schema = RefOr::<Schema>::Ref(Ref::from_schema_name(Problem::name()));
    let mut content = Content::new(Some(schema));
    content.example = refusal(status);
    let mut response = ResponseBuilder::new().description(why).content(PROBLEM, content).build();
    let own = match status {
        "401" => Some(("WWW-Authenticate", "How to sign in: `Bearer`.")),
        "409" => Some(("ETag", "The version of `current`, where there is one.")),
        "429" | "503" => Some(("Retry-After", "Seconds to wait before the next attempt.")),
        _ => None,
    };
    for (name, description) in own.into_iter().chain([("X-Request-Id", "The request's id, as in the log.")]) {
        response.headers.insert(name.to_owned(), sent(description));
    }
    if status == "429" {
        response.headers.extend(share());
    }
    response
}

/// A header of an answer.
fn sent(description: &str) -> RefOr<Header> {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
    header.description = Some(description.to_owned());
    header.into()
}

fn id(name: &str, about: &str) -> Parameter {
    let uuid =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(about))
        .schema(Some(uuid))
        .build()
}

/// A header of a request.
pub(super) fn header(name: &str, description: &str, pattern: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))))
        .build()
}
