//! What a host may choose.

use std::time::Duration;

/// How a store is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Connections for lists and searches on SQLite, at least 1; as many again read by key.
    pub readers: usize,
    /// Connections to a PostgreSQL server altogether, at least 1. Lists and searches take three in
    /// four of them at most, so that they never keep sign-ins and writes waiting.
    pub connections: usize,
    /// How long a list, a search or a count may take before it fails as `Unavailable`.
    pub deadline: Duration,
    /// How long a call waits for a connection, and a writer for another process, before it fails as
    /// `Unavailable`.
    pub patience: Duration,
    /// How long a write to a PostgreSQL server may take altogether before it fails as `Unavailable`, and nobody knows
    /// whether it is written: longer than any takes, and not for ever where the network has gone.
    pub write_deadline: Duration,
    /// What a power cut may take, on SQLite.
    pub durability: Durability,
    /// Who tells other processes of commits, on PostgreSQL.
    pub notices: Notices,
}

/// What a power cut may take. A killed process loses nothing under either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The last commits before a power cut may be missing; the file stays sound.
    #[default]
    Normal,
    /// Every commit waits for the disk.
    Full,
}

/// Who tells other processes of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notices {
    /// The store, where it can.
    #[default]
    Store,
    /// The host, by means of its own.
    Host,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            readers: cores.clamp(2, 16),
            connections: 16,
            deadline: Duration::from_secs(5),
            patience: Duration::from_secs(5),
            write_deadline: Duration::from_secs(60),
            durability: Durability::Normal,
            notices: Notices::Store,
        }
    }
}

impl Options {
    /// Uses so many connections for lists on SQLite.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Uses so many connections to a PostgreSQL server.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Gives lists, searches and counts so long.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Waits so long for a connection or another process.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Gives a write to a PostgreSQL server so long altogether.
    #[must_use]
    pub fn write_deadline(mut self, deadline: Duration) -> Self {
        self.write_deadline = deadline;
        self
    }

    /// Chooses who tells other processes of commits.
    #[must_use]
    pub fn notices(mut self, notices: Notices) -> Self {
        self.notices = notices;
        self
    }

    /// Chooses what a power cut may take.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }
}
