//! `slackcrm users`, `notes`, `tags`, `fields`, `workspace show` and `search`.

use crm_core::activity::NoteEdit;
use crm_core::search::SearchRequest;
use crm_core::user::User;
use crm_core::{Edit, Entity, Id, Page, Session};

use super::input::{self, Reading, Readings};
use super::{deleted, records};
use crate::args::Output;
use crate::args::change::{Expected, Fields};
use crate::args::settings::{CustomFields, Member, Notes, Search, Users};
use crate::failure::Failure;
use crate::{open, print};

/// Members.
pub(crate) async fn users(session: &Session, verb: &Users, output: Output) -> Result<(), Failure> {
    let users = session.users();
    match verb {
        Users::List(list) => records::users(session, &list.request(), output).await,
        Users::Show(member) => print::record(output, &users.read(known(session, member).await?).await?),
        Users::Create(fields) => {
            let new = input::read(Readings::of(session, Entity::User, fields).await?.object(fields)?)?;
            print::record(output, &users.create(new).await?)
        }
        Users::Update { member, fields, expected } => {
            let edit = input::read(Readings::of(session, Entity::User, fields).await?.object(fields)?)?;
            print::record(output, &users.update(known(session, member).await?, edit, expected.expect()).await?)
        }
        Users::Role { member, role, expected } => {
            let id = known(session, member).await?;
            print::record(output, &users.change_role(id, *role, expected.expect()).await?)
        }
        Users::Status { member, status, expected } => {
            let id = known(session, member).await?;
            print::record(output, &users.change_status(id, *status, expected.expect()).await?)
        }
        Users::Delete { member, expected } => {
            let id = known(session, member).await?;
            users.delete(id, expected.expect()).await?;
            print::deleted(output, id)
        }
    }
}

/// The member who was named by id or e-mail address.
async fn known(session: &Session, Member { member }: &Member) -> Result<Id<User>, Failure> {
    named(session, member).await
}

/// The member of an id or e-mail address.
pub(super) async fn named(session: &Session, member: &str) -> Result<Id<User>, Failure> {
    if let Ok(id) = member.parse() {
        return Ok(id);
    }
    let found = open::addressed(session, member).await?;
    found.ok_or_else(|| Failure::new(format!("{member}: is no member's e-mail address and no id")))
}

/// Notes.
pub(crate) async fn notes(session: &Session, verb: &Notes, output: Output) -> Result<(), Failure> {
    let notes = session.activities();
    match verb {
        Notes::Add { body, subject } => {
            let new = crm_core::activity::NewNote {
                body: input::text(body)?,
                contact_id: subject.contact.map(Id::cast),
                company_id: subject.company.map(Id::cast),
                deal_id: subject.deal.map(Id::cast),
            };
            print::record(output, &notes.create_note(new).await?)
        }
        Notes::Update { one, body, expected } => {
            let edit = NoteEdit { body: Edit::Set(input::text(body)?) };
            print::record(output, &notes.update_note(one.id(), edit, expected.expect()).await?)
        }
        Notes::Delete { one, expected } => {
            notes.delete_note(one.id(), expected.expect()).await?;
            print::deleted(output, one.id::<()>())
        }
        Notes::Restore(which) => deleted::restore(session, Entity::Note, which, output).await,
        Notes::Purge(which) => deleted::purge(session, Entity::Note, which, output).await,
    }
}

/// All tags.
pub(crate) async fn tags(session: &Session, output: Output) -> Result<(), Failure> {
    records::print(&["Id", "Name", "Records#"], &whole(session.tags().counts().await?), output, |tag| {
        vec![tag.id.to_string(), tag.name.clone(), tag.count.to_string()]
    })
}

/// Custom fields.
pub(crate) async fn fields(session: &Session, verb: &CustomFields, output: Output) -> Result<(), Failure> {
    let fields = session.custom_fields();
    match verb {
        CustomFields::List => {
            let page = whole(fields.list().await?);
            records::print(&["Id", "Of", "Key", "Label", "Kind", "Choices"], &page, output, |field| {
                let choices = field.choices.join(", ");
                let (of, kind) = (field.entity.to_string(), print::word(&field.kind));
                vec![field.id.to_string(), of, field.key.clone(), field.label.clone(), kind, choices]
            })
        }
        CustomFields::Create(typed) => {
            let new = input::read(input::object(typed, of_definition)?)?;
            print::record(output, &fields.define(new).await?)
        }
        CustomFields::Update { one, fields: typed, expected } => {
            let edit = input::read(input::object(typed, of_definition)?)?;
            print::record(output, &fields.update(one.id(), edit, expected.expect()).await?)
        }
        CustomFields::Retire { one, expected } => {
            fields.retire(one.id(), expected.expect()).await?;
            print::deleted(output, one.id::<()>())
        }
    }
}

/// How the parts of a custom field's definition are read.
fn of_definition(key: &str) -> Reading {
    match key {
        "choices" => Reading::List,
        "required" => Reading::Json,
        _ => Reading::Text,
    }
}

/// Prints the workspace's settings.
pub(crate) async fn show_workspace(session: &Session, output: Output) -> Result<(), Failure> {
    print::record(output, &session.workspace().read().await?)
}

/// Changes the workspace's settings and prints them.
pub(crate) async fn update_workspace(
    session: &Session,
    fields: &Fields,
    expected: Expected,
    output: Output,
) -> Result<(), Failure> {
    let edit = input::read(input::object(fields, |_| Reading::Text)?)?;
    print::record(output, &session.workspace().update(edit, expected.expect()).await?)
}

/// Searches across records.
pub(crate) async fn search(session: &Session, search: &Search, output: Output) -> Result<(), Failure> {
    let Search { words, types } = search;
    let request = SearchRequest { q: words.line(), types: types.clone(), limit: Some(words.limit) };
    let hits = session.search().find(&request).await?;
    records::print(&["Type", "Match", "Title", "More", "Id"], &whole(hits), output, |hit| {
        let (kind, more) = (hit.kind.entity().to_string(), hit.subtitle.clone().unwrap_or_default());
        vec![kind, print::word(&hit.matched), hit.title.clone(), more, hit.id.to_string()]
    })
}

/// A list that always fits on one page.
pub(super) fn whole<T>(data: Vec<T>) -> Page<T> {
    Page { data, next_cursor: None, total: None, total_is_capped: None }
}
