//! What every request gets: an id, a log line, and a problem document where it failed.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use futures::FutureExt as _;

use crate::refusal::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a caller.
const MAX_ID_BYTES: usize = 128;

/// Wraps the handling of one request.
pub(crate) async fn envelope(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let (id, header) = request_id(request.headers());
    if request.method() == Method::HEAD {
        // The connection remembers, and leaves the body out.
        request.head_mut().method = Method::GET;
    }
    let mut response = match AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await {
        Ok(answered) => render(answered?, &id),
        Err(_) => return Err(panicked(&id)),
    };
    response.headers_mut().insert(REQUEST_ID, header);
    log(&response, &id, started);
    Ok(response)
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

/// The answer in place of a handler that panicked.
fn panicked(id: &str) -> Error {
    tracing::error!(request_id = id, "a handler panicked");
    let mut response = Refusal::internal("a handler panicked").response(id);
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    actix_web::error::InternalError::from_response("a handler panicked", response).into()
}

/// One line a request. The path as it was sent may name people, so the line has the route's.
fn log(response: &ServiceResponse<BoxBody>, id: &str, started: Instant) {
    let line = |request: &ServiceResponse<BoxBody>| {
        let route = request.request().match_pattern().unwrap_or_default();
        (request.request().method().as_str().to_owned(), route, started.elapsed().as_micros() as u64)
    };
    let status = response.status();
    if status.is_server_error() {
        let (method, route, micros) = line(response);
        tracing::warn!(request_id = id, method, route, status = status.as_u16(), micros, "answered");
    } else if tracing::enabled!(tracing::Level::DEBUG) {
        let (method, route, micros) = line(response);
        tracing::debug!(request_id = id, method, route, status = status.as_u16(), micros, "answered");
    }
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;

    async fn defective() -> HttpResponse {
        panic!("a secret of the store")
    }

    #[actix_web::test]
    async fn a_handler_that_panics_is_a_500_that_tells_nothing() {
        let app = App::new().route("/", web::get().to(defective)).wrap(from_fn(envelope));
        let app = init_service(app).await;
        let request = TestRequest::get().uri("/").insert_header((REQUEST_ID, "mine")).to_request();
        let error = try_call_service(&app, request).await.unwrap_err();
        let response = error.error_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().get(REQUEST_ID).unwrap(), "mine");
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["request_id"]), (&"internal".into(), &"mine".into()));
        assert!(!problem.to_string().contains("secret"));
        // The next request finds a worker that is well.
        let request = TestRequest::get().uri("/nowhere").to_request();
        assert_eq!(try_call_service(&app, request).await.unwrap().status(), 404);
    }
}
