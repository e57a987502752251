//! The yardstick: an actix handler that answers with fixed bytes.

use actix_web::{App, HttpResponse, HttpServer, web};

/// A contact's JSON, as long as a real one.
const BODY: &str = r#"{"id":"019328a1-6f0e-7c3a-9b1e-2f4d5a6b7c8d","first_name":"Ada","last_name":"Lovelace-1234","email":"person1234@company5678.example","phone":"+1 555 123 1234","title":"Chief Executive Officer","company_id":null,"owner_id":null,"lifecycle":"lead","source":"referral","external_id":null,"tags":[],"custom":{},"created_at":"2026-01-31T09:30:00.000000Z","updated_at":"2026-01-31T09:30:00.000000Z","version":1}"#;

/// Serves the fixed answer at every path until the process ends.
pub(crate) async fn serve(address: &str) -> std::io::Result<()> {
    let answer = || async { HttpResponse::Ok().content_type("application/json").body(BODY) };
    let app = move || App::new().default_service(web::to(answer));
    HttpServer::new(app).bind(address)?.run().await
}
