//! What ended, what is open and how long it took is the same from sums, which a store may keep, as from the deals
//! one by one.

use std::collections::BTreeMap;

use chrono::Days;

use super::analytics::{number, worth};
use super::board::happens;
use super::forecasts::{self, is_estimated, windows};
use super::jobs::work;
use super::support::{Seeds, company, deal, pipeline, reading, stage};
use super::uploads::{import, with_policy};
use crate::access::{Entity, Role};
use crate::analytics::{AnalyticsRequest, CycleFact, DealFact, DealGroups, Explanation, OwnedMove, SourceSum, Window};
use crate::bulk::{BulkChange, BulkMode, Selection};
use crate::deal::{Deal, DealEdit, DealMove, DealStart, DealStatus};
use crate::edit::Edit;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::money::Currency;
use crate::pipeline::{Pipeline, PipelineChange, StageChange, StageTarget};
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::time::{Period, Zone};
use crate::transfer::{DuplicatePolicy, ImportOptions};
use crate::user::User;

/// How many of them are open, by owner.
fn open(facts: &[DealFact]) -> BTreeMap<Option<Id<User>>, u64> {
    let mut owners: BTreeMap<_, u64> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.status == DealStatus::Open) {
        *owners.entry(fact.owner_id).or_default() += 1;
    }
    owners
}

/// What somebody is told of the deals of a filter in some windows.
pub(super) async fn agree_on(session: &Session, filter: &CheckedFilter, windows: &[Window]) {
    let (store, grant) = (&session.ports().analytics, reading(session, Entity::Deal));
    let facts = store.deal_facts(&grant, filter).await.unwrap();
    let euro: Currency = "EUR".parse().unwrap();
    for (window, own) in windows.iter().flat_map(|window| [(*window, Currency::USD), (*window, euro)]) {
        for every in [Period::Quarter, Period::Week] {
            let told = store.ended_groups(&grant, filter, window, every, own).await.unwrap();
            assert_eq!(told, DealGroups::ended(&facts, window, every, own), "{window:?} {every:?} {own} {filter:?}");
        }
        let told = store.won_by_source(&grant, filter, window, own).await.unwrap();
        assert_eq!(told, SourceSum::of(&facts, window, own), "{window:?} {own} {filter:?}");
    }
    let owners: BTreeMap<_, _> = facts.iter().map(|fact| (fact.id, fact.owner_id)).collect();
    let steps = store.deal_moves(&grant, filter).await.unwrap();
    for window in windows {
        let mut told = store.moves_between(&grant, filter, window.start(), window.end()).await.unwrap();
        told.sort_by_key(|owned| (owned.step.deal_id, owned.step.place));
        let within = steps.iter().filter(|step| window.holds(step.at));
        let owned = |step: &DealMove| OwnedMove { step: *step, owner_id: owners[&step.deal_id] };
        assert_eq!(told, within.map(owned).collect::<Vec<_>>(), "{window:?} {filter:?}");
    }
    assert_eq!(store.open_deals(&grant, filter).await.unwrap(), open(&facts), "{filter:?}");
    let mut told = store.cycle_facts(&grant, filter).await.unwrap();
    told.sort_by_key(|fact| fact.id);
    assert_eq!(told, facts.iter().map(CycleFact::of).collect::<Vec<_>>(), "{filter:?}");
}

/// What somebody is told of all deals and of some.
async fn agree(session: &Session, pipelines: &[Pipeline]) {
    let grant = reading(session, Entity::Deal);
    let asked = |text: String| grant.check_filter(Entity::Deal, Some(&text.parse().unwrap()), session.now()).unwrap();
    agree_on(session, &CheckedFilter::everything(), &windows()).await;
    agree_on(session, &asked(format!("pipeline_id = \"{}\"", pipelines[1].id)), &windows()).await;
    agree_on(session, &asked("owner_id = me".to_owned()), &windows()).await;
    agree_on(session, &asked("source = fair or probability > 10".to_owned()), &windows()).await;
}

