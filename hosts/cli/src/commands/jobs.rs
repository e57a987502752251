//! `slackcrm jobs`, `slackcrm queues`, `slackcrm imports` and `slackcrm exports`.

use std::sync::Arc;
use std::time::Duration;

use crm_boot::Passing;
use crm_core::access::View;
use crm_core::job::{Job, JobState, JobsRequest, Never, QueueState, RetriedJobs, RetryJobs, Stop, Workers};
use crm_core::transfer::{Import, ImportState, ImportsRequest};
use crm_core::{Crm, Session};

use super::{file, records};
use crate::args::{Exports, Imports, Jobs, Output, Queues};
use crate::failure::Failure;
use crate::print::{Sheet, print_json};

/// How long to wait for a job that another process does.
const WAIT: Duration = Duration::from_millis(200);

/// Lists, shows, stops, takes up and does jobs.
pub(crate) async fn run(crm: &Crm, session: &Session, verb: &Jobs, output: Output) -> Result<(), Failure> {
    let jobs = session.jobs();
    match verb {
        Jobs::List { queue, state, kind, limit, cursor } => {
            let (queue, kind, cursor) = (queue.clone(), kind.clone(), cursor.clone());
            list(session, JobsRequest { queue, state: *state, kind, limit: Some(*limit), cursor }, output).await
        }
        Jobs::Show { id } => print_json(&jobs.read((*id).into()).await?),
        Jobs::Revert { batch } => finish(crm, session, jobs.revert((*batch).into()).await?).await,
        Jobs::Cancel { id } => {
            let job = jobs.cancel((*id).into()).await?;
            show(&job, output)
        }
        Jobs::Retry { failed: true, queue, kind, .. } => {
            let wanted = RetryJobs { queue: queue.clone(), kind: kind.clone() };
            let mut all = jobs.retry_failed(&wanted).await?;
            while all.has_more {
                let more = jobs.retry_failed(&wanted).await?;
                all = RetriedJobs { retried: all.retried + more.retried, has_more: more.has_more && more.retried > 0 };
            }
            print_json(&all)
        }
        Jobs::Retry { ids, .. } => {
            let mut sheet = sheet();
            let mut taken_up = Vec::new();
            for id in ids {
                let job = jobs.retry((*id).into()).await?;
                sheet.row(row(&job));
                taken_up.push(job);
            }
            match taken_up.as_slice() {
                [one] => sheet.print(output, one),
                all => sheet.print(output, &all),
            }
        }
        Jobs::Work => {
            let (mut done, stop): (u64, Arc<dyn Stop>) = (0, Arc::new(Never));
            while crm.workers().work(&stop, &Passing).await? {
                done += 1;
            }
            println!("{done} done");
            Ok(())
        }
    }
}

async fn list(session: &Session, wanted: JobsRequest, output: Output) -> Result<(), Failure> {
    let page = session.jobs().list(&wanted).await?;
    records::print(HEADERS, &page, output, |job| row(job))
}

/// Shows, pauses and resumes queues.
pub(crate) async fn queues(session: &Session, verb: &Queues, output: Output) -> Result<(), Failure> {
    let queues = session.queues();
    match verb {
        Queues::List => {
            let all = queues.list().await?;
            queue_sheet(&all).print(output, &all)
        }
        Queues::Pause { name } => {
            let one = queues.pause(name).await?;
            queue_sheet(std::slice::from_ref(&one)).print(output, &one)
        }
        Queues::Resume { name } => {
            let one = queues.resume(name).await?;
            queue_sheet(std::slice::from_ref(&one)).print(output, &one)
        }
    }
}

fn queue_sheet(queues: &[QueueState]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "Queue",
        "Paused since",
        "Queued#",
        "Scheduled#",
        "Running#",
        "Failed#",
        "Done#",
        "Cancelled#",
        "Wait p95 ms#",
        "Run p95 ms#",
    ]);
    for QueueState { name, paused_at, counts, latency, .. } in queues {
        let numbers = [counts.queued, counts.scheduled, counts.running, counts.failed, counts.done, counts.cancelled];
        let times = [latency.wait_ms_p95, latency.run_ms_p95];
        let mut cells = vec![name.to_string(), paused_at.map(|at| at.to_string()).unwrap_or_default()];
        cells.extend(numbers.into_iter().chain(times).map(|number| number.to_string()));
        sheet.row(cells);
    }
    sheet
}

