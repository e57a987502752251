//! What only a store's own tests can do: tamper with the rows behind its back.

use super::*;
use crate::access::Role;
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
