//! Exchange rates are kept by pair and day, and sums are told by the rates of their days.

use super::analytics::{a_small_history, all, usd};
use super::support::{conflicts, deal, fails, hiding, invalid_at, reading, stage};
use crate::access::{Entity, Role, Rule, Scope};
use crate::analytics::AnalyticsRequest;
use crate::deal::DealEdit;
use crate::error::ErrorKind::{Denied, NotFound};
use crate::exchange_rate::{
    Days, ExchangeRate, ExchangeRateChange, ExchangeRatePlace, ExchangeRatesRequest, NewExchangeRate, Pair, SetRate,
};
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::money::{Currency, Money, Totals};
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::testkit::{World, commit, samples};
use crate::time::{Period, strict_day};

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn euros(minor: i64) -> Money {
    Money::minor(minor, currency("EUR"))
}

fn rate(base: &str, quote: &str, rate: &str, day: &str) -> NewExchangeRate {
    samples::exchange_rate((base, quote), rate, day)
}

async fn set(session: &Session, base: &str, quote: &str, number: &str, day: &str) -> Id<ExchangeRate> {
    session.exchange_rates().set(rate(base, quote, number, day)).await.unwrap().into_rate().id
}

/// A list of rates as text.
async fn told(session: &Session, request: &ExchangeRatesRequest) -> Vec<String> {
    let page = session.exchange_rates().list(request).await.unwrap();
    let line = |rate: &ExchangeRate| {
        format!("{} {}/{} {}", rate.valid_from, rate.base_currency, rate.quote_currency, rate.rate)
    };
    page.data.iter().map(|rate| line(rate)).collect()
}

async fn all_rates(session: &Session) -> Vec<String> {
    told(session, &ExchangeRatesRequest::default()).await
}

pub async fn a_pair_has_one_rate_a_day_in_either_direction(world: World) {
    let admin = world.session(Role::Admin).await;
    let made = admin.exchange_rates().set(rate("EUR", "USD", "1.0842", "2026-01-31")).await.unwrap();
    assert!(matches!(made, SetRate::Made(_)), "{made:?}");
    let first = made.into_rate();
    assert_eq!((first.version, first.rate.to_string()), (1, "1.0842".to_owned()));
    let again = admin.exchange_rates().set(rate("EUR", "USD", "1.0842", "2026-01-31")).await.unwrap();
    assert_eq!(again, SetRate::WasThere(first.clone()));
    let turned = admin.exchange_rates().set(rate("USD", "EUR", "0.9", "2026-01-31")).await.unwrap();
    assert!(matches!(turned, SetRate::WasThere(_)), "{turned:?}");
    let turned = turned.into_rate();
    assert_eq!((turned.id, turned.version, turned.created_at), (first.id, 2, first.created_at));
    set(&admin, "EUR", "USD", "1.1", "2026-02-01").await;
    set(&admin, "EUR", "GBP", "0.85", "2026-01-31").await;
    assert_eq!(
        all_rates(&admin).await,
        ["2026-02-01 EUR/USD 1.1", "2026-01-31 EUR/GBP 0.85", "2026-01-31 USD/EUR 0.9",]
    );
    assert_eq!(admin.exchange_rates().read(first.id).await.unwrap(), turned);
}

pub async fn a_repeat_is_told_what_was_told_first(world: World) {
    let admin = world.session(Role::Admin).await;
    let set = async |key: &str, number: &str| {
        let once = admin.clone().once(samples::key(key, number));
        once.exchange_rates().set(rate("EUR", "USD", number, "2026-01-31")).await.unwrap()
    };
    let made = set("made", "1.1").await;
    world.clock.advance_seconds(1);
    // It says the same of a rate that is still at its first version.
    let said = set("said", "1.1").await;
    assert_eq!(
        (&made, &said),
        (&SetRate::Made(made.clone().into_rate()), &SetRate::WasThere(made.clone().into_rate()))
    );
    world.clock.advance_seconds(1);
    let changed = set("changed", "1.2").await;
    world.clock.advance_seconds(1);
    for (key, number, first) in [("made", "1.1", made), ("said", "1.1", said), ("changed", "1.2", changed)] {
        assert_eq!(set(key, number).await, first, "{key}");
    }
}

