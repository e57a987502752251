//! Names to addresses that may be connected to.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Reachable;

/// A name that leads to nothing which may be connected to.
#[derive(Clone, Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to an address that nothing is sent to")
    }
}

impl StdError for Refused {}

/// Looks names up, by default as the machine does.
pub(super) trait Lookup: Send + Sync {
    /// The addresses of a name, in any order.
    fn addresses(&self, name: &str) -> futures::future::BoxFuture<'static, std::io::Result<Vec<SocketAddr>>>;
}

/// The machine's own look-up.
pub(super) struct Machine;

impl Lookup for Machine {
    fn addresses(&self, name: &str) -> futures::future::BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
    }
}

/// A resolver that gives a client no address but those it may connect to.
pub(super) struct Guarded {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) reachable: Reachable,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.lookup.addresses(name.as_str());
        let reachable = self.reachable.clone();
        Box::pin(async move {
            let found = found.await?;
            // One bad address among good ones is no accident: nothing is sent at all.
            if found.is_empty() || !found.iter().all(|address| reachable.reaches(address.ip())) {
                return Err(Box::new(Refused) as Box<dyn StdError + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
