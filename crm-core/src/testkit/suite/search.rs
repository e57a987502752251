//! Searches across records: what is found, in which order, and what is not.

use super::support::{
    commit, company, contact, contact_of, deal, fails, hiding, invalid_at, own_alone, reading, searched,
};
use crate::access::{Entity, Role, Rule};
use crate::company::CompanyEdit;
use crate::contact::{Contact, ContactEdit};
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::Denied;
use crate::filter::Terms;
use crate::id::Id;
use crate::money::Money;
use crate::search::{CANDIDATES, Hit, HitKind, Match, SearchRequest};
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::testkit::{World, samples};

fn wanted(q: &str) -> SearchRequest {
    SearchRequest { q: q.to_owned(), ..SearchRequest::default() }
}

async fn hits(session: &Session, q: &str) -> Vec<Hit> {
    session.search().find(&wanted(q)).await.unwrap()
}

/// Titles, and how well they match.
async fn titles(session: &Session, q: &str) -> Vec<(String, Match)> {
    hits(session, q).await.into_iter().map(|hit| (hit.title, hit.matched)).collect()
}

fn owned(pairs: &[(&str, Match)]) -> Vec<(String, Match)> {
    pairs.iter().map(|(title, matched)| ((*title).to_owned(), *matched)).collect()
}

fn person(first_name: &str, last_name: &str) -> ContactEdit {
    ContactEdit { first_name: first_name.into(), ..samples::contact(last_name) }
}

fn at(address: &str) -> ContactEdit {
    ContactEdit { email: Edit::Set(address.parse().unwrap()), ..ContactEdit::default() }
}

/// Many contacts in one commit.
async fn crowd(session: &Session, count: usize, name: &str, owner: Role, world: &World) {
    let mut changes = session.changes();
    for _ in 0..count {
        let mut one = Contact::blank(Id::new_at(session.now()), session.now());
        (one.last_name, one.owner_id) = (Some(name.to_owned()), Some(world.home.member(owner)));
        changes.put(&mut Stored::new(one));
    }
    commit(session, changes).await.unwrap();
}

pub async fn the_exact_comes_before_what_begins_so_and_that_before_the_rest(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, person("Nova", "Acme")).await;
    company(&admin, "Acme").await;
    deal(&admin, samples::deal("Big Acme renewal")).await;
    company(&admin, "Acme Rockets").await;
    contact(&admin, person("Acmé", "Ltd")).await;
    deal(&admin, samples::deal("ACME")).await;
    contact(&admin, samples::contact("Somebody else")).await;
    let expected = owned(&[
        ("ACME", Match::Exact),
        ("Acme", Match::Exact),
        ("Acmé Ltd", Match::Prefix),
        ("Acme Rockets", Match::Prefix),
        ("Nova Acme", Match::Prefix),
        ("Big Acme renewal", Match::Words),
    ]);
    assert_eq!(titles(&admin, " acme ").await, expected);
    let short = SearchRequest { limit: Some(3), ..wanted("acme") };
    let short = admin.search().find(&short).await.unwrap();
    assert_eq!(short.into_iter().map(|hit| (hit.title, hit.matched)).collect::<Vec<_>>(), expected[..3]);
    let companies = SearchRequest { types: vec![HitKind::Company, HitKind::Company], ..wanted("acme") };
    let companies = admin.search().find(&companies).await.unwrap();
    assert_eq!(companies.iter().map(|hit| hit.title.as_str()).collect::<Vec<_>>(), ["Acme", "Acme Rockets"]);
    assert_eq!(titles(&admin, "acme ltd").await, owned(&[("Acmé Ltd", Match::Exact)]));
    assert_eq!(titles(&admin, "renewal big").await, owned(&[("Big Acme renewal", Match::Words)]));
    assert_eq!(titles(&admin, "acme nowhere").await, []);
}

