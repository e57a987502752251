//! What is to be done.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::queue::Queue;
use super::upload::Upload;
use crate::access::Entity;
use crate::id::Id;
use crate::journal::Batch;
use crate::transfer::{ExportFile, ExportList, Import};

/// A file that is read in, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportFile {
    /// The import, which knows how far it got.
    pub import_id: Id<Import>,
    /// The file.
    #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
    pub upload_id: Id<Upload>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = JobTask))]
#[non_exhaustive]
pub enum Task {
    /// Read a file in.
    Import {
        /// The import, which knows how far it got.
        import_id: Id<Import>,
        /// The file.
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        upload_id: Id<Upload>,
        /// The companies that are read in before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        companies: Option<ImportFile>,
    },
    /// Undo an import or another undertaking, field by field.
    Revert {
        /// What the journal entries to undo have in common.
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        batch_id: Id<Batch>,
        /// The last record that was undone, in the order of their ids.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reached: Option<Uuid>,
    },
    /// One change of many records in one commit, done within its request.
    Bulk {
        /// What the records are.
        entity: Entity,
        /// What the journal entries have in common.
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        batch_id: Id<Batch>,
    },
    /// One change of more records than one commit takes.
    Change {
        /// What the records are.
        entity: Entity,
        /// The file that says which they are and what becomes of them.
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        upload_id: Id<Upload>,
        /// The length of that file.
        bytes: u64,
        /// How many records they are.
        records: u64,
        /// How many of them are done.
        reached: u64,
    },
    /// Write a list into a file.
    Export {
        /// What its rows are.
        entity: Entity,
        /// The list; absent for everybody but whoever asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list: Option<ExportList>,
        /// The file, as far as it is written.
        file: ExportFile,
    },
    /// What a handler does.
    Run {
        /// The handler's kind.
        handler: String,
        /// What it needs to know; null for whoever does not see it.
        #[cfg_attr(feature = "schema", schema(value_type = Value))]
        payload: Value,
        /// Whether nobody sees the payload from outside.
        #[serde(default, rename = "concealed", skip_serializing_if = "std::ops::Not::not")]
        is_concealed: bool,
    },
    /// What this version does not know, as of a later one.
    #[serde(other)]
    Unknown,
}

impl Task {
    /// Where it waits by itself.
    pub(crate) fn queue(&self) -> Queue {
        match self {
            Task::Import { .. } | Task::Revert { .. } => Queue::IMPORT,
            Task::Export { .. } => Queue::EXPORT,
            Task::Bulk { .. } | Task::Change { .. } | Task::Run { .. } | Task::Unknown => Queue::BULK,
        }
    }

    /// Whether it needs a file of the store, or writes it.
    pub(crate) fn names(&self, upload: Id<Upload>) -> bool {
        match self {
            Task::Import { upload_id, companies, .. } => {
                *upload_id == upload || companies.is_some_and(|first| first.upload_id == upload)
            }
            Task::Change { upload_id, .. } => *upload_id == upload,
            Task::Export { file, .. } => file.upload_id == upload,
            Task::Revert { .. } | Task::Bulk { .. } | Task::Run { .. } | Task::Unknown => false,
        }
    }

    /// What it is called: the handler's kind, or that of the product's own.
    pub fn name(&self) -> &str {
        match self {
            Task::Import { .. } => "import",
            Task::Revert { .. } => "revert",
            Task::Bulk { .. } => "bulk",
            Task::Change { .. } => "change",
            Task::Export { .. } => "export",
            Task::Run { handler, .. } => handler,
            Task::Unknown => "unknown",
        }
    }
}
