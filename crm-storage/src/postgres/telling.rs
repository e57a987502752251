//! Telling other processes of commits, soon after them and apart from them.
//!
//! A transaction that holds a NOTIFY waits at its commit for a lock of the whole server, so that all of them commit
//! one after the other. None of ours holds one for its watchers: what was committed is told by a statement of its own,
//! which nobody waits for, for all workspaces together, and again after [`REST`] at the earliest. However much a
//! process writes, it tells some 50 times a second at most. It does so on the connection that it hears on, as servers
//! and workers do; what a single command writes, or what dies with a process before it is told, watchers find when
//! they look by themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use crm_core::Id;
use crm_core::workspace::Workspace;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_postgres::Client;
use uuid::Uuid;

/// The channel that workspaces are sent on, behind the one who sends.
pub(super) const COMMITS: &str = "slackcrm_commits";
/// How long to rest after workspaces were told, while others gather.
const REST: Duration = Duration::from_millis(20);
/// Most workspaces of one message, which PostgreSQL bounds at 8,000 bytes.
const MOST: usize = 200;

/// What is to be told.
pub(super) struct Telling {
    /// By what a hearer knows its own store's messages, of which it has heard otherwise.
    whose: Uuid,
    fresh: Mutex<BTreeSet<Uuid>>,
    wake: Notify,
}

impl Telling {
    pub(super) fn new() -> Self {
        Self { whose: Uuid::now_v7(), fresh: Mutex::default(), wake: Notify::new() }
    }

    /// Has a commit told, if somebody tells.
    pub(super) fn note(&self, workspace: Id<Workspace>) {
        self.fresh.lock().insert(workspace.uuid());
        self.wake.notify_one();
    }

    /// Tells until the connection is lost.
    pub(super) async fn tell_on(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let tell = client.prepare("SELECT pg_notify($1, $2)").await?;
        loop {
            self.wake.notified().await;
            let workspaces: Vec<Uuid> = std::mem::take(&mut *self.fresh.lock()).into_iter().collect();
            for few in workspaces.chunks(MOST) {
                client.query(&tell, &[&COMMITS, &message(self.whose, few)]).await?;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// The workspaces of a message of somebody else; none where it is no message.
    pub(super) fn heard(&self, message: &str) -> Option<Vec<Id<Workspace>>> {
        told(message, self.whose)
    }
}

fn message(whose: Uuid, workspaces: &[Uuid]) -> String {
    let ids = [whose].into_iter().chain(workspaces.iter().copied()).map(|id| id.simple().to_string());
    ids.collect::<Vec<_>>().join(" ")
}

/// The workspaces of a message, unless it is one's own; none where it is no message.
fn told(message: &str, own: Uuid) -> Option<Vec<Id<Workspace>>> {
    let mut ids = message.split(' ').map(str::parse::<Uuid>);
    match ids.next()? {
        Ok(whose) if whose == own => Some(Vec::new()),
        Ok(_) => ids.map(|id| id.ok().map(Id::from)).collect(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_heard_by_others_and_fits() {
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        let workspaces: Vec<Uuid> = (0..MOST).map(|_| Uuid::now_v7()).collect();
        let message = message(one, &workspaces);
        assert!(message.len() < 8_000);
        assert_eq!(told(&message, one), Some(Vec::new()));
        assert_eq!(told(&message, other), Some(workspaces.into_iter().map(Id::from).collect()));
        assert_eq!(told("email", other), None);
        assert_eq!(told(&format!("{one} x"), other), None);
    }
}