pub async fn an_address_and_a_domain_are_exact(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, ContactEdit { title: "CTO".into(), ..at("ada@acme.com") }).await;
    contact(&admin, ContactEdit { last_name: "Lovelace".into(), ..at("ada@acme.com.example") }).await;
    let edit = CompanyEdit { domain: Edit::Set("acme.com".parse().unwrap()), ..samples::company("Anvils") };
    admin.companies().create(edit).await.unwrap();
    let found = hits(&admin, "ADA@acme.com").await;
    assert_eq!(found.iter().map(|hit| hit.matched).collect::<Vec<_>>(), [Match::Exact, Match::Words]);
    assert_eq!((found[0].title.as_str(), found[0].subtitle.as_deref()), ("ada@acme.com", Some("CTO · ada@acme.com")));
    assert_eq!(found[1].subtitle.as_deref(), Some("ada@acme.com.example"));
    // A page of the company's leads to it, though its words are nowhere.
    let found = titles(&admin, "https://www.acme.com/about").await;
    assert_eq!(found, owned(&[("Anvils", Match::Exact)]));
    let found = hits(&admin, "acme.com").await;
    assert_eq!((found[0].title.as_str(), found[0].matched, found.len()), ("Anvils", Match::Exact, 3));
    assert_eq!((found[0].kind, found[0].subtitle.as_deref()), (HitKind::Company, Some("acme.com")));
    let value = Edit::Set(Money::minor(125_000, "USD".parse().unwrap()));
    deal(&admin, DealEdit { value, ..samples::deal("Engine") }).await;
    assert_eq!(hits(&admin, "engine").await[0].subtitle.as_deref(), Some("open · 1,250.00 USD"));
}

pub async fn a_search_ends_at_the_wall_and_at_what_is_deleted(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let id = contact(&home, samples::contact("Acme")).await.id;
    company(&home, "Acme").await;
    deal(&home, samples::deal("Acme")).await;
    assert_eq!(hits(&home, "acme").await.len(), 3);
    assert!(hits(&stranger, "acme").await.is_empty());
    company(&stranger, "Acme").await;
    assert_eq!(hits(&stranger, "acme").await.len(), 1);
    home.contacts().delete(id, Expect::Any).await.unwrap();
    assert_eq!(hits(&home, "acme").await.len(), 2);
}

pub async fn what_the_caller_does_not_see_is_not_found_and_takes_no_place(world: World) {
    let admin = world.session(Role::Admin).await;
    contact_of(&world, Role::Setter, "Common Own").await;
    crowd(&admin, usize::from(CANDIDATES) + 20, "Common Other", Role::Closer, &world).await;
    world.set_rule(Role::Setter, Entity::Contact, own_alone()).await;
    let setter = world.session(Role::Setter).await;
    assert_eq!(titles(&setter, "common").await, owned(&[("Common Own", Match::Prefix)]));
    assert_eq!(titles(&setter, "other").await, []);
    let all = admin.search().find(&SearchRequest { limit: Some(200), ..wanted("common") }).await.unwrap();
    assert_eq!(all.len(), 200);
}

pub async fn what_is_deleted_takes_no_place(world: World) {
    let admin = world.session(Role::Admin).await;
    let live = contact(&admin, samples::contact("Common")).await.id;
    for _ in 0..3 {
        let gone = contact(&admin, samples::contact("Common")).await.id;
        admin.contacts().delete(gone, Expect::Any).await.unwrap();
    }
    let (grant, terms) = (reading(&admin, Entity::Contact), Terms::parse("common").unwrap().unwrap());
    let found = admin.ports().search.contacts_by_words(&grant, &terms, 2).await.unwrap();
    assert_eq!(found.iter().map(|contact| contact.id).collect::<Vec<_>>(), [live]);
}

