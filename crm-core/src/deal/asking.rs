//! The board of a pipeline: all of its deals, or those that somebody asks about.

use super::behind::{Behind, explain};
use super::board::Board;
use super::model::Deal;
use super::service::Deals;
use crate::access::{Action, Entity, Grant};
use crate::analytics::{
    AnalyticsRequest, Explainer, StageFlow, Window, Worth, conditions_on_deals, of_today, opened_in, renamed, stays,
};
use crate::error::{Error, Result};
use crate::filter::{Check, CheckedFilter, Field, Filter, Literal, Op, Scalar};
use crate::id::Id;
use crate::page::{ListRequest, Rows};
use crate::pipeline::{Pipeline, Stage};
use crate::session::page_of;

/// Most deals of a stage that a board shows.
const MAX_CARDS: u16 = 50;

/// Which deals a board is about.
struct Asked {
    /// As a list asks for them; absent where nothing is asked of them.
    filter: Option<Filter>,
    checked: CheckedFilter,
}

impl Deals {
    /// The board of a pipeline, by default of the default one.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Unavailable` past the deadline.
    pub async fn board(&self, pipeline: Option<Id<Pipeline>>) -> Result<Board> {
        self.board_of(&AnalyticsRequest { pipeline_id: pipeline, ..AnalyticsRequest::default() }, 0).await
    }

    /// The board of the deals that a request asks about, as they stand now, with the first ones of each stage, at
    /// most 50. It is that of the default pipeline where the request names none; its days are those on which the
    /// deals were opened.
    ///
    /// # Errors
    /// As [`Deals::board`]; `Invalid` for more cards and for a bad request.
    pub async fn board_of(&self, request: &AnalyticsRequest, cards: u16) -> Result<Board> {
        let grant = self.session.require(Entity::Deal, Action::Read)?;
        if cards > MAX_CARDS {
            return Err(Error::invalid("cards", "out_of_range", format!("must lie between 0 and {MAX_CARDS}")));
        }
        let pipeline = self.pipeline(&grant, request.pipeline_id).await?;
        let window = Window::new(request.from, request.to, grant.zone())?;
        let before = request.compare.then(|| window.before()).transpose()?;
        let conditions = conditions_on_deals(&self.session, request).await?;
        let behind = request.explains()?;
        let mut explainer = Explainer::of(behind);
        let asked = self.asked(&grant, &conditions, window)?;
        let mut board = self.columns(&grant, &pipeline, &asked.checked, &mut explainer).await?;
        if cards > 0 {
            self.lay_out(&grant, &mut board, &asked, cards).await?;
        }
        if let Some(window) = before {
            let asked = self.asked(&grant, &conditions, window)?;
            let mut explainer = Explainer::of(behind);
            let mut earlier = self.columns(&grant, &pipeline, &asked.checked, &mut explainer).await?;
            earlier.filter = asked.filter;
            earlier.explanations = explainer.into_explanations();
            board.before = Some(Box::new(earlier));
        }
        board.filter = asked.filter;
        board.explanations = explainer.into_explanations();
        Ok(board)
    }

    /// The deals of some conditions that were opened in a window.
    fn asked(&self, grant: &Grant, conditions: &[(&'static str, Filter)], window: Window) -> Result<Asked> {
        let (now, mut checked, mut parts) = (self.session.now(), CheckedFilter::everything(), Vec::new());
        for (field, condition) in conditions {
            let own = grant.check_filter(Entity::Deal, Some(condition), now);
            // A filter names the place at fault itself.
            let own = own.map_err(|error| if *field == "filter" { error } else { renamed(&error, field) });
            checked = checked.and(own?);
            parts.push(condition.clone());
        }
        for day in opened_in(window) {
            checked = checked.and(grant.check_filter(Entity::Deal, Some(&day), now)?);
            parts.push(day);
        }
        let filter = if parts.len() > 1 { Some(Filter::All(parts)) } else { parts.pop() };
        Ok(Asked { filter, checked })
    }

    /// A board without cards.
    async fn columns(
        &self,
        grant: &Grant,
        pipeline: &Pipeline,
        filter: &CheckedFilter,
        explainer: &mut Explainer,
    ) -> Result<Board> {
        let ports = self.session.ports();
        let totals = ports.deals.stage_totals(grant, pipeline.id, filter).await?;
        let flows = self.flows(grant, pipeline, filter).await?;
        let currencies = totals.iter().flat_map(|sum| sum.total.iter()).map(|money| money.currency);
        let exchange = of_today(&self.session, grant, currencies).await?;
        let is_hidden = grant.mask(Entity::Deal).hides("value");
        let worth = if is_hidden { Worth::Hidden } else { Worth::Shown(exchange.as_ref()) };
        let board = Board::new(pipeline, &totals, &flows, worth)?;
        if explainer.listens() {
            let own = Check::Eq(Literal::Id(pipeline.id.uuid()));
            let own = CheckedFilter::is(Field::reference("pipeline_id", Entity::Pipeline), own);
            let own = filter.clone().and(own);
            let facts = ports.analytics.deal_facts(grant, &own).await?;
            let stays = stays(pipeline, &ports.analytics.deal_moves(grant, &own).await?);
            explain(&board, pipeline, &Behind { facts: &facts, stays: &stays, worth }, explainer);
        }
        Ok(board)
    }

    /// Puts the first deals of each stage on a board.
    async fn lay_out(&self, grant: &Grant, board: &mut Board, asked: &Asked, cards: u16) -> Result<()> {
        let stages: Vec<Id<Stage>> = board.stages.iter().map(|stage| stage.stage_id).collect();
        // One more than is shown tells whether others follow.
        let limit = usize::from(cards) + 1;
        let last = self.session.ports().deals.last_in_stages(grant, &stages, &asked.checked, limit).await?;
        for (stage, deals) in board.stages.iter_mut().zip(last) {
            let list = cards_of(stage.stage_id, asked.filter.as_ref(), cards);
            // Its filter was checked part by part, and is here for the cursor alone.
            let unfiltered = ListRequest { filter: None, ..list.clone() };
            let query = grant.check_list::<Deal>(&unfiltered, self.session.now())?;
            let query = grant.sealed_as(query, &list);
            let page = page_of(grant, &query, Rows::cut(deals, &query), None);
            (stage.deals, stage.next_cursor) = (page.data, page.next_cursor);
        }
        Ok(())
    }

    /// How often deals went from stage to stage of a pipeline. What the store keeps serves as long as no deal
    /// has been in a stage that is gone; such ways are counted anew, as the report about conversion does.
    async fn flows(&self, grant: &Grant, pipeline: &Pipeline, filter: &CheckedFilter) -> Result<Vec<StageFlow>> {
        let store = &self.session.ports().analytics;
        let stages: Vec<Id<Stage>> = pipeline.stages.iter().map(|stage| stage.id).collect();
        let flows = store.stage_flows(grant, pipeline.id, filter).await?;
        if flows.iter().all(|flow| flow.is_between(&stages)) {
            return Ok(flows);
        }
        store.flows_between(grant, pipeline.id, &stages, filter).await
    }
}

/// The list of a stage's deals, who got there last first.
fn cards_of(stage: Id<Stage>, filter: Option<&Filter>, cards: u16) -> ListRequest {
    let here = Filter::is("stage_id", Op::Eq, Scalar::Text(stage.to_string()));
    let filter = match filter {
        Some(filter) => Filter::All(vec![here, filter.clone()]),
        None => here,
    };
    ListRequest {
        filter: Some(filter),
        sort: Some("-stage_entered_at".to_owned()),
        limit: Some(cards),
        ..ListRequest::default()
    }
}