pub async fn the_smallest_and_the_largest_rate_are_kept_exactly(world: World) {
    let admin = world.session(Role::Admin).await;
    for (day, number) in [("0001-01-01", "0.0000000001"), ("9999-12-31", "99999999.9999999999")] {
        let made = admin.exchange_rates().set(rate("EUR", "USD", number, day)).await.unwrap().into_rate();
        let read = admin.exchange_rates().read(made.id).await.unwrap();
        assert_eq!((&read, read.rate.to_string(), read.valid_from.to_string()), (&made, number.into(), day.into()));
    }
}

pub async fn what_is_no_rate_is_refused(world: World) {
    let admin = world.session(Role::Admin).await;
    let rates = admin.exchange_rates();
    invalid_at(rates.set(rate("EUR", "EUR", "1", "2026-01-31")).await, "quote_currency");
    let late = NewExchangeRate { valid_from: chrono::NaiveDate::MAX, ..rate("EUR", "USD", "1", "2026-01-31") };
    invalid_at(rates.set(late).await, "valid_from");
    for cursor in ["", "x", "2026-01-31", "2026-01-31/USD/EUR", "2026-1-31/EUR/USD", "2026-01-31/EUR/USD/GBP"] {
        let request = ExchangeRatesRequest { cursor: Some(cursor.to_owned()), ..ExchangeRatesRequest::default() };
        invalid_at(rates.list(&request).await, "cursor");
    }
    for limit in [0, 201] {
        let request = ExchangeRatesRequest { limit: Some(limit), ..ExchangeRatesRequest::default() };
        invalid_at(rates.list(&request).await, "limit");
    }
    assert!(all_rates(&admin).await.is_empty());
}