/// Many deals change at once: they are given away and perhaps taken back, or come from a file with the days on
/// which they ended, change by another one, and perhaps go again.
async fn many_change(world: &World, admin: &Session, known: &[Id<Deal>], step: &mut u64) {
    let is_undone = number(step).is_multiple_of(2);
    if number(step).is_multiple_of(2) && !known.is_empty() {
        let first = number(step) % known.len();
        let some = Selection::Ids(known.iter().copied().skip(first).take(4).collect());
        let to = BulkChange::Assign(Some(world.home.member(Role::Closer)));
        let given = admin.deals().change_many(some, to, BulkMode::Partial).await.unwrap().report().unwrap();
        // Where all of them are deleted there is nothing to undo.
        if is_undone && admin.jobs().revert(given.batch_id).await.is_ok() {
            work(world).await;
        }
        return;
    }
    let ended = Zone::UTC.day(admin.now()) - Days::new(u64::try_from(number(step) % 30).unwrap());
    let (begun, id) = (ended - Days::new(9), number(step));
    let row = |(at, stage, amount): (u8, &str, &str)| format!("{id}-{at},I{at},{stage},{begun},{ended},{amount}\n");
    let rows: String = [(1, "Won", "7 EUR"), (2, "Won", "5"), (3, "Lost", "")].into_iter().map(row).collect();
    let file = format!("id,name,stage,engage date,close date,amount\n{rows}");
    let read = import(admin, Entity::Deal, &file, ImportOptions::default()).await;
    assert_eq!(read.counts.created, 3);
    let file = format!("id,amount\n{id}-1,11\n{id}-2,13 EUR\n{id}-3,17\n");
    import(admin, Entity::Deal, &file, with_policy(DuplicatePolicy::Update)).await;
    if is_undone {
        admin.transfers().revert(read.id).await.unwrap();
        work(world).await;
    }
}

pub async fn what_ended_is_the_same_from_sums_as_one_by_one(world: World) {
    world.set_time("2026-01-30T20:00:00Z");
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap().into_inner();
    let pipelines = [pipeline(&admin).await, other];
    let sources: [Edit<String>; 4] = [Edit::Keep, "Fair".into(), "FAIR".into(), "Web".into()];
    let (seeds, mut known, mut step) = (Seeds::of_this_run(), Vec::new(), 0);
    for (round, seed) in seeds.rounds(40) {
        step = seed.unwrap_or(step);
        world.clock.advance_seconds(29 * 3_600 + 600);
        let owner_id = world.home.member(Role::SalesRep).into();
        let edit = DealEdit { owner_id, source: sources[round % 4].clone(), ..samples::deal("D") };
        happens(&admin, &pipelines, &edit, &mut known, &mut step).await;
        is_estimated(&admin, &known, &edit, &mut step).await;
        if round % 5 == 0 {
            many_change(&world, &admin, &known, &mut step).await;
        }
        if round % 40 == 39 {
            agree(&admin, &pipelines).await;
            agree(&rep, &pipelines).await;
        }
    }
}

/// What somebody is told of the deals of filters that sums of months can tell, as they stand and as they ended.
async fn sums_agree(session: &Session, filters: &[CheckedFilter]) {
    let windows = windows();
    for filter in filters {
        agree_on(session, filter, &windows[..8]).await;
        forecasts::agree_on(session, filter, &windows[..8]).await;
    }
}

