//! Analytics over HTTP.

use actix_web::get;
use crm_core::analytics::{
    AnalyticsRequest, Conversion, ConversionOptions, Counting, Forecast, Leaderboard, Path, Report, Sales, Velocity,
};
use crm_core::filter::Filter;
use crm_core::pipeline::Pipeline;
use crm_core::team::Team;
use crm_core::user::User;
use crm_core::{Id, NaiveDate, Period, Result};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::Body;
use crate::extract::{Query, Signed};
use crate::refusal::Answer;

/// The routes below `/deals/analytics`.
pub(super) fn of_deals(config: &mut ServiceConfig<'_>) {
    config.service(conversion).service(forecast).service(velocity);
}

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(sales).service(team);
}

/// Which deals and which time figures are about.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AnalyticsParams {
    /// The first day, in the caller's zone; without it from the beginning.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<NaiveDate>,
    /// The last day; without it to the end.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<NaiveDate>,
    /// Only deals of this pipeline.
    #[param(value_type = Option<uuid::Uuid>)]
    pipeline_id: Option<Id<Pipeline>>,
    /// Only deals of this member.
    #[param(value_type = Option<uuid::Uuid>)]
    owner_id: Option<Id<User>>,
    /// Only deals of this team's members.
    #[param(value_type = Option<uuid::Uuid>)]
    team_id: Option<Id<Team>>,
    /// Only deals with this tag.
    tag: Option<String>,
    /// Only deals that match: a `Filter` as JSON.
    filter: Option<String>,
    /// Whether each figure says its definition, its denominator and the deals behind it.
    explain: Option<bool>,
    /// Whether the same figures of as many days before come beside; needs `from` and `to`.
    compare: Option<bool>,
}

impl AnalyticsParams {
    /// The request that the engine checks.
    fn into_request(self) -> Result<AnalyticsRequest> {
        Ok(AnalyticsRequest {
            from: self.from,
            to: self.to,
            pipeline_id: self.pipeline_id,
            owner_id: self.owner_id,
            team_id: self.team_id,
            tag: self.tag,
            filter: self.filter.as_deref().map(Filter::from_json).transpose()?,
            explain: self.explain.unwrap_or(false),
            compare: self.compare.unwrap_or(false),
        })
    }
}

/// What conversion is about, and how it is counted. A query string has no parts, so the common
/// parameters stand here once more.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ConversionParams {
    /// The first day, in the caller's zone; without it from the beginning.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<NaiveDate>,
    /// The last day; without it to the end.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<NaiveDate>,
    /// The pipeline; the workspace's default one where absent.
    #[param(value_type = Option<uuid::Uuid>)]
    pipeline_id: Option<Id<Pipeline>>,
    /// Only deals of this member.
    #[param(value_type = Option<uuid::Uuid>)]
    owner_id: Option<Id<User>>,
    /// Only deals of this team's members.
    #[param(value_type = Option<uuid::Uuid>)]
    team_id: Option<Id<Team>>,
    /// Only deals with this tag.
    tag: Option<String>,
    /// Only deals that match: a `Filter` as JSON.
    filter: Option<String>,
    /// Whether each figure says its definition, its denominator and the deals behind it.
    explain: Option<bool>,
    /// Whether the same figures of as many days before come beside; needs `from` and `to`.
    compare: Option<bool>,
    /// Which stays count: those of the deals that began in the window, or what happened within it.
    #[param(inline)]
    counting: Option<Counting>,
    /// When a deal counts as having reached a stage.
    #[param(inline)]
    path: Option<Path>,
}

impl ConversionParams {
    fn into_request(self) -> Result<(AnalyticsRequest, ConversionOptions)> {
        let Self { from, to, pipeline_id, owner_id, team_id, tag, filter, explain, compare, counting, path } = self;
        let common = AnalyticsParams { from, to, pipeline_id, owner_id, team_id, tag, filter, explain, compare };
        let options = ConversionOptions { counting: counting.unwrap_or_default(), path: path.unwrap_or_default() };
        Ok((common.into_request()?, options))
    }
}

