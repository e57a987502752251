//! Watching goes on without a gap whatever the watcher's pace.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_boot::{Backend, Booted, Config, Proof, Told, Topics, Watch};
use crm_core::testkit::{MemoryStore, PATIENCE, samples};
use crm_core::{Actor, ErrorKind, Id, Session};
#[cfg(feature = "auth")]
use crm_core::{Expect, access::Role, account::AccountStore as _, testkit::join};

/// A store that is always there.
struct Ready;

#[async_trait]
impl Backend for Ready {
    async fn ready(&self) -> crm_core::Result<()> {
        Ok(())
    }
}

/// An engine with a workspace, and the product in it.
async fn booted() -> (Booted, Session) {
    booted_on(MemoryStore::new()).await
}

async fn booted_on(store: Arc<MemoryStore>) -> (Booted, Session) {
    let config = Config::for_database("sqlite://unused.db").unwrap();
    #[cfg(feature = "auth")]
    let config = {
        let mut config = config;
        config.secret_key = Some("kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi".to_owned().into());
        config
    };
    let booted = Booted::on(store, Arc::new(Ready), config).unwrap();
    let workspace = booted.crm().create_workspace("Acme").await.unwrap();
    let session = booted.crm().acting(Actor::system(workspace.id, "test")).await.unwrap();
    (booted, session)
}

async fn watch(booted: &Booted, session: &Session, after: Option<i64>) -> Watch {
    let topics = Topics::named(["contacts"]).unwrap();
    booted.live().watch(Proof::Actor(session.actor().clone()), topics, after).await.unwrap()
}

async fn make(session: &Session, count: usize) {
    for chunk in (0..count).collect::<Vec<_>>().chunks(5_000) {
        let items = chunk.iter().map(|at| Ok(samples::contact(&at.to_string()))).collect();
        session.contacts().create_many(items, Default::default()).await.unwrap();
    }
}

async fn next(watch: &mut Watch) -> Told {
    tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap()
}

async fn next_seq(watch: &mut Watch) -> i64 {
    match next(watch).await {
        Told::Event(event) => event.seq,
        Told::Resync(seq) => panic!("a resync at {seq}"),
    }
}

#[tokio::test]
async fn a_slow_watcher_is_told_everything_in_order() {
    let (booted, session) = booted().await;
    let mut slow = watch(&booted, &session, None).await;
    let start = slow.seq();
    // More than wait for one watcher.
    make(&session, 3_000).await;
    for at in 1..=3_000 {
        assert_eq!(next_seq(&mut slow).await, start + at);
    }
    make(&session, 1).await;
    assert_eq!(next_seq(&mut slow).await, start + 3_001);
}

#[tokio::test]
async fn whoever_stops_waiting_for_the_next_event_loses_none() {
    let (booted, session) = booted().await;
    let mut watcher = watch(&booted, &session, None).await;
    let start = watcher.seq();
    let mut seen = Vec::new();
    let writer = tokio::spawn(async move { make(&session, 400).await });
    let begun = std::time::Instant::now();
    while seen.len() < 400 {
        assert!(begun.elapsed() < PATIENCE, "{} of 400 events came", seen.len());
        // Shorter than most waits.
        if let Ok(told) = tokio::time::timeout(Duration::from_micros(50), watcher.next()).await {
            match told.unwrap() {
                Told::Event(event) => seen.push(event.seq),
                Told::Resync(seq) => panic!("a resync at {seq}"),
            }
        }
    }
    writer.await.unwrap();
    assert_eq!(seen, (start + 1..=start + 400).collect::<Vec<_>>());
}

#[cfg(feature = "auth")]
#[tokio::test]
async fn a_member_who_is_suspended_watches_no_more_and_hears_nothing_that_came_after() {
    let store = MemoryStore::new();
    let (booted, session) = booted_on(store.clone()).await;
    let registered = samples::register("Elsewhere", "ada@example.com").unwrap();
    booted.crm().auth().register(registered, "1").await.unwrap();
    let account = store.account_by_email(&"ada@example.com".parse().unwrap()).await.unwrap().unwrap();
    let member = join(&session, account.id, Role::Setter).await.unwrap().id;
    let proof = Proof::Actor(Actor::user(session.actor().workspace_id(), member));
    let topics = Topics::named(["contacts"]).unwrap();
    let mut watcher = booted.live().watch(proof, topics, None).await.unwrap();
    session.users().change_status(member, crm_core::user::UserStatus::Suspended, Expect::Any).await.unwrap();
    make(&session, 1).await;
    let ended = tokio::time::timeout(PATIENCE, watcher.next()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_workspace_that_is_watched_again_after_a_pause_is_told_of_from_where_it_was() {
    let (booted, session) = booted().await;
    let first = watch(&booted, &session, None).await;
    let last = first.seq();
    drop(first);
    // The reader ends when it sees that nobody listens.
    make(&session, 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    make(&session, 2).await;
    let mut again = watch(&booted, &session, Some(last)).await;
    for at in 1..=4 {
        assert_eq!(next_seq(&mut again).await, last + at);
    }
}

#[tokio::test]
async fn nobody_watches_a_workspace_that_is_not_there() {
    let (booted, _) = booted().await;
    let nowhere = Actor::system(Id::new_at(booted.crm().now()), "test");
    let watched = booted.live().watch(Proof::Actor(nowhere), Topics::default(), None).await;
    assert_eq!(watched.err().unwrap().kind(), ErrorKind::Unauthenticated);
    assert_eq!(Topics::named(["deal"]).unwrap_err().fields()[0].field, "subscribe");
}
