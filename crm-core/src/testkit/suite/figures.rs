//! Whose deals the figures are made of, and which amounts they add.

use std::collections::BTreeSet;

use super::analytics::{a_small_history, all, moves, usd, worth};
use super::support::{deal, fails, hiding, invalid_at, pipeline, stage};
use crate::access::{Entity, Role, Rule, Scope};
use crate::analytics::{AnalyticsRequest, ConversionOptions, Counting, Explanation};
use crate::deal::{Deal, DealEdit, DealStart};
use crate::error::ErrorKind::{Denied, NotFound};
use crate::id::Id;
use crate::money::Money;
use crate::pipeline::{NewPipeline, NewStage, StageKind};
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::time::Period;

/// What every report about deals says of what stands behind its figures.
async fn explained(session: &Session, asked: &AnalyticsRequest) -> Vec<Vec<Explanation>> {
    let analytics = session.analytics();
    let snapshot = ConversionOptions { counting: Counting::Snapshot, ..ConversionOptions::default() };
    let reports = [
        analytics.sales(asked, Period::Month).await.unwrap().explanations,
        analytics.conversion(asked, ConversionOptions::default()).await.unwrap().explanations,
        analytics.conversion(asked, snapshot).await.unwrap().explanations,
        analytics.velocity(asked).await.unwrap().explanations,
        analytics.forecast(asked).await.unwrap().explanations,
        analytics.team(asked).await.unwrap().explanations,
        analytics.revenue(asked, Period::Month).await.unwrap().explanations,
        analytics.dashboard(asked, Period::Month).await.unwrap().explanations,
        analytics.activities(asked, Period::Month).await.unwrap().explanations,
    ];
    reports.into_iter().map(Option::unwrap).collect()
}

/// The deals behind every figure of every report, those that the store names and those that are only
/// counted.
async fn behind_all(session: &Session) -> BTreeSet<Id<Deal>> {
    let reports = explained(session, &AnalyticsRequest { explain: true, ..all() }).await;
    for report in &reports {
        assert!(report.iter().any(|one| one.id_count > 0), "{report:?}");
    }
    reports.into_iter().flatten().flat_map(|one| one.ids).map(Id::from).collect()
}

/// Deals that are counted by each report and by the board: ended, begun, won or open, dated or not,
/// ranked, and on the board.
async fn counted_by_all(session: &Session) -> [u64; 6] {
    let analytics = session.analytics();
    let sales = analytics.sales(&all(), Period::Month).await.unwrap().figures.total;
    let velocity = analytics.velocity(&all()).await.unwrap().figures;
    let forecast = analytics.forecast(&all()).await.unwrap().figures;
    let ranks = analytics.team(&all()).await.unwrap().figures.ranks;
    [
        sales.won + sales.lost,
        analytics.conversion(&all(), ConversionOptions::default()).await.unwrap().figures.deals,
        velocity.won_cycle.count + velocity.lost_cycle.count + velocity.opportunities,
        forecast.total.closed_count + forecast.undated.open_count,
        ranks.iter().map(|rank| rank.tally.won + rank.tally.lost + rank.open).sum(),
        session.deals().board(None).await.unwrap().count(),
    ]
}

