//! The board says the same of all deals, whose sums a store may keep, as of the deals one by one.

use std::collections::BTreeMap;

use futures::FutureExt as _;

use super::analytics::{moves, number, usd};
use super::endings::agree_on;
use super::forecasts::windows;
use super::support::{pipeline, reading};
use crate::access::{Entity, Role};
use crate::analytics::StageFlow;
use crate::bulk::{BulkChange, BulkMode, Selection};
use crate::deal::{Deal, DealEdit, DealStart, StageTotal};
use crate::edit::Edit;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::money::Money;
use crate::page::ListRequest;
use crate::pipeline::{Pipeline, PipelineChange, Stage, StageChange, StageTarget};
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};

/// What a board is made of, in one order: sums, flows, and flows between all stages but the second.
type Told = (BTreeMap<String, StageTotal>, BTreeMap<String, u64>, Vec<StageFlow>);

/// The stages of a pipeline as if the second one had been left out.
fn left(pipeline: &Pipeline) -> Vec<Id<Stage>> {
    let second = pipeline.stages[1].id;
    pipeline.stages.iter().map(|stage| stage.id).filter(|id| *id != second).collect()
}

fn keyed(totals: Vec<StageTotal>) -> BTreeMap<String, StageTotal> {
    let keyed = totals.into_iter().map(|total| (format!("{} {:?}", total.stage_id, total.probability), total));
    keyed.collect()
}

/// What the store says to somebody.
async fn told(session: &Session, pipeline: &Pipeline) -> Told {
    let grant = reading(session, Entity::Deal);
    let totals = session.ports().deals.stage_totals(&grant, pipeline.id).await.unwrap();
    let store = &session.ports().analytics;
    let flows = store.stage_flows(&grant, pipeline.id).await.unwrap();
    let between = store.flows_between(&grant, pipeline.id, &left(pipeline)).await.unwrap();
    let flows = flows.iter().map(|flow| (format!("{:?} {}", flow.from, flow.to), flow.count)).collect();
    (keyed(totals), flows, between)
}

