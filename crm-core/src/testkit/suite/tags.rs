//! A tag is one tag however it is written, and counts what the caller sees.

use futures::future::BoxFuture;

use super::support::{commit, company, conflicts, contact, deal, fails, filtered, names, reading};
use crate::access::{Entity, Role, Rule, Scope};
use crate::company::CompanyEdit;
use crate::contact::ContactEdit;
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::Denied;
use crate::error::Result;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::tag::TagFilter;
use crate::testkit::{World, samples};

fn tagged(name: &str, tags: &[&str]) -> ContactEdit {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    ContactEdit { tags: Edit::Set(tags), ..samples::contact(name) }
}

async fn counts(session: &Session) -> Vec<(String, u64)> {
    session.tags().counts().await.unwrap().into_iter().map(|tag| (tag.name, tag.count)).collect()
}

fn told(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

pub async fn a_tag_is_one_whatever_its_case(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, tagged("A", &["Ünï", "VIP"])).await;
    contact(&admin, tagged("B", &["u\u{308}ni\u{308}", "vip", "Vip"])).await;
    contact(&admin, tagged("C", &["ÜNÏ"])).await;
    assert_eq!(counts(&admin).await, told(&[("VIP", 2), ("Ünï", 3)]));
    for filter in ["tags has_any [ünï]", "tags has_all [ÜNÏ]"] {
        assert_eq!(names(&admin, &filtered(filter)).await, ["A", "B", "C"], "{filter}");
    }
    assert_eq!(names(&admin, &filtered("tags has_all [vip, ünï]")).await, ["A", "B"]);
    assert_eq!(names(&admin, &filtered("tags has_none [VIP]")).await, ["C"]);
    let grant = super::support::reading(&admin, Entity::Tag);
    let keys = ["vip".to_owned(), "nothing".to_owned()];
    let found = world.crm.ports.tags.tags_by_key(&grant, &keys).await.unwrap();
    assert_eq!(found.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["VIP"]);
}

pub async fn tags_count_records_of_every_kind_that_live(world: World) {
    let admin = world.session(Role::Admin).await;
    let vip = || Edit::Set(vec!["vip".to_owned()]);
    let id = contact(&admin, tagged("A", &["vip", "old"])).await.id;
    let acme = company(&admin, "Acme").await;
    admin.companies().update(acme, CompanyEdit { tags: vip(), ..CompanyEdit::default() }, Expect::Any).await.unwrap();
    deal(&admin, DealEdit { tags: vip(), ..samples::deal("D") }).await;
    assert_eq!(counts(&admin).await, told(&[("old", 1), ("vip", 3)]));
    admin.contacts().update(id, tagged("A", &["vip"]), Expect::Any).await.unwrap();
    assert_eq!(counts(&admin).await, told(&[("old", 0), ("vip", 3)]));
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    assert_eq!(counts(&admin).await, told(&[("old", 0), ("vip", 2)]));
}

pub async fn tags_count_only_what_the_caller_sees(world: World) {
    contact(&world.session(Role::Admin).await, tagged("A", &["vip"])).await;
    contact(&world.session(Role::Manager).await, tagged("B", &["vip"])).await;
    for (scope, count) in [(Scope::Own, 0), (Scope::Team, 1), (Scope::All, 2)] {
        world.set_rule(Role::Setter, Entity::Contact, Rule { read: scope, ..Rule::ALL }).await;
        assert_eq!(counts(&world.session(Role::Setter).await).await, told(&[("vip", count)]));
    }
    world.set_rule(Role::Setter, Entity::Contact, Rule::NONE).await;
    assert_eq!(counts(&world.session(Role::Setter).await).await, told(&[("vip", 0)]));
}

pub async fn two_who_make_one_tag_at_once_share_it(world: World) {
    for round in 0..10 {
        let tag = format!("Tag{round}");
        let tasks = [(0, tag.clone()), (1, tag.to_uppercase())].map(|(at, tag)| {
            let crm = if at == 0 { world.crm.clone() } else { world.second.clone() };
            let actor = crate::Actor::user(world.home.workspace, world.home.member(Role::Admin));
            let task: BoxFuture<'static, Result<()>> = Box::pin(async move {
                let session = crm.acting(actor).await?;
                session.contacts().create(tagged(&format!("{at}"), &[tag.as_str()])).await.map(drop)
            });
            task
        });
        for result in world.at_once(tasks).await {
            result.unwrap();
        }
    }
    let admin = world.session(Role::Admin).await;
    let counts = counts(&admin).await;
    assert_eq!(counts.len(), 10);
    assert!(counts.iter().all(|(_, count)| *count == 2), "{counts:?}");
}

