//! Users: members of a workspace. An account is who signs in; a user is what that account, or a
//! person known only by name, is in one workspace.

mod event;
mod fields;
mod model;
mod port;
mod service;

pub use event::UserEvent;
pub use model::{Membership, NewUser, User, UserStatus};
pub use port::UserStore;
pub use service::Users;
