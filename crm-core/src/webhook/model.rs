//! A webhook endpoint: where events of a workspace are sent, and which.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::catalogue::events;
use super::names::is_told;
use super::pattern::EventPattern;
use super::request::{NewWebhookEndpoint, WebhookEndpointChange};
use crate::access::Entity;
use crate::custom_field::CustomField;
use crate::error::Result;
use crate::faults::Faults;
use crate::filter::CUSTOM_PREFIX;
use crate::id::Id;
use crate::journal::Envelope;
use crate::store::{Put, Record, versioned};
use crate::text;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most characters of an address.
pub(super) const MAX_URL: usize = 2_000;
/// Most characters of a description.
const MAX_DESCRIPTION: usize = 500;
/// Most names of events, and of fields.
const MAX_NAMES: usize = 100;
/// Most characters of a field's name.
const MAX_FIELD: usize = 100;

/// In which order the deliveries of an endpoint are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DeliveryOrder {
    /// In none: what fails keeps nothing back.
    #[default]
    None,
    /// Those of one record one after another: the next one waits until the one before was delivered or given
    /// up.
    Record,
}

/// Whether events are sent to an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum WebhookStatus {
    /// They are.
    #[default]
    Enabled,
    /// They are not; what happens meanwhile is not sent later.
    Disabled,
}

/// Why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DisabledReason {
    /// Somebody said so.
    Asked,
    /// It answered 410.
    Gone,
    /// For five days every delivery failed.
    Failing,
}

/// Where events of a workspace are sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: Id<WebhookEndpoint>,
    /// Where to.
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Which events.
    pub event_types: Vec<EventPattern>,
    /// Of these events those that change one of these fields, custom ones as `custom.key`; all where empty.
    #[serde(default)]
    pub fields: Vec<String>,
    /// In which order.
    #[serde(default)]
    pub order: DeliveryOrder,
    /// Whether anything is sent.
    #[serde(default)]
    pub status: WebhookStatus,
    /// Why it is disabled.
    #[serde(default)]
    pub disabled_reason: Option<DisabledReason>,
    /// The events after this number are sent: it was the last one when the endpoint was made or enabled.
    #[serde(default)]
    pub after_seq: i64,
    /// When its newest secret was made.
    #[serde(default = "epoch")]
    pub secret_made_at: Timestamp,
    /// Who made it; absent for the product itself.
    #[serde(default)]
    pub created_by: Option<Id<User>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl WebhookEndpoint {
    /// A new endpoint, for the events after a number, in a workspace with these custom fields.
    ///
    /// # Errors
    /// `Invalid` for what it must not be.
    pub(crate) fn new(
        id: Id<WebhookEndpoint>,
        new: NewWebhookEndpoint,
        after_seq: i64,
        created_by: Option<Id<User>>,
        custom: &[CustomField],
        now: Timestamp,
    ) -> Result<Self> {
        let mut endpoint = Self {
            id,
            url: String::new(),
            description: None,
            event_types: Vec::new(),
            fields: Vec::new(),
            order: DeliveryOrder::None,
            status: WebhookStatus::Enabled,
            disabled_reason: None,
            after_seq,
            secret_made_at: now,
            created_by,
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        };
        endpoint.say(new, custom)?;
        Ok(endpoint)
    }

    /// Says all anew that a caller decides, but whether it is enabled. A custom field that it names already is taken,
    /// also where it is none any more.
    fn say(&mut self, new: NewWebhookEndpoint, custom: &[CustomField]) -> Result<()> {
        let NewWebhookEndpoint { url, description, event_types, fields, order } = new;
        let mut faults = Faults::default();
        faults.keep(text::clean_line("url", &url, MAX_URL), &mut self.url);
        let description = description.unwrap_or_default();
        faults.keep(text::optional_line("description", &description, MAX_DESCRIPTION), &mut self.description);
        let patterns = patterns(&event_types);
        let is_wanted = |event: &str| patterns.iter().flatten().any(|pattern| pattern.matches(event));
        let kinds = events().filter(|event| patterns.is_err() || is_wanted(&event.name)).map(|event| event.entity);
        let kinds: BTreeSet<Entity> = kinds.collect();
        let is_held = |name: &str| name.starts_with(CUSTOM_PREFIX) && self.fields.iter().any(|held| held == name);
        let is_known = |name: &str| is_held(name) || is_told(name, &kinds, custom);
        let names = names(&fields, is_known);
        faults.keep(patterns, &mut self.event_types);
        faults.keep(names, &mut self.fields);
        self.order = order;
        faults.into_result()
    }

    /// Changes it, in a workspace with these custom fields. One that is enabled again is sent what happens from this
    /// number on.
    pub(crate) fn change(&mut self, change: WebhookEndpointChange, custom: &[CustomField], end: i64) -> Result<()> {
        let WebhookEndpointChange { url, description, event_types, fields, order, status, rotate_secret: _ } = change;
        self.say(NewWebhookEndpoint { url, description, event_types, fields, order }, custom)?;
        match status {
            Some(WebhookStatus::Enabled) if self.status == WebhookStatus::Disabled => {
                (self.status, self.disabled_reason) = (WebhookStatus::Enabled, None);
                self.after_seq = end;
            }
            Some(WebhookStatus::Disabled) if self.status == WebhookStatus::Enabled => {
                self.disable(DisabledReason::Asked);
            }
            _ => {}
        }
        Ok(())
    }

    /// Sends nothing there any more.
    pub(crate) fn disable(&mut self, reason: DisabledReason) {
        (self.status, self.disabled_reason) = (WebhookStatus::Disabled, Some(reason));
    }

    /// Whether what it did not take before counts no more: once it is deleted, enabled again or at another address.
    pub fn forgives(put: &Put<Self>) -> bool {
        let begins_anew = |before: &Self| {
            let was_disabled = before.status == WebhookStatus::Disabled;
            before.url != put.after.url || was_disabled && put.after.status == WebhookStatus::Enabled
        };
        put.after.deleted_at.is_some() || put.before.as_ref().is_some_and(begins_anew)
    }

    /// Whether it is to be sent an event.
    pub fn wants(&self, event: &Envelope) -> bool {
        self.status == WebhookStatus::Enabled
            && event.seq > self.after_seq
            && self.event_types.iter().any(|pattern| pattern.matches(&event.kind))
            && (self.fields.is_empty() || self.fields.iter().any(|field| is_changed(event, field)))
    }
}

