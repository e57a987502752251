//! What only a store's own tests can do: tamper with the rows behind its back.

use super::*;
use crate::access::Role;
use crate::journal::Change;
use crate::session::Expect;
use crate::testkit::{MemoryStore, World, samples};

/// A workspace with a purged contact and a living one, wholly sealed, and its number of entries.
async fn sealed() -> (std::sync::Arc<MemoryStore>, World, i64) {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    let contacts = world.session(Role::Admin).await.contacts();
    let gone = contacts.create(samples::contact("Gone")).await.unwrap().id;
    contacts.delete(gone, Expect::Any).await.unwrap();
    contacts.purge(gone).await.unwrap();
    let id = contacts.create(samples::contact("A")).await.unwrap().id;
    contacts.update(id, samples::contact("B"), Expect::Any).await.unwrap();
    while store.seal_batch(world.home.workspace, 100).await.unwrap() > 0 {}
    let found = store.verify(world.home.workspace).await.unwrap();
    assert!(found.holds() && found.purged == 2, "{found:?}");
    (store, world, found.sealed)
}

/// Where the chain breaks after somebody laid hands on the journal.
async fn broken_by(tamper: impl FnOnce(&mut Journal, usize)) -> (i64, Option<i64>) {
    let (store, world, count) = sealed().await;
    let last = usize::try_from(count).unwrap() - 1;
    tamper(&mut store.state.write().spaces.get_mut(&world.home.workspace.uuid()).unwrap().journal, last);
    (count, store.verify(world.home.workspace).await.unwrap().broken_at)
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    let (count, broken) = broken_by(|journal, last| {
        journal.lines[last].entry.after.insert("last_name".into(), "Forged".into());
    })
    .await;
    assert_eq!(broken, Some(count));
    let (_, broken) = broken_by(|journal, _| journal.lines[0].entry.version += 1).await;
    assert_eq!(broken, Some(1));
    let (count, broken) = broken_by(|journal, last| {
        let line = &mut journal.lines[last - 1];
        line.salt = Some(vec![0; SALT_BYTES]);
    })
    .await;
    assert_eq!(broken, Some(count - 1));
}

#[tokio::test]
async fn a_removed_entry_is_found() {
    let (count, broken) = broken_by(|journal, last| drop(journal.lines.remove(last - 1))).await;
    assert_eq!(broken, Some(count - 1));
    let (_, broken) = broken_by(|journal, _| {
        journal.lines.remove(0);
        journal.links.remove(0);
    })
    .await;
    assert_eq!(broken, Some(1));
}

#[tokio::test]
async fn reordered_entries_are_found() {
    let (count, broken) = broken_by(|journal, last| journal.lines.swap(last - 1, last)).await;
    assert_eq!(broken, Some(count - 1));
    let (count, broken) = broken_by(|journal, last| {
        journal.lines.swap(last - 1, last);
        journal.links.swap(last - 1, last);
    })
    .await;
    assert_eq!(broken, Some(count - 1));
}

#[tokio::test]
async fn an_erasure_that_no_purge_explains_is_found() {
    let (count, broken) = broken_by(|journal, last| {
        let (entity, id) = (journal.lines[last].entry.entity, journal.lines[last].entry.record_id);
        journal.erase(entity, id);
    })
    .await;
    assert_eq!(broken, Some(count - 1));
}

/// Erases one entry as a purge would, without one.
fn erased(line: &mut Line) {
    let salt = line.salt.take().unwrap();
    line.digest = Some(chain::content(&salt, &Texts::of(&line.entry)));
    line.entry.before.clear();
    line.entry.after.clear();
    line.entry.events.clear();
}

#[tokio::test]
async fn an_erased_entry_does_not_explain_itself() {
    let (count, broken) = broken_by(|journal, last| {
        let line = &mut journal.lines[last];
        erased(line);
        line.entry.change = Change::Purged;
    })
    .await;
    assert_eq!(broken, Some(count));
    // Nor does a purge whose own entry was erased.
    let (_, broken) = broken_by(|journal, _| {
        let purge = journal.lines.iter_mut().find(|line| line.entry.change == Change::Purged).unwrap();
        erased(purge);
    })
    .await;
    assert!(broken.is_some());
}

#[tokio::test]
async fn what_a_purge_leaves_of_an_entry_is_checked() {
    let tampers: [fn(&mut Line); 8] = [
        |line| line.entry.at = line.entry.at.plus_seconds(1),
        |line| line.entry.actor.user_id = None,
        |line| line.entry.actor.cause = Some("forged".into()),
        |line| line.entry.record_id = Uuid::nil(),
        |line| line.entry.subject = Some((Entity::Contact, Uuid::nil())),
        |line| line.entry.change = Change::Noted,
        |line| line.digest = Some([0; 32]),
        |line| drop(line.entry.after.insert("last_name".into(), "Forged".into())),
    ];
    for (at, tamper) in tampers.into_iter().enumerate() {
        let first = std::cell::Cell::new(None);
        let (_, broken) = broken_by(|journal, _| {
            let found = journal.lines.iter().position(|line| line.digest.is_some()).unwrap();
            first.set(Some(number(found) + 1));
            tamper(&mut journal.lines[found]);
        })
        .await;
        assert_eq!(broken, first.get(), "{at}");
    }
}

/// Digests of history are for ever: whoever changes this form breaks every chain there is.
#[test]
fn the_digest_of_an_entry_never_changes() {
    let id = |n| Uuid::from_u128(n);
    let entry = Entry {
        id: id(1).into(),
        at: crate::Timestamp::from_micros(2),
        actor: crate::access::ActorRef { user_id: Some(id(3).into()), cause: None },
        batch: None,
        depth: 4,
        entity: Entity::Note,
        record_id: id(5),
        version: 6,
        subject: Some((Entity::Contact, id(7))),
        change: Change::Updated,
        before: Default::default(),
        after: Default::default(),
        events: Vec::new(),
    };
    let texts = Texts { after: Some(r#"{"unknown":[1]}"#.into()), ..Texts::default() };
    let content = chain::content(&[8; SALT_BYTES], &texts);
    let hex = |hash: Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        [hex(content), hex(chain::digest(&entry, &content))],
        [
            "56618853ae80329580bfa2bd7b68c572746a0b36330f425096377afa8a39a0b0",
            "13f2424c0f6c742f328e82afc3215fc84316cb8c258da096f4a1e8c039a1868c",
        ]
    );
}

#[tokio::test]
async fn a_chain_that_was_made_anew_shows_in_its_hash() {
    let (store, world, count) = sealed().await;
    let before = store.feed(world.home.workspace, count - 1, 1).await.unwrap().remove(0);
    {
        let mut state = store.state.write();
        let journal = &mut state.spaces.get_mut(&world.home.workspace.uuid()).unwrap().journal;
        let line = journal.lines.last_mut().unwrap();
        line.entry.after.insert("last_name".into(), "Forged".into());
        journal.links.clear();
    }
    while store.seal_batch(world.home.workspace, 100).await.unwrap() > 0 {}
    // Whoever kept the head's hash elsewhere sees that it is another.
    assert!(store.verify(world.home.workspace).await.unwrap().holds());
    let after = store.feed(world.home.workspace, count - 1, 1).await.unwrap().remove(0);
    assert_ne!(before.hash, after.hash);
}
