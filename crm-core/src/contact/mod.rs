//! Contacts: the people a team sells to.
//!
//! A contact's e-mail is not unique: families and info@ addresses share one. Duplicates are found,
//! never forbidden.

mod fields;
mod model;
mod port;
mod service;

pub use fields::catalogue;
pub use model::{Contact, ContactEdit, Lifecycle};
pub use port::ContactStore;
pub use service::Contacts;
