//! A commit is written whole or not at all, and under one key once.

use futures::future::BoxFuture;
use serde_json::json;

use super::support::{
    Asked, commit, conflicts, contact, contact_of, fails, feed, field, filtered, hiding, invalid_at, names, pipeline,
    reading, refused, searched,
};
use crate::access::{Entity, Role};
use crate::activity::{NewNote, Note};
use crate::company::Company;
use crate::contact::{Contact, ContactEdit};
use crate::custom_field::CustomKind;
use crate::deal::{Deal, DealStart};
use crate::edit::Edit;
use crate::error::ErrorKind::{Invalid, NotFound};
use crate::error::Result;
use crate::id::Id;
use crate::job::{Never, Stop};
use crate::page::ListRequest;
use crate::pipeline::{Pipeline, StageKind};
use crate::session::{Expect, Session};
use crate::store::{Changes, Guard, IdempotencyKey, KEPT_SECONDS, Stored};
use crate::tag::Tag;
use crate::task::Task;
use crate::testkit::{World, samples};
use crate::transfer::{Fingerprint, Import, RowKey};
use crate::user::NewUser;

/// The import of [`one_of_everything`], the same in each attempt.
fn import_id() -> Id<Import> {
    uuid::Uuid::from_u128(7).into()
}

/// A commit of one of everything, a new contact and a change of an old one among it, which `spoil`
/// makes fail.
async fn one_of_everything(world: &World, old: Id<Contact>, spoil: impl AsyncFn(&mut Changes, &Session)) -> Result<()> {
    let admin = world.session(Role::Admin).await;
    let grant = reading(&admin, Entity::User);
    let mut changes = admin.changes();
    let now = changes.now();
    changes.guard(world.crm.ports.commit.guard(&grant, Guard::Admins).await?);
    let tag = Tag { id: Id::new_at(now), name: "fresh".to_owned(), created_at: now, updated_at: now, version: 0 };
    changes.put(&mut Stored::new(tag));
    changes.put_unjournalled(&mut Stored::new(Import { id: import_id(), ..samples::import(None, now) }));
    let mut contact = Stored::new(Contact::blank(Id::new_at(now), now));
    let mut changed = world.crm.ports.contacts.contact(&reading(&admin, Entity::Contact), old).await?;
    for contact in [&mut contact, &mut changed] {
        contact.last_name = Some("Half".to_owned());
        contact.tags = vec!["fresh".to_owned()];
        contact.custom.insert("size".to_owned(), json!(7));
        changes.put(contact);
    }
    changes.idempotent(samples::key("whole", "body"), &contact);
    changes.failed_rows(vec![samples::failed_row(import_id(), 2)]);
    let print = |id: Id<Contact>| Fingerprint { entity: Entity::Contact, digest: [1; 16], record_id: id.uuid() };
    changes.fingerprints(vec![print(contact.id), print(old)]);
    spoil(&mut changes, &admin).await;
    commit(&admin, changes).await
}

/// Everything that such a commit could have left behind. What mirrors hold shows through the old
/// contact, which is there in any case.
#[derive(Debug, PartialEq)]
struct Traces {
    contacts: usize,
    tags: usize,
    entries: usize,
    guard: i64,
    replays: bool,
    has_import: bool,
    failed_rows: usize,
    is_known: bool,
    tagged: usize,
    valued: usize,
    searched: usize,
}

