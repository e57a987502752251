//! A sales team's real history: the CRM Sales Opportunities set goes in as it is, with what lies beside
//! it, and its figures are those of a second computation, from the bytes of the files by nothing of ours.

use std::collections::{BTreeMap, BTreeSet};

use super::analytics::{all, minor, moves};
use super::support::filtered;
use super::uploads::{import, with_policy, written};
use crate::access::{Entity, Role};
use crate::custom_field::CustomKind;
use crate::deal::{Deal, DealMove};
use crate::page::ListRequest;
use crate::session::Session;
use crate::testkit::{World, samples};
use crate::time::Period;
use crate::transfer::{Counts, DuplicatePolicy, Import, ImportOptions};

pub(super) const ACCOUNTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/accounts.csv"));
const PIPELINE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/sales_pipeline.csv"));
const PRODUCTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/products.csv"));
const TEAMS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/sales_teams.csv"));

/// The options of the set, with the spelling of a product that its list has otherwise.
fn options(session: &Session, on_duplicate: DuplicatePolicy) -> ImportOptions {
    let aliases = BTreeMap::from([("GTXPro".to_owned(), "GTX Pro".to_owned())]);
    ImportOptions {
        products: session.transfers().products(PRODUCTS.as_bytes()).unwrap(),
        teams: session.transfers().teams(TEAMS.as_bytes()).unwrap(),
        values: BTreeMap::from([("product".to_owned(), aliases)]),
        ..with_policy(on_duplicate)
    }
}

async fn history(session: &Session, on_duplicate: DuplicatePolicy) -> Import {
    import(session, Entity::Company, ACCOUNTS, with_policy(on_duplicate)).await;
    import(session, Entity::Deal, PIPELINE, options(session, on_duplicate)).await
}

/// A row of the file, cut at its commas: it has no quotes.
struct Line {
    agent: &'static str,
    product: &'static str,
    stage: &'static str,
    engaged: &'static str,
    closed: &'static str,
    worth: i64,
}

fn lines(file: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    file.lines().skip(1).map(|line| line.split(',').collect())
}

fn opportunities() -> Vec<Line> {
    let line = |cells: Vec<&'static str>| Line {
        agent: cells[1],
        product: if cells[2] == "GTXPro" { "GTX Pro" } else { cells[2] },
        stage: cells[4],
        engaged: cells[5],
        closed: cells[6],
        worth: cells[7].parse().unwrap_or(0),
    };
    lines(PIPELINE).map(line).collect()
}

/// The days since 0000-03-01 of a day as in `10/20/2016`, by Hinnant's `days_from_civil`.
fn day_number(text: &str) -> i64 {
    let cut: Vec<i64> = text.split('/').map(|part| part.parse().unwrap()).collect();
    let (month, day, year) = (cut[0], cut[1], if cut[0] <= 2 { cut[2] - 1 } else { cut[2] });
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * ((month + 9) % 12) + 2) / 5 + day - 1
}

/// `3/1/2017` as `2017-03-01`.
fn iso(text: &str) -> String {
    let cut: Vec<&str> = text.split('/').collect();
    format!("{}-{:0>2}-{:0>2}", cut[2], cut[0], cut[1])
}

pub(super) async fn by_id(session: &Session, external_id: &str) -> Deal {
    let found = session.deals().list(&filtered(&format!("external_id = \"{external_id}\""))).await.unwrap();
    (*found.data[0]).clone()
}

async fn count(session: &Session, filter: &str) -> u64 {
    let list = ListRequest { count: true, limit: Some(1), ..filtered(filter) };
    session.deals().list(&list).await.unwrap().total.unwrap()
}

pub async fn a_teams_history_goes_in_with_the_files_beside_it(world: World) {
    let session = world.system().await;
    let done = history(&session, DuplicatePolicy::Skip).await;
    assert_eq!(done.counts, Counts { created: 8_800, ..Counts::default() });
    assert!(done.warnings.is_empty(), "{:?}", done.warnings);
    // A session knows the fields that there were when it began.
    let session = world.system().await;
    let everybody = ListRequest { limit: Some(200), ..samples::list() };
    let people = session.users().list(&everybody).await.unwrap().data;
    let brought = people.iter().filter(|user| user.account_id.is_none() && user.email.is_none());
    let brought: BTreeMap<&str, (Role, _)> = brought.map(|user| (user.name.as_str(), (user.role, user.id))).collect();
    let agents: BTreeSet<&str> = lines(TEAMS).map(|cells| cells[0]).collect();
    let managers: BTreeSet<&str> = lines(TEAMS).map(|cells| cells[1]).collect();
    assert_eq!(brought.keys().copied().collect::<BTreeSet<_>>(), &agents | &managers);
    assert!(managers.iter().all(|name| brought[name].0 == Role::Manager));
    let mut wanted: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    for cells in lines(TEAMS) {
        let team = wanted.entry(format!("{}, {}", cells[1], cells[2])).or_default();
        team.extend([brought[cells[0]].1, brought[cells[1]].1]);
    }
    let teams = session.teams().list().await.unwrap();
    let found = teams.iter().map(|team| (team.name.clone(), team.members.iter().copied().collect()));
    let found: BTreeMap<String, BTreeSet<_>> = found.filter(|(name, _)| wanted.contains_key(name)).collect();
    assert_eq!(found, wanted);
    let product = session.custom_fields().list().await.unwrap().remove(0);
    let names: Vec<&str> = lines(PRODUCTS).map(|cells| cells[0]).collect();
    assert_eq!(
        (product.key.as_str(), product.kind, &product.choices[..]),
        ("product", CustomKind::Choice, &names[..].iter().map(ToString::to_string).collect::<Vec<_>>()[..])
    );
    for name in names {
        let by_hand = opportunities().iter().filter(|line| line.product == name).count() as u64;
        assert_eq!(count(&session, &format!("custom.product = \"{name}\"")).await, by_hand, "{name}");
    }
    // The ways of deals have the file's own times.
    let way = |deal: &Deal, moves: &[DealMove]| {
        let own = moves.iter().filter(|step| step.deal_id == deal.id);
        own.map(|step| step.at.to_string()[..10].to_owned()).collect::<Vec<_>>()
    };
    let (moves, lines) = (moves(&session).await, lines(PIPELINE).step_by(611));
    for cells in lines {
        let deal = by_id(&session, cells[0]).await;
        let days = [cells[5], cells[6]].into_iter().filter(|day| !day.is_empty()).map(iso);
        let way = way(&deal, &moves);
        match cells[4] {
            "Prospecting" => assert_eq!((way.len(), deal.opened_at), (1, None)),
            _ => assert_eq!(way, days.collect::<Vec<_>>(), "{cells:?}"),
        }
    }
}

