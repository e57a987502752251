//! Pipelines change, and no deal is ever in a stage that is not there.

use futures::future::BoxFuture;

use super::support::{commit, conflicts, deal, fails, invalid_at, own_alone, pipeline, reading, stage};
use crate::access::{Entity, Role, Rule, Scope};
use crate::deal::{Deal, DealStart, DealStatus};
use crate::error::ErrorKind::{Conflict, Denied, NotFound};
use crate::id::Id;
use crate::pipeline::{NewPipeline, NewStage, Pipeline, PipelineChange, Stage, StageChange, StageKind, StageTarget};
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};

/// The pipeline as it is, to be changed.
fn as_it_is(own: &Pipeline) -> PipelineChange {
    let stages = own.stages.iter().map(StageChange::from).collect();
    PipelineChange { name: own.name.clone(), stages, targets: Vec::new() }
}

/// The pipeline without a stage, whose deals go to another.
fn without(own: &Pipeline, gone: &str, to: Option<&str>) -> PipelineChange {
    let mut change = as_it_is(own);
    change.stages.retain(|stage| stage.name != gone);
    let id = |name: &str| own.stage_named(name).unwrap().id;
    change.targets = to.map(|to| StageTarget { stage_id: id(gone), to: id(to) }).into_iter().collect();
    change
}

fn names(own: &Pipeline) -> Vec<&str> {
    own.stages.iter().map(|stage| stage.name.as_str()).collect()
}

/// A deal at a stage.
async fn at(session: &Session, stage: Id<Stage>) -> Id<Deal> {
    let start = DealStart { pipeline_id: None, stage_id: Some(stage) };
    session.deals().create(start, samples::deal("D")).await.unwrap().id
}

pub async fn a_pipeline_becomes_what_its_change_says(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let mut change = as_it_is(&own);
    change.name = "Sales".to_owned();
    change.stages.swap(0, 1);
    change.stages[0].name = "Talking".to_owned();
    change.stages[0].probability = Some(40);
    change.stages[1].days_until_stale = Some(14);
    change.stages.push(StageChange::from(NewStage::new("Trial", StageKind::Open)));
    let told = admin.pipelines().update(own.id, change, Expect::Any).await.unwrap();
    assert_eq!((told.name.as_str(), names(&told)), ("Sales", vec!["Talking", "Prospecting", "Trial", "Won", "Lost"]));
    assert_eq!((told.stages[0].id, told.version), (own.stages[1].id, own.version + 1));
    assert_eq!((told.stages[0].probability, told.stages[1].days_until_stale), (Some(40), Some(14)));
    assert_eq!(*admin.pipelines().read(own.id).await.unwrap(), *told);
    assert!(told.is_default);
    // Nothing changed, nothing written.
    let again = admin.pipelines().update(own.id, as_it_is(&told), Expect::Any).await.unwrap();
    assert_eq!(again.version, told.version);
    let first = deal(&admin, samples::deal("D")).await;
    assert_eq!(first.stage_id, told.stages[0].id);
}

pub async fn deals_of_a_stage_that_is_left_out_go_where_the_change_says(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let (engaging, won) = (stage(&admin, "Engaging").await, stage(&admin, "Won").await);
    let (live, dead) = (at(&admin, engaging).await, at(&admin, engaging).await);
    let other = at(&admin, stage(&admin, "Prospecting").await).await;
    admin.deals().delete(dead, Expect::Any).await.unwrap();
    world.clock.advance_seconds(60);
    let told = admin.pipelines().update(own.id, without(&own, "Engaging", Some("Won")), Expect::Any).await.unwrap();
    assert_eq!(names(&told), ["Prospecting", "Won", "Lost"]);
    let moved = admin.deals().read(live).await.unwrap();
    assert_eq!((moved.stage_id, moved.status, moved.version), (won, DealStatus::Won, 2));
    assert_eq!(moved.closed_at, Some(moved.stage_entered_at));
    assert_eq!(admin.deals().read(other).await.unwrap().version, 1);
    // A deal that is restored is where a stage is.
    assert_eq!(admin.deals().restore(dead).await.unwrap().stage_id, won);
    let grant = reading(&admin, Entity::Deal);
    let moves = admin.ports().analytics.deal_moves(&grant, &crate::filter::CheckedFilter::everything()).await.unwrap();
    let of_live: Vec<_> = moves.iter().filter(|step| step.deal_id == live).map(|step| (step.from, step.to)).collect();
    assert_eq!(of_live, [(None, engaging), (Some(engaging), won)]);
    assert_eq!(admin.deals().board(None).await.unwrap().count(), 3);
}

