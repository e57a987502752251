//! Answers that succeed: JSON straight to bytes, with `ETag` and `Location`.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Responder};
use crm_core::Page;
use crm_core::access::View;
use crm_core::bulk::BulkAnswer;
use crm_core::exchange_rate::SetRate;
use crm_core::job::Job;
use crm_core::store::Record;
use crm_core::webhook::EndpointWithSecret;
use crm_core::workspace::Permissions;
use serde::Serialize;

use crate::cookie;
use crate::extract::state;
use crate::refusal::Refusal;
use crate::routes::API;

/// 200 with this as JSON.
pub(crate) struct Body<T>(pub(crate) T);

/// Who keeps the refresh token of a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// The client, which finds it in the body.
    #[default]
    Client,
    /// The browser, in a cookie that no script reads.
    Browser,
}

/// Tokens, which no cache may keep.
pub(crate) struct Private<T> {
    status: StatusCode,
    value: T,
    keeper: Keeper,
}

impl<T> Private<T> {
    /// 200.
    pub(crate) fn found(value: T) -> Self {
        Self { status: StatusCode::OK, value, keeper: Keeper::default() }
    }

    /// 201.
    pub(crate) fn made(value: T) -> Self {
        Self { status: StatusCode::CREATED, value, keeper: Keeper::default() }
    }

    /// With the refresh token where it belongs.
    pub(crate) fn kept_by(self, keeper: Keeper) -> Self {
        Self { keeper, ..self }
    }
}

/// 200 with one record and its version as `ETag`.
pub(crate) struct Found<T>(pub(crate) View<T>);

/// 201 with one new record, its `ETag` and its place below the path that made it.
pub(crate) struct Created<T>(pub(crate) View<T>);

/// 201 with one new record and its `ETag`, where no path reads it by itself.
pub(crate) struct Made<T>(pub(crate) View<T>);

/// 202 with a job and its place.
pub(crate) struct Accepted(pub(crate) View<Job>);

/// 200 with the report of bulk work, or 202 with the job that does it.
pub(crate) struct Bulk(pub(crate) BulkAnswer);

/// A rate that was set: 201 as [`Created`] where it is new, else 200 as [`Found`].
pub(crate) struct Settled(pub(crate) SetRate);

/// 201 with a new webhook endpoint, its place and its secret, which no cache may keep.
pub(crate) struct CreatedWithSecret(pub(crate) EndpointWithSecret);

/// 200 with the permissions and the version of their workspace as `ETag`.
pub(crate) struct Permitted(pub(crate) Permissions);

/// 204.
pub(crate) struct Done;

/// A list that always fits on one page.
pub(crate) fn whole<T>(data: Vec<T>) -> Body<Page<T>> {
    Body(Page { data, next_cursor: None, total: None, total_is_capped: None })
}

/// Finishes a response with this as its JSON body.
pub(crate) fn json(mut response: HttpResponseBuilder, value: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(bytes) => response.content_type("application/json").body(bytes),
        Err(error) => HttpResponse::from_error(Refusal::internal(error)),
    }
}

fn etag<T: Record>(record: &T) -> (header::HeaderName, String) {
    (header::ETAG, tag(record.version()))
}

/// The entity tag of a version.
pub(crate) fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

impl<T: Serialize> Responder for Body<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        json(HttpResponse::Ok(), &self.0)
    }
}

impl<T: Serialize> Responder for Private<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        match self.keeper {
            Keeper::Client => json(response, &self.value),
            Keeper::Browser => state(request)
                .and_then(|state| cookie::keep(response, &self.value, request, state))
                .unwrap_or_else(HttpResponse::from_error),
        }
    }
}

impl<T: Record + Serialize> Responder for Found<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header(etag::<T>(&self.0));
        json(response, &self.0)
    }
}

impl<T: Record + Serialize> Responder for Made<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Created();
        response.insert_header(etag::<T>(&self.0));
        json(response, &self.0)
    }
}

impl<T: Record + Serialize> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Created();
        response.insert_header(etag::<T>(&self.0));
        response.insert_header((header::LOCATION, format!("{}/{}", request.path(), self.0.uuid())));
        json(response, &self.0)
    }
}

impl Responder for Accepted {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Accepted();
        response.insert_header((header::LOCATION, format!("{API}/jobs/{}", self.0.id)));
        json(response, &self.0)
    }
}

impl Responder for Bulk {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self.0 {
            BulkAnswer::Done(report) => Body(report).respond_to(request),
            BulkAnswer::Queued(job) => Accepted(*job).respond_to(request),
        }
    }
}

impl Responder for Settled {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self.0 {
            SetRate::Made(rate) => Created(rate).respond_to(request),
            SetRate::WasThere(rate) => Found(rate).respond_to(request),
        }
    }
}

impl Responder for CreatedWithSecret {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Created();
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.insert_header((header::LOCATION, format!("{}/{}", request.path(), self.0.endpoint.id)));
        json(response, &self.0)
    }
}

impl Responder for Permitted {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((header::ETAG, tag(self.0.version)));
        json(response, &self.0)
    }
}

impl Responder for Done {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}
