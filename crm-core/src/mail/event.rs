//! Facts about mail.

use serde::{Deserialize, Serialize};

use super::template::TemplateName;
use crate::id::Id;
use crate::job::Job;

/// A fact about a mail to a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MailEvent {
    /// Somebody sent it; the job tells what became of it.
    #[serde(rename = "mail.queued")]
    Queued {
        /// The job that sends it.
        job_id: Id<Job>,
        /// Its subject.
        subject: String,
        /// The template that it was made of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<TemplateName>,
    },
}
