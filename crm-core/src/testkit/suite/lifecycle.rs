//! Deleting, restoring and erasing.

use futures::future::BoxFuture;
use serde_json::json;

use super::support::{
    commit, company, conflicts, contact, contact_of, deal, fails, feed, field, filtered, names, reading, searched,
};
use crate::access::{Entity, Role};
use crate::activity::{NewNote, NoteEdit};
use crate::contact::ContactEdit;
use crate::custom_field::CustomKind;
use crate::deal::DealEdit;
use crate::error::ErrorKind::{Denied, NotFound};
use crate::error::Result;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::store::{Record, Stored};
use crate::task::TaskEdit;
use crate::testkit::{World, samples};
use crate::transfer::{Fingerprint, RowKey};

pub async fn a_deleted_record_is_absent_everywhere(world: World) {
    let admin = world.session(Role::Admin).await;
    let acme = company(&admin, "Acme").await;
    let edit = ContactEdit {
        company_id: acme.into(),
        external_id: "X1".into(),
        tags: vec!["vip".to_owned()].into(),
        ..samples::contact("Gone")
    };
    let id = contact(&admin, edit).await.id;
    let won = deal(&admin, DealEdit { contact_id: id.into(), ..samples::deal("D") }).await.id;
    admin.contacts().delete(id, Expect::Any).await.unwrap();

    fails(admin.contacts().read(id).await, NotFound);
    fails(admin.contacts().update(id, samples::contact("x"), Expect::Any).await, NotFound);
    fails(admin.contacts().delete(id, Expect::Any).await, NotFound);
    fails(admin.contacts().timeline(id, None, None).await, NotFound);
    for request in [samples::list(), searched("gone"), filtered("tags has_any [vip]")] {
        let page = admin.contacts().list(&ListRequest { count: true, ..request }).await.unwrap();
        assert_eq!((page.data.len(), page.total), (0, Some(0)));
    }
    assert_eq!(admin.tags().counts().await.unwrap()[0].count, 0);
    let related = admin.companies().list(&filtered("related(contacts: all())")).await.unwrap();
    assert!(related.data.is_empty());
    let related = admin.deals().list(&filtered("related(contact: all())")).await.unwrap();
    assert!(related.data.is_empty());
    let grant = reading(&admin, Entity::Contact);
    let contacts = &world.crm.ports.contacts;
    assert!(contacts.contacts_by_id(&grant, &[id]).await.unwrap().is_empty());
    let known = contacts.known_contacts(&grant, &[RowKey::ExternalId("x1".to_owned())]).await.unwrap();
    assert_eq!(known, [None]);
    // What pointed to it stays, and can be changed.
    let kept = admin.deals().update(won, samples::deal("E"), Expect::Any).await.unwrap();
    assert_eq!(kept.contact_id, Some(id));
}

pub async fn a_restored_record_is_as_it_was(world: World) {
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Contact, "budget", CustomKind::Number).await;
    let admin = world.session(Role::Admin).await;
    let edit = ContactEdit {
        tags: vec!["vip".to_owned()].into(),
        custom: samples::custom("budget", json!(5)),
        ..samples::contact("Back")
    };
    let before = contact(&admin, edit).await.into_inner();
    fails(admin.contacts().restore(before.id).await, NotFound);
    admin.contacts().delete(before.id, Expect::Version(1)).await.unwrap();
    let back = admin.contacts().restore(before.id).await.unwrap().into_inner();
    assert_eq!(back.version, 3);
    let mut expected = before.clone();
    (expected.version, expected.updated_at) = (back.version, back.updated_at);
    assert_eq!(back, expected);
    assert_eq!(admin.contacts().read(before.id).await.unwrap().into_inner(), expected);
    for request in [filtered("tags has_any [vip]"), filtered("custom.budget = 5"), searched("back")] {
        assert_eq!(names(&admin, &request).await, ["Back"]);
    }
    assert_eq!(admin.tags().counts().await.unwrap()[0].count, 1);
    fails(admin.contacts().restore(before.id).await, NotFound);
}

