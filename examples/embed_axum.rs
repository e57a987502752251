//! A CRM inside an axum program: people register, and keep contacts.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use crm_boot::{Config, boot};
use crm_core::access::View;
use crm_core::auth::{Register, Registered};
use crm_core::contact::{Contact, ContactEdit};
use crm_core::{Crm, Error, ErrorKind, ListRequest, Page, Session};

/// The engine's error as an answer.
struct Refused(Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = serde_json::json!({"code": error.code(), "message": error.message(), "fields": error.fields()});
        (status, Json(body)).into_response()
    }
}

/// The session of whoever sent the access token.
struct Caller(Session);

impl FromRequestParts<Crm> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, crm: &Crm) -> Result<Self, Refused> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let (session, _) = crm.auth().authenticate(token).await?;
        Ok(Self(session))
    }
}

async fn register(
    State(crm): State<Crm>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Json(body): Json<Register>,
) -> Result<(StatusCode, Json<Registered>), Refused> {
    let registered = crm.auth().register(body, &peer.ip().to_string()).await?;
    Ok((StatusCode::CREATED, Json(registered)))
}

async fn create(
    Caller(session): Caller,
    Json(body): Json<ContactEdit>,
) -> Result<(StatusCode, Json<View<Contact>>), Refused> {
    Ok((StatusCode::CREATED, Json(session.contacts().create(body).await?)))
}

async fn list(Caller(session): Caller) -> Result<Json<Page<View<Contact>>>, Refused> {
    Ok(Json(session.contacts().list(&ListRequest::default()).await?))
}

async fn search(Caller(session): Caller, Json(body): Json<ListRequest>) -> Result<Json<Page<View<Contact>>>, Refused> {
    Ok(Json(session.contacts().list(&body).await?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().unwrap_or_else(|| "sqlite://sales.db".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());

    let booted = boot(Config::for_database(&database)?).await?;
    let app = Router::new()
        .route("/register", post(register))
        .route("/contacts", post(create).get(list))
        .route("/contacts/search", post(search))
        .with_state(booted.crm().clone());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let told_to_end = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(told_to_end).await?;
    booted.close().await;
    Ok(())
}
