//! The history of deals is written with them, and the figures are made of what the caller sees.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{deal, fails, invalid_at, pipeline, reading, stage};
use crate::access::{Entity, Role};
use crate::analytics::{AnalyticsRequest, ConversionOptions, Counting, DealFact, Path};
use crate::deal::{Deal, DealEdit, DealMove, DealStart, DealStatus, ForecastCategory, MoveStage};
use crate::error::ErrorKind::NotFound;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::money::Money;
use crate::page::ListRequest;
use crate::pipeline::{NewPipeline, NewStage, PipelineChange, Stage, StageChange, StageKind, StageTarget};
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::time::{Period, Timestamp};

pub(super) fn usd(minor: i64) -> Money {
    Money::minor(minor, crate::money::Currency::USD)
}

/// The minor units of all currencies.
pub(super) fn minor(totals: &Option<crate::Totals>) -> i64 {
    totals.iter().flat_map(|totals| totals.iter()).map(|money| money.amount_minor).sum()
}

pub(super) fn worth(title: &str, minor: i64) -> DealEdit {
    DealEdit { value: usd(minor).into(), ..samples::deal(title) }
}

pub(super) fn all() -> AnalyticsRequest {
    AnalyticsRequest::default()
}

pub(super) async fn moves(session: &Session) -> Vec<DealMove> {
    let store = &session.ports().analytics;
    store.deal_moves(&reading(session, Entity::Deal), &CheckedFilter::everything()).await.unwrap()
}

async fn deals(session: &Session) -> Vec<Deal> {
    let everything = ListRequest { limit: Some(200), ..samples::list() };
    session.deals().list(&everything).await.unwrap().data.into_iter().map(|deal| deal.into_inner()).collect()
}

/// The last step of each deal leads to where it is, since when it is there.
pub(super) async fn ways_lead_to_the_deals(session: &Session) {
    let mut last: BTreeMap<Id<Deal>, DealMove> = BTreeMap::new();
    for step in moves(session).await {
        let before = last.insert(step.deal_id, step);
        assert!(before.is_none_or(|before| before.place < step.place && step.from == Some(before.to)), "{step:?}");
    }
    let deals = deals(session).await;
    assert_eq!(deals.len(), last.len());
    for deal in deals {
        let step = last[&deal.id];
        assert_eq!((step.to, step.at), (deal.stage_id, deal.stage_entered_at));
    }
}

pub async fn a_deals_way_is_written_with_it(world: World) {
    let admin = world.session(Role::Admin).await;
    let (first, engaging) = (stage(&admin, "Prospecting").await, stage(&admin, "Engaging").await);
    let won = stage(&admin, "Won").await;
    let made = deal(&admin, samples::deal("D")).await;
    world.clock.advance_seconds(60);
    let there = admin.deals().move_to(made.id, engaging, Expect::Any).await.unwrap();
    // A move to where it is already, and a change that moves nothing, are no steps.
    admin.deals().move_to(made.id, engaging, Expect::Any).await.unwrap();
    admin.deals().update(made.id, worth("E", 5), Expect::Any).await.unwrap();
    let ended = admin.deals().move_to(made.id, won, Expect::Any).await.unwrap();
    let told: Vec<_> = moves(&admin).await.iter().map(|step| (step.from, step.to, step.at)).collect();
    let steps = [
        (None, first, made.stage_entered_at),
        (Some(first), engaging, there.stage_entered_at),
        (Some(engaging), won, ended.stage_entered_at),
    ];
    assert_eq!(told, steps);
}

pub async fn a_way_goes_with_its_deal(world: World) {
    let admin = world.session(Role::Admin).await;
    let made = deal(&admin, samples::deal("D")).await;
    admin.deals().delete(made.id, Expect::Any).await.unwrap();
    assert!(moves(&admin).await.is_empty());
    admin.deals().restore(made.id).await.unwrap();
    assert_eq!(moves(&admin).await.len(), 1);
    admin.deals().delete(made.id, Expect::Any).await.unwrap();
    admin.deals().purge(made.id).await.unwrap();
    assert!(moves(&admin).await.is_empty());
}

