//! A job of one's own: enqueued with the change that wants it, done by workers beside everything else.

#![expect(clippy::print_stdout, reason = "a program at the command line prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crm_boot::{WorkerOptions, run_workers};
use crm_core::contact::ContactEdit;
use crm_core::job::{Handler, JobContext, JobError, Policy, Queue};
use crm_core::{Actor, Crm};
use crm_storage::{Options, SqliteStore};

/// Welcomes somebody.
struct Welcome;

impl Handler for Welcome {
    type Payload = String;
    const KIND: &'static str = "welcome";

    fn policy() -> Policy {
        Policy::on(Queue::EMAIL)
    }

    async fn run(&self, job: &JobContext, address: String) -> Result<(), JobError> {
        // Whoever sends the mail is told the key, and sends it once.
        println!("welcome, {address} (attempt {} of job {})", job.attempt(), job.idempotency_key());
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "jobs.sqlite".to_owned());
    let store = SqliteStore::open(&path, Options::default())?;
    store.migrate().await?;
    let crm = Crm::builder(Arc::new(store)).build();
    let workers = run_workers(&crm, WorkerOptions::none().handler(Welcome));
    let workspace = crm.create_workspace("Acme Sales").await?;
    let session = crm.acting(Actor::system(workspace.id, "my program")).await?;

    let email = crm_core::Edit::Set("ada@example.com".parse()?);
    let ada = ContactEdit { first_name: "Ada".into(), email, ..Default::default() };
    let welcome = Welcome::job(&"ada@example.com".to_owned())?;
    session.clone().enqueueing(welcome).contacts().create(ada).await?;

    while session.queues().read(&Queue::EMAIL).await?.counts.done == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    workers.stop().await;
    Ok(())
}
