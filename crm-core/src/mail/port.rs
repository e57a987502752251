//! Port: templates, suppressions and the log of mails.

use async_trait::async_trait;

use super::log::{MailRecord, MailState};
use super::suppression::Suppression;
use super::template::{MailTemplate, TemplateName};
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::job::Job;
use crate::store::Stored;
use crate::text::Email;
use crate::time::Timestamp;
use crate::user::User;

/// A list of suppressions, checked.
#[derive(Clone, Debug)]
pub struct SuppressionQuery {
    /// Those whose address comes after this one.
    pub after: Option<Email>,
    /// How many at most.
    pub limit: u16,
}

/// A list of the log, checked.
#[derive(Clone, Debug)]
pub struct MailQuery {
    /// Mails of which this became.
    pub state: Option<MailState>,
    /// Mails to this address, with its domain in ASCII.
    pub recipient: Option<Email>,
    /// Mails that this member asked for.
    pub sender: Option<Id<User>>,
    /// Those that were asked for before this one.
    pub before: Option<Id<Job>>,
    /// How many at most.
    pub limit: u16,
}

/// Port: templates and suppressions, which commits write; suppressions are taken back here, and what became of mails
/// is state beside them, as sign-ins are, and written here too. All of it is walled by the grant's workspace.
#[async_trait]
pub trait MailStore: Send + Sync {
    /// The templates that are not deleted, by name.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn mail_templates(&self, grant: &Grant) -> Result<Vec<MailTemplate>>;

    /// The template of a name that is not deleted, if there is one.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn mail_template(&self, grant: &Grant, name: &TemplateName) -> Result<Option<Stored<MailTemplate>>>;

    /// What says that an address gets no mail, if something does.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn suppression(&self, grant: &Grant, email: &Email) -> Result<Option<Suppression>>;

    /// Takes a suppression back; says whether it was there.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn unsuppress(&self, grant: &Grant, id: Id<Suppression>) -> Result<bool>;

    /// A list of suppressions, by address.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn suppressions(&self, grant: &Grant, query: &SuppressionQuery) -> Result<Vec<Suppression>>;

    /// What says that those of these addresses get no mail of which something does, in no order.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn suppressed(&self, grant: &Grant, emails: &[Email]) -> Result<Vec<Suppression>>;

    /// What became of the mail of a job, if the log knows of it.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn mail(&self, grant: &Grant, id: Id<Job>) -> Result<Option<MailRecord>>;

    /// A list of mails, the latest first.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn mails(&self, grant: &Grant, query: &MailQuery) -> Result<Vec<MailRecord>>;

    /// Writes what became of a mail, where [`MailState::overwrites`] what its row says. Whoever writes a job writes
    /// what [`super::MailTurn::of`] it says in the same transaction.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn keep_mail(&self, grant: &Grant, record: &MailRecord) -> Result<()>;

    /// Forgets what became of mails until an instant, in all workspaces.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn forget_mails(&self, until: Timestamp) -> Result<()>;
}
