//! Deals of one id, on one pipeline of one id, in two workspaces: each has its own way, board and end.

use super::analytics::moves;
use super::support::{commit, fails, pipeline, reading};
use crate::access::{Entity, Role};
use crate::analytics::StageFlow;
use crate::deal::{Deal, DealMove};
use crate::error::ErrorKind::Conflict;
use crate::exchange_rate::{ExchangeRate, ExchangeRateChange};
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::pipeline::{Pipeline, Stage};
use crate::session::{Expect, Session};
use crate::store::{Record, Stored};
use crate::task::Task;
use crate::testkit::{World, samples};
use crate::user::User;

/// The admins of two workspaces whose pipelines have one id and the same stages.
struct Namesakes {
    home: Session,
    away: Session,
    own: Pipeline,
}

impl Namesakes {
    async fn of(world: &World) -> Self {
        let (home, away) = (world.session(Role::Admin).await, world.stranger().await);
        let own = pipeline(&home).await;
        write(&away, Pipeline { is_default: false, version: 0, ..own.clone() }).await;
        Self { home, away, own }
    }
}

/// Writes a record as it is.
async fn write<T: Record>(session: &Session, record: T) {
    let mut changes = session.changes();
    changes.put(&mut Stored::new(record));
    commit(session, changes).await.unwrap();
}

/// Ids of deals, rising.
fn ids<const COUNT: usize>(session: &Session) -> [Id<Deal>; COUNT] {
    std::array::from_fn(|_| Id::new_at(session.now()))
}

async fn stored(session: &Session, id: Id<Deal>) -> Stored<Deal> {
    session.ports().deals.deal(&reading(session, Entity::Deal), id).await.unwrap()
}

/// Changes a deal.
async fn change(session: &Session, id: Id<Deal>, change: impl FnOnce(&mut Deal)) {
    let mut deal = stored(session, id).await;
    change(&mut deal);
    let mut changes = session.changes();
    changes.put(&mut deal);
    commit(session, changes).await.unwrap();
}

/// Makes a deal that goes through these stages.
async fn goes(session: &Session, id: Id<Deal>, own: &Pipeline, way: &[usize], owner: Option<Id<User>>) {
    for (step, stage) in way.iter().map(|at| &own.stages[*at]).enumerate() {
        let now = session.now();
        if step == 0 {
            write(session, Deal { owner_id: owner, ..Deal::at_stage(id, own.id, stage, now) }).await;
        } else {
            let moved = |deal: &mut Deal| assert!(deal.move_to(stage, now).unwrap().is_some());
            change(session, id, moved).await;
        }
    }
}

pub async fn a_deal_is_changed_and_its_namesake_stays(world: World) {
    let Namesakes { home, away, own } = Namesakes::of(&world).await;
    let [id] = ids(&home);
    goes(&home, id, &own, &[0], None).await;
    goes(&away, id, &own, &[0], None).await;
    let theirs = stored(&away, id).await;
    home.deals().update(id, samples::deal("Ours"), Expect::Any).await.unwrap();
    home.deals().move_to(id, own.stages[1].id, Expect::Any).await.unwrap();
    let ours = stored(&home, id).await;
    assert_eq!((ours.title.as_str(), ours.stage_id, ours.version), ("Ours", own.stages[1].id, 3));
    assert_eq!(stored(&away, id).await, theirs);
}

pub async fn a_task_and_a_rate_are_changed_and_their_namesakes_stay(world: World) {
    let (home, away) = (world.session(Role::Admin).await, world.stranger().await);
    let task = home.tasks().create(samples::task("Ours")).await.unwrap().into_inner();
    let twin = Task { title: "Theirs".to_owned(), assignee_id: None, created_by: None, version: 0, ..task.clone() };
    write(&away, twin).await;
    home.tasks().update(task.id, samples::task("Changed"), Expect::Any).await.unwrap();
    let (ours, theirs) = (home.tasks().read(task.id).await.unwrap(), away.tasks().read(task.id).await.unwrap());
    assert_eq!((ours.title.as_str(), ours.version), ("Changed", 2));
    assert_eq!((theirs.title.as_str(), theirs.version), ("Theirs", 1));
    let rate = |number: &str| samples::exchange_rate(("EUR", "USD"), number, "2026-01-31");
    let made = home.exchange_rates().set(rate("1.1")).await.unwrap().into_rate().into_inner();
    write(&away, ExchangeRate { version: 0, ..made.clone() }).await;
    let change = ExchangeRateChange::from(rate("1.2"));
    home.exchange_rates().update(made.id, change, Expect::Any).await.unwrap();
    let told = async |session: &Session| {
        let rate = session.exchange_rates().read(made.id).await.unwrap();
        (rate.rate.to_string(), rate.version)
    };
    assert_eq!((told(&home).await, told(&away).await), (("1.2".to_owned(), 2), ("1.1".to_owned(), 1)));
}

