//! What can be typed about many records at once, and about jobs.

use clap::{Args as ClapArgs, Subcommand};
use crm_core::filter::Filter;

#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct Bulk {
    #[command(flatten)]
    pub(crate) records: Chosen,
    #[command(flatten)]
    pub(crate) change: Changed,
    /// Do what can be done, rather than nothing where one record is at fault
    #[arg(long)]
    pub(crate) partial: bool,
}

/// Which records.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(crate) struct Chosen {
    /// Those that match, as in `lifecycle = lead and created_at < ago P365D`; at most 10,000
    #[arg(long)]
    pub(crate) filter: Option<Filter>,
    /// These, by their ids
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<uuid::Uuid>,
}

/// What is done to each.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
pub(crate) struct Changed {
    /// Change these fields, as JSON: `{"lifecycle": "customer"}`
    #[arg(long, value_name = "JSON", conflicts_with_all = ["owner", "nobody", "tag", "untag", "delete"])]
    pub(crate) set: Option<String>,
    /// Give them to the member with this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["nobody", "tag", "untag", "delete"])]
    pub(crate) owner: Option<uuid::Uuid>,
    /// Take them from whoever owns them
    #[arg(long, conflicts_with_all = ["tag", "untag", "delete"])]
    pub(crate) nobody: bool,
    /// Add this tag
    #[arg(long, value_name = "TAG", conflicts_with = "delete")]
    pub(crate) tag: Vec<String>,
    /// Remove this tag
    #[arg(long, value_name = "TAG", conflicts_with = "delete")]
    pub(crate) untag: Vec<String>,
    /// Delete them; they can be restored until they are purged
    #[arg(long)]
    pub(crate) delete: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// The latest jobs
    List {
        /// Jobs, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
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
    /// Take up a job again that failed or was cancelled
    Retry {
        /// Its id
        id: uuid::Uuid,
    },
    /// Do the jobs that are due, until none is left
    Work,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Imports {
    /// One import
    Show {
        /// Its id
        id: uuid::Uuid,
    },
    /// The rows that it refused, as CSV
    Failed {
        /// Its id
        id: uuid::Uuid,
    },
    /// Undo what it wrote, field by field, where nobody has changed it since
    Revert {
        /// Its id
        id: uuid::Uuid,
    },
}
