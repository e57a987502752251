//! Deals go through stages, and money of two currencies is never added.

use std::collections::BTreeMap;

use super::support::{deal, fails, feed, invalid_at, pipeline, stage};
use crate::access::Role;
use crate::deal::{Board, DealEdit, DealStart, DealStatus};
use crate::error::ErrorKind::NotFound;
use crate::id::Id;
use crate::money::Money;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};

fn money(minor: i64, code: &str) -> Money {
    Money::minor(minor, code.parse().unwrap())
}

/// Each stage's count and sums, as the board says.
fn told(board: &Board) -> BTreeMap<String, (u64, Vec<Money>)> {
    let of = |stage: &crate::deal::BoardStage| (stage.count, stage.total.clone().unwrap().iter().collect());
    board.stages.iter().map(|stage| (stage.name.clone(), of(stage))).collect()
}

/// Each stage's count and sums, added up from the list.
async fn added_up(session: &Session) -> BTreeMap<String, (u64, Vec<Money>)> {
    let pipeline = pipeline(session).await;
    let mut sums: BTreeMap<String, (u64, BTreeMap<&'static str, i64>)> = BTreeMap::new();
    for stage in &pipeline.stages {
        sums.insert(stage.name.clone(), Default::default());
    }
    let everything = ListRequest { limit: Some(200), ..samples::list() };
    let deals = session.deals().list(&everything).await.unwrap().data;
    for deal in deals.iter().filter(|deal| deal.pipeline_id == pipeline.id) {
        let sum = sums.get_mut(&pipeline.stage(deal.stage_id).unwrap().name).unwrap();
        sum.0 += 1;
        if let Some(value) = deal.value {
            *sum.1.entry(value.currency.code()).or_default() += value.amount_minor;
        }
    }
    let flat = |sums: BTreeMap<&'static str, i64>| sums.into_iter().map(|(code, minor)| money(minor, code)).collect();
    sums.into_iter().map(|(name, (count, sums))| (name, (count, flat(sums)))).collect()
}

pub async fn the_board_is_what_the_list_adds_up_to(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap();
    let values = [Some(money(100, "USD")), Some(money(7, "EUR")), None, Some(money(0, "JPY")), Some(money(250, "USD"))];
    for at in 0..25 {
        let stage = own.stages[at % 3].id;
        let start = DealStart { pipeline_id: None, stage_id: Some(stage) };
        let start = if at % 7 == 6 { DealStart { pipeline_id: Some(other.id), stage_id: None } } else { start };
        let value = values[at % values.len()].map(Into::into).unwrap_or_default();
        let edit = DealEdit { value, ..samples::deal(&format!("D{at}")) };
        let made = admin.deals().create(start, edit).await.unwrap();
        if at % 11 == 10 {
            admin.deals().delete(made.id, Expect::Any).await.unwrap();
        }
    }
    let board = admin.deals().board(None).await.unwrap();
    assert_eq!((board.pipeline_id, told(&board)), (own.id, added_up(&admin).await));
    let names: Vec<&str> = board.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["Prospecting", "Engaging", "Won", "Lost"]);
    let elsewhere = admin.deals().board(Some(other.id)).await.unwrap();
    assert_eq!(elsewhere.count(), 3);
}

pub async fn two_currencies_are_never_added(world: World) {
    let admin = world.session(Role::Admin).await;
    for value in [money(100, "USD"), money(100, "EUR"), money(5, "USD")] {
        deal(&admin, DealEdit { value: value.into(), ..samples::deal("D") }).await;
    }
    let board = admin.deals().board(None).await.unwrap();
    assert_eq!(told(&board)["Prospecting"], (3, vec![money(100, "EUR"), money(105, "USD")]));
}

pub async fn no_deal_is_worth_so_much_that_the_board_cannot_add_it_up(world: World) {
    const MOST: i64 = 1_000_000_000_000_000;
    let admin = world.session(Role::Admin).await;
    let worth = |minor| DealEdit { value: money(minor, "USD").into(), ..samples::deal("D") };
    for minor in [-1, MOST + 1, i64::MIN, i64::MAX] {
        invalid_at(admin.deals().create(DealStart::default(), worth(minor)).await, "value");
    }
    for number in 1..=3 {
        assert_eq!(deal(&admin, worth(MOST)).await.value, Some(money(MOST, "USD")));
        let board = admin.deals().board(None).await.unwrap();
        assert_eq!(told(&board)["Prospecting"], (number, vec![money(MOST * number as i64, "USD")]));
    }
}

