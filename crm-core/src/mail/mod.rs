//! Mail: what it says, who gets it, and who does not want any more.
//!
//! A mail is written in full when somebody asks for it, is the payload of a job on the queue `email`, and is
//! given to the port [`crate::integration::Mailer`] by that job. Its `Message-ID` is made of the job's id, so it
//! is the same at every attempt, and a row of the log says whether it was accepted: an accepted mail is never
//! sent again by its job. Whoever is suppressed gets nothing, but for what opens an account where they unsubscribed
//! themselves.
//!
//! Templates belong to a workspace; the product brings six, which a workspace may replace. They read nothing
//! but their variables and end by themselves: see [`Language`].
//!
//! Deliberately absent: attachments, receiving mail, what providers tell of opened and bounced mails, and a
//! journal of suppressions, whose rows say by themselves who made them.

mod address;
mod builtin;
mod draft;
mod event;
mod job;
mod language;
mod links;
mod log;
mod logged;
mod message;
mod port;
mod service;
mod setup;
mod suppression;
mod suppressions;
mod tell;
mod template;
mod templates;

pub use address::Recipient;
pub use draft::{MailDraft, TemplateMail};
pub use event::MailEvent;
pub use job::{DeliverMail, MailPayload};
pub use language::{Language, Rendered};
pub use log::{MailRecord, MailState, MailTurn};
pub use logged::MailsRequest;
pub use message::Mail;
pub use port::{MailQuery, MailStore, SuppressionQuery};
pub use service::Mails;
pub use setup::MailSetup;
pub use suppression::{NewSuppression, Suppression, SuppressionReason};
pub use suppressions::{SuppressionsRequest, Unsubscription};
pub(crate) use tell::Tell;
pub use template::{MailTemplate, TemplateContent, TemplateName};
pub use templates::{ListedTemplate, PreviewRequest};
