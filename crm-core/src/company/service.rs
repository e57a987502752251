//! Use cases of companies.

use super::model::{Company, CompanyEdit};
use crate::access::{Action, Entity, Grant, View};
use crate::custom_field::CustomValues;
use crate::error::Result;
use crate::id::Id;
use crate::journal::TimelineItem;
use crate::page::{COUNT_CAP, ListRequest, Page};
use crate::session::{Decisions, Expect, Kept, Session, page_of, permitted};
use crate::store::{Changes, Stored};
use crate::user::User;

/// The companies of a workspace, as far as one actor may go.
#[derive(Clone)]
pub struct Companies {
    session: Session,
}

impl Companies {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Makes a company; without an owner it belongs to the caller.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every field at fault.
    pub async fn create(&self, edit: CompanyEdit) -> Result<View<Company>> {
        let grant = self.session.require(Entity::Company, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                let mut company = Stored::new(Company::blank(Id::new_at(changes.now()), changes.now()));
                company.edit(permitted(&grant, edit.clone())?)?;
                self.session.own(&mut company);
                grant.check_reach(&*company)?;
                self.session.save(&grant, &mut changes, &mut company).await?;
                self.session.commit_once(&grant, changes, company).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// A company.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Company>) -> Result<View<Company>> {
        let grant = self.session.require(Entity::Company, Action::Read)?;
        let company = self.session.ports().companies.company(&grant, id).await?;
        Ok(grant.view(company.into_inner()))
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor; `Unavailable` past the deadline.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<Company>>> {
        let grant = self.session.require(Entity::Company, Action::Read)?;
        let query = grant.check_list::<Company>(request, self.session.now())?;
        let store = &self.session.ports().companies;
        let rows = store.companies(&grant, &query).await?;
        let total = match query.is_counted() {
            true => Some(store.count_companies(&grant, &query, COUNT_CAP).await?),
            false => None,
        };
        Ok(page_of(&grant, &query, rows, total))
    }

    /// Changes the fields that the edit names.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<Company>, edit: CompanyEdit, expect: Expect) -> Result<View<Company>> {
        self.change(id, expect, |company, grant| company.edit(permitted(grant, edit.clone())?)).await
    }

    /// Replaces every field that the caller sees; the owner stays where the edit names none.
    ///
    /// # Errors
    /// As [`Companies::update`].
    pub async fn replace(&self, id: Id<Company>, edit: CompanyEdit, expect: Expect) -> Result<View<Company>> {
        self.change(id, expect, |company, grant| {
            let mask = grant.mask(Entity::Company);
            let edit = permitted(grant, edit.clone())?.replacing(mask);
            company.custom.retain(|key, _| !grant.sees_custom(Entity::Company, key));
            company.edit(edit)
        })
        .await
    }

    /// Deletes a company; it can be restored until it is purged.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Company>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::Company, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut company = self.session.ports().companies.company(&grant, id).await?;
                expect.check(&*company)?;
                grant.check_reach(&*company)?;
                let mut changes = self.session.changes();
                company.deleted_at = Some(changes.now());
                changes.put(&mut company);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Brings a deleted company back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged.
    pub async fn restore(&self, id: Id<Company>) -> Result<View<Company>> {
        let grant = self.session.require(Entity::Company, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut company = self.session.ports().companies.deleted_company(&grant, id).await?;
                grant.check_reach(&*company)?;
                let mut changes = self.session.changes();
                company.deleted_at = None;
                changes.put(&mut company);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(company.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Erases a deleted company and the content of its history for ever.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted.
    pub async fn purge(&self, id: Id<Company>) -> Result<()> {
        let grant = self.session.require(Entity::Company, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let company = self.session.ports().companies.deleted_company(&grant, id).await?;
                grant.check_reach(&*company)?;
                let mut changes = self.session.changes();
                changes.purge(&company);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
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
        let grant = self.session.require(Entity::Company, Action::Read)?;
        self.session.ports().companies.company(&grant, id).await?;
        self.session.timeline(&grant, (Entity::Company, id.uuid()), cursor, limit).await
    }

    /// Reads, decides and commits one change, again when somebody else was faster.
    async fn change(
        &self,
        id: Id<Company>,
        expect: Expect,
        decide: impl Fn(&mut Company, &Grant) -> Result<()> + Sync,
    ) -> Result<View<Company>> {
        let grant = self.session.require(Entity::Company, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut company = self.session.ports().companies.company(&grant, id).await?;
                expect.check(&*company)?;
                grant.check_reach(&*company)?;
                decide(&mut company, &grant)?;
                let mut changes: Changes = self.session.changes();
                self.session.save(&grant, &mut changes, &mut company).await?;
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(company.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}

impl Kept for Company {
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
        self.owner_id.map(|id| ("owner_id", Entity::User, id.uuid())).into_iter().collect()
    }
}
