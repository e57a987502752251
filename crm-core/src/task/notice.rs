//! What whoever is to do a task is told of it by mail.

use serde_json::{Map, Value, json};

use super::model::Task;
use crate::access::{Action, Actor, Entity};
use crate::error::{ErrorKind, Result};
use crate::mail::{Recipient, TemplateMail};
use crate::session::Session;
use crate::store::{Changes, Record as _};
use crate::time::Zone;
use crate::user::{User, UserStatus};

/// The template that says it.
const TEMPLATE: &str = "reminder";
/// Most characters of a title that a mail says: its subject has to hold it and what stands around it.
const LONGEST_TITLE: usize = 200;

/// Puts among the changes the mail that reminds of a task, where whoever is to do it is an active member with an
/// address who may read it, and this deployment sends mail. Suppressions are looked at when it goes out.
///
/// # Errors
/// `Unavailable` when the store cannot be reached; `Internal` where no template fits.
pub(super) async fn enqueue(
    product: &Session,
    changes: &mut Changes,
    task: &Task,
    to: &User,
    zone: Zone,
) -> Result<()> {
    let is_reached = to.status == UserStatus::Active && to.deleted_at.is_none();
    let Some(email) = to.email.clone().filter(|_| is_reached) else { return Ok(()) };
    if !sees(product, task, to).await? {
        return Ok(());
    }
    let mail = TemplateMail {
        template: TEMPLATE.parse()?,
        to: Some(Recipient { email, name: Some(to.name.clone()) }),
        contact_id: None,
        reply_to: None,
        variables: Map::from_iter([
            ("name".to_owned(), json!(to.name)),
            ("task".to_owned(), json!({"title": title(task), "due": due(task, zone)})),
        ]),
    };
    product.mails().tell(changes, mail).await
}

/// Whether a member may read a task.
async fn sees(product: &Session, task: &Task, member: &User) -> Result<bool> {
    let actor = Actor::user(product.access().workspace.id, member.id);
    let own = match product.crm().acting(actor).await {
        Ok(own) => own,
        // They are no member any more since they were looked up.
        Err(error) if error.kind() == ErrorKind::Unauthenticated => return Ok(false),
        Err(error) => return Err(error),
    };
    let grant = own.require(Entity::Task, Action::Read);
    Ok(grant.is_ok_and(|grant| grant.sees_owner(Entity::Task, task.owner())))
}

/// What a task is called, cut where it is long.
fn title(task: &Task) -> String {
    match task.title.chars().count() > LONGEST_TITLE {
        true => task.title.chars().take(LONGEST_TITLE - 1).chain(['…']).collect(),
        false => task.title.clone(),
    }
}

/// When a task is due, by the clock of whoever is to do it.
fn due(task: &Task, zone: Zone) -> Value {
    let day = task.due_date.map(|day| format!("on {day}"));
    let time = task.due_at.map(|at| zone.local(at).format("on %Y-%m-%d at %H:%M").to_string());
    json!(day.or(time).unwrap_or_default())
}
