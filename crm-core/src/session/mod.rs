//! The only door to the services.

mod decisions;
mod kept;
mod once;
mod records;
mod save;
mod sealing;
mod telling;
mod timeline;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::access::{Access, Action, Actor, Entity, Grant};
use crate::activity::Activities;
use crate::analytics::Analytics;
use crate::company::Companies;
use crate::contact::Contacts;
use crate::crm::{Crm, Ports};
use crate::custom_field::CustomFields;
use crate::deal::Deals;
use crate::error::Result;
use crate::exchange_rate::ExchangeRates;
use crate::job::{Jobs, NewJob, Queues};
use crate::journal::Entry;
use crate::mail::Mails;
use crate::pipeline::Pipelines;
use crate::store::{Changes, IdempotencyKey, Record, Write};
use crate::tag::Tags;
use crate::task::Tasks;
use crate::team::Teams;
use crate::time::Timestamp;
use crate::transfer::Transfers;
use crate::user::Users;
use crate::webhook::Webhooks;
use crate::workspace::Workspaces;

pub use decisions::Expect;
pub(crate) use decisions::{Decisions, showing, shown};
pub(crate) use kept::{Blank, Kept, Reading, put_kept};
pub(crate) use records::Records;
pub(crate) use save::{page_of, permitted, pointed};
pub(crate) use sealing::seal;

/// An actor in a workspace, with every service at hand. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    crm: Crm,
    access: Arc<Access>,
    idempotency: Option<IdempotencyKey>,
    /// Jobs that the next commit enqueues.
    along: Arc<Mutex<Vec<NewJob>>>,
}

impl Session {
    pub(crate) fn new(crm: Crm, access: Arc<Access>) -> Self {
        Self { crm, access, idempotency: None, along: Arc::default() }
    }

    /// The same session, whose next commit enqueues these jobs too.
    #[must_use]
    pub(crate) fn along(mut self, jobs: impl IntoIterator<Item = NewJob>) -> Self {
        let waiting = self.along.lock().iter().cloned().chain(jobs).collect();
        self.along = Arc::new(Mutex::new(waiting));
        self
    }

    /// The same session, whose next creation happens once under this key however often it is sent.
    #[must_use]
    pub fn once(mut self, key: IdempotencyKey) -> Self {
        self.idempotency = Some(key.of(&self.access.actor));
        self
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.access.actor
    }

    /// What the caller may do, by kind of record.
    pub fn rules(&self) -> &[(Entity, crate::access::Rule)] {
        &self.access.rules
    }

    /// Contacts.
    pub fn contacts(&self) -> Contacts {
        Contacts::new(self.clone())
    }

    /// Companies.
    pub fn companies(&self) -> Companies {
        Companies::new(self.clone())
    }

    /// Deals.
    pub fn deals(&self) -> Deals {
        Deals::new(self.clone())
    }

    /// Tasks.
    pub fn tasks(&self) -> Tasks {
        Tasks::new(self.clone())
    }

    /// What the history of deals says.
    pub fn analytics(&self) -> Analytics {
        Analytics::new(self.clone())
    }

    /// Pipelines.
    pub fn pipelines(&self) -> Pipelines {
        Pipelines::new(self.clone())
    }

    /// Notes and timelines.
    pub fn activities(&self) -> Activities {
        Activities::new(self.clone())
    }

    /// Tags.
    pub fn tags(&self) -> Tags {
        Tags::new(self.clone())
    }

    /// Custom fields.
    pub fn custom_fields(&self) -> CustomFields {
        CustomFields::new(self.clone())
    }

    /// Exchange rates.
    pub fn exchange_rates(&self) -> ExchangeRates {
        ExchangeRates::new(self.clone())
    }

    /// Where the events of the workspace are sent.
    pub fn webhooks(&self) -> Webhooks {
        Webhooks::new(self.clone())
    }

    /// Mails, their templates, and who gets none.
    pub fn mails(&self) -> Mails {
        Mails::new(self.clone())
    }

    /// Members.
    pub fn users(&self) -> Users {
        Users::new(self.clone())
    }

    /// Teams.
    pub fn teams(&self) -> Teams {
        Teams::new(self.clone())
    }

    /// The workspace.
    pub fn workspace(&self) -> Workspaces {
        Workspaces::new(self.clone())
    }

    /// Jobs.
    pub fn jobs(&self) -> Jobs {
        Jobs::new(self.clone())
    }

    /// The queues that jobs wait in.
    pub fn queues(&self) -> Queues {
        Queues::new(self.clone())
    }

