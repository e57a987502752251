//! Workspaces: the walls. Nothing crosses from one to another.

mod model;
mod permissions;
mod port;
mod service;

pub use model::{Workspace, WorkspaceEdit};
pub use permissions::{Permissions, PermissionsChange};
pub use port::WorkspaceStore;
pub use service::Workspaces;