pub async fn figures_hold_what_the_caller_sees(world: World) {
    let [a, b, c, d] = a_small_history(&world).await;
    let won = stage(&world.session(Role::Admin).await, "Won").await;
    let (setter, manager) = (world.session(Role::Setter).await, world.session(Role::Manager).await);
    let (own, mates) = (deal(&setter, worth("S", 3)).await.id, deal(&manager, worth("M", 20)).await.id);
    for (session, id) in [(&setter, own), (&manager, mates)] {
        session.deals().move_to(id, won, Expect::Any).await.unwrap();
    }
    let reads = async |role, read| {
        world.set_rule(role, Entity::Deal, Rule { read, ..Rule::ALL }).await;
        world.session(role).await
    };
    let rep = reads(Role::SalesRep, Scope::Own).await;
    assert_eq!((behind_all(&rep).await, counted_by_all(&rep).await), (BTreeSet::from([b]), [1; 6]));
    let setter = reads(Role::Setter, Scope::Own).await;
    assert_eq!((behind_all(&setter).await, counted_by_all(&setter).await), (BTreeSet::from([own]), [1; 6]));
    let setter = reads(Role::Setter, Scope::Team).await;
    assert_eq!((behind_all(&setter).await, counted_by_all(&setter).await), (BTreeSet::from([own, mates]), [2; 6]));
    let setter = reads(Role::Setter, Scope::All).await;
    let everything = BTreeSet::from([a, b, c, d, own, mates]);
    assert_eq!(behind_all(&setter).await, everything);
    // The lost one is in no forecast.
    assert_eq!(counted_by_all(&setter).await, [5, 6, 6, 5, 6, 6]);

    let stranger = world.stranger().await;
    assert_eq!(counted_by_all(&stranger).await, [0; 6]);
    assert!(moves(&stranger).await.is_empty());
    let own = pipeline(&world.session(Role::Admin).await).await.id;
    let elsewhere = AnalyticsRequest { pipeline_id: Some(own), ..all() };
    fails(stranger.analytics().velocity(&elsewhere).await, NotFound);
    fails(stranger.analytics().conversion(&elsewhere, ConversionOptions::default()).await, NotFound);
    let nobody = reads(Role::SalesRep, Scope::None).await;
    fails(nobody.analytics().forecast(&all()).await, Denied);
}

pub async fn amounts_of_two_currencies_are_never_added(world: World) {
    let admin = world.session(Role::Admin).await;
    let (won, lost) = (stage(&admin, "Won").await, stage(&admin, "Lost").await);
    world.set_time("2026-01-10T12:00:00Z");
    let euros = |minor| Money::minor(minor, "EUR".parse().unwrap());
    let mut ended = Vec::new();
    for value in [usd(100), usd(300), euros(10), euros(31)] {
        let edit = |title: &str| DealEdit {
            expected_close_date: chrono::NaiveDate::from_ymd_opt(2026, 1, 31).unwrap().into(),
            probability: 50.into(),
            value: value.into(),
            ..samples::deal(title)
        };
        deal(&admin, edit("open")).await;
        ended.push(deal(&admin, edit("won")).await.id);
    }
    let gone = deal(&admin, worth("lost", 7_000)).await.id;
    world.set_time("2026-01-12T12:00:00Z");
    for id in ended {
        admin.deals().move_to(id, won, Expect::Any).await.unwrap();
    }
    admin.deals().move_to(gone, lost, Expect::Any).await.unwrap();
    let amounts = |totals: &Option<crate::Totals>| {
        let mut sums: Vec<_> = totals.iter().flat_map(|totals| totals.iter()).collect();
        sums.sort_by_key(|money| money.currency);
        sums
    };
    let both = [euros(41), usd(400)];

    let sales = admin.analytics().sales(&all(), Period::Year).await.unwrap().figures;
    assert_eq!(
        (amounts(&sales.total.won_value), amounts(&sales.periods[0].tally.won_value)),
        (both.into(), both.into())
    );
    // A half goes to the even one: 41 / 2 is 20.
    assert_eq!(amounts(&sales.total.average_deal), [euros(20), usd(200)]);
    let forecast = admin.analytics().forecast(&all()).await.unwrap().figures;
    for told in [&forecast.total, &forecast.months[0].amounts, &forecast.owners[0].amounts] {
        assert_eq!((amounts(&told.best_case), amounts(&told.closed)), (both.into(), both.into()));
        assert_eq!(amounts(&told.cumulative_best_case), [euros(82), usd(800)]);
        assert_eq!(amounts(&told.weighted), [euros(20), usd(200)]);
    }
    let velocity = admin.analytics().velocity(&all()).await.unwrap().figures;
    let pace: Vec<_> = velocity.pace.unwrap().iter().map(|pace| (pace.opportunities, pace.average_deal)).collect();
    assert_eq!(pace.len(), 2);
    assert!(pace.contains(&(2, euros(20))) && pace.contains(&(2, usd(200))), "{pace:?}");
    let team = admin.analytics().team(&all()).await.unwrap().figures;
    assert_eq!(amounts(&team.ranks[0].tally.won_value), both);
    let board = admin.deals().board(None).await.unwrap();
    assert_eq!(amounts(&board.stages[0].weighted), [euros(20), usd(200)]);
    assert_eq!(amounts(&board.currency_totals), [euros(82), usd(7_800)]);
}

