//! A job as somebody wants it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::model::Job;
use super::policy::Policy;
use super::queue::{Priority, Queue, misnamed};
use super::task::Task;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::store::{IdempotencyKey, KEPT_SECONDS};
use crate::time::Timestamp;
use crate::user::User;

/// Most bytes of a payload, and of a result.
const MOST_BYTES: usize = 256 * 1024;
/// Most characters of a kind's name.
const LONGEST_KIND: usize = 60;
/// Most bytes of a unique key.
const MOST_KEY_BYTES: usize = 255;

/// What makes a job the only one of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Unique {
    /// What is one: a second job of the kind with this key is not enqueued.
    pub key: String,
    /// For how long after the first was enqueued, whatever became of it; until it has ended where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
}

impl Unique {
    /// The digest by which a store knows the key of a kind again.
    pub(crate) fn digest(handler: &str, key: &str) -> [u8; 32] {
        let length = (handler.len() as u64).to_be_bytes();
        Sha256::new().chain_update(length).chain_update(handler).chain_update(key).finalize().into()
    }
}

/// A job to be enqueued. [`super::Handler::job`] makes one.
#[derive(Clone, Debug)]
pub struct NewJob {
    id: Option<Id<Job>>,
    handler: &'static str,
    payload: Value,
    queue: Queue,
    priority: Priority,
    max_attempts: u32,
    at: Option<Timestamp>,
    delay_seconds: i64,
    unique: Option<Unique>,
    is_concealed: bool,
}

impl NewJob {
    pub(crate) fn new(handler: &'static str, payload: Value, policy: Policy) -> Self {
        Self {
            id: None,
            handler,
            payload,
            queue: policy.queue,
            priority: policy.priority,
            max_attempts: policy.retry.max_attempts.max(1),
            at: None,
            delay_seconds: 0,
            unique: None,
            is_concealed: false,
        }
    }

    /// Under an id of the caller's, which must be new.
    #[must_use]
    pub fn with_id(mut self, id: Id<Job>) -> Self {
        self.id = Some(id);
        self
    }

    /// Not before an instant.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// Not before so many seconds have passed.
    #[must_use]
    pub fn after_seconds(mut self, seconds: i64) -> Self {
        self.delay_seconds = seconds;
        self
    }

    /// On another queue than its kind's.
    #[must_use]
    pub fn on(mut self, queue: Queue) -> Self {
        self.queue = queue;
        self
    }

    /// With another priority than its kind's.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// With so many attempts in all.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Only where no job of its kind with this key waits or runs.
    #[must_use]
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.unique = Some(Unique { key: key.into(), seconds: None });
        self
    }

    /// Only where no job of its kind was enqueued under this key in the last so many seconds.
    #[must_use]
    pub fn unique_for(mut self, key: impl Into<String>, seconds: i64) -> Self {
        self.unique = Some(Unique { key: key.into(), seconds: Some(seconds.max(1)) });
        self
    }

    /// With a payload that nobody sees from outside, as one that holds a secret.
    #[must_use]
    pub fn concealed(mut self) -> Self {
        self.is_concealed = true;
        self
    }

    /// Once under a caller's key, as the job of its kind at a place of what is enqueued under it. One with a
    /// unique key of its own has that.
    pub(crate) fn once(self, key: &IdempotencyKey, place: usize) -> Self {
        match self.unique {
            Some(_) => self,
            None => {
                let scope: String = key.scope.iter().map(|byte| format!("{byte:02x}")).collect();
                self.unique_for(format!("once {scope} {place}"), KEPT_SECONDS)
            }
        }
    }

    /// Its queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The job, as it waits from now on.
    ///
    /// # Errors
    /// `Invalid` for a kind or queue without a proper name, a payload beyond 256 KiB and a key beyond 255 bytes.
    pub(crate) fn into_job(self, created_by: Option<Id<User>>, now: Timestamp) -> Result<Job> {
        check_kind(self.handler)?;
        if !self.queue.is_named() {
            return Err(misnamed());
        }
        if self.unique.as_ref().is_some_and(|unique| unique.key.len() > MOST_KEY_BYTES) {
            return Err(Error::invalid("unique", "too_long", format!("is longer than {MOST_KEY_BYTES} bytes")));
        }
        check_length("payload", &self.payload)?;
        let task =
            Task::Run { handler: self.handler.to_owned(), payload: self.payload, is_concealed: self.is_concealed };
        let due = self.at.unwrap_or(now).plus_seconds(self.delay_seconds.max(0));
        Ok(Job {
            queue: self.queue,
            priority: self.priority,
            max_attempts: self.max_attempts,
            run_at: Some(due),
            due_at: Some(due),
            unique: self.unique,
            ..Job::new(self.id.unwrap_or_else(|| Id::new_at(now)), task, created_by, now)
        })
    }
}

/// Refuses what cannot be the name of a kind.
pub(crate) fn check_kind(kind: &str) -> Result<()> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.".contains(letter);
    let begins = kind.starts_with(|first: char| first.is_ascii_lowercase());
    match begins && kind.len() <= LONGEST_KIND && kind.chars().all(is_part) {
        true => Ok(()),
        false => {
            let message = "is not 1 to 60 small letters, digits, underscores and dots that begin with a letter";
            Err(Error::invalid("kind", "kind", message))
        }
    }
}

/// Refuses a payload or a result that is too long; the usual one is not written for that.
pub(super) fn check_length(name: &'static str, value: &Value) -> Result<()> {
    let is_short = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        value => serde_json::to_vec(value).is_ok_and(|bytes| bytes.len() <= MOST_BYTES),
    };
    match is_short {
        true => Ok(()),
        false => Err(Error::invalid(name, "too_long", format!("is longer than {MOST_BYTES} bytes"))),
    }
}

/// What became of a wish for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job: the new one, or the one that held the unique key after the commit. One that has ended
    /// since may be forgotten by now.
    pub id: Id<Job>,
    /// Whether it is new.
    pub is_new: bool,
}
