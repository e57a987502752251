//! Mail: sending, templates, and who gets none.

use clap::{Args as ClapArgs, Subcommand};
use crm_core::Id;
use crm_core::mail::{MailState, Recipient, TemplateName};
use crm_core::text::Email;

#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// All templates, the workspace's own and the product's
    Templates,
    /// What a template would say, with sample data for what is not set
    Preview {
        /// The template's name
        name: TemplateName,
        #[command(flatten)]
        variables: Variables,
    },
    /// Send a mail, written here or by a template; a server or worker takes it along
    Send(Box<Outgoing>),
    /// One page of what became of mails, the latest first
    Log(Log),
    /// Who gets no mail
    #[command(subcommand)]
    Suppressions(Suppressions),
}

/// A page of the log.
#[derive(Debug, ClapArgs)]
pub(crate) struct Log {
    /// Only mails of which this became: queued, sent, failed, suppressed or cancelled
    #[arg(long, value_parser = state)]
    pub(crate) state: Option<MailState>,
    /// Only mails to this address
    #[arg(long, value_name = "EMAIL")]
    pub(crate) recipient: Option<Email>,
    /// Rows, 1 to 200
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u16,
    /// Where the page before said the next one starts
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cursor: Option<String>,
}

fn state(text: &str) -> Result<MailState, String> {
    MailState::named(text).ok_or_else(|| {
        let known = MailState::ALL.map(MailState::name);
        format!("must be one of {}", known.join(", "))
    })
}

/// What the variables of a template hold.
#[derive(Debug, ClapArgs)]
pub(crate) struct Variables {
    /// What a variable of the template holds, as in `--set name=Ada`; `:=` takes JSON
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
}

/// A mail to be sent.
#[derive(Debug, ClapArgs)]
pub(crate) struct Outgoing {
    /// Who it is for, as in `ada@example.com` or `Ada <ada@example.com>`
    #[arg(value_parser = Recipient::parse, required_unless_present = "contact", conflicts_with = "contact")]
    pub(crate) to: Vec<Recipient>,
    /// The contact that it is for; it appears in the contact's timeline
    #[arg(long, value_name = "ID")]
    pub(crate) contact: Option<Id<()>>,
    /// The template that says it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["subject", "text", "html"])]
    pub(crate) template: Option<TemplateName>,
    #[command(flatten)]
    pub(crate) variables: Variables,
    /// Its subject
    #[arg(long, required_unless_present = "template")]
    pub(crate) subject: Option<String>,
    /// What it says, as plain text
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// What it says, as HTML
    #[arg(long)]
    pub(crate) html: Option<String>,
    /// Where answers go
    #[arg(long, value_parser = Recipient::parse)]
    pub(crate) reply_to: Option<Recipient>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Suppressions {
    /// One page of the addresses that get no mail
    List {
        /// Rows, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Where the page before said the next one starts
        #[arg(long, allow_hyphen_values = true)]
        cursor: Option<String>,
    },
    /// Let an address get no mail any more
    Add {
        /// The address
        email: Email,
    },
    /// Let a suppressed address get mail again
    Remove {
        /// The suppression's id
        id: uuid::Uuid,
    },
}
