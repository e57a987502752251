//! What every request gets: an id, the headers of every answer, a line in the log, its count and its
//! span, and a problem document where it failed.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};
use futures::FutureExt as _;
use opentelemetry_sdk::trace::Span;

use crate::bare::bare;
use crate::browser::Browser;
use crate::cors::Cors;
use crate::held::Held;
use crate::places::Places;
use crate::refusal::Refusal;
use crate::tally::{Tally, Verb};
use crate::trace::{self, End, Tracer};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a caller.
const MAX_ID_BYTES: usize = 128;
/// Longest path and query that is read. A longer filter goes into the body of a search.
const MAX_URI_BYTES: usize = 16 * 1024;

/// What the envelopes of one worker thread have at hand.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) places: Arc<Places>,
    pub(crate) browser: Browser,
    pub(crate) cors: Cors,
    pub(crate) tally: Arc<Tally>,
    pub(crate) tracer: Option<Tracer>,
}

/// What is kept of a request while it is under way.
struct Arrival {
    at: Instant,
    place: Option<usize>,
    verb: Verb,
    id: String,
    id_header: HeaderValue,
    origin: Option<HeaderValue>,
    span: Option<Span>,
}

/// Wraps the handling of one request.
pub(crate) async fn envelope(
    gate: Rc<Gate>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let _under_way = gate.tally.begin();
    let arrival = gate.arrival(&request);
    let is_head = request.method() == Method::HEAD;
    if is_head {
        // The connection remembers, and writes no body.
        request.head_mut().method = Method::GET;
    }
    let held = Held::of(&mut request);
    let finish = |body: BoxBody| {
        let body = if is_head { bare(body) } else { body };
        match held {
            Some(held) => held.until_sent(body),
            None => body,
        }
    };
    let answered = match gate.answer(&request, &arrival) {
        Some(response) => Ok(render(ServiceResponse::new(request.into_parts().0, response), &arrival.id)),
        None => handled(request, next, &arrival.id).await,
    };
    match answered {
        Ok(mut response) => {
            gate.depart(arrival, response.status(), response.headers_mut());
            Ok(response.map_body(|_, body| finish(body)))
        }
        Err(cause) => {
            let mut response = Refusal::internal(cause).response(&arrival.id);
            if cause == PANIC {
                gate.tally.panicked();
            }
            gate.depart(arrival, response.status(), response.headers_mut());
            let response = response.map_body(|_, body| finish(body));
            Err(actix_web::error::InternalError::from_response(cause, response).into())
        }
    }
}

/// Why there is an answer without a request.
const PANIC: &str = "a handler panicked";
const BROKEN: &str = "a request broke off";

/// The answer of the routes, or why there is none.
async fn handled(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: &str,
) -> Result<ServiceResponse<BoxBody>, &'static str> {
    match AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await {
        Ok(Ok(response)) => Ok(render(response, id)),
        Ok(Err(error)) => {
            tracing::error!(request_id = id, status = error.as_response_error().status_code().as_u16(), "{BROKEN}");
            Err(BROKEN)
        }
        Err(_) => {
            tracing::error!(request_id = id, "{PANIC}");
            Err(PANIC)
        }
    }
}

impl Gate {
    fn arrival(&self, request: &ServiceRequest) -> Arrival {
        let headers = request.headers();
        let (id, id_header) = request_id(headers);
        Arrival {
            at: Instant::now(),
            place: self.places.find(request.path()).map(|place| place.number),
            verb: Verb::of(request.method()),
            id,
            id_header,
            origin: self.cors.origin(headers),
            span: self.tracer.as_ref().and_then(|tracer| tracer.begin(headers)),
        }
    }

    /// The answer to what needs no route.
    fn answer(&self, request: &ServiceRequest, arrival: &Arrival) -> Option<HttpResponse> {
        if request.uri().path_and_query().is_some_and(|sent| sent.as_str().len() > MAX_URI_BYTES) {
            return Some(HttpResponse::from_error(Refusal::long_uri(MAX_URI_BYTES)));
        }
        arrival.origin.as_ref().and_then(|_| Cors::preflight(request))
    }

    /// Completes an answer, and keeps account of it.
    fn depart(&self, arrival: Arrival, status: StatusCode, headers: &mut HeaderMap) {
        let Arrival { at, place, verb, id, id_header, origin, span } = arrival;
        headers.insert(REQUEST_ID, id_header);
        self.browser.dress(headers);
        self.cors.dress(headers, origin);
        let took = at.elapsed();
        self.tally.answered(place, verb, status, took);
        let route = place.and_then(|number| self.places.at(number)).map(|place| place.pattern.as_str());
        log(route.unwrap_or_default(), verb, status, &id, took);
        if let Some(span) = span {
            trace::end(span, &End { route, verb, status, request_id: &id });
        }
    }
}

