//! Facts about deals.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::pipeline::Stage;
use crate::time::Timestamp;

/// A fact about a deal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DealEvent {
    /// It went to another stage.
    #[serde(rename = "deal.moved")]
    Moved {
        /// Where it was; absent for a deal that begins here.
        from: Option<Id<Stage>>,
        /// Where it is.
        to: Id<Stage>,
        /// When it got there: the time of the entry, or for imported history the time in the file.
        at: Timestamp,
    },
}