pub async fn facts_are_what_the_list_says(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = DealEdit {
        expected_close_date: chrono::NaiveDate::from_ymd_opt(2026, 2, 28).unwrap().into(),
        probability: 35.into(),
        forecast_category: ForecastCategory::Commit.into(),
        source: "Fair".into(),
        ..worth("A", 1_234)
    };
    deal(&admin, edit).await;
    deal(&admin, samples::deal("B")).await;
    let lost = stage(&admin, "Lost").await;
    let gone = deal(&admin, worth("C", 7)).await;
    let reason = crate::Edit::Set("Too dear".to_owned());
    let asked = MoveStage { lost_reason: reason, ..lost.into() };
    let gone = admin.deals().move_saying(gone.id, asked, Expect::Any).await.unwrap();
    assert_eq!((gone.status, gone.lost_reason.as_deref()), (DealStatus::Lost, Some("Too dear")));
    let grant = reading(&admin, Entity::Deal);
    let told = admin.ports().analytics.deal_facts(&grant, &CheckedFilter::everything()).await.unwrap();
    let mut listed = deals(&admin).await;
    listed.sort_by_key(|deal| deal.id);
    assert_eq!(told, listed.iter().map(DealFact::of).collect::<Vec<_>>());
}

/// The next of a fixed row of numbers that look as if thrown.
pub(super) fn number(step: &mut u64) -> usize {
    *step = step.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*step >> 33).unwrap()
}

pub async fn deals_that_come_go_and_come_back_are_conserved(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let mut known: Vec<Id<Deal>> = Vec::new();
    let mut step = 7;
    for round in 0..60 {
        world.clock.advance_seconds(3_600);
        let stage = own.stages[number(&mut step) % own.stages.len()].id;
        match number(&mut step) % 6 {
            0 | 1 => {
                let start = DealStart { pipeline_id: None, stage_id: Some(stage) };
                known.push(admin.deals().create(start, worth(&format!("D{round}"), round)).await.unwrap().id);
            }
            at if !known.is_empty() => {
                let id = known[number(&mut step) % known.len()];
                let moved = admin.deals().move_to(id, stage, Expect::Any).await;
                if at == 5 && moved.is_ok() {
                    admin.deals().delete(id, Expect::Any).await.unwrap();
                }
            }
            _ => {}
        }
    }
    ways_lead_to_the_deals(&admin).await;
    a_board_converts_as_the_report_says(&admin).await;
    // Ways through a stage that is gone go on from where they were before, and some come back there.
    let (first, gone) = (own.stages[0].id, own.stages[1].id);
    let stages = own.stages.iter().filter(|stage| stage.id != gone).map(StageChange::from).collect();
    let targets = vec![StageTarget { stage_id: gone, to: first }];
    let change = PipelineChange { name: own.name.clone(), stages, targets };
    admin.pipelines().update(own.id, change, Expect::Any).await.unwrap();
    ways_lead_to_the_deals(&admin).await;
    a_board_converts_as_the_report_says(&admin).await;
}

/// The board and the report about conversion say the same of every stage, and no deal is lost between them.
async fn a_board_converts_as_the_report_says(admin: &Session) {
    let board = admin.deals().board(None).await.unwrap();
    for (counting, path) in
        [(Counting::Cohort, Path::AnyStage), (Counting::Snapshot, Path::AnyStage), (Counting::Cohort, Path::EveryStage)]
    {
        let told = admin.analytics().conversion(&all(), ConversionOptions { counting, path }).await.unwrap().figures;
        for (stage, column) in told.stages.iter().zip(&board.stages) {
            let came = stage.at_start + stage.entries;
            assert_eq!(came, stage.advanced + stage.lost + stage.moved_back + stage.still_there);
            assert_eq!((stage.stage_id, stage.still_there), (column.stage_id, column.count));
            let share = (came > 0).then(|| stage.advanced as f64 / came as f64);
            assert_eq!(column.conversion, share);
        }
        assert_eq!(told.deals, board.count());
    }
}

