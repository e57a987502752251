//! Mails by which the product tells somebody something.

use super::builtin;
use super::draft::TemplateMail;
use super::job::{DeliverMail, MailPayload};
use super::log::MailRecord;
use super::service::Mails;
use crate::access::{Action, Actor, Entity};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Handler, Job, JobContext, JobError, Policy, Queue};
use crate::store::{Changes, IdempotencyKey};

/// How long a process that sends mail is waited for, in seconds: a day later it is news to nobody.
const MOST_WAIT: i64 = 24 * 60 * 60;
/// The shortest and the longest pause before the next look for such a process, in seconds.
const LEAST_PAUSE: i64 = 10;
const MOST_PAUSE: i64 = 60 * 60;

impl Mails {
    /// Puts among the changes a mail by which the product tells somebody something, where such an address can get
    /// it. In a process that sends no mail that is a job which leaves it to one that does. A template of the
    /// workspace that does not fit keeps nobody from it: the product's says it then.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; `Internal` where the product's does not fit either.
    pub(crate) async fn tell(&self, changes: &mut Changes, mail: TemplateMail) -> Result<()> {
        let Ok(mail) = mail.checked() else { return Ok(()) };
        if self.setup().is_err() {
            changes.enqueue(Tell::job(&mail)?.concealed());
            return Ok(());
        }
        let id = Id::new_at(changes.now());
        let Some(payload) = self.telling(id, &mail).await? else { return Ok(()) };
        changes.enqueue(DeliverMail::job(&payload)?.with_id(id).concealed());
        changes.keep_mail(MailRecord::queued(id, &payload.mail, payload.template, changes.now()));
        Ok(())
    }

    /// What a mail says that the product tells something by; none where it is for no address.
    async fn telling(&self, id: Id<Job>, mail: &TemplateMail) -> Result<Option<MailPayload>> {
        let Some(to) = &mail.to else { return Ok(None) };
        let grant = self.session.internally(Entity::MailTemplate, Action::Read);
        let own = self.known(&grant, &mail.template).await?;
        let contents = std::iter::once(own).chain(builtin::content(&mail.template));
        let mut written = contents.map(|content| self.written(&grant, id, &content, mail.clone(), None, to.clone()));
        match written.find_map(Result::ok) {
            Some(payload) => Ok(Some(payload)),
            None => Err(Error::internal(format!("no mail_template {} fits what it is to say", mail.template))),
        }
    }
}

/// Writes a mail that a process without mail wanted, and enqueues the job that sends it, once. Where no process that
/// sends mail takes it within a day it ends without: a deployment without mail has such jobs for as long.
pub(crate) struct Tell;

impl Handler for Tell {
    type Payload = TemplateMail;

    const KIND: &'static str = "mail.tell";

    fn policy() -> Policy {
        Policy::on(Queue::EMAIL)
    }

    async fn run(&self, job: &JobContext, mail: TemplateMail) -> Result<(), JobError> {
        let key = IdempotencyKey::new(Self::KIND, &job.idempotency_key(), b"");
        let product = job.crm().acting(Actor::system(job.workspace_id(), "mail")).await?.once(key);
        let mails = product.mails();
        if mails.setup().is_err() {
            return wait(job);
        }
        let id = Id::new_at(job.now());
        if let Some(payload) = mails.telling(id, &mail).await? {
            product.jobs().enqueue(DeliverMail::job(&payload)?.with_id(id).concealed()).await?;
        }
        Ok(())
    }
}

/// Leaves a job to a process that sends mail: the longer it has waited, the later the next look.
fn wait(job: &JobContext) -> Result<(), JobError> {
    let (wanted, now) = (job.taken.job.lock().created_at, job.now());
    if wanted.plus_seconds(MOST_WAIT) <= now {
        return Ok(job.set_result(&"no process that sends mail took it within a day")?);
    }
    let waited = now.micros().saturating_sub(wanted.micros()) / 1_000_000;
    let until = now.plus_seconds(waited.clamp(LEAST_PAUSE, MOST_PAUSE));
    Err(JobError::rate_limited(until, "this process sends no mail, another may"))
}
