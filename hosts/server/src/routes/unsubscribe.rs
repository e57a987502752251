//! Where people unsubscribe: no operation of the API, but what links in mails lead to.
//!
//! The link itself is the proof, so there is no session. `GET` changes nothing, since programs that look at links
//! of mails follow them; `POST` unsubscribes, sent by the page's button or by a mail program (RFC 8058). What a
//! `POST` holds does not matter.

use actix_web::web::{self, Data, Path};
use actix_web::{HttpResponse, guard};
use crm_core::mail::Unsubscription;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::State;
use crate::page::{escaped, page};
use crate::refusal::Answer;

/// The page asks for nothing and sends its form to itself.
const POLICY: &str = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What is sent to whoever unsubscribed: they would lock themselves out without it.
const STILL: &str = "Invitations and links to confirm an address or to set a password come all the same.";

/// The page and what its button does.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.map(|config| {
        let below = || web::resource("/unsubscribe/{token}");
        config
            .service(below().guard(guard::Get()).route(web::get().to(ask)))
            .service(below().guard(guard::Post()).route(web::post().to(act)))
    });
}

async fn ask(state: Data<State>, token: Path<String>) -> Answer<HttpResponse> {
    let Unsubscription { workspace, email } = state.crm.unsubscription(&token).await?;
    let (workspace, email) = (escaped(&workspace), escaped(email.as_str()));
    let body = format!(
        "<p>Shall {email} get no more mail from {workspace}? {STILL}</p>\n\
         <form method=\"post\"><button type=\"submit\">Unsubscribe</button></form>\n"
    );
    Ok(page("Unsubscribe", &body, POLICY))
}

async fn act(state: Data<State>, token: Path<String>) -> Answer<HttpResponse> {
    let Unsubscription { workspace, email } = state.crm.unsubscribe(&token).await?;
    let (workspace, email) = (escaped(&workspace), escaped(email.as_str()));
    Ok(page("Unsubscribed", &format!("<p>{email} gets no more mail from {workspace}. {STILL}</p>\n"), POLICY))
}
