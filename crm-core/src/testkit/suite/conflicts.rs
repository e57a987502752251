//! Somebody else was faster: a decision on what has changed since is refused.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::support::{
    commit, company, conflicts, contact, contact_of, deal, feed, field, hiding, pipeline, reading, refused, stage,
};
use crate::access::{Actor, Entity, Role, Rule, Scope};
use crate::activity::NewNote;
use crate::contact::{Contact, ContactEdit};
use crate::custom_field::CustomKind;
use crate::deal::{Deal, MoveStage};
use crate::edit::Edit;
use crate::error::{ErrorKind, Result};
use crate::id::Id;
use crate::mail::{TemplateContent, TemplateName};
use crate::pipeline::{Stage, StageKind};
use crate::session::{Expect, Session};
use crate::store::{Guard, Record, Stored};
use crate::testkit::{Receiver, World, samples};
use crate::user::{User, UserStatus};
use crate::webhook::{DeliveryOrder, NewWebhookEndpoint};
use crate::workspace::WorkspaceEdit;

pub async fn a_stale_version_is_a_conflict(world: World) {
    let id = contact_of(&world, Role::Admin, "Lovelace").await;
    let (one, two) = (world.session(Role::Admin).await, world.second_session(Role::Admin).await);
    one.contacts().update(id, samples::contact("King"), Expect::Version(1)).await.unwrap();
    let stale = Expect::Version(1);
    conflicts(two.contacts().update(id, samples::contact("Byron"), stale).await, "stale_version");
    conflicts(two.contacts().replace(id, samples::contact("Byron"), stale).await, "stale_version");
    conflicts(two.contacts().delete(id, stale).await, "stale_version");
    let company = company(&one, "A").await;
    one.companies().update(company, samples::company("B"), Expect::Any).await.unwrap();
    conflicts(two.companies().update(company, samples::company("C"), stale).await, "stale_version");
    let admin = world.home.member(Role::Setter);
    one.users().change_role(admin, Role::Closer, Expect::Any).await.unwrap();
    conflicts(two.users().change_role(admin, Role::Manager, stale).await, "stale_version");
    let name = WorkspaceEdit { name: "Other".into(), ..WorkspaceEdit::default() };
    one.workspace().update(name.clone(), Expect::Version(1)).await.unwrap();
    conflicts(two.workspace().update(name, stale).await, "stale_version");
    assert_eq!(one.contacts().read(id).await.unwrap().last_name.as_deref(), Some("King"));
}

pub async fn a_stale_version_shows_the_record_as_its_caller_sees_it(world: World) {
    let admin = world.session(Role::Admin).await;
    let secret = ContactEdit { email: Edit::Set("secret@example.com".parse().unwrap()), ..samples::contact("King") };
    let id = contact(&admin, secret).await.id;
    world.set_rule(Role::Setter, Entity::Contact, hiding(&["email"])).await;
    let stale = Expect::Version(7);
    for (role, sees) in [(Role::Admin, true), (Role::Setter, false)] {
        let contacts = world.session(role).await.contacts();
        let wanted = serde_json::to_value(contacts.read(id).await.unwrap()).unwrap();
        assert_eq!(wanted.get("email").is_some(), sees);
        for error in [
            refused(contacts.update(id, samples::contact("Byron"), stale).await),
            refused(contacts.replace(id, samples::contact("Byron"), stale).await),
            refused(contacts.delete(id, stale).await),
        ] {
            let shown = error.current().unwrap();
            assert_eq!((shown.version, &shown.record), (1, &wanted), "{role}");
            assert!(!format!("{error:?} {shown:?}").contains("King"), "an error is logged, and a record is not");
        }
    }
    // When members were last seen is told beside their record.
    let member = world.home.member(Role::Closer);
    let wanted = serde_json::to_value(admin.users().read(member).await.unwrap()).unwrap();
    let error = refused(admin.users().change_role(member, Role::Setter, stale).await);
    assert_eq!(error.current().unwrap().record, wanted);
    world.set_rule(Role::Setter, Entity::Contact, Rule { read: Scope::Own, ..Rule::ALL }).await;
    let contacts = world.session(Role::Setter).await.contacts();
    let unseen = refused(contacts.update(id, samples::contact("Byron"), stale).await);
    assert_eq!((unseen.kind(), unseen.current().is_some()), (ErrorKind::NotFound, false));
}

