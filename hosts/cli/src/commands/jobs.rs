//! `slackcrm jobs` and `slackcrm imports`.

use std::time::Duration;

use crm_core::job::{Job, JobState, JobsRequest, Never};
use crm_core::{Crm, Session};

use super::file;
use crate::args::{Imports, Jobs, Output};
use crate::failure::Failure;
use crate::print::{Sheet, print_json};

/// How long to wait for a job that another process does.
const WAIT: Duration = Duration::from_millis(200);

/// Lists, shows, stops, takes up and does jobs.
pub(crate) async fn run(crm: &Crm, session: &Session, verb: &Jobs, output: Output) -> Result<(), Failure> {
    let jobs = session.jobs();
    match verb {
        Jobs::List { limit } => {
            let page = jobs.list(&JobsRequest { limit: Some(*limit), ..JobsRequest::default() }).await?;
            let mut sheet = sheet();
            for job in &page.data {
                sheet.row(row(job));
            }
            sheet.print(output, &page)
        }
        Jobs::Show { id } => print_json(&jobs.read((*id).into()).await?),
        Jobs::Cancel { id } => {
            let job = jobs.cancel((*id).into()).await?;
            show(&job, output)
        }
        Jobs::Retry { id } => {
            let job = jobs.retry((*id).into()).await?;
            show(&job, output)
        }
        Jobs::Work => {
            let mut done = 0;
            while crm.work(&Never).await? {
                done += 1;
            }
            println!("{done} done");
            Ok(())
        }
    }
}

/// Shows and undoes imports.
pub(crate) async fn imports(crm: &Crm, session: &Session, verb: &Imports) -> Result<(), Failure> {
    let transfers = session.transfers();
    match verb {
        Imports::Show { id } => print_json(&transfers.read((*id).into()).await?),
        Imports::Failed { id } => file::write_all(transfers.failed_rows((*id).into()), std::io::stdout().lock()).await,
        Imports::Revert { id } => {
            let mut job = transfers.revert((*id).into()).await?;
            let workspace = session.actor().workspace_id();
            // A server may take it first.
            while job.finished_at.is_none() {
                if !crm.work_on(workspace, job.id, &Never).await? {
                    tokio::time::sleep(WAIT).await;
                }
                job = session.jobs().read(job.id).await?;
            }
            print_json(&job)?;
            match (job.state, &job.error) {
                (JobState::Done, _) => Ok(()),
                (_, Some(error)) => Err(Failure::new(error.detail.clone())),
                (state, None) => Err(Failure::new(format!("the job was {}", state.name()))),
            }
        }
    }
}

fn sheet() -> Sheet {
    Sheet::new(&["Id", "State", "Done#", "Total#", "Attempts#", "Enqueued", "Fault"])
}

fn row(job: &Job) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.state.name().to_owned(),
        job.progress.done.to_string(),
        job.progress.total.map(|total| total.to_string()).unwrap_or_default(),
        job.attempts.to_string(),
        job.created_at.to_string(),
        job.error.as_ref().map(|error| error.detail.clone()).unwrap_or_default(),
    ]
}

fn show(job: &Job, output: Output) -> Result<(), Failure> {
    let mut sheet = sheet();
    sheet.row(row(job));
    sheet.print(output, job)
}
