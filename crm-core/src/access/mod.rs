//! Who may do what.
//!
//! An [`Actor`] asks the [`crate::Session`] for a permission and gets a [`Grant`]: the only key to
//! the stores. The grant knows the workspace, which records the caller sees (a filter that every
//! adapter joins to every read), which the action reaches, and which fields are hidden. What leaves
//! a service is a [`View`], cut to those fields.

mod actor;
mod cache;
mod entity;
mod grant;
mod mask;
mod matrix;
pub(crate) mod record;
mod role;
mod view;

pub use actor::{Actor, ActorRef};
pub(crate) use cache::AccessCache;
pub use entity::Entity;
pub use grant::{Access, Grant, catalogue};
pub(crate) use grant::{check_rule, owner_field};
pub use mask::FieldMask;
pub use matrix::{Action, Matrix, Rule, Scope};
pub use record::{Listed, SearchPart};
pub use role::Role;
pub use view::View;
