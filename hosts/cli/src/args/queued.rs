//! Jobs and the queues that they wait in.

use clap::Subcommand;
use crm_core::job::{JobState, Queue};

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// The latest jobs
    List {
        /// Those of a queue
        #[arg(long)]
        queue: Option<Queue>,
        /// Those that are queued, running, done, failed or cancelled
        #[arg(long, value_parser = state)]
        state: Option<JobState>,
        /// Those of a kind
        #[arg(long)]
        kind: Option<String>,
        /// Jobs, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Where the page before said the next one starts
        #[arg(long, allow_hyphen_values = true)]
        cursor: Option<String>,
    },
    /// One job
    Show {
        /// Its id
        id: uuid::Uuid,
    },
    /// Stop a job; what it did stays done
    Cancel {
        /// Its id
        id: uuid::Uuid,
    },
    /// Take up jobs again that failed or were cancelled
    Retry {
        /// Their ids
        #[arg(required_unless_present = "failed")]
        ids: Vec<uuid::Uuid>,
        /// All that failed instead
        #[arg(long, conflicts_with = "ids")]
        failed: bool,
        /// Those of a queue
        #[arg(long, requires = "failed")]
        queue: Option<Queue>,
        /// Those of a kind
        #[arg(long, requires = "failed")]
        kind: Option<String>,
    },
    /// Undo bulk work or an import, field by field, where nobody has changed it since
    Revert {
        /// The batch that its report names
        batch: uuid::Uuid,
    },
    /// Do the jobs that are due, until none is left
    Work,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Queues {
    /// How each stands
    List,
    /// Let no process take jobs from a queue
    Pause {
        /// Its name
        name: Queue,
    },
    /// Let a paused queue go on
    Resume {
        /// Its name
        name: Queue,
    },
}

/// The state of a name.
fn state(name: &str) -> Result<JobState, String> {
    let known = JobState::ALL.into_iter().find(|state| state.name() == name);
    known.ok_or_else(|| JobState::ALL.map(JobState::name).join(", "))
}
