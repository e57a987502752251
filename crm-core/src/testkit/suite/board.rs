//! The board says the same of all deals, whose sums a store may keep, as of the deals one by one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use futures::FutureExt as _;

use super::analytics::{all, moves, number, usd, worth};
use super::endings::agree_on;
use super::forecasts::windows;
use super::support::{Seeds, deal, field, hiding, invalid_at, pipeline, reading};
use crate::access::{Entity, Listed as _, Role};
use crate::analytics::{AnalyticsRequest, StageFlow, Window};
use crate::bulk::{BulkChange, BulkMode, Selection};
use crate::custom_field::CustomKind;
use crate::deal::{Board, BoardStage, Deal, DealEdit, DealStart, StageTotal};
use crate::edit::Edit;
use crate::filter::{CheckedFilter, Facts, Field, FieldValue, Filter, MAX_DEPTH, MAX_NODES, Op, Relation, Scalar};
use crate::id::Id;
use crate::money::{Money, Totals};
use crate::page::ListRequest;
use crate::pipeline::{Pipeline, PipelineChange, Stage, StageChange, StageKind, StageTarget};
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::user::User;

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

/// A deal as filters see it that name no relations.
struct Alone<'a>(&'a Deal);

impl Facts for Alone<'_> {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        self.0.field_value(field)
    }

    fn related(&self, _relation: &Relation, _matches: &dyn Fn(&dyn Facts) -> bool) -> bool {
        false
    }

    fn search_text(&self) -> String {
        String::new()
    }

    fn open_text(&self) -> String {
        String::new()
    }
}

/// What the store says to somebody of the deals that pass a filter.
async fn told(session: &Session, pipeline: &Pipeline, filter: &CheckedFilter) -> Told {
    let grant = reading(session, Entity::Deal);
    let totals = session.ports().deals.stage_totals(&grant, pipeline.id, filter).await.unwrap();
    let store = &session.ports().analytics;
    let flows = store.stage_flows(&grant, pipeline.id, filter).await.unwrap();
    let between = store.flows_between(&grant, pipeline.id, &left(pipeline), filter).await.unwrap();
    let flows = flows.iter().map(|flow| (format!("{:?} {}", flow.from, flow.to), flow.count)).collect();
    (keyed(totals), flows, between)
}