/// Writes another name over a contact that was read earlier.
async fn overwrite(session: &Session, mut read: Stored<Contact>, name: &str) -> Result<()> {
    read.last_name = Some(name.to_owned());
    let mut changes = session.changes();
    changes.put(&mut read);
    commit(session, changes).await
}

pub async fn the_store_refuses_a_write_over_another_version(world: World) {
    let id = contact_of(&world, Role::Admin, "A").await;
    let (one, two) = (world.session(Role::Admin).await, world.second_session(Role::Admin).await);
    let grant = reading(&one, Entity::Contact);
    let read = world.crm.ports.contacts.contact(&grant, id).await.unwrap();
    overwrite(&two, read.clone(), "B").await.unwrap();
    conflicts(overwrite(&one, read.clone(), "C").await, "stale_version");
    one.contacts().delete(id, Expect::Any).await.unwrap();
    conflicts(overwrite(&two, read.clone(), "D").await, "stale_version");
    one.contacts().purge(id).await.unwrap();
    conflicts(overwrite(&two, read, "E").await, "stale_version");
}

pub async fn a_stale_reliance_is_a_conflict(world: World) {
    let relied_on = contact_of(&world, Role::Admin, "A").await;
    let written = contact_of(&world, Role::Admin, "B").await;
    let (one, two) = (world.session(Role::Admin).await, world.second_session(Role::Admin).await);
    let grant = reading(&one, Entity::Contact);
    let contacts = &world.crm.ports.contacts;
    let basis = contacts.contact(&grant, relied_on).await.unwrap();
    let mut row = contacts.contact(&grant, written).await.unwrap();
    row.last_name = Some("C".to_owned());
    let mut changes = one.changes();
    changes.rely_on(&basis);
    changes.put(&mut row);
    two.contacts().update(relied_on, samples::contact("moved on"), Expect::Any).await.unwrap();
    conflicts(commit(&one, changes).await, "stale_version");
    assert_eq!(one.contacts().read(written).await.unwrap().last_name.as_deref(), Some("B"));
    // A reliance that stands is no obstacle, and leaves the row as it was.
    let basis = contacts.contact(&grant, relied_on).await.unwrap();
    let mut row = contacts.contact(&grant, written).await.unwrap();
    row.last_name = Some("C".to_owned());
    let mut changes = one.changes();
    changes.rely_on(&basis);
    changes.put(&mut row);
    commit(&one, changes).await.unwrap();
    assert_eq!(one.contacts().read(relied_on).await.unwrap().version, basis.version);
}

/// Commits a new contact that relies on a record as it was read.
async fn relying_on<T: Record>(session: &Session, record: T) -> Result<()> {
    let mut changes = session.changes();
    changes.rely_on(&Stored::loaded(record));
    changes.put(&mut Stored::new(Contact::blank(Id::new_at(changes.now()), changes.now())));
    commit(session, changes).await
}

