//! Everything that a commit can write: a closed sum, so that an adapter that forgets a kind does
//! not compile.

use crate::account::NewAccount;
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::CustomField;
use crate::deal::Deal;
use crate::exchange_rate::ExchangeRate;
use crate::id::Id;
use crate::job::{Job, Piece, QueuePause};
use crate::mail::{MailRecord, MailTemplate, Suppression};
use crate::pipeline::Pipeline;
use crate::relay::CursorMove;
use crate::tag::Tag;
use crate::task::Task;
use crate::team::Team;
use crate::transfer::{FailedRow, Fingerprint, Import};
use crate::user::User;
use crate::webhook::{Delivery, DeliveryTurn, MadeSecret, WebhookEndpoint};
use crate::workspace::Workspace;

/// One record written: inserted where `before` is absent, else updated where its version still
/// stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Put<T> {
    /// As it was loaded.
    pub before: Option<T>,
    /// As it shall be.
    pub after: T,
}

/// One write of a commit.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a commit has few of them and moves none")]
pub enum Write {
    /// The workspace.
    Workspace(Put<Workspace>),
    /// A member.
    User(Put<User>),
    /// A team and its members.
    Team(Put<Team>),
    /// A contact, its tags and custom values.
    Contact(Put<Contact>),
    /// A company, its tags and custom values.
    Company(Put<Company>),
    /// A deal, its tags and custom values.
    Deal(Put<Deal>),
    /// A task, its tags and custom values.
    Task(Put<Task>),
    /// A pipeline and its stages.
    Pipeline(Put<Pipeline>),
    /// A tag.
    Tag(Put<Tag>),
    /// A note.
    Note(Put<Note>),
    /// A custom field's definition.
    CustomField(Put<CustomField>),
    /// The rate of two currencies from a day on.
    ExchangeRate(Put<ExchangeRate>),
    /// A webhook endpoint; with a deleted one its secrets go.
    WebhookEndpoint(Put<WebhookEndpoint>),
    /// A secret that a webhook endpoint's messages are signed with; not journalled.
    WebhookSecret(MadeSecret),
    /// Messages that wait to be sent to webhook endpoints; not journalled.
    Deliveries(Vec<Delivery>),
    /// Another state of a message to a webhook endpoint that was not delivered, because of what became of its job;
    /// not journalled, and nothing where the message was forgotten.
    DeliveryTurn(DeliveryTurn),
    /// How far a handler of events has come; not journalled. A move from elsewhere than where the cursor is
    /// is a conflict.
    CursorMove(CursorMove),
    /// What a mail says.
    MailTemplate(Put<MailTemplate>),
    /// A mail that waits, for the log; not journalled.
    MailQueued(MailRecord),
    /// An address that gets no mail; not journalled. One that is suppressed already is a conflict.
    Suppression(Suppression),
    /// A queue that is paused or goes on; not journalled. One that is so already is a conflict.
    QueuePause(QueuePause),
    /// A job that is enqueued or recorded; not journalled.
    Job(Put<Job>),
    /// An import's state and checkpoint; not journalled.
    Import(Put<Import>),
    /// Rows that an import refused; not journalled.
    FailedRows(Vec<FailedRow>),
    /// What imported rows are known again by; not journalled.
    Fingerprints(Vec<Fingerprint>),
    /// Pieces of a file that a job writes; not journalled.
    Pieces(Vec<Piece>),
    /// A new account; not journalled, because it belongs to no workspace.
    Account(NewAccount),
    /// The end of every sign-in of a member; not journalled, because the change behind it is.
    SignInsEnded(Id<User>),
}

impl Write {
    /// The same write with the record as it was loaded: what it pointed to then. `None` for new records
    /// and for kinds that a purge unlinks nothing from, because it takes them along.
    pub fn loaded(&self) -> Option<Write> {
        fn loaded<T: Clone>(put: &Put<T>) -> Option<Put<T>> {
            put.before.clone().map(|after| Put { before: None, after })
        }
        match self {
            Write::Contact(put) => loaded(put).map(Write::Contact),
            Write::Deal(put) => loaded(put).map(Write::Deal),
            _ => None,
        }
    }
}
