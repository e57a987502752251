//! Analytics: what the history of deals says. Pure arithmetic over a reads-only port.
//!
//! | file | holds |
//! |---|---|
//! | `port` | the deals of a question with few of their fields, and their ways through the stages |
//! | `request`, `window` | what is asked, and about which time |
//! | `numbers` | means, medians, percentiles, shares and weighted sums |
//! | `explain` | the definition, denominator and records behind each figure |
//! | `way` | stays in stages, made of moves |
//! | `conversion`, `forecast`, `velocity`, `sales`, `leaderboard` | the figures, each a function of facts |
//! | `service` | the use cases |
//!
//! Every figure is about deals that the caller sees; one who does not see values is told numbers and
//! no amounts. Amounts of two currencies are never added.
//!
//! Deliberately absent: quotas, snapshots of forecasts, and amounts in one currency, which needs
//! dated rates.

mod conversion;
mod explain;
mod forecast;
#[cfg(test)]
mod laws;
mod leaderboard;
mod numbers;
mod port;
mod request;
mod sales;
mod service;
mod velocity;
mod way;
mod window;

pub use conversion::{Conversion, ConversionOptions, Counting, Path, StageConversion};
pub use explain::Explanation;
pub use forecast::{Amounts, Forecast, Month, OwnerForecast};
pub use leaderboard::{Leaderboard, Rank};
pub use numbers::Days;
pub(crate) use numbers::{Weighted, share};
pub use port::{AnalyticsStore, DealFact, StageFlow};
pub use request::{AnalyticsRequest, Report};
pub use sales::{Sales, SalesPeriod, Tally};
pub use service::Analytics;
pub use velocity::{Pace, StageVelocity, Velocity};
pub use window::Window;
