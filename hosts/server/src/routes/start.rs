//! Where people begin who open the server in a browser: what it is, and where to look next.
//!
//! The page tells nothing of any workspace, except in a demo (`slackcrm demo`) to whoever sits at its machine: it
//! shows them the board as it is, and commands that can be typed. The password stays in its file, which the commands
//! read. The page is no operation of the API, so the document does not list it.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, guard};
use crm_boot::Demo;
use crm_core::Totals;
use crm_core::deal::Board;
use utoipa_actix_web::service_config::ServiceConfig;

use super::API;
use crate::app::State;
use crate::here::{host, is_here};
use crate::page::{escaped, page};
use crate::refusal::Answer;

/// The page is drawn by this server's style sheet and asks for nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("../../assets/start.css");

/// Where to look on every server.
const LINKS: [(&str, &str); 4] = [
    ("/api/docs", "the API, to read and to try out"),
    ("/api/v1/openapi.json", "the same for programs, as an OpenAPI document"),
    ("/healthz", "whether the server is alive"),
    ("/readyz", "whether it can reach its data"),
];

/// What may be asked of a demo, by the path behind the API's.
const QUESTIONS: [(&str, &str); 5] = [
    ("the board", "/deals/pipeline"),
    ("what the open deals will bring, month by month", "/deals/analytics/forecast"),
    ("who sold how much", "/analytics/team"),
    ("a search in everything", "/search?q=isdom"),
    ("the teams, whose ids figures take as team_id", "/teams"),
];

/// The page and its style sheet.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.map(|config| {
        let at = |path: &'static str| web::resource(path).guard(guard::Get());
        config.service(at("/").route(web::get().to(start))).service(at("/start.css").route(web::get().to(style)))
    });
}

async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

async fn start(request: HttpRequest, state: Data<State>) -> Answer<HttpResponse> {
    let is_here = is_here(&request);
    let mut body = format!(
        "<link rel=\"stylesheet\" href=\"/start.css\">\n\
         <p>This is a SlackCRM server, version {}: a CRM for sales teams behind an HTTP API.</p>\n<ul>\n",
        env!("CARGO_PKG_VERSION")
    );
    let mailbox = ("/dev/mailbox", "the mails that were written down instead of being sent");
    let mailbox = Some(mailbox).filter(|_| state.mailbox.is_some() && is_here);
    for (path, what) in LINKS.into_iter().chain(mailbox) {
        body.push_str(&format!("<li><a href=\"{path}\">{path}</a>: {what}</li>\n"));
    }
    body.push_str("</ul>\n");
    if let Some(demo) = state.config.demo.as_ref().filter(|_| is_here) {
        // Where the demo's admin is none any more, there is nobody to show anything to.
        if let Ok(session) = state.crm.acting(demo.actor.clone()).await {
            body.push_str(&shown(&session.deals().board(None).await?));
            body.push_str(&sign_in(demo, host(&request).unwrap_or_default()));
        }
    }
    Ok(page("SlackCRM", &body, POLICY))
}

/// A board as a table.
fn shown(board: &Board) -> String {
    let row = |name: &str, count: u64, value: Option<&Totals>| {
        let (name, value) = (escaped(name), escaped(&amounts(value)));
        format!("<tr><th scope=\"row\">{name}</th><td>{count}</td><td>{value}</td></tr>\n")
    };
    let stages: String = board.stages.iter().map(|stage| row(&stage.name, stage.count, stage.total.as_ref())).collect();
    let total = row("Total", board.count(), board.currency_totals.as_ref());
    let name = escaped(&board.name);
    format!(
        "<h2>The demo</h2>\n<table>\n<caption>{name}, as it is now</caption>\n\
         <thead><tr><th scope=\"col\">Stage</th><th scope=\"col\">Deals</th><th scope=\"col\">Value</th></tr></thead>\n\
         <tbody>\n{stages}{total}</tbody>\n</table>\n"
    )
}

/// Amounts per currency; nothing where they are hidden.
fn amounts(totals: Option<&Totals>) -> String {
    totals.into_iter().flat_map(Totals::iter).map(|money| money.to_string()).collect::<Vec<_>>().join(", ")
}

/// How to sign in, and what to ask then.
fn sign_in(demo: &Demo, host: &str) -> String {
    let file = demo.password_file.display().to_string();
    let mut commands = login(host, &demo.email, &file);
    for (what, path) in QUESTIONS {
        commands.push_str(&format!("# {what}\ncurl -fsS '{}' -H \"authorization: Bearer $TOKEN\"\n", at(host, path)));
    }
    format!(
        "<h2>Signing in</h2>\n<p>As {} with the password that is printed where the demo was started, and kept in \
         {}.</p>\n<pre>{}</pre>\n",
        escaped(&demo.email),
        escaped(&file),
        escaped(&commands)
    )
}

/// The command that signs in, with the password out of its file.
fn login(host: &str, email: &str, file: &str) -> String {
    let file = file.replace('\'', r"'\''");
    let url = at(host, "/auth/login");
    format!(
        r#"TOKEN=$(curl -fsS '{url}' -H 'content-type: application/json' \
  -d "{{\"email\": \"{email}\", \"password\": \"$(cat '{file}')\"}}" |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/')
"#
    )
}

/// Where the API has this path.
fn at(host: &str, path: &str) -> String {
    format!("http://{host}{API}{path}")
}
