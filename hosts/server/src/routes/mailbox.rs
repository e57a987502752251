//! The mailbox of development: the mails that were written to a folder instead of being sent.
//!
//! It is there only where mail goes into a folder, and only for whoever sits at the server's machine: mails hold
//! links that open accounts. What a mail says as HTML is shown in a frame that may do nothing.

use actix_web::http::header;
use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse, guard};
use crm_boot::MailboxMailer;
use crm_core::mail::Recipient;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::State;
use crate::here::is_here;
use crate::page::{escaped, page};
use crate::refusal::{Answer, Refusal};

/// A page shows one frame of this server and nothing else.
const POLICY: &str =
    "default-src 'none'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What a mail says may be drawn and do nothing: no script, no form, no link out of its frame, and nothing is
/// fetched from anywhere.
const MAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'";
const HTML: &str = "text/html; charset=utf-8";

/// The list, a mail, and its parts.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.map(|config| {
        let at = |path: &str| web::resource(format!("/dev/mailbox{path}")).guard(guard::Get());
        config
            .service(at("").route(web::get().to(list)))
            .service(at("/{name}").route(web::get().to(show)))
            .service(at("/{name}/html").route(web::get().to(html)))
            .service(at("/{name}/source").route(web::get().to(source)))
    });
}

/// The mailbox, for whoever may look into it; there is none for others.
fn mailbox<'a>(request: &HttpRequest, state: &'a State) -> Answer<&'a MailboxMailer> {
    state.mailbox.as_ref().filter(|_| is_here(request)).ok_or_else(Refusal::no_such_route)
}

async fn list(request: HttpRequest, state: Data<State>) -> Answer<HttpResponse> {
    let mailbox = mailbox(&request, &state)?;
    let mut rows = String::new();
    for name in mailbox.list().await? {
        // A mail may be gone by now, or be half a mail of an older version.
        let Ok(mail) = mailbox.read(&name).await else { continue };
        let (at, to, subject) = (escaped(&mail.at.to_string()), escaped(&named(&mail.to)), escaped(&mail.subject));
        let name = escaped(&name);
        rows.push_str(&format!("<li>{at} <a href=\"/dev/mailbox/{name}\">{subject}</a> to {to}</li>\n"));
    }
    let none = if rows.is_empty() { "<p>There is no mail yet.</p>\n" } else { "" };
    Ok(page("Mailbox", &format!("{none}<ul>\n{rows}</ul>\n"), POLICY))
}

async fn show(request: HttpRequest, state: Data<State>, name: Path<String>) -> Answer<HttpResponse> {
    let mail = mailbox(&request, &state)?.read(&name).await?;
    let name = escaped(&name);
    let mut body = format!(
        "<p><a href=\"/dev/mailbox\">Mailbox</a> <a href=\"/dev/mailbox/{name}/source\">Source</a></p>\n<dl>\n"
    );
    let from = std::slice::from_ref(&mail.from);
    let reply_to = mail.reply_to.as_slice();
    for (field, who) in [("From", from), ("To", mail.to.as_slice()), ("Cc", mail.cc.as_slice()), ("Reply-To", reply_to)]
    {
        if !who.is_empty() {
            body.push_str(&format!("<dt>{field}</dt><dd>{}</dd>\n", escaped(&named(who))));
        }
    }
    body.push_str(&format!("<dt>Date</dt><dd>{}</dd>\n", escaped(&mail.at.to_string())));
    if let Some(url) = &mail.unsubscribe_url {
        body.push_str(&format!("<dt>List-Unsubscribe</dt><dd>{}</dd>\n", escaped(url)));
    }
    body.push_str("</dl>\n");
    if let Some(text) = &mail.text {
        body.push_str(&format!("<h2>Text</h2>\n<pre>{}</pre>\n", escaped(text)));
    }
    if mail.html.is_some() {
        body.push_str(&format!(
            "<h2>HTML</h2>\n<iframe sandbox title=\"HTML\" width=\"800\" height=\"600\" src=\"/dev/mailbox/{name}/html\"></iframe>\n"
        ));
    }
    Ok(page(&mail.subject, &body, POLICY))
}

async fn html(request: HttpRequest, state: Data<State>, name: Path<String>) -> Answer<HttpResponse> {
    let mail = mailbox(&request, &state)?.read(&name).await?;
    let html = mail.html.ok_or_else(Refusal::no_such_route)?;
    Ok(HttpResponse::Ok()
        .content_type(HTML)
        .insert_header((header::CONTENT_SECURITY_POLICY, MAIL_POLICY))
        // The frame of the page beside it.
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .body(html))
}

async fn source(request: HttpRequest, state: Data<State>, name: Path<String>) -> Answer<HttpResponse> {
    let source = mailbox(&request, &state)?.raw(&name).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(source))
}

fn named(who: &[Recipient]) -> String {
    let one = |who: &Recipient| match &who.name {
        Some(name) => format!("{name} <{}>", who.email),
        None => who.email.to_string(),
    };
    who.iter().map(one).collect::<Vec<_>>().join(", ")
}
