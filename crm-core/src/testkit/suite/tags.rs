//! A tag is one tag however it is written, and counts what the caller sees.

use futures::future::BoxFuture;

use super::support::{company, contact, deal, fails, filtered, names};
use crate::access::{Entity, Role, Rule, Scope};
use crate::company::CompanyEdit;
use crate::contact::ContactEdit;
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::Denied;
use crate::error::Result;
use crate::session::{Expect, Session};
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
