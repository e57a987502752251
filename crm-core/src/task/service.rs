//! Use cases of tasks.

use super::calendar::{Calendar, CalendarRequest};
use super::edit::TaskEdit;
use super::event::TaskEvent;
use super::kind::TaskStatus;
use super::model::Task;
use super::remind;
use super::window;
use crate::access::{Action, Entity, Grant, View};
use crate::bulk::{BulkAnswer, BulkChange, BulkEdit, BulkMode, BulkReport, Selection};
use crate::crm::Ports;
use crate::custom_field::CustomValues;
use crate::edit::Edit;
use crate::error::Result;
use crate::filter::{CheckedFilter, Span};
use crate::id::Id;
use crate::journal::{Event, TimelineItem};
use crate::page::{ListQuery, ListRequest, MAX_LIMIT, Page, Rows};
use crate::session::{Blank, Expect, Kept, Reading, Records, Session};
use crate::store::{Changes, Stored};
use crate::time::Timestamp;
use crate::user::User;

/// The tasks of a workspace, as far as one actor may go.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::task::{TaskEdit, TaskStatus};
/// use crm_core::{Expect, ListRequest, NaiveDate};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// let tasks = session.tasks();
/// let day = NaiveDate::from_ymd_opt(2020, 1, 31).expect("a day");
/// let call = TaskEdit { title: "Call Ada".into(), due_date: day.into(), ..Default::default() };
/// let call = tasks.create(call).await?;
/// assert_eq!(tasks.overdue(&ListRequest::default()).await?.data[0].id, call.id);
///
/// let done = tasks.complete(call.id, Expect::Version(call.version)).await?;
/// assert_eq!(done.status, TaskStatus::Done);
/// assert!(tasks.overdue(&ListRequest::default()).await?.data.is_empty());
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tasks {
    session: Session,
}

impl Tasks {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    fn records(&self) -> Records<'_, Task> {
        Records::of(&self.session)
    }

    /// Makes a task; without an assignee it is the caller's.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every field at fault.
    pub async fn create(&self, edit: TaskEdit) -> Result<View<Task>> {
        self.records().create(edit).await
    }

    /// A task.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Task>) -> Result<View<Task>> {
        self.records().read(id).await
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor; `Unavailable` past the deadline.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<Task>>> {
        self.records().list(request).await
    }

    /// Open tasks of the caller, what is due first coming first unless the request says otherwise.
    ///
    /// # Errors
    /// As [`Tasks::list`].
    pub async fn mine(&self, request: &ListRequest) -> Result<Page<View<Task>>> {
        // The product itself has nothing to do.
        let own = self.session.actor().user_id().map_or_else(CheckedFilter::nothing, window::of);
        self.due_among(request, window::open().and(own), "mine").await
    }

    /// Open tasks that are past due, the oldest first unless the request says otherwise. What is due
    /// on a day is so once that day is over in the caller's zone.
    ///
    /// # Errors
    /// As [`Tasks::list`].
    pub async fn overdue(&self, request: &ListRequest) -> Result<Page<View<Task>>> {
        let grant = self.session.require(Entity::Task, Action::Read)?;
        self.due_among(request, window::overdue(self.session.now(), grant.zone()), "overdue").await
    }

    /// Open tasks that are due from now on until so long after, the next first unless the request says
    /// otherwise. What is due today is among them.
    ///
    /// # Errors
    /// As [`Tasks::list`].
    pub async fn upcoming(&self, window: Span, request: &ListRequest) -> Result<Page<View<Task>>> {
        let grant = self.session.require(Entity::Task, Action::Read)?;
        let among = window::upcoming(self.session.now(), window, grant.zone());
        self.due_among(request, among, &format!("upcoming {window}")).await
    }

    /// The days between two moments in the caller's zone, with what is due on them, done or not.
    ///
    /// # Errors
    /// As [`Tasks::list`]; `Invalid` at `from` and `to` for a local time that does not exist or happens
    /// twice, for an end that is not after the beginning, and for more than 400 days.
    pub async fn calendar(&self, request: &CalendarRequest) -> Result<Calendar> {
        let grant = self.session.require(Entity::Task, Action::Read)?;
        let mut calendar = Calendar::empty(request.from, request.to, grant.zone())?;
        let list = ListRequest {
            filter: request.filter.clone(),
            limit: request.limit.or(Some(MAX_LIMIT)),
            cursor: request.cursor.clone(),
            ..ListRequest::default()
        };
        let part = format!("calendar {} {}", calendar.from, calendar.to);
        let page = self.due_among(&list, window::shown(calendar.from, calendar.to, grant.zone()), &part).await?;
        calendar.fill(page.data);
        calendar.next_cursor = page.next_cursor;
        Ok(calendar)
    }

    /// A page of those tasks of a list that pass one more filter, by the time when they are due.
    async fn due_among(&self, request: &ListRequest, among: CheckedFilter, part: &str) -> Result<Page<View<Task>>> {
        let sort = request.sort.clone().or_else(|| Some("due_at".to_owned()));
        self.records().list_among(&ListRequest { sort, ..request.clone() }, among, Some(part)).await
    }

    /// Says that a task is done; one that is done stays as it is. Where it recurs, the next of its series is made
    /// in the same commit, and `next_id` names it.
    ///
    /// # Errors
    /// As [`Tasks::update`].
    pub async fn complete(&self, id: Id<Task>, expect: Expect) -> Result<View<Task>> {
        self.update(id, TaskEdit { status: Edit::Set(TaskStatus::Done), ..TaskEdit::default() }, expect).await
    }

    /// Says that a task is to be done again.
    ///
    /// # Errors
    /// As [`Tasks::update`].
    pub async fn reopen(&self, id: Id<Task>, expect: Expect) -> Result<View<Task>> {
        self.update(id, TaskEdit { status: Edit::Set(TaskStatus::Open), ..TaskEdit::default() }, expect).await
    }

    /// Changes the fields that the edit names.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<Task>, edit: TaskEdit, expect: Expect) -> Result<View<Task>> {
        self.records().update(id, edit, expect).await
    }

    /// Replaces every field that the caller sees; assignee and status stay where the edit names none.
    ///
    /// # Errors
    /// As [`Tasks::update`].
    pub async fn replace(&self, id: Id<Task>, edit: TaskEdit, expect: Expect) -> Result<View<Task>> {
        self.records().replace(id, edit, expect).await
    }

    /// Deletes a task; it can be restored until it is purged.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Task>, expect: Expect) -> Result<()> {
        self.records().delete(id, expect).await
    }

    /// Brings a deleted task back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged.
    pub async fn restore(&self, id: Id<Task>) -> Result<View<Task>> {
        self.records().restore(id).await
    }

    /// Erases a deleted task and the content of its history for ever.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted.
    pub async fn purge(&self, id: Id<Task>) -> Result<()> {
        self.records().purge(id).await
    }

    /// A page of the task's history, newest first.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a bad cursor or limit.
    pub async fn timeline(&self, id: Id<Task>, cursor: Option<&str>, limit: Option<u16>) -> Result<Page<TimelineItem>> {
        self.records().timeline(id, cursor, limit).await
    }

    /// Makes many tasks in one commit, at most 10,000. An item that could not be read comes as its
    /// error.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for too many; under [`BulkMode::Atomic`] the fault of every item, at
    /// `items.<index>`, and then nothing is made.
    pub async fn create_many(&self, items: Vec<Result<TaskEdit>>, mode: BulkMode) -> Result<BulkReport> {
        self.records().create_many(items, mode).await
    }

    /// Changes many tasks, each in its own way, in one commit, at most 10,000.
    ///
    /// # Errors
    /// As [`Tasks::create_many`].
    pub async fn update_many(
        &self,
        items: Vec<Result<BulkEdit<Task, TaskEdit>>>,
        mode: BulkMode,
    ) -> Result<BulkReport> {
        self.records().update_many(items, mode).await
    }

    /// Does the same to many tasks: those with these ids, or those that a filter describes, whose ids
    /// are taken first. One commit takes at most 10,000; where a filter describes more, up to 1,000,000, a
    /// job does it as far as it goes.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter and for too many; under [`BulkMode::Atomic`], which is what is
    /// done where no mode is named and one commit takes them, the fault of every item, at
    /// `items.<index>`, and then nothing is changed.
    pub async fn change_many(
        &self,
        selection: Selection<Task>,
        change: BulkChange<TaskEdit>,
        mode: impl Into<Option<BulkMode>> + Send,
    ) -> Result<BulkAnswer> {
        self.records().change_many(selection, change, mode.into()).await
    }
}

