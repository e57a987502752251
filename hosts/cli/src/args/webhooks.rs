//! The verbs about webhook endpoints.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use crm_core::Timestamp;
use crm_core::webhook::DeliveryState;

use super::change::{Expected, One};

/// In which order deliveries are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// In none
    None,
    /// Those of one record one after another
    Record,
}

/// What an endpoint is sent.
#[derive(Debug, ClapArgs)]
pub(crate) struct Wanted {
    /// An event, `deal.*` for those of a kind of record, or `*` for all; may be given several times
    #[arg(long = "event", value_name = "NAME")]
    pub(crate) events: Vec<String>,
    /// Only events that change this field, a custom one as `custom.key`; may be given several times
    #[arg(long = "field", value_name = "NAME")]
    pub(crate) fields: Vec<String>,
    /// In which order deliveries are sent
    #[arg(long, value_enum)]
    pub(crate) order: Option<Order>,
    /// What it is for
    #[arg(long)]
    pub(crate) description: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// All endpoints
    List,
    /// One endpoint
    Show(One),
    /// Send events to an address from now on; prints the secret that messages are signed with, this once
    Create {
        /// Where to
        url: String,
        #[command(flatten)]
        wanted: Wanted,
    },
    /// Change what is named of an endpoint
    Update {
        #[command(flatten)]
        one: One,
        /// Where to
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        expected: Expected,
    },
    /// Send to an endpoint again; what happened meanwhile is not sent
    Enable(One),
    /// Send nothing to an endpoint until it is enabled
    Disable(One),
    /// Make a new secret and print it, this once; messages are signed with the former one too for a while
    Rotate {
        #[command(flatten)]
        one: One,
        /// For so many seconds
        #[arg(long, default_value_t = 86_400, value_name = "SECONDS")]
        overlap: i64,
    },
    /// Delete an endpoint and its secrets
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
    /// Send a test message and print what came of it
    Test(One),
    /// What was and will be sent to an endpoint, the latest first
    Deliveries {
        #[command(flatten)]
        one: One,
        /// Those that are pending, delivered, failed or cancelled
        #[arg(long, value_parser = state)]
        state: Option<DeliveryState>,
        /// Rows, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Where the page before said the next one starts
        #[arg(long, allow_hyphen_values = true)]
        cursor: Option<String>,
    },
    /// One delivery to an endpoint, with what its last attempt sent
    Delivery {
        #[command(flatten)]
        one: One,
        /// The delivery's id
        #[arg(value_name = "DELIVERY")]
        delivery: uuid::Uuid,
    },
    /// Send a delivery again, or those of a span of time
    Replay {
        #[command(flatten)]
        one: One,
        /// This delivery
        #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to", "state"])]
        delivery: Option<uuid::Uuid>,
        /// Those that were wanted from this instant on
        #[arg(long, value_name = "TIME")]
        from: Option<Timestamp>,
        /// Those that were wanted before this instant
        #[arg(long, value_name = "TIME")]
        to: Option<Timestamp>,
        /// Of these the ones that are pending, delivered, failed or cancelled
        #[arg(long, value_parser = state)]
        state: Option<DeliveryState>,
    },
}

/// The state of a name.
fn state(name: &str) -> Result<DeliveryState, String> {
    let known = DeliveryState::ALL.into_iter().find(|state| state.name() == name);
    known.ok_or_else(|| format!("is not {}", DeliveryState::ALL.map(DeliveryState::name).join(", ")))
}