pub async fn the_figures_of_the_history_are_those_of_the_file(world: World) {
    let session = world.system().await;
    history(&session, DuplicatePolicy::Skip).await;
    let file = opportunities();
    let of = |stage: &'static str| file.iter().filter(move |line| line.stage == stage);
    let prices: BTreeMap<&str, i64> = lines(PRODUCTS).map(|cells| (cells[0], cells[2].parse().unwrap())).collect();
    let board = session.deals().board(None).await.unwrap();
    for (stage, deals) in [("Won", 4_238), ("Lost", 2_473), ("Engaging", 1_589), ("Prospecting", 500)] {
        let own = board.stages.iter().find(|own| own.name == stage).unwrap();
        assert_eq!((own.count, of(stage).count()), (deals, deals as usize), "{stage}");
        let worth: i64 = match stage {
            "Won" | "Lost" => of(stage).map(|line| line.worth).sum(),
            _ => of(stage).map(|line| prices[line.product]).sum(),
        };
        assert_eq!(minor(&own.total), worth * 100, "{stage}");
    }
    assert_eq!(of("Won").map(|line| line.worth).sum::<i64>(), 10_005_534);
    assert_eq!(count(&session, "value_estimated = true").await, 2_089);
    assert_eq!(count(&session, "value_estimated = true and status != \"open\"").await, 0);

    let sales = session.analytics().sales(&all(), Period::Month).await.unwrap().figures;
    assert_eq!((sales.total.won, sales.total.lost, minor(&sales.total.won_value)), (4_238, 2_473, 1_000_553_400));
    assert_eq!(format!("{:.2}", sales.total.win_rate.unwrap() * 100.0), "63.15");
    let mut months: BTreeMap<String, i64> = BTreeMap::new();
    of("Won").for_each(|line| *months.entry(iso(line.closed)[..7].to_owned()).or_default() += line.worth * 100);
    assert_eq!((months["2017-03"], months["2017-12"]), (113_467_200, 113_157_300));
    let told = sales.periods.iter().map(|one| (one.period.format("%Y-%m").to_string(), minor(&one.tally.won_value)));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), months);

    let mut cycles: Vec<i64> = of("Won").map(|line| day_number(line.closed) - day_number(line.engaged)).collect();
    cycles.sort_unstable();
    let (middle, mean) = (cycles.len() / 2, cycles.iter().sum::<i64>() as f64 / cycles.len() as f64);
    let median = (cycles[middle - 1] + cycles[middle]) / 2;
    assert_eq!((format!("{mean:.2}"), median), ("51.78".to_owned(), 57));
    let velocity = session.analytics().velocity(&all()).await.unwrap().figures;
    assert_eq!(velocity.won_cycle.median, Some(57.0));
    assert!((velocity.won_cycle.mean.unwrap() - mean).abs() < 1e-9);

    let mut agents: BTreeMap<&str, i64> = BTreeMap::new();
    of("Won").for_each(|line| *agents.entry(line.agent).or_default() += line.worth * 100);
    let ranks = session.analytics().team(&all()).await.unwrap().figures.ranks;
    let top = agents.iter().max_by_key(|(_, sum)| **sum).unwrap();
    assert_eq!((ranks[0].name.as_deref(), minor(&ranks[0].tally.won_value)), (Some(*top.0), *top.1));
    assert_eq!(*top.1, 115_321_400);

    // Deals that were engaged close after the median of the won ones; those that were not have no day.
    let mut months: BTreeMap<i64, u64> = BTreeMap::new();
    of("Engaging").for_each(|line| *months.entry(day_number(line.engaged) + median).or_default() += 1);
    let forecast = session.analytics().forecast(&all()).await.unwrap().figures;
    assert_eq!((forecast.undated.open_count, forecast.total.open_count), (500, 1_589));
    let first = chrono::NaiveDate::default();
    let offset = day_number("1/1/1970");
    for (day, deals) in months.iter().step_by(29) {
        let day = first + chrono::TimeDelta::days(day - offset);
        assert_eq!(count(&session, &format!("status = \"open\" and expected_close_date = \"{day}\"")).await, *deals);
    }
}

pub async fn importing_the_history_again_changes_nothing(world: World) {
    history(&world.system().await, DuplicatePolicy::Skip).await;
    assert!(written(&world).await > 8_800);
    for policy in [DuplicatePolicy::Skip, DuplicatePolicy::Update] {
        let again = history(&world.system().await, policy).await;
        assert_eq!((again.counts.unchanged, again.counts.created), (8_800, 0), "{policy:?}");
        assert_eq!(written(&world).await, 0, "{policy:?}");
    }
}