impl Traces {
    async fn of(world: &World) -> Self {
        let admin = world.session(Role::Admin).await;
        let (grant, imports) = (reading(&admin, Entity::Contact), reading(&admin, Entity::Import));
        let ports = &world.crm.ports;
        let found = async |request: &ListRequest| admin.contacts().list(request).await.unwrap().data.len();
        let key = RowKey::Fingerprint([1; 16]);
        let replay = ports.commit.replay(&grant, &samples::key("whole", "body"), admin.now()).await.unwrap();
        Self {
            contacts: found(&samples::list()).await,
            tags: admin.tags().counts().await.unwrap().len(),
            entries: feed(world, world.home.workspace).await.len(),
            guard: ports.commit.guard(&grant, Guard::Admins).await.unwrap().version,
            replays: replay.is_some(),
            has_import: ports.imports.import(&imports, import_id()).await.is_ok(),
            failed_rows: ports.imports.failed_rows(&imports, import_id(), 0, 10).await.unwrap().len(),
            is_known: ports.contacts.known_contacts(&grant, &[key]).await.unwrap()[0].is_some(),
            tagged: found(&filtered("tags has_any [fresh]")).await,
            valued: found(&filtered("custom.size = 7")).await,
            searched: found(&searched("half")).await,
        }
    }
}

pub async fn a_commit_is_all_or_nothing(world: World) {
    field(&world.session(Role::Admin).await, Entity::Contact, "size", CustomKind::Number).await;
    let (old, other) = (contact_of(&world, Role::Admin, "old").await, contact_of(&world, Role::Admin, "other").await);
    let before = Traces::of(&world).await;
    let nothing = Traces {
        contacts: 2,
        tags: 0,
        replays: false,
        has_import: false,
        failed_rows: 0,
        is_known: false,
        tagged: 0,
        valued: 0,
        searched: 0,
        ..before
    };
    assert_eq!(before, nothing);
    let stale = async |changes: &mut Changes, admin: &Session| {
        let grant = reading(admin, Entity::Contact);
        let mut read = world.crm.ports.contacts.contact(&grant, other).await.unwrap();
        read.version += 1;
        let mut read = Stored::loaded(read.into_inner());
        read.last_name = Some("newer".to_owned());
        changes.put(&mut read);
    };
    conflicts(one_of_everything(&world, old, stale).await, "stale_version");
    assert_eq!(Traces::of(&world).await, before);
    let pointing_nowhere = async |changes: &mut Changes, admin: &Session| {
        let mut row = Stored::new(Contact::blank(Id::new_at(admin.now()), admin.now()));
        row.company_id = Some(Id::new_at(admin.now()));
        changes.put(&mut row);
    };
    fails(one_of_everything(&world, old, pointing_nowhere).await, Invalid);
    assert_eq!(Traces::of(&world).await, before);
    let taken = async |changes: &mut Changes, admin: &Session| {
        let new = NewUser { email: "setter@home.example".parse().ok(), ..samples::user("Twin", Role::Setter) };
        changes.put(&mut Stored::new(samples::member(new, admin.now()).unwrap()));
    };
    conflicts(one_of_everything(&world, old, taken).await, "duplicate");
    assert_eq!(Traces::of(&world).await, before);
    let same_id = async |changes: &mut Changes, admin: &Session| {
        changes.put(&mut Stored::new(Contact { last_name: None, ..Contact::blank(other, admin.now()) }));
    };
    conflicts(one_of_everything(&world, old, same_id).await, "duplicate");
    assert_eq!(Traces::of(&world).await, before);

    one_of_everything(&world, old, async |_: &mut Changes, _: &Session| {}).await.unwrap();
    let whole = Traces {
        contacts: 3,
        tags: 1,
        // The tag and each contact have one; the import's rows have none.
        entries: before.entries + 3,
        guard: before.guard + 1,
        replays: true,
        has_import: true,
        failed_rows: 1,
        is_known: true,
        tagged: 2,
        valued: 2,
        searched: 2,
    };
    assert_eq!(Traces::of(&world).await, whole);
}