pub async fn every_kind_can_be_deleted_restored_and_purged(world: World) {
    let admin = world.session(Role::Admin).await;
    let acme = company(&admin, "Acme").await;
    fails(admin.companies().purge(acme).await, NotFound);
    admin.companies().delete(acme, Expect::Any).await.unwrap();
    assert_eq!(admin.companies().restore(acme).await.unwrap().version, 3);
    admin.companies().delete(acme, Expect::Any).await.unwrap();
    admin.companies().purge(acme).await.unwrap();
    fails(admin.companies().restore(acme).await, NotFound);
    fails(admin.companies().purge(acme).await, NotFound);
    let won = deal(&admin, samples::deal("D")).await.id;
    fails(admin.deals().purge(won).await, NotFound);
    admin.deals().delete(won, Expect::Any).await.unwrap();
    assert_eq!(admin.deals().restore(won).await.unwrap().version, 3);
    admin.deals().delete(won, Expect::Any).await.unwrap();
    admin.deals().purge(won).await.unwrap();
    fails(admin.deals().restore(won).await, NotFound);
    let id = contact_of(&world, Role::Admin, "A").await;
    fails(admin.contacts().purge(id).await, NotFound);
    let note = admin.activities().create_note(samples::note(id, "hi")).await.unwrap().id;
    admin.activities().delete_note(note, Expect::Any).await.unwrap();
    fails(admin.activities().update_note(note, NoteEdit::default(), Expect::Any).await, NotFound);
    assert!(admin.activities().notes(&samples::list()).await.unwrap().data.is_empty());
    assert_eq!(admin.activities().restore_note(note).await.unwrap().version, 3);
    fails(admin.activities().restore_note(note).await, NotFound);
    fails(admin.activities().purge_note(note).await, NotFound);
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    admin.contacts().purge(id).await.unwrap();
    fails(admin.contacts().restore(id).await, NotFound);
}

pub async fn a_deleted_note_can_be_restored_and_purged(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = contact_of(&world, Role::Admin, "A").await;
    let notes = admin.activities();
    let note = notes.create_note(samples::note(id, "Secretive")).await.unwrap().id;
    notes.delete_note(note, Expect::Any).await.unwrap();
    // Whoever may not delete it may not bring it back, and who does not see it does not find it.
    fails(world.session(Role::Manager).await.activities().restore_note(note).await, Denied);
    fails(world.session(Role::Manager).await.activities().purge_note(note).await, Denied);
    fails(world.stranger().await.activities().restore_note(note).await, NotFound);
    let back = notes.restore_note(note).await.unwrap();
    assert_eq!((back.body.as_str(), notes.notes(&samples::list()).await.unwrap().data.len()), ("Secretive", 1));
    notes.delete_note(note, Expect::Any).await.unwrap();
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    fails(notes.restore_note(note).await, NotFound);
    admin.contacts().restore(id).await.unwrap();
    notes.purge_note(note).await.unwrap();
    fails(notes.restore_note(note).await, NotFound);
    fails(notes.purge_note(note).await, NotFound);
    let feed = feed(&world, world.home.workspace).await;
    assert!(!format!("{feed:?}").contains("Secretive"));
    // The purge of its record finds nothing more to erase, and the chain holds.
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    admin.contacts().purge(id).await.unwrap();
    let verified = admin.workspace().verify_journal().await.unwrap();
    assert!(verified.holds(), "{verified:?}");
}

pub async fn a_purge_and_a_note_at_once_do_not_fail_each_other(world: World) {
    for _ in 0..10 {
        let id = contact_of(&world, Role::Admin, "A").await;
        let purge = world.session(Role::Admin).await.contacts();
        let write = world.second_session(Role::Admin).await.activities();
        let tasks: [BoxFuture<'static, Result<()>>; 2] = [
            Box::pin(async move {
                purge.delete(id, Expect::Any).await?;
                purge.purge(id).await
            }),
            Box::pin(async move { write.create_note(samples::note(id, "hi")).await.map(drop) }),
        ];
        let mut results = world.at_once(tasks).await;
        if let Some(Err(error)) = results.pop() {
            assert_eq!(error.fields().first().map(|fault| fault.field.as_str()), Some("contact_id"), "{error:?}");
        }
        results.remove(0).unwrap();
        let admin = world.session(Role::Admin).await;
        assert!(admin.activities().notes(&samples::list()).await.unwrap().data.is_empty());
    }
}

