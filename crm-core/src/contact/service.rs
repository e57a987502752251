//! Use cases of contacts.

use super::model::{Contact, ContactEdit};
use crate::access::{Entity, Grant, View};
use crate::bulk::{BulkAnswer, BulkChange, BulkEdit, BulkMode, BulkReport, Selection};
use crate::crm::Ports;
use crate::custom_field::CustomValues;
use crate::error::Result;
use crate::id::Id;
use crate::journal::TimelineItem;
use crate::page::{ListQuery, ListRequest, Page, Rows};
use crate::session::{Blank, Expect, Kept, Reading, Records, Session};
use crate::store::Stored;
use crate::time::Timestamp;
use crate::user::User;

/// The contacts of a workspace, as far as one actor may go.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::contact::ContactEdit;
/// use crm_core::{Expect, ListRequest};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// let contacts = session.contacts();
/// for name in ["Byron", "Lovelace"] {
///     contacts.create(ContactEdit { last_name: name.into(), ..Default::default() }).await?;
/// }
///
/// // A list comes page by page.
/// let request = ListRequest { sort: Some("last_name".to_owned()), limit: Some(1), ..Default::default() };
/// let first = contacts.list(&request).await?;
/// assert_eq!(first.data[0].last_name.as_deref(), Some("Byron"));
/// let second = contacts.list(&ListRequest { cursor: first.next_cursor, ..request }).await?;
/// assert_eq!(second.data[0].last_name.as_deref(), Some("Lovelace"));
///
/// // What an edit does not name stays as it is.
/// let ada = ContactEdit { first_name: "Ada".into(), ..Default::default() };
/// let ada = contacts.update(second.data[0].id, ada, Expect::Any).await?;
/// assert_eq!((ada.last_name.as_deref(), ada.version), (Some("Lovelace"), 2));
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Contacts {
    session: Session,
}

impl Contacts {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    fn records(&self) -> Records<'_, Contact> {
        Records::of(&self.session)
    }

    /// Makes a contact; without an owner it belongs to the caller.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every field at fault.
    pub async fn create(&self, edit: ContactEdit) -> Result<View<Contact>> {
        self.records().create(edit).await
    }

    /// A contact.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Contact>) -> Result<View<Contact>> {
        self.records().read(id).await
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor; `Unavailable` past the deadline.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<Contact>>> {
        self.records().list(request).await
    }

    /// Changes the fields that the edit names.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<Contact>, edit: ContactEdit, expect: Expect) -> Result<View<Contact>> {
        self.records().update(id, edit, expect).await
    }

    /// Replaces every field that the caller sees; the owner stays where the edit names none.
    ///
    /// # Errors
    /// As [`Contacts::update`].
    pub async fn replace(&self, id: Id<Contact>, edit: ContactEdit, expect: Expect) -> Result<View<Contact>> {
        self.records().replace(id, edit, expect).await
    }

    /// Deletes a contact; it can be restored until it is purged.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Contact>, expect: Expect) -> Result<()> {
        self.records().delete(id, expect).await
    }

    /// Brings a deleted contact back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged.
    pub async fn restore(&self, id: Id<Contact>) -> Result<View<Contact>> {
        self.records().restore(id).await
    }

    /// Erases a deleted contact and the content of its history for ever.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted.
    pub async fn purge(&self, id: Id<Contact>) -> Result<()> {
        self.records().purge(id).await
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
        self.records().timeline(id, cursor, limit).await
    }

    /// Makes many contacts in one commit, at most 10,000. An item that could not be read comes as its
    /// error.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for too many; under [`BulkMode::Atomic`] the fault of every item, at
    /// `items.<index>`, and then nothing is made.
    pub async fn create_many(&self, items: Vec<Result<ContactEdit>>, mode: BulkMode) -> Result<BulkReport> {
        self.records().create_many(items, mode).await
    }

    /// Changes many contacts, each in its own way, in one commit, at most 10,000.
    ///
    /// # Errors
    /// As [`Contacts::create_many`].
    pub async fn update_many(
        &self,
        items: Vec<Result<BulkEdit<Contact, ContactEdit>>>,
        mode: BulkMode,
    ) -> Result<BulkReport> {
        self.records().update_many(items, mode).await
    }

    /// Does the same to many contacts: those with these ids, or those that a filter describes, whose ids
    /// are taken first. One commit takes at most 10,000; where a filter describes more, up to 1,000,000, a
    /// job does it as far as it goes.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter and for too many; under [`BulkMode::Atomic`], which is what is
    /// done where no mode is named and one commit takes them, the fault of every item, at
    /// `items.<index>`, and then nothing is changed.
    pub async fn change_many(
        &self,
        selection: Selection<Contact>,
        change: BulkChange<ContactEdit>,
        mode: impl Into<Option<BulkMode>> + Send,
    ) -> Result<BulkAnswer> {
        self.records().change_many(selection, change, mode.into()).await
    }
}

impl Kept for Contact {
    type Edit = ContactEdit;

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

    fn set_tags(&mut self, tags: Vec<String>) {
        self.tags = tags;
    }

    fn set_deleted(&mut self, at: Option<Timestamp>) {
        self.deleted_at = at;
    }

    fn references(&self) -> Vec<(&'static str, Entity, uuid::Uuid)> {
        let owner = self.owner_id.map(|id| ("owner_id", Entity::User, id.uuid()));
        let company = self.company_id.map(|id| ("company_id", Entity::Company, id.uuid()));
        [owner, company].into_iter().flatten().collect()
    }

    fn apply(&mut self, edit: ContactEdit) -> Result<()> {
        self.edit(edit)
    }

    fn load<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.contacts.contact(grant, id)
    }

    fn load_many<'a>(ports: &'a Ports, grant: &'a Grant, ids: &'a [Id<Self>]) -> Reading<'a, Vec<Stored<Self>>> {
        ports.contacts.contacts_by_id(grant, ids)
    }

    fn load_deleted<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.contacts.deleted_contact(grant, id)
    }

    fn page<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery) -> Reading<'a, Rows<Self>> {
        ports.contacts.contacts(grant, query)
    }

    fn count<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery, cap: u64) -> Reading<'a, u64> {
        ports.contacts.count_contacts(grant, query, cap)
    }
}

impl Blank for Contact {
    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Contact::blank(id, now)
    }
}