/// Three days, two deals won and one lost, of two owners.
pub(super) async fn a_small_history(world: &World) -> [Id<Deal>; 4] {
    let admin = world.session(Role::Admin).await;
    let rep = world.session(Role::SalesRep).await;
    let (engaging, won, lost) =
        (stage(&admin, "Engaging").await, stage(&admin, "Won").await, stage(&admin, "Lost").await);
    world.clock.tick_micros(0);
    world.set_time("2026-01-30T12:00:00Z");
    let (a, b) = (deal(&admin, worth("A", 100)).await.id, deal(&rep, worth("B", 200)).await.id);
    let (c, d) = (deal(&admin, worth("C", 400)).await.id, deal(&admin, worth("D", 800)).await.id);
    world.set_time("2026-01-31T12:00:00Z");
    for id in [a, c, d] {
        admin.deals().move_to(id, engaging, Expect::Any).await.unwrap();
    }
    admin.deals().move_to(a, won, Expect::Any).await.unwrap();
    world.set_time("2026-02-02T12:00:00Z");
    rep.deals().move_to(b, won, Expect::Any).await.unwrap();
    admin.deals().move_to(c, lost, Expect::Any).await.unwrap();
    [a, b, c, d]
}

pub async fn the_figures_of_a_small_history_are_right(world: World) {
    let [a, b, c, d] = a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let explained = AnalyticsRequest { explain: true, ..all() };
    let sales = admin.analytics().sales(&explained, Period::Month).await.unwrap();
    let total = &sales.figures.total;
    assert_eq!((total.won, total.lost, total.win_rate), (2, 1, Some(2.0 / 3.0)));
    assert_eq!(total.won_value.iter().flat_map(|sum| sum.iter()).collect::<Vec<_>>(), [usd(300)]);
    assert_eq!(total.average_deal.iter().flat_map(|sum| sum.iter()).collect::<Vec<_>>(), [usd(150)]);
    let months: Vec<_> =
        sales.figures.periods.iter().map(|one| (one.period.to_string(), one.tally.won, one.tally.lost)).collect();
    assert_eq!(months, [("2026-01-01".to_owned(), 1, 0), ("2026-02-01".to_owned(), 1, 1)]);
    let behind = |figure: &str| {
        let found = sales.explanations.iter().flatten().find(|one| one.figure == figure).unwrap();
        (found.denominator, found.ids.iter().copied().map(Id::from).collect::<BTreeSet<_>>())
    };
    assert_eq!(behind("total.win_rate"), (Some(3), BTreeSet::from([a, b])));
    assert_eq!(behind("total.lost"), (None, BTreeSet::from([c])));

    let velocity = admin.analytics().velocity(&all()).await.unwrap().figures;
    assert_eq!((velocity.won_cycle.count, velocity.won_cycle.mean), (2, Some(2.0)));
    assert_eq!((velocity.lost_cycle.mean, velocity.opportunities), (Some(3.0), 1));
    let pace = &velocity.pace.unwrap()[0];
    // 1 x 150 x 2/3 / 2
    assert_eq!((pace.opportunities, pace.average_deal, pace.per_day), (1, usd(150), usd(50)));
    let first = &velocity.stages[0];
    assert_eq!((first.left.count, first.left.median, first.staying.count), (4, Some(1.0), 0));

    let team = admin.analytics().team(&all()).await.unwrap().figures;
    let ranks: Vec<_> = team.ranks.iter().map(|rank| (rank.name.as_deref(), rank.tally.won, rank.open)).collect();
    assert_eq!(ranks, [(Some("sales_rep"), 1, 0), (Some("admin"), 1, 1)]);

    let conversion = admin.analytics().conversion(&all(), ConversionOptions::default()).await.unwrap().figures;
    let reached: Vec<u64> = conversion.stages.iter().map(|stage| stage.reached).collect();
    assert_eq!(reached, [4, 4, 2, 1]);
    assert_eq!((conversion.stages[1].skipped, conversion.stages[1].next_rate), (1, Some(0.5)));
    let strict = ConversionOptions { path: Path::EveryStage, ..ConversionOptions::default() };
    let strict = admin.analytics().conversion(&all(), strict).await.unwrap().figures;
    assert_eq!(strict.stages.iter().map(|stage| stage.reached).collect::<Vec<_>>(), [4, 3, 1, 1]);
    assert_eq!(deals(&admin).await.iter().filter(|deal| deal.id == d).count(), 1);
}

