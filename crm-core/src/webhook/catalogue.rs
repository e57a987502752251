//! Every event that there is: what endpoints may ask for, and what the documents say.

use std::fmt::Write as _;

use crate::access::Entity;
use crate::journal::{Change, withdrawal};

/// One kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventKind {
    /// Its name on the wire, as `deal.moved`.
    pub name: String,
    /// Kind of the record.
    pub entity: Entity,
    /// What became of the record; absent for an event that a fact gives its name.
    pub change: Option<Change>,
    /// When it is told.
    pub says: String,
    /// The fields of its fact in `data.events`, beside `type`; empty for one that the change alone tells.
    pub fact: &'static [(&'static str, &'static str)],
}

/// What can become of records of a kind.
const ALL: &[Change] = &[Change::Created, Change::Updated, Change::Deleted, Change::Restored, Change::Purged];
const KEPT: &[Change] = &[Change::Created, Change::Updated, Change::Deleted];
const LASTING: &[Change] = &[Change::Created, Change::Updated];

/// The kinds of record that anybody is told of, and what becomes of them.
const RECORDS: [(Entity, &[Change]); 14] = [
    (Entity::Contact, ALL),
    (Entity::Company, ALL),
    (Entity::Deal, ALL),
    (Entity::Task, ALL),
    (Entity::Note, ALL),
    (Entity::Tag, LASTING),
    (Entity::Pipeline, KEPT),
    (Entity::CustomField, KEPT),
    (Entity::ExchangeRate, KEPT),
    (Entity::MailTemplate, KEPT),
    (Entity::User, KEPT),
    (Entity::Team, KEPT),
    (Entity::Workspace, LASTING),
    (Entity::WebhookEndpoint, KEPT),
];

/// The kinds of record that somebody may lose sight of because somebody else owns them.
const OWNED: [Entity; 4] = [Entity::Contact, Entity::Company, Entity::Deal, Entity::Task];