pub async fn sums_by_stage_and_owner_hold_also_after_stages_were_given_up(world: World) {
    world.set_time("2026-01-30T20:00:00Z");
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap().into_inner();
    let pipelines = [pipeline(&admin).await, other];
    let owners = [Role::SalesRep, Role::Closer].map(|role| world.home.member(role));
    let of = |at: usize| DealEdit { owner_id: owners[at % 2].into(), ..worth("D", 7) };
    let (seeds, mut known, mut step) = (Seeds::of_this_run(), Vec::new(), 0);
    for own in &pipelines {
        for (at, stage) in own.stages.iter().enumerate() {
            let start = DealStart { pipeline_id: Some(own.id), stage_id: Some(stage.id) };
            known.push(admin.deals().create(start, of(at)).await.unwrap().id);
        }
    }
    for (round, seed) in seeds.rounds(15) {
        step = seed.unwrap_or(step);
        world.clock.advance_seconds(29 * 3_600 + 600);
        happens(&admin, &pipelines, &of(round), &mut known, &mut step).await;
        is_estimated(&admin, &known, &of(round), &mut step).await;
    }
    let ([one, two], elsewhere) = (owners, pipelines[1].stages[1].id);
    let [open, engaging, won, lost] = [0, 1, 2, 3].map(|at| pipelines[0].stages[at].id);
    let asked = [
        format!("stage_id = \"{engaging}\""),
        format!("stage_id in [\"{open}\", \"{won}\", \"{elsewhere}\"]"),
        format!("stage_id in [\"{engaging}\", \"{lost}\"]"),
        format!("owner_id in [\"{one}\", \"{two}\"]"),
        format!("owner_id in [\"{one}\"] and stage_id in [\"{lost}\", \"{engaging}\", \"{elsewhere}\"]"),
        "owner_id is null".to_owned(),
    ];
    let grant = reading(&admin, Entity::Deal);
    let checked = |text: &String| grant.check_filter(Entity::Deal, Some(&text.parse().unwrap()), admin.now()).unwrap();
    let mut filters: Vec<CheckedFilter> = asked.iter().map(checked).collect();
    filters.push(CheckedFilter::everything());
    sums_agree(&admin, &filters).await;
    sums_agree(&rep, &filters).await;
    // Deals go from one open stage to another, and those that were won are lost.
    for (gone, to) in [(open, engaging), (won, lost)] {
        world.clock.advance_seconds(29 * 3_600 + 600);
        let own = pipeline(&admin).await;
        let stages = own.stages.iter().filter(|stage| stage.id != gone).map(StageChange::from).collect();
        let targets = vec![StageTarget { stage_id: gone, to }];
        let change = PipelineChange { name: own.name.clone(), stages, targets };
        admin.pipelines().update(own.id, change, Expect::Any).await.unwrap();
        sums_agree(&admin, &filters).await;
        sums_agree(&rep, &filters).await;
    }
}

