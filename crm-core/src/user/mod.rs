//! Users: members of a workspace. An account is who signs in; a user is what that account, or a
//! person known only by name, is in one workspace.
//!
//! Everybody changes their own profile; the rest needs the permission to change members. Admins are
//! made, changed and removed by admins alone, the last active one stays, and nobody suspends or
//! deletes themselves: there is no way back that they could go. Whoever is suspended or deleted is
//! signed out in the same commit. A deleted member still has a name, for the records that are theirs.

mod event;
mod fields;
mod locale;
mod model;
mod port;
mod service;

pub use event::UserEvent;
pub use locale::Locale;
pub use model::{Membership, NewUser, User, UserEdit, UserStatus};
pub use port::UserStore;
pub use service::Users;
