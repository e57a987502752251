//! The kind of job that sends a mail.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::address::key;
use super::builtin;
use super::log::{MailRecord, MailState};
use super::message::Mail;
use super::suppression::{Suppression, SuppressionReason};
use super::template::TemplateName;
use crate::access::{Action, Actor, Entity, Grant};
use crate::error::Error;
use crate::job::{Handler, JobContext, JobError, Policy, Queue, Retry};
use crate::text::Email;

/// How long an attempt may take, in seconds: longer than a mailer takes to give up.
const TIMEOUT_SECONDS: u32 = 180;
/// Nine attempts: the last some four hours after the first, as servers that put mail off expect.
const RETRY: Retry =
    Retry { max_attempts: 9, first_wait_seconds: 60, longest_wait_seconds: 2 * 60 * 60, jitter_percent: 20 };

/// A mail to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPayload {
    /// The mail, written in full.
    pub mail: Mail,
    /// The template that it was made of.
    #[serde(default)]
    pub template: Option<TemplateName>,
}

/// Sends mails: each once, and not to those whom a suppression keeps from it by then.
#[derive(Clone, Copy, Debug)]
pub struct DeliverMail;

impl Handler for DeliverMail {
    type Payload = MailPayload;
    const KIND: &'static str = "deliver_mail";

    fn policy() -> Policy {
        Policy::on(Queue::EMAIL).timeout_seconds(TIMEOUT_SECONDS).retry(RETRY)
    }

    async fn run(&self, job: &JobContext, MailPayload { mail, template }: MailPayload) -> Result<(), JobError> {
        let crm = job.crm();
        let setup = crm.ports.mail.as_ref().ok_or_else(|| JobError::from(not_configured()))?;
        // Who asked for it was permitted to then; whether they are still here does not matter to the mail.
        let product = crm.acting(Actor::system(job.workspace_id(), "mail")).await?;
        let grant = product.internally(Entity::MailTemplate, Action::Read);
        let known = crm.ports.mails.mail(&grant, job.id()).await?;
        let is_needed = template.as_ref().is_some_and(builtin::is_needed);
        let created_by = job.taken.job.lock().created_by;
        let mut record =
            known.unwrap_or_else(|| MailRecord::queued(job.id(), &mail, template, job.now()).by(created_by));
        if record.state == MailState::Sent {
            return Ok(job.set_result(&record)?);
        }
        let emails: Vec<_> = mail.recipients().map(|recipient| key(&recipient.email)).collect();
        // Whoever wants no more reminders must not be locked out by that.
        let holds = |held: &Suppression| !is_needed || held.reason != SuppressionReason::Unsubscribed;
        let held = crm.ports.mails.suppressed(&grant, &emails).await?;
        let suppressed: BTreeSet<Email> = held.into_iter().filter(holds).map(|held| held.email).collect();
        record.suppressed = suppressed.iter().map(|email| email.as_str()).collect::<Vec<_>>().join(",");
        let Some(mail) = mail.without(&suppressed) else {
            return keep(job, &grant, record.turned(MailState::Suppressed, None, job.now())).await;
        };
        match setup.mailer.send(&mail).await {
            Ok(()) => keep(job, &grant, record.turned(MailState::Sent, None, job.now())).await,
            Err(error) => {
                let is_over = !error.is_retryable() || job.attempt() >= job.taken.job.lock().max_attempts;
                let state = if is_over { MailState::Failed } else { MailState::Queued };
                keep(job, &grant, record.turned(state, Some(error.message()), job.now())).await?;
                Err(error.into())
            }
        }
    }
}

/// Keeps what became of a mail, in the log and with the job.
async fn keep(job: &JobContext, grant: &Grant, record: MailRecord) -> Result<(), JobError> {
    job.crm().ports.mails.keep_mail(grant, &record).await?;
    Ok(job.set_result(&record)?)
}

/// Why no mail is sent without a mailer.
pub(crate) fn not_configured() -> Error {
    Error::new(crate::error::ErrorKind::Unsupported, "this deployment sends no mail: nobody said by what means")
        .with_code("mail_not_configured")
}
