//! Use cases of mails: sending.

use serde_json::{Map, Value, json};

use super::address::Recipient;
use super::builtin;
use super::draft::{MailDraft, TemplateMail};
use super::event::MailEvent;
use super::job::{DeliverMail, MailPayload, not_configured};
use super::language::{Language, Rendered};
use super::log::MailRecord;
use super::message::Mail;
use super::setup::MailSetup;
use super::template::{TemplateContent, TemplateName};
use crate::access::{Action, Entity, Grant, View};
use crate::contact::Contact;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Handler as _, Job, NewJob};
use crate::session::Session;
use crate::time::Timestamp;

/// Most bytes of what a mail says: beyond, its job would not take it.
const MOST_BYTES: usize = 200_000;

/// The mail of a workspace.
#[derive(Clone)]
pub struct Mails {
    pub(super) session: Session,
}

impl Mails {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Enqueues a mail. Who may change contacts may send; a mail to a contact needs one that the caller may
    /// change, and appears in its timeline.
    ///
    /// # Errors
    /// `Denied`; `Unsupported` with code `mail_not_configured` where this deployment sends no mail; `Invalid`.
    pub async fn send(&self, draft: MailDraft) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Contact, Action::Update)?;
        let setup = self.setup()?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let draft = draft.checked()?;
        let contact = self.contact(&grant, draft.contact_id).await?;
        let to = match &contact {
            Some(contact) => vec![recipient(contact)?],
            None => draft.to,
        };
        let now = self.session.now();
        let id = Id::new_at(now);
        let says = Rendered { subject: draft.subject, text: draft.text, html: draft.html };
        let mut mail = said(setup, id, to, says, now)?;
        (mail.cc, mail.reply_to) = (draft.cc, draft.reply_to);
        mail.unsubscribe_url = self.unsubscribe_url(setup, &mail.to, &mail.cc);
        self.enqueue(&grant, contact, id, MailPayload { mail, template: None }).await
    }

    /// Enqueues a mail that a template says, as [`Mails::send`].
    ///
    /// # Errors
    /// As [`Mails::send`]; `Invalid` at `template` for a name that no template has, at `variables` for one that
    /// is missing or holds a line break.
    pub async fn send_template(&self, mail: TemplateMail) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Contact, Action::Update)?;
        self.setup()?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let mail = mail.checked()?;
        let contact = self.contact(&grant, mail.contact_id).await?;
        let to = match (&contact, &mail.to) {
            (Some(contact), _) => recipient(contact)?,
            (None, Some(to)) => to.clone(),
            (None, None) => return Err(Error::invalid("to", "required", "names nobody")),
        };
        let id = Id::new_at(self.session.now());
        let content = self.known(&grant, &mail.template).await?;
        let payload = self.written(&grant, id, &content, mail, contact.as_deref(), to)?;
        self.enqueue(&grant, contact, id, payload).await
    }

    /// A job that sends a mail of a template, for rooms and programs that enqueue it with a change of theirs. The
    /// program decides what is sent, so no permission is asked for.
    ///
    /// # Errors
    /// `Unsupported` with code `mail_not_configured`; `Invalid`, also for a mail to a contact, whose address only
    /// [`Mails::send_template`] reads.
    pub async fn job(&self, mail: TemplateMail) -> Result<NewJob> {
        self.setup()?;
        let mail = mail.checked()?;
        let to = mail.to.clone().ok_or_else(|| Error::invalid("to", "required", "names nobody"))?;
        let grant = self.session.internally(Entity::MailTemplate, Action::Read);
        let id = Id::new_at(self.session.now());
        let content = self.known(&grant, &mail.template).await?;
        let payload = self.written(&grant, id, &content, mail, None, to)?;
        Ok(DeliverMail::job(&payload)?.with_id(id).concealed())
    }

    /// What this process needs to send mail.
    pub(super) fn setup(&self) -> Result<&MailSetup> {
        self.session.ports().mail.as_ref().ok_or_else(not_configured)
    }

    /// The contact that a mail is for, where the caller may change it.
    async fn contact(&self, grant: &Grant, id: Option<Id<Contact>>) -> Result<Option<View<Contact>>> {
        let Some(id) = id else { return Ok(None) };
        let found = self.session.ports().contacts.contact(grant, id).await;
        let contact = found.map_err(|error| error.not_found_at("contact_id"))?;
        grant.check_reach(&*contact)?;
        Ok(Some(grant.view(contact.into_inner())))
    }

    /// What the template of a name says.
    pub(super) async fn known(&self, grant: &Grant, name: &TemplateName) -> Result<TemplateContent> {
        self.content(grant, name).await?.ok_or_else(|| no_template("template", name))
    }

    /// A mail of a template, written in full.
    pub(super) fn written(
        &self,
        grant: &Grant,
        id: Id<Job>,
        content: &TemplateContent,
        mail: TemplateMail,
        contact: Option<&Contact>,
        to: Recipient,
    ) -> Result<MailPayload> {
        let setup = self.setup()?;
        let unsubscribe_url = match builtin::is_needed(&mail.template) {
            true => None,
            false => self.unsubscribe_url(setup, std::slice::from_ref(&to), &[]),
        };
        let mut variables = mail.variables;
        variables.extend(self.common(grant, contact, unsubscribe_url.as_deref()));
        let rendered = Language::render(content, &variables)?;
        let mut written = said(setup, id, vec![to], rendered, self.session.now())?;
        (written.reply_to, written.unsubscribe_url) = (mail.reply_to, unsubscribe_url);
        Ok(MailPayload { mail: written, template: Some(mail.template) })
    }

    /// The variables that say the same in every template; what is not known, or hidden from the caller, is empty.
    pub(super) fn common(&self, grant: &Grant, contact: Option<&Contact>, url: Option<&str>) -> Map<String, Value> {
        let sender = self.session.access().user.as_ref().map_or("", |user| &user.name);
        let text = |pick: fn(&Contact) -> Option<&str>| contact.and_then(pick).unwrap_or_default();
        let contact = json!({
            "first_name": text(|contact| contact.first_name.as_deref()),
            "last_name": text(|contact| contact.last_name.as_deref()),
            "email": text(|contact| contact.email.as_ref().map(|email| email.as_str())),
        });
        Map::from_iter([
            ("contact".to_owned(), contact),
            ("sender".to_owned(), json!({"name": sender})),
            ("unsubscribe_url".to_owned(), json!(url.unwrap_or_default())),
            ("workspace".to_owned(), json!({"name": grant.workspace().name})),
        ])
    }

    /// Where the one recipient of a mail unsubscribes; of several, one would unsubscribe another.
    fn unsubscribe_url(&self, setup: &MailSetup, to: &[Recipient], cc: &[Recipient]) -> Option<String> {
        match (to, cc, &setup.links) {
            ([one], [], Some(links)) => links.unsubscribe(self.session.access().workspace.id, &one.email),
            _ => None,
        }
    }

    async fn enqueue(
        &self,
        grant: &Grant,
        contact: Option<View<Contact>>,
        id: Id<Job>,
        payload: MailPayload,
    ) -> Result<View<Job>> {
        let mut changes = self.session.changes();
        let now = changes.now();
        let new = DeliverMail::job(&payload)?.with_id(id).concealed();
        let job = new.into_job(grant.user_id(), now)?;
        let MailPayload { mail, template } = payload;
        if let Some(contact) = contact {
            let event = MailEvent::Queued { job_id: id, subject: mail.subject.clone(), template: template.clone() };
            changes.note(Entity::Contact, contact.id.uuid(), event);
        }
        changes.keep_mail(MailRecord::queued(id, &mail, template, now).by(grant.user_id()));
        self.session.enqueue(grant, changes, job).await
    }
}