impl Kept for Task {
    type Edit = TaskEdit;

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
        self.assignee_id = owner;
    }

    fn set_creator(&mut self, creator: Option<Id<User>>) {
        self.created_by = creator;
    }

    fn set_tags(&mut self, tags: Vec<String>) {
        self.tags = tags;
    }

    fn set_deleted(&mut self, at: Option<Timestamp>) {
        self.deleted_at = at;
    }

    fn references(&self) -> Vec<(&'static str, Entity, uuid::Uuid)> {
        let assignee = self.assignee_id.map(|id| ("assignee_id", Entity::User, id.uuid()));
        let contact = self.contact_id.map(|id| ("contact_id", Entity::Contact, id.uuid()));
        let company = self.company_id.map(|id| ("company_id", Entity::Company, id.uuid()));
        let deal = self.deal_id.map(|id| ("deal_id", Entity::Deal, id.uuid()));
        [assignee, contact, company, deal].into_iter().flatten().collect()
    }

    fn apply(&mut self, edit: TaskEdit) -> Result<()> {
        self.edit(edit)
    }

    fn follow(&mut self, now: Timestamp) {
        self.conclude(now);
    }

    fn bring<'a>(
        session: &'a Session,
        changes: &'a mut Changes,
        records: Vec<&'a mut Stored<Self>>,
    ) -> Reading<'a, ()> {
        Box::pin(remind::bring(session, changes, records))
    }

    fn facts(before: Option<&Self>, after: &Self) -> Vec<Event> {
        TaskEvent::between(before, after).map(Event::from).into_iter().collect()
    }

    fn load<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.tasks.task(grant, id)
    }

    fn load_many<'a>(ports: &'a Ports, grant: &'a Grant, ids: &'a [Id<Self>]) -> Reading<'a, Vec<Stored<Self>>> {
        ports.tasks.tasks_by_id(grant, ids)
    }

    fn load_deleted<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>> {
        ports.tasks.deleted_task(grant, id)
    }

    fn page<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery) -> Reading<'a, Rows<Self>> {
        ports.tasks.tasks(grant, query)
    }

    fn count<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery, cap: u64) -> Reading<'a, u64> {
        ports.tasks.count_tasks(grant, query, cap)
    }
}

impl Blank for Task {
    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Task::blank(id, now)
    }
}
