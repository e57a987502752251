//! Jobs that go wrong among others that do not.

use std::time::Duration;

use crm_boot::{WorkerOptions, run_workers};
use crm_core::job::{Handler, JobContext, JobError, JobState, Policy, Queue, Retry};
use crm_storage::testkit::Schema;

use super::{engine, note, session};

/// Does what its payload says.
struct Told;

/// Never returns. Others have more time: on a machine that stands still they would take too long too.
struct Hanging;

/// The same kind of before an update, whose payload nobody reads any more.
struct Former;

fn policy() -> Policy {
    Policy::on(Queue::new("told")).retry(Retry::NEVER)
}

impl Handler for Told {
    type Payload = String;
    const KIND: &'static str = "told";

    fn policy() -> Policy {
        policy()
    }

    async fn run(&self, _: &JobContext, told: String) -> Result<(), JobError> {
        match told.as_str() {
            "panic" => panic!("as it was told"),
            _ => Ok(()),
        }
    }
}

impl Handler for Former {
    type Payload = u32;
    const KIND: &'static str = "told";

    fn policy() -> Policy {
        policy()
    }

    async fn run(&self, _: &JobContext, _: u32) -> Result<(), JobError> {
        Ok(())
    }
}

impl Handler for Hanging {
    type Payload = ();
    const KIND: &'static str = "hanging";

    fn policy() -> Policy {
        policy().timeout_seconds(1)
    }

    async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
        std::future::pending().await
    }
}

async fn each_ends_with_its_reason(store: &str, url: &str) {
    let booted = engine(url).await;
    booted.crm().create_workspace("Faults").await.unwrap();
    let session = session(&booted).await;
    let told = |what: &str| Told::job(&what.to_owned()).unwrap();
    let jobs = [told("panic"), Former::job(&7).unwrap(), Hanging::job(&()).unwrap()];
    let neighbours = (0..20).map(|_| told("end"));
    let all = session.jobs().enqueue_all(jobs.into_iter().chain(neighbours)).await.unwrap();
    let workers = run_workers(booted.crm(), WorkerOptions::none().handler(Told).handler(Hanging));
    let ended = async |at: usize| loop {
        let job = session.jobs().read(all[at].id).await.unwrap();
        if job.finished_at.is_some() {
            return job.into_inner();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let faults = [
        ("a job that panics", "panicked"),
        ("a payload that nobody reads", "payload"),
        ("a job that never returns", "timed_out"),
    ];
    for at in faults.len()..all.len() {
        assert_eq!(ended(at).await.state, JobState::Done);
    }
    for (at, (fault, code)) in faults.into_iter().enumerate() {
        let job = ended(at).await;
        assert_eq!((job.state, job.error.as_ref().unwrap().code.as_str()), (JobState::Failed, code));
        assert_eq!(job.errors[0].code, code);
        let outcome = format!("failed with `{code}`: {}", job.errors[0].detail);
        note(store, fault, "once", "it fails with its reason, and 20 others are done", &outcome);
    }
    workers.stop().await;
    booted.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_wrong_ends_with_its_reason_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    each_ends_with_its_reason("SQLite", &format!("sqlite://{}", folder.path().join("wrong.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_wrong_ends_with_its_reason_on_postgres() {
    let Some(schema) = Schema::new().await else { return };
    each_ends_with_its_reason("PostgreSQL", &schema.url()).await;
}
