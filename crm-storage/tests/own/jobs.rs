//! Jobs whose rows another version wrote.

use crm_core::job::{Job, JobState, Never};
use crm_core::transfer::ImportOptions;
use crm_core::{Entity, Session};

use super::{Behind, engine, session};

/// Begins the import of one contact.
async fn begun(session: &Session, name: &str) -> Job {
    let mut spool = session.transfers().receive().unwrap();
    spool.write(format!("Last Name\n{name}\n").as_bytes()).await.unwrap();
    let upload = spool.finish().await.unwrap();
    session.transfers().begin(Entity::Contact, &upload, ImportOptions::default()).await.unwrap().into_inner()
}

pub(crate) async fn a_job_that_cannot_be_read_fails_and_the_others_are_done<D: Behind>(
    open: impl AsyncFn() -> Option<D>,
) {
    for unread in ["'[7]'", r#"REPLACE(data, '"kind":"import"', '"kind":"later"')"#] {
        let Some(database) = open().await else { return };
        one_that_cannot_be_read_fails(database, unread).await;
    }
}

async fn one_that_cannot_be_read_fails<D: Behind>(database: D, unread: &str) {
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    let (first, second) = (begun(&session, "Hopper").await, begun(&session, "Curie").await);
    let first_of_all = "WHERE id = (SELECT id FROM jobs ORDER BY id LIMIT 1)";
    database.execute(&format!("UPDATE jobs SET data = {unread} {first_of_all}")).await;
    assert!(crm.work(&Never).await.unwrap() && crm.work(&Never).await.unwrap());
    assert!(!crm.work(&Never).await.unwrap());
    let failed = session.jobs().read(first.id).await.unwrap().into_inner();
    assert_eq!((failed.state, failed.error.unwrap().code.as_str()), (JobState::Failed, "unreadable"));
    assert_eq!(failed.created_at.micros() / 1_000, first.created_at.micros() / 1_000);
    let list = session.jobs().list(&Default::default()).await.unwrap();
    let states: Vec<_> = list.data.iter().map(|job| (job.id, job.state)).collect();
    assert_eq!(states, [(second.id, JobState::Done), (first.id, JobState::Failed)]);
}
