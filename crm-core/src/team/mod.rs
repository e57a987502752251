//! Teams: groups of members. The scope `team` reaches the records of everybody in one's teams.

mod model;
mod port;
mod service;

pub use model::{NewTeam, Team, TeamEdit};
pub use port::TeamStore;
pub use service::Teams;
