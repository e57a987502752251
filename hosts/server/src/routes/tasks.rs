//! Tasks over HTTP.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use crm_core::access::View;
use crm_core::bulk::{BulkAnswer, BulkChange, BulkMode, BulkReport, Selection};
use crm_core::job::Job;
use crm_core::journal::TimelineItem;
use crm_core::task::{Calendar, CalendarRequest, Task, TaskEdit};
use crm_core::transfer::{ExportList, Preview};
use crm_core::user::User;
use crm_core::{Entity, Filter, Id, ListRequest, Moment, Page, Result};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::bulk::{BulkCreate, BulkDelete, BulkTag, BulkUpdate, Update, present, selection};
use super::timeline::TimelineParams;
use super::transfer::{ImportForm, ImportParams, download, import};
use crate::answer::{Accepted, Body, Bulk, Created, Done, Found};
use crate::extract::{
    Bounded, Expected, ExportParams, Json, ListParams, Once, Query, RecordId, Signed, UpcomingParams,
};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    // Paths with fixed parts come before those with an id.
    config.service(create_many).service(update_many).service(delete_many).service(assign_many);
    config.service(tag_many).service(import_csv).service(export_csv).service(begin_export);
    // Before the tasks themselves, whose ids stand in the same place.
    config.service(mine).service(overdue).service(upcoming).service(calendar);
    config.service(read).service(list).service(create).service(search);
    config.service(replace).service(update).service(delete).service(timeline);
}

/// Tasks to be given to somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AssignTasks {
    /// The tasks.
    #[schema(value_type = Option<Vec<Id<Task>>>, min_items = 1, max_items = 10_000)]
    ids: Option<Bounded<Id<Task>>>,
    /// The tasks, described; more than 10,000 are changed by a job.
    filter: Option<Filter>,
    /// Who is to do them; `null` for nobody.
    #[serde(deserialize_with = "present")]
    #[schema(required)]
    assignee_id: Option<Id<User>>,
    /// What becomes of the other tasks where one is at fault: `atomic` where it is absent and the tasks
    /// are at most 10,000.
    mode: Option<BulkMode>,
}

impl AssignTasks {
    /// Which tasks, what is done to them, and the mode.
    ///
    /// # Errors
    /// `Invalid` where it names none, or both ways.
    fn into_change(self) -> Result<(Selection<Task>, BulkChange<TaskEdit>, Option<BulkMode>)> {
        Ok((selection(self.ids, self.filter)?, BulkChange::Assign(self.assignee_id), self.mode))
    }
}

/// Which days.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CalendarParams {
    /// Where it begins: an instant, or a local time (`2026-03-01T09:00`) or the start of a day
    /// (`2026-03-01`) in the caller's zone.
    #[param(value_type = String, format = DateTime, example = "2026-03-01T00:00:00Z")]
    from: Moment,
    /// Before which moment it ends, at most 400 days later.
    #[param(value_type = String, format = DateTime, example = "2026-03-08T00:00:00Z")]
    to: Moment,
    /// A `Filter` as JSON.
    filter: Option<String>,
    /// Tasks a page; 200 where absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl CalendarParams {
    fn into_request(self) -> Result<CalendarRequest> {
        let Self { from, to, filter, limit, cursor } = self;
        let filter = filter.as_deref().map(Filter::from_json).transpose()?;
        Ok(CalendarRequest { from, to, filter, limit, cursor })
    }
}

/// The caller's open tasks, page by page; what is due first comes first.
#[utoipa::path(tag = "tasks", operation_id = "my_tasks", params(ListParams), responses((status = 200, body = Page<Task>)))]
#[get("/my-tasks")]
async fn mine(Signed(session, Query(params)): Signed<Query<ListParams>>) -> Answer<Body<Page<View<Task>>>> {
    Ok(Body(session.tasks().mine(&params.into_request()?).await?))
}

/// Open tasks that are past due in the caller's zone, page by page; the oldest come first.
#[utoipa::path(tag = "tasks", operation_id = "overdue_tasks", params(ListParams), responses((status = 200, body = Page<Task>)))]
#[get("/overdue")]
async fn overdue(Signed(session, Query(params)): Signed<Query<ListParams>>) -> Answer<Body<Page<View<Task>>>> {
    Ok(Body(session.tasks().overdue(&params.into_request()?).await?))
}