/// Whether an event changes a field.
fn is_changed(event: &Envelope, field: &str) -> bool {
    let (before, after) = (&event.data.before, &event.data.after);
    let custom = |image: &Map<String, Value>, key: &str| image.get("custom").and_then(|all| all.get(key)).cloned();
    match field.strip_prefix(CUSTOM_PREFIX) {
        Some(key) => custom(before, key) != custom(after, key),
        None => before.contains_key(field) || after.contains_key(field),
    }
}

fn patterns(texts: &[String]) -> Result<Vec<EventPattern>> {
    let mut faults = Faults::default();
    if texts.is_empty() {
        faults.add("event_types", "required", "must name an event");
    }
    if texts.len() > MAX_NAMES {
        faults.add("event_types", "too_many", &format!("holds more than {MAX_NAMES} names"));
    }
    let mut patterns = Vec::new();
    for (at, text) in texts.iter().enumerate().take(MAX_NAMES) {
        match text.parse::<EventPattern>() {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => faults.refuse(&format!("event_types.{at}"), &error),
        }
    }
    faults.into_result()?;
    patterns.sort();
    patterns.dedup();
    Ok(patterns)
}

fn names(fields: &[String], is_known: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let mut faults = Faults::default();
    if fields.len() > MAX_NAMES {
        faults.add("fields", "too_many", &format!("holds more than {MAX_NAMES} names"));
    }
    let mut names = Vec::new();
    for (at, field) in fields.iter().enumerate().take(MAX_NAMES) {
        let place = format!("fields.{at}");
        match text::clean_line(&place, field, MAX_FIELD) {
            Ok(name) if is_known(&name) => names.push(name),
            Ok(name) => faults.add(&place, "unknown_field", &format!("{name:?} is no field that these events tell of")),
            Err(_) => faults.add(&place, "unknown_field", "is the name of no field"),
        }
    }
    faults.into_result()?;
    names.sort();
    names.dedup();
    Ok(names)
}

impl Record for WebhookEndpoint {
    versioned!(WebhookEndpoint);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}
