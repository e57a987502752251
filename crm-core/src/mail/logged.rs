//! Use cases of the log: what became of mails.

use serde::Deserialize;

use super::address::key;
use super::log::{MailRecord, MailState};
use super::port::MailQuery;
use super::service::Mails;
use crate::access::{Action, Entity};
use crate::error::Result;
use crate::page::{Page, check_limit};
use crate::text::Email;

/// A list of mails, as a caller asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
pub struct MailsRequest {
    /// Those of which this became.
    pub state: Option<MailState>,
    /// Those to an address, copies included.
    pub recipient: Option<Email>,
    /// Mails a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Mails {
    /// A page of what became of mails, the latest first. Who sends sees what became of their own, whoever sets
    /// templates what became of all.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad limit or cursor.
    pub async fn log(&self, request: &MailsRequest) -> Result<Page<MailRecord>> {
        let grant = self.session.require(Entity::Contact, Action::Update)?;
        // They are people's addresses, as suppressions are.
        let sender = match self.session.require(Entity::MailTemplate, Action::Update) {
            Ok(_) => None,
            Err(denied) => Some(grant.user_id().ok_or(denied)?),
        };
        let limit = check_limit(request.limit)?;
        let seal = grant.seal(&("mails", request.state, &request.recipient));
        let before = seal.open(request.cursor.as_deref())?;
        let recipient = request.recipient.as_ref().map(key);
        let query = MailQuery { state: request.state, recipient, sender, before, limit: limit + 1 };
        let mut data = self.session.ports().mails.mails(&grant, &query).await?;
        let is_last = data.len() <= usize::from(limit);
        data.truncate(usize::from(limit));
        let next_cursor = data.last().filter(|_| !is_last).map(|last| seal.close(&last.id));
        Ok(Page { data, next_cursor, total: None, total_is_capped: None })
    }
}
