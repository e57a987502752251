//! What a forecast takes in is the same from sums, which a store may keep, as from the deals one by one.

use chrono::NaiveDate;

use super::analytics::number;
use super::board::happens;
use super::support::{Seeds, pipeline, reading, stage};
use crate::access::{Entity, Role};
use crate::analytics::{AnalyticsRequest, DealGroups, Window};
use crate::deal::{Deal, DealEdit, DealStart, ForecastCategory};
use crate::edit::Edit;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::money::{Currency, Money};
use crate::pipeline::Pipeline;
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};

/// Times around whose months the zones differ, with and without an end.
pub(super) fn windows() -> Vec<Window> {
    let day = |day: &str| -> Option<NaiveDate> { (!day.is_empty()).then(|| day.parse().unwrap()) };
    let mut windows = Vec::new();
    for zone in ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Europe/London"] {
        for (from, to) in [("", ""), ("2026-03-01", ""), ("2026-02-01", "2026-04-30"), ("2026-03-14", "2026-06-02")] {
            windows.push(Window::new(day(from), day(to), zone.parse().unwrap()).unwrap());
        }
    }
    windows
}

/// What somebody is told that the deals of a filter bring in some windows.
pub(super) async fn agree_on(session: &Session, filter: &CheckedFilter, windows: &[Window]) {
    let (store, grant) = (&session.ports().analytics, reading(session, Entity::Deal));
    let facts = store.deal_facts(&grant, filter).await.unwrap();
    for window in windows {
        for own in [Currency::USD, "EUR".parse().unwrap()] {
            let told = store.deal_groups(&grant, filter, *window, own).await.unwrap();
            assert_eq!(told, DealGroups::of(&facts, *window, own), "{window:?} {own} {filter:?}");
        }
    }
}

/// What somebody is told of all deals and of some.
async fn agree(session: &Session, pipelines: &[Pipeline]) {
    let grant = reading(session, Entity::Deal);
    let id = pipelines[1].id;
    let asked = |text: String| grant.check_filter(Entity::Deal, Some(&text.parse().unwrap()), session.now()).unwrap();
    let filters = [
        CheckedFilter::everything(),
        asked(format!("pipeline_id = \"{id}\"")),
        asked("owner_id = me".to_owned()),
        asked("title starts_with D and probability > 10".to_owned()),
    ];
    for filter in &filters {
        agree_on(session, filter, &windows()).await;
    }
}

/// Says something about a deal that forecasts look at.
pub(super) async fn is_estimated(admin: &Session, known: &[Id<Deal>], owner: &DealEdit, step: &mut u64) {
    let Some(id) = known.get(number(step) % known.len().max(1)).copied() else { return };
    let days = chrono::Days::new(u64::try_from(number(step) % 160).unwrap());
    let first: NaiveDate = "2026-01-20".parse().unwrap();
    let expected_close_date = if number(step).is_multiple_of(4) { Edit::Clear } else { (first + days).into() };
    let forecast_category = match number(step) % 3 {
        0 => Edit::Clear,
        1 => ForecastCategory::Omitted.into(),
        _ => ForecastCategory::Commit.into(),
    };
    let owner_id = if number(step).is_multiple_of(5) { Edit::Clear } else { owner.owner_id.clone() };
    let edit = DealEdit { expected_close_date, forecast_category, owner_id, ..DealEdit::default() };
    let _ = admin.deals().update(id, edit, Expect::Any).await;
}

pub async fn a_forecast_from_sums_is_that_of_the_deals_one_by_one(world: World) {
    world.set_time("2026-01-30T20:00:00Z");
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let other = admin.pipelines().create(samples::pipeline("Other")).await.unwrap().into_inner();
    let pipelines = [pipeline(&admin).await, other];
    let owner = DealEdit { owner_id: world.home.member(Role::SalesRep).into(), ..samples::deal("D") };
    let (seeds, mut known, mut step) = (Seeds::of_this_run(), Vec::new(), 0);
    for (round, seed) in seeds.rounds(40) {
        step = seed.unwrap_or(step);
        world.clock.advance_seconds(22 * 3_600 + 600);
        happens(&admin, &pipelines, &owner, &mut known, &mut step).await;
        is_estimated(&admin, &known, &owner, &mut step).await;
        if round % 40 == 39 {
            agree(&admin, &pipelines).await;
            agree(&rep, &pipelines).await;
        }
    }
    around_the_end_of_a_month(&world, &admin).await;
    agree(&admin, &pipelines).await;
}

/// A deal is won in each hour in which one month has begun in some zone and not in another.
async fn around_the_end_of_a_month(world: &World, admin: &Session) {
    world.set_time("2026-07-31T09:30:00Z");
    let won = stage(admin, "Won").await;
    for hour in 0..28 {
        world.clock.advance_seconds(3_600);
        let currency = if hour % 3 == 0 { "EUR" } else { "USD" };
        let value = Edit::Set(Money::minor(100 + hour, currency.parse().unwrap()));
        let made = admin.deals().create(DealStart::default(), DealEdit { value, ..samples::deal("D") }).await.unwrap();
        admin.deals().move_to(made.id, won, Expect::Any).await.unwrap();
    }
}

pub async fn what_stands_behind_a_forecast_changes_no_figure(world: World) {
    world.set_time("2026-01-31T20:00:00Z");
    let admin = world.session(Role::Admin).await;
    let (mut known, mut step) = (Vec::new(), 5);
    let pipelines = [pipeline(&admin).await];
    for _ in 0..40 {
        world.clock.advance_seconds(5 * 3_600);
        happens(&admin, &pipelines, &samples::deal("D"), &mut known, &mut step).await;
        is_estimated(&admin, &known, &DealEdit::default(), &mut step).await;
    }
    let won = stage(&admin, "Won").await;
    let first = *known.last().unwrap();
    let _ = admin.deals().restore(first).await;
    admin.deals().move_to(first, won, Expect::Any).await.unwrap();
    let day = |text: &str| text.parse().ok();
    for (from, to) in [(None, None), (day("2026-02-01"), day("2026-02-28")), (day("2026-02-02"), day("2026-03-05"))] {
        let asked = AnalyticsRequest { from, to, compare: from.is_some(), ..AnalyticsRequest::default() };
        let plain = admin.analytics().forecast(&asked).await.unwrap();
        let told = admin.analytics().forecast(&AnalyticsRequest { explain: true, ..asked }).await.unwrap();
        assert_eq!((&plain.figures, &plain.before), (&told.figures, &told.before));
        let explanations = told.explanations.unwrap();
        let behind = |figure: &str| explanations.iter().find(|one| one.figure == figure).unwrap().id_count;
        let total = &told.figures.total;
        assert_eq!(behind("total.open_count"), total.open_count);
        assert_eq!(behind("total.closed_count"), total.closed_count);
        assert_eq!(behind("total.without_value"), total.without_value);
        assert_eq!(behind("undated.open_count"), told.figures.undated.open_count);
        for month in &told.figures.months {
            assert_eq!(behind(&format!("months.{}.closed_count", month.month)), month.amounts.closed_count);
        }
    }
}
