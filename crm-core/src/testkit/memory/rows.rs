//! The rows of one workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::access::Entity;
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::CustomField;
use crate::deal::{Deal, DealMove};
use crate::error::{Error, Result};
use crate::exchange_rate::ExchangeRate;
use crate::id::Id;
use crate::job::{Job, Queue};
use crate::mail::{MailRecord, MailTemplate, Suppression};
use crate::pipeline::Pipeline;
use crate::store::{Guard, Record, Replay, Stored};
use crate::tag::Tag;
use crate::task::Task;
use crate::team::Team;
use crate::time::Timestamp;
use crate::transfer::{FailedRow, Import};
use crate::user::User;
use crate::webhook::WebhookEndpoint;
use crate::workspace::Workspace;

/// Rows of one kind by id.
pub(in crate::testkit) type Table<T> = BTreeMap<Uuid, Arc<T>>;

/// Everything in a workspace but its journal.
#[derive(Clone, Debug, Default)]
pub(in crate::testkit) struct Rows {
    /// One row, or none before the workspace is founded.
    pub(super) workspaces: Table<Workspace>,
    pub(super) users: Table<User>,
    pub(super) teams: Table<Team>,
    pub(super) contacts: Table<Contact>,
    pub(super) companies: Table<Company>,
    pub(super) deals: Table<Deal>,
    pub(super) tasks: Table<Task>,
    pub(super) pipelines: Table<Pipeline>,
    pub(super) tags: Table<Tag>,
    pub(super) notes: Table<Note>,
    pub(super) custom_fields: Table<CustomField>,
    pub(super) exchange_rates: Table<ExchangeRate>,
    pub(super) webhook_endpoints: Table<WebhookEndpoint>,
    pub(super) mail_templates: Table<MailTemplate>,
    /// By address.
    pub(super) suppressions: BTreeMap<String, Suppression>,
    pub(super) imports: Table<Import>,
    pub(super) jobs: Table<Job>,
    /// The ways of deals, by deal and place.
    pub(super) moves: BTreeMap<(Uuid, i64), DealMove>,
    /// By import and line.
    pub(super) failed_rows: BTreeMap<(Uuid, u64), Arc<FailedRow>>,
    /// The records that rows with these cells made.
    pub(super) fingerprints: BTreeSet<(Entity, [u8; 16], Uuid)>,
    /// What became of mails, by the job.
    pub(super) mails: BTreeMap<Uuid, MailRecord>,
    pub(super) guards: BTreeMap<Guard, i64>,
    /// Unique keys of jobs: who holds them, and until when; until its end where absent.
    pub(super) job_keys: BTreeMap<[u8; 32], (Id<Job>, Option<Timestamp>)>,
    pub(super) paused: BTreeMap<Queue, Timestamp>,
    /// By the scope of the caller's key.
    pub(super) replays: BTreeMap<[u8; 32], Replay>,
}

/// A kind of record with a table.
pub(in crate::testkit) trait Tabled: Record {
    /// Its table.
    fn table(rows: &Rows) -> &Table<Self>;

    /// Its table, to be written.
    fn table_mut(rows: &mut Rows) -> &mut Table<Self>;
}

/// One line a table: the trait has nothing else to say.
macro_rules! tabled {
    ($($kind:ty: $table:ident),* $(,)?) => {$(
        impl Tabled for $kind {
            fn table(rows: &Rows) -> &Table<Self> {
                &rows.$table
            }

            fn table_mut(rows: &mut Rows) -> &mut Table<Self> {
                &mut rows.$table
            }
        }
    )*};
}

tabled! {
    Workspace: workspaces, User: users, Team: teams, Contact: contacts, Company: companies, Deal: deals,
    Task: tasks, Pipeline: pipelines, Tag: tags, Note: notes, CustomField: custom_fields, Import: imports,
    Job: jobs, ExchangeRate: exchange_rates, WebhookEndpoint: webhook_endpoints, MailTemplate: mail_templates,
}

impl Rows {
    /// A row, deleted or not.
    pub(super) fn get<T: Tabled>(&self, id: Uuid) -> Option<&T> {
        T::table(self).get(&id).map(AsRef::as_ref)
    }

    /// Rows that are not deleted.
    pub(super) fn live<T: Tabled>(&self) -> impl Iterator<Item = &T> {
        T::table(self).values().map(AsRef::as_ref).filter(|row| row.deleted_at().is_none())
    }

    /// Whether there is such a row, deleted or not.
    pub(super) fn holds(&self, entity: Entity, id: Uuid) -> bool {
        self.version(entity, id).is_some()
    }

    /// The version of a row, deleted or not.
    pub(super) fn version(&self, entity: Entity, id: Uuid) -> Option<i64> {
        match entity {
            Entity::Workspace => self.get::<Workspace>(id).map(Record::version),
            Entity::User => self.get::<User>(id).map(Record::version),
            Entity::Team => self.get::<Team>(id).map(Record::version),
            Entity::Contact => self.get::<Contact>(id).map(Record::version),
            Entity::Company => self.get::<Company>(id).map(Record::version),
            Entity::Deal => self.get::<Deal>(id).map(Record::version),
            Entity::Task => self.get::<Task>(id).map(Record::version),
            Entity::Pipeline => self.get::<Pipeline>(id).map(Record::version),
            Entity::Tag => self.get::<Tag>(id).map(Record::version),
            Entity::Note => self.get::<Note>(id).map(Record::version),
            Entity::CustomField => self.get::<CustomField>(id).map(Record::version),
            Entity::Import => self.get::<Import>(id).map(Record::version),
            Entity::Job => self.get::<Job>(id).map(Record::version),
            Entity::ExchangeRate => self.get::<ExchangeRate>(id).map(Record::version),
            Entity::WebhookEndpoint => self.get::<WebhookEndpoint>(id).map(Record::version),
            Entity::MailTemplate => self.get::<MailTemplate>(id).map(Record::version),
        }
    }
}

/// A row as services read it, or its absence.
pub(super) fn found<T: Record>(row: Option<&T>, id: Uuid) -> Result<Stored<T>> {
    row.cloned().map(Stored::loaded).ok_or_else(|| Error::not_found(T::ENTITY.name(), id))
}
