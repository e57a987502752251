//! Use cases of webhook endpoints.

use super::delivery::Delivery;
use super::hooks::{NAME, sending};
use super::model::{WebhookEndpoint, WebhookStatus};
use super::port::{DeliveryQuery, Span};
use super::request::{
    DeliveriesRequest, EndpointWithSecret, NewWebhookEndpoint, ReplayDeliveries, ReplayedDeliveries, RotateSecret,
    WebhookEndpointChange,
};
use super::secret::MadeSecret;
use super::sent::{DeliveryWithRequest, SentRequest, request};
use crate::access::{Action, Actor, Entity, Grant, View};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::{Job, Queue};
use crate::page::{Page, check_limit};
use crate::session::{Decisions, Expect, Session};
use crate::store::{Stored, Write};

/// Most endpoints of a workspace. Two that are made at once may be one more.
const MOST_ENDPOINTS: usize = 50;
/// Deliveries that one request sends again.
const MOST_REPLAYED: u16 = 1_000;
/// What the job is called that keeps what a request under a key was answered.
const REPLAY: &str = "webhook.replay";

/// Where the events of a workspace are sent.
#[derive(Clone)]
pub struct Webhooks {
    session: Session,
}

impl Webhooks {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// All endpoints, in the order of their making.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn list(&self) -> Result<Vec<View<WebhookEndpoint>>> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Read)?;
        let endpoints = self.session.ports().webhooks.webhook_endpoints(&grant).await?;
        Ok(endpoints.into_iter().map(|endpoint| grant.view(endpoint)).collect())
    }

    /// An endpoint.
    ///
    /// # Errors
    /// `Denied`; `NotFound`.
    pub async fn read(&self, id: Id<WebhookEndpoint>) -> Result<View<WebhookEndpoint>> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Read)?;
        Ok(grant.view(self.endpoint(&grant, id).await?.into_inner()))
    }

    /// Makes an endpoint, which is sent what happens from now on, and its secret, which is told this once.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for an address that nothing is sent to, unknown events and fields and too many endpoints;
    /// `Unsupported` where the program sends no webhooks.
    pub async fn create(&self, new: NewWebhookEndpoint) -> Result<EndpointWithSecret> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Create)?;
        let ports = self.session.ports();
        if ports.webhooks.webhook_endpoints(&grant).await?.len() >= MOST_ENDPOINTS {
            let message = format!("the workspace has {MOST_ENDPOINTS} webhook endpoints already");
            return Err(Error::invalid("url", "too_many", message));
        }
        let end = self.end(&grant).await?;
        ports.relay.begin(NAME, &[(grant.workspace_id(), end)]).await?;
        let mut changes = self.session.changes();
        let now = changes.now();
        let created_by = self.session.actor().user_id();
        let custom = &self.session.access().custom_fields;
        let endpoint = WebhookEndpoint::new(Id::new_at(now), new, end, created_by, custom, now)?;
        self.check_url(&endpoint.url)?;
        let made = MadeSecret::new(endpoint.id, now, now);
        let mut endpoint = Stored::new(endpoint);
        changes.put(&mut endpoint);
        changes.writes.push(Write::WebhookSecret(made.clone()));
        self.session.commit(&grant, changes).await?;
        Ok(EndpointWithSecret { endpoint: grant.view(endpoint.into_inner()), secret: Some(made.secret) })
    }

    /// Says all of an endpoint anew, and where that is asked for makes a secret, which is told this once. The
    /// two former ones hold on for a while, and older ones end at once: messages are signed with each that holds.
    ///
    /// # Errors
    /// As [`Webhooks::create`]; `NotFound`; `Conflict` for another version.
    pub async fn update(
        &self,
        id: Id<WebhookEndpoint>,
        change: WebhookEndpointChange,
        expect: Expect,
    ) -> Result<EndpointWithSecret> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Update)?;
        if let Some(rotation) = change.rotate_secret
            && !(0..=RotateSecret::MOST_SECONDS).contains(&rotation.overlap_seconds)
        {
            let message = format!("must lie between 0 and {}", RotateSecret::MOST_SECONDS);
            return Err(Error::invalid("rotate_secret.overlap_seconds", "out_of_range", message));
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut endpoint = self.endpoint(&grant, id).await?;
                expect.check(&grant, &*endpoint)?;
                let end = self.end(&grant).await?;
                let mut changes = self.session.changes();
                let (now, before) = (changes.now(), endpoint.url.clone());
                endpoint.change(change.clone(), &self.session.access().custom_fields, end)?;
                if endpoint.url != before {
                    self.check_url(&endpoint.url)?;
                }
                let made = change
                    .rotate_secret
                    .map(|rotation| MadeSecret::new(id, now, now.plus_seconds(rotation.overlap_seconds)));
                if let Some(made) = &made {
                    endpoint.secret_made_at = made.made_at;
                }
                changes.put(&mut endpoint);
                let secret = made.as_ref().map(|made| made.secret.clone());
                changes.writes.extend(made.map(Write::WebhookSecret));
                self.session.commit(&grant, changes).await?;
                Ok::<_, Error>(EndpointWithSecret { endpoint: grant.view(endpoint.into_inner()), secret })
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Deletes an endpoint and its secrets. What was not sent yet is given up.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<WebhookEndpoint>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut endpoint = self.endpoint(&grant, id).await?;
                expect.check(&grant, &*endpoint)?;
                let mut changes = self.session.changes();
                endpoint.deleted_at = Some(changes.now());
                changes.put(&mut endpoint);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Sends a test once, also to a disabled endpoint; once under the caller's key. The job that sends it has
    /// the delivery's id and state as its result.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Unsupported` where the program sends no webhooks.
    pub async fn test(&self, id: Id<WebhookEndpoint>) -> Result<View<Job>> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Update)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let endpoint = self.endpoint(&grant, id).await?;
        self.check_url(&endpoint.url)?;
        let mut changes = self.session.changes();
        let delivery = Delivery::test(id, changes.now());
        let job = sending(&delivery)?.into_job(self.session.actor().user_id(), changes.now())?;
        changes.writes.push(Write::Deliveries(vec![delivery]));
        self.session.enqueue(&grant, changes, job).await
    }

    /// What was and will be sent to an endpoint, the latest first.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a bad limit or cursor.
    pub async fn deliveries(&self, id: Id<WebhookEndpoint>, request: &DeliveriesRequest) -> Result<Page<Delivery>> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Read)?;
        let limit = check_limit(request.limit)?;
        let seal = grant.seal(&("deliveries", id, request.state));
        let before = seal.open(request.cursor.as_deref())?;
        self.endpoint(&grant, id).await?;
        let query = DeliveryQuery { endpoint: id, state: request.state, span: Span::Before(before), limit: limit + 1 };
        let mut data = self.session.ports().webhooks.deliveries(&grant, &query).await?;
        let is_last = data.len() <= usize::from(limit);
        data.truncate(usize::from(limit));
        let next_cursor = data.last().filter(|_| !is_last).map(|delivery| seal.close(&delivery.id));
        Ok(Page { data, next_cursor, total: None, total_is_capped: None })
    }

    /// A delivery to an endpoint, with what its last attempt sent. The body is for those who may change the endpoint
    /// and so have it sent to themselves: it tells what an admin sees.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for a delivery to another endpoint.
    pub async fn delivery(&self, id: Id<WebhookEndpoint>, delivery: Id<Delivery>) -> Result<DeliveryWithRequest> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Read)?;
        self.endpoint(&grant, id).await?;
        let found = self.session.ports().webhooks.delivery(&grant, delivery).await?;
        if found.endpoint_id != id {
            return Err(Error::not_found("delivery", delivery));
        }
        // What is sent is what the product itself sees, whoever asks for it.
        let product = self.session.crm().acting(Actor::system(grant.workspace_id(), "webhook")).await?;
        let mut request = request(&product, &found).await?;
        if self.session.require(Entity::WebhookEndpoint, Action::Update).is_err() {
            request = request.map(|request| SentRequest { body: None, ..request });
        }
        Ok(DeliveryWithRequest { delivery: found, request })
    }

    /// Sends again what was wanted before: one delivery, or those of a span of time, at most a thousand at once.
    /// Each is a delivery of its own under the same `webhook-id`; those that were themselves sent again are left
    /// out of a span. Under the caller's key it is done once, and a job keeps what was answered.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a delivery of another endpoint, and where neither a delivery nor a
    /// span is named or both are; `Conflict` with code `webhook_disabled` for a disabled endpoint.
    pub async fn replay(&self, id: Id<WebhookEndpoint>, wanted: &ReplayDeliveries) -> Result<ReplayedDeliveries> {
        let grant = self.session.require(Entity::WebhookEndpoint, Action::Update)?;
        if let Some(first) = self.session.told_before(&grant).await? {
            return Ok(first);
        }
        let endpoint = self.endpoint(&grant, id).await?;
        let (found, next_cursor) = self.to_replay(&grant, id, wanted).await?;
        if endpoint.status == WebhookStatus::Disabled {
            let message = format!("webhook endpoint {id} is disabled");
            return Err(Error::conflict(message).with_code("webhook_disabled"));
        }
        let mut changes = self.session.changes();
        let again: Vec<Delivery> = found.iter().map(|delivery| delivery.again(changes.now())).collect();
        for delivery in &again {
            changes.enqueue(sending(delivery)?);
        }
        let replayed = again.len() as u64;
        if !again.is_empty() {
            changes.writes.push(Write::Deliveries(again));
        }
        let told = ReplayedDeliveries { replayed, next_cursor };
        self.session.commit_telling(&grant, changes, REPLAY, Queue::WEBHOOK, told).await
    }

    /// The deliveries that are to be sent again, and where to go on.
    async fn to_replay(
        &self,
        grant: &Grant,
        id: Id<WebhookEndpoint>,
        wanted: &ReplayDeliveries,
    ) -> Result<(Vec<Delivery>, Option<String>)> {
        let store = &self.session.ports().webhooks;
        let ReplayDeliveries { delivery_id, from, to, state, cursor: after } = wanted;
        let is_span = from.is_some() || to.is_some() || state.is_some() || after.is_some();
        match delivery_id {
            Some(_) if is_span => {
                Err(Error::invalid("delivery_id", "exclusive", "names one delivery where a span names others"))
            }
            None if from.is_none() && to.is_none() => {
                Err(Error::invalid("delivery_id", "required", "needs a delivery, or a span with from or to"))
            }
            Some(one) => {
                let found = store.delivery(grant, *one).await.map_err(|error| error.not_found_at("delivery_id"))?;
                if found.endpoint_id != id || found.is_test() {
                    let message = format!("delivery {one} is none of an event to this endpoint");
                    return Err(Error::invalid("delivery_id", "not_found", message));
                }
                Ok((vec![found], None))
            }
            None => {
                let seal = grant.seal(&("replay", id, from, to, state));
                let span = Span::Within { from: *from, to: *to, after: seal.open(after.as_deref())? };
                let query = DeliveryQuery { endpoint: id, state: *state, span, limit: MOST_REPLAYED + 1 };
                let mut found = store.deliveries(grant, &query).await?;
                let is_last = found.len() <= usize::from(MOST_REPLAYED);
                found.truncate(MOST_REPLAYED.into());
                let next = found.last().filter(|_| !is_last).map(|last| seal.close(&last.id));
                Ok((found, next))
            }
        }
    }

    async fn endpoint(&self, grant: &Grant, id: Id<WebhookEndpoint>) -> Result<Stored<WebhookEndpoint>> {
        self.session.ports().webhooks.webhook_endpoint(grant, id).await
    }

    /// The number of the last event by now.
    async fn end(&self, grant: &Grant) -> Result<i64> {
        self.session.crm().feed(grant.workspace_id()).await?.end().await
    }

    fn check_url(&self, url: &str) -> Result<()> {
        match &self.session.ports().sender {
            Some(sender) => sender.check(url),
            None => Err(Error::new(ErrorKind::Unsupported, "this program sends no webhooks")),
        }
    }
}