pub async fn a_stage_in_use_needs_a_target(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let engaging = stage(&admin, "Engaging").await;
    let there = at(&admin, engaging).await;
    let update = async |change| admin.pipelines().update(own.id, change, Expect::Any).await;
    invalid_at(update(without(&own, "Engaging", None)).await, "targets");
    let mut turned = as_it_is(&own);
    turned.stages[1].kind = StageKind::Lost;
    invalid_at(update(turned.clone()).await, "stages.1.kind");
    // One that was deleted may come back.
    admin.deals().delete(there, Expect::Any).await.unwrap();
    invalid_at(update(without(&own, "Engaging", None)).await, "targets");
    admin.deals().purge(there).await.unwrap();
    assert_eq!(pipeline(&admin).await.version, own.version);
    assert_eq!(update(turned).await.unwrap().stages.last().map(|stage| stage.kind), Some(StageKind::Lost));
    let now = pipeline(&admin).await;
    assert_eq!(names(&update(without(&now, "Engaging", None)).await.unwrap()), ["Prospecting", "Won", "Lost"]);
}

pub async fn a_target_is_a_stage_of_the_pipeline_that_stays(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap();
    let elsewhere = pipeline(&world.stranger().await).await;
    let update = async |change| admin.pipelines().update(own.id, change, Expect::Any).await;
    for foreign in [other.stages[0].id, elsewhere.stages[0].id] {
        let mut change = without(&own, "Engaging", Some("Won"));
        change.targets[0].to = foreign;
        invalid_at(update(change).await, "targets.0.to");
        let mut change = as_it_is(&own);
        change.targets = vec![StageTarget { stage_id: foreign, to: own.stages[0].id }];
        invalid_at(update(change).await, "targets.0.stage_id");
        let mut change = as_it_is(&own);
        change.stages[0].id = Some(foreign);
        invalid_at(update(change).await, "stages.0.id");
    }
    let mut change = as_it_is(&own);
    change.stages[0].name = " won ".to_owned();
    invalid_at(update(change).await, "stages.2.name");
    let mut change = as_it_is(&own);
    change.name = " ".to_owned();
    invalid_at(update(change).await, "name");
    assert_eq!(pipeline(&admin).await, own);
}

pub async fn of_two_editors_of_a_pipeline_one_hears_of_the_other(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let named = |name: &str| PipelineChange { name: name.to_owned(), ..as_it_is(&own) };
    let expect = Expect::Version(own.version);
    admin.pipelines().update(own.id, named("One"), expect).await.unwrap();
    conflicts(admin.pipelines().update(own.id, named("Two"), expect).await, "stale_version");
    conflicts(admin.pipelines().delete(own.id, expect).await, "stale_version");
    assert_eq!(pipeline(&admin).await.name, "One");
}

pub async fn a_pipeline_of_another_workspace_is_not_there(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let stranger = world.stranger().await;
    fails(stranger.pipelines().read(own.id).await, NotFound);
    fails(stranger.pipelines().update(own.id, as_it_is(&own), Expect::Any).await, NotFound);
    fails(stranger.pipelines().delete(own.id, Expect::Any).await, NotFound);
    assert_eq!(pipeline(&admin).await, own);
}

pub async fn who_may_not_change_deals_takes_none_along(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let engaging = stage(&admin, "Engaging").await;
    let there = at(&admin, engaging).await;
    let rep = world.session(Role::SalesRep).await;
    fails(rep.pipelines().update(own.id, as_it_is(&own), Expect::Any).await, Denied);
    fails(rep.pipelines().delete(own.id, Expect::Any).await, Denied);
    world.set_rule(Role::SalesRep, Entity::Pipeline, Rule::ALL).await;
    // Deals that nobody shows them are in the stage as well.
    for rule in [Rule { update: Scope::Own, ..Rule::ALL }, Rule { update: Scope::None, ..Rule::ALL }, own_alone()] {
        world.set_rule(Role::SalesRep, Entity::Deal, rule).await;
        let rep = world.session(Role::SalesRep).await;
        invalid_at(rep.pipelines().update(own.id, without(&own, "Engaging", None), Expect::Any).await, "targets");
        let change = without(&own, "Engaging", Some("Won"));
        fails(rep.pipelines().update(own.id, change, Expect::Any).await, Denied);
    }
    world.set_rule(Role::SalesRep, Entity::Deal, Rule::ALL).await;
    let rep = world.session(Role::SalesRep).await;
    rep.pipelines().update(own.id, without(&own, "Engaging", Some("Won")), Expect::Any).await.unwrap();
    assert_eq!(admin.deals().read(there).await.unwrap().status, DealStatus::Won);
}

