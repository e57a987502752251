//! Use cases of companies.

use super::model::{Company, CompanyEdit};
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

/// The companies of a workspace, as far as one actor may go.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::company::CompanyEdit;
/// use crm_core::{Edit, ErrorKind, Expect, ListRequest};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// let companies = session.companies();
/// for (name, employees) in [("Babbage Engines", 42), ("Menabrea", 3)] {
///     let edit = CompanyEdit { name: name.into(), employees: Edit::Set(employees), ..Default::default() };
///     companies.create(edit).await?;
/// }
///
/// let large = ListRequest { filter: Some("employees > 10".parse()?), ..Default::default() };
/// let found = companies.list(&large).await?;
/// assert_eq!(found.data[0].name, "Babbage Engines");
/// assert_eq!(found.data.len(), 1);
///
/// // What is deleted is in no list, and can be restored.
/// let id = found.data[0].id;
/// companies.delete(id, Expect::Any).await?;
/// assert_eq!(companies.read(id).await.unwrap_err().kind(), ErrorKind::NotFound);
/// companies.restore(id).await?;
/// assert_eq!(companies.list(&large).await?.data.len(), 1);
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Companies {
    session: Session,
}

impl Companies {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    fn records(&self) -> Records<'_, Company> {
        Records::of(&self.session)
    }

    /// Makes a company; without an owner it belongs to the caller.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every field at fault.
    pub async fn create(&self, edit: CompanyEdit) -> Result<View<Company>> {
        self.records().create(edit).await
    }

    /// A company.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Company>) -> Result<View<Company>> {
        self.records().read(id).await
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor; `Unavailable` past the deadline.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<Company>>> {
        self.records().list(request).await
    }

    /// Changes the fields that the edit names.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<Company>, edit: CompanyEdit, expect: Expect) -> Result<View<Company>> {
        self.records().update(id, edit, expect).await
    }

    /// Replaces every field that the caller sees; the owner stays where the edit names none.
    ///
    /// # Errors
    /// As [`Companies::update`].
    pub async fn replace(&self, id: Id<Company>, edit: CompanyEdit, expect: Expect) -> Result<View<Company>> {
        self.records().replace(id, edit, expect).await
    }

    /// Deletes a company; it can be restored until it is purged.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Company>, expect: Expect) -> Result<()> {
        self.records().delete(id, expect).await
    }

    /// Brings a deleted company back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged.
    pub async fn restore(&self, id: Id<Company>) -> Result<View<Company>> {
        self.records().restore(id).await
    }

    /// Erases a deleted company and the content of its history for ever.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted.
    pub async fn purge(&self, id: Id<Company>) -> Result<()> {
        self.records().purge(id).await
    }

    /// A page of the company's history and that of its notes, newest first.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a bad cursor or limit.
    pub async fn timeline(
        &self,
        id: Id<Company>,
        cursor: Option<&str>,
        limit: Option<u16>,
    ) -> Result<Page<TimelineItem>> {
        self.records().timeline(id, cursor, limit).await
    }

    /// Makes many companies in one commit, at most 10,000. An item that could not be read comes as its
    /// error.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for too many; under [`BulkMode::Atomic`] the fault of every item, at
    /// `items.<index>`, and then nothing is made.
    pub async fn create_many(&self, items: Vec<Result<CompanyEdit>>, mode: BulkMode) -> Result<BulkReport> {
        self.records().create_many(items, mode).await
    }

    /// Changes many companies, each in its own way, in one commit, at most 10,000.
    ///
    /// # Errors
    /// As [`Companies::create_many`].
    pub async fn update_many(
        &self,
        items: Vec<Result<BulkEdit<Company, CompanyEdit>>>,
        mode: BulkMode,
    ) -> Result<BulkReport> {
        self.records().update_many(items, mode).await
    }

    /// Does the same to many companies: those with these ids, or those that a filter describes, whose ids
    /// are taken first. One commit takes at most 10,000; where a filter describes more, up to 1,000,000, a
    /// job does it as far as it goes.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter and for too many; under [`BulkMode::Atomic`], which is what is
    /// done where no mode is named and one commit takes them, the fault of every item, at
    /// `items.<index>`, and then nothing is changed.
    pub async fn change_many(
        &self,
        selection: Selection<Company>,
        change: BulkChange<CompanyEdit>,
        mode: impl Into<Option<BulkMode>> + Send,
    ) -> Result<BulkAnswer> {
        self.records().change_many(selection, change, mode.into()).await
    }
}

impl Kept for Company {
    type Edit = CompanyEdit;

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
        self.owner_id.map(|id| ("owner_id", Entity::User, id.uuid())).into_iter().collect()
    }

    fn apply(&mut self, edit: CompanyEdit) -> Result<()> {
        self.edit(edit)
    }

    fn load<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.companies.company(grant, id)
    }

    fn load_many<'a>(ports: &'a Ports, grant: &'a Grant, ids: &'a [Id<Self>]) -> Reading<'a, Vec<Stored<Self>>> {
        ports.companies.companies_by_id(grant, ids)
    }

    fn load_deleted<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.companies.deleted_company(grant, id)
    }

    fn page<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery) -> Reading<'a, Rows<Self>> {
        ports.companies.companies(grant, query)
    }

    fn count<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery, cap: u64) -> Reading<'a, u64> {
        ports.companies.count_companies(grant, query, cap)
    }
}

impl Blank for Company {
    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Company::blank(id, now)
    }
}