/// A fact that gives an event its name: kind of record, name, when it is told, its fields.
type Fact = (Entity, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const FACTS: [Fact; 7] = [
    (
        Entity::Deal,
        "deal.moved",
        "A deal went to another stage.",
        &[
            ("from", "the stage before; null where there was none"),
            ("to", "the stage now"),
            ("at", "when it got there"),
        ],
    ),
    (Entity::Task, "task.completed", "A task was done.", &[("at", "when it was done")]),
    (
        Entity::Task,
        "task.reopened",
        "A task that was done is to be done again.",
        &[("completed_at", "when it had been done")],
    ),
    (
        Entity::Task,
        "task.reminded",
        "It is time to think of a task.",
        &[("at", "for when the reminder was"), ("assignee_id", "who is to do it; null where nobody is")],
    ),
    (
        Entity::Contact,
        "mail.queued",
        "A mail to a contact waits to be sent.",
        &[
            ("job_id", "the job that sends it"),
            ("subject", "its subject"),
            ("template", "the template that it was made of; absent where it was made of none"),
        ],
    ),
    (
        Entity::User,
        "user.role_changed",
        "A member got another role.",
        &[("from", "the role before"), ("to", "the role now")],
    ),
    (
        Entity::WebhookEndpoint,
        "webhook_endpoint.disabled",
        "Nothing is sent to an endpoint any more.",
        &[("reason", "`asked`, `gone` (it answered 410) or `failing` (all deliveries failed for five days)")],
    ),
];

/// Every event that endpoints may ask for, kind of record by kind of record.
pub fn events() -> impl Iterator<Item = EventKind> {
    RECORDS.into_iter().flat_map(|(entity, changes)| {
        let plain = changes.iter().map(move |change| EventKind {
            name: format!("{entity}.{}", change.name()),
            entity,
            change: Some(*change),
            says: says(entity, *change),
            fact: &[],
        });
        let facts = FACTS.into_iter().filter(move |(of, ..)| *of == entity);
        plain.chain(facts.map(|(entity, name, says, fact)| EventKind {
            name: name.to_owned(),
            entity,
            change: None,
            says: says.to_owned(),
            fact,
        }))
    })
}

fn says(entity: Entity, change: Change) -> String {
    let what = entity.name().replace('_', " ");
    match change {
        Change::Created => format!("Made: a {what}."),
        Change::Updated => format!("Changed in a way that no other event names: a {what}."),
        Change::Deleted => format!("Deleted: a {what}."),
        Change::Restored => format!("Brought back after a deletion: a {what}."),
        Change::Purged => format!("Erased for ever, with the content of its history: a {what}."),
        Change::Noted => format!("A fact about a {what}."),
    }
}

/// When whoever watches is told that they do not see a record any more.
fn lost(entity: Entity) -> String {
    let what = entity.name().replace('_', " ");
    format!("Owned by somebody else now and therefore out of the watcher's sight: a {what}. Told once.")
}

/// The catalogue as a document.
pub fn events_document() -> String {
    let mut text = HEAD.to_owned();
    for (entity, _) in RECORDS {
        let head = "| event | told when | fact in `data.events` |\n|---|---|---|";
        let _ = write!(text, "\n## {}\n\n{head}\n", entity.name());
        for EventKind { name, says, fact, .. } in events().filter(|event| event.entity == entity) {
            let fields: Vec<String> = fact.iter().map(|(field, is)| format!("`{field}`: {is}")).collect();
            let _ = writeln!(text, "| `{name}` | {says} | {} |", fields.join("; "));
        }
        if OWNED.contains(&entity) {
            let _ = writeln!(text, "| `{}` (not sent) | {} |  |", withdrawal(entity), lost(entity));
        }
    }
    text
}

const HEAD: &str = "# Events

<!-- Written by a test from crm-core/src/webhook/catalogue.rs: `UPDATE=1 cargo nextest run -p crm-core --all-features events_md`. -->

What happens in a workspace, as it is told to webhook endpoints, over the WebSocket and as server-sent events. \
An event is an entry of the journal. Its name is that of the fact that the change tells (`deal.moved`), else \
the kind of record and of change (`contact.updated`); a record that is new is always told as created.

A message to a webhook endpoint is a JSON object:

| field | holds |
|---|---|
| `type` | the event's name; `webhook.test` for a test, whose `id`, `actor` and `data` are null |
| `timestamp` | when it happened (RFC 3339, UTC) |
| `workspace_id` | the workspace |
| `seq` | its number within the workspace, without gaps |
| `id` | the entry of the journal: the same event has the same id wherever it is told |
| `actor` | `user_id` of the member who did it, or `cause` where the product did |
| `data.entity`, `data.record_id` | the record |
| `data.version` | the record's version after the change; 0 where nothing was written |
| `data.change` | `created`, `updated`, `deleted`, `restored`, `purged` or `noted` |
| `data.batch_id` | the undertaking that it is part of, as an import; absent for none |
| `data.before`, `data.after` | the changed fields with their former and new values; an empty field is absent |
| `data.events` | facts beyond the values, each with its `type` and the fields below |

The values are those of the record's fields, as the API shows them. A message tells what an admin sees when it \
is sent: of a record that is deleted or erased by then, nothing but that something happened.

Events that are marked `(not sent)` are told over the WebSocket and as server-sent events alone. They have `before`, \
`after` and `events` empty and no `change`. No endpoint is sent them, because an endpoint sees every record, and none \
may ask for them.
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::access::owner_field;
    use crate::webhook::EventPattern;

    #[test]
    fn no_event_is_listed_twice_and_every_topic_is() {
        let names: Vec<String> = events().map(|event| event.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let told: BTreeSet<Entity> = events().map(|event| event.entity).collect();
        let topics: BTreeSet<Entity> = crate::journal::topics().filter_map(crate::journal::topic).collect();
        assert_eq!(told, topics);
    }

    #[test]
    fn what_has_an_owner_may_be_withdrawn_and_no_endpoint_asks_for_that() {
        let owned: BTreeSet<Entity> =
            events().map(|event| event.entity).filter(|kind| owner_field(*kind).is_some()).collect();
        assert_eq!(owned, BTreeSet::from(OWNED));
        let document = events_document();
        for kind in OWNED {
            let name = withdrawal(kind);
            assert!(document.contains(&format!("| `{name}` (not sent) |")), "{name}");
            assert!(name.parse::<EventPattern>().is_err() && events().all(|event| event.name != name), "{name}");
        }
    }

    #[test]
    fn an_event_is_named_after_what_became_of_the_record_or_after_a_fact() {
        for event in events() {
            match event.change {
                Some(change) => assert_eq!(event.name, format!("{}.{}", event.entity, change.name())),
                None => assert!(!event.fact.is_empty(), "{}", event.name),
            }
        }
    }
}
