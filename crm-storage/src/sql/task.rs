//! Tasks.

use std::str::FromStr;

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::store::{Put, Stored};
use crm_core::task::{Task, TaskKind, TaskPriority, TaskStatus, TaskStore};
use crm_core::transfer::RowKey;
use crm_core::{Id, Result, Timestamp, text as core_text};
use diesel::prelude::*;

use super::custom_field::day_number;
use super::deal::day;
use super::fragment::Fragment;
use super::room::{self, Known, Life, Room};
use super::text::{join, split, split_required};
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::tasks;
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = tasks,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct TaskRow {
    workspace_id: i64,
    id: DbId,
    title: Option<String>,
    title_key: String,
    description: Option<String>,
    description_key: Option<String>,
    kind: String,
    priority: String,
    status: String,
    due_at: Option<DbTime>,
    due_day: Option<i64>,
    duration_minutes: Option<i64>,
    completed_at: Option<DbTime>,
    contact_id: Option<DbId>,
    company_id: Option<DbId>,
    deal_id: Option<DbId>,
    assignee_id: Option<DbId>,
    created_by: Option<DbId>,
    external_id: Option<String>,
    external_id_key: Option<String>,
    tags: Option<String>,
    custom: Option<String>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
    reminder: Option<String>,
    recurrence: Option<String>,
    recurrence_start: Option<String>,
    next_id: Option<DbId>,
}

impl TaskRow {
    fn new(workspace_id: i64, task: &Task) -> Outcome<Self> {
        let (title, title_key) = split_required(&task.title);
        let (description, description_key) = split(task.description.as_deref());
        let (external_id, external_id_key) = split(task.external_id.as_deref());
        Ok(Self {
            workspace_id,
            id: task.id.into(),
            title,
            title_key,
            description,
            description_key,
            kind: task.kind.name().to_owned(),
            priority: task.priority.name().to_owned(),
            status: task.status.name().to_owned(),
            due_at: task.due_at.map(DbTime::from),
            due_day: task.due_date.map(day_number),
            duration_minutes: task.duration_minutes,
            completed_at: task.completed_at.map(DbTime::from),
            contact_id: task.contact_id.map(DbId::from),
            company_id: task.company_id.map(DbId::from),
            deal_id: task.deal_id.map(DbId::from),
            assignee_id: task.assignee_id.map(DbId::from),
            created_by: task.created_by.map(DbId::from),
            external_id,
            external_id_key,
            tags: json::list(&task.tags)?,
            custom: json::map(&task.custom)?,
            created_at: task.created_at.into(),
            updated_at: task.updated_at.into(),
            version: task.version,
            deleted_at: task.deleted_at.map(DbTime::from),
            reminder: task.reminder.map(|reminder| reminder.to_string()),
            recurrence: task.recurrence.as_ref().map(|rule| core_text::key(rule.as_str())),
            recurrence_start: task.recurrence_start.map(|start| start.to_string()),
            next_id: task.next_id.map(DbId::from),
        })
    }

    fn into_task(self) -> Outcome<Task> {
        Ok(Task {
            id: self.id.into(),
            title: self.title.unwrap_or(self.title_key),
            description: join(self.description, self.description_key),
            kind: kind(&self.kind)?,
            priority: priority(&self.priority)?,
            status: status(&self.status)?,
            due_at: self.due_at.map(Timestamp::from),
            due_date: self.due_day.map(day).transpose()?,
            duration_minutes: self.duration_minutes,
            completed_at: self.completed_at.map(Timestamp::from),
            contact_id: self.contact_id.map(Id::from),
            company_id: self.company_id.map(Id::from),
            deal_id: self.deal_id.map(Id::from),
            assignee_id: self.assignee_id.map(Id::from),
            created_by: self.created_by.map(Id::from),
            external_id: join(self.external_id, self.external_id_key),
            tags: json::read_list(self.tags)?,
            custom: json::read_map(self.custom)?,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
            reminder: parsed(self.reminder.as_deref(), "a task's reminder")?,
            // Kept as filters compare it; the one form of a rule has capital letters alone.
            recurrence: parsed(self.recurrence.as_deref(), "a task's recurrence")?,
            recurrence_start: parsed(self.recurrence_start.as_deref(), "the start of a series")?,
            next_id: self.next_id.map(Id::from),
        })
    }
}

