//! The document as a page: Swagger UI, served from this program alone.
//!
//! Its files are part of the program and every address in the page is relative. Its policy lets a
//! browser load nothing from anywhere else and send nothing there, whatever Swagger UI would do.

use actix_web::http::header;
use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpResponse, get, guard};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::extract::NoQuery;
use crate::refusal::{Answer, Refusal};

/// What the page may do. Swagger UI writes style attributes, and its style sheet draws with `data:`
/// images.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../../assets/docs.html");

/// The files that the page asks for, by name, with their types.
const FILES: [(&str, &str, &[u8]); 7] = [
    ("page.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/docs.js")),
    ("page.css", "text/css; charset=utf-8", include_bytes!("../../assets/docs.css")),
    (
        "swagger-ui-bundle.js",
        "text/javascript; charset=utf-8",
        include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js")),
    ),
    ("swagger-ui.css", "text/css; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css"))),
    ("favicon-32x32.png", "image/png", include_bytes!(concat!(env!("OUT_DIR"), "/favicon-32x32.png"))),
    // Swagger UI may be passed on together with these.
    ("LICENSE", "text/plain; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/LICENSE"))),
    ("NOTICE", "text/plain; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/NOTICE"))),
];

/// The page, and the files that it asks for; these are no operations of the API, so the document
/// does not list them.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(page).map(|config| {
        let asked = || web::route().guard(guard::Get());
        let below = |path: &str| web::resource(format!("/api/docs/{path}")).guard(guard::Get());
        config.service(below("").route(asked().to(up))).service(below("{file}").route(asked().to(file)))
    });
}

/// This document as a page to read and to try out.
#[utoipa::path(tag = "document", operation_id = "docs", security(()), responses((status = 200, content_type = "text/html", body = String)))]
#[get("/api/docs")]
async fn page(_: NoQuery) -> HttpResponse {
    answer("text/html; charset=utf-8", PAGE.as_bytes())
}

/// The address with a slash too many, from which the page would look for its files one level too
/// deep.
async fn up() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "../docs")).finish()
}

async fn file(name: Path<String>) -> Answer<HttpResponse> {
    let known = FILES.iter().find(|(known, ..)| *known == name.as_str());
    known.map(|(_, kind, bytes)| answer(kind, bytes)).ok_or_else(Refusal::no_such_route)
}

fn answer(kind: &str, bytes: &'static [u8]) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        // A newer program brings newer files under the same names.
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(Bytes::from_static(bytes))
}
