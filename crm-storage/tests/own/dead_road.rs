//! A network on which packets vanish: nobody is told that a connection is gone.

use std::sync::Arc;

use crm_core::contact::ContactEdit;
use crm_core::store::IdempotencyKey;
use crm_core::testkit::{Loss, PATIENCE, Road};
use crm_core::{Edit, ErrorKind, ListRequest, Result, Session, Store};

use super::{engine, fill, ids, session};

/// Makes a contact under a key of its own.
async fn create_once(session: &Session, name: &str) -> Result<serde_json::Value> {
    let key = IdempotencyKey::new("POST /contacts", name, b"body");
    let edit = ContactEdit { last_name: Edit::Set(name.to_owned()), ..ContactEdit::default() };
    let made = session.clone().once(key).contacts().create(edit).await?;
    Ok(serde_json::to_value(made).unwrap())
}

/// Waits for an answer, which comes by itself.
async fn answer<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap()
}

/// Whether a refusal says that the same may be asked again.
fn is_unavailable<T>(answer: &Result<T>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable && error.is_retryable())
}

/// What comes of it, asked again as long as that may help: on a machine that stands still a good road is late too.
async fn insisted<T>(ask: impl AsyncFn() -> Result<T>) -> T {
    let done = async {
        loop {
            match answer(ask()).await {
                Ok(done) => return done,
                refused => assert!(is_unavailable(&refused), "{:?}", refused.err()),
            }
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap()
}

/// Of a store whose road to its server is this one.
pub(crate) async fn a_write_on_a_dead_road_ends_and_its_repeat_has_one_effect<S: Store>(store: Arc<S>, road: &Road) {
    let (crm, workspace) = engine(store).await;
    let session = session(&crm, workspace).await;
    fill(&session, 1).await;
    let losses = [("all", None), ("commit", Some(Loss::Words("COMMIT"))), ("answer", Some(Loss::AnswerTo("COMMIT")))];
    for (at, (name, loss)) in losses.into_iter().enumerate() {
        match loss {
            None => road.swallow(),
            Some(loss) => road.swallow_at(loss),
        }
        let lost = answer(create_once(&session, name)).await;
        assert!(road.is_dead() && is_unavailable(&lost), "{name}: {lost:?}");
        // Nor does a read wait for ever, or a caller for a new connection.
        let late = answer(session.contacts().list(&ListRequest::default())).await;
        assert!(is_unavailable(&late), "{name}");
        road.mend();
        // Until the server has given up the transaction that nobody ends, what it holds is refused in time too.
        let made = insisted(async || create_once(&session, name).await).await;
        assert_eq!(insisted(async || create_once(&session, name).await).await, made);
        assert_eq!(ids(&session, &ListRequest::default()).await.len(), at + 2, "{name}");
    }
    // Every connection serves again.
    let writes = (0..8).map(|at| {
        let session = session.clone();
        async move { insisted(async || create_once(&session, &format!("afterwards {at}")).await).await }
    });
    futures::future::join_all(writes).await;
    assert_eq!(ids(&session, &ListRequest::default()).await.len(), losses.len() + 9);
    assert!(session.workspace().verify_journal().await.unwrap().holds());
}
