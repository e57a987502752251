//! What people did is told by person and period, as far as the caller sees it.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::analytics::{all, worth};
use super::support::{commit, contact_of, deal, fails, invalid_at, pipeline, stage};
use crate::access::{Entity, Role, Rule, Scope};
use crate::activity::NewNote;
use crate::analytics::{Activity, AnalyticsRequest, DealMoves, Done, TasksDone};
use crate::deal::{DealEdit, DealStart};
use crate::error::ErrorKind::{Denied, NotFound};
use crate::filter::MAX_LIST;
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::task::{TaskEdit, TaskKind};
use crate::team::Team;
use crate::testkit::{World, samples};
use crate::time::Period;
use crate::user::User;

async fn told(session: &Session, request: AnalyticsRequest) -> Activity {
    session.analytics().activities(&request, Period::Month).await.unwrap().figures
}

/// In January the representative makes a contact and a deal, writes a note and calls; in February the
/// deal moves and is won, and another is lost at once.
async fn a_busy_winter(world: &World) -> Session {
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let (engaging, won) = (stage(&admin, "Engaging").await, stage(&admin, "Won").await);
    let lost = stage(&admin, "Lost").await;
    world.set_time("2026-01-10T12:00:00Z");
    let ada = contact_of(world, Role::SalesRep, "Ada").await;
    let engine = deal(&rep, worth("Engine", 5)).await.id;
    let note = |body: &str| NewNote { body: body.to_owned(), ..NewNote::default() };
    rep.activities().create_note(NewNote { deal_id: Some(engine), ..note("about the engine") }).await.unwrap();
    admin.activities().create_note(NewNote { contact_id: Some(ada), ..note("about Ada") }).await.unwrap();
    let call = |title: &str| TaskEdit { kind: TaskKind::Call.into(), ..samples::task(title) };
    let about = rep.tasks().create(TaskEdit { deal_id: engine.into(), ..call("Call") }).await.unwrap().id;
    rep.tasks().complete(about, Expect::Any).await.unwrap();
    rep.tasks().create(call("Not done")).await.unwrap();
    world.set_time("2026-02-10T12:00:00Z");
    let meeting = TaskEdit { kind: TaskKind::Meeting.into(), ..samples::task("Meet") };
    let meeting = admin.tasks().create(meeting).await.unwrap().id;
    admin.tasks().complete(meeting, Expect::Any).await.unwrap();
    for to in [engaging, won] {
        world.clock.advance_seconds(60);
        rep.deals().move_to(engine, to, Expect::Any).await.unwrap();
    }
    let start = DealStart { pipeline_id: None, stage_id: Some(lost) };
    admin.deals().create(start, DealEdit { tags: vec!["late".to_owned()].into(), ..worth("Gone", 7) }).await.unwrap();
    admin
}

pub async fn what_people_did_is_told_by_person_and_period(world: World) {
    let admin = a_busy_winter(&world).await;
    let figures = told(&admin, all()).await;
    let total = &figures.total;
    assert_eq!(
        (total.notes, total.new_contacts, total.new_companies, total.new_deals),
        (Some(2), Some(1), Some(0), Some(2))
    );
    let tasks = TasksDone { done: 2, call: 1, meeting: 1, ..TasksDone::default() };
    assert_eq!((total.tasks, total.deals), (Some(tasks), Some(DealMoves { moved: 1, won: 1, lost: 1 })));
    assert_eq!(total.all, 10);
    let months: Vec<_> = figures.periods.iter().map(|one| (one.period.to_string(), one.done.all)).collect();
    assert_eq!(months, [("2026-01-01".to_owned(), 5), ("2026-02-01".to_owned(), 5)]);
    let people: Vec<_> = figures.people.iter().map(|one| (one.user_id, one.done.all)).collect();
    let (rep, boss) = (world.home.member(Role::SalesRep), world.home.member(Role::Admin));
    assert_eq!(people, [(Some(rep), 6), (Some(boss), 4)]);
    assert!(figures.people[0].name.is_some());
    let day = |day: &str| day.parse().ok();
    let february = AnalyticsRequest { from: day("2026-02-01"), to: day("2026-02-28"), compare: true, ..all() };
    let report = admin.analytics().activities(&february, Period::Day).await.unwrap();
    assert_eq!((report.figures.total.all, report.before.unwrap().total.all), (5, 5));
    assert_eq!(report.figures.periods.len(), 1);
}