pub async fn a_window_holds_its_days_and_is_compared_with_those_before(world: World) {
    a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let day = |day: &str| Some(day.parse().unwrap());
    let request = AnalyticsRequest { from: day("2026-02-01"), to: day("2026-02-02"), compare: true, ..all() };
    let sales = admin.analytics().sales(&request, Period::Day).await.unwrap();
    assert_eq!((sales.figures.total.won, sales.figures.total.lost), (1, 1));
    let before = sales.before.unwrap();
    assert_eq!((before.total.won, before.total.lost), (1, 0));
    let snapshot = ConversionOptions { counting: Counting::Snapshot, ..ConversionOptions::default() };
    let conversion = admin.analytics().conversion(&request, snapshot).await.unwrap().figures;
    let engaging = &conversion.stages[1];
    assert_eq!((engaging.at_start, engaging.entries, engaging.lost, engaging.still_there), (2, 0, 1, 1));
    let cohort = admin.analytics().conversion(&request, ConversionOptions::default()).await.unwrap().figures;
    assert_eq!(cohort.deals, 0);
}

pub async fn a_forecast_adds_up_by_category_month_and_owner(world: World) {
    let admin = world.session(Role::Admin).await;
    let stages = vec![
        NewStage { probability: Some(20), ..NewStage::new("Early", StageKind::Open) },
        NewStage { probability: Some(90), ..NewStage::new("Late", StageKind::Open) },
        NewStage::new("Won", StageKind::Won),
    ];
    let own = admin.pipelines().create(NewPipeline { name: "Own".to_owned(), stages }).await.unwrap();
    let at = |stage: usize| DealStart { pipeline_id: Some(own.id), stage_id: Some(own.stages[stage].id) };
    let on = |day: &str| -> crate::Edit<chrono::NaiveDate> { day.parse::<chrono::NaiveDate>().unwrap().into() };
    world.set_time("2026-01-10T00:00:00Z");
    let made = [
        (at(0), DealEdit { expected_close_date: on("2026-02-28"), ..worth("early", 1_000) }),
        (at(1), DealEdit { expected_close_date: on("2026-03-01"), ..worth("late", 2_001) }),
        (at(0), DealEdit { expected_close_date: on("2026-03-31"), probability: 50.into(), ..worth("by hand", 101) }),
        (at(0), DealEdit { expected_close_date: on("2026-03-31"), ..samples::deal("no value") }),
        (at(1), worth("no day", 5_000)),
        (at(2), worth("won", 300)),
    ];
    for (start, edit) in made {
        admin.deals().create(start, edit).await.unwrap();
    }
    let omitted = DealEdit { forecast_category: ForecastCategory::Omitted.into(), ..worth("omitted", 9_000) };
    let omitted = DealEdit { expected_close_date: on("2026-03-01"), ..omitted };
    admin.deals().create(at(0), omitted).await.unwrap();
    let told = admin.analytics().forecast(&all()).await.unwrap().figures;
    let sums = |of: &crate::analytics::Amounts| -> Vec<i64> {
        [
            &of.pipeline,
            &of.best_case,
            &of.commit,
            &of.closed,
            &of.cumulative_commit,
            &of.cumulative_best_case,
            &of.open_pipeline,
            &of.weighted,
        ]
        .map(minor)
        .into()
    };
    // 20 % of 1,000, 90 % of 2,001 and 50 % of 101 are 2,051.4.
    assert_eq!(sums(&told.total), [1_000, 101, 2_001, 300, 2_301, 2_402, 3_102, 2_051]);
    assert_eq!((told.total.open_count, told.total.closed_count, told.total.without_value), (4, 1, 1));
    let months: Vec<String> = told.months.iter().map(|month| month.month.to_string()).collect();
    assert_eq!(months, ["2026-01-01", "2026-02-01", "2026-03-01"]);
    let by_month: i64 = told.months.iter().map(|month| minor(&month.amounts.open_pipeline)).sum::<i64>();
    assert_eq!((by_month, minor(&told.owners[0].amounts.open_pipeline)), (3_102, 3_102));
    assert_eq!(minor(&told.undated.commit), 5_000);
    let march = AnalyticsRequest { from: "2026-03-01".parse().ok(), to: "2026-03-01".parse().ok(), ..all() };
    assert_eq!(admin.analytics().forecast(&march).await.unwrap().figures.total.open_count, 1);
    let board = admin.deals().board(Some(own.id)).await.unwrap();
    let weighted: Vec<i64> = board.stages.iter().map(|stage| minor(&stage.weighted)).collect();
    // 20 % of 10,000 and 50 % of 101; 90 % of 7,001.
    assert_eq!(weighted, [2_050, 6_301, 300]);
}