pub async fn a_deal_begins_at_the_first_stage_of_the_default_pipeline(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let other = admin.pipelines().create(samples::pipeline("A comes first by name")).await.unwrap();
    assert!(own.is_default && !other.is_default);
    let names: Vec<String> = admin.pipelines().list().await.unwrap().iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, ["Sales", "A comes first by name"]);
    let made = deal(&admin, samples::deal("D")).await;
    assert_eq!((made.pipeline_id, made.stage_id, made.status), (own.id, own.stages[0].id, DealStatus::Open));
    assert_eq!((made.opened_at, made.closed_at), (Some(made.stage_entered_at), None));
    assert_eq!(made.owner_id, Some(world.home.member(Role::Admin)));
    let won = DealStart { pipeline_id: Some(other.id), stage_id: Some(other.stages[1].id) };
    let made = admin.deals().create(won, samples::deal("D")).await.unwrap();
    assert_eq!((made.status, made.closed_at), (DealStatus::Won, Some(made.created_at)));
    let mixed = DealStart { pipeline_id: Some(other.id), stage_id: Some(own.stages[0].id) };
    invalid_at(admin.deals().create(mixed, samples::deal("D")).await, "stage_id");
}

pub async fn a_move_changes_stage_status_and_times_together(world: World) {
    let admin = world.session(Role::Admin).await;
    let made = deal(&admin, samples::deal("D")).await;
    let (won, open) = (stage(&admin, "Won").await, stage(&admin, "Engaging").await);
    let moved = admin.deals().move_to(made.id, won, Expect::Version(1)).await.unwrap();
    assert_eq!((moved.stage_id, moved.status, moved.version), (won, DealStatus::Won, 2));
    assert_eq!(moved.closed_at, Some(moved.stage_entered_at));
    let back = admin.deals().move_to(made.id, open, Expect::Version(2)).await.unwrap();
    assert_eq!((back.status, back.closed_at), (DealStatus::Open, None));
    let entries = feed(&world, world.home.workspace).await.len();
    let same = admin.deals().move_to(made.id, open, Expect::Any).await.unwrap();
    assert_eq!(same, back);
    assert_eq!(feed(&world, world.home.workspace).await.len(), entries);
    let elsewhere = admin.pipelines().create(samples::pipeline("Other")).await.unwrap().stages[0].id;
    invalid_at(admin.deals().move_to(made.id, elsewhere, Expect::Any).await, "stage_id");
}

pub async fn a_new_pipeline_leaves_the_default_as_it_is(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let made = admin.pipelines().create(samples::pipeline("A")).await.unwrap();
    assert_eq!((own.is_default, made.is_default), (true, false));
    let ids: Vec<_> = admin.pipelines().list().await.unwrap().iter().map(|one| (one.id, one.is_default)).collect();
    assert_eq!(ids, [(own.id, true), (made.id, false)]);
    fails(admin.deals().board(Some(crate::Id::new_at(admin.now()))).await, NotFound);
}

pub async fn a_deal_ahead_of_the_clock_can_be_moved(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = deal(&admin, samples::deal("D")).await;
    // A clock that was set back moves nothing into the past.
    world.set_time("2020-01-01T00:00:00Z");
    let admin = world.session(Role::Admin).await;
    let moved = admin.deals().move_to(own.id, stage(&admin, "Won").await, Expect::Any).await.unwrap();
    assert_eq!((moved.stage_entered_at, moved.closed_at), (own.stage_entered_at, Some(own.stage_entered_at)));
}

pub async fn a_deal_of_an_unknown_pipeline_is_invalid(world: World) {
    let admin = world.session(Role::Admin).await;
    let start = DealStart { pipeline_id: Some(Id::new_at(admin.now())), stage_id: None };
    invalid_at(admin.deals().create(start, samples::deal("D")).await, "pipeline_id");
}
