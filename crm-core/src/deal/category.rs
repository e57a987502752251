//! How sure a sale is, in the words of forecasts.

use serde::{Deserialize, Serialize};

/// How sure an open deal is; a won one is `closed`, which nobody can say of an open one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ForecastCategory {
    /// Left out of forecasts.
    Omitted,
    /// It may be won.
    Pipeline,
    /// It is won if things go well.
    BestCase,
    /// Somebody stands for it.
    Commit,
}

impl ForecastCategory {
    /// Every category's snake_case name.
    pub const NAMES: [&'static str; 4] = ["omitted", "pipeline", "best_case", "commit"];

    /// Every category.
    pub const ALL: [ForecastCategory; 4] =
        [ForecastCategory::Omitted, ForecastCategory::Pipeline, ForecastCategory::BestCase, ForecastCategory::Commit];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            ForecastCategory::Omitted => "omitted",
            ForecastCategory::Pipeline => "pipeline",
            ForecastCategory::BestCase => "best_case",
            ForecastCategory::Commit => "commit",
        }
    }

    /// The category of a deal of which nobody said one, by its probability in per cent: from 90 on
    /// commit, from 50 on best case, below it pipeline. These borders are ours.
    pub const fn of_probability(percent: i64) -> Self {
        match percent {
            90.. => ForecastCategory::Commit,
            50.. => ForecastCategory::BestCase,
            _ => ForecastCategory::Pipeline,
        }
    }
}