pub async fn a_search_finds_no_namesake_of_another_workspace(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let ours = contact(&home, samples::contact("Acme Ours")).await.into_inner();
    let theirs = Contact { last_name: Some("Acme Theirs".to_owned()), owner_id: None, version: 0, ..ours };
    let mut changes = stranger.changes();
    changes.put(&mut Stored::new(theirs));
    commit(&stranger, changes).await.unwrap();
    assert_eq!(titles(&home, "acme").await, owned(&[("Acme Ours", Match::Prefix)]));
    assert_eq!(titles(&stranger, "acme").await, owned(&[("Acme Theirs", Match::Prefix)]));
}

pub async fn a_name_is_found_however_many_others_have_its_words(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, samples::contact("Common")).await;
    contact(&admin, at("common@example.com")).await;
    crowd(&admin, usize::from(CANDIDATES) + 20, "So Common", Role::Admin, &world).await;
    contact(&admin, samples::contact("Commonplace")).await;
    let first = titles(&admin, "common").await;
    assert_eq!(first[..2], owned(&[("Common", Match::Exact), ("Commonplace", Match::Prefix)]));
    assert_eq!(first.len(), 50);
    assert_eq!(hits(&admin, "common@example.com").await[0].matched, Match::Exact);
}

pub async fn several_words_find_what_has_them_all_whichever_is_rare(world: World) {
    let admin = world.session(Role::Admin).await;
    crowd(&admin, usize::from(CANDIDATES) + 20, "Common", Role::Admin, &world).await;
    for (first, last) in [("Rare", "Common"), ("Rarest", "Common"), ("Rare", "Other"), ("Com", "Zed")] {
        contact(&admin, person(first, last)).await;
    }
    contact(&admin, ContactEdit { email: Edit::Set("rare@common.example".parse().unwrap()), ..person("Ada", "Lee") })
        .await;
    world.set_rule(Role::Setter, Entity::Contact, hiding(&["email"])).await;
    let setter = world.session(Role::Setter).await;
    let found = async |session: &Session, q: &str| {
        let mut titles: Vec<String> = hits(session, q).await.into_iter().map(|hit| hit.title).collect();
        titles.sort();
        titles
    };
    let both = ["Ada Lee", "Rare Common", "Rarest Common"];
    assert_eq!(found(&admin, "rare common").await, both);
    assert_eq!(found(&admin, "common rare").await, both);
    // No record has this as a whole word.
    assert_eq!(found(&admin, "rar common").await, both);
    assert_eq!(found(&setter, "common rare").await, both[1..]);
    assert_eq!(found(&admin, "other rare").await, ["Rare Other"]);
    // A rare word that begins a word of many.
    assert_eq!(found(&admin, "com zed").await, ["Com Zed"]);
    assert_eq!(found(&admin, "com rar").await, both);
    assert!(found(&admin, "zed rare").await.is_empty());
}

/// How many contacts a search and a list find by words.
async fn found_by(session: &Session, q: &str) -> [usize; 2] {
    [hits(session, q).await.len(), session.contacts().list(&searched(q)).await.unwrap().data.len()]
}

fn titled(title: &str) -> ContactEdit {
    ContactEdit { title: title.into(), ..ContactEdit::default() }
}

pub async fn a_word_finds_those_that_have_it_as_long_as_they_do(world: World) {
    let admin = world.session(Role::Admin).await;
    let contacts = admin.contacts();
    assert_eq!(found_by(&admin, "quagga").await, [0, 0]);
    let first = contact(&admin, ContactEdit { last_name: "First".into(), ..titled("Quagga") }).await.id;
    let second = contact(&admin, ContactEdit { last_name: "Second".into(), ..titled("Quagga") }).await.id;
    assert_eq!(found_by(&admin, "quagga").await, [2, 2]);
    contacts.update(first, titled("Zebra"), Expect::Any).await.unwrap();
    assert_eq!((found_by(&admin, "quagga").await, found_by(&admin, "zebra").await), ([1, 1], [1, 1]));
    contacts.delete(second, Expect::Any).await.unwrap();
    assert_eq!(found_by(&admin, "quagga").await, [0, 0]);
    contacts.restore(second).await.unwrap();
    assert_eq!(found_by(&admin, "quagga").await, [1, 1]);
    contacts.delete(second, Expect::Any).await.unwrap();
    contacts.purge(second).await.unwrap();
    assert_eq!(found_by(&admin, "quagga").await, [0, 0]);
    contacts.update(first, titled("Quagga"), Expect::Any).await.unwrap();
    assert_eq!((found_by(&admin, "quagga").await, found_by(&admin, "zebra").await), ([1, 1], [0, 0]));
}