pub async fn whoever_may_not_make_tags_uses_those_there_are(world: World) {
    contact(&world.session(Role::Admin).await, tagged("A", &["known"])).await;
    world.set_rule(Role::Setter, Entity::Tag, Rule { create: Scope::None, ..Rule::ALL }).await;
    let setter = world.session(Role::Setter).await;
    contact(&setter, tagged("B", &["Known"])).await;
    fails(setter.contacts().create(tagged("C", &["fresh"])).await, Denied);
    assert_eq!(names(&setter, &filtered("tags has_any [known]")).await, ["B"]);
}

pub async fn a_list_by_tags_holds_what_all_of_its_conditions_say(world: World) {
    let admin = world.session(Role::Admin).await;
    for (name, tags) in [("A", &["vip", "Nord"][..]), ("B", &["vip"]), ("C", &["nord", "old"]), ("D", &[])] {
        contact(&admin, tagged(name, tags)).await;
    }
    let by = |any: &[&str], all: &[&str], none: &[&str]| {
        let tags = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        TagFilter { any: tags(any), all: tags(all), none: tags(none), ..TagFilter::default() }
    };
    for (filter, expected) in [
        (by(&[], &[], &[]), &["A", "B", "C", "D"][..]),
        (by(&["VIP", "old"], &[], &[]), &["A", "B", "C"]),
        (by(&[], &["vip", "nord"], &[]), &["A"]),
        (by(&[], &[], &["Vip"]), &["C", "D"]),
        (by(&["vip", "nord"], &[], &["old"]), &["A", "B"]),
        (by(&["vip"], &["nord"], &["old"]), &["A"]),
        (by(&["nowhere"], &[], &[]), &[]),
    ] {
        assert_eq!(names(&admin, &filter.list()).await, expected, "{filter:?}");
    }
    let page = TagFilter { limit: Some(1), sort: Some("-last_name".to_owned()), count: true, ..by(&["vip"], &[], &[]) };
    let first = admin.contacts().list(&page.list()).await.unwrap();
    assert_eq!((first.data[0].last_name.as_deref(), first.total), (Some("B"), Some(2)));
    let next = TagFilter { cursor: first.next_cursor, ..page.clone() };
    let next = admin.contacts().list(&next.list()).await.unwrap();
    assert_eq!((next.data[0].last_name.as_deref(), next.next_cursor.as_deref()), (Some("A"), None));
    admin
        .companies()
        .create(CompanyEdit { tags: vec!["vip".to_owned()].into(), ..samples::company("V") })
        .await
        .unwrap();
    let companies = admin.companies().list(&by(&["vip"], &[], &["nord"]).list()).await.unwrap();
    assert_eq!(companies.data.len(), 1);
}

pub async fn what_is_wrong_with_a_list_by_tags_is_told_at_its_place(world: World) {
    let admin = world.session(Role::Admin).await;
    let told = async |filter: TagFilter| {
        let error = filter.blame(admin.contacts().list(&filter.list()).await.unwrap_err());
        (error.fields()[0].field.clone(), error.fields()[0].code.to_string())
    };
    let fault = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let filter = TagFilter { all: vec!["ok".to_owned(), "a\0".to_owned()], ..TagFilter::default() };
    assert_eq!(told(filter.clone()).await, fault("all.1", "control_character"));
    let behind = TagFilter { any: vec!["ok".to_owned()], none: vec!["x".repeat(1_001)], ..TagFilter::default() };
    assert_eq!(told(behind).await, fault("none.0", "too_long"));
    let many = TagFilter { none: vec!["ok".to_owned(); 1_001], ..TagFilter::default() };
    assert_eq!(told(many).await, fault("none", "too_long"));
    assert_eq!(told(TagFilter { limit: Some(0), ..TagFilter::default() }).await, fault("limit", "out_of_range"));
    let sort = Some("nonsense".to_owned());
    assert_eq!(told(TagFilter { sort, ..TagFilter::default() }).await, fault("sort", "unknown_field"));
    let setter = world.session(Role::Setter).await;
    setter.contacts().list(&TagFilter::default().list()).await.unwrap();
    world.set_rule(Role::Setter, Entity::Contact, Rule::NONE).await;
    let setter = world.session(Role::Setter).await;
    let denied = setter.contacts().list(&filter.list()).await.map_err(|error| filter.blame(error));
    fails(denied, Denied);
}

pub async fn a_tag_is_written_over_the_version_that_was_read(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, tagged("A", &["vip"])).await;
    let grant = reading(&admin, Entity::Contact);
    let read = world.crm.ports.tags.tags_by_key(&grant, &["vip".to_owned()]).await.unwrap().remove(0);
    let renamed = async |name: &str| {
        let mut tag = Stored::loaded(read.clone());
        tag.name = name.to_owned();
        let mut changes = admin.changes();
        changes.put(&mut tag);
        commit(&admin, changes).await
    };
    renamed("VIP").await.unwrap();
    conflicts(renamed("Vip").await, "stale_version");
    assert_eq!(counts(&admin).await, [("VIP".to_owned(), 1)]);
}