pub async fn a_fault_names_nothing_that_its_commit_makes(world: World) {
    let admin = world.session(Role::Admin).await;
    let elsewhere = pipeline(&admin).await;
    let mut changes = admin.changes();
    let now = changes.now();
    let mut user = Stored::new(samples::member(samples::user("New", Role::Setter), now).unwrap());
    let mut company = Stored::new(Company::blank(Id::new_at(now), now));
    company.owner_id = Some(user.id);
    let mut contact = Stored::new(Contact::blank(Id::new_at(now), now));
    contact.company_id = Some(company.id);
    let mut own = Stored::new(Pipeline::new(Id::new_at(now), samples::pipeline("New"), now).unwrap());
    let mut deal = Stored::new(Deal::at_stage(Id::new_at(now), own.id, &elsewhere.stages[0], now));
    deal.contact_id = Some(contact.id);
    let note = NewNote { body: "New".to_owned(), deal_id: Some(deal.id), ..NewNote::default() };
    let mut note = Stored::new(Note::new(Id::new_at(now), note, None, now).unwrap());
    changes.put(&mut user);
    changes.put(&mut company);
    changes.put(&mut contact);
    changes.put(&mut own);
    changes.put(&mut deal);
    changes.put(&mut note);
    changes.put_unjournalled(&mut Stored::new(Import { id: import_id(), ..samples::import(None, now) }));
    changes.failed_rows(vec![samples::failed_row(import_id(), 2)]);
    invalid_at(commit(&admin, changes).await, "stage_id");
}

pub async fn thousands_of_every_kind_are_one_commit(world: World) {
    let admin = world.session(Role::Admin).await;
    let (own, id) = (pipeline(&admin).await, contact_of(&world, Role::Admin, "A").await);
    let mut changes = admin.changes();
    let now = changes.now();
    for at in 0..5_000 {
        let tag = Tag { id: Id::new_at(now), name: format!("t{at}"), created_at: now, updated_at: now, version: 0 };
        changes.put(&mut Stored::new(tag));
        changes.put(&mut Stored::new(Note::new(Id::new_at(now), samples::note(id, "hi"), None, now).unwrap()));
        if at % 2 == 0 {
            changes.put(&mut Stored::new(Deal::at_stage(Id::new_at(now), own.id, &own.stages[0], now)));
            changes.put(&mut Stored::new(Task::blank(Id::new_at(now), now)));
            changes.put(&mut Stored::new(samples::member(samples::user("New", Role::Setter), now).unwrap()));
        }
    }
    commit(&admin, changes).await.unwrap();
    let counted = ListRequest { count: true, ..samples::list() };
    assert_eq!(admin.tags().counts().await.unwrap().len(), 5_000);
    assert_eq!(admin.deals().list(&counted).await.unwrap().total, Some(2_500));
    assert_eq!(admin.tasks().list(&counted).await.unwrap().total, Some(2_500));
}

pub async fn of_two_writes_of_one_record_the_later_counts(world: World) {
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Contact, "size", CustomKind::Number).await;
    let mut changes = admin.changes();
    let mut row = Stored::new(Contact::blank(Id::new_at(changes.now()), changes.now()));
    for (size, tag) in ["first", "second"].into_iter().enumerate() {
        row.tags = vec![tag.to_owned()];
        row.custom.insert("size".to_owned(), json!(size));
        changes.put(&mut row);
    }
    commit(&admin, changes).await.unwrap();
    let admin = world.session(Role::Admin).await;
    let found = async |filter: &str| admin.contacts().list(&filtered(filter)).await.unwrap().data.len();
    assert_eq!((found("tags has_any [first]").await, found("tags has_any [second]").await), (0, 1));
    assert_eq!((found("custom.size = 0").await, found("custom.size = 1").await), (0, 1));
}

pub async fn a_pipeline_has_the_stages_that_were_written_last(world: World) {
    let admin = world.session(Role::Admin).await;
    let (grant, pipelines) = (reading(&admin, Entity::Pipeline), &world.crm.ports.pipelines);
    let id = admin.pipelines().create(samples::pipeline("A")).await.unwrap().id;
    let mut written = pipelines.pipeline(&grant, id).await.unwrap();
    written.stages.remove(0);
    written.stages.reverse();
    written.stages[0].name = "Renamed".to_owned();
    written.add_stage(Id::new_at(admin.now()), "New", StageKind::Open).unwrap();
    let mut changes = admin.changes();
    changes.put(&mut written);
    commit(&admin, changes).await.unwrap();
    assert_eq!(pipelines.pipeline(&grant, id).await.unwrap().stages, written.stages);
}

