//! Use cases of deals.

use super::edit::{DealEdit, MoveStage};
use super::event::DealEvent;
use super::model::{Deal, DealStart};
use crate::access::{Action, Entity, Grant, View};
use crate::bulk::{BulkAnswer, BulkChange, BulkEdit, BulkMode, BulkReport, Selection};
use crate::crm::Ports;
use crate::custom_field::CustomValues;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::journal::TimelineItem;
use crate::page::{ListQuery, ListRequest, Page, Rows};
use crate::pipeline::{Pipeline, Stage};
use crate::session::{Decisions, Expect, Kept, Reading, Records, Session, permitted, shown};
use crate::store::{Reliance, Stored};
use crate::time::Timestamp;
use crate::user::User;

/// The deals of a workspace, as far as one actor may go.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::deal::{DealEdit, DealStart, DealStatus};
/// use crm_core::pipeline::StageKind;
/// use crm_core::{Expect, Money};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// let deals = session.deals();
/// let value = Money::minor(1_700_000, "GBP".parse()?);
/// let edit = DealEdit { title: "Difference engine".into(), value: value.into(), ..Default::default() };
/// // It begins in the first stage of the default pipeline.
/// let deal = deals.create(DealStart::default(), edit).await?;
///
/// let board = deals.board(None).await?;
/// assert_eq!((board.stages[0].name.as_str(), board.stages[0].count), ("Prospecting", 1));
/// let won = board.stages.iter().find(|stage| stage.kind == StageKind::Won).expect("a pipeline has one");
///
/// let deal = deals.move_to(deal.id, won.stage_id, Expect::Version(deal.version)).await?;
/// assert_eq!(deal.status, DealStatus::Won);
/// assert!(deal.closed_at.is_some());
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Deals {
    pub(super) session: Session,
}

