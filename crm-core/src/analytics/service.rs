//! Use cases of analytics.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use uuid::Uuid;

use super::asked::members;
use super::conversion::{Conversion, ConversionOptions, conversion};
use super::convert::{Exchange, Worth};
use super::dashboard::{Dashboard, Desk, Sheet, dashboard};
use super::exchange;
use super::explain::{Behind, Explainer};
use super::forecast::{Forecast, Outlook, forecast};
use super::funnel::{Funnel, funnel};
use super::group::DealGroups;
use super::leaderboard::{Leaderboard, leaderboard};
use super::port::{CycleFact, DealFact};
use super::request::{AnalyticsRequest, Report};
use super::revenue::{Ledger, Revenue, revenue};
use super::sales::{Ended, Sales, sales};
use super::source::SourceSum;
use super::velocity::{Course, Velocity, velocity};
use super::way::{Stay, stays};
use super::window::Window;
use crate::access::{Action, Entity, Grant};
use crate::error::{Error, FieldError, Result};
use crate::filter::{Check, CheckedFilter, Field, Filter, Literal, Op, Scalar};
use crate::id::Id;
use crate::pipeline::Pipeline;
use crate::session::Session;
use crate::time::Period;
use crate::user::User;

/// What the history of deals says, as far as one actor sees it.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::analytics::AnalyticsRequest;
/// use crm_core::deal::{DealEdit, DealStart};
/// use crm_core::{Money, NaiveDate};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// let day = NaiveDate::from_ymd_opt(2030, 3, 31).expect("a day");
/// let edit = DealEdit {
///     title: "Difference engine".into(),
///     value: Money::minor(1_700_000, "GBP".parse()?).into(),
///     expected_close_date: day.into(),
///     ..Default::default()
/// };
/// session.deals().create(DealStart::default(), edit).await?;
///
/// // Without a window a report is about all time; with `explain` it says what stands behind its figures.
/// let request = AnalyticsRequest { explain: true, ..Default::default() };
/// let forecast = session.analytics().forecast(&request).await?;
/// assert_eq!(forecast.figures.total.open_count, 1);
/// assert_eq!(forecast.figures.months.len(), 1);
/// assert!(forecast.explanations.is_some());
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Analytics {
    pub(super) session: Session,
}

/// A pipeline, which deals are in it, and their stays in its stages.
struct Way {
    pipeline: Pipeline,
    filter: CheckedFilter,
    stays: Vec<Stay>,
}

/// What a question leads to.
struct Question {
    grant: Grant,
    filter: CheckedFilter,
    window: Window,
    before: Option<Window>,
    shows_values: bool,
    behind: Behind,
}

impl Question {
    /// What the caller is told of amounts.
    fn worth<'a>(&self, exchange: Option<&'a Exchange>) -> Worth<'a> {
        if self.shows_values { Worth::Shown(exchange) } else { Worth::Hidden }
    }

    /// The windows that were asked about.
    fn windows(&self) -> impl Iterator<Item = Window> + use<> {
        [Some(self.window), self.before].into_iter().flatten()
    }

    /// Whether somebody asked what stands behind the figures, which sums do not tell.
    fn is_explained(&self) -> bool {
        matches!(self.behind, Behind::Asked { .. })
    }

    /// The answer for each window that was asked about.
    fn answer<T>(&self, figures: impl FnMut(Window, &mut Explainer) -> Result<T>) -> Result<Report<T>> {
        answer(self.window, self.before, self.behind, figures)
    }
}

/// The groups of all windows.
fn groups_of(asked: &[(Window, DealGroups)]) -> impl Iterator<Item = &DealGroups> {
    asked.iter().map(|(_, groups)| groups)
}

/// The sums of all windows.
fn sums_of(sources: &[(Window, Vec<SourceSum>)]) -> impl Iterator<Item = &SourceSum> {
    sources.iter().flat_map(|(_, sums)| sums)
}

/// What was read for a window.
fn read_for<T>(read: &[(Window, T)], window: Window) -> Result<&T> {
    let own = read.iter().find(|(asked, _)| *asked == window).map(|(_, own)| own);
    own.ok_or_else(|| Error::internal("a window that nobody asked about"))
}

