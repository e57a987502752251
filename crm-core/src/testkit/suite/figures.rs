//! Whose deals the figures are made of, and which amounts they add.

use std::collections::BTreeSet;

use super::analytics::{a_small_history, all, moves, usd, worth};
use super::support::{deal, fails, hiding, pipeline, stage};
use crate::access::{Entity, Role, Rule, Scope};
use crate::analytics::{AnalyticsRequest, ConversionOptions, Counting};
use crate::deal::{Deal, DealEdit};
use crate::error::ErrorKind::{Denied, NotFound};
use crate::id::Id;
use crate::money::Money;
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::time::Period;

/// The deals behind every figure of every report, those that the store names and those that are only
/// counted.
async fn behind_all(session: &Session) -> BTreeSet<Id<Deal>> {
    let (analytics, asked) = (session.analytics(), AnalyticsRequest { explain: true, ..all() });
    let snapshot = ConversionOptions { counting: Counting::Snapshot, ..ConversionOptions::default() };
    let reports = [
        analytics.sales(&asked, Period::Month).await.unwrap().explanations,
        analytics.conversion(&asked, ConversionOptions::default()).await.unwrap().explanations,
        analytics.conversion(&asked, snapshot).await.unwrap().explanations,
        analytics.velocity(&asked).await.unwrap().explanations,
        analytics.forecast(&asked).await.unwrap().explanations,
        analytics.team(&asked).await.unwrap().explanations,
    ];
    for report in &reports {
        assert!(report.iter().flatten().any(|one| one.id_count > 0), "{report:?}");
    }
    reports.into_iter().flatten().flatten().flat_map(|one| one.ids).collect()
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
