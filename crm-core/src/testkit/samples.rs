//! The smallest records that a law can speak of: what a law does not name is left out.

use crate::access::{Entity, Role};
use crate::activity::NewNote;
use crate::auth::{Login, Register};
use crate::company::CompanyEdit;
use crate::contact::{Contact, ContactEdit};
use crate::custom_field::{CustomKind, CustomValues, NewCustomField};
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::Result;
use crate::exchange_rate::NewExchangeRate;
use crate::filter::Filter;
use crate::id::Id;
use crate::page::ListRequest;
use crate::pipeline::{NewPipeline, NewStage, StageKind};
use crate::store::IdempotencyKey;
use crate::task::TaskEdit;
use crate::team::{NewTeam, TeamEdit};
use crate::time::Timestamp;
use crate::time::strict_day;
use crate::transfer::date::DateFormat;
use crate::transfer::format::Format;
use crate::transfer::{Counts, FailedRow, FileMark, Import, ImportOptions, ImportState};
use crate::user::{NewUser, User, UserStatus};
use crate::webhook::{DeliveryOrder, NewWebhookEndpoint};

/// A contact with a family name.
pub fn contact(last_name: &str) -> ContactEdit {
    ContactEdit { last_name: last_name.into(), ..ContactEdit::default() }
}

/// A company with a name.
pub fn company(name: &str) -> CompanyEdit {
    CompanyEdit { name: name.into(), ..CompanyEdit::default() }
}

/// A deal with a title.
pub fn deal(title: &str) -> DealEdit {
    DealEdit { title: title.into(), ..DealEdit::default() }
}

/// A task with a title.
pub fn task(title: &str) -> TaskEdit {
    TaskEdit { title: title.into(), ..TaskEdit::default() }
}

/// A note on a contact.
pub fn note(contact: Id<Contact>, body: &str) -> NewNote {
    NewNote { body: body.to_owned(), contact_id: Some(contact), ..NewNote::default() }
}

/// A person of a role, without an e-mail address.
pub fn user(name: &str, role: Role) -> NewUser {
    NewUser { name: name.to_owned(), email: None, role }
}

/// A member who may act, as one who has signed in before.
///
/// # Errors
/// `Invalid` for a bad name.
pub fn member(new: NewUser, now: Timestamp) -> Result<User> {
    Ok(User { status: UserStatus::Active, ..User::new(Id::new_at(now), new, now)? })
}

/// A team of these members.
pub fn team(name: &str, members: &[Id<User>]) -> NewTeam {
    NewTeam { name: name.to_owned(), members: members.to_vec() }
}

/// A change of who is in a team.
pub fn members(members: &[Id<User>]) -> TeamEdit {
    TeamEdit { members: Edit::Set(members.to_vec()), ..TeamEdit::default() }
}

/// A pipeline with one stage of each kind.
pub fn pipeline(name: &str) -> NewPipeline {
    let stages = [StageKind::Open, StageKind::Won, StageKind::Lost];
    let stages = stages.map(|kind| NewStage::new(kind.name(), kind));
    NewPipeline { name: name.to_owned(), stages: stages.into() }
}

/// A custom field; choice fields have the choices `Nord`, `Süd` and `Big Fish`, references point to
/// companies.
pub fn custom_field(entity: Entity, key: &str, kind: CustomKind) -> NewCustomField {
    let choices = match kind {
        CustomKind::Choice | CustomKind::MultiChoice => ["Nord", "Süd", "Big Fish"].map(str::to_owned).into(),
        _ => Vec::new(),
    };
    let target = (kind == CustomKind::Reference).then_some(Entity::Company);
    NewCustomField { entity, key: key.to_owned(), label: key.to_owned(), kind, choices, target, required: false }
}

/// The rate of two currencies from a day on.
///
/// # Panics
/// Where these are no currencies, rate or day.
#[expect(clippy::expect_used, reason = "a sample that cannot be made fails its test")]
pub fn exchange_rate((base, quote): (&str, &str), rate: &str, day: &str) -> NewExchangeRate {
    let currency = |code: &str| code.parse().expect("a currency");
    NewExchangeRate {
        base_currency: currency(base),
        quote_currency: currency(quote),
        rate: rate.parse().expect("a rate"),
        valid_from: strict_day(day).expect("a day"),
    }
}

/// One custom value.
pub fn custom(key: &str, value: impl Into<serde_json::Value>) -> Edit<CustomValues> {
    Edit::Set(CustomValues::from_iter([(key.to_owned(), value.into())]))
}

/// The list of everything.
pub fn list() -> ListRequest {
    ListRequest::default()
}

/// The list of what a filter says in its text form.
///
/// # Errors
/// `Invalid` for a text that is no filter.
pub fn filtered(filter: &str) -> Result<ListRequest> {
    Ok(ListRequest { filter: Some(filter.parse::<Filter>()?), limit: Some(200), ..ListRequest::default() })
}

/// An endpoint for these events, in no order.
pub fn webhook(url: &str, events: &[&str]) -> NewWebhookEndpoint {
    NewWebhookEndpoint {
        url: url.to_owned(),
        description: None,
        event_types: events.iter().map(|event| (*event).to_owned()).collect(),
        fields: Vec::new(),
        order: DeliveryOrder::None,
    }
}

/// An import of contacts that has read nothing yet.
pub fn import(created_by: Option<Id<User>>, now: Timestamp) -> Import {
    Import {
        id: Id::new_at(now),
        entity: Entity::Contact,
        state: ImportState::Running,
        options: ImportOptions::default(),
        format: Format::default(),
        file: FileMark { bytes: 0, sha256: "0".repeat(64) },
        columns: Vec::new(),
        headers: Vec::new(),
        date_format: DateFormat::YearMonthDay,
        won_days: Some(57),
        offset: 0,
        line: 1,
        rows: 0,
        counts: Counts::default(),
        warnings: Vec::new(),
        created_by,
        job_id: None,
        created_at: now,
        updated_at: now,
        version: 0,
    }
}

/// A row that an import refused.
pub fn failed_row(import: Id<Import>, line: u64) -> FailedRow {
    FailedRow {
        import_id: import,
        line,
        cells: vec!["\u{fffd}".to_owned(), String::new()],
        field: "email".to_owned(),
        code: "email".to_owned(),
        message: "is not an e-mail address".to_owned(),
    }
}

/// A registration; the password is `correct horse`.
///
/// # Errors
/// `Invalid` for a bad e-mail address.
pub fn register(workspace: &str, email: &str) -> Result<Register> {
    Ok(Register {
        workspace_name: workspace.to_owned(),
        email: email.parse()?,
        password: "correct horse".to_owned().into(),
        name: "Ada".to_owned(),
    })
}

/// A login with a password.
///
/// # Errors
/// `Invalid` for a bad e-mail address.
pub fn login(email: &str, password: &str) -> Result<Login> {
    Ok(Login {
        email: Some(email.parse()?),
        password: Some(password.to_owned().into()),
        challenge_token: None,
        workspace_id: None,
    })
}

/// A caller's key for one request.
pub fn key(key: &str, body: &str) -> IdempotencyKey {
    IdempotencyKey::new("POST /samples", key, body.as_bytes())
}