pub async fn settings_and_people_can_be_relied_on(world: World) {
    let admin = world.session(Role::Admin).await;
    let (grant, ports) = (reading(&admin, Entity::Contact), &world.crm.ports);
    contact(&admin, ContactEdit { tags: vec!["vip".to_owned()].into(), ..samples::contact("A") }).await;
    let size = field(&admin, Entity::Contact, "size", CustomKind::Text).await;
    let tag = ports.tags.tags_by_key(&grant, &["vip".to_owned()]).await.unwrap().remove(0);
    relying_on(&admin, tag).await.unwrap();
    let size = ports.custom_fields.custom_field(&grant, size).await.unwrap().into_inner();
    relying_on(&admin, size).await.unwrap();
    let user = ports.users.user(&grant, world.home.member(Role::Setter)).await.unwrap().into_inner();
    relying_on(&admin, user).await.unwrap();
    let team = ports.teams.team(&grant, world.home.team).await.unwrap().into_inner();
    relying_on(&admin, team.clone()).await.unwrap();
    admin.teams().update(team.id, samples::members(&[]), Expect::Any).await.unwrap();
    conflicts(relying_on(&admin, team).await, "stale_version");
}

pub async fn tasks_rates_endpoints_and_templates_can_be_relied_on(world: World) {
    let [crm, _] = world.engines(|builder| builder.webhooks(Arc::new(Receiver::new())));
    let admin = super::workers::admin(&crm, &world).await;
    let task = admin.tasks().create(samples::task("A")).await.unwrap().into_inner();
    relying_on(&admin, task.clone()).await.unwrap();
    admin.tasks().update(task.id, samples::task("B"), Expect::Any).await.unwrap();
    conflicts(relying_on(&admin, task).await, "stale_version");
    let rate = |number: &str| samples::exchange_rate(("EUR", "USD"), number, "2026-01-31");
    let set = admin.exchange_rates().set(rate("1.1")).await.unwrap().into_rate().into_inner();
    relying_on(&admin, set.clone()).await.unwrap();
    admin.exchange_rates().set(rate("1.2")).await.unwrap();
    conflicts(relying_on(&admin, set).await, "stale_version");
    let new = NewWebhookEndpoint {
        url: "https://hooks.example/crm".to_owned(),
        description: None,
        event_types: vec!["*".to_owned()],
        fields: Vec::new(),
        order: DeliveryOrder::None,
    };
    let endpoint = admin.webhooks().create(new).await.unwrap().endpoint.into_inner();
    relying_on(&admin, endpoint.clone()).await.unwrap();
    admin.webhooks().delete(endpoint.id, Expect::Any).await.unwrap();
    conflicts(relying_on(&admin, endpoint).await, "stale_version");
    let name: TemplateName = "own".parse().unwrap();
    let saying = async |subject: &str| {
        let content = TemplateContent { subject: subject.to_owned(), text: Some("x".to_owned()), html: None };
        admin.mails().set_template(&name, content, Expect::Any).await.unwrap().into_inner()
    };
    let template = saying("one").await;
    relying_on(&admin, template.clone()).await.unwrap();
    saying("two").await;
    conflicts(relying_on(&admin, template).await, "stale_version");
}

pub async fn a_stale_guard_is_a_conflict(world: World) {
    let (one, two) = (world.session(Role::Admin).await, world.second_session(Role::Admin).await);
    let grant = reading(&one, Entity::User);
    let read = world.crm.ports.commit.guard(&grant, Guard::Admins).await.unwrap();
    assert_eq!(read, world.second.ports.commit.guard(&grant, Guard::Admins).await.unwrap());
    let guarded = async |session: &Session, guard| {
        let mut changes = session.changes();
        changes.guard(guard);
        let member = samples::member(samples::user("New", Role::Setter), session.now()).unwrap();
        changes.put(&mut Stored::new(member));
        commit(session, changes).await
    };
    guarded(&one, read).await.unwrap();
    conflicts(guarded(&two, read).await, "stale_version");
    let moved = world.crm.ports.commit.guard(&grant, Guard::Admins).await.unwrap();
    assert_eq!(moved.version, read.version + 1);
    guarded(&two, moved).await.unwrap();
}

