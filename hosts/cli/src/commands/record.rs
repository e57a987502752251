//! `slackcrm contacts show`, `create`, `update`, `delete`, `timeline`, `search` and their like.

use crm_core::deal::DealStart;
use crm_core::journal::TimelineItem;
use crm_core::{Entity, Expect, ListRequest, Session};
use serde_json::{Map, Value};

use super::input::{self, Readings};
use super::records;
use crate::args::Output;
use crate::args::change::{Fields, History, One, Words};
use crate::failure::Failure;
use crate::print;

/// Prints one record.
pub(crate) async fn show(session: &Session, entity: Entity, one: One, output: Output) -> Result<(), Failure> {
    match entity {
        Entity::Contact => print::record(output, &session.contacts().read(one.id()).await?),
        Entity::Company => print::record(output, &session.companies().read(one.id()).await?),
        Entity::Task => print::record(output, &session.tasks().read(one.id()).await?),
        _ => print::record(output, &session.deals().read(one.id()).await?),
    }
}

/// Makes a record and prints it.
pub(crate) async fn create(session: &Session, entity: Entity, fields: &Fields, output: Output) -> Result<(), Failure> {
    let mut object = Readings::of(session, entity, fields).await?.object(fields)?;
    match entity {
        Entity::Contact => print::record(output, &session.contacts().create(input::read(object)?).await?),
        Entity::Company => print::record(output, &session.companies().create(input::read(object)?).await?),
        Entity::Task => print::record(output, &session.tasks().create(input::read(object)?).await?),
        _ => {
            let start: DealStart = input::read(taken(&mut object, &["pipeline_id", "stage_id"]))?;
            print::record(output, &session.deals().create(start, input::read(object)?).await?)
        }
    }
}

/// Takes some fields out of an object.
pub(super) fn taken(object: &mut Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    keys.iter().filter_map(|key| object.remove_entry(*key)).collect()
}

/// Changes fields of a record and prints it.
pub(crate) async fn update(
    session: &Session,
    entity: Entity,
    one: One,
    fields: &Fields,
    expect: Expect,
    output: Output,
) -> Result<(), Failure> {
    let object = Readings::of(session, entity, fields).await?.object(fields)?;
    match entity {
        Entity::Contact => {
            print::record(output, &session.contacts().update(one.id(), input::read(object)?, expect).await?)
        }
        Entity::Company => {
            print::record(output, &session.companies().update(one.id(), input::read(object)?, expect).await?)
        }
        Entity::Task => print::record(output, &session.tasks().update(one.id(), input::read(object)?, expect).await?),
        _ => print::record(output, &session.deals().update(one.id(), input::read(object)?, expect).await?),
    }
}

/// Deletes a record and says so.
pub(crate) async fn delete(
    session: &Session,
    entity: Entity,
    one: One,
    expect: Expect,
    output: Output,
) -> Result<(), Failure> {
    match entity {
        Entity::Contact => session.contacts().delete(one.id(), expect).await?,
        Entity::Company => session.companies().delete(one.id(), expect).await?,
        Entity::Task => session.tasks().delete(one.id(), expect).await?,
        _ => session.deals().delete(one.id(), expect).await?,
    }
    print::deleted(output, one.id::<()>())
}

/// Prints a page of a record's history.
pub(crate) async fn timeline(
    session: &Session,
    entity: Entity,
    history: &History,
    output: Output,
) -> Result<(), Failure> {
    let (one, cursor, limit) = (history.one, history.cursor.as_deref(), Some(history.limit));
    let page = match entity {
        Entity::Contact => session.contacts().timeline(one.id(), cursor, limit).await?,
        Entity::Company => session.companies().timeline(one.id(), cursor, limit).await?,
        Entity::Task => session.tasks().timeline(one.id(), cursor, limit).await?,
        _ => session.deals().timeline(one.id(), cursor, limit).await?,
    };
    records::print(&["At", "By", "What", "Fields"], &page, output, |item| {
        let by = item.actor.user_id.map(|id| id.to_string()).or(item.actor.cause.clone());
        vec![item.at.to_string(), by.unwrap_or_default(), what(item), fields(item)]
    })
}

/// What was done, and to which record where that is another, as a note on this one.
fn what(item: &TimelineItem) -> String {
    format!("{} {}", item.entity, print::word(&item.change))
}

/// The fields that changed, with their new values.
fn fields(item: &TimelineItem) -> String {
    let cleared = item.before.keys().filter(|key| !item.after.contains_key(*key)).map(|key| format!("{key}="));
    let set = item.after.iter().map(|(key, value)| format!("{key}={}", print::cell(value)));
    set.chain(cleared).collect::<Vec<_>>().join(", ")
}

/// Prints the latest records that hold the words.
pub(crate) async fn search(session: &Session, entity: Entity, words: &Words, output: Output) -> Result<(), Failure> {
    let request = ListRequest { q: Some(words.line()), limit: Some(words.limit), ..ListRequest::default() };
    records::page(session, entity, &request, output).await
}
