//! What can be typed about deals.

use clap::{Args as ClapArgs, Subcommand};
use crm_core::Edit;

use super::Records;
use super::change::{Expected, One};

#[derive(Debug, Subcommand)]
pub(crate) enum Deals {
    /// What every kind of record has
    #[command(flatten)]
    Records(Records),
    /// What deals alone have
    #[command(flatten)]
    Own(DealVerb),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DealVerb {
    /// Take a deal to a stage of its pipeline
    Move(Move),
}

/// Where a deal goes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Move {
    #[command(flatten)]
    pub(crate) one: One,
    /// The stage: its name in the deal's pipeline, or its id
    pub(crate) stage: String,
    /// The stage where you saw the deal, by its name or its id: one that is in another by now is not moved
    #[arg(long, value_name = "STAGE")]
    pub(crate) from: Option<String>,
    /// Why the deal is lost, at most 500 characters, for lost stages alone; an empty one takes away what
    /// was said
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    pub(crate) expected: Expected,
}

impl Move {
    /// What becomes of the reason that the deal has.
    pub(crate) fn lost_reason(&self) -> Edit<String> {
        match self.reason.as_deref() {
            None => Edit::Keep,
            Some("") => Edit::Clear,
            Some(reason) => Edit::Set(reason.to_owned()),
        }
    }
}
