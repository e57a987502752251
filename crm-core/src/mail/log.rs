//! The log: what became of each mail.

use serde::{Deserialize, Serialize};

use super::address::key;
use super::job::DeliverMail;
use super::message::Mail;
use super::template::TemplateName;
use crate::id::Id;
use crate::job::{Handler as _, Job, JobState};
use crate::time::Timestamp;
use crate::user::User;

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
    /// Somebody stopped its job before it went out.
    Cancelled,
}

impl MailState {
    /// Every state.
    pub const ALL: [MailState; 5] = [Self::Queued, Self::Sent, Self::Failed, Self::Suppressed, Self::Cancelled];

    /// Whether a row of the log that says another state says this one from now on: what was sent stays so, and what
    /// has come to an end does not wait again because an attempt of before says so.
    pub fn overwrites(self, other: MailState) -> bool {
        match self {
            MailState::Queued => other == MailState::Queued,
            _ => other != MailState::Sent,
        }
    }

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            MailState::Queued => "queued",
            MailState::Sent => "sent",
            MailState::Failed => "failed",
            MailState::Suppressed => "suppressed",
            MailState::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
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
    /// Who asked for it; absent where the product did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Id<User>>,
    /// What the last attempt stumbled over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When this became of it.
    pub at: Timestamp,
}

impl MailRecord {
    /// A mail that waits.
    pub fn queued(id: Id<Job>, mail: &Mail, template: Option<TemplateName>, at: Timestamp) -> Self {
        let recipients: Vec<String> = mail.recipients().map(|recipient| key(&recipient.email).to_string()).collect();
        Self {
            id,
            state: MailState::Queued,
            recipients: recipients.join(","),
            suppressed: String::new(),
            template,
            created_by: None,
            error: None,
            at,
        }
    }

    /// The same, for whom somebody asked.
    pub(crate) fn by(self, created_by: Option<Id<User>>) -> Self {
        Self { created_by, ..self }
    }

    /// The same, after something else became of it.
    pub(crate) fn turned(mut self, state: MailState, error: Option<&str>, at: Timestamp) -> Self {
        self.error = error.map(|error| error.chars().take(LONGEST_ERROR).collect());
        (self.state, self.at) = (state, at);
        self
    }
}

/// What the log is to say of a mail because its job came to another state than by sending it: it was stopped, taken
/// up again, or ended with an attempt that could not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTurn {
    /// Rows in these states alone say something else from now on.
    pub from: &'static [MailState],
    /// What they say.
    pub to: MailState,
    /// What it stumbled over, where that is news.
    pub error: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

impl MailTurn {
    /// What follows from a job as it is written; nothing for one that sends no mail, or has nothing to add to what
    /// its attempts said.
    pub fn of(job: &Job) -> Option<Self> {
        if job.task.name() != DeliverMail::KIND {
            return None;
        }
        let (from, to): (&'static [MailState], _) = match job.state {
            JobState::Queued => (&[MailState::Failed, MailState::Cancelled], MailState::Queued),
            JobState::Failed => (&[MailState::Queued], MailState::Failed),
            JobState::Cancelled => (&[MailState::Queued], MailState::Cancelled),
            JobState::Running | JobState::Done => return None,
        };
        // What a fault says in words is concealed with the mail.
        let error = job.errors.last().filter(|_| to == MailState::Failed).map(|fault| fault.code.clone());
        Some(Self { from, to, error, at: job.updated_at })
    }
}
