//! The use cases that contacts, companies, deals and tasks have in common.

use std::marker::PhantomData;

use super::{Blank, Decisions, Expect, Kept, Session, page_of, permitted};
use crate::access::{Action, Grant, View};
use crate::edit::RecordEdit as _;
use crate::error::Result;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::journal::TimelineItem;
use crate::page::{COUNT_CAP, ListRequest, Page};
use crate::store::Stored;

/// The records of one kind, as far as one actor may go.
pub(crate) struct Records<'s, T> {
    pub(crate) session: &'s Session,
    kind: PhantomData<fn() -> T>,
}

impl<'s, T: Kept> Records<'s, T> {
    pub(crate) fn of(session: &'s Session) -> Self {
        Self { session, kind: PhantomData }
    }

    /// Makes a record; without an owner it belongs to the caller.
    pub(crate) async fn create(&self, edit: T::Edit) -> Result<View<T>>
    where
        T: Blank,
    {
        let grant = self.session.require(T::ENTITY, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                let mut record = Stored::new(T::blank(Id::new_at(changes.now()), changes.now()));
                record.apply(permitted(&grant, edit.clone())?)?;
                self.session.own(&mut record);
                grant.check_reach(&*record)?;
                self.session.save(&grant, &mut changes, &mut record).await?;
                self.session.commit_once(&grant, changes, record).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    pub(crate) async fn read(&self, id: Id<T>) -> Result<View<T>> {
        let grant = self.session.require(T::ENTITY, Action::Read)?;
        Ok(grant.view(T::load(self.session.ports(), &grant, id).await?.into_inner()))
    }

    pub(crate) async fn list(&self, request: &ListRequest) -> Result<Page<View<T>>> {
        self.list_among(request, CheckedFilter::everything(), None).await
    }

    /// A page of those records of a list that pass one more filter, which is not the caller's; `part` names it where
    /// it makes a list of its own.
    pub(crate) async fn list_among(
        &self,
        request: &ListRequest,
        among: CheckedFilter,
        part: Option<&str>,
    ) -> Result<Page<View<T>>> {
        let grant = self.session.require(T::ENTITY, Action::Read)?;
        let mut query = grant.check_part::<T>(request, self.session.now(), part)?;
        query.filter = query.filter.and(among);
        let ports = self.session.ports();
        let rows = T::page(ports, &grant, &query).await?;
        let total = match query.is_counted() {
            true => Some(T::count(ports, &grant, &query, COUNT_CAP).await?),
            false => None,
        };
        Ok(page_of(&grant, &query, rows, total))
    }

    pub(crate) async fn update(&self, id: Id<T>, edit: T::Edit, expect: Expect) -> Result<View<T>> {
        self.change(id, expect, |record, grant| record.apply(permitted(grant, edit.clone())?)).await
    }

    /// Replaces every field that the caller sees; the owner stays where the edit names none.
    pub(crate) async fn replace(&self, id: Id<T>, edit: T::Edit, expect: Expect) -> Result<View<T>> {
        self.change(id, expect, |record, grant| {
            let edit = permitted(grant, edit.clone())?.replacing(grant.mask(T::ENTITY));
            record.custom_mut().retain(|key, _| !grant.sees_custom(T::ENTITY, key));
            record.apply(edit)
        })
        .await
    }

    pub(crate) async fn delete(&self, id: Id<T>, expect: Expect) -> Result<()> {
        let grant = self.session.require(T::ENTITY, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut record = T::load(self.session.ports(), &grant, id).await?;
                expect.check(&grant, &*record)?;
                grant.check_reach(&*record)?;
                let mut changes = self.session.changes();
                record.set_deleted(Some(changes.now()));
                changes.put(&mut record);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Brings a deleted record back.
    pub(crate) async fn restore(&self, id: Id<T>) -> Result<View<T>> {
        let grant = self.session.require(T::ENTITY, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut record = T::load_deleted(self.session.ports(), &grant, id).await?;
                grant.check_reach(&*record)?;
                let place = record.place(self.session.ports(), &grant).await?;
                let mut changes = self.session.changes();
                place.into_iter().for_each(|place| changes.rely(place));
                record.set_deleted(None);
                changes.put(&mut record);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(record.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Erases a deleted record and the content of its history for ever.
    pub(crate) async fn purge(&self, id: Id<T>) -> Result<()> {
        let grant = self.session.require(T::ENTITY, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let record = T::load_deleted(self.session.ports(), &grant, id).await?;
                grant.check_reach(&*record)?;
                let mut changes = self.session.changes();
                changes.purge(&record);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    pub(crate) async fn timeline(
        &self,
        id: Id<T>,
        cursor: Option<&str>,
        limit: Option<u16>,
    ) -> Result<Page<TimelineItem>> {
        let grant = self.session.require(T::ENTITY, Action::Read)?;
        T::load(self.session.ports(), &grant, id).await?;
        self.session.timeline(&grant, (T::ENTITY, id.uuid()), cursor, limit).await
    }

    /// Reads, decides and commits one change, again when somebody else was faster.
    async fn change(
        &self,
        id: Id<T>,
        expect: Expect,
        decide: impl Fn(&mut T, &Grant) -> Result<()> + Sync,
    ) -> Result<View<T>> {
        let grant = self.session.require(T::ENTITY, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut record = T::load(self.session.ports(), &grant, id).await?;
                expect.check(&grant, &*record)?;
                grant.check_reach(&*record)?;
                decide(&mut record, &grant)?;
                let mut changes = self.session.changes();
                self.session.save(&grant, &mut changes, &mut record).await?;
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(record.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}
