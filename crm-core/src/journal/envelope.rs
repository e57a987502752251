//! An event as it leaves the engine: what happened, as one member may see it.

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::entry::{Batch, Change, Entry};
use super::event::Event;
use super::feed::{Occurrence, Rest};
use super::timeline::TimelineItem;
use crate::access::{Action, ActorRef, Entity};
use crate::id::Id;
use crate::session::Session;
use crate::time::Timestamp;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Envelope {
    /// Its dense number within the workspace: whoever knows the last one they saw goes on after it.
    pub seq: i64,
    /// The entry of the journal behind it: the same event has the same id wherever it is told.
    #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
    pub id: Id<Entry>,
    /// What happened: the fact that the change tells, as `deal.moved`, else the kind of record and of
    /// change, as `contact.updated`. `deal.withdrawn` and its like say that somebody else owns the
    /// record now, and the caller does not see it any more.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub occurred_at: Timestamp,
    /// By whom.
    pub actor: ActorRef,
    /// The change.
    pub data: EnvelopeData,
}

/// The change behind an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EnvelopeData {
    /// Kind of the record.
    pub entity: Entity,
    /// The record.
    pub record_id: Uuid,
    /// The record's version after it; 0 where nothing was written.
    pub version: i64,
    /// What was done to the record; absent for one that was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The undertaking it is part of, as an import or bulk work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Uuid>))]
    pub batch_id: Option<Id<Batch>>,
    /// Former values of changed fields.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub before: Map<String, Value>,
    /// New values of changed fields.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub after: Map<String, Value>,
    /// Facts beyond the values.
    pub events: Vec<Event>,
}

/// Kinds of record whose changes can be watched, by the name under which that is asked for.
const TOPICS: [(&str, Entity); 14] = [
    ("contacts", Entity::Contact),
    ("companies", Entity::Company),
    ("deals", Entity::Deal),
    ("tasks", Entity::Task),
    ("notes", Entity::Note),
    ("tags", Entity::Tag),
    ("pipelines", Entity::Pipeline),
    ("custom_fields", Entity::CustomField),
    ("exchange_rates", Entity::ExchangeRate),
    ("mail_templates", Entity::MailTemplate),
    ("users", Entity::User),
    ("teams", Entity::Team),
    ("workspace", Entity::Workspace),
    ("webhook_endpoints", Entity::WebhookEndpoint),
];

/// The names of all topics.
pub fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.into_iter().map(|(name, _)| name)
}

/// The kind of record that a topic is about.
pub fn topic(name: &str) -> Option<Entity> {
    TOPICS.into_iter().find(|(topic, _)| *topic == name).map(|(_, entity)| entity)
}

impl Session {
    /// What happened, as far as the caller may see it now; `None` for what they do not see.
    pub fn envelope(&self, occurrence: &Occurrence) -> Option<Envelope> {
        let Occurrence { seq, entry, held_by, owner, former, rest } = occurrence;
        // Who signs in and out is nobody else's business.
        if entry.events.iter().any(|event| matches!(event, Event::Auth(_))) {
            return None;
        }
        // What an erased note was on is not known any more, and so is who saw it.
        if *held_by == Entity::Note {
            return None;
        }
        let grant = self.require(entry.entity, Action::Read).ok()?;
        if !grant.sees_owner(*held_by, *owner) {
            return former.filter(|former| grant.sees_owner(*held_by, *former)).map(|_| withdrawn(*seq, entry));
        }
        let mut entry = entry.clone();
        if *rest == Rest::Nothing || entry.entity == Entity::CustomField && !self.sees_definition(entry.record_id) {
            (entry.before, entry.after, entry.events) = (Map::new(), Map::new(), Vec::new());
        }
        grant.drop_retired(entry.entity, &mut entry.before);
        grant.drop_retired(entry.entity, &mut entry.after);
        Some(shown(*seq, entry, |entry| TimelineItem::masked(entry, grant.mask(occurrence.entry.entity))))
    }

    /// Whether a custom field is one that the caller sees.
    fn sees_definition(&self, id: Uuid) -> bool {
        let access = self.access();
        let field = access.custom_fields.iter().find(|field| field.id.uuid() == id);
        field.is_some_and(|field| !access.rule(field.entity).hidden.hides(&field.filter_key()))
    }
}

fn shown(seq: i64, entry: Entry, masked: impl FnOnce(Entry) -> TimelineItem) -> Envelope {
    let (kind, version, batch_id) = (kind(&entry), entry.version, entry.batch);
    let TimelineItem { id, at, actor, entity, record_id, change, before, after, events } = masked(entry);
    let change = Some(change);
    let data = EnvelopeData { entity, record_id, version, change, batch_id, before, after, events };
    Envelope { seq, id, kind, occurred_at: at, actor, data }
}

/// The name of the event by which whoever watches is told that they do not see a record any more.
pub(crate) fn withdrawal(entity: Entity) -> String {
    format!("{entity}.withdrawn")
}

fn withdrawn(seq: i64, entry: &Entry) -> Envelope {
    let data = EnvelopeData {
        entity: entry.entity,
        record_id: entry.record_id,
        version: entry.version,
        change: None,
        batch_id: None,
        before: Map::new(),
        after: Map::new(),
        events: Vec::new(),
    };
    let kind = withdrawal(entry.entity);
    Envelope { seq, id: entry.id, kind, occurred_at: entry.at, actor: entry.actor.clone(), data }
}

/// The name of what an entry says: a record that is new is told so, whatever it begins with.
fn kind(entry: &Entry) -> String {
    let fact = entry.events.first().filter(|_| entry.change != Change::Created);
    fact.and_then(Event::name).unwrap_or_else(|| format!("{}.{}", entry.entity, entry.change.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_a_kind_of_its_own() {
        let kinds: std::collections::HashSet<_> = topics().map(|name| topic(name).unwrap()).collect();
        assert_eq!(kinds.len(), TOPICS.len());
        assert!(topic("deal").is_none() && topic("").is_none());
    }
}