/// What the deals that pass a filter and their ways add up to, one by one.
async fn added_up(session: &Session, pipeline: &Pipeline, filter: &CheckedFilter) -> Told {
    let mut totals: BTreeMap<String, StageTotal> = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut request = ListRequest { limit: Some(200), ..samples::list() };
    loop {
        let page = session.deals().list(&request).await.unwrap();
        let own = page.data.iter().filter(|deal| deal.pipeline_id == pipeline.id);
        for deal in own.filter(|deal| filter.eval(&Alone(deal))) {
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

/// A deal of somebody with a source and a tag, or without.
fn labelled(round: usize, owner: Id<User>) -> DealEdit {
    let source: Edit<String> = if round.is_multiple_of(2) { "Fair".into() } else { Edit::Keep };
    let tags: Edit<Vec<String>> = if round.is_multiple_of(3) { vec!["vip".to_owned()].into() } else { Edit::Keep };
    DealEdit { owner_id: owner.into(), source, tags, ..samples::deal("D") }
}

/// Who sees everything and who sees the same deals because they are theirs are told what they add up to.
pub(super) async fn agree(admin: &Session, rep: &Session, pipelines: &[Pipeline]) {
    let grant = reading(admin, Entity::Deal);
    for text in ["", "value > money(20 EUR) or source = fair", "not (tags has_any [vip])", "probability > 10"] {
        let filter: Option<Filter> = (!text.is_empty()).then(|| text.parse().unwrap());
        let filter = grant.check_filter(Entity::Deal, filter.as_ref(), admin.now()).unwrap();
        for pipeline in pipelines {
            let sums = added_up(admin, pipeline, &filter).await;
            assert_eq!(told(admin, pipeline, &filter).await, sums, "{text}");
            assert_eq!(told(rep, pipeline, &filter).await, sums, "{text}");
        }
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
    let (seeds, mut known, mut step) = (Seeds::of_this_run(), Vec::new(), 0);
    for (round, seed) in seeds.rounds(32) {
        step = seed.unwrap_or(step);
        world.clock.advance_seconds(3_600);
        let owner = labelled(round, world.home.member(Role::SalesRep));
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

/// The deals of a pipeline that somebody sees and that a request asks about, who got to their stages last first.
async fn passing(world: &World, session: &Session, pipeline: &Pipeline, request: &AnalyticsRequest) -> Vec<Deal> {
    let grant = reading(session, Entity::Deal);
    let window = Window::new(request.from, request.to, grant.zone()).unwrap();
    let is_of_days = request.from.is_some() || request.to.is_some();
    let filter = grant.check_filter(Entity::Deal, request.filter.as_ref(), session.now()).unwrap();
    let mates = [Role::Manager, Role::Closer, Role::Setter].map(|role| Some(world.home.member(role)));
    let passes = |deal: &Deal| {
        (!is_of_days || deal.opened_at.is_some_and(|at| window.holds(at)))
            && request.owner_id.is_none_or(|owner| deal.owner_id == Some(owner))
            && request.team_id.is_none_or(|_| mates.contains(&deal.owner_id))
            && request.tag.as_ref().is_none_or(|tag| deal.tags.contains(tag))
            && filter.eval(&Alone(deal))
    };
    let page = session.deals().list(&ListRequest { limit: Some(200), ..samples::list() }).await.unwrap();
    assert!(page.next_cursor.is_none());
    let mut deals: Vec<Deal> = page.data.into_iter().map(|deal| deal.into_inner()).collect();
    deals.retain(|deal| deal.pipeline_id == pipeline.id && passes(deal));
    deals.sort_by_key(|deal| Reverse((deal.stage_entered_at, deal.id)));
    deals
}

/// The deals of a column: its cards, and what the list goes on with.
async fn all_cards(session: &Session, board: &Board, column: &BoardStage) -> Vec<Id<Deal>> {
    let mut shown: Vec<Id<Deal>> = column.deals.iter().map(|deal| deal.id).collect();
    let mut cursor = column.next_cursor.clone();
    let here = Filter::is("stage_id", Op::Eq, Scalar::Text(column.stage_id.to_string()));
    let filter = match &board.filter {
        Some(filter) => Filter::All(vec![here, filter.clone()]),
        None => here,
    };
    // As it comes back from whoever was told of it.
    let filter = Filter::from_json(&serde_json::to_string(&filter).unwrap()).unwrap();
    while cursor.is_some() {
        let sort = Some("-stage_entered_at".to_owned());
        let next = ListRequest { filter: Some(filter.clone()), sort, limit: Some(2), cursor, ..samples::list() };
        let page = session.deals().list(&next).await.unwrap();
        shown.extend(page.data.iter().map(|deal| deal.id));
        cursor = page.next_cursor;
    }
    shown
}

/// A board tells of the deals that pass, with their cards and what stands behind its figures.
async fn tells_of_those_that_pass(world: &World, session: &Session, pipeline: &Pipeline, asked: &AnalyticsRequest) {
    let deals = passing(world, session, pipeline, asked).await;
    let explained = AnalyticsRequest { explain: true, ..asked.clone() };
    let board = session.deals().board_of(&explained, 2).await.unwrap();
    let plain = session.deals().board_of(asked, 2).await.unwrap();
    assert_eq!(Board { explanations: None, ..board.clone() }, plain);
    assert_eq!(board.count(), deals.len() as u64, "{asked:?}");
    let mut steps = moves(session).await;
    steps.retain(|step| deals.iter().any(|deal| deal.id == step.deal_id));
    let stages: Vec<Id<Stage>> = pipeline.stages.iter().map(|stage| stage.id).collect();
    let flows = StageFlow::between(&steps, &stages);
    let times = |keeps: &dyn Fn(&StageFlow) -> bool| -> u64 {
        flows.iter().filter(|flow| keeps(flow)).map(|flow| flow.count).sum()
    };
    for (at, column) in board.stages.iter().enumerate() {
        let here: Vec<&Deal> = deals.iter().filter(|deal| deal.stage_id == column.stage_id).collect();
        let mut total = Totals::default();
        here.iter().filter_map(|deal| deal.value).try_for_each(|value| total.add(value)).unwrap();
        assert_eq!((column.count, column.total.as_ref()), (here.len() as u64, Some(&total)), "{asked:?}");
        let later = pipeline.stages[at + 1..].iter().filter(|stage| stage.kind != StageKind::Lost);
        let later: Vec<Id<Stage>> = later.map(|stage| stage.id).collect();
        let came = times(&|flow| flow.to == column.stage_id);
        let went_on = times(&|flow| flow.from == Some(column.stage_id) && later.contains(&flow.to));
        assert_eq!(column.conversion, (came > 0).then(|| went_on as f64 / came as f64), "{asked:?}");
        assert_eq!((column.deals.len(), column.next_cursor.is_some()), (here.len().min(2), here.len() > 2));
        let ids: Vec<Id<Deal>> = here.iter().map(|deal| deal.id).collect();
        assert_eq!(all_cards(session, &board, column).await, ids, "{asked:?}");
        let behind = |name: &str| {
            let figure = format!("stages.{}.{name}", column.stage_id);
            board.explanations.iter().flatten().find(|one| one.figure == figure).unwrap()
        };
        let mut ids: Vec<_> = ids.into_iter().map(Id::uuid).collect();
        ids.sort_unstable();
        assert_eq!((&behind("count").ids, behind("count").id_count), (&ids, column.count));
        assert_eq!(behind("conversion").denominator, Some(came));
        let valued = here.iter().filter(|deal| deal.value.is_some()).count() as u64;
        assert_eq!((behind("total").id_count, behind("weighted").id_count), (valued, valued));
    }
}

pub async fn a_board_of_some_deals_is_that_of_those_that_pass(world: World) {
    world.set_time("2026-01-05T08:00:00Z");
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Deal, "budget", CustomKind::Number).await;
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let pipelines = [pipeline(&admin).await];
    let owners = [Role::SalesRep, Role::Closer, Role::Admin].map(|role| world.home.member(role));
    let (mut known, mut step) = (Vec::new(), 23);
    for round in 0..90 {
        world.clock.advance_seconds(9 * 3_600);
        let custom = samples::custom("budget", u32::try_from(round % 5).unwrap());
        let edit = DealEdit { custom, ..labelled(round, owners[round % 3]) };
        happens(&admin, &pipelines, &edit, &mut known, &mut step).await;
    }
    let (day, filter) = (|text: &str| text.parse().ok(), |text: &str| Some(text.parse::<Filter>().unwrap()));
    let some_days = AnalyticsRequest { from: day("2026-01-15"), to: day("2026-01-24"), ..all() };
    let asked = [
        all(),
        AnalyticsRequest { owner_id: Some(owners[0]), ..all() },
        AnalyticsRequest { tag: Some("vip".to_owned()), ..all() },
        AnalyticsRequest { filter: filter("value > money(20 EUR) or source = fair"), ..all() },
        AnalyticsRequest { filter: filter("custom.budget > 2"), ..all() },
        AnalyticsRequest { filter: filter("owner_id = me and not (tags has_any [vip])"), ..all() },
        AnalyticsRequest { filter: filter("opened_at > ago P14D"), tag: Some("vip".to_owned()), ..all() },
        AnalyticsRequest { pipeline_id: Some(pipelines[0].id), to: day("2026-01-14"), ..all() },
        some_days.clone(),
    ];
    for request in &asked {
        tells_of_those_that_pass(&world, &admin, &pipelines[0], request).await;
        tells_of_those_that_pass(&world, &rep, &pipelines[0], request).await;
    }
    let mates = AnalyticsRequest { team_id: Some(world.home.team), ..some_days };
    tells_of_those_that_pass(&world, &admin, &pipelines[0], &mates).await;
    // Late ones: of the first days hardly a deal is left.
    let late = AnalyticsRequest { from: day("2026-01-29"), to: day("2026-02-07"), explain: true, ..all() };
    let compared = AnalyticsRequest { compare: true, ..late };
    let earlier = AnalyticsRequest { from: day("2026-01-19"), to: day("2026-01-28"), explain: true, ..all() };
    let before = admin.deals().board_of(&compared, 2).await.unwrap().before.unwrap();
    assert_eq!(*before, admin.deals().board_of(&earlier, 0).await.unwrap());
    assert!(before.count() > 0 && before.explanations.is_some());
}

pub async fn a_board_takes_whatever_filter_a_list_takes(world: World) {
    world.set_time("2026-01-05T08:00:00Z");
    let admin = world.session(Role::Admin).await;
    let (own, owner) = (pipeline(&admin).await, world.home.member(Role::Closer));
    for round in 0..9 {
        deal(&admin, labelled(round, owner)).await;
    }
    let leaf = || Filter::is("title", Op::Eq, Scalar::Text("D".to_owned()));
    let deepest = (1..MAX_DEPTH).fold(leaf(), |filter, _| Filter::Any(vec![filter]));
    let longest = Filter::Any(vec![leaf(); MAX_NODES - 1]);
    for filter in [&deepest, &longest] {
        let listed = ListRequest { filter: Some(filter.clone()), ..samples::list() };
        assert_eq!(admin.deals().list(&listed).await.unwrap().data.len(), 9);
        let alone = AnalyticsRequest { filter: Some(filter.clone()), ..all() };
        let day = "2026-01-05".parse().ok();
        let team_id = Some(world.home.team);
        let tag = Some("vip".to_owned());
        let beside = AnalyticsRequest { from: day, to: day, owner_id: Some(owner), team_id, tag, ..alone.clone() };
        for asked in [alone, beside] {
            tells_of_those_that_pass(&world, &admin, &own, &asked).await;
        }
    }
    // What a list refuses by itself the board refuses as well.
    for filter in [Filter::Any(vec![deepest]), Filter::Any(vec![longest])] {
        let listed = ListRequest { filter: Some(filter.clone()), ..samples::list() };
        invalid_at(admin.deals().list(&listed).await, "filter");
        invalid_at(admin.deals().board_of(&AnalyticsRequest { filter: Some(filter), ..all() }, 2).await, "filter");
    }
}

pub async fn a_board_tells_nothing_of_what_is_hidden(world: World) {
    let admin = world.session(Role::Admin).await;
    deal(&admin, worth("D", 100)).await;
    world.set_rule(Role::Manager, Entity::Deal, hiding(&["value"])).await;
    let manager = world.session(Role::Manager).await;
    let explained = AnalyticsRequest { explain: true, ..all() };
    let board = manager.deals().board_of(&explained, 1).await.unwrap();
    let told: Vec<&str> = board.explanations.iter().flatten().filter_map(|one| one.figure.rsplit('.').next()).collect();
    assert_eq!(board.count(), 1);
    assert!(told.iter().all(|name| ["count", "conversion"].contains(name)), "{told:?}");
    let dear = AnalyticsRequest { filter: "value > money(1 USD)".parse().ok(), ..all() };
    invalid_at(manager.deals().board_of(&dear, 0).await, "filter.field");
    assert_eq!(admin.deals().board_of(&dear, 0).await.unwrap().count(), 1);
}
