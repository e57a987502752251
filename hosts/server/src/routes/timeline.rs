//! What the timelines of all records have in common.

use serde::Deserialize;
use utoipa::IntoParams;

/// A page of a timeline.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineParams {
    /// Items a page; 50 where absent.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}