/// Makes more admins, and gives the ids of all.
async fn admins(world: &World, count: usize) -> Vec<Id<User>> {
    let admin = world.session(Role::Admin).await;
    let mut changes = admin.changes();
    let mut ids = vec![world.home.member(Role::Admin)];
    for at in 1..count {
        let member = samples::member(samples::user(&format!("Admin {at}"), Role::Admin), changes.now()).unwrap();
        ids.push(member.id);
        changes.put(&mut Stored::new(member));
    }
    commit(&admin, changes).await.unwrap();
    ids
}

/// Takes the role from one admin.
fn demotion(session: Session, id: Id<User>) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move { session.users().change_role(id, Role::SalesRep, Expect::Any).await.map(drop) })
}

pub async fn two_admins_demoting_each_other_leave_one(world: World) {
    let first = world.home.member(Role::Admin);
    for _ in 0..10 {
        let second = admins(&world, 2).await[1];
        let one = world.session(Role::Admin).await;
        let two = world.second.acting(Actor::user(world.home.workspace, second)).await.unwrap();
        let results = world.at_once([demotion(one, second), demotion(two, first)]).await;
        assert!(results.iter().any(Result::is_ok), "{results:?}");
        let system = world.system().await;
        let left = world.crm.ports.users.active_admins(&reading(&system, Entity::User)).await.unwrap();
        assert_eq!(left, 1, "{results:?}");
        // As the world began.
        system.users().change_role(first, Role::Admin, Expect::Any).await.unwrap();
        system.users().change_role(second, Role::SalesRep, Expect::Any).await.unwrap();
        world.clock.advance_seconds(2);
    }
}

pub async fn a_thousand_concurrent_demotions_leave_an_admin(world: World) {
    let ids = admins(&world, 25).await;
    let (one, two) = (world.system().await, {
        let actor = Actor::system(world.home.workspace, "testkit");
        world.second.acting(actor).await.unwrap()
    });
    let mut tasks: Vec<BoxFuture<'static, Result<()>>> = Vec::new();
    for round in 0..40 {
        for (at, id) in ids.iter().copied().enumerate() {
            let session = if (at + round) % 2 == 0 { one.clone() } else { two.clone() };
            tasks.push(if round % 4 == 3 {
                Box::pin(async move {
                    let users = session.users();
                    users.change_status(id, UserStatus::Suspended, Expect::Any).await.map(drop)
                })
            } else {
                demotion(session, id)
            });
        }
    }
    assert_eq!(tasks.len(), 1_000);
    let results = world.at_once(tasks).await;
    for error in results.into_iter().filter_map(Result::err) {
        assert!(matches!(error.code(), "last_admin" | "stale_version"), "{error:?}");
    }
    let left = world.crm.ports.users.active_admins(&reading(&one, Entity::User)).await.unwrap();
    assert!(left >= 1, "nobody is left");
    // Whoever tries again gets down to one, and no further.
    for id in &ids {
        let _outcome = one.users().change_role(*id, Role::SalesRep, Expect::Any).await;
    }
    let left = world.crm.ports.users.active_admins(&reading(&one, Entity::User)).await.unwrap();
    assert_eq!(left, 1);
    assert!(world.crm.ports.journal.verify(world.home.workspace).await.unwrap().holds());
}

pub async fn the_last_admin_stays_one(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = world.home.member(Role::Admin);
    conflicts(admin.users().change_role(id, Role::Setter, Expect::Any).await, "last_admin");
    conflicts(admin.users().change_status(id, UserStatus::Suspended, Expect::Any).await, "last_admin");
    conflicts(admin.users().delete(id, Expect::Any).await, "last_admin");
    assert_eq!(admin.users().read(id).await.unwrap().version, 1);
}