pub async fn a_question_about_activities_is_narrowed(world: World) {
    let admin = a_busy_winter(&world).await;
    let rep = world.home.member(Role::SalesRep);
    let own = told(&admin, AnalyticsRequest { owner_id: Some(rep), ..all() }).await;
    assert_eq!((own.total.all, own.total.notes, own.people.len()), (6, Some(1), 1));
    // About some deals: what is about other records is left out.
    let engine = told(&admin, AnalyticsRequest { filter: "title = Engine".parse().ok(), ..all() }).await.total;
    assert_eq!((engine.notes, engine.new_contacts, engine.new_deals), (Some(1), None, Some(1)));
    assert_eq!((engine.tasks.map(|tasks| tasks.done), engine.all), (Some(1), 5));
    let late = told(&admin, AnalyticsRequest { tag: Some("late".to_owned()), ..all() }).await.total;
    assert_eq!((late.deals.map(|deals| deals.lost), late.all), (Some(1), 2));
    let own = pipeline(&admin).await.id;
    assert_eq!(told(&admin, AnalyticsRequest { pipeline_id: Some(own), ..all() }).await.total.all, 7);
    let ask = async |request| admin.analytics().activities(&request, Period::Month).await;
    fails(ask(AnalyticsRequest { pipeline_id: Some(Id::new_at(admin.now())), ..all() }).await, NotFound);
    invalid_at(ask(AnalyticsRequest { team_id: Some(Id::new_at(admin.now())), ..all() }).await, "team_id");
    invalid_at(ask(AnalyticsRequest { compare: true, ..all() }).await, "compare");
}

pub async fn the_activities_of_a_team_are_those_of_its_members(world: World) {
    let admin = a_busy_winter(&world).await;
    let (rep, boss) = (world.home.member(Role::SalesRep), world.home.member(Role::Admin));
    let of = async |team_id: Option<Id<Team>>, owner_id: Option<Id<User>>| {
        told(&admin, AnalyticsRequest { team_id, owner_id, ..all() }).await
    };
    // Manager, closer and setter did nothing.
    let idle = of(Some(world.home.team), None).await;
    assert_eq!((idle.total.all, idle.people.len(), idle.periods.len()), (0, 0, 0));
    let team = async |name: &str, members: &[Id<User>]| {
        Some(admin.teams().create(samples::team(name, members)).await.unwrap().id)
    };
    let (one, both) = (team("One", &[rep]).await, team("Both", &[rep, boss]).await);
    assert_eq!(of(one, None).await, of(None, Some(rep)).await);
    assert_eq!(of(both, None).await, of(None, None).await);
    // A member and a team: what both hold.
    assert_eq!(of(both, Some(boss)).await, of(None, Some(boss)).await);
    assert_eq!(of(one, Some(boss)).await.total.all, 0);
    let people: Vec<_> = of(both, None).await.people.iter().map(|one| (one.user_id, one.done.all)).collect();
    assert_eq!(people, [(Some(rep), 6), (Some(boss), 4)]);
    // A team has more members than a list in a filter may have values.
    let (mut many, mut changes) = (vec![rep], admin.changes());
    for _ in 0..MAX_LIST {
        let new = samples::member(samples::user("New", Role::Setter), changes.now()).unwrap();
        many.push(new.id);
        changes.put(&mut Stored::new(new));
    }
    commit(&admin, changes).await.unwrap();
    let big = team("Big", &many).await;
    assert_eq!(of(big, None).await, of(one, None).await);
    let sold = async |team_id: Option<Id<Team>>| {
        let asked = AnalyticsRequest { team_id, ..all() };
        let sales = admin.analytics().sales(&asked, Period::Month).await.unwrap().figures;
        (sales, admin.analytics().funnel(&asked).await.unwrap().figures)
    };
    assert_eq!(sold(big).await, sold(one).await);
}

/// How much was done, how many deals were made, and how many steps they took.
fn sizes(done: &Done) -> [u64; 3] {
    let moves = done.deals.map_or(0, |deals| deals.moved + deals.won + deals.lost);
    [done.all, done.new_deals.unwrap_or(0), moves]
}