pub async fn pages_of_rates_add_up_to_the_list(world: World) {
    let admin = world.session(Role::Admin).await;
    for day in ["2026-01-01", "2026-01-02", "2026-01-03"] {
        for base in ["EUR", "GBP", "JPY"] {
            set(&admin, base, "USD", "2", day).await;
        }
    }
    set(&admin, "EUR", "CHF", "1", "2026-01-02").await;
    let whole = all_rates(&admin).await;
    assert_eq!(whole.len(), 10);
    for limit in 1..=4 {
        let (mut pages, mut cursor) = (Vec::new(), None);
        loop {
            let request = ExchangeRatesRequest { limit: Some(limit), cursor, ..ExchangeRatesRequest::default() };
            pages.extend(told(&admin, &request).await);
            cursor = admin.exchange_rates().list(&request).await.unwrap().next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(pages, whole, "{limit}");
    }
    let day = |text: &str| Some(strict_day(text).unwrap());
    let some = ExchangeRatesRequest {
        currency: Some(currency("CHF")),
        from: day("2026-01-02"),
        to: day("2026-01-02"),
        ..ExchangeRatesRequest::default()
    };
    assert_eq!(told(&admin, &some).await, ["2026-01-02 EUR/CHF 1"]);
    let later = ExchangeRatesRequest { from: day("2026-01-03"), ..ExchangeRatesRequest::default() };
    assert_eq!(told(&admin, &later).await.len(), 3);
    let earlier = ExchangeRatesRequest { to: day("2026-01-01"), currency: None, ..ExchangeRatesRequest::default() };
    assert_eq!(told(&admin, &earlier).await.len(), 3);
}

pub async fn a_rate_is_changed_and_deleted_at_its_version(world: World) {
    let admin = world.session(Role::Admin).await;
    let rates = admin.exchange_rates();
    let id = set(&admin, "EUR", "USD", "1", "2026-01-01").await;
    let change = |number: &str| ExchangeRateChange::from(rate("EUR", "USD", number, "2026-01-01"));
    let changed = rates.update(id, change("1.5"), Expect::Version(1)).await.unwrap();
    assert_eq!((changed.version, changed.rate.to_string()), (2, "1.5".to_owned()));
    conflicts(rates.update(id, change("1.6"), Expect::Version(1)).await, "stale_version");
    // Whoever thinks of it in the one direction says nothing in the other.
    rates.set(rate("USD", "EUR", "0.5", "2026-01-01")).await.unwrap();
    let back = rates.update(id, change("1.7"), Expect::Any).await.unwrap();
    assert_eq!((back.version, back.base_currency, back.rate.to_string()), (4, currency("EUR"), "1.7".to_owned()));
    let other = rate("EUR", "GBP", "1", "2026-01-01").into();
    invalid_at(rates.update(id, other, Expect::Any).await, "quote_currency");
    conflicts(rates.delete(id, Expect::Version(1)).await, "stale_version");
    let grant = reading(&admin, Entity::ExchangeRate);
    let basis = admin.ports().exchange_rates.exchange_rate(&grant, id).await.unwrap();
    rates.delete(id, Expect::Version(4)).await.unwrap();
    fails(rates.read(id).await, NotFound);
    fails(rates.update(id, change("2"), Expect::Any).await, NotFound);
    fails(rates.delete(id, Expect::Any).await, NotFound);
    // What was read before is stale, also for the store.
    let mut changes = admin.changes();
    let mut late = basis.clone();
    late.rate = "3".parse().unwrap();
    changes.put(&mut late);
    conflicts(commit(&admin, changes).await, "stale_version");
    let mut changes = admin.changes();
    changes.rely_on(&basis);
    changes.put(&mut Stored::new(
        ExchangeRate::new(Id::new_at(admin.now()), rate("EUR", "GBP", "1", "2026-01-01"), admin.now()).unwrap(),
    ));
    conflicts(commit(&admin, changes).await, "stale_version");
    // Its day is free again.
    assert_ne!(set(&admin, "EUR", "USD", "2", "2026-01-01").await, id);
}

pub async fn two_who_set_one_rate_at_once_leave_one(world: World) {
    let mut tasks: Vec<futures::future::BoxFuture<'static, crate::error::Result<()>>> = Vec::new();
    for at in 0..6 {
        let session = match at % 2 {
            0 => world.session(Role::Admin).await,
            _ => world.second_session(Role::Manager).await,
        };
        let (base, quote) = if at % 3 == 0 { ("EUR", "USD") } else { ("USD", "EUR") };
        let new = rate(base, quote, &format!("1.{at}"), "2026-01-01");
        tasks.push(Box::pin(async move { session.exchange_rates().set(new).await.map(drop) }));
    }
    for ended in world.at_once(tasks).await {
        assert!(
            ended.is_ok() || ended.as_ref().is_err_and(|error| error.kind() == crate::ErrorKind::Conflict),
            "{ended:?}"
        );
    }
    let admin = world.session(Role::Admin).await;
    assert_eq!(all_rates(&admin).await.len(), 1);
    // The store refuses a second one, whoever decides so.
    let new = rate("USD", "EUR", "2", "2026-01-01");
    let mut changes = admin.changes();
    changes.put(&mut Stored::new(ExchangeRate::new(Id::new_at(admin.now()), new, admin.now()).unwrap()));
    conflicts(commit(&admin, changes).await, "duplicate");
}

pub async fn rates_are_set_by_whoever_may_and_stay_within_the_wall(world: World) {
    let (admin, manager) = (world.session(Role::Admin).await, world.session(Role::Manager).await);
    let id = set(&manager, "EUR", "USD", "1.1", "2026-01-01").await;
    for role in [Role::Closer, Role::Setter, Role::SalesRep, Role::SupportAgent] {
        let session = world.session(role).await;
        assert_eq!(all_rates(&session).await.len(), 1, "{role}");
        fails(session.exchange_rates().set(rate("EUR", "USD", "2", "2026-01-01")).await, Denied);
        let change = rate("EUR", "USD", "2", "2026-01-01").into();
        fails(session.exchange_rates().update(id, change, Expect::Any).await, Denied);
        fails(session.exchange_rates().delete(id, Expect::Any).await, Denied);
    }
    let creating = Rule { create: Scope::All, update: Scope::None, read: Scope::All, ..Rule::NONE };
    world.set_rule(Role::Closer, Entity::ExchangeRate, creating).await;
    let closer = world.session(Role::Closer).await;
    fails(closer.exchange_rates().set(rate("USD", "EUR", "2", "2026-01-01")).await, Denied);
    set(&closer, "EUR", "USD", "2", "2026-01-02").await;
    world.set_rule(Role::Closer, Entity::ExchangeRate, Rule::NONE).await;
    let closer = world.session(Role::Closer).await;
    fails(closer.exchange_rates().list(&ExchangeRatesRequest::default()).await, Denied);
    let stranger = world.stranger().await;
    assert!(all_rates(&stranger).await.is_empty());
    fails(stranger.exchange_rates().read(id).await, NotFound);
    fails(stranger.exchange_rates().delete(id, Expect::Any).await, NotFound);
    set(&stranger, "EUR", "USD", "9", "2026-01-01").await;
    assert_eq!(admin.exchange_rates().read(id).await.unwrap().rate.to_string(), "1.1");
}

pub async fn the_rates_of_some_days_are_those_that_hold_on_them(world: World) {
    let admin = world.session(Role::Admin).await;
    for (base, quote, day) in [
        ("EUR", "USD", "2026-01-01"),
        ("EUR", "USD", "2026-01-05"),
        ("USD", "EUR", "2026-01-10"),
        ("EUR", "USD", "2026-01-20"),
        ("USD", "JPY", "2025-06-01"),
        ("GBP", "USD", "2026-01-07"),
        ("EUR", "GBP", "2026-01-06"),
    ] {
        set(&admin, base, quote, "2", day).await;
    }
    let gone = set(&admin, "EUR", "USD", "2", "2026-01-06").await;
    admin.exchange_rates().delete(gone, Expect::Any).await.unwrap();
    set(&world.stranger().await, "EUR", "USD", "9", "2026-01-06").await;
    let grant = reading(&admin, Entity::ExchangeRate);
    let during = async |first: &str, last: &str| {
        let days = Days { first: strict_day(first).unwrap(), last: strict_day(last).unwrap() };
        let pairs = ["EUR", "GBP", "JPY"].map(|code| Pair::of(Currency::USD, currency(code)));
        let found = admin.ports().exchange_rates.exchange_rates_during(&grant, &pairs, days).await.unwrap();
        found.iter().map(|rate| format!("{} {}", rate.pair(), rate.valid_from)).collect::<Vec<_>>()
    };
    let yen = "JPY/USD 2025-06-01";
    assert_eq!(
        during("2026-01-07", "2026-01-10").await,
        ["EUR/USD 2026-01-05", "EUR/USD 2026-01-10", "GBP/USD 2026-01-07", yen,]
    );
    assert_eq!(during("2026-01-10", "2026-01-10").await, ["EUR/USD 2026-01-10", "GBP/USD 2026-01-07", yen]);
    assert_eq!(during("2025-12-31", "2025-12-31").await, [yen]);
    assert!(during("2025-01-01", "2025-05-31").await.is_empty());
    assert_eq!(during("2025-01-01", "2026-12-31").await.len(), 6);
    let place =
        |day: &str| ExchangeRatePlace { day: strict_day(day).unwrap(), pair: rate("USD", "EUR", "1", day).pair() };
    let at = async |day: &str| admin.ports().exchange_rates.exchange_rate_at(&grant, place(day)).await.unwrap();
    assert!(at("2026-01-05").await.is_some() && at("2026-01-06").await.is_none() && at("2026-01-02").await.is_none());
}

fn sums(totals: &Totals) -> Vec<Money> {
    totals.iter().collect()
}

pub async fn sums_are_told_by_the_rates_of_their_days_and_never_mixed(world: World) {
    let admin = world.session(Role::Admin).await;
    let won = stage(&admin, "Won").await;
    set(&admin, "EUR", "USD", "1.5", "2026-01-01").await;
    set(&admin, "USD", "EUR", "0.5", "2026-02-01").await;
    set(&admin, "EUR", "USD", "10", "2026-03-01").await;
    let valued = |value: Money| DealEdit { value: value.into(), probability: 50.into(), ..samples::deal("D") };
    // Euros and pounds won in January and in February.
    for (time, minor) in [("2026-01-10T12:00:00Z", 101), ("2026-02-10T12:00:00Z", 10)] {
        world.set_time(time);
        for value in [euros(minor), Money::minor(7, currency("GBP")), usd(1)] {
            let id = deal(&admin, valued(value)).await.id;
            world.clock.advance_seconds(86_400);
            admin.deals().move_to(id, won, Expect::Any).await.unwrap();
        }
    }
    world.set_time("2026-02-20T12:00:00Z");
    for value in [euros(3), Money::minor(9, currency("GBP"))] {
        deal(&admin, valued(value)).await;
    }
    let pounds = |minor| vec![Money::minor(minor, currency("GBP"))];
    let sales = admin.analytics().sales(&all(), Period::Month).await.unwrap().figures;
    let [january, february] = [0, 1].map(|at| sales.periods[at].tally.converted.clone().unwrap());
    // 101 euros in January are 151.5, and half goes to the even one; 10 in February are 20.
    assert_eq!((january.won_value, february.won_value), (usd(153), usd(21)));
    assert_eq!((january.average_deal, february.average_deal), (Some(usd(76)), Some(usd(10))));
    let total = sales.total.converted.unwrap();
    assert_eq!((total.won_value, sums(&total.without_rate)), (usd(174), pounds(14)));
    let revenue: Vec<_> = sums(&sales.total.won_value.unwrap());
    assert_eq!(revenue, [euros(111), Money::minor(14, currency("GBP")), usd(2)]);
    let rank = admin.analytics().team(&all()).await.unwrap().figures.ranks.remove(0);
    assert_eq!(rank.tally.converted.unwrap().won_value, usd(174));
    let pace = admin.analytics().velocity(&all()).await.unwrap().figures.converted;
    let pace = pace.map(|pace| (pace.average_deal, sums(&pace.without_rate)));
    // 174 by four.
    assert_eq!(pace, Some((Some(usd(44)), pounds(14))));
    // What stands behind a converted sum are the deals that have a rate.
    let explained = AnalyticsRequest { explain: true, ..all() };
    for report in [
        admin.analytics().sales(&explained, Period::Month).await.unwrap().explanations,
        admin.analytics().revenue(&explained, Period::Month).await.unwrap().explanations,
        admin.analytics().velocity(&explained).await.unwrap().explanations,
        admin.analytics().forecast(&explained).await.unwrap().explanations,
    ] {
        let told = ["total.converted", "converted.average_deal"];
        let behind = report.iter().flatten().find(|one| told.contains(&one.figure.as_str())).unwrap();
        assert_eq!((behind.id_count, behind.denominator.unwrap_or(4)), (4, 4), "{}", behind.figure);
    }
    let forecast = admin.analytics().forecast(&all()).await.unwrap().figures;
    let (total, undated) = (forecast.total.converted.unwrap(), forecast.undated.converted.unwrap());
    assert_eq!((total.closed, total.cumulative_commit, sums(&total.without_rate)), (usd(174), usd(174), pounds(14)));
    // Three euros are six dollars today, and half of that is likely.
    assert_eq!((undated.open_pipeline, undated.weighted, sums(&undated.without_rate)), (usd(6), usd(3), pounds(9)));
    let board = admin.deals().board(None).await.unwrap();
    let (all, first) = (board.converted.unwrap(), board.stages[0].converted.clone().unwrap());
    assert_eq!((first.total, first.weighted, sums(&first.without_rate)), (usd(6), usd(3), pounds(9)));
    // The board knows no closing days: 111 euros are 222 dollars today.
    assert_eq!((all.total, sums(&all.without_rate)), (usd(230), pounds(23)));
    world.set_time("2026-03-01T12:00:00Z");
    let board = admin.deals().board(None).await.unwrap();
    assert_eq!(board.stages[0].converted.clone().unwrap().total, usd(30));
}

pub async fn what_has_no_rate_is_told_also_where_nothing_has_one(world: World) {
    let admin = world.session(Role::Admin).await;
    let won = stage(&admin, "Won").await;
    world.set_time("2026-01-10T12:00:00Z");
    let id = deal(&admin, DealEdit { value: euros(7).into(), ..samples::deal("D") }).await.id;
    world.clock.advance_seconds(86_400);
    admin.deals().move_to(id, won, Expect::Any).await.unwrap();
    let pace = admin.analytics().velocity(&all()).await.unwrap().figures.converted.unwrap();
    assert_eq!((pace.average_deal, pace.per_day, sums(&pace.without_rate)), (None, None, vec![euros(7)]));
}

pub async fn whoever_sees_no_values_or_no_rates_is_told_no_converted_sum(world: World) {
    a_small_history(&world).await;
    set(&world.session(Role::Admin).await, "EUR", "USD", "2", "2020-01-01").await;
    let told = async |role| {
        let session = world.session(role).await;
        let sales = session.analytics().sales(&all(), Period::Month).await.unwrap().figures.total;
        let forecast = session.analytics().forecast(&all()).await.unwrap().figures.total;
        let velocity = session.analytics().velocity(&all()).await.unwrap().figures;
        let rank = session.analytics().team(&all()).await.unwrap().figures.ranks.remove(0).tally;
        let board = session.deals().board(None).await.unwrap();
        let stages = board.stages.iter().filter(|stage| stage.converted.is_some()).count();
        [
            sales.converted.is_some(),
            forecast.converted.is_some(),
            velocity.converted.is_some(),
            rank.converted.is_some(),
            board.converted.is_some(),
            stages > 0,
        ]
    };
    assert_eq!(told(Role::Manager).await, [true; 6]);
    world.set_rule(Role::Manager, Entity::ExchangeRate, Rule::NONE).await;
    assert_eq!(told(Role::Manager).await, [false; 6]);
    let manager = world.session(Role::Manager).await;
    assert!(manager.deals().board(None).await.unwrap().currency_totals.is_some());
    world.set_rule(Role::SupportAgent, Entity::Deal, hiding(&["value"])).await;
    assert_eq!(told(Role::SupportAgent).await, [false; 6]);
    let asked = AnalyticsRequest { explain: true, ..all() };
    let agent = world.session(Role::SupportAgent).await;
    let explained = agent.analytics().sales(&asked, Period::Month).await.unwrap().explanations.unwrap();
    assert!(explained.iter().all(|one| !one.figure.contains("converted") && !one.figure.contains("value")));
}

pub async fn facts_need_no_rate_where_all_have_one_currency(world: World) {
    a_small_history(&world).await;
    let admin = world.session(Role::Admin).await;
    let grant = reading(&admin, Entity::Deal);
    let facts = admin.ports().analytics.deal_facts(&grant, &CheckedFilter::everything()).await.unwrap();
    assert!(facts.iter().any(|fact| fact.value.is_some()));
    let sales = admin.analytics().sales(&all(), Period::Month).await.unwrap().figures.total;
    let converted = sales.converted.unwrap();
    assert_eq!(sums(&sales.won_value.unwrap()), [converted.won_value]);
    assert!(sums(&converted.without_rate).is_empty());
}