pub async fn hidden_values_hide_amounts(world: World) {
    a_small_history(&world).await;
    world.set_rule(Role::SupportAgent, Entity::Deal, hiding(&["value"])).await;
    let agent = world.session(Role::SupportAgent).await;
    let sales = agent.analytics().sales(&all(), Period::Month).await.unwrap().figures;
    assert_eq!((sales.total.won, sales.total.won_value, sales.total.average_deal), (2, None, None));
    let velocity = agent.analytics().velocity(&all()).await.unwrap().figures;
    assert_eq!((velocity.opportunities, velocity.pace), (1, None));
    let forecast = agent.analytics().forecast(&all()).await.unwrap().figures;
    assert_eq!((forecast.undated.open_count, forecast.undated.open_pipeline), (1, None));
    assert!(agent.deals().board(None).await.unwrap().stages.iter().all(|stage| stage.weighted.is_none()));
}

pub async fn revenue_is_what_sales_say_cut_in_other_ways(world: World) {
    a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let won = stage(&admin, "Won").await;
    for (source, minor) in [(Some("Fair"), 40), (Some("FAIR"), 2), (Some("Web"), 1), (None, 5)] {
        let source = source.map_or(crate::Edit::Keep, |source| source.into());
        let id = deal(&admin, DealEdit { source, ..worth("S", minor) }).await.id;
        admin.deals().move_to(id, won, Expect::Any).await.unwrap();
    }
    let sales = admin.analytics().sales(&all(), Period::Quarter).await.unwrap().figures;
    let revenue = admin.analytics().revenue(&all(), Period::Quarter).await.unwrap().figures;
    let (total, whole) = (&sales.total, &revenue.total);
    assert_eq!(
        (whole.won, &whole.won_value, &whole.average_deal, &whole.converted),
        (total.won, &total.won_value, &total.average_deal, &total.converted)
    );
    let by_period: Vec<_> = revenue.periods.iter().map(|one| (one.period, one.earned.won)).collect();
    let sold = sales.periods.iter().filter(|one| one.tally.won > 0);
    assert_eq!(by_period, sold.map(|one| (one.period, one.tally.won)).collect::<Vec<_>>());
    let sources = revenue.sources.unwrap();
    let of = |name: &str| sources.iter().find(|one| one.source.as_deref() == Some(name)).map(|one| one.earned.won);
    assert_eq!((of("Fair"), of("FAIR"), of("Web")), (Some(2), None, Some(1)));
    let groups: [Vec<&crate::analytics::Earned>; 4] = [
        revenue.periods.iter().map(|one| &one.earned).collect(),
        revenue.owners.iter().map(|one| &one.earned).collect(),
        sources.iter().map(|one| &one.earned).collect(),
        revenue.currencies.iter().flatten().map(|one| &one.earned).collect(),
    ];
    for group in groups {
        assert_eq!(group.iter().map(|one| one.won).sum::<u64>(), whole.won);
        let value: i64 = group.iter().map(|one| super::analytics::minor(&one.won_value)).sum();
        assert_eq!(value, super::analytics::minor(&whole.won_value));
    }
    // Who brought most comes first.
    let ranks: Vec<i64> = revenue.owners.iter().map(|one| super::analytics::minor(&one.earned.won_value)).collect();
    assert!(ranks.is_sorted_by(|a, b| a >= b), "{ranks:?}");
    let window = AnalyticsRequest { from: "1999-01-01".parse().ok(), to: "1999-12-31".parse().ok(), ..all() };
    let nothing = admin.analytics().revenue(&window, Period::Month).await.unwrap().figures;
    assert_eq!((nothing.total.won, nothing.periods.len(), nothing.owners.len()), (0, 0, 0));
}