/// Open tasks that are due within a time from now on in the caller's zone, page by page; the next
/// comes first.
#[utoipa::path(tag = "tasks", operation_id = "upcoming_tasks", params(UpcomingParams), responses((status = 200, body = Page<Task>)))]
#[get("/upcoming")]
async fn upcoming(Signed(session, Query(params)): Signed<Query<UpcomingParams>>) -> Answer<Body<Page<View<Task>>>> {
    let (within, request) = params.into_request()?;
    Ok(Body(session.tasks().upcoming(within, &request).await?))
}

/// The days between two moments in the caller's zone, with the tasks and meetings that are due on
/// each, done or not.
#[utoipa::path(tag = "tasks", operation_id = "task_calendar", params(CalendarParams), responses((status = 200, body = Calendar)))]
#[get("/calendar")]
async fn calendar(Signed(session, Query(params)): Signed<Query<CalendarParams>>) -> Answer<Body<Calendar>> {
    Ok(Body(session.tasks().calendar(&params.into_request()?).await?))
}

/// Tasks, page by page.
#[utoipa::path(tag = "tasks", operation_id = "list_tasks", params(ListParams), responses((status = 200, body = Page<Task>)))]
#[get("")]
async fn list(Signed(session, Query(params)): Signed<Query<ListParams>>) -> Answer<Body<Page<View<Task>>>> {
    Ok(Body(session.tasks().list(&params.into_request()?).await?))
}

/// Tasks that a filter describes, page by page.
#[utoipa::path(tag = "tasks", operation_id = "search_tasks", request_body = ListRequest, responses((status = 200, body = Page<Task>)))]
#[post("/search")]
async fn search(Signed(session, Json(request)): Signed<Json<ListRequest>>) -> Answer<Body<Page<View<Task>>>> {
    Ok(Body(session.tasks().list(&request).await?))
}

/// Make a task; without an assignee it is the caller's.
#[utoipa::path(tag = "tasks", operation_id = "create_task", request_body = TaskEdit, responses((status = 201, body = Task)))]
#[post("")]
async fn create(Once(session, edit): Once<TaskEdit>) -> Answer<Created<Task>> {
    Ok(Created(session.tasks().create(edit).await?))
}

/// One task.
#[utoipa::path(tag = "tasks", operation_id = "read_task", responses((status = 200, body = Task)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Task>>) -> Answer<Found<Task>> {
    Ok(Found(session.tasks().read(id).await?))
}

/// Replace a task: fields that the body leaves out are cleared, except assignee and status.
#[utoipa::path(tag = "tasks", operation_id = "replace_task", request_body = TaskEdit, responses((status = 200, body = Task)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<Task>, Expected, Json<TaskEdit>)>,
) -> Answer<Found<Task>> {
    Ok(Found(session.tasks().replace(id, edit, expect).await?))
}

/// Change some fields of a task: `{"status": "done"}` completes it, `open` opens it again.
#[utoipa::path(tag = "tasks", operation_id = "update_task", request_body = TaskEdit, responses((status = 200, body = Task)))]
#[patch("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<Task>, Expected, Json<TaskEdit>)>,
) -> Answer<Found<Task>> {
    Ok(Found(session.tasks().update(id, edit, expect).await?))
}

/// Delete a task; it is kept until it is purged.
#[utoipa::path(tag = "tasks", operation_id = "delete_task", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<Task>, Expected)>) -> Answer<Done> {
    session.tasks().delete(id, expect).await?;
    Ok(Done)
}

/// The history of a task, newest first.
#[utoipa::path(tag = "tasks", operation_id = "task_timeline", params(TimelineParams), responses((status = 200, body = Page<TimelineItem>)))]
#[get("/{id}/timeline")]
async fn timeline(
    Signed(session, (RecordId(id), Query(params))): Signed<(RecordId<Task>, Query<TimelineParams>)>,
) -> Answer<Body<Page<TimelineItem>>> {
    Ok(Body(session.tasks().timeline(id, params.cursor.as_deref(), params.limit).await?))
}

