//! Bulk work: many records, one commit.

use super::support::{company, conflicts, contact, contact_of, fails, feed, field, hiding, invalid_at, names, refused};
use crate::access::{Entity, Role, Rule, Scope};
use crate::bulk::{BulkAnswer, BulkChange, BulkEdit, BulkMode, BulkReport, BulkStatus, MAX_ITEMS, Selection};
use crate::contact::{Contact, ContactEdit, Lifecycle};
use crate::custom_field::CustomKind;
use crate::edit::Edit;
use crate::error::ErrorKind::{Denied, Invalid};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::store::IdempotencyKey;
use crate::testkit::{World, samples};

fn named(names: &[&str]) -> Vec<Result<ContactEdit>> {
    names.iter().map(|name| Ok(samples::contact(name))).collect()
}

fn of_company(name: &str, company: Id<crate::company::Company>) -> ContactEdit {
    ContactEdit { company_id: company.into(), ..samples::contact(name) }
}

fn titled(id: Id<Contact>, expect: Expect, title: &str) -> Result<BulkEdit<Contact, ContactEdit>> {
    Ok(BulkEdit { id, expect, edit: ContactEdit { title: title.into(), ..ContactEdit::default() } })
}

fn statuses(report: &BulkReport) -> Vec<BulkStatus> {
    report.results.iter().map(|result| result.status).collect()
}

async fn made(session: &Session, names: &[&str]) -> Vec<Id<Contact>> {
    let report = session.contacts().create_many(named(names), BulkMode::Atomic).await.unwrap();
    report.results.iter().map(|result| result.id.unwrap().into()).collect()
}

