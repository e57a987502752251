//! Deals: sales in the making, on their way through a pipeline.

mod asking;
mod behind;
mod board;
mod category;
mod edit;
mod event;
mod fields;
mod history;
mod model;
mod port;
mod service;

pub use board::{Board, BoardStage, StageTotal};
pub use category::ForecastCategory;
pub use edit::{DealEdit, MoveStage};
pub use event::DealEvent;
pub use fields::catalogue;
pub(crate) use history::goes_on_at;
pub use history::{DealMove, HistoryWrite, WayBack, begun, history_of, way_back};
pub(crate) use model::MAX_VALUE_MINOR;
pub use model::{Deal, DealStart, DealStatus};
pub use port::DealStore;
pub use service::Deals;