pub async fn every_number_of_a_stage_says_what_it_counts(world: World) {
    a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let day = |text: &str| text.parse().ok();
    let february = AnalyticsRequest { from: day("2026-02-01"), explain: true, ..all() };
    let always = AnalyticsRequest { explain: true, ..all() };
    for (asked, counting) in [(&always, Counting::Cohort), (&february, Counting::Snapshot)] {
        let options = ConversionOptions { counting, ..ConversionOptions::default() };
        let report = admin.analytics().conversion(asked, options).await.unwrap();
        let explanations = report.explanations.unwrap();
        let behind = |figure: &str| explanations.iter().find(|one| one.figure == figure).unwrap().id_count;
        assert_eq!(behind("deals"), report.figures.deals);
        // No deal came back, so there are as many deals as stays.
        for stage in &report.figures.stages {
            let told = |name: &str| behind(&format!("stages.{}.{name}", stage.stage_id));
            assert_eq!((told("at_start"), told("entries")), (stage.at_start, stage.entries));
            assert_eq!((told("reached"), told("skipped")), (stage.reached, stage.skipped));
            assert_eq!((told("advanced"), told("lost")), (stage.advanced, stage.lost));
            assert_eq!((told("moved_back"), told("still_there")), (stage.moved_back, stage.still_there));
        }
    }
    let stages = vec![NewStage { days_until_stale: Some(1), ..NewStage::new("Only", StageKind::Open) }];
    let own = admin.pipelines().create(NewPipeline { name: "Own".to_owned(), stages }).await.unwrap();
    let start = DealStart { pipeline_id: Some(own.id), stage_id: None };
    let old = admin.deals().create(start, samples::deal("Old")).await.unwrap().id;
    world.clock.advance_seconds(3 * 86_400);
    let admin = world.session(Role::Admin).await;
    admin.deals().create(start, samples::deal("New")).await.unwrap();
    let asked = AnalyticsRequest { pipeline_id: Some(own.id), explain: true, ..all() };
    let report = admin.analytics().velocity(&asked).await.unwrap();
    assert_eq!(report.figures.stages[0].stale, Some(1));
    let figure = format!("stages.{}.stale", own.stages[0].id);
    let stale = report.explanations.iter().flatten().find(|one| one.figure == figure).unwrap();
    assert_eq!((stale.denominator, stale.ids.as_slice()), (Some(2), [old.uuid()].as_slice()));
}

pub async fn the_days_before_say_what_a_report_about_them_says(world: World) {
    a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let day = |text: &str| text.parse().ok();
    let days = |from: &str, to: &str| AnalyticsRequest { from: day(from), to: day(to), explain: true, ..all() };
    let compared = AnalyticsRequest { compare: true, ..days("2026-02-01", "2026-02-28") };
    let both = explained(&admin, &compared).await;
    let (own, earlier) = (days("2026-02-01", "2026-02-28"), days("2026-01-04", "2026-01-31"));
    let (own, earlier) = (explained(&admin, &own).await, explained(&admin, &earlier).await);
    for ((both, own), earlier) in both.into_iter().zip(own).zip(earlier) {
        assert!(earlier.iter().any(|one| one.id_count > 0), "{earlier:?}");
        let placed = |one: Explanation| Explanation { figure: format!("before.{}", one.figure), ..one };
        assert_eq!(both, [own, earlier.into_iter().map(placed).collect()].concat());
    }
}