/// What the deals and their ways add up to, one by one.
async fn added_up(session: &Session, pipeline: &Pipeline) -> Told {
    let mut totals: BTreeMap<String, StageTotal> = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut request = ListRequest { limit: Some(200), ..samples::list() };
    loop {
        let page = session.deals().list(&request).await.unwrap();
        for deal in page.data.iter().filter(|deal| deal.pipeline_id == pipeline.id) {
            places.insert(deal.id, ());
            let (stage_id, probability) = (deal.stage_id, deal.probability);
            let empty = || StageTotal { stage_id, probability, count: 0, total: Default::default() };
            let total = totals.entry(format!("{stage_id} {probability:?}")).or_insert_with(empty);
            total.count += 1;
            deal.value.iter().try_for_each(|value| total.total.add(*value)).unwrap();
        }
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    let mut flows: BTreeMap<String, u64> = BTreeMap::new();
    let mut steps = moves(session).await;
    steps.retain(|step| places.contains_key(&step.deal_id));
    for step in &steps {
        *flows.entry(format!("{:?} {}", step.from, step.to)).or_default() += 1;
    }
    (totals, flows, StageFlow::between(&steps, &left(pipeline)))
}

/// Who sees everything and who sees the same deals because they are theirs are told what they add up to.
async fn agree(admin: &Session, rep: &Session, pipelines: &[Pipeline]) {
    for pipeline in pipelines {
        let sums = added_up(admin, pipeline).await;
        assert_eq!(told(admin, pipeline).await, sums);
        assert_eq!(told(rep, pipeline).await, sums);
    }
}

/// One step of a history.
pub(super) async fn happens(
    admin: &Session,
    pipelines: &[Pipeline],
    owner: &DealEdit,
    known: &mut Vec<Id<Deal>>,
    step: &mut u64,
) {
    let own = &pipelines[number(step) % pipelines.len()];
    let stage = own.stages[number(step) % own.stages.len()].id;
    let amount = i64::try_from(number(step)).unwrap() * 5;
    let value = match number(step) % 4 {
        0 => Edit::Clear,
        1 => Money::minor(amount, "EUR".parse().unwrap()).into(),
        _ => usd(amount).into(),
    };
    let picked = (!known.is_empty()).then(|| known[number(step) % known.len().max(1)]);
    match (number(step) % 12, picked) {
        (0..=3, _) | (_, None) => {
            let start = DealStart { pipeline_id: Some(own.id), stage_id: Some(stage) };
            let edit = DealEdit { value, ..owner.clone() };
            known.push(admin.deals().create(start, edit).await.unwrap().id);
        }
        (4..=6, Some(id)) => {
            // A stage of the other pipeline, and a deal that is deleted, are refused.
            let _ = admin.deals().move_to(id, stage, Expect::Any).await;
        }
        (7, Some(id)) => {
            let probability = if number(step).is_multiple_of(2) { Edit::Clear } else { 35.into() };
            let edit = DealEdit { value, probability, ..DealEdit::default() };
            let _ = admin.deals().update(id, edit, Expect::Any).await;
        }
        (8, Some(id)) => {
            let _ = admin.deals().delete(id, Expect::Any).await;
        }
        (9, Some(id)) => {
            let _ = admin.deals().restore(id).await;
        }
        (10, Some(id)) => {
            let many = Selection::Ids(known.iter().copied().filter(|one| *one >= id).take(3).collect());
            let _ = admin.deals().change_many(many, BulkChange::Delete, BulkMode::Partial).await.unwrap();
        }
        (_, Some(id)) => {
            if admin.deals().purge(id).await.is_ok() {
                known.retain(|one| *one != id);
            }
        }
    }
}

pub async fn a_board_of_all_deals_is_what_they_add_up_to(world: World) {
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap().into_inner();
    let pipelines = [pipeline(&admin).await, other];
    let owner = DealEdit { owner_id: world.home.member(Role::SalesRep).into(), ..samples::deal("D") };
    let (mut known, mut step) = (Vec::new(), 11);
    for round in 0..120 {
        world.clock.advance_seconds(3_600);
        happens(&admin, &pipelines, &owner, &mut known, &mut step).await;
        if round % 8 == 7 {
            agree(&admin, &rep, &pipelines).await;
        }
    }
    // A stage that is left out hands its deals over.
    let (first, second) = (pipelines[0].stages[0].id, pipelines[0].stages[1].id);
    let stages = pipelines[0].stages.iter().filter(|stage| stage.id != first).map(StageChange::from).collect();
    let targets = vec![StageTarget { stage_id: first, to: second }];
    let change = PipelineChange { name: pipelines[0].name.clone(), stages, targets };
    admin.pipelines().update(pipelines[0].id, change, Expect::Any).await.unwrap();
    agree(&admin, &rep, &pipelines).await;
}

pub async fn a_board_holds_when_many_write_at_once(world: World) {
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let own = pipeline(&admin).await;
    let owner = DealEdit { owner_id: world.home.member(Role::SalesRep).into(), ..samples::deal("D") };
    let work = (0..16_usize).map(|writer| {
        let (admin, own, owner) = (admin.clone(), own.clone(), owner.clone());
        let written = async move {
            for at in 0..5 {
                let value = usd(i64::try_from(writer * 5 + at).unwrap());
                let edit = DealEdit { value: value.into(), ..owner.clone() };
                let made = admin.deals().create(DealStart::default(), edit).await.unwrap();
                let to = own.stages[(writer + at) % own.stages.len()].id;
                admin.deals().move_to(made.id, to, Expect::Any).await.unwrap();
            }
        };
        written.boxed()
    });
    world.at_once(work).await;
    agree(&admin, &rep, std::slice::from_ref(&own)).await;
    agree_on(&admin, &CheckedFilter::everything(), &windows()).await;
    assert_eq!(admin.deals().board(None).await.unwrap().count(), 80);
}
