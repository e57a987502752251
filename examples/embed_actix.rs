//! A CRM inside an actix-web program: people register, and keep contacts.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError, get, post, web};
use crm_boot::{Config, boot};
use crm_core::auth::Register;
use crm_core::contact::ContactEdit;
use crm_core::{Crm, Error, ErrorKind, ListRequest, Session};

/// The engine's error as an answer.
#[derive(Debug)]
struct Refused(Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        match self.0.kind() {
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let Self(error) = self;
        let body = serde_json::json!({"code": error.code(), "message": error.message(), "fields": error.fields()});
        HttpResponse::build(self.status_code()).json(body)
    }
}

/// The session of whoever sent this access token.
async fn session(crm: &Crm, request: &HttpRequest) -> Result<Session, Refused> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let (session, _) = crm.auth().authenticate(token).await?;
    Ok(session)
}

#[post("/register")]
async fn register(
    crm: web::Data<Crm>,
    request: HttpRequest,
    body: web::Json<Register>,
) -> Result<HttpResponse, Refused> {
    let address = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
    let registered = crm.auth().register(body.into_inner(), &address).await?;
    Ok(HttpResponse::Created().json(registered))
}

#[post("/contacts")]
async fn create(
    crm: web::Data<Crm>,
    request: HttpRequest,
    body: web::Json<ContactEdit>,
) -> Result<HttpResponse, Refused> {
    let contact = session(&crm, &request).await?.contacts().create(body.into_inner()).await?;
    Ok(HttpResponse::Created().json(contact))
}

#[get("/contacts")]
async fn list(crm: web::Data<Crm>, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let page = session(&crm, &request).await?.contacts().list(&ListRequest::default()).await?;
    Ok(HttpResponse::Ok().json(page))
}

#[post("/contacts/search")]
async fn search(
    crm: web::Data<Crm>,
    request: HttpRequest,
    body: web::Json<ListRequest>,
) -> Result<HttpResponse, Refused> {
    let page = session(&crm, &request).await?.contacts().list(&body).await?;
    Ok(HttpResponse::Ok().json(page))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().unwrap_or_else(|| "sqlite://sales.db".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());

    let booted = boot(Config::for_database(&database)?).await?;
    let crm = web::Data::new(booted.crm().clone());
    let app = move || App::new().app_data(crm.clone()).service(register).service(create).service(list).service(search);
    let server = HttpServer::new(app).bind(address)?;
    for address in server.addrs() {
        eprintln!("listening on http://{address}");
    }
    server.run().await?;
    booted.close().await;
    Ok(())
}
