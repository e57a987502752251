//! What a store has still to do.

/// What a store has still to do, each counted up to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Entries of the journal that wait for their seal.
    pub unsealed_entries: u64,
    /// Jobs that wait to be taken, those for later included.
    pub queued_jobs: u64,
    /// Jobs that a worker holds.
    pub running_jobs: u64,
}
