//! The ways of deals say what is right by now: openings that were corrected, and moves that were undone.

use super::analytics::{all, moves, number, ways_lead_to_the_deals};
use super::board::{agree, happens};
use super::jobs::work;
use super::support::{deal, filtered, pipeline, reading, stage};
use super::uploads::{import, with_policy};
use crate::access::{Entity, Role};
use crate::analytics::{Conversion, ConversionOptions, Counting};
use crate::deal::{Board, Deal, DealMove};
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::time::Period;
use crate::transfer::{DuplicatePolicy, Import, ImportOptions};

/// The deal of an id in another system.
async fn known_as(session: &Session, external_id: &str) -> Deal {
    let found = session.deals().list(&filtered(&format!("external_id = \"{external_id}\""))).await.unwrap();
    (*found.data[0]).clone()
}

/// The days on which a deal took its steps.
async fn days(session: &Session, external_id: &str) -> Vec<String> {
    let (deal, zone) = (known_as(session, external_id).await, reading(session, Entity::Deal).zone());
    let steps = moves(session).await;
    steps.iter().filter(|step| step.deal_id == deal.id).map(|step| zone.day(step.at).to_string()).collect()
}

/// Reads a file about deals that are there.
async fn update(session: &Session, file: &str) -> Import {
    import(session, Entity::Deal, file, with_policy(DuplicatePolicy::Update)).await
}