pub async fn ids_behind_a_figure_go_on_after_one_of_them(world: World) {
    let [a, b, c, d] = a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let mut ids = [a, b, c, d];
    ids.sort_unstable();
    let behind = async |ids_after: Option<Id<Deal>>| {
        let asked = AnalyticsRequest { explain: true, ids_after: ids_after.map(Id::cast), ..all() };
        let told = admin.analytics().conversion(&asked, ConversionOptions::default()).await.unwrap();
        let one = told.explanations.unwrap().into_iter().find(|one| one.figure == "deals").unwrap();
        let board = admin.deals().board_of(&asked, 0).await.unwrap().explanations.unwrap();
        let shown: usize = board.iter().filter(|one| one.figure.ends_with(".count")).map(|one| one.ids.len()).sum();
        assert_eq!((one.id_count, one.ids_are_capped, one.ids.len()), (4, false, shown));
        one.ids.into_iter().map(Id::<Deal>::from).collect::<Vec<_>>()
    };
    assert_eq!(behind(None).await, ids);
    assert_eq!(behind(Some(ids[1])).await, ids[2..]);
    assert!(behind(Some(ids[3])).await.is_empty());
    let silent = AnalyticsRequest { ids_after: Some(ids[0].cast()), ..all() };
    invalid_at(admin.analytics().forecast(&silent).await, "ids_after");
    invalid_at(admin.analytics().activities(&silent, Period::Month).await, "ids_after");
    invalid_at(admin.deals().board_of(&silent, 0).await, "ids_after");
}

pub async fn a_hidden_source_is_told_in_no_figure(world: World) {
    a_small_history(&world).await;
    world.set_rule(Role::Manager, Entity::Deal, hiding(&["source"])).await;
    let manager = world.session(Role::Manager).await;
    let asked = AnalyticsRequest { explain: true, ..all() };
    let revenue = manager.analytics().revenue(&asked, Period::Month).await.unwrap();
    assert!(revenue.figures.sources.is_none() && revenue.figures.currencies.is_some());
    assert!(revenue.explanations.unwrap().iter().all(|one| !one.figure.starts_with("sources")));
    world.set_rule(Role::Manager, Entity::Deal, hiding(&["value"])).await;
    let manager = world.session(Role::Manager).await;
    let revenue = manager.analytics().revenue(&asked, Period::Month).await.unwrap();
    assert!(revenue.figures.sources.is_some() && revenue.figures.currencies.is_none());
    assert!(revenue.explanations.unwrap().iter().all(|one| one.figure.ends_with(".won")));
}

pub async fn a_dashboard_says_what_its_reports_say(world: World) {
    a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let day = |text: &str| text.parse().ok();
    let window = AnalyticsRequest { from: day("2026-01-01"), to: day("2026-01-31"), compare: true, ..all() };
    let own = pipeline(&admin).await.id;
    let narrow = AnalyticsRequest { pipeline_id: Some(own), explain: true, ..all() };
    for asked in [all(), window, narrow] {
        let analytics = admin.analytics();
        let dashboard = analytics.dashboard(&asked, Period::Week).await.unwrap();
        let sales = analytics.sales(&asked, Period::Week).await.unwrap();
        let forecast = analytics.forecast(&asked).await.unwrap();
        let conversion = analytics.conversion(&asked, ConversionOptions::default()).await.unwrap();
        let velocity = analytics.velocity(&asked).await.unwrap();
        let team = analytics.team(&asked).await.unwrap();
        for (told, sales, forecast, conversion, velocity, team) in [
            (
                Some(dashboard.figures),
                Some(sales.figures),
                Some(forecast.figures),
                Some(conversion.figures),
                Some(velocity.figures),
                Some(team.figures),
            ),
            (dashboard.before, sales.before, forecast.before, conversion.before, velocity.before, team.before),
        ] {
            let told = told.map(|told| (told.sales, told.forecast, told.conversion, told.velocity, told.leaderboard));
            let apart = sales.zip(forecast).zip(conversion).zip(velocity).zip(team);
            let apart = apart.map(|((((sales, forecast), conversion), velocity), team)| {
                (sales, forecast, conversion, velocity, team)
            });
            assert_eq!(told, apart);
        }
        let mut apart: Vec<String> = Vec::new();
        for (part, report) in [
            ("sales", sales.explanations),
            ("forecast", forecast.explanations),
            ("conversion", conversion.explanations),
            ("velocity", velocity.explanations),
            ("leaderboard", team.explanations),
        ] {
            apart.extend(report.into_iter().flatten().map(|one| format!("{part}.{}", one.figure)));
        }
        let told: Vec<String> = dashboard.explanations.into_iter().flatten().map(|one| one.figure).collect();
        assert_eq!(told, apart);
    }
    let unknown = AnalyticsRequest { pipeline_id: Some(Id::new_at(admin.now())), ..all() };
    fails(admin.analytics().dashboard(&unknown, Period::Month).await, NotFound);
}