/// One line a request. The path as it was sent may name people, so the line has the route's.
fn log(route: &str, verb: Verb, status: StatusCode, id: &str, took: Duration) {
    let (method, micros, code) = (verb.name(), took.as_micros() as u64, status.as_u16());
    if status.is_server_error() {
        tracing::warn!(request_id = id, method, route, status = code, micros, "answered");
    } else {
        tracing::debug!(request_id = id, method, route, status = code, micros, "answered");
    }
}

/// The caller's request id where it has one of harmless signs, else a new one.
fn request_id(headers: &HeaderMap) -> (String, HeaderValue) {
    let is_harmless = |id: &str| {
        (1..=MAX_ID_BYTES).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    let own = headers.get(REQUEST_ID).filter(|value| value.to_str().is_ok_and(is_harmless));
    if let Some((value, id)) = own.and_then(|value| Some((value, value.to_str().ok()?))) {
        return (id.to_owned(), value.clone());
    }
    let id = format!("{:032x}", rand::random::<u128>());
    let header = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static(""));
    (id, header)
}

/// Gives a failure its document with the request's id.
fn render(response: ServiceResponse<impl MessageBody + 'static>, id: &str) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else { return response.map_into_boxed_body() };
    let refusal = match error.as_error::<Refusal>() {
        Some(refusal) => refusal.clone(),
        None => Refusal::internal(format!("the framework answered {} by itself", response.status())),
    };
    if let Some(cause) = refusal.cause() {
        tracing::error!(request_id = id, error = ?cause, "a request failed");
    }
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, refusal.response(id))
}

#[cfg(test)]
mod tests {
    use actix_web::body::{BodySize, to_bytes};
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
    use actix_web::{App, HttpResponse, web};
    use futures::StreamExt as _;

    use super::*;

    async fn defective() -> HttpResponse {
        panic!("a secret of the store")
    }

    #[actix_web::test]
    async fn a_handler_that_panics_is_a_500_that_tells_nothing() {
        let places = Arc::<Places>::default();
        let gate = Rc::new(Gate { tally: Tally::new(&places), places, ..Gate::default() });
        let tally = gate.tally.clone();
        let app = App::new().route("/", web::get().to(defective));
        let app = app.wrap(from_fn(move |request, next: Next<_>| envelope(gate.clone(), request, next)));
        let app = init_service(app).await;
        let request = TestRequest::get().uri("/").insert_header((REQUEST_ID, "mine")).to_request();
        let error = try_call_service(&app, request).await.unwrap_err();
        let response = error.error_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().get(REQUEST_ID).unwrap(), "mine");
        assert_eq!(response.headers().get("x-content-type-options").unwrap(), "nosniff");
        let body = to_bytes(response.into_body()).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["request_id"]), (&"internal".into(), &"mine".into()));
        assert!(!problem.to_string().contains("secret"));
        // The next request finds a worker that is well.
        let request = TestRequest::get().uri("/nowhere").to_request();
        assert_eq!(try_call_service(&app, request).await.unwrap().status(), 404);
        assert_eq!((tally.panics(), tally.under_way()), (1, 0));
        let answers = tally.at(None).unwrap();
        assert_eq!((answers.count(Verb::Get, 3), answers.count(Verb::Get, 4)), (1, 1));
    }

    #[actix_web::test]
    async fn head_keeps_the_size_of_a_body_and_lets_go_of_it() {
        let alive = Arc::new(());
        let kept = alive.clone();
        let endless = move || {
            let held = kept.clone();
            async move {
                let pieces = futures::stream::pending::<Result<web::Bytes, Error>>();
                HttpResponse::Ok().streaming(pieces.inspect(move |_| assert!(Arc::strong_count(&held) > 0)))
            }
        };
        let places = Arc::<Places>::default();
        let gate = Rc::new(Gate { tally: Tally::new(&places), places, ..Gate::default() });
        let app = App::new().route("/endless", web::get().to(endless));
        let app = app.route("/sized", web::get().to(|| async { "sized" }));
        let app = app.wrap(from_fn(move |request, next: Next<_>| envelope(gate.clone(), request, next)));
        let app = init_service(app).await;
        let before = Arc::strong_count(&alive);
        let ask = |method, path: &str| call_service(&app, TestRequest::default().method(method).uri(path).to_request());
        let response = ask(Method::GET, "/endless").await;
        assert_eq!((response.response().body().size(), Arc::strong_count(&alive)), (BodySize::Stream, before + 1));
        drop(response);
        for (path, size) in [("/endless", BodySize::Stream), ("/sized", BodySize::Sized(5))] {
            let response = ask(Method::HEAD, path).await;
            assert_eq!((response.response().body().size(), Arc::strong_count(&alive)), (size, before), "{path}");
            assert!(to_bytes(response.into_body()).await.unwrap().is_empty(), "{path}");
        }
    }
}
