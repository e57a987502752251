//! Sending a delivery.

use secrecy::SecretString;
use serde::Serialize;

use super::delivery::{Delivery, DeliveryAttempt, DeliveryState};
use super::event::WebhookEvent;
use super::message::{body_of, digest};
use super::model::{DeliveryOrder, DisabledReason, WebhookEndpoint, WebhookStatus};
use super::notice;
use super::places::{Place, Places};
use super::port::Health;
use super::schedule;
use super::secret::signature;
use super::sent::headers;
use crate::access::{Action, Actor, Entity, Grant};
use crate::error::{ErrorKind, Result};
use crate::id::Id;
use crate::integration::{WebhookAnswer, WebhookRequest};
use crate::job::{Handler, JobContext, JobError, Policy, Queue, Retry};
use crate::session::{Decisions, Session};

/// Seconds that an attempt may take: more than a sender gives an endpoint.
const TIMEOUT: u32 = 60;
/// How long all deliveries of an endpoint may fail before one that is given up disables it, in seconds: five days.
const MOST_FAILING: i64 = 5 * 24 * 60 * 60;
/// The longest wait for a delivery that goes before, in seconds.
const MOST_WAIT: i64 = 5 * 60;
/// All that a job says of a message that was not taken: others read jobs than endpoints, and a cause may name where
/// messages go.
const NOT_TAKEN: &str = "the endpoint did not take the message; the log of its deliveries says why";
/// The status of an endpoint that is to be sent nothing any more.
const GONE: u16 = 410;

/// The kind of job that sends a delivery; its payload is the endpoint, its id that of the delivery. Of one endpoint
/// it has two under way at once in a process, so that one which hangs does not hold up the others.
#[derive(Clone, Debug, Default)]
pub struct Deliver {
    places: Places,
}

/// What the job of a test says of it. Whoever may read jobs need not be told where messages go and what is
/// answered there.
#[derive(Serialize)]
struct Tested {
    id: Id<Delivery>,
    state: DeliveryState,
}

/// What an attempt came to.
struct Outcome {
    attempt: DeliveryAttempt,
    retry_after: Option<String>,
}

impl Handler for Deliver {
    type Payload = Id<WebhookEndpoint>;
    const KIND: &'static str = "webhook";

    fn policy() -> Policy {
        let retry = Retry::DEFAULT.attempts(schedule::ATTEMPTS);
        Policy::on(Queue::WEBHOOK).timeout_seconds(TIMEOUT).retry(retry)
    }

    async fn run(&self, job: &JobContext, endpoint: Id<WebhookEndpoint>) -> Result<(), JobError> {
        let place = match self.places.take(endpoint, job.crm()) {
            Ok(place) => place,
            Err(turn) => return Err(JobError::rate_limited(turn, "other messages are on their way to the endpoint")),
        };
        let product = job.crm().acting(Actor::system(job.workspace_id(), "webhook")).await?;
        let grant = product.internally(Entity::WebhookEndpoint, Action::Update);
        Courier { product, grant, place }.deliver(job, endpoint).await
    }
}

/// Brings one delivery to its endpoint.
struct Courier {
    product: Session,
    grant: Grant,
    place: Place,
}