pub async fn a_corrected_opening_moves_the_step_with_which_a_deal_began(world: World) {
    world.set_time("2026-03-01T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let head = "id,name,stage,engage date,close date\n";
    let file = format!(
        "{head}1,Open,Engaging,2026-01-10,\n2,Ended,Won,2026-01-10,2026-01-20\n3,Ends,Engaging,2026-01-10,\n\
        4,Went on,Engaging,2026-01-10,\n5,At once,Won,2026-01-10,2026-01-10\n"
    );
    import(&admin, Entity::Deal, &file, ImportOptions::default()).await;
    let (won, on) = (stage(&admin, "Won").await, known_as(&admin, "4").await);
    admin.deals().move_to(on.id, won, Expect::Any).await.unwrap();
    let told = async || {
        let mut told = Vec::new();
        for id in ["1", "2", "3", "4", "5"] {
            told.push(days(&admin, id).await);
        }
        told
    };
    let before = told().await;
    assert_eq!(before[3], ["2026-01-10", "2026-03-01"]);

    let file = format!(
        "{head}1,,,2026-01-05,\n2,,,2026-01-05,\n3,,Won,2026-01-05,2026-01-30\n4,,,2026-01-05,\n5,,,2026-01-05,\n"
    );
    let corrected = update(&admin, &file).await;
    assert_eq!((corrected.counts.updated, corrected.counts.failed), (5, 0));
    let right = [
        vec!["2026-01-05"],
        vec!["2026-01-05", "2026-01-20"],
        vec!["2026-01-05", "2026-01-30"],
        vec!["2026-01-05", "2026-03-01"],
        vec!["2026-01-05", "2026-01-10"],
    ];
    assert_eq!(told().await, right);
    let open = known_as(&admin, "1").await;
    assert_eq!(Some(open.stage_entered_at), open.opened_at);
    ways_lead_to_the_deals(&admin).await;

    // A deal that was opened later than it is said to have gone on began when it went on.
    update(&admin, &format!("{head}4,,,2026-02-28,\n")).await;
    assert_eq!(days(&admin, "4").await, ["2026-02-28", "2026-03-01"]);
    update(&admin, &format!("{head}4,,,2026-01-05,\n")).await;

    // Undone, it all is as it was said first.
    admin.transfers().revert(corrected.id).await.unwrap();
    work(&world).await;
    assert_eq!(told().await, before);
    ways_lead_to_the_deals(&admin).await;
}

pub async fn an_opening_after_the_next_step_is_put_right_again(world: World) {
    world.set_time("2026-03-01T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let head = "id,name,stage,engage date\n";
    let file = format!("{head}1,Went on,Prospecting,2026-01-10\n");
    import(&admin, Entity::Deal, &file, ImportOptions::default()).await;
    let (on, engaging) = (known_as(&admin, "1").await.id, stage(&admin, "Engaging").await);
    admin.deals().move_to(on, engaging, Expect::Any).await.unwrap();
    let before = moves(&admin).await;
    world.set_time("2026-03-10T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let late = update(&admin, &format!("{head}1,,,2026-03-05\n")).await;
    assert_eq!(days(&admin, "1").await, ["2026-03-01", "2026-03-01"]);
    update(&admin, &format!("{head}1,,,2026-01-05\n")).await;
    assert_eq!(days(&admin, "1").await, ["2026-01-05", "2026-03-01"]);
    update(&admin, &format!("{head}1,,,2026-03-05\n")).await;
    admin.transfers().revert(late.id).await.unwrap();
    work(&world).await;
    assert_eq!(moves(&admin).await, before);
}

pub async fn no_deal_ends_before_work_on_it_began(world: World) {
    world.set_time("2026-03-01T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let head = "id,name,stage,engage date\n";
    import(&admin, Entity::Deal, &format!("{head}1,Soon,Prospecting,2026-01-10\n"), ImportOptions::default()).await;
    let (id, engaging) = (known_as(&admin, "1").await.id, stage(&admin, "Engaging").await);
    let there = admin.deals().move_to(id, engaging, Expect::Any).await.unwrap();
    // A file says that work on it begins only in May.
    update(&admin, &format!("{head}1,,,2026-05-01\n")).await;
    let late = admin.deals().read(id).await.unwrap();
    assert!(late.opened_at > Some(there.stage_entered_at) && late.stage_id == engaging);
    let won = admin.deals().move_to(id, stage(&admin, "Won").await, Expect::Any).await.unwrap();
    assert_eq!((won.closed_at, Some(won.stage_entered_at)), (late.opened_at, late.opened_at));
    ways_lead_to_the_deals(&admin).await;
}

pub async fn an_opening_that_a_later_row_corrects_is_corrected_in_the_deals_way(world: World) {
    world.set_time("2026-03-01T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let file = "id,name,stage,engage date,close date\n1,Open,Engaging,2026-01-10,\n1,Open,,2026-01-07,\n\
        2,Ended,Won,2026-01-10,2026-01-20\n2,Ended,,2026-01-07,\n3,Ends,Engaging,2026-01-10,\n\
        3,Ends,Won,2026-01-07,2026-01-20\n4,At once,Won,2026-01-10,2026-01-10\n4,At once,,2026-01-07,\n";
    let done = update(&admin, file).await;
    assert_eq!((done.counts.created, done.counts.updated, done.counts.failed), (4, 4, 0));
    assert_eq!(days(&admin, "1").await, ["2026-01-07"]);
    assert_eq!(days(&admin, "2").await, ["2026-01-07", "2026-01-20"]);
    assert_eq!(days(&admin, "3").await, ["2026-01-07", "2026-01-20"]);
    assert_eq!(days(&admin, "4").await, ["2026-01-07", "2026-01-10"]);
    ways_lead_to_the_deals(&admin).await;
}

/// What tells of steps: the ways themselves, conversion by both countings, the board, what people did, and how long
/// the stays were that ended.
async fn told_of_steps(session: &Session) -> (Vec<DealMove>, Vec<Conversion>, Board, String) {
    let analytics = session.analytics();
    let mut conversions = Vec::new();
    for counting in [Counting::Cohort, Counting::Snapshot] {
        let options = ConversionOptions { counting, ..ConversionOptions::default() };
        conversions.push(analytics.conversion(&all(), options).await.unwrap().figures);
    }
    let done = analytics.activities(&all(), Period::Month).await.unwrap().figures.total.deals;
    let velocity = analytics.velocity(&all()).await.unwrap().figures;
    let left: Vec<_> = velocity.stages.iter().map(|stage| stage.left).collect();
    let rest = format!("{done:?} {left:?} {:?} {:?}", velocity.won_cycle, velocity.lost_cycle);
    (moves(session).await, conversions, session.deals().board(None).await.unwrap(), rest)
}

pub async fn an_import_that_is_undone_is_as_if_it_had_moved_nothing(world: World) {
    world.set_time("2026-03-01T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let file = "id,name,stage,engage date,close date\n1,A,Engaging,2026-01-10,\n2,B,Prospecting,,\n\
        3,C,Engaging,2026-01-12,\n4,D,Won,2026-01-12,2026-02-01\n";
    import(&admin, Entity::Deal, file, ImportOptions::default()).await;
    world.clock.advance_seconds(3_600);
    admin.deals().move_to(known_as(&admin, "2").await.id, own.stages[1].id, Expect::Any).await.unwrap();
    let before = told_of_steps(&admin).await;

    world.clock.advance_seconds(3_600);
    // Two rows take one deal on, one brings a deal back, one puts a close right, and one makes a deal.
    let file = "id,name,stage,engage date,close date\n1,,Won,,2026-02-10\n2,,Prospecting,,\n2,,Lost,,2026-03-01\n\
        4,,,,2026-02-03\n5,E,Won,2026-01-01,2026-02-02\n3,,Prospecting,,\n";
    let read = update(&admin, file).await;
    assert_eq!((read.counts.created, read.counts.failed), (1, 0));
    assert_ne!(told_of_steps(&admin).await, before);
    admin.transfers().revert(read.id).await.unwrap();
    work(&world).await;
    assert_eq!(told_of_steps(&admin).await, before);
    ways_lead_to_the_deals(&admin).await;
    agree(&admin, &admin, std::slice::from_ref(&own)).await;

    // Where somebody went on since, what the import did stays.
    let read = update(&admin, "id,stage,close date\n1,Won,2026-02-10\n3,Lost,2026-02-11\n").await;
    let gone_on = known_as(&admin, "1").await.id;
    admin.deals().move_to(gone_on, own.stages[0].id, Expect::Any).await.unwrap();
    let steps = async |id: Id<Deal>| moves(&admin).await.into_iter().filter(|step| step.deal_id == id).count();
    let taken = steps(gone_on).await;
    admin.transfers().revert(read.id).await.unwrap();
    work(&world).await;
    assert_eq!(steps(gone_on).await, taken);
    ways_lead_to_the_deals(&admin).await;
    agree(&admin, &admin, std::slice::from_ref(&own)).await;
}

/// Moves some deals by a file that knows them by our own ids; those that are deleted are made anew.
async fn some_move(session: &Session, known: &[Id<Deal>], names: &[String], step: &mut u64) -> Import {
    let mut file = "id,stage\n".to_owned();
    for _ in 0..4 {
        let (id, name) = (known[number(step) % known.len()], &names[number(step) % names.len()]);
        file.push_str(&format!("{id},{name}\n"));
    }
    update(session, &file).await
}

pub async fn ways_lead_to_the_deals_whatever_is_undone(world: World) {
    world.set_time("2026-01-05T08:00:00Z");
    let admin = world.session(Role::Admin).await;
    let pipelines = [pipeline(&admin).await];
    let names: Vec<String> = pipelines[0].stages.iter().map(|stage| stage.name.clone()).collect();
    let (mut known, mut step) = (vec![deal(&admin, samples::deal("D")).await.id], 97);
    let mut read: Vec<Import> = Vec::new();
    for round in 0..60 {
        world.clock.advance_seconds(7 * 3_600);
        happens(&admin, &pipelines, &samples::deal("D"), &mut known, &mut step).await;
        match number(&mut step) % 3 {
            0 if !known.is_empty() => read.push(some_move(&admin, &known, &names, &mut step).await),
            1 if !read.is_empty() => {
                let undone = read.swap_remove(number(&mut step) % read.len());
                // One that changed nothing has nothing to undo.
                if admin.transfers().revert(undone.id).await.is_ok() {
                    work(&world).await;
                }
            }
            _ => {}
        }
        if round % 6 == 5 {
            ways_lead_to_the_deals(&admin).await;
            agree(&admin, &admin, &pipelines).await;
        }
    }
    // Each stay is in one report as in the other.
    let board = admin.deals().board(None).await.unwrap();
    let told = admin.analytics().conversion(&all(), ConversionOptions::default()).await.unwrap();
    for (stage, column) in told.figures.stages.iter().zip(&board.stages) {
        assert_eq!(stage.still_there, column.count);
    }
}