/// What sales are about, and how long a period is.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SalesParams {
    /// The first day, in the caller's zone; without it from the beginning.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<NaiveDate>,
    /// The last day; without it to the end.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<NaiveDate>,
    /// Only deals of this pipeline.
    #[param(value_type = Option<uuid::Uuid>)]
    pipeline_id: Option<Id<Pipeline>>,
    /// Only deals of this member.
    #[param(value_type = Option<uuid::Uuid>)]
    owner_id: Option<Id<User>>,
    /// Only deals of this team's members.
    #[param(value_type = Option<uuid::Uuid>)]
    team_id: Option<Id<Team>>,
    /// Only deals with this tag.
    tag: Option<String>,
    /// Only deals that match: a `Filter` as JSON.
    filter: Option<String>,
    /// Whether each figure says its definition, its denominator and the deals behind it.
    explain: Option<bool>,
    /// Whether the same figures of as many days before come beside; needs `from` and `to`.
    compare: Option<bool>,
    /// How long a period is; a month where absent.
    #[param(inline)]
    every: Option<Period>,
}

impl SalesParams {
    fn into_request(self) -> Result<(AnalyticsRequest, Period)> {
        let Self { from, to, pipeline_id, owner_id, team_id, tag, filter, explain, compare, every } = self;
        let common = AnalyticsParams { from, to, pipeline_id, owner_id, team_id, tag, filter, explain, compare };
        Ok((common.into_request()?, every.unwrap_or(Period::Month)))
    }
}

/// Conversion stage by stage through a pipeline.
#[utoipa::path(tag = "analytics", operation_id = "conversion", params(ConversionParams), responses((status = 200, body = Report<Conversion>)))]
#[get("/conversion")]
async fn conversion(
    Signed(session, Query(params)): Signed<Query<ConversionParams>>,
) -> Answer<Body<Report<Conversion>>> {
    let (request, options) = params.into_request()?;
    Ok(Body(session.analytics().conversion(&request, options).await?))
}

/// What deals will bring: by category, month and owner, weighted and not.
#[utoipa::path(tag = "analytics", operation_id = "forecast", params(AnalyticsParams), responses((status = 200, body = Report<Forecast>)))]
#[get("/forecast")]
async fn forecast(Signed(session, Query(params)): Signed<Query<AnalyticsParams>>) -> Answer<Body<Report<Forecast>>> {
    Ok(Body(session.analytics().forecast(&params.into_request()?).await?))
}

/// How fast deals go: days in each stage, the length of a sale, sales velocity.
#[utoipa::path(tag = "analytics", operation_id = "velocity", params(AnalyticsParams), responses((status = 200, body = Report<Velocity>)))]
#[get("/velocity")]
async fn velocity(Signed(session, Query(params)): Signed<Query<AnalyticsParams>>) -> Answer<Body<Report<Velocity>>> {
    Ok(Body(session.analytics().velocity(&params.into_request()?).await?))
}

/// What was won and lost, period by period.
#[utoipa::path(tag = "analytics", operation_id = "sales", params(SalesParams), responses((status = 200, body = Report<Sales>)))]
#[get("/sales")]
async fn sales(Signed(session, Query(params)): Signed<Query<SalesParams>>) -> Answer<Body<Report<Sales>>> {
    let (request, every) = params.into_request()?;
    Ok(Body(session.analytics().sales(&request, every).await?))
}

/// The members by what they sold.
#[utoipa::path(tag = "analytics", operation_id = "team", params(AnalyticsParams), responses((status = 200, body = Report<Leaderboard>)))]
#[get("/team")]
async fn team(Signed(session, Query(params)): Signed<Query<AnalyticsParams>>) -> Answer<Body<Report<Leaderboard>>> {
    Ok(Body(session.analytics().team(&params.into_request()?).await?))
}
