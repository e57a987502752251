//! The log: what became of each mail.

use serde::{Deserialize, Serialize};

use super::message::Mail;
use super::template::TemplateName;
use crate::id::Id;
use crate::job::Job;
use crate::time::Timestamp;

/// Most characters of an error that are kept.
const LONGEST_ERROR: usize = 500;

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MailState {
    /// It waits, perhaps for another attempt.
    Queued,
    /// Whoever passes mail on accepted it.
    Sent,
    /// It was refused for good, or its last attempt failed.
    Failed,
    /// Everybody whom it is for is suppressed.
    Suppressed,
}

impl MailState {
    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            MailState::Queued => "queued",
            MailState::Sent => "sent",
            MailState::Failed => "failed",
            MailState::Suppressed => "suppressed",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Queued, Self::Sent, Self::Failed, Self::Suppressed].into_iter().find(|state| state.name() == name)
    }
}

/// A row of the log: one mail. Its content is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MailRecord {
    /// The job that sends it.
    pub id: Id<Job>,
    /// What became of it.
    pub state: MailState,
    /// Who it is for, separated by commas.
    pub recipients: String,
    /// Who of them got nothing because they are suppressed, separated by commas.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suppressed: String,
    /// The template that it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateName>,
    /// What the last attempt stumbled over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When this became of it.
    pub at: Timestamp,
}

impl MailRecord {
    /// A mail that waits.
    pub fn queued(id: Id<Job>, mail: &Mail, template: Option<TemplateName>, at: Timestamp) -> Self {
        let recipients: Vec<&str> = mail.recipients().map(|recipient| recipient.email.as_str()).collect();
        let recipients = recipients.join(",");
        Self { id, state: MailState::Queued, recipients, suppressed: String::new(), template, error: None, at }
    }

    /// The same, after something else became of it.
    pub(crate) fn turned(mut self, state: MailState, error: Option<&str>, at: Timestamp) -> Self {
        self.error = error.map(|error| error.chars().take(LONGEST_ERROR).collect());
        (self.state, self.at) = (state, at);
        self
    }
}