/// What a text says that was written by this program.
fn parsed<T: FromStr>(text: Option<&str>, what: &'static str) -> Outcome<Option<T>> {
    text.map(|text| text.parse().map_err(|_| json::unreadable(what))).transpose()
}

fn kind(name: &str) -> Outcome<TaskKind> {
    TaskKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(json::unreadable("a kind of task"))
}

fn priority(name: &str) -> Outcome<TaskPriority> {
    let found = TaskPriority::ALL.into_iter().find(|priority| priority.name() == name);
    found.ok_or(json::unreadable("a task's priority"))
}

fn status(name: &str) -> Outcome<TaskStatus> {
    TaskStatus::ALL.into_iter().find(|status| status.name() == name).ok_or(json::unreadable("a task's status"))
}

impl Room for Task {
    const TABLE: &'static str = "tasks";

    async fn find(conn: &mut Conn, workspace: i64, id: DbId) -> Outcome<Option<Self>> {
        let row = tasks::table
            .filter(tasks::workspace_id.eq(workspace))
            .filter(tasks::id.eq(id))
            .select(TaskRow::as_select())
            .get_result(conn)
            .await
            .optional()?;
        row.map(TaskRow::into_task).transpose()
    }

    async fn select(conn: &mut Conn, which: Fragment, order: Fragment, limit: i64) -> Outcome<Vec<Self>> {
        let rows: Vec<TaskRow> =
            tasks::table.filter(which).order(order).limit(limit).select(TaskRow::as_select()).load(conn).await?;
        rows.into_iter().map(TaskRow::into_task).collect()
    }

    async fn insert(conn: &mut Conn, workspace: i64, records: &[&Self]) -> Outcome<()> {
        let new = |task: &&Self| Ok(diesel::insert_into(tasks::table).values(TaskRow::new(workspace, task)?));
        dialect::insert(conn, records.iter().map(new).collect::<Outcome<_>>()?).await?;
        Ok(())
    }

    async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> Outcome<Vec<usize>> {
        let statement = |put: &Put<Self>| {
            let row = TaskRow::new(workspace, &put.after)?;
            let before = put.before.as_ref().map_or(0, |before| before.version);
            let found = tasks::table.filter(tasks::workspace_id.eq(workspace)).filter(tasks::id.eq(row.id));
            Ok(diesel::update(found.filter(tasks::version.eq(before))).set(row))
        };
        let statements = puts.iter().map(statement).collect::<Outcome<Vec<_>>>()?;
        Ok(dialect::each(conn, statements).await?)
    }

    fn tags(&self) -> &[String] {
        &self.tags
    }
}

impl Known for Task {
    fn columns(keys: &[RowKey]) -> Vec<(&'static str, Vec<String>)> {
        vec![("external_id_key", room::external_ids(keys))]
    }

    fn row_keys(&self) -> Vec<RowKey> {
        self.external_id.as_deref().map(|id| RowKey::ExternalId(core_text::key(id))).into_iter().collect()
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

#[async_trait]
impl TaskStore for Store {
    async fn task(&self, grant: &Grant, id: Id<Task>) -> Result<Stored<Task>> {
        room::owned(self, grant, id.uuid(), Life::Live).await
    }

    async fn tasks_by_id(&self, grant: &Grant, ids: &[Id<Task>]) -> Result<Vec<Stored<Task>>> {
        room::owned_by_id(self, grant, ids.iter().copied().map(DbId::from).collect()).await
    }

    async fn deleted_task(&self, grant: &Grant, id: Id<Task>) -> Result<Stored<Task>> {
        room::owned(self, grant, id.uuid(), Life::Deleted).await
    }

    async fn tasks(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Task>> {
        room::page(self, grant, query).await
    }

    async fn count_tasks(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        room::count::<Task>(self, grant, query, cap).await
    }

    async fn known_tasks(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Task>>>> {
        room::known(self, grant, keys).await
    }
}
