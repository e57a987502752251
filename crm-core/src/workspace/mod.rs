//! Workspaces: the walls. Nothing crosses from one to another.

mod model;
mod port;
mod service;

pub use model::{Workspace, WorkspaceEdit};
pub use port::WorkspaceStore;
pub use service::Workspaces;