impl Deals {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    fn records(&self) -> Records<'_, Deal> {
        Records::of(&self.session)
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
        self.move_saying(id, to.into(), expect).await
    }

    /// Takes a deal to a stage from where the caller saw it, and says why it was lost where that is a lost one.
    ///
    /// # Errors
    /// As [`Deals::move_to`]; `Conflict` for a deal that is in another stage than the caller saw it in; `Invalid`
    /// for a reason where the stage is not a lost one.
    pub async fn move_saying(&self, id: Id<Deal>, asked: MoveStage, expect: Expect) -> Result<View<Deal>> {
        let grant = self.session.require(Entity::Deal, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut deal = self.session.ports().deals.deal(&grant, id).await?;
                expect.check(&grant, &*deal)?;
                check_place(&grant, &deal, asked.from_stage_id)?;
                grant.check_reach(&*deal)?;
                let pipeline = self.session.ports().pipelines.pipeline(&grant, deal.pipeline_id).await?;
                let mut changes = self.session.changes();
                let stage = pipeline.stage(asked.stage_id)?;
                let at = deal.arrival(stage, changes.now());
                let moved = deal.move_to(stage, at)?;
                deal.edit(DealEdit { lost_reason: asked.lost_reason.clone(), ..DealEdit::default() })?;
                if changes.put(&mut deal) {
                    changes.rely_on(&pipeline);
                    moved.into_iter().for_each(|moved| changes.emit(moved));
                    self.session.commit(&grant, changes).await?;
                }
                Ok(grant.view(deal.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// A deal.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Deal>) -> Result<View<Deal>> {
        self.records().read(id).await
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor; `Unavailable` past the deadline.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<Deal>>> {
        self.records().list(request).await
    }

    /// Changes the fields that the edit names.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<Deal>, edit: DealEdit, expect: Expect) -> Result<View<Deal>> {
        self.records().update(id, edit, expect).await
    }

    /// Replaces every field that the caller sees; the owner stays where the edit names none.
    ///
    /// # Errors
    /// As [`Deals::update`].
    pub async fn replace(&self, id: Id<Deal>, edit: DealEdit, expect: Expect) -> Result<View<Deal>> {
        self.records().replace(id, edit, expect).await
    }

    /// Deletes a deal; it can be restored until it is purged.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Deal>, expect: Expect) -> Result<()> {
        self.records().delete(id, expect).await
    }

    /// Brings a deleted deal back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged.
    pub async fn restore(&self, id: Id<Deal>) -> Result<View<Deal>> {
        self.records().restore(id).await
    }

    /// Erases a deleted deal and the content of its history for ever.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted.
    pub async fn purge(&self, id: Id<Deal>) -> Result<()> {
        self.records().purge(id).await
    }

    /// A page of the deal's history and that of its notes, newest first.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a bad cursor or limit.
    pub async fn timeline(&self, id: Id<Deal>, cursor: Option<&str>, limit: Option<u16>) -> Result<Page<TimelineItem>> {
        self.records().timeline(id, cursor, limit).await
    }

    /// Changes many deals, each in its own way, in one commit, at most 10,000.
    ///
    /// # Errors
    /// As [`Deals::change_many`].
    pub async fn update_many(
        &self,
        items: Vec<Result<BulkEdit<Deal, DealEdit>>>,
        mode: BulkMode,
    ) -> Result<BulkReport> {
        self.records().update_many(items, mode).await
    }

    /// Does the same to many deals: those with these ids, or those that a filter describes, whose ids
    /// are taken first. One commit takes at most 10,000; where a filter describes more, up to 1,000,000, a
    /// job does it as far as it goes.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter and for too many; under [`BulkMode::Atomic`], which is what is
    /// done where no mode is named and one commit takes them, the fault of every item, at
    /// `items.<index>`, and then nothing is changed.
    pub async fn change_many(
        &self,
        selection: Selection<Deal>,
        change: BulkChange<DealEdit>,
        mode: impl Into<Option<BulkMode>> + Send,
    ) -> Result<BulkAnswer> {
        self.records().change_many(selection, change, mode.into()).await
    }

    /// A pipeline, or the default one.
    pub(super) async fn pipeline(&self, grant: &Grant, id: Option<Id<Pipeline>>) -> Result<Stored<Pipeline>> {
        let store = &self.session.ports().pipelines;
        match id {
            Some(id) => store.pipeline(grant, id).await,
            None => store.pipelines(grant).await?.into_iter().next().ok_or_else(|| no_stage("pipeline_id")),
        }
    }
}

/// Refuses a deal that is in another stage than the caller saw it in, and shows it as it is by now where they see
/// it.
fn check_place(grant: &Grant, deal: &Deal, seen: Option<Id<Stage>>) -> Result<()> {
    if seen.is_none_or(|stage| stage == deal.stage_id) {
        return Ok(());
    }
    let gone = Error::conflict(format!("deal {} is in stage {} now", deal.id, deal.stage_id));
    Err(shown(gone.with_code("stale_version"), grant, deal))
}

/// The fault of a workspace or pipeline without a stage to begin at.
fn no_stage(field: &str) -> Error {
    Error::invalid(field, "required", "there is no stage to begin at")
}

impl Kept for Deal {
    type Edit = DealEdit;

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
        let contact = self.contact_id.map(|id| ("contact_id", Entity::Contact, id.uuid()));
        [owner, company, contact].into_iter().flatten().collect()
    }

    fn apply(&mut self, edit: DealEdit) -> Result<()> {
        self.edit(edit)
    }

    fn load<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.deals.deal(grant, id)
    }

    fn load_many<'a>(ports: &'a Ports, grant: &'a Grant, ids: &'a [Id<Self>]) -> Reading<'a, Vec<Stored<Self>>> {
        ports.deals.deals_by_id(grant, ids)
    }

    fn load_deleted<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.deals.deleted_deal(grant, id)
    }

    fn place<'a>(&'a self, ports: &'a Ports, grant: &'a Grant) -> Reading<'a, Option<Reliance>> {
        Box::pin(async move {
            let pipeline = ports.pipelines.pipeline(grant, self.pipeline_id).await;
            let pipeline = pipeline.map_err(|error| error.not_found_at("pipeline_id"))?;
            Ok(Some(Reliance::on(&*pipeline)))
        })
    }

    fn page<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery) -> Reading<'a, Rows<Self>> {
        ports.deals.deals(grant, query)
    }

    fn count<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery, cap: u64) -> Reading<'a, u64> {
        ports.deals.count_deals(grant, query, cap)
    }
}
