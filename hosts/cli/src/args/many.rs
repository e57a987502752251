//! What can be typed about many records at once, and about jobs.

use std::path::PathBuf;

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

#[derive(Debug, ClapArgs)]
pub(crate) struct BulkCreate {
    /// The records, a JSON list as in `[{"last_name": "Hopper"}]`; `-` reads standard input
    #[arg(long, value_name = "JSON")]
    pub(crate) json: String,
    /// Make those that can be made, rather than none where one is at fault
    #[arg(long)]
    pub(crate) partial: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BulkUpdate {
    /// The changes, a JSON list as in `[{"id": "ID", "version": 3, "title": "Countess"}]`: each with the id of its
    /// record, the version that it is based on where another one shall be refused, and the fields to change;
    /// `-` reads standard input
    #[arg(long, value_name = "JSON")]
    pub(crate) json: String,
    /// Change those that can be changed, rather than none where one is at fault
    #[arg(long)]
    pub(crate) partial: bool,
}

/// Which records.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(crate) struct Chosen {
    /// Those that match, as in `lifecycle = lead and created_at < ago P365D`; more than 10,000 are
    /// changed by a job as far as it goes, at most 1,000,000
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
pub(crate) enum Imports {
    /// The latest imports
    List {
        /// Imports, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Where the page before said the next one starts
        #[arg(long, allow_hyphen_values = true)]
        cursor: Option<String>,
    },
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

#[derive(Debug, Subcommand)]
pub(crate) enum Exports {
    /// The latest exports
    List {
        /// Exports, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Where the page before said the next one starts
        #[arg(long, allow_hyphen_values = true)]
        cursor: Option<String>,
    },
    /// Forget the file of an export that has ended, which gives its room back
    Delete {
        /// Its id
        id: uuid::Uuid,
    },
    /// The file of an export that is done, for whoever asked for it
    Fetch {
        /// Its id
        id: uuid::Uuid,
        /// The file to write; standard output where absent
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

/// What is watched.
#[derive(Debug, ClapArgs)]
pub(crate) struct Watching {
    /// Kinds of record, as in `deals contacts`; all where none is named
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Go on after this event, by its `seq`, instead of from now on
    #[arg(long, value_name = "SEQ")]
    pub(crate) after: Option<i64>,
    /// End after so many events
    #[arg(long, value_name = "COUNT", default_value_t = u64::MAX, hide_default_value = true)]
    pub(crate) count: u64,
}