pub async fn a_word_finds_what_it_begins_however_many_words_that_are(world: World) {
    let admin = world.session(Role::Admin).await;
    for count in 1..=12 {
        contact(&admin, ContactEdit { last_name: "Common".into(), ..titled(&format!("quagga{count}")) }).await;
        assert_eq!(found_by(&admin, "quag").await, [count; 2]);
        assert_eq!(found_by(&admin, "comm quag").await, [count; 2]);
        assert_eq!(found_by(&admin, "quag nowhere").await, [0, 0]);
    }
    // One of them begins others.
    assert_eq!(found_by(&admin, "quagga1").await, [4, 4]);
    assert_eq!(found_by(&admin, "quagga2").await, [1, 1]);
}

pub async fn a_hidden_field_finds_nothing_and_is_not_shown(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = ContactEdit { title: "Countess".into(), last_name: "Lovelace".into(), ..at("ada@acme.com") };
    contact(&admin, edit).await;
    world.set_rule(Role::Setter, Entity::Contact, hiding(&["email"])).await;
    let setter = world.session(Role::Setter).await;
    assert!(hits(&setter, "ada@acme.com").await.is_empty());
    let found = hits(&setter, "lovelace").await;
    assert_eq!((found[0].matched, found[0].subtitle.as_deref()), (Match::Exact, Some("Countess")));
    // Beside a hidden field the address is found as it stands, and the words of neither.
    world.set_rule(Role::Closer, Entity::Contact, hiding(&["title"])).await;
    let closer = world.session(Role::Closer).await;
    assert!(hits(&closer, "countess").await.is_empty());
    let found = hits(&closer, "ada@acme.com").await;
    assert_eq!((found[0].matched, found[0].subtitle.as_deref()), (Match::Exact, Some("ada@acme.com")));
    assert!(hits(&closer, "ada").await.is_empty());
    let value = Edit::Set(Money::minor(5, "USD".parse().unwrap()));
    deal(&admin, DealEdit { value, ..samples::deal("Engine") }).await;
    let support = world.session(Role::SupportAgent).await;
    assert_eq!(hits(&support, "engine").await[0].subtitle.as_deref(), Some("open"));
}

pub async fn kinds_that_may_not_be_read_are_left_out_or_refused(world: World) {
    let admin = world.session(Role::Admin).await;
    company(&admin, "Acme").await;
    deal(&admin, samples::deal("Acme")).await;
    world.set_rule(Role::Setter, Entity::Company, Rule::ALL).await;
    world.set_rule(Role::Setter, Entity::Deal, Rule::NONE).await;
    let setter = world.session(Role::Setter).await;
    assert_eq!(hits(&setter, "acme").await.len(), 1);
    let asked = SearchRequest { types: vec![HitKind::Deal, HitKind::Company], ..wanted("acme") };
    fails(setter.search().find(&asked).await, Denied);
}

pub async fn a_bad_search_is_refused(world: World) {
    let admin = world.session(Role::Admin).await;
    for q in ["", " ", "%_", "a\0", "a b c d e f g h i", &"a".repeat(1_001)] {
        invalid_at(admin.search().find(&wanted(q)).await, "q");
    }
    for limit in [0, 201] {
        invalid_at(admin.search().find(&SearchRequest { limit: Some(limit), ..wanted("a") }).await, "limit");
    }
    assert_eq!("contact".parse::<HitKind>().unwrap(), HitKind::Contact);
    invalid_at("user".parse::<HitKind>(), "types");
}