/// Two move a deal at once, by what each of them saw: one wins, and the other is shown what that one made.
async fn one_of_two_wins(world: &World, seen: Option<Id<Stage>>, expect: Expect) {
    let (one, two) = (world.session(Role::Admin).await, world.second_session(Role::Admin).await);
    let (won, lost) = (stage(&one, "Won").await, stage(&one, "Lost").await);
    for _ in 0..10 {
        let deal = deal(&one, samples::deal("D")).await;
        let moves = [(one.clone(), won), (two.clone(), lost)].map(|(session, to)| {
            let (id, asked) = (deal.id, MoveStage { from_stage_id: seen, ..to.into() });
            let task: BoxFuture<'static, _> =
                Box::pin(
                    async move { session.deals().move_saying(id, asked, expect).await.map(|view| view.into_inner()) },
                );
            task
        });
        let results = world.at_once(moves).await;
        let winners: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        let loser = results.iter().find_map(|result| result.as_ref().err()).unwrap();
        assert_eq!((loser.kind(), loser.code()), (ErrorKind::Conflict, "stale_version"));
        let now = one.deals().read(deal.id).await.unwrap();
        assert_eq!((now.stage_id, now.version), (winners[0].stage_id, 2));
        let shown = loser.current().unwrap();
        assert_eq!((shown.version, &shown.record), (2, &serde_json::to_value(&now).unwrap()));
    }
}

pub async fn of_two_who_move_a_deal_one_wins(world: World) {
    // A new deal is at version 1.
    one_of_two_wins(&world, None, Expect::Version(1)).await;
}

pub async fn of_two_who_move_a_deal_from_where_they_saw_it_one_wins(world: World) {
    let (admin, other) = (world.session(Role::Admin).await, world.second_session(Role::Admin).await);
    let own = pipeline(&admin).await;
    let [first, second, third] = [0, 1, 2].map(|at| own.stages[at].id);
    one_of_two_wins(&world, Some(first), Expect::Any).await;
    let made = deal(&admin, samples::deal("D")).await;
    let from_first = |to: Id<Stage>| MoveStage { from_stage_id: Some(first), ..to.into() };
    // A change that moves nothing is no obstacle.
    admin.deals().update(made.id, samples::deal("E"), Expect::Any).await.unwrap();
    let there = other.deals().move_saying(made.id, from_first(second), Expect::Any).await.unwrap();
    // Nor does the deal move where it is wanted to be already.
    for to in [third, second] {
        let late = refused(admin.deals().move_saying(made.id, from_first(to), Expect::Any).await);
        assert_eq!((late.kind(), late.code()), (ErrorKind::Conflict, "stale_version"));
        let shown = late.current().unwrap();
        assert_eq!((shown.version, &shown.record), (3, &serde_json::to_value(&there).unwrap()));
    }
    assert_eq!(admin.deals().read(made.id).await.unwrap(), there);
}

pub async fn a_change_that_expects_nothing_is_decided_again(world: World) {
    let id = contact_of(&world, Role::Admin, "A").await;
    for _ in 0..10 {
        let (one, two) = (world.session(Role::Admin).await, world.second_session(Role::Admin).await);
        let before = one.contacts().read(id).await.unwrap().version;
        let title = |session: Session, edit: ContactEdit| {
            let task: BoxFuture<'static, Result<()>> =
                Box::pin(async move { session.contacts().update(id, edit, Expect::Any).await.map(drop) });
            task
        };
        let text = before.to_string();
        let first = ContactEdit { title: text.as_str().into(), ..Default::default() };
        let second = ContactEdit { source: text.as_str().into(), ..Default::default() };
        let results = world.at_once([title(one.clone(), first), title(two, second)]).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let now = one.contacts().read(id).await.unwrap();
        assert_eq!((now.title.as_deref(), now.source.as_deref()), (Some(text.as_str()), Some(text.as_str())));
        assert_eq!(now.version, before + 2);
    }
}