pub async fn what_was_done_in_a_window_is_what_was_done_on_its_days(world: World) {
    let admin = a_busy_winter(&world).await;
    let (engaging, won) = (stage(&admin, "Engaging").await, stage(&admin, "Won").await);
    let mut made = Vec::new();
    for day in 1..=20 {
        world.set_time(&format!("2026-03-{day:02}T23:59:59.999999Z"));
        made.push(deal(&admin, worth("D", day)).await.id);
        world.set_time(&format!("2026-03-{:02}T00:00:00Z", day + 1));
        for (at, id) in made.iter().enumerate().skip(made.len().saturating_sub(3)) {
            let _ = admin.deals().move_to(*id, if at % 2 == 0 { engaging } else { won }, Expect::Any).await;
        }
    }
    let days = admin.analytics().activities(&all(), Period::Day).await.unwrap().figures.periods;
    let within = |from: Option<NaiveDate>, to: Option<NaiveDate>| {
        let own = days.iter().filter(|one| from.is_none_or(|from| from <= one.period));
        let own = own.filter(|one| to.is_none_or(|to| one.period <= to)).map(|one| sizes(&one.done));
        own.fold([0_u64; 3], |sum, one| std::array::from_fn(|at| sum[at] + one[at]))
    };
    let day = |text: &str| -> Option<NaiveDate> { text.parse().ok() };
    for (from, to) in [("", ""), ("2026-03-04", ""), ("", "2026-03-04"), ("2026-02-10", "2026-02-10")] {
        let (from, to) = (day(from), day(to));
        let told = told(&admin, AnalyticsRequest { from, to, ..all() }).await;
        assert_eq!(sizes(&told.total), within(from, to), "{from:?} {to:?}");
    }
    // The days before are read with those that are asked about.
    let (from, to) = (day("2026-03-11"), day("2026-03-15"));
    let asked = AnalyticsRequest { from, to, compare: true, ..all() };
    let report = admin.analytics().activities(&asked, Period::Month).await.unwrap();
    let told = [&report.figures, report.before.as_ref().unwrap()].map(|figures| sizes(&figures.total));
    assert_eq!(told, [within(from, to), within(day("2026-03-06"), day("2026-03-10"))]);
}

pub async fn activities_hold_what_the_caller_sees(world: World) {
    a_busy_winter(&world).await;
    let sees = async |rules: &[(Entity, Rule)]| {
        for (entity, rule) in rules {
            world.set_rule(Role::Setter, *entity, rule.clone()).await;
        }
        world.session(Role::Setter).await
    };
    let own = Rule { read: Scope::Own, ..Rule::ALL };
    let kinds = [Entity::Contact, Entity::Company, Entity::Deal, Entity::Task];
    let setter = sees(&kinds.map(|kind| (kind, own.clone()))).await;
    assert_eq!(told(&setter, all()).await.total.all, 0);
    let setter = sees(&[(Entity::Deal, Rule::ALL), (Entity::Task, Rule::NONE)]).await;
    let figures = told(&setter, all()).await.total;
    assert_eq!((figures.tasks, figures.deals.map(|deals| deals.moved), figures.notes), (None, Some(1), Some(1)));
    assert_eq!(told(&world.stranger().await, all()).await.total.all, 0);
    let none = [Entity::Contact, Entity::Company, Entity::Deal, Entity::Task, Entity::Note];
    let nobody = sees(&none.map(|kind| (kind, Rule::NONE))).await;
    fails(nobody.analytics().activities(&all(), Period::Month).await, Denied);
}

pub async fn every_activity_says_what_it_counts(world: World) {
    let admin = a_busy_winter(&world).await;
    let asked = AnalyticsRequest { explain: true, ..all() };
    let report = admin.analytics().activities(&asked, Period::Month).await.unwrap();
    let explanations = report.explanations.unwrap();
    let behind = |figure: &str| explanations.iter().find(|one| one.figure == figure).unwrap().id_count;
    // A record of which several things are told is one record.
    let single = explanations.iter().filter(|one| !one.figure.ends_with(".all"));
    let records: BTreeSet<_> = single.flat_map(|one| one.ids.clone()).collect();
    assert_eq!(behind("total.all"), records.len() as u64);
    for (figure, count) in [
        ("total.notes", 2),
        ("total.tasks.done", 2),
        ("total.tasks.call", 1),
        ("total.deals.won", 1),
        ("total.new_deals", 2),
        ("periods.2026-01-01.new_contacts", 1),
        ("periods.2026-02-01.deals.moved", 1),
    ] {
        assert_eq!(behind(figure), count, "{figure}");
    }
    let rep = world.home.member(Role::SalesRep);
    assert_eq!(behind(&format!("people.{rep}.deals.won")), 1);
}
