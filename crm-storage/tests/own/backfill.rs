//! What migrations add up of rows that are there already.
#![expect(clippy::indexing_slicing, reason = "a deal that is missing fails its test")]

use chrono::NaiveDate;
use crm_core::access::{Action, Grant, Role};
use crm_core::analytics::{DealFact, DealGroups, StageFlow, Window};
use crm_core::deal::{DealEdit, DealStart, DealStatus, ForecastCategory, StageTotal};
use crm_core::filter::CheckedFilter;
use crm_core::testkit::samples;
use crm_core::{Currency, Edit, Entity, Expect, Money, Period, Result, Session, Store};
use crm_storage::Migrated;

use super::{Behind, engine, session};

/// Before the first migration that adds up what is there.
const BEFORE: i32 = 4;
/// Days and instants around which months begin, some of them before 1970.
const EXPECTED: [i64; 6] = [-32, -1, 0, 30, 31, 20_544];
const ENDED: [&str; 8] = [
    "1969-11-30T23:59:59.999999Z",
    "1969-12-31T23:59:59.000001Z",
    "1970-01-01T00:00:00Z",
    "2024-02-29T23:30:00Z",
    "2024-03-01T00:00:00Z",
    "2025-12-31T23:59:59.999999Z",
    "2026-01-01T00:00:00Z",
    "2026-06-15T12:00:00Z",
];
const DEALS: usize = 48;

/// Deals in every stage, of two owners and of nobody, with and without what sums tell apart, some of them deleted.
async fn fill(session: &Session) {
    let owner = session.users().create(samples::user("Owner", Role::Setter)).await.unwrap().id;
    let pipeline = session.pipelines().list().await.unwrap().remove(0);
    let stages: Vec<_> = pipeline.stages.iter().map(|stage| stage.id).collect();
    for at in 0..DEALS {
        let minor = [0, 4_294_967_296, 7, 1_000_000_000_000_000][at % 4];
        let value = match at % 3 {
            0 => Edit::Keep,
            1 => Money::minor(minor, Currency::USD).into(),
            _ => Money::minor(minor, "EUR".parse().unwrap()).into(),
        };
        let edit = DealEdit {
            value,
            owner_id: if at % 5 < 3 { owner.into() } else { Edit::Clear },
            expected_close_date: if at % 7 == 0 { Edit::Keep } else { NaiveDate::default().into() },
            ..samples::deal(&format!("d{at}"))
        };
        let made = session.deals().create(DealStart::default(), edit).await.unwrap();
        for stage in [stages[1], stages[at % stages.len()]] {
            session.deals().move_to(made.id, stage, Expect::Any).await.unwrap();
        }
        // Said of the stage that it is in: a move forgets it, and what has ended takes it from nobody.
        let said = DealEdit {
            probability: if at % 8 == 0 { 35.into() } else { Edit::Keep },
            forecast_category: if at % 12 == 0 { ForecastCategory::Commit.into() } else { Edit::Keep },
            ..DealEdit::default()
        };
        let _ = session.deals().update(made.id, said, Expect::Any).await;
        if at % 9 == 8 {
            session.deals().delete(made.id, Expect::Any).await.unwrap();
        }
    }
}

/// Says when the deals ended and are expected, as histories that were read in say it.
async fn date<D: Behind>(database: &D) {
    let mut dated = String::new();
    for at in 0..DEALS {
        let (ended, expected) = (ENDED[at / 4 % ENDED.len()], EXPECTED[at % EXPECTED.len()]);
        let (ended, own) = (D::time(ended.parse().unwrap()), format!("WHERE title_key = 'd{at}'"));
        dated.push_str(&format!("UPDATE deals SET closed_at = {ended} {own} AND status <> 'open';"));
        dated.push_str(&format!(
            "UPDATE deals SET expected_close_day = {expected} {own} AND expected_close_day IS NOT NULL;"
        ));
    }
    database.execute(&dated).await;
    // As it was before every deal that ended had to say when.
    database.execute("UPDATE deals SET closed_at = NULL WHERE title_key IN ('d2', 'd3', 'd14', 'd15')").await;
}

/// What the board is made of.
async fn board<S: Store>(store: &S, grant: &Grant, session: &Session) -> (Vec<StageTotal>, Vec<StageFlow>) {
    let pipeline = session.pipelines().list().await.unwrap()[0].id;
    let all = CheckedFilter::everything();
    (store.stage_totals(grant, pipeline, &all).await.unwrap(), store.stage_flows(grant, pipeline, &all).await.unwrap())
}

/// The sums are those of the deals one by one.
async fn agree<S: Store>(store: &S, grant: &Grant) {
    let everything = CheckedFilter::everything();
    let facts: Vec<DealFact> = store.deal_facts(grant, &everything).await.unwrap();
    assert!(facts.iter().all(|fact| (fact.status == DealStatus::Open) == fact.closed_at.is_none()));
    for zone in ["UTC", "Asia/Kolkata", "America/New_York"] {
        let window = Window::new(None, None, zone.parse().unwrap()).unwrap();
        for own in [Currency::USD, "EUR".parse().unwrap()] {
            let expected = store.deal_groups(grant, &everything, window, own).await.unwrap();
            assert_eq!(expected, DealGroups::of(&facts, window, own), "{zone} {own}");
            let ended = store.ended_groups(grant, &everything, window, Period::Month, own).await.unwrap();
            assert_eq!(ended, DealGroups::ended(&facts, window, Period::Month, own), "{zone} {own}");
        }
    }
    let open = store.open_deals(grant, &everything).await.unwrap();
    for (owner, count) in open {
        let own = facts.iter().filter(|fact| fact.status == DealStatus::Open && fact.owner_id == owner);
        assert_eq!(count, own.count() as u64);
    }
}

pub(crate) async fn sums_that_a_migration_begins_are_those_of_the_rows<D: Behind>(
    database: D,
    revert: impl AsyncFn(&D::Store) -> Result<Migrated>,
    migrate: impl AsyncFn(&D::Store) -> Result<Migrated>,
) {
    let store = database.store();
    let (crm, workspace) = engine(store.clone()).await;
    let session = session(&crm, workspace).await;
    fill(&session).await;
    let grant = session.require(Entity::Deal, Action::Read).unwrap();
    let kept = board(&*store, &grant, &session).await;
    assert!(!kept.0.is_empty() && !kept.1.is_empty());
    agree(&*store, &grant).await;
    while revert(&store).await.unwrap().to > BEFORE {}
    date(&database).await;
    assert_eq!(migrate(&store).await.unwrap().from, BEFORE);
    assert_eq!(board(&*store, &grant, &session).await, kept);
    agree(&*store, &grant).await;
    assert!(session.workspace().verify_journal().await.unwrap().holds());
    // What commits add later meets what was there.
    let deals = session.deals().list(&samples::list()).await.unwrap().data;
    let lost = session.pipelines().list().await.unwrap()[0].stages.last().unwrap().id;
    for deal in deals.iter().take(12) {
        session.deals().move_to(deal.id, lost, Expect::Any).await.unwrap();
    }
    agree(&*store, &grant).await;
}