/// The answer for a window, and for the one before where that was asked about too.
pub(super) fn answer<T>(
    window: Window,
    before: Option<Window>,
    behind: Behind,
    mut figures: impl FnMut(Window, &mut Explainer) -> Result<T>,
) -> Result<Report<T>> {
    let mut explainer = Explainer::of(behind);
    let now = figures(window, &mut explainer)?;
    let earlier = before.map(|window| explainer.within("before", |explainer| figures(window, explainer)));
    let before = earlier.transpose()?;
    Ok(Report { window, figures: now, before, explanations: explainer.into_explanations() })
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
        let Way { pipeline, stays, .. } = self.ways(&question, request.pipeline_id).await?;
        question.answer(|window, explainer| Ok(conversion(&pipeline, &stays, window, options, explainer)))
    }

    /// What deals will bring, by category, month and owner.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn forecast(&self, request: &AnalyticsRequest) -> Result<Report<Forecast>> {
        let question = self.question(request).await?;
        let facts = self.explaining(&question).await?;
        let mut asked = Vec::new();
        for window in question.windows() {
            asked.push((window, self.groups(&question, window).await?));
        }
        let exchange = exchange::of_groups(&self.session, &question.grant, groups_of(&asked), iter::empty()).await?;
        let (pipelines, currency) = (self.pipelines(&question).await?, question.grant.workspace().currency);
        question.answer(|window, explainer| {
            let outlook = Outlook { groups: read_for(&asked, window)?, facts: &facts, pipelines: &pipelines, currency };
            forecast(&outlook, window, question.worth(exchange.as_ref()), explainer)
        })
    }

    /// How fast the deals of a pipeline go, of the default one where the request names none.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn velocity(&self, request: &AnalyticsRequest) -> Result<Report<Velocity>> {
        let question = self.question(request).await?;
        let way = self.ways(&question, request.pipeline_id).await?;
        let facts = self.cycles(&question, &way).await?;
        let asked = self.ended(&question, Period::Month).await?;
        let exchange = exchange::of_groups(&self.session, &question.grant, groups_of(&asked), iter::empty()).await?;
        let (now, currency) = (self.session.now(), question.grant.workspace().currency);
        question.answer(|window, explainer| {
            let Way { pipeline, stays, .. } = &way;
            let ended = read_for(&asked, window)?;
            let course = Course { pipeline, ended, facts: &facts, stays, window, now, currency };
            velocity(&course, question.worth(exchange.as_ref()), explainer)
        })
    }

    /// What was won and lost, period by period.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn sales(&self, request: &AnalyticsRequest, every: Period) -> Result<Report<Sales>> {
        let question = self.question(request).await?;
        let (asked, facts) = (self.ended(&question, every).await?, self.explaining(&question).await?);
        let exchange = exchange::of_groups(&self.session, &question.grant, groups_of(&asked), iter::empty()).await?;
        question.answer(|window, explainer| {
            let sold = Ended { groups: read_for(&asked, window)?, facts: &facts };
            sales(sold, window, every, question.worth(exchange.as_ref()), explainer)
        })
    }

    /// The members by what they sold.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn team(&self, request: &AnalyticsRequest) -> Result<Report<Leaderboard>> {
        let question = self.question(request).await?;
        let (asked, facts) = (self.ended(&question, Period::Month).await?, self.explaining(&question).await?);
        let open = self.session.ports().analytics.open_deals(&question.grant, &question.filter).await?;
        let exchange = exchange::of_groups(&self.session, &question.grant, groups_of(&asked), iter::empty()).await?;
        let names = self.names(groups_of(&asked), open.keys().copied()).await?;
        let currency = question.grant.workspace().currency;
        question.answer(|window, explainer| {
            let sold = Ended { groups: read_for(&asked, window)?, facts: &facts };
            leaderboard(sold, &open, window, currency, &names, question.worth(exchange.as_ref()), explainer)
        })
    }

    /// What came in, by period, owner, source and currency.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn revenue(&self, request: &AnalyticsRequest, every: Period) -> Result<Report<Revenue>> {
        let question = self.question(request).await?;
        let (asked, facts) = (self.ended(&question, every).await?, self.explaining(&question).await?);
        let mut sources = Vec::new();
        if !question.grant.mask(Entity::Deal).hides("source") {
            for window in question.windows() {
                sources.push((window, self.won_by_source(&question, window).await?));
            }
        }
        let (groups, won) = (groups_of(&asked), sums_of(&sources));
        let exchange = exchange::of_groups(&self.session, &question.grant, groups, won).await?;
        let names = self.names(groups_of(&asked), iter::empty()).await?;
        let ledger = Ledger {
            every,
            currency: question.grant.workspace().currency,
            names: &names,
            worth: question.worth(exchange.as_ref()),
        };
        question.answer(|window, explainer| {
            let sold = Ended { groups: read_for(&asked, window)?, facts: &facts };
            let sources = read_for(&sources, window).ok().map(Vec::as_slice);
            revenue(sold, sources, window, &ledger, explainer)
        })
    }

    /// How far the contacts that were made in the window have come on the way from lead to customer.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn funnel(&self, request: &AnalyticsRequest) -> Result<Report<Funnel>> {
        let question = self.question_about(Entity::Contact, request).await?;
        let facts = self.session.ports().analytics.contact_facts(&question.grant, &question.filter).await?;
        question.answer(|window, explainer| Ok(funnel(&facts, window, explainer)))
    }

    /// The figures of a dashboard: what the reports about sales, forecast, conversion, velocity and team
    /// say to the same question, read once.
    ///
    /// # Errors
    /// As [`Analytics::conversion`].
    pub async fn dashboard(&self, request: &AnalyticsRequest, every: Period) -> Result<Report<Dashboard>> {
        let question = self.question(request).await?;
        let way = self.ways(&question, request.pipeline_id).await?;
        let (own, facts) = (self.cycles(&question, &way).await?, self.explaining(&question).await?);
        let open = self.session.ports().analytics.open_deals(&question.grant, &question.filter).await?;
        let mut sheets = Vec::new();
        for (window, ended) in self.ended(&question, every).await? {
            sheets.push((window, Sheet { ended, expected: self.groups(&question, window).await? }));
        }
        let groups = || sheets.iter().flat_map(|(_, sheet)| [&sheet.ended, &sheet.expected]);
        let exchange = exchange::of_groups(&self.session, &question.grant, groups(), iter::empty()).await?;
        let (pipelines, names) = (self.pipelines(&question).await?, self.names(groups(), open.keys().copied()).await?);
        let desk = Desk {
            facts: &facts,
            open: &open,
            own: &own,
            stays: &way.stays,
            pipeline: &way.pipeline,
            pipelines: &pipelines,
            names: &names,
            every,
            now: self.session.now(),
            currency: question.grant.workspace().currency,
            worth: question.worth(exchange.as_ref()),
        };
        question.answer(|window, explainer| dashboard(&desk, read_for(&sheets, window)?, window, explainer))
    }

    async fn question(&self, request: &AnalyticsRequest) -> Result<Question> {
        self.question_about(Entity::Deal, request).await
    }

    /// What a request asks of a kind of record that has owners and tags.
    async fn question_about(&self, entity: Entity, request: &AnalyticsRequest) -> Result<Question> {
        let grant = self.session.require(entity, Action::Read)?;
        let window = Window::new(request.from, request.to, grant.zone())?;
        let before = request.compare.then(|| window.before()).transpose()?;
        let behind = request.explains()?;
        let now = self.session.now();
        let mut filter = grant.check_filter(entity, request.filter.as_ref(), now)?;
        for (field, condition) in request.conditions(entity) {
            let checked = grant.check_filter(entity, Some(&condition), now);
            filter = filter.and(checked.map_err(|error| renamed(&error, field))?);
        }
        if let Some(id) = request.pipeline_id {
            // Each report refuses one that is not there, also where it would have nothing to tell.
            self.session.ports().pipelines.pipeline(&grant, id).await?;
        }
        if let Some(id) = request.team_id {
            let members = members(&self.session, id).await?;
            filter = filter.and(of_people("owner_id", members.iter().map(|id| id.uuid())));
        }
        let shows_values = !grant.mask(Entity::Deal).hides("value");
        Ok(Question { grant, filter, window, before, shows_values, behind })
    }

    /// The deals of a question one by one, as far as the caller sees their fields; none where nobody asked
    /// what stands behind the figures.
    async fn explaining(&self, question: &Question) -> Result<Vec<DealFact>> {
        if !question.is_explained() {
            return Ok(Vec::new());
        }
        let mut facts = self.session.ports().analytics.deal_facts(&question.grant, &question.filter).await?;
        if !question.shows_values {
            facts.iter_mut().for_each(|fact| fact.value = None);
        }
        Ok(facts)
    }

    /// The deals that a forecast of a window takes in, as far as the caller sees their fields.
    async fn groups(&self, question: &Question, window: Window) -> Result<DealGroups> {
        let Question { grant, filter, .. } = question;
        let own = grant.workspace().currency;
        let groups = self.session.ports().analytics.deal_groups(grant, filter, window, own).await?;
        Ok(if question.shows_values { groups } else { groups.without_values() })
    }

    /// The deals that ended in each window, as far as the caller sees their fields.
    async fn ended(&self, question: &Question, every: Period) -> Result<Vec<(Window, DealGroups)>> {
        let Question { grant, filter, .. } = question;
        let (store, own) = (&self.session.ports().analytics, grant.workspace().currency);
        let mut asked = Vec::new();
        for window in question.windows() {
            let groups = store.ended_groups(grant, filter, window, every, own).await?;
            asked.push((window, if question.shows_values { groups } else { groups.without_values() }));
        }
        Ok(asked)
    }

    /// The deals that were won in a window by where they came from, as far as the caller sees values.
    async fn won_by_source(&self, question: &Question, window: Window) -> Result<Vec<SourceSum>> {
        let Question { grant, filter, .. } = question;
        let own = grant.workspace().currency;
        let mut sums = self.session.ports().analytics.won_by_source(grant, filter, window, own).await?;
        if !question.shows_values {
            sums.iter_mut().for_each(|sum| sum.currency = None);
        }
        Ok(sums)
    }

    /// The deals of a way's pipeline with what the length of sales needs.
    async fn cycles(&self, question: &Question, way: &Way) -> Result<Vec<CycleFact>> {
        let mut facts = self.session.ports().analytics.cycle_facts(&question.grant, &way.filter).await?;
        if !question.shows_values {
            facts.iter_mut().for_each(|fact| fact.currency = None);
        }
        Ok(facts)
    }

    /// All pipelines, the default one first.
    async fn pipelines(&self, question: &Question) -> Result<Vec<Pipeline>> {
        let pipelines = self.session.ports().pipelines.pipelines(&question.grant).await?;
        Ok(pipelines.into_iter().map(|pipeline| pipeline.into_inner()).collect())
    }

    /// A pipeline and the stays of its deals.
    async fn ways(&self, question: &Question, id: Option<Id<Pipeline>>) -> Result<Way> {
        let ports = self.session.ports();
        let pipeline = match id {
            Some(id) => ports.pipelines.pipeline(&question.grant, id).await?.into_inner(),
            None => {
                let first = self.pipelines(question).await?.into_iter().next();
                first.ok_or_else(|| Error::not_found("pipeline", "default"))?
            }
        };
        let own = Filter::is("pipeline_id", Op::Eq, Scalar::Text(pipeline.id.to_string()));
        let own = question.grant.check_filter(Entity::Deal, Some(&own), self.session.now())?;
        let filter = question.filter.clone().and(own);
        let moves = ports.analytics.deal_moves(&question.grant, &filter).await?;
        let stays = stays(&pipeline, &moves);
        Ok(Way { pipeline, filter, stays })
    }

    /// The names of the owners, where the caller may see members.
    async fn names(
        &self,
        groups: impl Iterator<Item = &DealGroups> + Send,
        others: impl Iterator<Item = Option<Id<User>>> + Send,
    ) -> Result<BTreeMap<Id<User>, String>> {
        let owners: Vec<Id<User>> = groups.flat_map(DealGroups::iter).filter_map(|(key, _)| key.owner_id).collect();
        self.names_of(owners.into_iter().chain(others.flatten())).await
    }

    /// The names of people, where the caller may see members.
    pub(super) async fn names_of(
        &self,
        ids: impl Iterator<Item = Id<User>> + Send,
    ) -> Result<BTreeMap<Id<User>, String>> {
        let Ok(grant) = self.session.require(Entity::User, Action::Read) else { return Ok(BTreeMap::new()) };
        let ids: BTreeSet<Id<User>> = ids.collect();
        let ids: Vec<Id<User>> = ids.into_iter().collect();
        let users = self.session.ports().users.users_by_id(&grant, &ids).await?;
        Ok(users.into_iter().map(|user| (user.id, user.name)).collect())
    }
}

/// The records of some people, by the field that names them. A team has more members than a list in a filter
/// may have values, so this is no filter that is checked.
pub(super) fn of_people(field: &'static str, people: impl Iterator<Item = Uuid>) -> CheckedFilter {
    CheckedFilter::is(Field::reference(field, Entity::User), Check::In(people.map(Literal::Id).collect()))
}

/// The same faults at the field of the request that they came from.
pub(crate) fn renamed(error: &Error, field: &str) -> Error {
    let fault = |fault: &FieldError| FieldError { field: field.to_owned(), ..fault.clone() };
    Error::invalid_fields(error.fields().iter().map(fault).collect())
}
