//! Companies: the organisations a team sells to.

mod fields;
mod model;
mod port;
mod service;

pub use fields::catalogue;
pub use model::{Company, CompanyEdit};
pub use port::CompanyStore;
pub use service::Companies;