/// Lists, shows and undoes imports.
pub(crate) async fn imports(crm: &Crm, session: &Session, verb: &Imports, output: Output) -> Result<(), Failure> {
    let transfers = session.transfers();
    match verb {
        Imports::List { limit, cursor } => {
            let page = transfers.list(&ImportsRequest { limit: Some(*limit), cursor: cursor.clone() }).await?;
            let headers = &["Id", "Of", "State", "Rows#", "Created#", "Updated#", "Unchanged#", "Failed#", "Begun"];
            records::print(headers, &page, output, |import| import_row(import))
        }
        Imports::Show { id } => print_json(&transfers.read((*id).into()).await?),
        Imports::Failed { id } => file::write_all(transfers.failed_rows((*id).into()), std::io::stdout().lock()).await,
        Imports::Revert { id } => finish(crm, session, transfers.revert((*id).into()).await?).await,
    }
}

/// Lists exports, fetches and forgets their files.
pub(crate) async fn exports(session: &Session, verb: &Exports, output: Output) -> Result<(), Failure> {
    match verb {
        Exports::List { limit, cursor } => {
            let (kind, cursor) = (Some("export".to_owned()), cursor.clone());
            list(session, JobsRequest { kind, limit: Some(*limit), cursor, ..JobsRequest::default() }, output).await
        }
        Exports::Delete { id } => Ok(session.transfers().forget_exported((*id).into()).await?),
        Exports::Fetch { id, to } => {
            let pieces = session.transfers().exported((*id).into());
            match to {
                None => file::write_all(pieces, std::io::stdout().lock()).await,
                Some(path) => file::write(path, pieces).await,
            }
        }
    }
}

/// Does a job that was just queued, and prints it.
async fn finish(crm: &Crm, session: &Session, job: View<Job>) -> Result<(), Failure> {
    print_json(&done(crm, session, job).await?)
}

/// Does a job that was just queued.
pub(super) async fn done(crm: &Crm, session: &Session, mut job: View<Job>) -> Result<View<Job>, Failure> {
    let workspace = session.actor().workspace_id();
    let (workers, stop): (Workers, Arc<dyn Stop>) = (crm.workers(), Arc::new(Never));
    let mut is_told = false;
    // A server may take it first.
    while job.finished_at.is_none() {
        if !workers.work_on(workspace, job.id, &stop, &Passing).await? {
            tokio::time::sleep(WAIT).await;
        }
        job = session.jobs().read(job.id).await?;
        if job.state == JobState::Queued && !is_told {
            eprintln!("job {} waits: its time has not come, or its queue, {}, is paused", job.id, job.queue);
            is_told = true;
        }
    }
    match (job.state, &job.error) {
        (JobState::Done, _) => Ok(job),
        (_, Some(error)) => Err(Failure::new(error.detail.clone())),
        (state, None) => Err(Failure::new(format!("the job was {}", state.name()))),
    }
}

fn import_row(import: &Import) -> Vec<String> {
    let state = match import.state {
        ImportState::Running => "running",
        ImportState::Done => "done",
        ImportState::Stopped => "stopped",
    };
    let counts = import.counts;
    let numbers = [import.rows, counts.created, counts.updated, counts.unchanged, counts.failed];
    let mut cells = vec![import.id.to_string(), import.entity.to_string(), state.to_owned()];
    cells.extend(numbers.map(|number| number.to_string()));
    cells.push(import.created_at.to_string());
    cells
}

/// What is shown of jobs.
const HEADERS: &[&str] = &["Id", "Queue", "Kind", "State", "Done#", "Total#", "Attempts#", "Enqueued", "Fault"];

fn sheet() -> Sheet {
    Sheet::new(HEADERS)
}

fn row(job: &Job) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.queue.to_string(),
        job.task.name().to_owned(),
        job.state.name().to_owned(),
        job.progress.done.to_string(),
        job.progress.total.map(|total| total.to_string()).unwrap_or_default(),
        job.attempts.to_string(),
        job.created_at.to_string(),
        job.error.as_ref().map(|error| error.detail.clone()).unwrap_or_default(),
    ]
}

/// Prints a job.
pub(super) fn show(job: &Job, output: Output) -> Result<(), Failure> {
    let mut sheet = sheet();
    sheet.row(row(job));
    sheet.print(output, job)
}
