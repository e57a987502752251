//! Deals: sales in the making, on their way through a pipeline.

mod board;
mod event;
mod fields;
mod model;
mod port;
mod service;

pub use board::{Board, BoardStage, StageTotal};
pub use event::DealEvent;
pub use fields::catalogue;
pub use model::{Deal, DealEdit, DealStart, DealStatus};
pub use port::DealStore;
pub use service::Deals;