pub async fn a_corrected_end_is_that_of_the_last_step_of_its_own_deal(world: World) {
    let Namesakes { home, away, own } = Namesakes::of(&world).await;
    let [id, longer, alike] = ids(&home);
    goes(&home, id, &own, &[0, 2], None).await;
    goes(&home, longer, &own, &[0, 1, 2], None).await;
    goes(&home, alike, &own, &[0, 2], None).await;
    goes(&away, id, &own, &[0, 1, 2], None).await;
    let (before, theirs) = (moves(&home).await, moves(&away).await);
    let at = home.now().plus_seconds(-60);
    change(&home, id, |deal| (deal.stage_entered_at, deal.closed_at) = (at, Some(at))).await;
    let corrected = |step: &DealMove| match (step.deal_id, step.from) {
        (deal, Some(_)) if deal == id => DealMove { at, ..*step },
        _ => *step,
    };
    assert_eq!(moves(&home).await, before.iter().map(corrected).collect::<Vec<_>>());
    assert_eq!(moves(&away).await, theirs);
}

pub async fn the_way_of_an_erased_deal_goes_and_those_of_others_stay(world: World) {
    let Namesakes { home, away, own } = Namesakes::of(&world).await;
    let [id, other] = ids(&home);
    goes(&home, id, &own, &[0, 1], None).await;
    goes(&home, other, &own, &[0, 1], None).await;
    goes(&away, id, &own, &[0, 1, 2], None).await;
    let theirs = moves(&away).await;
    home.deals().delete(id, Expect::Any).await.unwrap();
    home.deals().purge(id).await.unwrap();
    let left: Vec<_> = moves(&home).await.iter().map(|step| (step.deal_id, step.to)).collect();
    assert_eq!(left, [(other, own.stages[0].id), (other, own.stages[1].id)]);
    assert_eq!((theirs.len(), moves(&away).await), (3, theirs));
}

/// A flow, by the places of the stages.
type Flow = (Option<usize>, usize, u64);
/// The flows of a pipeline, and those past its second stage.
type Flows = (Vec<Flow>, Vec<Flow>);

/// What somebody is told.
async fn flows(session: &Session, own: &Pipeline) -> Flows {
    let (store, grant) = (&session.ports().analytics, reading(session, Entity::Deal));
    let place = |id: Id<Stage>| own.stages.iter().position(|stage| stage.id == id).unwrap();
    let placed = |flows: Vec<StageFlow>| {
        let mut placed: Vec<Flow> =
            flows.iter().map(|flow| (flow.from.map(place), place(flow.to), flow.count)).collect();
        placed.sort_unstable();
        placed
    };
    let stages = [0, 2, 3].map(|at| own.stages[at].id);
    let all = store.stage_flows(&grant, own.id, &CheckedFilter::everything()).await.unwrap();
    let between = store.flows_between(&grant, own.id, &stages, &CheckedFilter::everything()).await.unwrap();
    (placed(all), placed(between))
}

pub async fn boards_of_one_pipeline_id_are_each_workspaces_own(world: World) {
    let Namesakes { home, away, own } = Namesakes::of(&world).await;
    let rep = world.session(Role::SalesRep).await;
    let owner = Some(world.home.member(Role::SalesRep));
    let [id, other, theirs] = ids(&home);
    goes(&home, id, &own, &[0, 1], owner).await;
    goes(&home, other, &own, &[0, 1], owner).await;
    goes(&away, id, &own, &[0, 1, 2], None).await;
    goes(&away, theirs, &own, &[0, 1], None).await;
    let ours = |deals: u64| -> Flows { (vec![(None, 0, deals), (Some(0), 1, deals)], vec![(None, 0, deals)]) };
    let told: Flows = (vec![(None, 0, 2), (Some(0), 1, 2), (Some(1), 2, 1)], vec![(None, 0, 2), (Some(0), 2, 1)]);
    let counts = async |session: &Session| -> u64 {
        let totals = session
            .ports()
            .deals
            .stage_totals(&reading(session, Entity::Deal), own.id, &CheckedFilter::everything())
            .await
            .unwrap();
        totals.iter().map(|total| total.count).sum()
    };
    assert_eq!((flows(&home, &own).await, flows(&rep, &own).await), (ours(2), ours(2)));
    assert_eq!((counts(&home).await, counts(&rep).await, counts(&away).await), (2, 2, 2));
    assert_eq!(flows(&away, &own).await, told);
    // With a deal its own way goes, and comes back with it.
    home.deals().delete(id, Expect::Any).await.unwrap();
    assert_eq!((flows(&home, &own).await, flows(&rep, &own).await), (ours(1), ours(1)));
    home.deals().restore(id).await.unwrap();
    assert_eq!((flows(&home, &own).await, flows(&rep, &own).await), (ours(2), ours(2)));
    assert_eq!(flows(&away, &own).await, told);
    let steps: Vec<_> = moves(&home).await.iter().map(|step| (step.deal_id, step.to)).collect();
    let (first, second) = (own.stages[0].id, own.stages[1].id);
    assert_eq!(steps, [(id, first), (id, second), (other, first), (other, second)]);
}

