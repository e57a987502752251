//! Traces: one span a request, sent to a collector by OTLP where one is configured.
//!
//! A request puts its span into a queue of fixed length and goes on; a thread of the exporter's sends
//! what is in there. Where the queue is full, as when the collector is away for long, spans are
//! dropped. Absent on purpose: paths as they were sent, bodies and addresses, which name people; and
//! sampling, which is the caller's or the collector's business: what a caller does not sample is not
//! traced here either.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use crm_boot::Endpoint;
use crm_core::{Error, Result};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter,
};

use crate::tally::Verb;

/// Spans that wait; one more finds no room.
const QUEUE: usize = 4_096;
/// Spans that are sent at once.
const BATCH: usize = 512;
/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the spans that wait may take when the server stops.
const FLUSH: Duration = Duration::from_secs(5);
/// Longest `tracestate` that is passed on; the standard asks for 512 at least.
const MAX_STATE_BYTES: usize = 512;

/// Makes spans. Clones share what they queue them in.
#[derive(Clone)]
pub(crate) struct Tracer {
    spans: SdkTracer,
    lost: Arc<AtomicU64>,
}

/// Sends what the tracers queue.
pub(crate) struct Exporter(SdkTracerProvider);

/// What is known of a request when it is answered.
pub(crate) struct End<'a> {
    pub(crate) route: Option<&'a str>,
    pub(crate) verb: Verb,
    pub(crate) status: StatusCode,
    pub(crate) request_id: &'a str,
}

impl Exporter {
    /// Starts the thread that sends, and gives what makes spans for it.
    ///
    /// # Errors
    /// `Internal` where the thread or its client cannot be made.
    pub(crate) fn start(endpoint: &Endpoint) -> Result<(Self, Tracer)> {
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let exporter = exporter.with_endpoint(endpoint.traces()).with_timeout(TIMEOUT).build();
        let lost = Arc::<AtomicU64>::default();
        let watched = Watched {
            exporter: exporter.map_err(Error::internal)?,
            is_away: AtomicBool::default(),
            lost: lost.clone(),
        };
        let batches = BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_max_export_batch_size(BATCH);
        let batches = batches.with_scheduled_delay(DELAY).build();
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name("slackcrm").with_attribute(version).build())
            .with_span_processor(BatchSpanProcessor::builder(watched).with_batch_config(batches).build())
            .build();
        let spans = provider.tracer(env!("CARGO_PKG_NAME"));
        Ok((Self(provider), Tracer { spans, lost }))
    }

    /// Sends the spans that wait, for at most 5 s, and ends the thread.
    pub(crate) async fn stop(self) {
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the last spans were not exported");
        }
    }
}

impl Tracer {
    /// Begins the span of a request, in its caller's trace where it names one. There is none where the
    /// caller does not sample the trace.
    pub(crate) fn begin(&self, headers: &HeaderMap) -> Option<Span> {
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Lines(headers));
        let builder = self.spans.span_builder("request").with_kind(SpanKind::Server);
        let span = builder.start_with_context(&self.spans, &parent);
        span.is_recording().then_some(span)
    }

    /// Spans that the collector did not take.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

/// Ends the span of a request.
pub(crate) fn end(mut span: Span, end: &End<'_>) {
    let method = end.verb.name();
    let status = end.status.as_u16();
    span.set_attribute(KeyValue::new("http.request.method", method));
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
    span.set_attribute(KeyValue::new("slackcrm.request_id", end.request_id.to_owned()));
    match end.route {
        Some(route) => {
            span.update_name(format!("{method} {route}"));
            span.set_attribute(KeyValue::new("http.route", route.to_owned()));
        }
        None => span.update_name(method),
    }
    if end.status.is_server_error() {
        span.set_attribute(KeyValue::new("error.type", status.to_string()));
        span.set_status(Status::error(""));
    }
    span.end();
}

/// The headers that say which trace a request belongs to.
struct Lines<'a>(&'a HeaderMap);

impl Extractor for Lines<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?.to_str().ok()?;
        // What a stranger sends waits in the queue: it must be short.
        (value.len() <= MAX_STATE_BYTES).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// The exporter, with an outage told once and what is lost counted.
#[derive(Debug)]
struct Watched {
    exporter: opentelemetry_otlp::SpanExporter,
    is_away: AtomicBool,
    lost: Arc<AtomicU64>,
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let exported = self.exporter.export(batch).await;
        let was_away = self.is_away.swap(exported.is_err(), Relaxed);
        match &exported {
            Ok(()) if was_away => tracing::info!("spans are exported again"),
            Ok(()) => {}
            Err(error) => {
                self.lost.fetch_add(count, Relaxed);
                if !was_away {
                    tracing::warn!(%error, "spans cannot be exported and are lost until they can");
                }
            }
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