impl Courier {
    async fn deliver(&self, job: &JobContext, id: Id<WebhookEndpoint>) -> Result<(), JobError> {
        let store = &self.product.ports().webhooks;
        let mut delivery = match store.delivery(&self.grant, job.id().cast()).await {
            Ok(delivery) => delivery,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(JobError::fatal("delivery_forgotten", "the delivery was forgotten"));
            }
            Err(error) => return Err(error.into()),
        };
        if delivery.state == DeliveryState::Delivered {
            // An attempt before this one could not say so.
            return Ok(());
        }
        let endpoint = match store.webhook_endpoint(&self.grant, id).await {
            Ok(endpoint) => endpoint.into_inner(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return self.give_up(job, &mut delivery, "", "webhook_gone", "the endpoint was deleted").await;
            }
            Err(error) => return Err(error.into()),
        };
        if endpoint.status == WebhookStatus::Disabled && !delivery.is_test() {
            let url = endpoint.url;
            return self.give_up(job, &mut delivery, &url, "webhook_disabled", "the endpoint is disabled").await;
        }
        self.keep_order(&endpoint, &delivery).await?;
        let Some(body) = body_of(&self.product, &delivery).await? else {
            let why = "nobody is told of the event any more";
            return self.give_up(job, &mut delivery, &endpoint.url, "event_gone", why).await;
        };
        let secrets = store.webhook_secrets(&self.grant, id, self.product.now()).await?;
        if secrets.is_empty() {
            // They went with the endpoint, after that was read: nothing goes out unsigned.
            return self.give_up(job, &mut delivery, "", "webhook_gone", "the endpoint was deleted").await;
        }
        let outcome = self.attempt(job, &endpoint, &delivery, &secrets, body).await?;
        self.settle(job, &endpoint, delivery, outcome).await
    }

    /// Waits for what goes before.
    async fn keep_order(&self, endpoint: &WebhookEndpoint, delivery: &Delivery) -> Result<(), JobError> {
        if endpoint.order == DeliveryOrder::None || delivery.is_test() || delivery.replay_of.is_some() {
            return Ok(());
        }
        let now = self.product.now();
        match self.product.ports().webhooks.ahead_of(&self.grant, delivery).await? {
            None => Ok(()),
            Some(due) => {
                let until = due.max(now).plus_seconds(1).min(now.plus_seconds(MOST_WAIT));
                Err(JobError::rate_limited(until, "an earlier delivery of the record goes before"))
            }
        }
    }

    /// Ends a delivery that nothing is sent for.
    async fn give_up(
        &self,
        job: &JobContext,
        delivery: &mut Delivery,
        url: &str,
        code: &'static str,
        why: &str,
    ) -> Result<(), JobError> {
        let now = self.product.now();
        let attempt = DeliveryAttempt {
            number: job.attempt(),
            at: now,
            url: url.to_owned(),
            request_bytes: 0,
            body_sha256: None,
            signature: None,
            status: None,
            answer: None,
            duration_ms: 0,
            error: Some(why.to_owned()),
        };
        delivery.note(attempt, None, now);
        self.product.ports().webhooks.note_delivery(&self.grant, delivery, Health::Unknown).await?;
        Err(JobError::fatal(code, why))
    }

    /// Sends it once.
    async fn attempt(
        &self,
        job: &JobContext,
        endpoint: &WebhookEndpoint,
        delivery: &Delivery,
        secrets: &[SecretString],
        body: Vec<u8>,
    ) -> Result<Outcome, JobError> {
        let ports = self.product.ports();
        let Some(sender) = &ports.sender else {
            return Err(JobError::not_known("this process sends no webhooks"));
        };
        let at = self.product.now();
        let mut attempt = DeliveryAttempt {
            number: job.attempt(),
            at,
            url: endpoint.url.clone(),
            request_bytes: body.len() as u64,
            body_sha256: Some(digest(&body)),
            signature: None,
            status: None,
            answer: None,
            duration_ms: 0,
            error: None,
        };
        attempt.signature = Some(signature(secrets, &delivery.message_id, attempt.seconds(), &body));
        let request = WebhookRequest::new(endpoint.url.clone(), headers(delivery, &attempt), body);
        self.place.set_out();
        let answer = sender.send(request).await;
        let took = self.product.now().micros().saturating_sub(at.micros()) / 1_000;
        attempt.duration_ms = u64::try_from(took).unwrap_or(0);
        let mut retry_after = None;
        match answer {
            Ok(answer) => {
                attempt.error = refusal(&answer);
                attempt.status = Some(answer.status);
                attempt.answer = Some(String::from_utf8_lossy(&answer.body).into_owned());
                retry_after = answer.retry_after;
            }
            Err(error) => attempt.error = Some(error.message().to_owned()),
        }
        Ok(Outcome { attempt, retry_after })
    }

    /// Keeps what an attempt came to, and says what becomes of the job.
    async fn settle(
        &self,
        job: &JobContext,
        endpoint: &WebhookEndpoint,
        mut delivery: Delivery,
        outcome: Outcome,
    ) -> Result<(), JobError> {
        let Outcome { attempt, retry_after } = outcome;
        let now = self.product.now();
        let (status, error) = (attempt.status, attempt.error.clone());
        let is_gone = status == Some(GONE);
        let next = match (&error, is_gone || delivery.is_test()) {
            (Some(_), false) => schedule::next(job.attempt(), retry_after.as_deref(), now),
            _ => None,
        };
        delivery.note(attempt, next, now);
        let health = match (&error, delivery.is_test()) {
            (_, true) => Health::Unknown,
            (None, false) => Health::Works,
            (Some(_), false) => Health::Fails(now),
        };
        let since = self.product.ports().webhooks.note_delivery(&self.grant, &delivery, health).await?;
        if delivery.is_test() {
            job.set_result(&Tested { id: delivery.id, state: delivery.state })?;
        }
        if error.is_none() {
            return Ok(());
        }
        // One failure long after another says little of an endpoint that is sent little: the message itself was
        // tried for days as well.
        let is_failing = next.is_none() && since.is_some_and(|since| since.plus_seconds(MOST_FAILING) <= now);
        if !delivery.is_test() && (is_gone || is_failing) {
            let reason = if is_gone { DisabledReason::Gone } else { DisabledReason::Failing };
            self.disable(endpoint, reason).await?;
        }
        Err(match next {
            Some(at) => JobError::retry_at(at, "not_taken", NOT_TAKEN),
            None => JobError::fatal("not_taken", NOT_TAKEN),
        })
    }

    /// Sends nothing there any more, and tells those who watch and, by mail, the admins; not where somebody has
    /// changed the address or enabled it anew since it was sent to.
    async fn disable(&self, sent_to: &WebhookEndpoint, reason: DisabledReason) -> Result<()> {
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut endpoint = self.product.ports().webhooks.webhook_endpoint(&self.grant, sent_to.id).await?;
                let is_same = endpoint.url == sent_to.url && endpoint.after_seq == sent_to.after_seq;
                if endpoint.status == WebhookStatus::Disabled || !is_same {
                    return Ok(());
                }
                let mut changes = self.product.changes();
                endpoint.disable(reason);
                changes.put(&mut endpoint);
                changes.emit(WebhookEvent::Disabled { reason });
                notice::enqueue(&self.product, &mut changes, &endpoint, reason).await?;
                self.product.commit(&self.grant, changes).await
            };
            match decisions.settle(decided.await) {
                Some(Err(error)) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Some(result) => return result,
                None => {}
            }
        }
    }
}

/// Why an answer is none that takes a message.
fn refusal(answer: &WebhookAnswer) -> Option<String> {
    match answer.status {
        200..=299 => None,
        300..=399 => Some(format!("the endpoint answered {}: redirects are not followed", answer.status)),
        status => Some(format!("the endpoint answered {status}")),
    }
}
