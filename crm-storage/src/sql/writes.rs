//! A commit's writes, kind by kind.

use crm_core::Id;
use crm_core::account::NewAccount;
use crm_core::activity::Note;
use crm_core::company::Company;
use crm_core::contact::Contact;
use crm_core::custom_field::CustomField;
use crm_core::deal::Deal;
use crm_core::exchange_rate::ExchangeRate;
use crm_core::job::{Job, Piece, QueuePause};
use crm_core::mail::{MailRecord, MailTemplate, Suppression};
use crm_core::pipeline::Pipeline;
use crm_core::relay::CursorMove;
use crm_core::store::{Put, Record, Sealed, Write};
use crm_core::tag::Tag;
use crm_core::task::Task;
use crm_core::team::Team;
use crm_core::transfer::{FailedRow, Fingerprint, Import};
use crm_core::user::User;
use crm_core::webhook::{Delivery, DeliveryTurn, MadeSecret, WebhookEndpoint};
use crm_core::workspace::Workspace;
use std::collections::HashMap;
use uuid::Uuid;

/// The writes of a commit; each record once.
#[derive(Default)]
pub(super) struct Writes<'a> {
    pub(super) accounts: Vec<&'a NewAccount>,
    pub(super) workspaces: Vec<Put<Workspace>>,
    pub(super) users: Vec<Put<User>>,
    pub(super) signed_out: Vec<Id<User>>,
    pub(super) teams: Vec<Put<Team>>,
    pub(super) custom_fields: Vec<Put<CustomField>>,
    pub(super) exchange_rates: Vec<Put<ExchangeRate>>,
    pub(super) webhook_endpoints: Vec<Put<WebhookEndpoint>>,
    pub(super) webhook_secrets: Vec<&'a MadeSecret>,
    pub(super) deliveries: Vec<&'a Delivery>,
    pub(super) delivery_turns: Vec<&'a DeliveryTurn>,
    pub(super) cursors: Vec<&'a CursorMove>,
    pub(super) mail_templates: Vec<Put<MailTemplate>>,
    pub(super) mails: Vec<&'a MailRecord>,
    pub(super) suppressions: Vec<&'a Suppression>,
    pub(super) queue_pauses: Vec<&'a QueuePause>,
    pub(super) tags: Vec<Put<Tag>>,
    pub(super) pipelines: Vec<Put<Pipeline>>,
    pub(super) companies: Vec<Put<Company>>,
    pub(super) contacts: Vec<Put<Contact>>,
    pub(super) deals: Vec<Put<Deal>>,
    pub(super) tasks: Vec<Put<Task>>,
    pub(super) notes: Vec<Put<Note>>,
    pub(super) imports: Vec<Put<Import>>,
    pub(super) jobs: Vec<Put<Job>>,
    pub(super) pieces: Vec<&'a Piece>,
    pub(super) failed: Vec<&'a FailedRow>,
    pub(super) fingerprints: Vec<&'a Fingerprint>,
}

impl<'a> Writes<'a> {
    /// Sorts the writes of a commit.
    pub(super) fn of(sealed: &'a Sealed) -> Self {
        let mut writes = Self::default();
        for write in sealed.writes() {
            writes.add(write);
        }
        writes.merge();
        writes
    }

    fn add(&mut self, write: &'a Write) {
        match write {
            Write::Workspace(put) => self.workspaces.push(put.clone()),
            Write::User(put) => self.users.push(put.clone()),
            Write::Team(put) => self.teams.push(put.clone()),
            Write::Contact(put) => self.contacts.push(put.clone()),
            Write::Company(put) => self.companies.push(put.clone()),
            Write::Deal(put) => self.deals.push(put.clone()),
            Write::Task(put) => self.tasks.push(put.clone()),
            Write::Pipeline(put) => self.pipelines.push(put.clone()),
            Write::Tag(put) => self.tags.push(put.clone()),
            Write::Note(put) => self.notes.push(put.clone()),
            Write::CustomField(put) => self.custom_fields.push(put.clone()),
            Write::ExchangeRate(put) => self.exchange_rates.push(put.clone()),
            Write::WebhookEndpoint(put) => self.webhook_endpoints.push(put.clone()),
            Write::WebhookSecret(made) => self.webhook_secrets.push(made),
            Write::Deliveries(deliveries) => self.deliveries.extend(deliveries),
            Write::DeliveryTurn(turn) => self.delivery_turns.push(turn),
            Write::CursorMove(moved) => self.cursors.push(moved),
            Write::MailTemplate(put) => self.mail_templates.push(put.clone()),
            Write::MailQueued(record) => self.mails.push(record),
            Write::Suppression(new) => self.suppressions.push(new),
            Write::QueuePause(pause) => self.queue_pauses.push(pause),
            Write::Import(put) => self.imports.push(put.clone()),
            Write::Job(put) => self.jobs.push(put.clone()),
            Write::Pieces(pieces) => self.pieces.extend(pieces),
            Write::FailedRows(rows) => self.failed.extend(rows),
            Write::Fingerprints(prints) => self.fingerprints.extend(prints),
            Write::Account(new) => self.accounts.push(new),
            Write::SignInsEnded(user) => self.signed_out.push(*user),
        }
    }

    fn merge(&mut self) {
        merge(&mut self.workspaces);
        merge(&mut self.users);
        merge(&mut self.teams);
        merge(&mut self.custom_fields);
        merge(&mut self.exchange_rates);
        merge(&mut self.webhook_endpoints);
        merge(&mut self.mail_templates);
        merge(&mut self.tags);
        merge(&mut self.pipelines);
        merge(&mut self.companies);
        merge(&mut self.contacts);
        merge(&mut self.deals);
        merge(&mut self.tasks);
        merge(&mut self.notes);
        merge(&mut self.imports);
        merge(&mut self.jobs);
    }
}

/// Makes one write of all writes of a record: its first image before, its last one after.
fn merge<T: Record>(puts: &mut Vec<Put<T>>) {
    let mut places: HashMap<Uuid, usize> = HashMap::with_capacity(puts.len());
    let mut merged: Vec<Put<T>> = Vec::with_capacity(puts.len());
    for put in puts.drain(..) {
        match places.get(&put.after.uuid()).and_then(|at| merged.get_mut(*at)) {
            Some(first) => first.after = put.after,
            None => {
                places.insert(put.after.uuid(), merged.len());
                merged.push(put);
            }
        }
    }
    *puts = merged;
}
