//! `slackcrm teams`.

use std::collections::BTreeMap;

use crm_core::user::User;
use crm_core::{Id, Session};
use serde_json::{Map, Value};

use super::input::{self, Reading};
use super::records;
use super::settings::{named, whole};
use crate::args::Output;
use crate::args::change::Fields;
use crate::args::settings::Teams;
use crate::failure::Failure;
use crate::print;

/// Teams and their members.
pub(crate) async fn run(session: &Session, verb: &Teams, output: Output) -> Result<(), Failure> {
    let teams = session.teams();
    match verb {
        Teams::List => {
            let page = whole(teams.list().await?);
            let mut names = BTreeMap::new();
            for id in page.data.iter().flat_map(|team| team.members.iter().copied()) {
                if let (Output::Table, false) = (output, names.contains_key(&id)) {
                    names.insert(id, name(session, id).await);
                }
            }
            records::print(&["Id", "Name", "Members"], &page, output, |team| {
                let shown = |id: &Id<User>| names.get(id).cloned().unwrap_or_else(|| id.to_string());
                let members: Vec<String> = team.members.iter().map(shown).collect();
                vec![team.id.to_string(), team.name.clone(), members.join(", ")]
            })
        }
        Teams::Show(one) => print::record(output, &teams.read(one.id()).await?),
        Teams::Create(fields) => {
            let new = input::read(object(session, fields).await?)?;
            print::record(output, &teams.create(new).await?)
        }
        Teams::Update { one, fields, expected } => {
            let edit = input::read(object(session, fields).await?)?;
            print::record(output, &teams.update(one.id(), edit, expected.expect()).await?)
        }
        Teams::Delete { one, expected } => {
            teams.delete(one.id(), expected.expect()).await?;
            print::deleted(output, one.id::<()>())
        }
    }
}

/// What a member is called; their id where the caller may not read it.
async fn name(session: &Session, id: Id<User>) -> String {
    session.users().read(id).await.map_or_else(|_| id.to_string(), |user| user.name.clone())
}

/// The fields that were typed, with ids in place of e-mail addresses.
async fn object(session: &Session, fields: &Fields) -> Result<Map<String, Value>, Failure> {
    let mut object = input::object(fields, |key| if key == "members" { Reading::List } else { Reading::Text })?;
    for member in object.get_mut("members").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::String(typed) = member {
            let id = named(session, typed).await?;
            *typed = id.to_string();
        }
    }
    Ok(object)
}