pub async fn saving_a_record_as_it_was_writes_nothing(world: World) {
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Contact, "budget", CustomKind::Number).await;
    let admin = world.session(Role::Admin).await;
    let edit = ContactEdit {
        tags: vec!["b".to_owned(), "a".to_owned()].into(),
        custom: samples::custom("budget", 1.5),
        email: Edit::Set("a@b.co".parse().unwrap()),
        ..samples::contact("A")
    };
    let before = contact(&admin, edit.clone()).await.into_inner();
    let entries = feed(&world, world.home.workspace).await.len();
    assert_eq!(admin.contacts().update(before.id, edit.clone(), Expect::Any).await.unwrap().into_inner(), before);
    assert_eq!(admin.contacts().replace(before.id, edit, Expect::Any).await.unwrap().into_inner(), before);
    let nothing = ContactEdit::default();
    assert_eq!(admin.contacts().update(before.id, nothing, Expect::Any).await.unwrap().into_inner(), before);
    assert_eq!(admin.contacts().read(before.id).await.unwrap().into_inner(), before);
    let role = Role::Setter;
    let user = admin.users().change_role(world.home.member(role), role, Expect::Any).await.unwrap();
    assert_eq!(user.version, 1);
    assert_eq!(feed(&world, world.home.workspace).await.len(), entries);
}

pub async fn a_repeat_answers_as_the_first_did(world: World) {
    let admin = world.session(Role::Admin).await;
    let once = admin.clone().once(samples::key("k", "body"));
    let edit = ContactEdit { tags: vec!["vip".to_owned()].into(), ..samples::contact("first") };
    let first = once.contacts().create(edit.clone()).await.unwrap();
    assert_eq!(once.contacts().create(edit.clone()).await.unwrap(), first);
    admin.contacts().update(first.id, samples::contact("second"), Expect::Any).await.unwrap();
    assert_eq!(once.contacts().create(edit.clone()).await.unwrap(), first);
    admin.contacts().delete(first.id, Expect::Any).await.unwrap();
    assert_eq!(once.contacts().create(edit.clone()).await.unwrap(), first);
    let second = world.second_session(Role::Admin).await.once(samples::key("k", "body"));
    assert_eq!(second.contacts().create(edit.clone()).await.unwrap(), first);
    assert!(names(&admin, &samples::list()).await.is_empty());
    // What was purged is gone from repeats too.
    admin.contacts().purge(first.id).await.unwrap();
    fails(once.contacts().create(edit).await, NotFound);
}

