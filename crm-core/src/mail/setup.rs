//! What an engine needs to send mail.

use std::sync::Arc;

use secrecy::SecretString;

use super::address::Recipient;
use super::links::Links;
use crate::integration::Mailer;

/// What an engine needs to send mail; [`crate::CrmBuilder::mail`] takes it.
#[derive(Clone)]
pub struct MailSetup {
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) from: Recipient,
    pub(crate) links: Option<Links>,
}

impl MailSetup {
    /// Mail that goes out by this mailer, from this address. Nobody can unsubscribe by a link.
    pub fn new(mailer: Arc<dyn Mailer>, from: Recipient) -> Self {
        Self { mailer, from, links: None }
    }

    /// Lets people unsubscribe by a link to a server that is reached at `base`, as in
    /// `https://crm.example.com`. The first secret signs, all of them hold.
    #[must_use]
    pub fn unsubscribing(mut self, base: &str, secrets: Vec<SecretString>) -> Self {
        self.links = Some(Links::new(base.trim_end_matches('/').to_owned(), secrets));
        self
    }

    /// Who mails are from.
    pub fn from(&self) -> &Recipient {
        &self.from
    }
}
