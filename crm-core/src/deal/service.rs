//! Use cases of deals.

use super::board::Board;
use super::event::DealEvent;
use super::model::{Deal, DealEdit, DealStart};
use crate::access::{Action, Entity, Grant, View};
use crate::custom_field::CustomValues;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::journal::TimelineItem;
use crate::page::{COUNT_CAP, ListRequest, Page};
use crate::pipeline::{Pipeline, Stage};
use crate::session::{Decisions, Expect, Kept, Session, page_of, permitted};
use crate::store::{Changes, Stored};
use crate::user::User;

/// The deals of a workspace, as far as one actor may go.
#[derive(Clone)]
pub struct Deals {
    session: Session,
}

impl Deals {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Makes a deal at a stage: by default the first one of the default pipeline. Without an owner
    /// it belongs to the caller.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every field at fault, and where the workspace has no such stage.
    pub async fn create(&self, start: DealStart, edit: DealEdit) -> Result<View<Deal>> {
        let grant = self.session.require(Entity::Deal, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                let now = changes.now();
                let pipeline = self.pipeline(&grant, start.pipeline_id).await;
                let pipeline = pipeline.map_err(|error| error.not_found_at("pipeline_id"))?;
                let stage = match start.stage_id {
                    Some(id) => pipeline.stage(id)?,
                    None => pipeline.first_stage().ok_or_else(|| no_stage("stage_id"))?,
                };
                let mut deal = Stored::new(Deal::at_stage(Id::new_at(now), pipeline.id, stage, now));
                deal.edit(permitted(&grant, edit.clone())?)?;
                self.session.own(&mut deal);
                grant.check_reach(&*deal)?;
                changes.rely_on(&pipeline);
                let stage_id = stage.id;
                self.session.save(&grant, &mut changes, &mut deal).await?;
                changes.emit(DealEvent::Moved { from: None, to: stage_id, at: now });
                self.session.commit_once(&grant, changes, deal).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Takes a deal to a stage of its pipeline. Of two people who move one deal at once, one gets a
    /// conflict where they expect the version they saw.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` for a stage of another
    /// pipeline.
    pub async fn move_to(&self, id: Id<Deal>, to: Id<Stage>, expect: Expect) -> Result<View<Deal>> {
        let grant = self.session.require(Entity::Deal, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut deal = self.session.ports().deals.deal(&grant, id).await?;
                expect.check(&*deal)?;
                grant.check_reach(&*deal)?;
                let pipeline = self.session.ports().pipelines.pipeline(&grant, deal.pipeline_id).await?;
                let mut changes = self.session.changes();
                // A deal may have got to its stage by a clock that goes before ours, or in a file that
                // dates it later: the caller named no time that could be refused.
                let at = changes.now().max(deal.stage_entered_at);
                if let Some(moved) = deal.move_to(pipeline.stage(to)?, at)? {
                    changes.rely_on(&pipeline);
                    changes.put(&mut deal);
                    changes.emit(moved);
                    self.session.commit(&grant, changes).await?;
                }
                Ok(grant.view(deal.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// The board of a pipeline, by default of the default one.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Unavailable` past the deadline.
    pub async fn board(&self, pipeline: Option<Id<Pipeline>>) -> Result<Board> {
        let grant = self.session.require(Entity::Deal, Action::Read)?;
        let pipeline = self.pipeline(&grant, pipeline).await?;
        let totals = self.session.ports().deals.stage_totals(&grant, pipeline.id).await?;
        Ok(Board::new(&pipeline, totals, grant.mask(Entity::Deal)))
    }

    /// A deal.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Deal>) -> Result<View<Deal>> {
        let grant = self.session.require(Entity::Deal, Action::Read)?;
        let deal = self.session.ports().deals.deal(&grant, id).await?;
        Ok(grant.view(deal.into_inner()))
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor; `Unavailable` past the deadline.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<Deal>>> {
        let grant = self.session.require(Entity::Deal, Action::Read)?;
        let query = grant.check_list::<Deal>(request, self.session.now())?;
        let store = &self.session.ports().deals;
        let rows = store.deals(&grant, &query).await?;
        let total = match query.is_counted() {
            true => Some(store.count_deals(&grant, &query, COUNT_CAP).await?),
            false => None,
        };
        Ok(page_of(&grant, &query, rows, total))
    }

    /// Changes the fields that the edit names.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<Deal>, edit: DealEdit, expect: Expect) -> Result<View<Deal>> {
        self.change(id, expect, |deal, grant| deal.edit(permitted(grant, edit.clone())?)).await
    }

    /// Replaces every field that the caller sees; the owner stays where the edit names none.
    ///
    /// # Errors
    /// As [`Deals::update`].
    pub async fn replace(&self, id: Id<Deal>, edit: DealEdit, expect: Expect) -> Result<View<Deal>> {
        self.change(id, expect, |deal, grant| {
            let mask = grant.mask(Entity::Deal);
            let edit = permitted(grant, edit.clone())?.replacing(mask);
            deal.custom.retain(|key, _| !grant.sees_custom(Entity::Deal, key));
            deal.edit(edit)
        })
        .await
    }

    /// Deletes a deal; it can be restored until it is purged.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Deal>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::Deal, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut deal = self.session.ports().deals.deal(&grant, id).await?;
                expect.check(&*deal)?;
                grant.check_reach(&*deal)?;
                let mut changes = self.session.changes();
                deal.deleted_at = Some(changes.now());
                changes.put(&mut deal);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Brings a deleted deal back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged.
    pub async fn restore(&self, id: Id<Deal>) -> Result<View<Deal>> {
        let grant = self.session.require(Entity::Deal, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut deal = self.session.ports().deals.deleted_deal(&grant, id).await?;
                grant.check_reach(&*deal)?;
                let mut changes = self.session.changes();
                deal.deleted_at = None;
                changes.put(&mut deal);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(deal.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Erases a deleted deal and the content of its history for ever.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted.
    pub async fn purge(&self, id: Id<Deal>) -> Result<()> {
        let grant = self.session.require(Entity::Deal, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let deal = self.session.ports().deals.deleted_deal(&grant, id).await?;
                grant.check_reach(&*deal)?;
                let mut changes = self.session.changes();
                changes.purge(&deal);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// A page of the deal's history and that of its notes, newest first.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a bad cursor or limit.
    pub async fn timeline(&self, id: Id<Deal>, cursor: Option<&str>, limit: Option<u16>) -> Result<Page<TimelineItem>> {
        let grant = self.session.require(Entity::Deal, Action::Read)?;
        self.session.ports().deals.deal(&grant, id).await?;
        self.session.timeline(&grant, (Entity::Deal, id.uuid()), cursor, limit).await
    }

    /// A pipeline, or the default one.
    async fn pipeline(&self, grant: &Grant, id: Option<Id<Pipeline>>) -> Result<Stored<Pipeline>> {
        let store = &self.session.ports().pipelines;
        match id {
            Some(id) => store.pipeline(grant, id).await,
            None => store.pipelines(grant).await?.into_iter().next().ok_or_else(|| no_stage("pipeline_id")),
        }
    }

    /// Reads, decides and commits one change, again when somebody else was faster.
    async fn change(
        &self,
        id: Id<Deal>,
        expect: Expect,
        decide: impl Fn(&mut Deal, &Grant) -> Result<()> + Sync,
    ) -> Result<View<Deal>> {
        let grant = self.session.require(Entity::Deal, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut deal = self.session.ports().deals.deal(&grant, id).await?;
                expect.check(&*deal)?;
                grant.check_reach(&*deal)?;
                decide(&mut deal, &grant)?;
                let mut changes: Changes = self.session.changes();
                self.session.save(&grant, &mut changes, &mut deal).await?;
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(deal.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}

/// The fault of a workspace or pipeline without a stage to begin at.
fn no_stage(field: &str) -> Error {
    Error::invalid(field, "required", "there is no stage to begin at")
}

impl Kept for Deal {
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
        let contact = self.contact_id.map(|id| ("contact_id", Entity::Contact, id.uuid()));
        [owner, company, contact].into_iter().flatten().collect()
    }
}
