//! Workspaces: the walls. Nothing crosses from one to another.

mod model;
mod port;
mod service;

pub use model::{Workspace, WorkspaceEdit};
pub(crate) use model::{epoch as model_epoch, set_required};
pub use port::WorkspaceStore;
pub use service::Workspaces;
