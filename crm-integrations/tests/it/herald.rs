//! Processes that share a Redis hear of each other's commits.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use crm_core::job::{Listener, Ring};
use crm_core::store::CommitListener as _;
use crm_core::testkit::{PATIENCE, Road, redis_url};
use crm_core::workspace::Workspace;
use crm_core::{ErrorKind, Id};
use crm_integrations::redis::RedisHerald;
use futures::StreamExt as _;

type Rings = Listener<Id<Workspace>>;

fn new_workspace() -> Id<Workspace> {
    uuid::Uuid::now_v7().into()
}

/// What is heard next of these, or that something may have been missed. All tests speak on one channel.
async fn heard(rings: &mut Rings, known: &[Id<Workspace>]) -> Ring<Id<Workspace>> {
    let next = async {
        loop {
            match rings.next().await.unwrap() {
                Ring::Of(workspace) if !known.contains(&workspace) => {}
                ring => return ring,
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.unwrap()
}

/// Which of these is told of next. That something may have been missed is heard once more where Redis was late.
async fn told(rings: &mut Rings, known: &[Id<Workspace>]) -> Id<Workspace> {
    loop {
        if let Ring::Of(workspace) = heard(rings, known).await {
            return workspace;
        }
    }
}

/// One process, connected: it has heard that it may have missed something before.
async fn process(url: &str) -> (RedisHerald, Rings) {
    let herald = RedisHerald::new(&url.into()).unwrap();
    let mut rings = herald.listen();
    assert_eq!(heard(&mut rings, &[]).await, Ring::Any);
    (herald, rings)
}

#[tokio::test]
async fn what_one_commits_the_others_hear_and_itself_does_not() {
    let Some(url) = redis_url() else { return };
    let ((one, mut at_one), (other, mut at_other)) = (process(&url).await, process(&url).await);
    let known = [new_workspace(), new_workspace()];
    let [own, theirs] = known;
    one.committed(own);
    assert_eq!(told(&mut at_other, &known).await, own);
    other.committed(theirs);
    assert_eq!(told(&mut at_one, &known).await, theirs);
}

#[tokio::test]
async fn whoever_comes_back_hears_that_it_may_have_missed_something_and_tells_what_it_could_not() {
    let Some(url) = redis_url() else { return };
    let road = Road::to(&url);
    let ((near, mut at_near), (far, mut at_far)) = (process(&url).await, process(road.url()).await);
    let known = [new_workspace(), new_workspace(), new_workspace()];
    let [missed, kept, fresh] = known;
    road.cut();
    near.committed(missed);
    far.committed(kept);
    // It comes back where it finds the road mended, however often it has tried before.
    road.mend();
    assert_eq!(told(&mut at_near, &known).await, kept);
    while heard(&mut at_far, &known).await != Ring::Any {}
    near.committed(fresh);
    while heard(&mut at_far, &known).await != Ring::Of(fresh) {}
}

#[tokio::test]
async fn what_happens_before_redis_is_there_is_told_when_it_is() {
    let Some(url) = redis_url() else { return };
    let road = Road::to(&url);
    road.cut();
    let (_process, mut rings) = process(&url).await;
    let early = RedisHerald::new(&road.url().into()).unwrap();
    let _rings = early.listen();
    let workspace = new_workspace();
    early.committed(workspace);
    road.mend();
    assert_eq!(told(&mut rings, &[workspace]).await, workspace);
}

#[test]
fn what_is_no_address_is_refused_without_its_password() {
    for url in ["", "127.0.0.1:6379", "http://:sesame@host", "redis://:ses/ame@host"] {
        let error = RedisHerald::new(&url.into()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
    }
}
