//! Analytics over HTTP.

use actix_web::get;
use crm_core::analytics::{
    Activity, AnalyticsRequest, Conversion, ConversionOptions, Counting, Dashboard, Forecast, Funnel, Leaderboard,
    Path, Report, Revenue, Sales, Velocity,
};
use crm_core::filter::Filter;
use crm_core::pipeline::Pipeline;
use crm_core::team::Team;
use crm_core::user::User;
use crm_core::{Id, NaiveDate, Period, Result, deserialize_optional_day};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::Body;
use crate::extract::{Queries, Query, Signed};
use crate::refusal::Answer;

/// The routes below `/deals/analytics`.
pub(super) fn of_deals(config: &mut ServiceConfig<'_>) {
    config.service(conversion).service(forecast).service(velocity);
}

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(dashboard).service(sales).service(team).service(funnel).service(revenue).service(activities);
}

/// Which deals and which time figures are about.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AnalyticsParams {
    /// The first day, in the caller's zone; without it from the beginning.
    #[serde(default, deserialize_with = "deserialize_optional_day")]
    #[param(value_type = Option<String>, format = Date)]
    from: Option<NaiveDate>,
    /// The last day; without it to the end.
    #[serde(default, deserialize_with = "deserialize_optional_day")]
    #[param(value_type = Option<String>, format = Date)]
    to: Option<NaiveDate>,
    /// Only deals of this pipeline; where one is needed, the default one where absent.
    #[param(value_type = Option<uuid::Uuid>)]
    pipeline_id: Option<Id<Pipeline>>,
    /// Only what is this member's: deals, or for activities what they did.
    #[param(value_type = Option<uuid::Uuid>)]
    owner_id: Option<Id<User>>,
    /// As `owner_id`, of this team's members.
    #[param(value_type = Option<uuid::Uuid>)]
    team_id: Option<Id<Team>>,
    /// Only deals with this tag.
    tag: Option<String>,
    /// Only deals that match: a `Filter` as JSON.
    filter: Option<String>,
    /// Whether each figure says its definition, its denominator and the ids of what is behind it.
    explain: Option<bool>,
    /// Only ids after this one are named: the last that an answer before named where it said `ids_are_capped`; needs
    /// `explain`.
    #[param(value_type = Option<uuid::Uuid>)]
    ids_after: Option<Id<()>>,
    /// Whether the same figures of as many days before come beside; needs `from` and `to`.
    compare: Option<bool>,
}

impl AnalyticsParams {
    /// The request that the engine checks.
    pub(super) fn into_request(self) -> Result<AnalyticsRequest> {
        Ok(AnalyticsRequest {
            from: self.from,
            to: self.to,
            pipeline_id: self.pipeline_id,
            owner_id: self.owner_id,
            team_id: self.team_id,
            tag: self.tag,
            filter: self.filter.as_deref().map(Filter::from_json).transpose()?,
            explain: self.explain.unwrap_or(false),
            ids_after: self.ids_after,
            compare: self.compare.unwrap_or(false),
        })
    }
}

/// How conversion is counted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ConversionParams {
    /// Which stays count: those of the deals that began in the window, or what happened within it.
    #[param(inline)]
    counting: Option<Counting>,
    /// When a deal counts as having reached a stage.
    #[param(inline)]
    path: Option<Path>,
}

/// How long a period is.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeriodParams {
    /// How long a period is; a month where absent.
    #[param(inline)]
    every: Option<Period>,
}

/// Conversion stage by stage through a pipeline.
#[utoipa::path(
    tag = "analytics",
    operation_id = "conversion",
    params(AnalyticsParams, ConversionParams),
    responses((status = 200, body = Report<Conversion>))
)]
#[get("/conversion")]
async fn conversion(
    Signed(session, Queries(params, own)): Signed<Queries<AnalyticsParams, ConversionParams>>,
) -> Answer<Body<Report<Conversion>>> {
    let ConversionParams { counting, path } = own;
    let options = ConversionOptions { counting: counting.unwrap_or_default(), path: path.unwrap_or_default() };
    Ok(Body(session.analytics().conversion(&params.into_request()?, options).await?))
}

