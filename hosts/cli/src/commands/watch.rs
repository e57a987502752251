//! `slackcrm watch`.

use std::io::Write as _;

use crm_boot::{Booted, Proof, Told, Topics};
use crm_core::Session;
use crm_core::journal::topics;

use crate::args::Watching;
use crate::failure::Failure;

/// Prints events as they happen, one a line.
pub(crate) async fn run(booted: &Booted, session: &Session, asked: &Watching) -> Result<(), Failure> {
    let wanted = match asked.topics.is_empty() {
        true => Topics::named(topics())?,
        false => Topics::named(asked.topics.iter().map(String::as_str))?,
    };
    let mut watch = booted.live().watch(Proof::Actor(session.actor().clone()), wanted, asked.after).await?;
    let mut left = asked.count;
    while left > 0 {
        match watch.next().await? {
            Told::Event(event) => {
                let line = serde_json::to_string(&event).map_err(|error| Failure::new(error.to_string()))?;
                // Whoever reads may have seen enough.
                if writeln!(std::io::stdout().lock(), "{line}").is_err() {
                    return Ok(());
                }
                left -= 1;
            }
            Told::Resync(seq) => {
                let message = format!("more happened than can be told event by event; events go on after {seq}");
                return Err(Failure::new(message).hint(format!("go on with `slackcrm watch --after {seq}`")));
            }
        }
    }
    Ok(())
}
