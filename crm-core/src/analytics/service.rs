//! Use cases of analytics.

use std::collections::BTreeMap;

use super::conversion::{Conversion, ConversionOptions, conversion};
use super::explain::Explainer;
use super::forecast::{Forecast, forecast};
use super::leaderboard::{Leaderboard, leaderboard};
use super::port::DealFact;
use super::request::{AnalyticsRequest, Report};
use super::sales::{Sales, sales};
use super::velocity::{Course, Velocity, velocity};
use super::way::{Stay, stays};
use super::window::Window;
use crate::access::{Action, Entity, Grant};
use crate::error::{Error, FieldError, Result};
use crate::filter::{CheckedFilter, Filter, Op, Scalar};
use crate::id::Id;
use crate::pipeline::Pipeline;
use crate::session::Session;
use crate::time::Period;
use crate::user::User;

/// What the history of deals says, as far as one actor sees it.
#[derive(Clone)]
pub struct Analytics {
    session: Session,
}

/// What a question leads to.
struct Question {
    grant: Grant,
    filter: CheckedFilter,
    window: Window,
    before: Option<Window>,
    shows_values: bool,
    explains: bool,
}

impl Question {
    /// The answer for each window that was asked about.
    fn answer<T>(&self, mut figures: impl FnMut(Window, &mut Explainer) -> Result<T>) -> Result<Report<T>> {
        let mut explainer = if self.explains { Explainer::asked() } else { Explainer::silent() };
        let now = figures(self.window, &mut explainer)?;
        let before = self.before.map(|window| figures(window, &mut Explainer::silent())).transpose()?;
        Ok(Report { window: self.window, figures: now, before, explanations: explainer.into_explanations() })
    }
}

impl Analytics {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Conversion stage by stage through a pipeline, the default one where the request names none.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` for a bad request; `Unavailable` past the deadline.
    pub async fn conversion(
        &self,
        request: &AnalyticsRequest,
        options: ConversionOptions,
    ) -> Result<Report<Conversion>> {
        let question = self.question(request).await?;
        let (pipeline, stays) = self.ways(&question, request.pipeline_id).await?;
        question.answer(|window, explainer| Ok(conversion(&pipeline, &stays, window, options, explainer)))
    }

    /// What deals will bring, by category, month and owner.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn forecast(&self, request: &AnalyticsRequest) -> Result<Report<Forecast>> {
        let question = self.question(request).await?;
        let facts = self.facts(&question).await?;
        let pipelines = self.session.ports().pipelines.pipelines(&question.grant).await?;
        let pipelines: Vec<Pipeline> = pipelines.into_iter().map(|pipeline| pipeline.into_inner()).collect();
        question.answer(|window, explainer| forecast(&facts, &pipelines, window, question.shows_values, explainer))
    }

    /// How fast the deals of a pipeline go, of the default one where the request names none.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn velocity(&self, request: &AnalyticsRequest) -> Result<Report<Velocity>> {
        let question = self.question(request).await?;
        let (pipeline, stays) = self.ways(&question, request.pipeline_id).await?;
        let mut facts = self.facts(&question).await?;
        facts.retain(|fact| fact.pipeline_id == pipeline.id);
        let (now, currency) = (self.session.now(), question.grant.workspace().currency);
        question.answer(|window, explainer| {
            let course = Course { pipeline: &pipeline, facts: &facts, stays: &stays, window, now, currency };
            velocity(&course, question.shows_values, explainer)
        })
    }

    /// What was won and lost, period by period.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn sales(&self, request: &AnalyticsRequest, every: Period) -> Result<Report<Sales>> {
        let question = self.question(request).await?;
        let facts = self.facts(&question).await?;
        question.answer(|window, explainer| sales(&facts, window, every, question.shows_values, explainer))
    }

    /// The members by what they sold.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn team(&self, request: &AnalyticsRequest) -> Result<Report<Leaderboard>> {
        let question = self.question(request).await?;
        let facts = self.facts(&question).await?;
        let names = self.names(&facts).await?;
        let currency = question.grant.workspace().currency;
        question
            .answer(|window, explainer| leaderboard(&facts, window, currency, &names, question.shows_values, explainer))
    }

    async fn question(&self, request: &AnalyticsRequest) -> Result<Question> {
        let grant = self.session.require(Entity::Deal, Action::Read)?;
        let window = Window::new(request.from, request.to, grant.zone())?;
        let before = request.compare.then(|| window.before()).transpose()?;
        let now = self.session.now();
        let mut filter = grant.check_filter(Entity::Deal, request.filter.as_ref(), now)?;
        for (field, condition) in request.conditions() {
            let checked = grant.check_filter(Entity::Deal, Some(&condition), now);
            filter = filter.and(checked.map_err(|error| renamed(&error, field))?);
        }
        if let Some(id) = request.team_id {
            let teams = self.session.require(Entity::Team, Action::Read)?;
            let team = self.session.ports().teams.team(&teams, id).await;
            let team = team.map_err(|error| error.not_found_at("team_id"))?;
            let members = team.members.iter().map(|id| Scalar::Text(id.to_string())).collect::<Vec<_>>();
            let members = Filter::is("owner_id", Op::In, members);
            let checked = grant.check_filter(Entity::Deal, Some(&members), now);
            filter = filter.and(checked.map_err(|error| renamed(&error, "team_id"))?);
        }
        let shows_values = !grant.mask(Entity::Deal).hides("value");
        Ok(Question { grant, filter, window, before, shows_values, explains: request.explain })
    }

    /// The deals of a question, as far as the caller sees their fields.
    async fn facts(&self, question: &Question) -> Result<Vec<DealFact>> {
        let mut facts = self.session.ports().analytics.deal_facts(&question.grant, &question.filter).await?;
        if !question.shows_values {
            facts.iter_mut().for_each(|fact| fact.value = None);
        }
        Ok(facts)
    }

    /// A pipeline and the stays of its deals.
    async fn ways(&self, question: &Question, id: Option<Id<Pipeline>>) -> Result<(Pipeline, Vec<Stay>)> {
        let ports = self.session.ports();
        let pipeline = match id {
            Some(id) => ports.pipelines.pipeline(&question.grant, id).await?.into_inner(),
            None => {
                let all = ports.pipelines.pipelines(&question.grant).await?;
                let first = all.into_iter().next().ok_or_else(|| Error::not_found("pipeline", "default"))?;
                first.into_inner()
            }
        };
        let own = Filter::is("pipeline_id", Op::Eq, Scalar::Text(pipeline.id.to_string()));
        let own = question.grant.check_filter(Entity::Deal, Some(&own), self.session.now())?;
        let moves = ports.analytics.deal_moves(&question.grant, &question.filter.clone().and(own)).await?;
        let stays = stays(&pipeline, &moves);
        Ok((pipeline, stays))
    }

    /// The names of the owners, where the caller may see members.
    async fn names(&self, facts: &[DealFact]) -> Result<BTreeMap<Id<User>, String>> {
        let Ok(grant) = self.session.require(Entity::User, Action::Read) else { return Ok(BTreeMap::new()) };
        let mut ids: Vec<Id<User>> = facts.iter().filter_map(|fact| fact.owner_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let users = self.session.ports().users.users_by_id(&grant, &ids).await?;
        Ok(users.into_iter().map(|user| (user.id, user.name)).collect())
    }
}

/// The same faults at the field of the request that they came from.
fn renamed(error: &Error, field: &str) -> Error {
    let fault = |fault: &FieldError| FieldError { field: field.to_owned(), ..fault.clone() };
    Error::invalid_fields(error.fields().iter().map(fault).collect())
}
