//! How far handlers of events have come, and what was sent to webhook endpoints. Beside the rows, because
//! workers write it and not those who ask for changes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::held::Taker;
use super::rows::{self, Rows};
use super::{MemoryStore, Space};
use crate::access::Grant;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::JobState;
use crate::relay::RelayStore;
use crate::store::{Stored, Write};
use crate::time::Timestamp;
use crate::webhook::{Delivery, DeliveryQuery, DeliveryState, Health, MadeSecret, Span, WebhookEndpoint, WebhookStore};
use crate::workspace::Workspace;

/// A secret and until when it holds; without an end where absent.
struct Secret {
    secret: SecretString,
    until: Option<Timestamp>,
}

/// What is kept of one workspace.
#[derive(Default)]
pub(super) struct Hooks {
    cursors: BTreeMap<String, i64>,
    /// By endpoint, the newest last.
    secrets: BTreeMap<Uuid, Vec<Secret>>,
    deliveries: BTreeMap<Uuid, Delivery>,
    /// Since when an endpoint has taken nothing.
    failing: BTreeMap<Uuid, Timestamp>,
}

/// Refuses the move of a cursor that is elsewhere.
pub(super) fn check(hooks: Option<&Hooks>, write: &Write) -> Result<()> {
    let Write::CursorMove(moved) = write else { return Ok(()) };
    let at = hooks.and_then(|hooks| hooks.cursors.get(&moved.handler));
    match at == Some(&moved.from) {
        true => Ok(()),
        false => {
            Err(Error::conflict(format!("cursor {} was moved meanwhile", moved.handler)).with_code("stale_version"))
        }
    }
}

impl Hooks {
    /// Gives all of it to whoever takes what the store holds.
    pub(super) fn hold(&self, taker: &mut Taker<'_>) {
        let Self { cursors, secrets, deliveries, failing } = self;
        taker.take("relay_cursors", cursors);
        for (endpoint, secrets) in secrets {
            let secrets = secrets.iter().map(|one| (endpoint, one.secret.expose_secret(), one.until));
            taker.take("webhook_secrets", secrets);
        }
        taker.take("webhook_deliveries", deliveries);
        taker.take("webhook_failing", failing);
    }

    /// Writes what a commit says; it was checked.
    pub(super) fn write(&mut self, write: &Write) {
        match write {
            Write::CursorMove(moved) => drop(self.cursors.insert(moved.handler.clone(), moved.to)),
            Write::Deliveries(deliveries) => {
                self.deliveries.extend(deliveries.iter().map(|delivery| (delivery.id.uuid(), delivery.clone())));
            }
            Write::DeliveryTurn(turn) => {
                let known = self.deliveries.get_mut(&turn.id.uuid());
                if let Some(known) = known.filter(|known| known.state != DeliveryState::Delivered) {
                    *known = turn.of(known.clone());
                }
            }
            Write::WebhookSecret(made) => {
                let secrets = self.secrets.entry(made.endpoint_id.uuid()).or_default();
                let over = secrets.len().saturating_sub(MadeSecret::MOST_FORMER.into());
                secrets.drain(..over);
                for secret in secrets.iter_mut() {
                    let until = secret.until.unwrap_or(made.former_until);
                    secret.until = Some(until.min(made.former_until));
                }
                secrets.push(Secret { secret: made.secret.clone(), until: None });
            }
            Write::WebhookEndpoint(put) if WebhookEndpoint::forgives(put) => {
                self.failing.remove(&put.after.id.uuid());
                if put.after.deleted_at.is_some() {
                    self.secrets.remove(&put.after.id.uuid());
                }
            }
            _ => {}
        }
    }
}

#[async_trait]
impl RelayStore for MemoryStore {
    async fn cursor(&self, workspace: Id<Workspace>, handler: &str) -> Result<Option<i64>> {
        let cursor = |space: &Space| space.hooks.cursors.get(handler).copied();
        Ok(self.read(|state| state.spaces.get(&workspace.uuid()).and_then(cursor)).await)
    }

    async fn begin(&self, handler: &str, after: &[(Id<Workspace>, i64)]) -> Result<()> {
        self.write(|state| {
            for (workspace, seq) in after {
                if let Some(space) = state.spaces.get_mut(&workspace.uuid()) {
                    space.hooks.cursors.entry(handler.to_owned()).or_insert(*seq);
                }
            }
            Ok(())
        })
        .await
    }

    async fn behind(&self, handler: &str) -> Result<Vec<Id<Workspace>>> {
        self.read(|state| {
            let is_behind =
                |space: &Space| space.hooks.cursors.get(handler).is_some_and(|seq| *seq < space.journal.written_to());
            Ok(state.spaces.iter().filter(|(_, space)| is_behind(space)).map(|(id, _)| Id::from(*id)).collect())
        })
        .await
    }

    async fn not_begun(&self, handler: &str) -> Result<Vec<Id<Workspace>>> {
        self.read(|state| {
            let fresh = state.spaces.iter().filter(|(_, space)| !space.hooks.cursors.contains_key(handler));
            Ok(fresh.map(|(id, _)| Id::from(*id)).collect())
        })
        .await
    }

    async fn has_begun(&self, handler: &str) -> Result<bool> {
        self.read(|state| Ok(state.spaces.values().any(|space| space.hooks.cursors.contains_key(handler)))).await
    }
}

/// Whether a delivery is one of those that are asked for.
fn is_asked(delivery: &Delivery, query: &DeliveryQuery) -> bool {
    let is_in_span = match query.span {
        Span::Before(before) => before.is_none_or(|before| delivery.id < before),
        Span::Within { from, to, after } => {
            delivery.replay_of.is_none()
                && !delivery.is_test()
                && from.is_none_or(|from| from <= delivery.created_at)
                && to.is_none_or(|to| delivery.created_at < to)
                && after.is_none_or(|after| after < delivery.id)
        }
    };
    delivery.endpoint_id == query.endpoint && query.state.is_none_or(|state| state == delivery.state) && is_in_span
}

