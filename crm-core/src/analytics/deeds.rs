//! Reads what people did, as far as the caller sees it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::activity::{Act, Activity, Deed, Log, activity};
use super::asked::members;
use super::port::{OwnedMove, Work, WorkKind};
use super::request::{AnalyticsRequest, Report};
use super::service::{Analytics, answer, of_people, renamed};
use super::window::Window;
use crate::access::{Action, Entity, Grant};
use crate::error::{Error, Result};
use crate::filter::{Check, CheckedFilter, Field, Filter, Literal};
use crate::id::Id;
use crate::pipeline::{Pipeline, Stage, StageKind};
use crate::time::{Period, Timestamp};

/// The conditions of a question about deeds.
struct Wanted<'a> {
    request: &'a AnalyticsRequest,
    /// The people; everybody where absent.
    people: Option<Vec<Uuid>>,
    /// What deals must be; all of them where empty.
    deals: Vec<(&'static str, Filter)>,
    /// The time that the question and its comparison reach over.
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Wanted<'_> {
    /// The filter of one kind of work, whenever it was done.
    fn filter(&self, grant: &Grant, kind: WorkKind, now: Timestamp) -> Result<CheckedFilter> {
        let entity = kind.entity();
        let mut filter = CheckedFilter::everything();
        if let Some(people) = &self.people {
            filter = filter.and(of_people(kind.person(), people.iter().copied()));
        }
        for (field, condition) in &self.deals {
            let condition = match entity {
                Entity::Deal => condition.clone(),
                _ => Filter::Related { relation: "deal".to_owned(), filter: Box::new(condition.clone()) },
            };
            let checked = grant.check_filter(entity, Some(&condition), now);
            filter = filter.and(checked.map_err(|error| renamed(&error, field))?);
        }
        Ok(filter)
    }

    /// The same in the time of the question.
    fn within(&self, filter: CheckedFilter, kind: WorkKind) -> CheckedFilter {
        let at = |check| CheckedFilter::is(Field::time(kind.time()), check);
        let from = self.from.map(|from| at(Check::Ge(Literal::Time(from))));
        let to = self.to.map(|to| at(Check::Lt(Literal::Time(to))));
        from.into_iter().chain(to).fold(filter, CheckedFilter::and)
    }

    /// Whether it is about some deals alone.
    fn is_about_deals(&self) -> bool {
        !self.deals.is_empty()
    }
}

impl Analytics {
    /// What people did: notes, tasks done, moves of deals and new records, by person and period. A pipeline,
    /// a tag and a filter are those of deals, and then what is about other records is left out. A filter
    /// that names related records is refused where notes or tasks are told, which are related to deals.
    ///
    /// # Errors
    /// `Denied` where the caller may read nothing of it; `NotFound`; `Invalid` for a bad request;
    /// `Unavailable` past the deadline.
    pub async fn activities(&self, request: &AnalyticsRequest, every: Period) -> Result<Report<Activity>> {
        let grants = self.readable();
        let Some(first) = grants.values().next() else {
            return Err(Error::denied("none of what people do may be read"));
        };
        let window = Window::new(request.from, request.to, first.zone())?;
        let before = request.compare.then(|| window.before()).transpose()?;
        let behind = request.explains()?;
        let wanted = self.wanted(request, first, window, before).await?;
        let (mut deeds, mut told) = (Vec::new(), BTreeSet::new());
        for (kind, grant) in &grants {
            if matches!(kind, WorkKind::Contacts | WorkKind::Companies) && wanted.is_about_deals() {
                continue;
            }
            let filter = wanted.filter(grant, *kind, self.session.now())?;
            if *kind == WorkKind::Deals {
                self.deals_moved(grant, &wanted, &filter, &mut deeds).await?;
            }
            let work = self.session.ports().analytics.work(grant, *kind, &wanted.within(filter, *kind)).await?;
            deeds.extend(work.iter().map(|work| deed(*kind, work)));
            told.insert(*kind);
        }
        let names = self.names_of(deeds.iter().filter_map(|deed| deed.person)).await?;
        let log = Log { deeds: &deeds, told, every, names: &names };
        answer(window, before, behind, |window, explainer| Ok(activity(&log, window, explainer)))
    }

    /// The kinds of work that the caller may read.
    fn readable(&self) -> BTreeMap<WorkKind, Grant> {
        let granted = |kind: WorkKind| Some((kind, self.session.require(kind.entity(), Action::Read).ok()?));
        WorkKind::ALL.into_iter().filter_map(granted).collect()
    }

    async fn wanted<'a>(
        &self,
        request: &'a AnalyticsRequest,
        grant: &Grant,
        window: Window,
        before: Option<Window>,
    ) -> Result<Wanted<'a>> {
        let mut people: Option<Vec<Uuid>> = request.owner_id.map(|id| vec![id.uuid()]);
        if let Some(id) = request.team_id {
            let members = members(&self.session, id).await?;
            people = Some(match people {
                Some(owner) => owner.into_iter().filter(|id| members.contains(&Id::from(*id))).collect(),
                None => members.iter().map(|id| id.uuid()).collect(),
            });
        }
        if let Some(id) = request.pipeline_id {
            self.session.ports().pipelines.pipeline(grant, id).await?;
        }
        let mut deals = request.conditions(Entity::Deal);
        deals.retain(|(field, _)| *field != "owner_id");
        deals.extend(request.filter.clone().map(|filter| ("filter", filter)));
        let (from, to) = (before.unwrap_or(window).start(), window.end());
        Ok(Wanted { request, people, deals, from, to })
    }

    /// The moves of deals.
    async fn deals_moved(
        &self,
        grant: &Grant,
        wanted: &Wanted<'_>,
        filter: &CheckedFilter,
        deeds: &mut Vec<Deed>,
    ) -> Result<()> {
        let kinds = kinds(&self.all_pipelines(grant, wanted.request.pipeline_id).await?);
        let store = &self.session.ports().analytics;
        for OwnedMove { step, owner_id } in store.moves_between(grant, filter, wanted.from, wanted.to).await? {
            let act = match kinds.get(&step.to) {
                Some(StageKind::Won) => Act::DealWon,
                Some(StageKind::Lost) => Act::DealLost,
                Some(StageKind::Open) | None if step.from.is_some() => Act::DealMoved,
                Some(StageKind::Open) | None => continue,
            };
            deeds.push(Deed { act, record: step.deal_id.uuid(), person: owner_id, at: step.at });
        }
        Ok(())
    }

    async fn all_pipelines(&self, grant: &Grant, only: Option<Id<Pipeline>>) -> Result<Vec<Pipeline>> {
        let store = &self.session.ports().pipelines;
        Ok(match only {
            Some(id) => vec![store.pipeline(grant, id).await?.into_inner()],
            None => store.pipelines(grant).await?.into_iter().map(|pipeline| pipeline.into_inner()).collect(),
        })
    }
}

fn kinds(pipelines: &[Pipeline]) -> HashMap<Id<Stage>, StageKind> {
    pipelines.iter().flat_map(|pipeline| &pipeline.stages).map(|stage| (stage.id, stage.kind)).collect()
}

fn deed(kind: WorkKind, work: &Work) -> Deed {
    let act = match kind {
        WorkKind::Notes => Act::Note,
        WorkKind::Tasks => Act::Task(work.task_kind.unwrap_or_default()),
        WorkKind::Contacts => Act::NewContact,
        WorkKind::Companies => Act::NewCompany,
        WorkKind::Deals => Act::NewDeal,
    };
    Deed { act, record: work.record, person: work.person, at: work.at }
}