pub async fn a_question_is_narrowed_by_its_conditions(world: World) {
    a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let won = async |request: AnalyticsRequest| {
        admin.analytics().sales(&request, Period::Month).await.unwrap().figures.total.won
    };
    let rep = world.home.member(Role::SalesRep);
    assert_eq!(won(AnalyticsRequest { owner_id: Some(rep), ..all() }).await, 1);
    assert_eq!(won(AnalyticsRequest { team_id: Some(world.home.team), ..all() }).await, 0);
    assert_eq!(won(AnalyticsRequest { tag: Some("none".to_owned()), ..all() }).await, 0);
    assert_eq!(won(AnalyticsRequest { filter: "title = B".parse().ok(), ..all() }).await, 1);
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap().id;
    assert_eq!(won(AnalyticsRequest { pipeline_id: Some(other), ..all() }).await, 0);
}

pub async fn a_bad_question_is_refused(world: World) {
    let admin = world.session(Role::Admin).await;
    let ask = async |request: AnalyticsRequest| admin.analytics().sales(&request, Period::Month).await;
    let day = |day: &str| day.parse().ok();
    invalid_at(ask(AnalyticsRequest { from: day("2026-02-02"), to: day("2026-02-01"), ..all() }).await, "to");
    invalid_at(ask(AnalyticsRequest { compare: true, ..all() }).await, "compare");
    invalid_at(ask(AnalyticsRequest { filter: "nothing = 1".parse().ok(), ..all() }).await, "filter.field");
    let unknown = AnalyticsRequest { pipeline_id: Some(Id::new_at(admin.now())), ..all() };
    fails(ask(unknown.clone()).await, NotFound);
    fails(admin.analytics().team(&unknown).await, NotFound);
    fails(admin.analytics().forecast(&unknown).await, NotFound);
    invalid_at(ask(AnalyticsRequest { team_id: Some(Id::new_at(admin.now())), ..all() }).await, "team_id");
    invalid_at(admin.deals().board_of(&all(), 51).await, "cards");
    for (request, field) in [
        (AnalyticsRequest { from: day("2026-02-02"), to: day("2026-02-01"), ..all() }, "to"),
        (AnalyticsRequest { compare: true, ..all() }, "compare"),
        (AnalyticsRequest { filter: "nothing = 1".parse().ok(), ..all() }, "filter.field"),
        (AnalyticsRequest { team_id: Some(Id::new_at(admin.now())), ..all() }, "team_id"),
    ] {
        invalid_at(admin.deals().board_of(&request, 2).await, field);
    }
    fails(admin.deals().board_of(&unknown, 0).await, NotFound);
    let probability = |percent: i64| DealEdit { probability: percent.into(), ..samples::deal("D") };
    for percent in [-1, 101, i64::MAX] {
        invalid_at(admin.deals().create(DealStart::default(), probability(percent)).await, "probability");
    }
    let reason = DealEdit { lost_reason: "Too dear".into(), ..samples::deal("D") };
    invalid_at(admin.deals().create(DealStart::default(), reason).await, "lost_reason");
    let late = DealEdit { expected_close_date: chrono::NaiveDate::MAX.into(), ..samples::deal("D") };
    invalid_at(admin.deals().create(DealStart::default(), late).await, "expected_close_date");
    for (probability, days) in [(Some(101), None), (Some(-1), None), (None, Some(0)), (None, Some(4_000))] {
        let stage = NewStage { probability, days_until_stale: days, ..NewStage::new("S", StageKind::Open) };
        let new = NewPipeline { name: "P".to_owned(), stages: vec![stage] };
        let field = if days.is_some() { "stages.0.days_until_stale" } else { "stages.0.probability" };
        invalid_at(admin.pipelines().create(new).await, field);
    }
}