pub async fn a_pipeline_that_changed_since_refuses_the_move(world: World) {
    let admin = world.session(Role::Admin).await;
    let grant = reading(&admin, Entity::Pipeline);
    let own = pipeline(&admin).await;
    let stale = world.crm.ports.pipelines.pipeline(&grant, own.id).await.unwrap();
    let mut fresh = stale.clone();
    let id = Id::new_at(admin.now());
    fresh.add_stage(id, "Meeting", StageKind::Open).unwrap();
    let mut changes = admin.changes();
    changes.put(&mut fresh);
    commit(&admin, changes).await.unwrap();
    let names: Vec<String> = pipeline(&admin).await.stages.into_iter().map(|stage| stage.name).collect();
    assert_eq!(names, ["Prospecting", "Engaging", "Meeting", "Won", "Lost"]);
    let mut changes = admin.changes();
    changes.rely_on(&stale);
    let mut deal = Stored::new(Deal::at_stage(Id::new_at(admin.now()), own.id, &own.stages[0], admin.now()));
    deal.title = "D".to_owned();
    changes.put(&mut deal);
    conflicts(commit(&admin, changes).await, "stale_version");
}

pub async fn a_version_is_refused_only_where_its_record_changed(world: World) {
    for round in 0..10 {
        let tags = vec![format!("tag{round}")];
        let mut tasks = Vec::new();
        for session in [world.session(Role::Admin).await, world.second_session(Role::Admin).await] {
            let id = contact_of(&world, Role::Admin, "A").await;
            let edit = ContactEdit { tags: tags.clone().into(), ..ContactEdit::default() };
            tasks
                .push(Box::pin(async move { session.contacts().update(id, edit, Expect::Version(1)).await.map(drop) })
                    as BoxFuture<'static, Result<()>>);
        }
        // One of them makes the tag; the other is not told that its own record is stale.
        for result in world.at_once(tasks).await {
            result.unwrap();
        }
    }
}

pub async fn nothing_is_linked_to_a_record_that_was_deleted_before(world: World) {
    for round in 0..20 {
        let admin = world.session(Role::Admin).await;
        let acme = company(&admin, "Acme").await;
        let (here, there) = (admin.clone(), world.second_session(Role::Admin).await);
        let edit = ContactEdit { company_id: acme.into(), ..samples::contact("A") };
        let note = NewNote { company_id: Some(acme), body: "hi".to_owned(), ..NewNote::default() };
        let tasks: [BoxFuture<'static, Result<()>>; 2] = [
            Box::pin(async move { here.companies().delete(acme, Expect::Any).await }),
            Box::pin(async move {
                match round % 2 {
                    0 => there.contacts().create(edit).await.map(drop),
                    _ => there.activities().create_note(note).await.map(drop),
                }
            }),
        ];
        let results = world.at_once(tasks).await;
        assert!(results[0].is_ok(), "{results:?}");
        if let Err(error) = &results[1] {
            assert_eq!(error.fields()[0].field, "company_id", "{error:?}");
            continue;
        }
        let feed = feed(&world, world.home.workspace).await;
        let last = |entity| feed.iter().rfind(|entry| entry.entry.entity == entity).unwrap().seq;
        let linked = if round % 2 == 0 { Entity::Contact } else { Entity::Note };
        assert!(last(linked) < last(Entity::Company), "the link came after the deletion");
    }
}

pub async fn a_deal_that_changed_meanwhile_is_a_conflict(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = deal(&admin, samples::deal("Roof")).await.id;
    let old = world.crm.ports.deals.deal(&reading(&admin, Entity::Deal), id).await.unwrap().into_inner();
    admin.deals().update(id, samples::deal("Wall"), Expect::Any).await.unwrap();
    // Whether it is a move alone or more.
    let edits: [fn(&mut Deal); 2] = [|deal| deal.probability = Some(7), |deal| deal.title = "Late".to_owned()];
    for edit in edits {
        let mut late = Stored::loaded(old.clone());
        edit(&mut late);
        let mut changes = admin.changes();
        changes.put(&mut late);
        conflicts(commit(&admin, changes).await, "stale_version");
    }
    let kept = admin.deals().read(id).await.unwrap();
    assert_eq!((kept.title.as_str(), kept.probability, kept.version), ("Wall", old.probability, 2));
}