pub async fn the_last_deals_of_a_stage_are_those_that_the_caller_sees_there(world: World) {
    let Namesakes { home, away, own } = Namesakes::of(&world).await;
    let rep = world.session(Role::SalesRep).await;
    let owner = Some(world.home.member(Role::SalesRep));
    let [a, b, gone, unseen, elsewhere, theirs] = ids(&home);
    for id in [a, b, gone] {
        goes(&home, id, &own, &[1], owner).await;
    }
    goes(&home, unseen, &own, &[1], None).await;
    goes(&home, elsewhere, &own, &[0], owner).await;
    home.deals().delete(gone, Expect::Any).await.unwrap();
    goes(&away, b, &own, &[1], None).await;
    goes(&away, theirs, &own, &[1], None).await;
    let stages = [own.stages[1].id, own.stages[0].id];
    let last = async |session: &Session, stages: &[Id<Stage>], limit: usize| {
        let grant = reading(session, Entity::Deal);
        let found =
            session.ports().deals.last_in_stages(&grant, stages, &CheckedFilter::everything(), limit).await.unwrap();
        found.iter().map(|deals| deals.iter().map(|deal| deal.id).collect()).collect::<Vec<Vec<_>>>()
    };
    assert_eq!(last(&rep, &stages, 1).await, [vec![b], vec![elsewhere]]);
    assert_eq!(last(&rep, &stages, 3).await, [vec![b, a], vec![elsewhere]]);
    assert_eq!(last(&home, &stages, 1).await, [vec![unseen], vec![elsewhere]]);
    assert_eq!(last(&home, &stages, 2).await, [vec![unseen, b], vec![elsewhere]]);
    assert_eq!(last(&away, &stages, 1).await, [vec![theirs], vec![]]);
    // Of several at one time those with the greater ids, in whatever order they were written.
    let [low, middle, high] = ids(&home);
    let now = home.now();
    for id in [middle, high, low] {
        write(&home, Deal::at_stage(id, own.id, &own.stages[2], now)).await;
    }
    assert_eq!(last(&home, &[own.stages[2].id], 2).await, [vec![high, middle]]);
}

pub async fn deals_of_stages_come_live_ones_first_then_by_id(world: World) {
    let Namesakes { home, away, own } = Namesakes::of(&world).await;
    let rep = world.session(Role::SalesRep).await;
    let owner = Some(world.home.member(Role::SalesRep));
    let [gone, a, b, c, unseen, elsewhere] = ids(&home);
    // The greater its id, the sooner it was there.
    for (id, stage, owner) in
        [(elsewhere, 2, owner), (unseen, 1, None), (c, 1, owner), (b, 0, owner), (a, 1, owner), (gone, 1, owner)]
    {
        goes(&home, id, &own, &[stage], owner).await;
    }
    home.deals().delete(gone, Expect::Any).await.unwrap();
    goes(&away, a, &own, &[1], None).await;
    let stages = [own.stages[1].id, own.stages[0].id];
    let found = async |session: &Session, limit: usize| {
        let grant = reading(session, Entity::Deal);
        let found = session.ports().deals.deals_in_stages(&grant, &stages, limit).await.unwrap();
        found.iter().map(|deal| deal.id).collect::<Vec<_>>()
    };
    assert_eq!(found(&rep, 10).await, [a, b, c, gone]);
    assert_eq!(found(&rep, 2).await, [a, b]);
    assert_eq!(found(&home, 10).await, [a, b, c, unseen, gone]);
    assert_eq!(found(&away, 10).await, [a]);
}

pub async fn a_stage_goes_from_its_own_pipeline_alone(world: World) {
    let Namesakes { home, away, own } = Namesakes::of(&world).await;
    let other = Pipeline { id: Id::new_at(home.now()), is_default: false, version: 0, ..own.clone() };
    write(&home, other.clone()).await;
    let [here, there] = ids(&home);
    let load = async |session: &Session, id: Id<Pipeline>| {
        session.ports().pipelines.pipeline(&reading(session, Entity::Pipeline), id).await.unwrap()
    };
    let put = async |mut pipeline: Stored<Pipeline>| {
        let mut changes = home.changes();
        changes.put(&mut pipeline);
        commit(&home, changes).await
    };
    // Deals of another workspace are in the stage that goes.
    goes(&away, there, &own, &[1], None).await;
    let mut without = load(&home, own.id).await;
    without.stages.remove(1);
    put(without.clone()).await.unwrap();
    assert_eq!(load(&home, own.id).await.stages, without.stages);
    assert_eq!(load(&home, other.id).await.stages, own.stages);
    assert_eq!(load(&away, own.id).await.stages, own.stages);
    // Deals of another pipeline, and of another workspace, keep none.
    goes(&home, here, &other, &[0], None).await;
    let deleted = async |id: Id<Pipeline>| {
        let mut pipeline = load(&home, id).await;
        pipeline.deleted_at = Some(home.now());
        put(pipeline).await
    };
    deleted(own.id).await.unwrap();
    fails(deleted(other.id).await, Conflict);
    assert_eq!(load(&away, own.id).await.stages, own.stages);
    assert_eq!(stored(&away, there).await.stage_id, own.stages[1].id);
}