pub async fn a_purged_record_leaves_no_trace_on_others(world: World) {
    let admin = world.session(Role::Admin).await;
    let acme = company(&admin, "Acme").await;
    let edit = ContactEdit {
        company_id: acme.into(),
        external_id: "X1".into(),
        tags: vec!["vip".to_owned()].into(),
        ..samples::contact("Gone")
    };
    let id = contact(&admin, edit).await.id;
    let keeper = contact(&admin, ContactEdit { company_id: acme.into(), ..samples::contact("Keeper") }).await.id;
    let edit = DealEdit { contact_id: id.into(), company_id: acme.into(), ..samples::deal("D") };
    let pending = deal(&admin, edit).await.id;
    admin.activities().create_note(samples::note(id, "about Gone")).await.unwrap();
    let mut changes = admin.changes();
    changes.fingerprints(vec![Fingerprint { entity: Entity::Contact, digest: [3; 16], record_id: id.uuid() }]);
    commit(&admin, changes).await.unwrap();
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    admin.contacts().purge(id).await.unwrap();
    admin.companies().delete(acme, Expect::Any).await.unwrap();
    admin.companies().purge(acme).await.unwrap();

    // Whoever pointed to it is there, and can be changed.
    let kept = admin.contacts().update(keeper, samples::contact("Keeper II"), Expect::Any).await.unwrap();
    assert_eq!(kept.last_name.as_deref(), Some("Keeper II"));
    admin.deals().update(pending, samples::deal("E"), Expect::Any).await.unwrap();
    let won = super::support::stage(&admin, "Won").await;
    admin.deals().move_to(pending, won, Expect::Any).await.unwrap();
    assert!(admin.activities().notes(&samples::list()).await.unwrap().data.is_empty());
    assert_eq!(admin.tags().counts().await.unwrap()[0].count, 0);
    assert!(names(&admin, &searched("gone")).await.is_empty());
    let keys = [RowKey::ExternalId("x1".to_owned()), RowKey::Fingerprint([3; 16])];
    let grant = reading(&admin, Entity::Contact);
    assert_eq!(world.crm.ports.contacts.known_contacts(&grant, &keys).await.unwrap(), [None, None]);
}

/// Writes a record over the version that was loaded.
async fn written<T: Record>(session: &Session, mut record: Stored<T>) -> Result<()> {
    let mut changes = session.changes();
    changes.put(&mut record);
    commit(session, changes).await
}

pub async fn an_edit_that_a_purge_overtook_is_decided_again(world: World) {
    let admin = world.session(Role::Admin).await;
    let acme = company(&admin, "Acme").await;
    let id = contact(&admin, ContactEdit { company_id: acme.into(), ..samples::contact("Keeper") }).await.id;
    let bound = deal(&admin, DealEdit { company_id: acme.into(), ..samples::deal("D") }).await.id;
    let task = TaskEdit { company_id: acme.into(), ..samples::task("T") };
    let task = admin.tasks().create(task).await.unwrap().into_inner();
    let new = NewNote { body: "hi".to_owned(), company_id: Some(acme), ..NewNote::default() };
    let note = admin.activities().create_note(new).await.unwrap().into_inner();
    let ports = &world.crm.ports;
    let mut loaded: Stored<_> = ports.contacts.contact(&reading(&admin, Entity::Contact), id).await.unwrap();
    let mut bound: Stored<_> = ports.deals.deal(&reading(&admin, Entity::Deal), bound).await.unwrap();
    let (mut task, mut note) = (Stored::loaded(task), Stored::loaded(note));
    admin.companies().delete(acme, Expect::Any).await.unwrap();
    admin.companies().purge(acme).await.unwrap();
    loaded.title = Some("CTO".to_owned());
    bound.title = "E".to_owned();
    task.title = "U".to_owned();
    note.body = "ho".to_owned();
    conflicts(written(&admin, loaded).await, "stale_version");
    conflicts(written(&admin, bound).await, "stale_version");
    // What was on it is gone with it.
    conflicts(written(&admin, task).await, "stale_version");
    conflicts(written(&admin, note).await, "stale_version");
}

pub async fn a_record_that_was_restored_meanwhile_is_not_purged(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = contact_of(&world, Role::Admin, "A").await;
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    let grant = reading(&admin, Entity::Contact);
    let deleted: Stored<_> = world.crm.ports.contacts.deleted_contact(&grant, id).await.unwrap();
    admin.contacts().restore(id).await.unwrap();
    let mut changes = admin.changes();
    changes.purge(&deleted);
    conflicts(commit(&admin, changes).await, "stale_version");
    assert_eq!(admin.contacts().read(id).await.unwrap().last_name.as_deref(), Some("A"));
}