/// Make many tasks in one commit, at most 10,000.
#[utoipa::path(tag = "tasks", operation_id = "create_tasks", request_body = BulkCreate<TaskEdit>, responses((status = 200, body = BulkReport)))]
#[post("/bulk")]
async fn create_many(Once(session, bulk): Once<BulkCreate<TaskEdit>>) -> Answer<Body<BulkReport>> {
    let (items, mode) = bulk.into_items();
    Ok(Body(session.tasks().create_many(items, mode).await?))
}

/// Change many tasks in one commit, each in its own way or all alike, at most 10,000; a job changes more of a filter.
#[utoipa::path(tag = "tasks", operation_id = "update_tasks", request_body = BulkUpdate<Task, TaskEdit>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[put("/bulk")]
async fn update_many(Once(session, bulk): Once<BulkUpdate<Task, TaskEdit>>) -> Answer<Bulk> {
    Ok(Bulk(match bulk.into_update()? {
        Update::Each(items, mode) => BulkAnswer::Done(session.tasks().update_many(items, mode).await?),
        Update::Alike(selection, change, mode) => session.tasks().change_many(selection, change, mode).await?,
    }))
}

/// Delete many tasks in one commit, at most 10,000, or more of a filter by a job; they can be restored until they are
/// purged.
#[utoipa::path(tag = "tasks", operation_id = "delete_tasks", request_body = BulkDelete<Task>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[delete("/bulk")]
async fn delete_many(Once(session, bulk): Once<BulkDelete<Task>>) -> Answer<Bulk> {
    let (selection, mode) = bulk.into_selection()?;
    Ok(Bulk(session.tasks().change_many(selection, BulkChange::Delete, mode).await?))
}

/// Give many tasks to somebody, or to nobody.
#[utoipa::path(tag = "tasks", operation_id = "assign_tasks", request_body = AssignTasks, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/assign")]
async fn assign_many(Once(session, bulk): Once<AssignTasks>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.tasks().change_many(selection, change, mode).await?))
}

/// Add tags to many tasks and remove others.
#[utoipa::path(tag = "tasks", operation_id = "tag_tasks", request_body = BulkTag<Task>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/tag")]
async fn tag_many(Once(session, bulk): Once<BulkTag<Task>>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.tasks().change_many(selection, change, mode).await?))
}

/// Import tasks from a CSV file: a job, whose progress `/jobs/{id}` tells; with `dry_run` what it
/// would do.
#[utoipa::path(
    tag = "tasks",
    operation_id = "import_tasks",
    params(ImportParams),
    request_body(content((ImportForm = "multipart/form-data"), (String = "text/csv"))),
    responses((status = 200, body = Preview), (status = 202, body = Job))
)]
#[post("/import/csv")]
async fn import_csv(
    Signed(session, (request, Query(params), payload)): Signed<(HttpRequest, Query<ImportParams>, Payload)>,
) -> Answer<HttpResponse> {
    import(session, Entity::Task, &request, params, payload).await
}

/// Export tasks as a CSV file, all of the list, sent while it is written.
#[utoipa::path(
    tag = "tasks",
    operation_id = "export_tasks",
    params(ExportParams),
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/export/csv")]
async fn export_csv(Signed(session, Query(params)): Signed<Query<ExportParams>>) -> Answer<HttpResponse> {
    download("tasks", session.transfers().export(Entity::Task, params.into_request()?)).await
}

/// Export tasks as a CSV file that a job writes, all of the list: `/jobs/{id}` tells how far it is, and then
/// `/exports/{id}/file.csv` sends it.
#[utoipa::path(tag = "tasks", operation_id = "begin_export_of_tasks", request_body = ExportList, responses((status = 202, body = Job)))]
#[post("/export/csv")]
async fn begin_export(Once(session, wanted): Once<ExportList>) -> Answer<Accepted> {
    Ok(Accepted(session.transfers().begin_export(Entity::Task, wanted).await?))
}