/// A mail from the product's address that says this.
fn said(setup: &MailSetup, id: Id<Job>, to: Vec<Recipient>, says: Rendered, now: Timestamp) -> Result<Mail> {
    let Rendered { subject, text, html } = says;
    if text.iter().chain(&html).map(String::len).sum::<usize>() > MOST_BYTES {
        return Err(Error::invalid("text", "too_long", format!("and html have more than {MOST_BYTES} bytes")));
    }
    let from = setup.from.clone();
    let domain = from.mailbox()?.email.domain().to_owned();
    let first = to.first().cloned().ok_or_else(|| Error::invalid("to", "required", "names nobody"))?;
    Ok(Mail { to, subject, text, html, ..Mail::new(format!("{id}@{domain}"), now, from, first) })
}

/// A contact as the recipient of a mail.
fn recipient(contact: &Contact) -> Result<Recipient> {
    let email = contact.email.clone().ok_or_else(|| {
        Error::invalid("contact_id", "no_address", "is a contact without an e-mail address that the caller sees")
    })?;
    let names: Vec<&str> =
        [&contact.first_name, &contact.last_name].into_iter().flatten().map(String::as_str).collect();
    let name = (!names.is_empty()).then(|| names.join(" "));
    Recipient { email, name }.checked().map_err(|error| {
        let message = error.fields().first().map_or("cannot get mail", |fault| &fault.message).to_owned();
        Error::invalid("contact_id", "no_address", format!("its address or name {message}"))
    })
}

/// What is said of a name that no template has.
pub(super) fn no_template(field: &str, name: &TemplateName) -> Error {
    Error::invalid(field, "not_found", format!("mail_template {name} not found"))
}
