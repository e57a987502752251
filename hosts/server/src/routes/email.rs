//! Mail over HTTP.

use actix_web::{delete, get, post, put};
use crm_core::Page;
use crm_core::job::Job;
use crm_core::mail::{
    ListedTemplate, MailDraft, MailRecord, MailTemplate, MailsRequest, NewSuppression, PreviewRequest, Rendered,
    Suppression, SuppressionsRequest, TemplateContent, TemplateMail, TemplateName,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Accepted, Body, Done, Found, whole};
use crate::extract::{Expected, Json, Named, Once, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(send).service(send_template).service(log);
    config.service(templates).service(preview).service(replace).service(delete_template);
    config.service(suppressions).service(suppress).service(unsuppress);
}

/// Send a mail to some addresses or to a contact: a job; the log of mails says what became of it.
#[utoipa::path(tag = "email", operation_id = "send_mail", request_body = MailDraft, responses((status = 202, body = Job)))]
#[post("/send")]
async fn send(Once(session, draft): Once<MailDraft>) -> Answer<Accepted> {
    Ok(Accepted(session.mails().send(draft).await?))
}

/// Send what a template says to an address or to a contact.
#[utoipa::path(tag = "email", operation_id = "send_template_mail", request_body = TemplateMail, responses((status = 202, body = Job)))]
#[post("/template")]
async fn send_template(Once(session, mail): Once<TemplateMail>) -> Answer<Accepted> {
    Ok(Accepted(session.mails().send_template(mail).await?))
}

/// What became of mails, the latest first: of those that the caller asked for, or of all to whoever sets templates.
#[utoipa::path(tag = "email", operation_id = "list_mails", params(MailsRequest), responses((status = 200, body = Page<MailRecord>)))]
#[get("/log")]
async fn log(Signed(session, Query(request)): Signed<Query<MailsRequest>>) -> Answer<Body<Page<MailRecord>>> {
    Ok(Body(session.mails().log(&request).await?))
}

/// All templates: the workspace's own, and the product's that it has not replaced.
#[utoipa::path(tag = "email", operation_id = "list_mail_templates", responses((status = 200, body = Page<ListedTemplate>)))]
#[get("/templates")]
async fn templates(Signed(session, ()): Signed) -> Answer<Body<Page<ListedTemplate>>> {
    Ok(whole(session.mails().templates().await?))
}

/// What a template would say, or a content that is not saved yet; with sample data for what `variables` leaves out.
#[utoipa::path(tag = "email", operation_id = "preview_mail_template", params(("name" = TemplateName, Path, description = "The template's name.", example = "invitation")), request_body = PreviewRequest, responses((status = 200, body = Rendered)))]
#[post("/templates/{name}/preview")]
async fn preview(
    Signed(session, (Named(name), Json(request))): Signed<(Named<TemplateName>, Json<PreviewRequest>)>,
) -> Answer<Body<Rendered>> {
    Ok(Body(session.mails().preview(&name, request).await?))
}

/// Give the workspace a template of its own, in place of the product's where that has the name.
#[utoipa::path(tag = "email", operation_id = "replace_mail_template", params(("name" = TemplateName, Path, description = "The template's name.", example = "invitation")), request_body = TemplateContent, responses((status = 200, body = MailTemplate)))]
#[put("/templates/{name}")]
async fn replace(
    Signed(session, (Named(name), Expected(expect), Json(content))): Signed<(
        Named<TemplateName>,
        Expected,
        Json<TemplateContent>,
    )>,
) -> Answer<Found<MailTemplate>> {
    Ok(Found(session.mails().set_template(&name, content, expect).await?))
}

/// Delete a template of the workspace; where the product has one of the name, that holds again.
#[utoipa::path(tag = "email", operation_id = "delete_mail_template", params(("name" = TemplateName, Path, description = "The template's name.", example = "invitation")), responses((status = 204)))]
#[delete("/templates/{name}")]
async fn delete_template(
    Signed(session, (Named(name), Expected(expect))): Signed<(Named<TemplateName>, Expected)>,
) -> Answer<Done> {
    session.mails().delete_template(&name, expect).await?;
    Ok(Done)
}

/// Addresses that get no mail, in their order.
#[utoipa::path(tag = "email", operation_id = "list_suppressions", params(SuppressionsRequest), responses((status = 200, body = Page<Suppression>)))]
#[get("/suppressions")]
async fn suppressions(
    Signed(session, Query(request)): Signed<Query<SuppressionsRequest>>,
) -> Answer<Body<Page<Suppression>>> {
    Ok(Body(session.mails().suppressions(&request).await?))
}

/// Let an address get no mail any more; one that is suppressed already stays so.
#[utoipa::path(tag = "email", operation_id = "suppress", request_body = NewSuppression, responses((status = 200, body = Suppression)))]
#[post("/suppressions")]
async fn suppress(Once(session, new): Once<NewSuppression>) -> Answer<Body<Suppression>> {
    Ok(Body(session.mails().suppress(new).await?))
}

/// Let a suppressed address get mail again.
#[utoipa::path(tag = "email", operation_id = "unsuppress", responses((status = 204)))]
#[delete("/suppressions/{id}")]
async fn unsuppress(Signed(session, RecordId(id)): Signed<RecordId<Suppression>>) -> Answer<Done> {
    session.mails().unsuppress(id).await?;
    Ok(Done)
}
