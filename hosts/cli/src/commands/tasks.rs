//! `slackcrm tasks done`, `mine`, `overdue`, `upcoming` and `calendar`.

use crm_core::Session;
use crm_core::access::View;
use crm_core::task::{CalendarRequest, Task};
use crm_core::{Page, Result as Outcome};

use super::records;
use crate::args::Output;
use crate::args::tasks::{Calendar, TaskVerb};
use crate::failure::Failure;
use crate::print::{self, Sheet};

/// Runs a verb that tasks alone have.
pub(crate) async fn run(session: &Session, verb: &TaskVerb, output: Output) -> Result<(), Failure> {
    let tasks = session.tasks();
    match verb {
        TaskVerb::Done { one, expected } => print::record(output, &tasks.complete(one.id(), expected.expect()).await?),
        TaskVerb::Reopen { one, expected } => print::record(output, &tasks.reopen(one.id(), expected.expect()).await?),
        TaskVerb::Mine(list) => page(tasks.mine(&list.request()).await, output),
        TaskVerb::Overdue(list) => page(tasks.overdue(&list.request()).await, output),
        TaskVerb::Upcoming(upcoming) => page(tasks.upcoming(upcoming.within, &upcoming.list.request()).await, output),
        TaskVerb::Calendar(calendar) => self::calendar(session, calendar, output).await,
    }
}

/// Prints a page of tasks.
pub(crate) fn page(page: Outcome<Page<View<Task>>>, output: Output) -> Result<(), Failure> {
    let headers = ["Id", "Due", "Title", "Kind", "Priority", "Status"];
    records::print(&headers, &page?, output, |task| {
        vec![
            task.id.to_string(),
            due(task),
            task.title.clone(),
            task.kind.name().to_owned(),
            task.priority.name().to_owned(),
            task.status.name().to_owned(),
        ]
    })
}

/// When a task is due, the day alone where it is due on a day.
fn due(task: &Task) -> String {
    let day = task.due_date.map(|day| day.to_string());
    day.or(task.due_at.map(|at| at.to_string())).unwrap_or_default()
}

async fn calendar(session: &Session, asked: &Calendar, output: Output) -> Result<(), Failure> {
    let request = CalendarRequest {
        from: asked.from,
        to: asked.to,
        filter: asked.filter.clone(),
        limit: Some(asked.limit),
        cursor: asked.cursor.clone(),
    };
    let calendar = session.tasks().calendar(&request).await?;
    let mut sheet = Sheet::new(&["Day", "Due", "Title", "Kind", "Status", "Minutes#"]);
    for (day, task) in calendar.days.iter().flat_map(|day| day.tasks.iter().map(move |task| (day, task))) {
        sheet.row(vec![
            day.date.to_string(),
            due(task),
            task.title.clone(),
            task.kind.name().to_owned(),
            task.status.name().to_owned(),
            task.duration_minutes.map(|minutes| minutes.to_string()).unwrap_or_default(),
        ]);
    }
    sheet.print(output, &calendar)?;
    if let (Output::Table, Some(cursor)) = (output, &calendar.next_cursor) {
        println!("\nmore: --cursor {cursor}");
    }
    Ok(())
}
