//! Watching what happens.

use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get};
use crm_boot::{Proof, Topics};
use crm_core::Error;
use crm_core::journal::Envelope;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::State;
use crate::extract::{NoQuery, Query, Watcher, by_cookie};
use crate::live::{MAX_MESSAGE_BYTES, converse, stream};
use crate::refusal::{Answer, Refusal};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Keeps proxies from gathering what is to be sent at once.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(socket).service(events);
}

/// Watch what happens over a WebSocket. The first message is a `Greeting`; the server answers with
/// events (`Envelope`) and with notices (`Notice`). Further messages (`Subscription`) change what is
/// watched.
///
/// A page of the server itself, or of an origin of the same site in `cors_origins`, needs no token where the browser
/// sends the cookie of a sign-in with the handshake. For any other page that has it sent the handshake is refused (403
/// `foreign_origin`).
#[utoipa::path(
    tag = "live",
    operation_id = "watch",
    security(()),
    responses((status = 101, description = "The WebSocket is open."))
)]
#[get("/ws")]
async fn socket(_: NoQuery, request: HttpRequest, payload: Payload, state: Data<State>) -> Answer<HttpResponse> {
    let known = by_cookie(&request).await?;
    let opened = actix_ws::handle(&request, payload);
    let (response, session, messages) = opened.map_err(|_| Refusal::no_upgrade())?;
    let messages = messages.max_frame_size(MAX_MESSAGE_BYTES).aggregate_continuations();
    let messages = messages.max_continuation_size(MAX_MESSAGE_BYTES);
    actix_web::rt::spawn(converse(state, session, messages, known));
    Ok(response)
}

/// What to watch.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsParams {
    /// Kinds of record, parted by commas: `contacts`, `companies`, `deals`, `tasks`, `notes`, `tags`,
    /// `pipelines`, `custom_fields`, `exchange_rates`, `mail_templates`, `users`, `teams`, `workspace`,
    /// `webhook_endpoints`.
    #[param(example = "contacts,deals")]
    topics: String,
    /// The `seq` of the last event that was seen; events go on after it. A `Last-Event-ID` header counts
    /// more. Absent: from now on.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// Watch what happens as server-sent events: `id` is the `seq`, `event` the type, `data` an `Envelope`.
///
/// Beside an access token the cookie of a sign-in does, where a page of the server itself has it sent.
#[utoipa::path(
    tag = "live",
    operation_id = "stream_events",
    params(EventsParams),
    responses((status = 200, content_type = "text/event-stream", body = Envelope))
)]
#[get("/events")]
async fn events(
    Watcher(claims): Watcher,
    Query(params): Query<EventsParams>,
    request: HttpRequest,
    state: Data<State>,
) -> Answer<HttpResponse> {
    let topics = Topics::named(params.topics.split(','))?;
    let after = last_seen(&request)?.or(params.after);
    let watch = state.live.watch(Proof::SignIn(claims), topics, after).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header(UNBUFFERED);
    Ok(response.content_type("text/event-stream").streaming(stream(watch, state.closing.subscribe())))
}

/// What a browser that comes back says it saw last.
fn last_seen(request: &HttpRequest) -> Answer<Option<i64>> {
    let Some(sent) = request.headers().get(LAST_EVENT_ID) else { return Ok(None) };
    let seq = sent.to_str().ok().and_then(|seq| seq.parse().ok()).filter(|seq| *seq >= 0);
    let unfit = || Error::invalid("Last-Event-ID", "value_type", "is not the number of an event");
    Ok(Some(seq.ok_or_else(unfit)?))
}