pub async fn every_creation_can_be_repeated(world: World) {
    let admin = world.session(Role::Admin).await;
    let once = |key: &str| admin.clone().once(samples::key(key, "body"));
    let id = contact_of(&world, Role::Admin, "A").await;

    let company = once("company").companies().create(samples::company("A")).await.unwrap();
    assert_eq!(once("company").companies().create(samples::company("A")).await.unwrap(), company);
    let start = DealStart::default();
    let deal = once("deal").deals().create(start, samples::deal("A")).await.unwrap();
    assert_eq!(once("deal").deals().create(start, samples::deal("A")).await.unwrap(), deal);
    let task = once("task").tasks().create(samples::task("A")).await.unwrap();
    assert_eq!(once("task").tasks().create(samples::task("A")).await.unwrap(), task);
    let note = once("note").activities().create_note(samples::note(id, "hi")).await.unwrap();
    assert_eq!(once("note").activities().create_note(samples::note(id, "hi")).await.unwrap(), note);
    let new = NewUser { email: "new@home.example".parse().ok(), ..samples::user("New", Role::Setter) };
    let user = once("user").users().create(new.clone()).await.unwrap();
    assert_eq!(once("user").users().create(new).await.unwrap(), user);
    let members = [world.home.member(Role::Setter)];
    let team = once("team").teams().create(samples::team("A", &members)).await.unwrap();
    assert_eq!(once("team").teams().create(samples::team("A", &members)).await.unwrap(), team);
    let pipeline = once("pipeline").pipelines().create(samples::pipeline("A")).await.unwrap();
    assert_eq!(once("pipeline").pipelines().create(samples::pipeline("A")).await.unwrap(), pipeline);
    let new = || samples::custom_field(Entity::Deal, "tier", CustomKind::Choice);
    let field = once("field").custom_fields().define(new()).await.unwrap();
    assert_eq!(once("field").custom_fields().define(new()).await.unwrap(), field);
    let rate = || samples::exchange_rate(("EUR", "USD"), "1.1", "2026-01-01");
    let made = once("rate").exchange_rates().set(rate()).await.unwrap();
    assert_eq!(once("rate").exchange_rates().set(rate()).await.unwrap(), made);
    // One key answers one kind of request.
    fails(once("deal").companies().create(samples::company("A")).await, NotFound);
}

pub async fn a_repeat_is_masked_as_of_today(world: World) {
    let manager = world.session(Role::Manager).await.once(samples::key("k", "body"));
    let edit = ContactEdit { email: Edit::Set("a@b.co".parse().unwrap()), ..samples::contact("A") };
    assert!(manager.contacts().create(edit.clone()).await.unwrap().email.is_some());
    world.set_rule(Role::Manager, Entity::Contact, hiding(&["email"])).await;
    let manager = world.session(Role::Manager).await.once(samples::key("k", "body"));
    assert!(manager.contacts().create(edit).await.unwrap().email.is_none());
}

pub async fn another_body_under_a_used_key_is_invalid(world: World) {
    let admin = world.session(Role::Admin).await;
    admin.clone().once(samples::key("k", "one")).contacts().create(samples::contact("A")).await.unwrap();
    let other = admin.clone().once(samples::key("k", "two"));
    let error = refused(other.contacts().create(samples::contact("B")).await);
    assert_eq!((error.kind(), error.fields()[0].code.as_ref()), (Invalid, "idempotency_key_reused"));
    assert_eq!(names(&admin, &samples::list()).await, ["A"]);
}

pub async fn a_refused_request_does_not_use_its_key(world: World) {
    let admin = world.session(Role::Admin).await;
    let bad = admin.clone().once(samples::key("k", "bad"));
    invalid_at(bad.contacts().create(ContactEdit::default()).await, "last_name");
    let nowhere = ContactEdit { company_id: Edit::Set(Id::new_at(admin.now())), ..samples::contact("A") };
    invalid_at(bad.contacts().create(nowhere).await, "company_id");
    let good = admin.clone().once(samples::key("k", "good"));
    assert_eq!(good.contacts().create(samples::contact("A")).await.unwrap().version, 1);
}

pub async fn two_at_once_under_one_key_create_one(world: World) {
    for round in 0..10 {
        let key = samples::key(&format!("k{round}"), "body");
        let email = format!("twin{round}@home.example");
        let sessions = [world.session(Role::Admin).await, world.second_session(Role::Admin).await];
        let creation = |session: Session| -> BoxFuture<'static, Result<Id<Contact>>> {
            let session = session.once(key.clone());
            let tags = Edit::Set(vec![format!("tag{round}")]);
            let edit = ContactEdit { tags, ..samples::contact(&format!("twin{round}")) };
            Box::pin(async move { session.contacts().create(edit).await.map(|view| view.id) })
        };
        let results = world.at_once(sessions.clone().map(creation)).await;
        let ids: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids[0], ids[1]);
        let found = names(&sessions[0], &filtered(&format!("last_name = twin{round}"))).await;
        assert_eq!(found.len(), 1);
        // With a unique value the second is told that it repeats, not that the value is taken.
        let key = samples::key(&format!("u{round}"), "body");
        let invitation = |session: Session| -> BoxFuture<'static, Result<_>> {
            let session = session.once(key.clone());
            let new = NewUser { email: email.parse().ok(), ..samples::user("Twin", Role::Setter) };
            Box::pin(async move { session.users().create(new).await.map(|view| view.id) })
        };
        let results = world.at_once(sessions.map(invitation)).await;
        let ids: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids[0], ids[1]);
    }
}