pub async fn what_no_sum_tells_apart_is_told_from_the_deals(world: World) {
    world.set_time("2026-02-10T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let (acme, won) = (company(&admin, "Acme").await, stage(&admin, "Won").await);
    for edit in [
        DealEdit { company_id: acme.into(), ..worth("of a company", 7) },
        DealEdit { owner_id: Edit::Clear, ..worth("of nobody", 11) },
        worth("of somebody", 13),
    ] {
        deal(&admin, edit.clone()).await;
        let ended = deal(&admin, edit).await.id;
        admin.deals().move_to(ended, won, Expect::Any).await.unwrap();
    }
    let grant = reading(&admin, Entity::Deal);
    let checked = |text: String| grant.check_filter(Entity::Deal, Some(&text.parse().unwrap()), admin.now()).unwrap();
    let filters = [
        format!("company_id = \"{acme}\""),
        format!("company_id in [\"{acme}\"] and owner_id = me"),
        "owner_id is null".to_owned(),
        // Nobody has the id that stands for nobody in sums.
        format!("owner_id = \"{}\"", uuid::Uuid::nil()),
        format!("owner_id in [\"{}\"]", uuid::Uuid::nil()),
    ];
    sums_agree(&admin, &filters.map(checked)).await;
}

pub async fn a_deal_that_ends_a_month_is_of_the_next_where_that_has_begun(world: World) {
    world.set_time("2026-02-20T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let made = deal(&admin, worth("D", 7)).await.id;
    // In Kolkata it is half past one on the first of March. No other deal ends in either month.
    world.set_time("2026-02-28T20:00:00Z");
    admin.deals().move_to(made, stage(&admin, "Won").await, Expect::Any).await.unwrap();
    sums_agree(&admin, &[CheckedFilter::everything()]).await;
}

pub async fn a_clock_that_is_put_back_at_midnight_moves_nothing_out_of_a_window(world: World) {
    // In St. John's 00:01 on the first of November 2009 was followed by 23:01 of the day before.
    let ended = ["2009-11-01T02:15:00Z", "2009-11-01T02:30:30Z", "2009-11-01T03:00:00Z", "2009-11-01T03:40:00Z"];
    world.set_time("2009-10-20T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    let (won, lost) = (stage(&admin, "Won").await, stage(&admin, "Lost").await);
    for (at, time) in ended.into_iter().enumerate() {
        let id = deal(&admin, worth("D", 7)).await.id;
        world.set_time(time);
        admin.deals().move_to(id, if at % 2 == 0 { won } else { lost }, Expect::Any).await.unwrap();
    }
    let zone = "America/St_Johns".parse().unwrap();
    let window = |from: &str, to: &str| Window::new(from.parse().ok(), to.parse().ok(), zone).unwrap();
    let windows =
        [window("", ""), window("2009-11-01", ""), window("", "2009-10-31"), window("2009-11-01", "2009-11-30")];
    agree_on(&admin, &CheckedFilter::everything(), &windows).await;
}

pub async fn what_stands_behind_a_report_changes_no_figure(world: World) {
    world.set_time("2026-01-31T20:00:00Z");
    let admin = world.session(Role::Admin).await;
    let (mut known, mut step) = (Vec::new(), 5);
    let pipelines = [pipeline(&admin).await];
    for _ in 0..50 {
        world.clock.advance_seconds(17 * 3_600);
        happens(&admin, &pipelines, &samples::deal("D"), &mut known, &mut step).await;
        is_estimated(&admin, &known, &DealEdit::default(), &mut step).await;
    }
    // How long a deal stays depends on when one asks.
    world.clock.tick_micros(0);
    let day = |text: &str| text.parse().ok();
    let figures = admin.analytics();
    for (from, to) in [(None, None), (day("2026-02-01"), day("2026-02-28")), (day("2026-02-02"), day("2026-03-05"))] {
        let asked = AnalyticsRequest { from, to, compare: from.is_some(), ..AnalyticsRequest::default() };
        let explained = AnalyticsRequest { explain: true, ..asked.clone() };
        for every in [Period::Week, Period::Month] {
            let plain = figures.sales(&asked, every).await.unwrap();
            let told = figures.sales(&explained, every).await.unwrap();
            assert_eq!((&plain.figures, &plain.before), (&told.figures, &told.before));
            let counts = behind(told.explanations);
            assert_eq!(counts["total.won"], plain.figures.total.won);
            for period in &plain.figures.periods {
                assert_eq!(counts[&format!("periods.{}.lost", period.period)], period.tally.lost);
            }
            let plain = figures.revenue(&asked, every).await.unwrap();
            let told = figures.revenue(&explained, every).await.unwrap();
            assert_eq!((&plain.figures, &plain.before), (&told.figures, &told.before));
            let counts = behind(told.explanations);
            for period in &plain.figures.periods {
                assert_eq!(counts[&format!("periods.{}.won", period.period)], period.earned.won);
            }
        }
        let plain = figures.team(&asked).await.unwrap();
        let told = figures.team(&explained).await.unwrap();
        assert_eq!((&plain.figures, &plain.before), (&told.figures, &told.before));
        let counts = behind(told.explanations);
        for rank in &plain.figures.ranks {
            let owner = rank.owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
            assert_eq!(counts[&format!("ranks.{owner}.open")], rank.open);
            assert_eq!(counts[&format!("ranks.{owner}.won")], rank.tally.won);
        }
        let plain = figures.dashboard(&asked, Period::Month).await.unwrap();
        let told = figures.dashboard(&explained, Period::Month).await.unwrap();
        assert_eq!((&plain.figures, &plain.before), (&told.figures, &told.before));
    }
}

/// How many records stand behind each figure.
fn behind(explanations: Option<Vec<Explanation>>) -> BTreeMap<String, u64> {
    explanations.into_iter().flatten().map(|one| (one.figure, one.id_count)).collect()
}
