//! `slackcrm permissions`.

use crm_core::access::{Action, Role, Rule};
use crm_core::{Entity, Expect, Session};
use serde_json::{Map, Value};

use super::input::{self, Reading};
use crate::args::Output;
use crate::args::settings::Permissions;
use crate::failure::Failure;
use crate::print::{Sheet, word};

/// What each role may do.
pub(crate) async fn run(session: &Session, verb: &Permissions, output: Output) -> Result<(), Failure> {
    match verb {
        Permissions::List { role } => print(session, *role, output).await,
        Permissions::Set { role, kind, fields, expected } => {
            let typed = input::object(fields, |key| if key == "hidden" { Reading::List } else { Reading::Text })?;
            let workspace = session.workspace();
            let known = workspace.permissions().await?;
            let mut rule = fields_of(&known.rules.rule(*role, *kind))?;
            rule.extend(typed);
            // What was emptied is none.
            rule.retain(|_, value| !value.is_null());
            // The rule is written whole: what somebody else changes of it meanwhile must not be lost.
            let expect = match expected.expect() {
                Expect::Any => Expect::Version(known.version),
                named => named,
            };
            workspace.set_rule(*role, *kind, input::read(rule)?, expect).await?;
            print(session, Some(*role), output).await
        }
    }
}

/// A rule by its fields.
fn fields_of(rule: &Rule) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(rule) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Failure::new("the rule cannot be changed")),
    }
}

/// Prints the rules, in a table those of one role where only these are asked for.
async fn print(session: &Session, only: Option<Role>, output: Output) -> Result<(), Failure> {
    let permissions = session.workspace().permissions().await?;
    let mut sheet = Sheet::new(&["Role", "Kind", "Create", "Read", "Update", "Delete", "Export", "Assign", "Hidden"]);
    for role in Role::ALL.into_iter().filter(|role| only.is_none_or(|only| only == *role)) {
        for kind in Entity::ALL {
            let rule = permissions.rules.rule(role, kind);
            let scopes = Action::ALL.into_iter().map(|action| word(&rule.scope(action)));
            let hidden = rule.hidden.iter().map(str::to_owned).collect::<Vec<_>>().join(", ");
            let names = [role.name().to_owned(), kind.name().to_owned()];
            sheet.row(names.into_iter().chain(scopes).chain([hidden]).collect());
        }
    }
    sheet.print(output, &permissions)
}