pub async fn equal_keys_of_two_callers_are_two_keys(world: World) {
    let mut ids = Vec::new();
    for session in [world.session(Role::Admin).await, world.session(Role::Closer).await, world.system().await] {
        let made = session.once(samples::key("k", "body")).contacts().create(samples::contact("A")).await.unwrap();
        ids.push(made.id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

pub async fn a_key_is_forgotten_after_a_day(world: World) {
    world.clock.tick_micros(0);
    let create = async || {
        let session = world.session(Role::Admin).await.once(samples::key("k", "body"));
        session.contacts().create(samples::contact("A")).await.unwrap().id
    };
    let first = create().await;
    world.clock.advance_seconds(KEPT_SECONDS - 1);
    assert_eq!(create().await, first);
    world.clock.advance_seconds(1);
    let second = create().await;
    assert_ne!(second, first);
    assert_eq!(create().await, second);
}

/// Makes a contact under a key.
async fn keyed(session: Session, key: &str) -> Id<Contact> {
    let session = session.once(samples::key(key, "body"));
    session.contacts().create(samples::contact("A")).await.unwrap().id
}

pub async fn an_expired_key_is_used_anew_and_takes_no_other_along(world: World) {
    world.clock.tick_micros(0);
    let create = async |key: &str| keyed(world.session(Role::Admin).await, key).await;
    let first = create("k").await;
    create("other").await;
    world.clock.advance_seconds(KEPT_SECONDS);
    let anew = create("k").await;
    assert_ne!(anew, first);
    // Its answer of now is its answer for another day.
    world.clock.advance_seconds(KEPT_SECONDS - 1);
    assert_eq!(create("k").await, anew);
    // The other, which no commit had to do with, is left to upkeep.
    assert_eq!(world.crm.forget_old_keys(&Never).await.unwrap(), 1);
    assert_eq!(create("k").await, anew);
}

pub async fn two_who_use_one_expired_key_at_once_have_one_effect(world: World) {
    for round in 0..10 {
        let key = samples::key(&format!("k{round}"), "body");
        let name = format!("twin{round}");
        let before = world.session(Role::Admin).await.once(key.clone());
        let old = before.contacts().create(samples::contact("old")).await.unwrap().id;
        world.clock.advance_seconds(KEPT_SECONDS);
        let sessions = [world.session(Role::Admin).await, world.second_session(Role::Admin).await];
        let creation = |session: Session| -> BoxFuture<'static, Result<Id<Contact>>> {
            let (session, edit) = (session.once(key.clone()), samples::contact(&name));
            Box::pin(async move { session.contacts().create(edit).await.map(|view| view.id) })
        };
        let results = world.at_once(sessions.clone().map(creation)).await;
        let ids: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[0], old);
        assert_eq!(names(&sessions[0], &filtered(&format!("last_name = {name}"))).await.len(), 1);
    }
}

pub async fn keys_are_forgotten_from_their_instant_on_and_some_at_a_time(world: World) {
    world.clock.tick_micros(0);
    let (home, away) = (world.home.workspace, world.away.workspace);
    for key in ["a", "b", "c"] {
        keyed(world.session(Role::Admin).await, key).await;
    }
    world.clock.advance_seconds(1);
    let last = keyed(world.session(Role::Admin).await, "d").await;
    keyed(world.stranger().await, "a").await;
    let (commit, now) = (&world.crm.ports.commit, world.crm.now());
    assert!(commit.with_old_keys(now.plus_seconds(-2)).await.unwrap().is_empty());
    assert_eq!(commit.with_old_keys(now.plus_seconds(-1)).await.unwrap(), [home]);
    let prune =
        async |workspace, ago: i64, limit| commit.prune_keys(workspace, now.plus_seconds(-ago), limit).await.unwrap();
    assert_eq!((prune(home, 2, 10).await, prune(away, 1, 10).await), (0, 0));
    // Those that were used first go first.
    assert_eq!((prune(home, 0, 2).await, prune(home, 1, 2).await), (2, 1));
    // Of every workspace, by the clock.
    world.clock.advance_seconds(KEPT_SECONDS - 1);
    let forget = async |stop: &dyn Stop| world.crm.forget_old_keys(stop).await.unwrap();
    assert_eq!(forget(&Never).await, 0);
    assert_eq!(keyed(world.session(Role::Admin).await, "d").await, last);
    world.clock.advance_seconds(1);
    assert_eq!((forget(&Asked).await, forget(&Never).await, forget(&Never).await), (0, 2, 0));
}

pub async fn many_expired_keys_are_forgotten_in_one_pass(world: World) {
    let admin = world.session(Role::Admin).await;
    for at in 0..401 {
        keyed(admin.clone(), &at.to_string()).await;
    }
    world.clock.advance_seconds(2 * KEPT_SECONDS);
    assert_eq!(world.crm.forget_old_keys(&Never).await.unwrap(), 401);
}

pub async fn a_key_used_meanwhile_is_told_apart(world: World) {
    let admin = world.session(Role::Admin).await;
    let keyed = async |name: &str| {
        let mut changes = admin.changes();
        let mut row = Stored::new(Contact::blank(Id::new_at(changes.now()), changes.now()));
        row.last_name = Some(name.to_owned());
        changes.put(&mut row);
        changes.idempotent(IdempotencyKey { scope: [9; 32], body: [1; 32] }, &row);
        commit(&admin, changes).await
    };
    keyed("A").await.unwrap();
    conflicts(keyed("B").await, "idempotency_replay");
    assert_eq!(names(&admin, &samples::list()).await, ["A"]);
    let grant = reading(&admin, Entity::Contact);
    let key = IdempotencyKey { scope: [9; 32], body: [2; 32] };
    let replay = world.crm.ports.commit.replay(&grant, &key, admin.now()).await.unwrap().unwrap();
    assert_eq!((replay.body, replay.result.entity, replay.result.version), ([1; 32], Entity::Contact, 1));
}

pub async fn unique_values_are_unique(world: World) {
    let admin = world.session(Role::Admin).await;
    let new = || NewUser { email: "Twin@Home.Example".parse().ok(), ..samples::user("Twin", Role::Setter) };
    admin.users().create(new()).await.unwrap();
    conflicts(admin.users().create(new()).await, "duplicate");
    // People without an e-mail address are as many as there are.
    admin.users().create(samples::user("Ann", Role::Setter)).await.unwrap();
    admin.users().create(samples::user("Ann", Role::Setter)).await.unwrap();
    let define = async |entity| {
        admin.custom_fields().define(samples::custom_field(entity, "size", CustomKind::Text)).await.map(|view| view.id)
    };
    let first = define(Entity::Contact).await.unwrap();
    conflicts(define(Entity::Contact).await, "duplicate");
    define(Entity::Company).await.unwrap();
    admin.custom_fields().retire(first, Expect::Any).await.unwrap();
    define(Entity::Contact).await.unwrap();
    // A contact's e-mail is not unique.
    let edit = || ContactEdit { email: Edit::Set("a@b.co".parse().unwrap()), ..samples::contact("A") };
    contact(&admin, edit()).await;
    contact(&admin, edit()).await;
}