    /// Imports and exports.
    pub fn transfers(&self) -> Transfers {
        Transfers::new(self.clone())
    }

    /// The same actor with the permissions that they have by now, for work that takes long.
    ///
    /// # Errors
    /// As [`Crm::acting`].
    pub(crate) async fn anew(&self) -> Result<Session> {
        self.crm.acting(self.actor().clone()).await
    }

    /// The product itself in the same workspace, for looking at what the actor may not see. Nothing that
    /// it reads reaches the actor.
    ///
    /// # Errors
    /// As [`Crm::acting`].
    pub(crate) async fn as_product(&self, cause: &str) -> Result<Session> {
        self.crm.acting(Actor::system(self.access.workspace.id, cause)).await
    }

    /// Proof that the actor may do this, or `Denied` with the permission's name.
    ///
    /// # Errors
    /// `Denied`.
    pub fn require(&self, entity: Entity, action: Action) -> Result<Grant> {
        Grant::new(self.access.clone(), entity, action)
    }

    /// A grant that no rule gave, for facts which the product itself writes about what its caller did.
    pub(crate) fn internally(&self, entity: Entity, action: Action) -> Grant {
        Grant::internal(self.access.clone(), entity, action)
    }

    pub(crate) fn crm(&self) -> &Crm {
        &self.crm
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.crm.ports
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.crm.now()
    }

    /// Changes that are decided now.
    pub(crate) fn changes(&self) -> Changes {
        Changes::at(self.now())
    }

    /// Seals the changes and writes them in one transaction. Nothing is written where there is
    /// nothing to write.
    pub(crate) async fn commit(&self, grant: &Grant, mut changes: Changes) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let along = self.along.lock().clone();
        let jobs = std::mem::take(&mut changes.jobs).into_iter().chain(along.iter().cloned());
        for job in jobs {
            let job = job.into_job(grant.actor().user_id(), changes.now())?;
            changes.put_new_job(job);
        }
        let changes_access = changes.writes.iter().any(is_about_access);
        let sealed = seal(grant, changes)?;
        let result = self.ports().commit.commit(sealed).await;
        if changes_access {
            self.ports().cache.forget_workspace(grant.workspace_id());
        }
        if let (Ok(()), Some(listener)) = (&result, &self.ports().listener) {
            listener.committed(grant.workspace_id());
        }
        if result.is_ok() && !along.is_empty() {
            self.along.lock().clear();
        }
        result
    }
}

/// Whether a write changes what somebody may do or which fields there are.
fn is_about_access(write: &Write) -> bool {
    matches!(write, Write::Workspace(_) | Write::User(_) | Write::Team(_) | Write::CustomField(_))
}

/// The record that a history's entries, oldest first, add up to.
pub(crate) fn image_at<T: Record>(entries: &[Entry]) -> Option<T> {
    let last = entries.last()?;
    let mut image = serde_json::Map::new();
    for entry in entries {
        for key in entry.before.keys() {
            image.remove(key);
        }
        image.extend(entry.after.clone());
    }
    image.insert("id".into(), last.record_id.to_string().into());
    let mut record: T = serde_json::from_value(image.into()).ok()?;
    record.stamp(last.version, last.at);
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    fn is_send<T: Send>(value: T) -> T {
        value
    }

    /// Never run: it compiles only while every use case may cross threads.
    #[expect(dead_code, reason = "compiling it is the test")]
    async fn every_use_case_may_cross_threads(session: Session) -> Result<()> {
        let id = Id::new_at(session.now());
        is_send(session.contacts().create(Default::default())).await?;
        is_send(session.contacts().replace(id, Default::default(), Expect::Any)).await?;
        is_send(session.deals().move_to(id.cast(), id.cast(), Expect::Any)).await?;
        is_send(session.tasks().complete(id.cast(), Expect::Any)).await?;
        is_send(session.tasks().overdue(&Default::default())).await?;
        is_send(session.users().change_role(id.cast(), crate::access::Role::Admin, Expect::Any)).await?;
        let mut file = crate::transfer::BytesSource::new("");
        is_send(session.transfers().preview(Entity::Deal, &mut file, &Default::default())).await?;
        is_send(session.transfers().start(Entity::Deal, &mut file, Default::default())).await?;
        is_send(session.transfers().run(id.cast(), &mut file, &mut |_| {})).await?;
        drop(is_send(session.transfers().failed_rows(id.cast())));
        drop(is_send(session.transfers().export(Entity::Deal, Default::default())));
        Ok(())
    }
}
