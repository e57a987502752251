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
pub(crate) use waiting::unsealed;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod waiting {
    use std::future::Future;
    use std::time::Duration;

    use crm_core::Result;

    use super::Figure;

    /// How long a store may take to count: whoever asks for figures asks again soon.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// The entries of the journal that wait for their seal; nothing where the store does not answer.
    pub(crate) async fn unsealed(counted: impl Future<Output = Result<u64>>) -> Option<Figure> {
        let value = tokio::time::timeout(PATIENCE, counted).await.ok()?.ok()?;
        let help = "Entries of the journal that wait for their seal, counted up to 10,000";
        Some(Figure { name: "slackcrm_journal_unsealed_entries", help, value })
    }
}