pub async fn a_move_forgets_what_was_said_of_the_stage_before(world: World) {
    let admin = world.session(Role::Admin).await;
    let (engaging, lost) = (stage(&admin, "Engaging").await, stage(&admin, "Lost").await);
    let made = deal(&admin, DealEdit { probability: 80.into(), ..samples::deal("D") }).await;
    assert_eq!(made.probability, Some(80));
    assert_eq!(admin.deals().move_to(made.id, engaging, Expect::Any).await.unwrap().probability, None);
    let to = |stage: Id<Stage>| MoveStage { lost_reason: "Too dear".into(), ..stage.into() };
    invalid_at(admin.deals().move_saying(made.id, to(engaging), Expect::Any).await, "lost_reason");
    admin.deals().move_saying(made.id, to(lost), Expect::Any).await.unwrap();
    let back = admin.deals().move_to(made.id, engaging, Expect::Any).await.unwrap();
    assert_eq!((back.lost_reason.as_deref(), back.closed_at), (None::<&str>, None::<Timestamp>));
}

pub async fn a_board_shows_the_deals_that_came_last(world: World) {
    let admin = world.session(Role::Admin).await;
    for at in 0..5 {
        world.clock.advance_seconds(60);
        deal(&admin, worth(&format!("D{at}"), at)).await;
    }
    let board = admin.deals().board_of(&all(), 3).await.unwrap();
    let first = &board.stages[0];
    let titles: Vec<&str> = first.deals.iter().map(|deal| deal.title.as_str()).collect();
    assert_eq!((titles, first.count), (vec!["D4", "D3", "D2"], 5));
    let rest = ListRequest {
        filter: Some(crate::Filter::is(
            "stage_id",
            crate::filter::Op::Eq,
            crate::filter::Scalar::Text(first.stage_id.to_string()),
        )),
        sort: Some("-stage_entered_at".to_owned()),
        limit: Some(3),
        cursor: first.next_cursor.clone(),
        ..samples::list()
    };
    let rest = admin.deals().list(&rest).await.unwrap();
    assert_eq!(rest.data.iter().map(|deal| deal.title.as_str()).collect::<Vec<_>>(), ["D1", "D0"]);
    assert_eq!(board.currency_totals.unwrap().iter().collect::<Vec<_>>(), [usd(10)]);
    // A board has as many columns as a pipeline stages.
    let stages = (0..50).map(|at| NewStage::new(format!("S{at}"), StageKind::Open)).collect();
    let long = admin.pipelines().create(NewPipeline { name: "Long".to_owned(), stages }).await.unwrap();
    let last = long.stages[49].id;
    let start = DealStart { pipeline_id: Some(long.id), stage_id: Some(last) };
    let made = admin.deals().create(start, samples::deal("Far")).await.unwrap().id;
    let there = AnalyticsRequest { pipeline_id: Some(long.id), ..all() };
    let board = admin.deals().board_of(&there, 2).await.unwrap();
    let shown: Vec<_> = board.stages.iter().flat_map(|stage| &stage.deals).map(|deal| deal.id).collect();
    assert_eq!((shown, board.stages[49].deals.len()), (vec![made], 1));
}
