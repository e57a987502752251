//! Hearing of what other processes did, by LISTEN on a connection of its own: jobs that any process made due, and
//! commits of others, of which this process tells on it too.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crm_core::Id;
use crm_core::job::{Bell, Listener, Queue, Ring};
use crm_core::workspace::Workspace;
use futures::StreamExt as _;
use futures::future::{Either, select};
use futures::stream::poll_fn;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Notification};

use super::reach::{ENGLISH, connect};
use super::telling::{COMMITS, Telling};

/// The channel that names of queues are sent on.
pub(super) const CHANNEL: &str = "slackcrm_jobs";
/// How long to wait before a lost connection is made anew.
const REST: Duration = Duration::from_secs(1);
/// How long a server may take to answer who connects.
const ANSWER: Duration = Duration::from_secs(30);

/// Hears from the first listener on, until it is dropped.
pub(super) struct Hearing {
    url: String,
    runtime: Handle,
    bells: Bells,
    task: OnceLock<AbortHandle>,
}

/// What is rung for what is heard.
#[derive(Clone)]
struct Bells {
    jobs: Bell,
    commits: Bell<Id<Workspace>>,
    /// Knows its own messages, and has others told.
    telling: Arc<Telling>,
}

impl Hearing {
    pub(super) fn new(url: String, runtime: Handle, telling: Arc<Telling>) -> Self {
        let bells = Bells { jobs: Bell::new(), commits: Bell::new(), telling };
        Self { url, runtime, bells, task: OnceLock::new() }
    }

    pub(super) fn listen(&self) -> Listener {
        let listener = self.bells.jobs.listen();
        self.begin();
        listener
    }

    pub(super) fn listen_to_others(&self) -> Listener<Id<Workspace>> {
        let listener = self.bells.commits.listen();
        self.begin();
        listener
    }

    fn begin(&self) {
        self.task.get_or_init(|| {
            let (url, bells) = (self.url.clone(), self.bells.clone());
            self.runtime.spawn(async move { hear_on(&url, &bells).await }).abort_handle()
        });
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.task.get().into_iter().for_each(AbortHandle::abort);
    }
}

impl Bells {
    /// Rings for what may have been said while nobody heard.
    fn ring_all(&self) {
        self.jobs.ring(&Ring::Any);
        self.commits.ring(&Ring::Any);
    }

    fn ring(&self, said: &Notification) {
        match said.channel() {
            COMMITS => match self.telling.heard(said.payload()) {
                Some(workspaces) => workspaces.into_iter().for_each(|one| self.commits.ring(&Ring::Of(one))),
                None => self.commits.ring(&Ring::Any),
            },
            _ => self.jobs.ring(&said.payload().parse::<Queue>().map_or(Ring::Any, Ring::Of)),
        }
    }
}

/// Hears for ever, whatever becomes of the connection. While there is none, workers look by themselves.
async fn hear_on(url: &str, bells: &Bells) {
    loop {
        // What ended it shows in the statements of the others.
        let _ended = hear(url, bells).await;
        tokio::time::sleep(REST).await;
    }
}

async fn hear(url: &str, bells: &Bells) -> Result<(), tokio_postgres::Error> {
    // One that never answers is asked anew.
    let Ok(connected) = tokio::time::timeout(ANSWER, connect(url)).await else { return Ok(()) };
    let (client, mut connection) = connected?;
    let mut messages = poll_fn(move |context| connection.poll_message(context));
    let listen = async {
        // Refused to roles without the right, as on the other connections.
        let _ = client.batch_execute(ENGLISH).await;
        client.batch_execute(&format!("LISTEN {CHANNEL}; LISTEN {COMMITS}")).await?;
        // What was said before nobody heard.
        bells.ring_all();
        bells.telling.tell_on(&client).await
    };
    let hear = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(said) = message? {
                bells.ring(&said);
            }
        }
        Ok(())
    };
    match select(pin!(listen), pin!(hear)).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
    }
}