impl MemoryStore {
    /// Looks at what is kept of the grant's workspace.
    async fn hooks<T>(&self, grant: &Grant, look: impl FnOnce(&Hooks, &Rows) -> T) -> T {
        let workspace = grant.workspace_id().uuid();
        self.read(|state| match state.spaces.get(&workspace) {
            Some(space) => look(&space.hooks, &space.rows),
            None => look(&Hooks::default(), &Rows::default()),
        })
        .await
    }
}

#[async_trait]
impl WebhookStore for MemoryStore {
    async fn webhook_endpoint(&self, grant: &Grant, id: Id<WebhookEndpoint>) -> Result<Stored<WebhookEndpoint>> {
        self.rows(grant, |rows| {
            let live = rows.get::<WebhookEndpoint>(id.uuid()).filter(|endpoint| endpoint.deleted_at.is_none());
            rows::found(live, id.uuid())
        })
        .await
    }

    async fn webhook_endpoints(&self, grant: &Grant) -> Result<Vec<WebhookEndpoint>> {
        Ok(self.rows(grant, |rows| rows.live().cloned().collect()).await)
    }

    async fn webhook_secrets(
        &self,
        grant: &Grant,
        id: Id<WebhookEndpoint>,
        now: Timestamp,
    ) -> Result<Vec<SecretString>> {
        let holds = |secret: &&Secret| secret.until.is_none_or(|until| now < until);
        self.hooks(grant, |hooks, _| {
            let secrets = hooks.secrets.get(&id.uuid()).into_iter().flatten().rev();
            Ok(secrets.filter(holds).map(|secret| secret.secret.clone()).collect())
        })
        .await
    }

    async fn delivery(&self, grant: &Grant, id: Id<Delivery>) -> Result<Delivery> {
        let found = self.hooks(grant, |hooks, _| hooks.deliveries.get(&id.uuid()).cloned()).await;
        found.ok_or_else(|| Error::not_found("delivery", id))
    }

    async fn deliveries(&self, grant: &Grant, query: &DeliveryQuery) -> Result<Vec<Delivery>> {
        let mut found: Vec<Delivery> = self
            .hooks(grant, |hooks, _| hooks.deliveries.values().filter(|one| is_asked(one, query)).cloned().collect())
            .await;
        if matches!(query.span, Span::Before(_)) {
            found.reverse();
        }
        found.truncate(query.limit.into());
        Ok(found)
    }

    async fn ahead_of(&self, grant: &Grant, delivery: &Delivery) -> Result<Option<Timestamp>> {
        self.hooks(grant, |hooks, rows| {
            let before = hooks.deliveries.values().filter(|one| {
                one.endpoint_id == delivery.endpoint_id
                    && one.record_id == delivery.record_id
                    && one.state == DeliveryState::Pending
                    && one.replay_of.is_none()
                    && one.seq < delivery.seq
            });
            let jobs = before.filter_map(|one| rows.jobs.get(&one.id.uuid()));
            let open = jobs.filter(|job| job.finished_at.is_none());
            // What a running one has as `due_at` is the end of its lease.
            Ok(open.filter_map(|job| if job.state == JobState::Running { job.started_at } else { job.due_at }).min())
        })
        .await
    }

    async fn note_delivery(&self, grant: &Grant, delivery: &Delivery, health: Health) -> Result<Option<Timestamp>> {
        self.write(|state| {
            let Some(space) = state.spaces.get_mut(&grant.workspace_id().uuid()) else { return Ok(None) };
            let (hooks, endpoint) = (&mut space.hooks, delivery.endpoint_id.uuid());
            let ended = [DeliveryState::Delivered, DeliveryState::Cancelled];
            if let Some(known) = hooks.deliveries.get_mut(&delivery.id.uuid())
                && (!ended.contains(&known.state) || delivery.state == DeliveryState::Delivered)
            {
                *known = delivery.clone();
            }
            match health {
                Health::Works => drop(hooks.failing.remove(&endpoint)),
                Health::Fails(at) => drop(hooks.failing.entry(endpoint).or_insert(at)),
                Health::Unknown => {}
            }
            Ok(hooks.failing.get(&endpoint).copied())
        })
        .await
    }

    async fn stranded_deliveries(&self, workspace: Id<Workspace>, limit: u16) -> Result<Vec<Delivery>> {
        self.read(|state| {
            let Some(space) = state.spaces.get(&workspace.uuid()) else { return Ok(Vec::new()) };
            let is_over = |one: &&Delivery| {
                let job = space.rows.jobs.get(&one.id.uuid());
                one.state == DeliveryState::Pending && job.is_none_or(|job| job.finished_at.is_some())
            };
            Ok(space.hooks.deliveries.values().filter(is_over).take(limit.into()).cloned().collect())
        })
        .await
    }

    async fn prune_deliveries(&self, workspace: Id<Workspace>, until: Timestamp, limit: u16) -> Result<usize> {
        self.write(|state| {
            let Some(space) = state.spaces.get_mut(&workspace.uuid()) else { return Ok(0) };
            let deliveries = &mut space.hooks.deliveries;
            let is_old = |one: &&Delivery| one.state != DeliveryState::Pending && one.created_at <= until;
            let old = deliveries.values().filter(is_old).take(limit.into());
            let old: Vec<Uuid> = old.map(|one| one.id.uuid()).collect();
            old.iter().for_each(|id| drop(deliveries.remove(id)));
            Ok(old.len())
        })
        .await
    }
}
