//! What a store tells of itself, for whoever watches over it.

/// One figure of a store at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// As monitoring knows it: small letters and underscores.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The figure.
    pub value: u64,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use waiting::backlog;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod waiting {
    use std::future::Future;
    use std::time::Duration;

    use crm_core::Result;
    use crm_storage::Backlog;

    use super::Figure;

    /// How long a store may take to count: whoever asks for figures asks again soon.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// What waits; nothing where the store does not answer.
    pub(crate) async fn backlog(counted: impl Future<Output = Result<Backlog>>) -> Vec<Figure> {
        let Ok(Ok(backlog)) = tokio::time::timeout(PATIENCE, counted).await else { return Vec::new() };
        let figure = |name, help, value| Figure { name, help, value };
        vec![
            figure(
                "slackcrm_journal_unsealed_entries",
                "Entries of the journal that wait for their seal, counted up to 10,000",
                backlog.unsealed_entries,
            ),
            figure(
                "slackcrm_jobs_queued",
                "Jobs that wait to be taken, those for later included, counted up to 10,000",
                backlog.queued_jobs,
            ),
            figure("slackcrm_jobs_running", "Jobs that a worker holds, counted up to 10,000", backlog.running_jobs),
        ]
    }
}
