//! Analytics: what the history of deals says. Pure arithmetic over a reads-only port.
//!
//! | file | holds |
//! |---|---|
//! | `port` | the deals of a question with few of their fields, and their ways through the stages |
//! | `request`, `asked`, `window` | what is asked, as filters too, and about which time |
//! | `numbers` | means, medians, percentiles, shares and weighted sums |
//! | `explain` | the definition, denominator and records behind each figure |
//! | `convert`, `exchange` | amounts in the workspace's currency, and the rates that this needs |
//! | `group`, `source` | deals that reports take for alike, so that a store may answer from sums |
//! | `way` | stays in stages, made of moves |
//! | `conversion`, `forecast`, `velocity`, `sales`, `revenue`, `leaderboard`, `funnel`, `dashboard` | the figures, each a function of facts |
//! | `activity`, `deeds` | what people did, and how it is read |
//! | `service` | the use cases |
//!
//! Every figure is about deals that the caller sees; one who does not see values is told numbers and
//! no amounts. Amounts of two currencies are never added: they stand side by side, and beside them in
//! the workspace's currency by the rates of their days.
//!
//! Deliberately absent: quotas, and snapshots of forecasts.

mod activity;
mod asked;
mod conversion;
mod convert;
mod dashboard;
mod deeds;
mod exchange;
mod explain;
mod forecast;
mod funnel;
mod group;
#[cfg(test)]
mod laws;
mod leaderboard;
mod numbers;
mod port;
mod request;
mod revenue;
mod sales;
mod service;
mod source;
mod velocity;
mod way;
mod window;

pub use activity::{Activity, DealMoves, Done, PeriodActivity, PersonActivity, TasksDone};
pub(crate) use asked::{conditions_on_deals, opened_in};
pub use conversion::{Conversion, ConversionOptions, Counting, Path, StageConversion};
pub(crate) use convert::{CONVERTED_TODAY, Exchange, Purse, Worth};
pub use convert::{ConvertedAmounts, ConvertedBoard, ConvertedPace, ConvertedTally};
pub use dashboard::Dashboard;
pub(crate) use exchange::of_today;
pub(crate) use explain::Explainer;
pub use explain::Explanation;
pub use forecast::{Amounts, Forecast, Month, OwnerForecast};
pub use funnel::{ContactFact, Funnel, FunnelStep};
pub use group::{DealGroups, GroupKey, GroupSum, ended_key, key as group_key};
pub use leaderboard::{Leaderboard, Rank};
pub use numbers::Days;
pub(crate) use numbers::{Weighted, share};
pub use port::{AnalyticsStore, CycleFact, DealFact, OwnedMove, StageFlow, Work, WorkKind};
pub use request::{AnalyticsRequest, Report};
pub use revenue::{CurrencyRevenue, Earned, OwnerRevenue, PeriodRevenue, Revenue, SourceRevenue};
pub use sales::{Sales, SalesPeriod, Tally};
pub use service::Analytics;
pub(crate) use service::renamed;
pub use source::SourceSum;
pub use velocity::{Pace, StageVelocity, Velocity};
pub(crate) use way::{Exit, Stay, exit, stays};
pub use window::Window;
