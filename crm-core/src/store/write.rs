//! Everything that a commit can write: a closed sum, so that an adapter that forgets a kind does
//! not compile.

use crate::account::NewAccount;
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::CustomField;
use crate::deal::Deal;
use crate::id::Id;
use crate::job::Job;
use crate::pipeline::Pipeline;
use crate::tag::Tag;
use crate::team::Team;
use crate::transfer::{FailedRow, Fingerprint, Import};
use crate::user::User;
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
    /// A pipeline and its stages.
    Pipeline(Put<Pipeline>),
    /// A tag.
    Tag(Put<Tag>),
    /// A note.
    Note(Put<Note>),
    /// A custom field's definition.
    CustomField(Put<CustomField>),
    /// A job that is enqueued or recorded; not journalled.
    Job(Put<Job>),
    /// An import's state and checkpoint; not journalled.
    Import(Put<Import>),
    /// Rows that an import refused; not journalled.
    FailedRows(Vec<FailedRow>),
    /// What imported rows are known again by; not journalled.
    Fingerprints(Vec<Fingerprint>),
    /// A new account; not journalled, because it belongs to no workspace.
    Account(NewAccount),
    /// The end of every sign-in of a member; not journalled, because the change behind it is.
    SignInsEnded(Id<User>),
}

impl Write {
    /// The same write with the record as it was loaded: what it pointed to then. `None` for new records
    /// and for kinds that a purge unlinks nothing from.
    pub fn loaded(&self) -> Option<Write> {
        fn loaded<T: Clone>(put: &Put<T>) -> Option<Put<T>> {
            put.before.clone().map(|after| Put { before: None, after })
        }
        match self {
            Write::Contact(put) => loaded(put).map(Write::Contact),
            Write::Deal(put) => loaded(put).map(Write::Deal),
            Write::Note(put) => loaded(put).map(Write::Note),
            _ => None,
        }
    }
}
