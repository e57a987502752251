//! How processes on one database tell each other of commits: by Redis where it is configured, else as the store can.

use std::sync::Arc;

use crm_core::job::Listener;
use crm_core::store::CommitListener;
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Result};
#[cfg(feature = "redis")]
use crm_integrations::redis::RedisHerald;
use tokio::sync::Notify;

#[cfg(not(feature = "redis"))]
use self::left_out::RedisHerald;
use super::Wakes;
use crate::config::Config;

/// Wakes who waits in this process, and tells the others of its commits where Redis does that.
pub(crate) struct Herald {
    wakes: Arc<Wakes>,
    redis: Option<RedisHerald>,
}

impl Herald {
    /// As configured; nobody is connected to yet.
    pub(crate) fn of(config: &Config, wakes: Arc<Wakes>) -> Result<Self> {
        let named = |error: Error| match error.fields() {
            [fault, ..] => Error::invalid("SLACKCRM_REDIS_URL", "value", fault.message.clone()),
            [] => error,
        };
        let redis = config.redis_url.as_ref().map(|url| RedisHerald::new(url.text()));
        Ok(Self { wakes, redis: redis.transpose().map_err(named)? })
    }

    /// What others commit, as Redis tells; from here on it is told of this process too. None where the store tells.
    pub(crate) fn rings(&self) -> Option<Listener<Id<Workspace>>> {
        self.redis.as_ref().map(RedisHerald::listen)
    }

    /// What rings for the workers of jobs when others have committed: never where the store tells them by itself.
    pub(crate) fn jobs(&self) -> Arc<Notify> {
        if self.redis.is_some() { self.wakes.others() } else { Arc::default() }
    }
}

impl CommitListener for Herald {
    fn committed(&self, workspace: Id<Workspace>) {
        self.wakes.committed(workspace);
        if let Some(redis) = &self.redis {
            redis.committed(workspace);
        }
    }
}

/// What stands in for the adapter in a program without it: there is none.
#[cfg(not(feature = "redis"))]
mod left_out {
    use crm_core::ErrorKind;
    use secrecy::SecretString;

    use super::*;

    pub(super) enum RedisHerald {}

    impl RedisHerald {
        pub(super) fn new(_: &SecretString) -> Result<Self> {
            let message = "SLACKCRM_REDIS_URL: this program was built without the feature redis";
            Err(Error::new(ErrorKind::Unsupported, message))
        }

        pub(super) fn listen(&self) -> Listener<Id<Workspace>> {
            match *self {}
        }
    }

    impl CommitListener for RedisHerald {
        fn committed(&self, _: Id<Workspace>) {
            match *self {}
        }
    }
}