pub async fn many_are_made_in_one_commit_and_one_batch(world: World) {
    let admin = world.session(Role::Admin).await;
    let acme = company(&admin, "Acme").await;
    let before = feed(&world, world.home.workspace).await.len();
    let mut items = named(&["Hopper", "Lovelace"]);
    items.push(Ok(ContactEdit { tags: vec!["VIP".to_owned()].into(), ..of_company("Curie", acme) }));
    items.push(Ok(ContactEdit { tags: vec!["vip".to_owned()].into(), ..samples::contact("Noether") }));
    let report = admin.contacts().create_many(items, BulkMode::Atomic).await.unwrap();
    assert_eq!((report.succeeded, report.failed), (4, 0));
    assert_eq!(statuses(&report), [BulkStatus::Created; 4]);
    assert_eq!(report.results.iter().map(|result| result.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let third = admin.contacts().read(report.results[2].id.unwrap().into()).await.unwrap();
    assert_eq!((third.last_name.as_deref(), third.company_id), (Some("Curie"), Some(acme)));
    assert_eq!(third.owner_id, admin.actor().user_id());
    // Two spellings are one tag.
    let entries = feed(&world, world.home.workspace).await.split_off(before);
    assert_eq!(entries.len(), 5);
    assert!(entries.iter().all(|sealed| sealed.entry.batch == Some(report.batch_id)));
}

pub async fn one_fault_refuses_an_atomic_request_whole(world: World) {
    let admin = world.session(Role::Admin).await;
    let before = feed(&world, world.home.workspace).await.len();
    let nowhere = Id::new_at(admin.now());
    let tagged = ContactEdit { tags: vec!["fresh".to_owned()].into(), ..samples::contact("Hopper") };
    let items = || {
        let unread = Error::invalid("email", "email", "is not an e-mail address");
        vec![Ok(tagged.clone()), Ok(of_company("Curie", nowhere)), Ok(ContactEdit::default()), Err(unread)]
    };
    let error = refused(admin.contacts().create_many(items(), BulkMode::Atomic).await);
    assert_eq!(error.kind(), Invalid);
    let places: Vec<&str> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(places, ["items.1.company_id", "items.2.last_name", "items.3.email"]);
    assert_eq!(feed(&world, world.home.workspace).await.len(), before);

    let report = admin.contacts().create_many(items(), BulkMode::Partial).await.unwrap();
    assert_eq!((report.succeeded, report.failed), (1, 3));
    let codes: Vec<String> =
        report.results.iter().filter_map(|one| Some(one.error.clone()?.errors[0].code.to_string())).collect();
    assert_eq!(codes, ["not_found", "required", "email"]);
    assert_eq!(names(&admin, &samples::list()).await, ["Hopper"]);
}

pub async fn each_record_is_changed_in_its_own_way_at_its_version(world: World) {
    let admin = world.session(Role::Admin).await;
    let ids = made(&admin, &["Hopper", "Lovelace", "Curie"]).await;
    let changes = |last: i64| {
        vec![
            titled(ids[0], Expect::Version(1), "Admiral"),
            titled(ids[1], Expect::Any, "Countess"),
            titled(ids[2], Expect::Version(last), "Professor"),
        ]
    };
    conflicts(admin.contacts().update_many(changes(7), BulkMode::Atomic).await, "stale_version");
    let report = admin.contacts().update_many(changes(7), BulkMode::Partial).await.unwrap();
    assert_eq!(statuses(&report), [BulkStatus::Updated, BulkStatus::Updated, BulkStatus::Failed]);
    assert_eq!(report.results[2].error.as_ref().unwrap().code, "stale_version");
    assert_eq!(report.results[2].id, Some(ids[2].uuid()));
    assert_eq!(admin.contacts().read(ids[1]).await.unwrap().title.as_deref(), Some("Countess"));
    assert_eq!(admin.contacts().read(ids[2]).await.unwrap().title, None);
    // The same again changes nothing and writes no entry.
    let before = feed(&world, world.home.workspace).await.len();
    let again = vec![titled(ids[1], Expect::Any, "Countess")];
    let report = admin.contacts().update_many(again, BulkMode::Atomic).await.unwrap();
    assert_eq!(statuses(&report), [BulkStatus::Unchanged]);
    assert_eq!(feed(&world, world.home.workspace).await.len(), before);
}

pub async fn a_record_named_twice_or_not_seen_is_at_fault(world: World) {
    let admin = world.session(Role::Admin).await;
    let ids = made(&admin, &["Hopper"]).await;
    let theirs = contact(&world.stranger().await, samples::contact("Stranger")).await.id;
    for other in [ids[0], theirs, Id::new_at(admin.now())] {
        let selection = Selection::Ids(vec![ids[0], other]);
        let change = BulkChange::Tag { add: vec!["vip".to_owned()], remove: Vec::new() };
        invalid_at(admin.contacts().change_many(selection, change, BulkMode::Atomic).await, "ids.1");
    }
    let selection = Selection::Ids(vec![theirs, ids[0]]);
    let report =
        admin.contacts().change_many(selection, BulkChange::Delete, BulkMode::Partial).await.unwrap().report().unwrap();
    assert_eq!(statuses(&report), [BulkStatus::Failed, BulkStatus::Deleted]);
    assert_eq!(world.stranger().await.contacts().read(theirs).await.unwrap().version, 1);
    assert_eq!(admin.contacts().restore(ids[0]).await.unwrap().version, 3);
}

pub async fn the_records_of_a_filter_are_changed_alike(world: World) {
    let admin = world.session(Role::Admin).await;
    let many: Vec<String> = (0..230).map(|at| format!("Row {at:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    made(&admin, &many).await;
    contact(&admin, samples::contact("Hopper")).await;
    contact(&world.stranger().await, samples::contact("Row of strangers")).await;
    let rows = || Selection::Filter(samples::filtered(r#"last_name starts_with "Row""#).unwrap().filter.unwrap());
    let edit = ContactEdit { lifecycle: Edit::Set(Lifecycle::Customer), ..ContactEdit::default() };
    let report =
        admin.contacts().change_many(rows(), BulkChange::Edit(edit), BulkMode::Atomic).await.unwrap().report().unwrap();
    assert_eq!((report.succeeded, report.failed), (230, 0));
    let report =
        admin.contacts().change_many(rows(), BulkChange::Delete, BulkMode::Atomic).await.unwrap().report().unwrap();
    assert_eq!(report.succeeded, 230);
    assert_eq!(names(&admin, &samples::list()).await, ["Hopper"]);
    // Nothing is left to be done, and that is no fault.
    let report =
        admin.contacts().change_many(rows(), BulkChange::Delete, BulkMode::Atomic).await.unwrap().report().unwrap();
    assert_eq!((report.succeeded, report.failed), (0, 0));
    let hidden = samples::filtered("salary > 5").unwrap().filter.unwrap();
    fails(admin.contacts().change_many(Selection::Filter(hidden), BulkChange::Delete, BulkMode::Atomic).await, Invalid);
}

pub async fn ten_thousand_items_are_the_most(world: World) {
    let admin = world.session(Role::Admin).await;
    let ids = (0..=MAX_ITEMS).map(|_| Id::new_at(admin.now())).collect();
    let many = admin.contacts().change_many(Selection::Ids(ids), BulkChange::Delete, BulkMode::Partial).await;
    invalid_at(many, "ids");
    invalid_at(admin.contacts().create_many(Vec::new(), BulkMode::Atomic).await, "items");
    let none = Selection::Ids(Vec::new());
    invalid_at(admin.contacts().change_many(none, BulkChange::Delete, BulkMode::Atomic).await, "ids");
}

pub async fn ten_thousand_items_may_point_to_as_many_records(world: World) {
    let admin = world.session(Role::Admin).await;
    let companies = (0..MAX_ITEMS).map(|at| Ok(samples::company(&format!("Company {at}"))));
    let companies = admin.companies().create_many(companies.collect(), BulkMode::Atomic).await.unwrap();
    let people = companies
        .results
        .iter()
        .enumerate()
        .map(|(at, one)| Ok(of_company(&format!("Row {at}"), one.id.unwrap().into())));
    let people = admin.contacts().create_many(people.collect(), BulkMode::Atomic).await.unwrap();
    assert_eq!((people.succeeded as usize, people.failed), (MAX_ITEMS, 0));
    let last = admin.contacts().read(people.results[MAX_ITEMS - 1].id.unwrap().into()).await.unwrap();
    assert_eq!(last.company_id.map(Id::uuid), companies.results[MAX_ITEMS - 1].id);
}

pub async fn records_out_of_reach_are_denied_one_by_one(world: World) {
    let admin = world.session(Role::Admin).await;
    let rule = Rule { create: Scope::All, read: Scope::All, update: Scope::Own, assign: Scope::Own, ..Rule::NONE };
    world.set_rule(Role::SalesRep, Entity::Contact, rule).await;
    let rep = world.session(Role::SalesRep).await;
    let own = contact_of(&world, Role::SalesRep, "Own").await;
    let others = contact(&admin, samples::contact("Others")).await.id;
    let change = || BulkChange::Assign(Some(world.home.member(Role::Manager)));
    let both = || Selection::Ids(vec![own, others]);
    fails(rep.contacts().change_many(both(), change(), BulkMode::Atomic).await, Denied);
    assert_eq!(rep.contacts().read(own).await.unwrap().version, 1);
    let report = rep.contacts().change_many(both(), change(), BulkMode::Partial).await.unwrap().report().unwrap();
    assert_eq!(statuses(&report), [BulkStatus::Updated, BulkStatus::Failed]);
    assert_eq!(report.results[1].error.as_ref().unwrap().code, "denied");
    fails(rep.contacts().change_many(both(), BulkChange::Delete, BulkMode::Partial).await, Denied);
    // Changing is not giving away.
    world.set_rule(Role::SalesRep, Entity::Contact, Rule { assign: Scope::None, ..rule_of_reps() }).await;
    let rep = world.session(Role::SalesRep).await;
    let fresh = contact_of(&world, Role::SalesRep, "Fresh").await;
    let one = Selection::Ids(vec![fresh]);
    fails(rep.contacts().change_many(one, change(), BulkMode::Atomic).await, Denied);
    let nobody = Selection::Ids(vec![fresh]);
    let stranger = BulkChange::Assign(Some(world.away.member(Role::Admin)));
    fails(admin.contacts().change_many(nobody, stranger, BulkMode::Atomic).await, Invalid);
}

fn rule_of_reps() -> Rule {
    Rule { create: Scope::All, read: Scope::All, update: Scope::Own, ..Rule::NONE }
}

pub async fn tags_are_added_and_removed_whatever_their_spelling(world: World) {
    let admin = world.session(Role::Admin).await;
    let ids = made(&admin, &["Hopper", "Lovelace"]).await;
    let tag = |add: &[&str], remove: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        BulkChange::Tag { add: owned(add), remove: owned(remove) }
    };
    let both = || Selection::Ids(ids.clone());
    let change = admin
        .contacts()
        .change_many(both(), tag(&["VIP", "Fair"], &[]), BulkMode::Atomic)
        .await
        .unwrap()
        .report()
        .unwrap();
    assert_eq!(statuses(&change), [BulkStatus::Updated; 2]);
    let change = admin.contacts().change_many(both(), tag(&["vip"], &["FAIR", "absent"]), BulkMode::Atomic).await;
    assert_eq!(statuses(&change.unwrap().report().unwrap()), [BulkStatus::Updated; 2]);
    assert_eq!(admin.contacts().read(ids[0]).await.unwrap().tags, ["VIP"]);
    let change =
        admin.contacts().change_many(both(), tag(&["vip"], &[]), BulkMode::Atomic).await.unwrap().report().unwrap();
    assert_eq!(statuses(&change), [BulkStatus::Unchanged; 2]);
    invalid_at(admin.contacts().change_many(both(), tag(&[" "], &[]), BulkMode::Atomic).await, "add.0");
}

pub async fn a_repeated_bulk_request_answers_as_the_first_did(world: World) {
    let admin = world.session(Role::Admin).await;
    let keyed = |body: &[u8]| admin.clone().once(IdempotencyKey::new("POST /contacts/bulk", "one", body));
    let items = || {
        let mut items = named(&["Hopper", "Lovelace"]);
        items.push(Ok(ContactEdit::default()));
        items
    };
    let first = keyed(b"a").contacts().create_many(items(), BulkMode::Partial).await.unwrap();
    assert_eq!((first.succeeded, first.failed), (2, 1));
    let again = keyed(b"a").contacts().create_many(items(), BulkMode::Partial).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(names(&admin, &samples::list()).await, ["Hopper", "Lovelace"]);
    invalid_at(keyed(b"b").contacts().create_many(items(), BulkMode::Partial).await, "Idempotency-Key");
    // A refused request does not use its key up.
    let other = admin.clone().once(IdempotencyKey::new("POST /contacts/bulk", "two", b"a"));
    fails(other.contacts().create_many(items(), BulkMode::Atomic).await, Invalid);
    other.contacts().create_many(named(&["Curie"]), BulkMode::Atomic).await.unwrap();
    // Two at once under one key make the records once.
    let at_once = |_| {
        let session = admin.clone().once(IdempotencyKey::new("POST /contacts/bulk", "three", b"a"));
        Box::pin(async move { session.contacts().create_many(named(&["Noether"]), BulkMode::Atomic).await })
            as futures::future::BoxFuture<'static, Result<BulkReport>>
    };
    let reports = world.at_once((0..4).map(at_once)).await;
    let reports: Vec<BulkReport> = reports.into_iter().map(Result::unwrap).collect();
    assert!(reports.iter().all(|report| *report == reports[0]));
    assert_eq!(names(&admin, &samples::list()).await, ["Curie", "Hopper", "Lovelace", "Noether"]);
}

pub async fn hidden_fields_cannot_be_set_in_bulk(world: World) {
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Contact, "salary", CustomKind::Number).await;
    let ids = made(&admin, &["Hopper"]).await;
    world.set_rule(Role::Closer, Entity::Contact, hiding(&["title", "custom.salary"])).await;
    let closer = world.session(Role::Closer).await;
    invalid_at(
        closer.contacts().update_many(vec![titled(ids[0], Expect::Any, "x")], BulkMode::Atomic).await,
        "items.0.title",
    );
    let salary = serde_json::from_value(serde_json::json!({"last_name": "New", "custom": {"salary": 1}})).unwrap();
    invalid_at(closer.contacts().create_many(vec![Ok(salary)], BulkMode::Atomic).await, "items.0.custom.salary");
}

pub async fn bulk_work_that_meets_another_writer_is_decided_again(world: World) {
    let admin = world.session(Role::Admin).await;
    let ids = made(&admin, &["Hopper", "Lovelace", "Curie"]).await;
    // Each conflict is another's success, so of three nobody is refused three times.
    let tasks = (0..3).map(|at| {
        let (session, ids) = (admin.clone(), ids.clone());
        Box::pin(async move {
            let change = BulkChange::Tag { add: vec![format!("tag {at}")], remove: Vec::new() };
            session.contacts().change_many(Selection::Ids(ids), change, BulkMode::Atomic).await
        }) as futures::future::BoxFuture<'static, Result<BulkAnswer>>
    });
    let done = world.at_once(tasks).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    for id in ids {
        // Nobody's tag was lost.
        assert_eq!(admin.contacts().read(id).await.unwrap().tags, ["tag 0", "tag 1", "tag 2"]);
    }
}

pub async fn an_item_that_needs_a_tag_which_its_caller_may_not_make_is_at_fault_alone(world: World) {
    let admin = world.session(Role::Admin).await;
    let known = ContactEdit { tags: vec!["known".to_owned()].into(), ..samples::contact("Hopper") };
    contact(&admin, known).await;
    world.set_rule(Role::Closer, Entity::Tag, Rule { read: Scope::All, ..Rule::NONE }).await;
    let closer = world.session(Role::Closer).await;
    let tagged =
        |name: &str, tag: &str| Ok(ContactEdit { tags: vec![tag.to_owned()].into(), ..samples::contact(name) });
    let items = || vec![tagged("Curie", "Known"), tagged("Noether", "fresh"), Ok(samples::contact("Meitner"))];
    fails(closer.contacts().create_many(items(), BulkMode::Atomic).await, Denied);
    let report = closer.contacts().create_many(items(), BulkMode::Partial).await.unwrap();
    assert_eq!(statuses(&report), [BulkStatus::Created, BulkStatus::Failed, BulkStatus::Created]);
    assert_eq!(report.results[1].error.as_ref().unwrap().code, "denied");
    assert_eq!(names(&admin, &samples::list()).await, ["Curie", "Hopper", "Meitner"]);
}

pub async fn a_repeat_is_answered_whatever_its_filter_describes_by_now(world: World) {
    let admin = world.session(Role::Admin).await;
    made(&admin, &["Hopper", "Lovelace"]).await;
    let untagged = || samples::filtered("tags has_none [vip]").unwrap().filter.unwrap();
    let tag = async || {
        let session = admin.clone().once(IdempotencyKey::new("POST /contacts/bulk/tag", "one", b"a"));
        let change = BulkChange::Tag { add: vec!["vip".to_owned()], remove: Vec::new() };
        session.contacts().change_many(Selection::Filter(untagged()), change, BulkMode::Atomic).await
    };
    let first = tag().await.unwrap();
    assert_eq!(first.clone().report().unwrap().succeeded, 2);
    made(&admin, &["Curie"]).await;
    assert_eq!(tag().await.unwrap(), first);
    // Nothing was found, and that is the answer too.
    let none = async || {
        let session = admin.clone().once(IdempotencyKey::new("DELETE /contacts/bulk", "two", b"a"));
        let nobody = samples::filtered(r#"last_name = "Noether""#).unwrap().filter.unwrap();
        session.contacts().change_many(Selection::Filter(nobody), BulkChange::Delete, BulkMode::Atomic).await
    };
    let first = none().await.unwrap();
    assert_eq!(first.clone().report().unwrap().succeeded, 0);
    made(&admin, &["Noether"]).await;
    assert_eq!(none().await.unwrap(), first);
    let many = (0..101).map(|at| format!("tag {at}")).collect();
    let change = BulkChange::Tag { add: Vec::new(), remove: many };
    invalid_at(admin.contacts().change_many(Selection::Filter(untagged()), change, BulkMode::Atomic).await, "remove");
}
