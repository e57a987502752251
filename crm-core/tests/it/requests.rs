//! What the JSON of a request must not hold, whichever store is behind.

use crm_core::activity::{NewNote, Note, NoteEdit};
use crm_core::auth::{Login, Register};
use crm_core::company::CompanyEdit;
use crm_core::contact::ContactEdit;
use crm_core::custom_field::{CustomFieldEdit, NewCustomField};
use crm_core::deal::{DealEdit, DealStart};
use crm_core::exchange_rate::{ExchangeRateChange, NewExchangeRate};
use crm_core::mail::{MailDraft, NewSuppression, PreviewRequest, TemplateContent, TemplateMail};
use crm_core::pipeline::NewPipeline;
use crm_core::team::{NewTeam, Team};
use crm_core::user::{NewUser, User};
use crm_core::workspace::WorkspaceEdit;
use crm_core::{Edit, Id, ListRequest, Result, Timestamp};
use serde::de::DeserializeOwned;

fn refuses<T: DeserializeOwned>(json: &str) {
    assert!(serde_json::from_str::<T>(json).is_err(), "{} reads {json}", std::any::type_name::<T>());
}

#[test]
fn what_a_request_may_not_set_is_refused() {
    for field in ["id", "version", "workspace_id", "created_at", "updated_at", "deleted_at", "role", "account_id", "x"]
    {
        let extra = format!("{{\"{field}\": 1}}");
        refuses::<ContactEdit>(&extra);
        refuses::<CompanyEdit>(&extra);
        refuses::<DealEdit>(&extra);
        refuses::<DealStart>(&extra);
        refuses::<NoteEdit>(&extra);
        refuses::<WorkspaceEdit>(&extra);
        refuses::<CustomFieldEdit>(&extra);
        refuses::<ListRequest>(&extra);
        refuses::<Login>(&extra);
    }
    for field in ["stage_id", "pipeline_id", "status", "closed_at", "stage_entered_at"] {
        refuses::<DealEdit>(&format!("{{\"{field}\": null}}"));
    }
    refuses::<NewUser>(r#"{"name": "A", "role": "setter", "status": "active"}"#);
    refuses::<NewUser>(r#"{"name": "A", "role": "owner"}"#);
    refuses::<NewTeam>(r#"{"name": "A", "workspace_id": "00000000-0000-7000-8000-000000000000"}"#);
    refuses::<NewNote>(r#"{"body": "A", "author_id": null}"#);
    refuses::<NewPipeline>(r#"{"name": "A", "stages": [], "is_default": true}"#);
    let rate = r#"{"base_currency": "EUR", "quote_currency": "USD", "rate": "1", "valid_from": "2026-01-01", "id": 1}"#;
    refuses::<NewExchangeRate>(rate);
    refuses::<ExchangeRateChange>(
        r#"{"base_currency": "EUR", "quote_currency": "USD", "rate": "1", "valid_from": "2026-01-01"}"#,
    );
    refuses::<MailDraft>(r#"{"to": [{"email": "a@b.co"}], "subject": "x", "text": "x", "bcc": []}"#);
    refuses::<MailDraft>(r#"{"to": [{"email": "a@b.co", "id": 1}], "subject": "x", "text": "x"}"#);
    refuses::<TemplateMail>(r#"{"template": "a", "to": {"email": "a@b.co"}, "subject": "x"}"#);
    refuses::<TemplateMail>(r#"{"template": "../a", "to": {"email": "a@b.co"}}"#);
    refuses::<TemplateContent>(r#"{"subject": "x", "text": "x", "name": "a"}"#);
    refuses::<PreviewRequest>(r#"{"contents": {}}"#);
    refuses::<NewSuppression>(r#"{"email": "a@b.co", "reason": "manual"}"#);
    refuses::<NewCustomField>(r#"{"entity": "contact", "key": "a", "label": "a", "kind": "text", "id": 1}"#);
    refuses::<Register>(r#"{"workspace_name": "A", "email": "a@b.co", "password": "x", "name": "A", "role": "admin"}"#);
    refuses::<WorkspaceEdit>(r#"{"permissions": {}}"#);
}

#[test]
fn text_that_is_no_text_is_refused() {
    for bad in [r#""\ud800""#, r#""\udc00x""#, r#""\ud800\ud800""#, "\"a\0\"", "5", "{}", "[]", "true"] {
        refuses::<ContactEdit>(&format!("{{\"last_name\": {bad}}}"));
        refuses::<CompanyEdit>(&format!("{{\"name\": {bad}}}"));
        refuses::<DealEdit>(&format!("{{\"title\": {bad}}}"));
        refuses::<NoteEdit>(&format!("{{\"body\": {bad}}}"));
        refuses::<ListRequest>(&format!("{{\"q\": {bad}}}"));
        refuses::<ContactEdit>(&format!("{{\"custom\": {{\"a\": \"\\ud800\", \"b\": {bad}}}}}"));
    }
    for bad in ["a@b", "a\\u0000@b.co", "", "ada@example.com\\u0000", "@", "a b@c.co"] {
        refuses::<ContactEdit>(&format!("{{\"email\": \"{bad}\"}}"));
    }
    for bad in ["USD", "usd", "XXXX", ""] {
        refuses::<DealEdit>(&format!("{{\"value\": {{\"amount_minor\": 1.5, \"currency\": \"{bad}\"}}}}"));
    }
    refuses::<DealEdit>(r#"{"value": {"amount_minor": 9223372036854775808, "currency": "USD"}}"#);
    refuses::<ContactEdit>(r#"{"company_id": "00000000000070008000000000000000"}"#);
    refuses::<WorkspaceEdit>(r#"{"time_zone": "Mars/Olympus"}"#);
    let cleared: ContactEdit = serde_json::from_str(r#"{"last_name": null}"#).unwrap();
    assert_eq!((cleared.last_name, cleared.first_name), (Edit::Clear, Edit::Keep));
}

/// A request that is read, for it is proper JSON.
fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

fn refused_at<T>(result: Result<T>, field: &str) {
    let error = result.err().unwrap();
    let faults: Vec<_> = error.fields().iter().map(|fault| (fault.field.as_str(), fault.code.as_ref())).collect();
    assert_eq!(faults, [(field, "control_character")]);
}

#[test]
fn an_escaped_nul_is_read_and_refused_at_its_field() {
    let edit: ContactEdit = read(r#"{"last_name": "a\u0000b"}"#);
    assert_eq!(edit.last_name, Edit::Set("a\0b".to_owned()));
    let now = Timestamp::from_micros(0);
    let note = r#"{"body": "a\u0000", "contact_id": "00000000-0000-7000-8000-000000000000"}"#;
    refused_at(Note::new(Id::new_at(now), read::<NewNote>(note), None, now), "body");
    refused_at(User::new(Id::new_at(now), read(r#"{"name": "\u0000", "role": "setter"}"#), now), "name");
    refused_at(Team::new(Id::new_at(now), read(r#"{"name": "a\u0000", "members": []}"#), now), "name");
}