/// What deals will bring: by category, month and owner, weighted and not.
#[utoipa::path(
    tag = "analytics",
    operation_id = "forecast",
    params(AnalyticsParams),
    responses((status = 200, body = Report<Forecast>))
)]
#[get("/forecast")]
async fn forecast(Signed(session, Query(params)): Signed<Query<AnalyticsParams>>) -> Answer<Body<Report<Forecast>>> {
    Ok(Body(session.analytics().forecast(&params.into_request()?).await?))
}

/// How fast deals go: days in each stage, the length of a sale, sales velocity.
#[utoipa::path(
    tag = "analytics",
    operation_id = "velocity",
    params(AnalyticsParams),
    responses((status = 200, body = Report<Velocity>))
)]
#[get("/velocity")]
async fn velocity(Signed(session, Query(params)): Signed<Query<AnalyticsParams>>) -> Answer<Body<Report<Velocity>>> {
    Ok(Body(session.analytics().velocity(&params.into_request()?).await?))
}

/// The dashboard's figures in one call: sales, forecast, conversion, velocity and leaderboard.
#[utoipa::path(
    tag = "analytics",
    operation_id = "dashboard",
    params(AnalyticsParams, PeriodParams),
    responses((status = 200, body = Report<Dashboard>))
)]
#[get("/dashboard")]
async fn dashboard(
    Signed(session, Queries(params, own)): Signed<Queries<AnalyticsParams, PeriodParams>>,
) -> Answer<Body<Report<Dashboard>>> {
    let every = own.every.unwrap_or(Period::Month);
    Ok(Body(session.analytics().dashboard(&params.into_request()?, every).await?))
}

/// What people did: notes, tasks done, moves of deals and new records, by person and period.
///
/// `pipeline_id`, `tag` and `filter` are those of deals: what is about other records is left out then. A person
/// is a note's author, a task's assignee and a record's owner; `owner_id` and `team_id` name people.
#[utoipa::path(
    tag = "analytics",
    operation_id = "activities",
    params(AnalyticsParams, PeriodParams),
    responses((status = 200, body = Report<Activity>))
)]
#[get("/activities")]
async fn activities(
    Signed(session, Queries(params, own)): Signed<Queries<AnalyticsParams, PeriodParams>>,
) -> Answer<Body<Report<Activity>>> {
    let every = own.every.unwrap_or(Period::Month);
    Ok(Body(session.analytics().activities(&params.into_request()?, every).await?))
}

/// How far the contacts that were made in the window have come from lead to customer.
///
/// A contact is in the pipelines of its deals.
#[utoipa::path(
    tag = "analytics",
    operation_id = "funnel",
    params(AnalyticsParams),
    responses((status = 200, body = Report<Funnel>))
)]
#[get("/conversion")]
async fn funnel(Signed(session, Query(params)): Signed<Query<AnalyticsParams>>) -> Answer<Body<Report<Funnel>>> {
    Ok(Body(session.analytics().funnel(&params.into_request()?).await?))
}

/// What came in, by period, owner, source and currency.
#[utoipa::path(
    tag = "analytics",
    operation_id = "revenue",
    params(AnalyticsParams, PeriodParams),
    responses((status = 200, body = Report<Revenue>))
)]
#[get("/revenue")]
async fn revenue(
    Signed(session, Queries(params, own)): Signed<Queries<AnalyticsParams, PeriodParams>>,
) -> Answer<Body<Report<Revenue>>> {
    let every = own.every.unwrap_or(Period::Month);
    Ok(Body(session.analytics().revenue(&params.into_request()?, every).await?))
}

/// What was won and lost, period by period.
#[utoipa::path(
    tag = "analytics",
    operation_id = "sales",
    params(AnalyticsParams, PeriodParams),
    responses((status = 200, body = Report<Sales>))
)]
#[get("/sales")]
async fn sales(
    Signed(session, Queries(params, own)): Signed<Queries<AnalyticsParams, PeriodParams>>,
) -> Answer<Body<Report<Sales>>> {
    let every = own.every.unwrap_or(Period::Month);
    Ok(Body(session.analytics().sales(&params.into_request()?, every).await?))
}

/// The members by what they sold.
#[utoipa::path(
    tag = "analytics",
    operation_id = "team",
    params(AnalyticsParams),
    responses((status = 200, body = Report<Leaderboard>))
)]
#[get("/team")]
async fn team(Signed(session, Query(params)): Signed<Query<AnalyticsParams>>) -> Answer<Body<Report<Leaderboard>>> {
    Ok(Body(session.analytics().team(&params.into_request()?).await?))
}
