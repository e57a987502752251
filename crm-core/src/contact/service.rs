//! Use cases of contacts.

use super::model::{Contact, ContactEdit};
use crate::access::{Action, Entity, Grant, View};
use crate::custom_field::CustomValues;
use crate::error::Result;
use crate::id::Id;
use crate::journal::TimelineItem;
use crate::page::{COUNT_CAP, ListRequest, Page};
use crate::session::{Decisions, Expect, Kept, Session, page_of, permitted};
use crate::store::{Changes, Stored};
use crate::user::User;

/// The contacts of a workspace, as far as one actor may go.
#[derive(Clone)]
pub struct Contacts {
    session: Session,
}

impl Contacts {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Makes a contact; without an owner it belongs to the caller.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every field at fault.
    pub async fn create(&self, edit: ContactEdit) -> Result<View<Contact>> {
        let grant = self.session.require(Entity::Contact, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                let mut contact = Stored::new(Contact::blank(Id::new_at(changes.now()), changes.now()));
                contact.edit(permitted(&grant, edit.clone())?)?;
                self.session.own(&mut contact);
                grant.check_reach(&*contact)?;
                self.session.save(&grant, &mut changes, &mut contact).await?;
                self.session.commit_once(&grant, changes, contact).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// A contact.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Contact>) -> Result<View<Contact>> {
        let grant = self.session.require(Entity::Contact, Action::Read)?;
        let contact = self.session.ports().contacts.contact(&grant, id).await?;
        Ok(grant.view(contact.into_inner()))
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor; `Unavailable` past the deadline.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<Contact>>> {
        let grant = self.session.require(Entity::Contact, Action::Read)?;
        let query = grant.check_list::<Contact>(request, self.session.now())?;
        let store = &self.session.ports().contacts;
        let rows = store.contacts(&grant, &query).await?;
        let total = match query.is_counted() {
            true => Some(store.count_contacts(&grant, &query, COUNT_CAP).await?),
            false => None,
        };
        Ok(page_of(&grant, &query, rows, total))
    }

    /// Changes the fields that the edit names.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<Contact>, edit: ContactEdit, expect: Expect) -> Result<View<Contact>> {
        self.change(id, expect, |contact, grant| contact.edit(permitted(grant, edit.clone())?)).await
    }

    /// Replaces every field that the caller sees; the owner stays where the edit names none.
    ///
    /// # Errors
    /// As [`Contacts::update`].
    pub async fn replace(&self, id: Id<Contact>, edit: ContactEdit, expect: Expect) -> Result<View<Contact>> {
        self.change(id, expect, |contact, grant| {
            let mask = grant.mask(Entity::Contact);
            let edit = permitted(grant, edit.clone())?.replacing(mask);
            contact.custom.retain(|key, _| !grant.sees_custom(Entity::Contact, key));
            contact.edit(edit)
        })
        .await
    }

    /// Deletes a contact; it can be restored until it is purged.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Contact>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::Contact, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut contact = self.session.ports().contacts.contact(&grant, id).await?;
                expect.check(&*contact)?;
                grant.check_reach(&*contact)?;
                let mut changes = self.session.changes();
                contact.deleted_at = Some(changes.now());
                changes.put(&mut contact);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Brings a deleted contact back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged.
    pub async fn restore(&self, id: Id<Contact>) -> Result<View<Contact>> {
        let grant = self.session.require(Entity::Contact, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut contact = self.session.ports().contacts.deleted_contact(&grant, id).await?;
                grant.check_reach(&*contact)?;
                let mut changes = self.session.changes();
                contact.deleted_at = None;
                changes.put(&mut contact);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(contact.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Erases a deleted contact and the content of its history for ever.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted.
    pub async fn purge(&self, id: Id<Contact>) -> Result<()> {
        let grant = self.session.require(Entity::Contact, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let contact = self.session.ports().contacts.deleted_contact(&grant, id).await?;
                grant.check_reach(&*contact)?;
                let mut changes = self.session.changes();
                changes.purge(&contact);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// A page of the contact's history and that of its notes, newest first.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a bad cursor or limit.
    pub async fn timeline(
        &self,
        id: Id<Contact>,
        cursor: Option<&str>,
        limit: Option<u16>,
    ) -> Result<Page<TimelineItem>> {
        let grant = self.session.require(Entity::Contact, Action::Read)?;
        self.session.ports().contacts.contact(&grant, id).await?;
        self.session.timeline(&grant, (Entity::Contact, id.uuid()), cursor, limit).await
    }

    /// Reads, decides and commits one change, again when somebody else was faster.
    async fn change(
        &self,
        id: Id<Contact>,
        expect: Expect,
        decide: impl Fn(&mut Contact, &Grant) -> Result<()> + Sync,
    ) -> Result<View<Contact>> {
        let grant = self.session.require(Entity::Contact, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut contact = self.session.ports().contacts.contact(&grant, id).await?;
                expect.check(&*contact)?;
                grant.check_reach(&*contact)?;
                decide(&mut contact, &grant)?;
                let mut changes: Changes = self.session.changes();
                self.session.save(&grant, &mut changes, &mut contact).await?;
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(contact.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}

impl Kept for Contact {
    fn tags(&self) -> &[String] {
        &self.tags
    }

    fn custom(&self) -> &CustomValues {
        &self.custom
    }

    fn custom_mut(&mut self) -> &mut CustomValues {
        &mut self.custom
    }

    fn set_owner(&mut self, owner: Option<Id<User>>) {
        self.owner_id = owner;
    }

    fn references(&self) -> Vec<(&'static str, Entity, uuid::Uuid)> {
        let owner = self.owner_id.map(|id| ("owner_id", Entity::User, id.uuid()));
        let company = self.company_id.map(|id| ("company_id", Entity::Company, id.uuid()));
        [owner, company].into_iter().flatten().collect()
    }
}
