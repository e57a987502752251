//! Where jobs wait, and which of those that wait goes first.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::Error;

/// Most characters of a queue's name.
const LONGEST: usize = 40;

/// Where a job waits: a name of at most 40 small letters, digits and underscores that begins with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Queue(Cow<'static, str>);

impl Queue {
    /// Mail.
    pub const EMAIL: Queue = Queue::new("email");
    /// Files that are written.
    pub const EXPORT: Queue = Queue::new("export");
    /// Calls of others' web hooks.
    pub const WEBHOOK: Queue = Queue::new("webhook");
    /// Records that are brought in line with another product's.
    pub const SYNC: Queue = Queue::new("sync");
    /// Questions to language models, and learning.
    pub const AI: Queue = Queue::new("ai");
    /// What people are told.
    pub const NOTIFICATION: Queue = Queue::new("notification");
    /// Files that are read in, and the undoing of them.
    pub const IMPORT: Queue = Queue::new("import");
    /// One change of many records.
    pub const BULK: Queue = Queue::new("bulk");

    /// The queues that every process knows.
    pub const STANDARD: [Queue; 8] = [
        Queue::EMAIL,
        Queue::EXPORT,
        Queue::WEBHOOK,
        Queue::SYNC,
        Queue::AI,
        Queue::NOTIFICATION,
        Queue::IMPORT,
        Queue::BULK,
    ];

    /// A queue of one's own. A name that is none is refused when a job is enqueued; to check it before, parse
    /// it.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether its name is one.
    pub(crate) fn is_named(&self) -> bool {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        self.0.len() <= LONGEST
            && self.0.starts_with(|first: char| first.is_ascii_lowercase())
            && self.0.chars().all(is_part)
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Queue {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let queue = Self(Cow::Owned(name.to_owned()));
        match queue.is_named() {
            true => Ok(queue),
            false => Err(misnamed()),
        }
    }
}

/// The fault of a name that is none.
pub(crate) fn misnamed() -> Error {
    let message = "is not 1 to 40 small letters, digits and underscores that begin with a letter";
    Error::invalid("queue", "queue", message)
}

impl<'de> Deserialize<'de> for Queue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Queue {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some(
                "Where a job waits: email, export, webhook, sync, ai, notification, import, bulk or one's own.",
            ))
            .pattern(Some("^[a-z][a-z0-9_]{0,39}$"))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Queue {
    fn name() -> Cow<'static, str> {
        "Queue".into()
    }
}

/// Which of the jobs of a queue that are due goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Priority {
    /// Before all others: somebody waits for it.
    Urgent,
    /// Before most.
    High,
    /// As most.
    #[default]
    Normal,
    /// When nothing else is to be done.
    Low,
}

impl Priority {
    /// Every priority, the first first.
    pub const ALL: [Priority; 4] = [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low];

    /// Its place among all, as a store keeps it.
    pub const fn rank(self) -> i16 {
        match self {
            Priority::Urgent => 0,
            Priority::High => 1,
            Priority::Normal => 2,
            Priority::Low => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_a_plain_name() {
        for name in ["email", "reports_2", "a"] {
            assert_eq!(name.parse::<Queue>().unwrap().name(), name);
        }
        for name in ["", "2nd", "Email", "e-mail", "é", &"a".repeat(41)] {
            assert!(name.parse::<Queue>().is_err(), "{name}");
        }
        assert!(Queue::STANDARD.iter().all(Queue::is_named));
    }

    #[test]
    fn priorities_are_ranked_in_their_order() {
        let ranks = Priority::ALL.map(Priority::rank);
        assert!(ranks.is_sorted() && Priority::ALL.is_sorted());
    }
}
