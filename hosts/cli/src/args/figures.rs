//! What figures are asked with.

use clap::Args as ClapArgs;
use crm_core::analytics::{AnalyticsRequest, ConversionOptions, Counting, Path};
use crm_core::filter::Filter;
use crm_core::pipeline::Pipeline;
use crm_core::team::Team;
use crm_core::user::User;
use crm_core::{Id, NaiveDate, Period, strict_day};
use serde::de::DeserializeOwned;

/// Which deals and which time figures are about.
#[derive(Debug, ClapArgs)]
pub(crate) struct Question {
    /// The first day, as in 2026-01-31; without it from the beginning
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<NaiveDate>,
    /// The last day; without it to the end
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<NaiveDate>,
    /// Only deals of this pipeline; where one is needed, the default one where absent
    #[arg(long, value_name = "ID")]
    pipeline: Option<Id<Pipeline>>,
    /// Only deals of this member
    #[arg(long, value_name = "ID")]
    owner: Option<Id<User>>,
    /// Only deals of this team's members
    #[arg(long, value_name = "ID")]
    team: Option<Id<Team>>,
    /// Only deals with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only deals that match, as in `source = Fair and custom.region = north`
    #[arg(long)]
    filter: Option<Filter>,
    /// Say what stands behind each figure: its definition, its denominator and its deals
    #[arg(long)]
    explain: bool,
    /// Name the records behind each figure after this one, in the JSON: an answer names 1,000; needs --explain
    #[arg(long, value_name = "ID", requires = "explain")]
    ids_after: Option<Id<()>>,
    /// Add the same figures of as many days before, to the JSON; needs --from and --to
    #[arg(long)]
    compare: bool,
}

impl Question {
    /// The request that the engine checks.
    pub(crate) fn request(&self) -> AnalyticsRequest {
        AnalyticsRequest {
            from: self.from,
            to: self.to,
            pipeline_id: self.pipeline,
            owner_id: self.owner,
            team_id: self.team,
            tag: self.tag.clone(),
            filter: self.filter.clone(),
            explain: self.explain,
            ids_after: self.ids_after,
            compare: self.compare,
        }
    }
}

/// Conversion, and how it is counted.
#[derive(Debug, ClapArgs)]
pub(crate) struct ConversionOf {
    #[command(flatten)]
    pub(crate) question: Question,
    /// `cohort`: all stays of deals that began in the window; `snapshot`: what happened within it
    #[arg(long, value_parser = word::<Counting>, default_value = "cohort")]
    counting: Counting,
    /// Whether a stage is reached by way of `any_stage` or of `every_stage` before it
    #[arg(long, value_parser = word::<Path>, default_value = "any_stage")]
    path: Path,
}

impl ConversionOf {
    pub(crate) fn options(&self) -> ConversionOptions {
        ConversionOptions { counting: self.counting, path: self.path }
    }
}

/// Sales, and how long a period is.
#[derive(Debug, ClapArgs)]
pub(crate) struct SalesOf {
    #[command(flatten)]
    pub(crate) question: Question,
    /// day, week, month, quarter or year
    #[arg(long, value_parser = word::<Period>, default_value = "month")]
    pub(crate) every: Period,
}

/// A word of a closed list, as over HTTP.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// A day in its one spelling.
pub(super) fn day(text: &str) -> Result<NaiveDate, String> {
    strict_day(text)
        .map_err(|error| error.fields().first().map_or_else(|| error.to_string(), |fault| fault.message.clone()))
}
