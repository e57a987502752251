//! Facts that a change's images do not tell by themselves: the sum of the rooms' events.

use serde::{Deserialize, Serialize};

use crate::auth::AuthEvent;
use crate::deal::DealEvent;
use crate::mail::MailEvent;
use crate::task::TaskEvent;
use crate::user::UserEvent;
use crate::webhook::WebhookEvent;

/// A fact of one room. Every entry also says by its kind of change that a record was created,
/// updated, deleted, restored or purged; that needs no event of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Event {
    /// Of a deal.
    Deal(DealEvent),
    /// Of a task.
    Task(TaskEvent),
    /// Of a mail to a contact.
    Mail(MailEvent),
    /// Of a member.
    User(UserEvent),
    /// Of signing in.
    Auth(AuthEvent),
    /// Of a webhook endpoint.
    Webhook(WebhookEvent),
}

impl Event {
    /// Its name on the wire, as `deal.moved`.
    pub(crate) fn name(&self) -> Option<String> {
        // Said once, where the event is written down.
        serde_json::to_value(self).ok()?.get("type")?.as_str().map(str::to_owned)
    }
}

impl From<DealEvent> for Event {
    fn from(event: DealEvent) -> Self {
        Event::Deal(event)
    }
}

impl From<TaskEvent> for Event {
    fn from(event: TaskEvent) -> Self {
        Event::Task(event)
    }
}

impl From<MailEvent> for Event {
    fn from(event: MailEvent) -> Self {
        Event::Mail(event)
    }
}

impl From<UserEvent> for Event {
    fn from(event: UserEvent) -> Self {
        Event::User(event)
    }
}

impl From<AuthEvent> for Event {
    fn from(event: AuthEvent) -> Self {
        Event::Auth(event)
    }
}

impl From<WebhookEvent> for Event {
    fn from(event: WebhookEvent) -> Self {
        Event::Webhook(event)
    }
}
