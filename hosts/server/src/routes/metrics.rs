//! Figures for whoever watches over the server.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use crm_core::Error;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::State;
use crate::exposition::{Exposition, MEDIA};
use crate::extract::{NoQuery, bearer};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(metrics);
}

/// Figures of requests and of the store, as Prometheus reads them. Where `metrics_token` is set, it
/// must come as the bearer token.
#[utoipa::path(tag = "health", operation_id = "metrics", security(()), responses((status = 200, content_type = "text/plain", body = String)))]
#[get("/metrics")]
async fn metrics(request: HttpRequest, _: NoQuery, state: Data<State>) -> Answer<HttpResponse> {
    let token = bearer(&request).unwrap_or_default();
    if state.metrics_token.as_ref().is_some_and(|wanted| !wanted.is(token)) {
        return Err(Error::unauthenticated("needs the token of metrics").into());
    }
    let mut exposition = Exposition::default();
    exposition.program(state.started);
    exposition.requests(&state.places, &state.tallies.lock().clone());
    exposition.store(&state.backend.figures().await);
    if let Some(tracer) = &state.tracer {
        exposition.single(
            "slackcrm_trace_spans_lost_total",
            "counter",
            "Spans that the collector did not take",
            tracer.lost(),
        );
    }
    Ok(HttpResponse::Ok().content_type(MEDIA).body(exposition.finish()))
}
