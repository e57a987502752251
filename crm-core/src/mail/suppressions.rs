//! Use cases of suppressions: who gets no mail, by a member's word or by their own.

use serde::Deserialize;

use super::address::key;
use super::port::SuppressionQuery;
use super::service::Mails;
use super::suppression::{NewSuppression, Suppression, SuppressionReason};
use crate::access::{Action, Actor, Entity, Grant};
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::Queue;
use crate::page::{Page, check_limit};
use crate::session::{Decisions, Session};
use crate::store::{Changes, Write};
use crate::text::Email;

/// What did it, in the job that keeps what a request under a key was told.
const SUPPRESS: &str = "mail.suppress";

/// A list of suppressions, as a caller asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
pub struct SuppressionsRequest {
    /// Suppressions a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What a link to unsubscribe is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscription {
    /// Whose mails end.
    pub workspace: String,
    /// The address that gets no more of them.
    pub email: Email,
}

impl Mails {
    /// A page of suppressions, by address.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad limit or cursor.
    pub async fn suppressions(&self, request: &SuppressionsRequest) -> Result<Page<Suppression>> {
        // They are people's addresses: who only sends need not read them.
        let grant = self.session.require(Entity::MailTemplate, Action::Update)?;
        let limit = check_limit(request.limit)?;
        let seal = grant.seal(&["suppressions"]);
        let after = seal.open(request.cursor.as_deref())?;
        let query = SuppressionQuery { after, limit: limit + 1 };
        let mut data = self.session.ports().mails.suppressions(&grant, &query).await?;
        let is_last = data.len() <= usize::from(limit);
        data.truncate(usize::from(limit));
        let next_cursor = data.last().filter(|_| !is_last).map(|last| seal.close(&last.email));
        Ok(Page { data, next_cursor, total: None, total_is_capped: None })
    }

    /// Lets an address get no more mail; one that is suppressed already stays so, for the reason that it has. Under
    /// the caller's key it is done once: sent again it is told what it was told, and does not suppress an address
    /// anew that was let go meanwhile.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a key that was used for another address.
    pub async fn suppress(&self, new: NewSuppression) -> Result<Suppression> {
        let grant = self.session.require(Entity::MailTemplate, Action::Create)?;
        if let Some(first) = self.session.told_before(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let (changes, held) = held(&self.session, &grant, &new.email, SuppressionReason::Manual).await?;
                self.session.commit_telling(&grant, changes, SUPPRESS, Queue::EMAIL, held).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Lets a suppressed address get mail again.
    ///
    /// # Errors
    /// `Denied`; `NotFound`.
    pub async fn unsuppress(&self, id: Id<Suppression>) -> Result<()> {
        let grant = self.session.require(Entity::MailTemplate, Action::Delete)?;
        match self.session.ports().mails.unsuppress(&grant, id).await? {
            true => Ok(()),
            false => Err(Error::not_found("suppression", id)),
        }
    }
}

/// What says that an address gets no mail: the row that is there, or a new one, which the changes write.
async fn held(
    session: &Session,
    grant: &Grant,
    email: &Email,
    reason: SuppressionReason,
) -> Result<(Changes, Suppression)> {
    let email = key(email);
    let known = session.ports().mails.suppression(grant, &email).await?;
    let mut changes = session.changes();
    let now = changes.now();
    let held = known.unwrap_or_else(|| {
        let new = Suppression { id: Id::new_at(now), email, reason, since: now, created_by: session.actor().user_id() };
        changes.writes.push(Write::Suppression(new.clone()));
        new
    });
    Ok((changes, held))
}

impl Crm {
    /// What a link to unsubscribe is about; nothing is written.
    ///
    /// # Errors
    /// `NotFound` for every token but those of links that this engine wrote, and where mail is not configured.
    pub async fn unsubscription(&self, token: &str) -> Result<Unsubscription> {
        let (session, email) = self.linked(token).await?;
        Ok(Unsubscription { workspace: session.access().workspace.name.clone(), email })
    }

    /// Unsubscribes the address that a link is about. Once more does nothing more.
    ///
    /// # Errors
    /// As [`Crm::unsubscription`]; `Unavailable` when the store cannot be reached.
    pub async fn unsubscribe(&self, token: &str) -> Result<Unsubscription> {
        let (session, email) = self.linked(token).await?;
        let grant = session.internally(Entity::MailTemplate, Action::Create);
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let (changes, _) = held(&session, &grant, &email, SuppressionReason::Unsubscribed).await?;
                session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result.map(|()| Unsubscription { workspace: session.access().workspace.name.clone(), email });
            }
        }
    }

    /// Forgets what became of mails 90 days ago and earlier.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn forget_old_mails(&self) -> Result<()> {
        const KEPT_SECONDS: i64 = 90 * 24 * 60 * 60;
        self.ports.mails.forget_mails(self.now().plus_seconds(-KEPT_SECONDS)).await
    }

    /// The product in the workspace that a link is about, and its address.
    async fn linked(&self, token: &str) -> Result<(Session, Email)> {
        let foreign = || Error::new(ErrorKind::NotFound, "the link does not hold");
        let links = self.ports.mail.as_ref().and_then(|setup| setup.links.as_ref()).ok_or_else(foreign)?;
        let (workspace, email) = links.read(token)?;
        match self.acting(Actor::system(workspace, "unsubscribe")).await {
            Ok(session) => Ok((session, email)),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Err(foreign()),
            Err(error) => Err(error),
        }
    }
}