pub async fn the_funnel_counts_the_contacts_that_the_caller_sees(world: World) {
    use crate::contact::{ContactEdit, Lifecycle};
    world.set_time("2026-01-10T12:00:00Z");
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let make = async |session: &Session, lifecycle: Lifecycle| {
        let edit = ContactEdit { lifecycle: lifecycle.into(), ..samples::contact(lifecycle.name()) };
        session.contacts().create(edit).await.unwrap().id
    };
    let mut made = Vec::new();
    for lifecycle in Lifecycle::ALL.into_iter().chain([Lifecycle::Lead, Lifecycle::Customer]) {
        made.push(make(&admin, lifecycle).await);
    }
    let own = make(&rep, Lifecycle::Qualified).await;
    let gone = make(&admin, Lifecycle::Lead).await;
    admin.contacts().delete(gone, Expect::Any).await.unwrap();
    world.set_time("2026-02-10T12:00:00Z");
    make(&admin, Lifecycle::Lead).await;
    let day = |text: &str| text.parse().ok();
    let january = AnalyticsRequest { from: day("2026-01-01"), to: day("2026-01-31"), explain: true, ..all() };
    let told = admin.analytics().funnel(&january).await.unwrap();
    let funnel = &told.figures;
    assert_eq!((funnel.contacts, funnel.churned, funnel.other), (9, 1, 1));
    let steps: Vec<_> = funnel.steps.iter().map(|step| (step.here, step.reached)).collect();
    assert_eq!(steps, [(2, 8), (2, 6), (1, 4), (2, 3)]);
    assert_eq!((funnel.steps[0].next_rate, funnel.steps[3].next_rate), (Some(0.75), None));
    assert_eq!(funnel.steps[3].cumulative_rate, Some(0.375));
    let behind = |figure: &str| {
        let found = told.explanations.iter().flatten().find(|one| one.figure == figure).unwrap();
        (found.denominator, found.id_count)
    };
    assert_eq!((behind("steps.customer.reached"), behind("steps.lead.next_rate")), ((None, 3), (Some(8), 6)));
    assert_eq!(admin.analytics().funnel(&all()).await.unwrap().figures.contacts, 10);
    // Those of one owner, of a team, and of a pipeline.
    let count = async |request: AnalyticsRequest| admin.analytics().funnel(&request).await.unwrap().figures.contacts;
    let reps = Some(world.home.member(Role::SalesRep));
    assert_eq!(count(AnalyticsRequest { owner_id: reps, ..all() }).await, 1);
    assert_eq!(count(AnalyticsRequest { team_id: Some(world.home.team), ..all() }).await, 0);
    deal(&admin, DealEdit { contact_id: own.into(), ..samples::deal("D") }).await;
    let first = pipeline(&admin).await.id;
    assert_eq!(count(AnalyticsRequest { pipeline_id: Some(first), ..all() }).await, 1);
    assert_eq!(count(AnalyticsRequest { filter: "lifecycle = lead".parse().ok(), ..all() }).await, 3);
    world.set_rule(Role::SalesRep, Entity::Contact, Rule { read: Scope::Own, ..Rule::ALL }).await;
    let rep = world.session(Role::SalesRep).await;
    assert_eq!(rep.analytics().funnel(&all()).await.unwrap().figures.contacts, 1);
    assert_eq!(world.stranger().await.analytics().funnel(&all()).await.unwrap().figures.contacts, 0);
    world.set_rule(Role::SalesRep, Entity::Contact, Rule { read: Scope::None, ..Rule::NONE }).await;
    fails(world.session(Role::SalesRep).await.analytics().funnel(&all()).await, Denied);
}
