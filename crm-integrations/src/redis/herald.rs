//! Telling and hearing, on two connections that are made anew when they are lost.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, PubSub, PubSubSink, PubSubStream};
use ::redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, Value, pipe};
use crm_core::job::{Bell, Listener, Ring};
use crm_core::store::CommitListener;
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Result};
use futures::StreamExt as _;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::message;

/// The channel that workspaces are told on.
const CHANNEL: &str = "slackcrm_commits";
/// How long to rest after workspaces were told, while others gather.
const REST: Duration = Duration::from_millis(20);
/// Workspaces that are told at once, so that a slow Redis that was away for long still answers in time.
const AT_ONCE: usize = 200;
/// How long to wait before a lost connection is made anew; twice as long each time, up to the longest.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long Redis may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// How long a connection may be silent before Redis is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(20);

/// Tells other processes of commits and hears of theirs, from the first listener on until it is dropped.
pub struct RedisHerald {
    client: Client,
    desk: Arc<Desk>,
    task: OnceLock<AbortHandle>,
}

/// What is to be told, and who hears of what others tell.
struct Desk {
    /// By what a process knows its own messages, of which it has heard otherwise.
    whose: Uuid,
    news: Mutex<News>,
    wake: Notify,
    bell: Bell<Id<Workspace>>,
}

/// Workspaces that were written to.
#[derive(Default)]
struct News {
    fresh: BTreeSet<Id<Workspace>>,
    /// Of which Redis has not said yet that it has them.
    untold: BTreeSet<Id<Workspace>>,
}

impl RedisHerald {
    /// A herald on the server of a `redis://` URL; nobody is connected to yet.
    ///
    /// # Errors
    /// `Invalid` for a URL that is none; what is wrong with it stays out, for it may hold a password.
    pub fn new(url: &SecretString) -> Result<Self> {
        let unfit = |_| Error::invalid("redis_url", "url", "is no address of a Redis server that can be spoken to");
        let client = Client::open(url.expose_secret()).map_err(unfit)?;
        let (whose, bell) = (Uuid::now_v7(), Bell::new());
        let desk = Arc::new(Desk { whose, news: Mutex::default(), wake: Notify::new(), bell });
        Ok(Self { client, desk, task: OnceLock::new() })
    }

    /// Hears of what others commit from now on. Needs a tokio runtime.
    pub fn listen(&self) -> Listener<Id<Workspace>> {
        let listener = self.desk.bell.listen();
        self.task.get_or_init(|| {
            let (client, desk) = (self.client.clone(), self.desk.clone());
            tokio::spawn(async move { desk.serve(&client).await }).abort_handle()
        });
        listener
    }
}

impl CommitListener for RedisHerald {
    fn committed(&self, workspace: Id<Workspace>) {
        self.desk.news.lock().fresh.insert(workspace);
        self.desk.wake.notify_one();
    }
}

impl Drop for RedisHerald {
    fn drop(&mut self) {
        self.task.get().into_iter().for_each(AbortHandle::abort);
    }
}

impl Desk {
    /// Tells and hears for ever, whatever becomes of the connections.
    async fn serve(&self, client: &Client) {
        let mut wait = SHORTEST_WAIT;
        loop {
            let lost = match connect(client).await {
                Ok((heard, telling)) => {
                    wait = SHORTEST_WAIT;
                    // What was said before nobody heard.
                    self.bell.ring(&Ring::Any);
                    let (asking, heard) = heard.split();
                    let Err(lost) = tokio::select! {
                        lost = self.hear(asking, heard) => lost,
                        lost = self.tell(telling) => lost,
                    };
                    lost
                }
                Err(lost) => lost,
            };
            tracing::warn!(error = %lost, "Redis is away; watchers look by themselves for what others commit");
            sleep(wait).await;
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    async fn hear(&self, mut asking: PubSubSink, mut heard: PubSubStream) -> RedisResult<Infallible> {
        loop {
            match timeout(SILENCE, heard.next()).await {
                Ok(Some(said)) => self.ring(said.get_payload_bytes()),
                Ok(None) => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
                Err(_) => in_time(asking.ping::<Value>()).await.map(drop)?,
            }
        }
    }

    fn ring(&self, said: &[u8]) {
        match message::read(said) {
            Some((whose, _)) if whose == self.whose => {}
            Some((_, workspace)) => self.bell.ring(&Ring::Of(workspace)),
            None => self.bell.ring(&Ring::Any),
        }
    }

    async fn tell(&self, mut connection: MultiplexedConnection) -> RedisResult<Infallible> {
        loop {
            let untold = self.untold();
            for some in untold.chunks(AT_ONCE) {
                let mut telling = pipe();
                for workspace in some {
                    telling.cmd("PUBLISH").arg(CHANNEL).arg(message::write(self.whose, *workspace)).ignore();
                }
                in_time(telling.exec_async(&mut connection)).await?;
                self.news.lock().untold.retain(|workspace| !some.contains(workspace));
            }
            if !untold.is_empty() {
                sleep(REST).await;
            }
            self.wake.notified().await;
        }
    }

    /// What is to be told now, with what a connection that was lost may have taken along.
    fn untold(&self) -> Vec<Id<Workspace>> {
        let mut news = self.news.lock();
        let fresh = std::mem::take(&mut news.fresh);
        news.untold.extend(fresh);
        news.untold.iter().copied().collect()
    }
}

/// A connection to hear on, and one to tell on.
async fn connect(client: &Client) -> RedisResult<(PubSub, MultiplexedConnection)> {
    // The library gives up sooner by itself.
    let patient = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    in_time(async {
        let mut heard = client.get_async_pubsub().await?;
        heard.subscribe(CHANNEL).await?;
        Ok((heard, client.get_multiplexed_async_connection_with_config(&patient).await?))
    })
    .await
}

/// What Redis answers, unless it takes too long.
async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(ANSWER_TIME, answer)
        .await
        .unwrap_or_else(|_| Err(RedisError::from(io::Error::from(io::ErrorKind::TimedOut))))
}