pub async fn a_pipeline_that_is_empty_can_be_deleted(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    conflicts(admin.pipelines().delete(own.id, Expect::Any).await, "default_pipeline");
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap();
    let start = DealStart { pipeline_id: Some(other.id), stage_id: None };
    let there = admin.deals().create(start, samples::deal("D")).await.unwrap();
    conflicts(admin.pipelines().delete(other.id, Expect::Any).await, "pipeline_in_use");
    admin.deals().delete(there.id, Expect::Any).await.unwrap();
    admin.pipelines().delete(other.id, Expect::Any).await.unwrap();
    fails(admin.pipelines().read(other.id).await, NotFound);
    fails(admin.pipelines().delete(other.id, Expect::Any).await, NotFound);
    fails(admin.deals().board(Some(other.id)).await, NotFound);
    assert_eq!(admin.pipelines().list().await.unwrap().len(), 1);
    // Its deals have no place any more.
    invalid_at(admin.deals().restore(there.id).await, "pipeline_id");
    invalid_at(admin.deals().create(start, samples::deal("E")).await, "pipeline_id");
    admin.deals().purge(there.id).await.unwrap();
}

pub async fn a_commit_leaves_no_deal_in_a_stage_that_is_given_up(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let engaging = stage(&admin, "Engaging").await;
    let grant = reading(&admin, Entity::Pipeline);
    let load = async || admin.ports().pipelines.pipeline(&grant, own.id).await.unwrap();
    // As if the deal had got there after the service looked.
    let there = at(&admin, engaging).await;
    let mut gone = load().await;
    gone.stages.retain(|stage| stage.id != engaging);
    let mut turned = load().await;
    turned.stages[1].kind = StageKind::Won;
    let mut deleted = load().await;
    deleted.deleted_at = Some(admin.now());
    for mut pipeline in [gone, turned, deleted] {
        let mut changes = admin.changes();
        changes.put(&mut pipeline);
        fails(commit(&admin, changes).await, Conflict);
    }
    assert_eq!(pipeline(&admin).await, own);
    assert_eq!(admin.deals().read(there).await.unwrap().stage_id, engaging);
}

pub async fn deals_made_while_their_stage_goes_are_in_one_that_is_there(world: World) {
    let admin = world.session(Role::Admin).await;
    for round in 0..4 {
        let new = NewPipeline {
            name: format!("P{round}"),
            stages: vec![NewStage::new("Going", StageKind::Open), NewStage::new("Staying", StageKind::Open)],
        };
        let own = admin.pipelines().create(new).await.unwrap().into_inner();
        let going = own.stages[0].id;
        let second = world.second_session(Role::Admin).await;
        let mut tasks: Vec<BoxFuture<'static, bool>> = Vec::new();
        for at in 0..6 {
            let (session, start) = (second.clone(), DealStart { pipeline_id: Some(own.id), stage_id: Some(going) });
            tasks.push(Box::pin(async move {
                session.deals().create(start, samples::deal(&format!("D{at}"))).await.is_ok()
            }));
        }
        let (session, change, id) = (admin.clone(), without(&own, "Going", Some("Staying")), own.id);
        let goes = async move { session.pipelines().update(id, change, Expect::Any).await.is_ok() };
        tasks.insert(3, Box::pin(goes));
        let made = world.at_once(tasks).await;
        let made = made.iter().enumerate().filter(|(place, is_ok)| *place != 3 && **is_ok).count();
        let board = admin.deals().board(Some(own.id)).await.unwrap();
        assert_eq!(board.count(), u64::try_from(made).unwrap());
    }
}
