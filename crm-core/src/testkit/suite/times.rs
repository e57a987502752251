//! Days are cut where the caller lives, also when clocks change.

use super::support::{commit, filtered, names, reading};
use crate::access::{Entity, Role};
use crate::contact::Contact;
use crate::edit::Edit;
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::testkit::{World, samples};
use crate::workspace::WorkspaceEdit;

/// Contacts that were made at these instants, each named by its own.
async fn made_at(world: &World, instants: &[&str]) {
    let admin = world.session(Role::Admin).await;
    let mut changes = admin.changes();
    for at in instants {
        let blank = Contact::blank(Id::new_at(changes.now()), at.parse().unwrap());
        changes.put(&mut Stored::new(Contact { last_name: Some((*at).to_owned()), ..blank }));
    }
    commit(&admin, changes).await.unwrap();
}

async fn move_to(world: &World, zone: &str) {
    let edit = WorkspaceEdit { time_zone: Edit::Set(zone.parse().unwrap()), ..WorkspaceEdit::default() };
    world.session(Role::Admin).await.workspace().update(edit, Expect::Any).await.unwrap();
}

async fn check(session: &Session, cases: &[(&str, &[&str])]) {
    for (filter, expected) in cases {
        assert_eq!(names(session, &filtered(filter)).await, *expected, "{filter}");
    }
}

pub async fn a_day_of_23_hours_is_one_day(world: World) {
    move_to(&world, "Europe/Berlin").await;
    let (before, first) = ("2026-03-28T22:59:59.999999Z", "2026-03-28T23:00:00.000000Z");
    let (last, after) = ("2026-03-29T21:59:59.999999Z", "2026-03-29T22:00:00.000000Z");
    made_at(&world, &[before, first, last, after]).await;
    world.set_time("2026-03-29T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    check(
        &admin,
        &[
            ("created_at = 2026-03-29", &[first, last]),
            ("created_at >= start_of day", &[first, last, after]),
            ("created_at >= start_of day +1", &[after]),
            ("created_at < start_of day", &[before]),
            ("created_at != 2026-03-29", &[before, after]),
            ("created_at between 2026-03-29 and 2026-03-29", &[first, last]),
            // It is two in the afternoon; so it was a calendar day ago, which is 23 hours.
            ("created_at >= ago P1D and created_at < start_of day", &[before]),
        ],
    )
    .await;
}

pub async fn a_day_of_25_hours_is_one_day(world: World) {
    move_to(&world, "America/New_York").await;
    let (first, twice, again) =
        ("2026-11-01T04:00:00.000000Z", "2026-11-01T05:30:00.000000Z", "2026-11-01T06:30:00.000000Z");
    let (last, after) = ("2026-11-02T04:59:59.999999Z", "2026-11-02T05:00:00.000000Z");
    made_at(&world, &["2026-11-01T03:59:59.999999Z", first, twice, again, last, after]).await;
    world.set_time("2026-11-01T20:00:00Z");
    let admin = world.session(Role::Admin).await;
    check(
        &admin,
        &[
            ("created_at = 2026-11-01", &[first, twice, again, last]),
            ("created_at >= start_of day and created_at < start_of day +1", &[first, twice, again, last]),
            ("created_at > 2026-11-01", &[after]),
            ("created_at >= start_of month", &[first, twice, again, last, after]),
        ],
    )
    .await;
}

pub async fn a_midnight_that_never_was_begins_after_the_gap(world: World) {
    move_to(&world, "America/Sao_Paulo").await;
    let (before, first) = ("2017-10-15T02:59:59.999999Z", "2017-10-15T03:00:00.000000Z");
    made_at(&world, &[before, first]).await;
    world.set_time("2017-10-15T12:00:00Z");
    let admin = world.session(Role::Admin).await;
    check(&admin, &[("created_at >= start_of day", &[first]), ("created_at < 2017-10-15", &[before])]).await;
}

pub async fn periods_are_cut_in_the_workspaces_zone(world: World) {
    move_to(&world, "Asia/Tokyo").await;
    let (old, new) = ("2025-12-31T14:59:59.999999Z", "2025-12-31T15:00:00.000000Z");
    made_at(&world, &[old, new]).await;
    world.set_time("2026-01-01T00:00:00Z");
    let admin = world.session(Role::Admin).await;
    check(
        &admin,
        &[
            ("created_at >= start_of year", &[new]),
            ("created_at >= start_of quarter", &[new]),
            ("created_at >= start_of month", &[new]),
            ("created_at >= start_of day", &[new]),
            ("created_at >= start_of week", &[old, new]),
            ("created_at >= start_of year -1", &[old, new]),
            ("created_at = 2026-01-01", &[new]),
        ],
    )
    .await;
    move_to(&world, "UTC").await;
    check(&world.session(Role::Admin).await, &[("created_at >= start_of year", &[])]).await;
}

pub async fn a_members_own_zone_comes_before_the_workspaces(world: World) {
    move_to(&world, "UTC").await;
    let (early, late) = ("2026-05-10T20:00:00.000000Z", "2026-05-11T10:00:00.000000Z");
    made_at(&world, &[early, late]).await;
    let admin = world.session(Role::Admin).await;
    let grant = reading(&admin, Entity::User);
    let mut user = world.crm.ports.users.user(&grant, world.home.member(Role::Manager)).await.unwrap();
    user.time_zone = Some("Asia/Tokyo".parse().unwrap());
    let mut changes = admin.changes();
    changes.put(&mut user);
    commit(&admin, changes).await.unwrap();
    world.set_time("2026-05-11T12:00:00Z");
    let question = "created_at = 2026-05-11";
    check(&world.session(Role::Admin).await, &[(question, &[late])]).await;
    check(&world.session(Role::Manager).await, &[(question, &[early, late])]).await;
    let read = admin.users().read(world.home.member(Role::Manager)).await.unwrap();
    assert_eq!(read.time_zone.unwrap().name(), "Asia/Tokyo");
}

pub async fn instants_keep_their_microseconds_from_year_1_to_9999(world: World) {
    let instants = [
        "0001-01-01T00:00:00.000000Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00.000000Z",
        "2026-02-28T12:34:56.789012Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    made_at(&world, &instants).await;
    let admin = world.session(Role::Admin).await;
    let sorted = crate::page::ListRequest { sort: Some("created_at".to_owned()), ..samples::list() };
    let page = admin.contacts().list(&sorted).await.unwrap();
    for (contact, instant) in page.data.iter().zip(instants) {
        assert_eq!(contact.created_at.to_string(), instant);
        assert_eq!(names(&admin, &filtered(&format!("created_at = \"{instant}\""))).await, [instant]);
    }
    check(&admin, &[("created_at < \"1970-01-01T00:00:00Z\"", &instants[..2])]).await;
    check(&admin, &[("created_at >= \"2026-02-28T12:34:56.789012Z\"", &instants[3..])]).await;
    check(&admin, &[("created_at > \"2026-02-28T12:34:56.789012Z\"", &instants[4..])]).await;
}
