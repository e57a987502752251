//! The figures of a dashboard in one answer.

use std::collections::BTreeMap;

use serde::Serialize;

use super::conversion::{Conversion, ConversionOptions, conversion};
use super::convert::Worth;
use super::explain::Explainer;
use super::forecast::{Forecast, Outlook, forecast};
use super::group::DealGroups;
use super::leaderboard::{Leaderboard, leaderboard};
use super::port::{CycleFact, DealFact};
use super::sales::{Ended, Sales, sales};
use super::velocity::{Course, Velocity, velocity};
use super::way::Stay;
use super::window::Window;
use crate::error::Result;
use crate::id::Id;
use crate::money::Currency;
use crate::pipeline::Pipeline;
use crate::time::{Period, Timestamp};
use crate::user::User;

/// What a dashboard shows: each part is what its own report says to the same question.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Dashboard {
    /// What was won and lost.
    pub sales: Sales,
    /// What deals will bring.
    pub forecast: Forecast,
    /// Conversion of the deals that began in the window, through one pipeline.
    pub conversion: Conversion,
    /// How fast the deals of that pipeline go.
    pub velocity: Velocity,
    /// The members by what they sold.
    pub leaderboard: Leaderboard,
}

/// What a dashboard is made of, for every window that is asked about.
pub(crate) struct Desk<'a> {
    /// The deals of the question one by one, where somebody asked what stands behind the figures.
    pub(crate) facts: &'a [DealFact],
    pub(crate) open: &'a BTreeMap<Option<Id<User>>, u64>,
    /// The deals of the pipeline.
    pub(crate) own: &'a [CycleFact],
    pub(crate) stays: &'a [Stay],
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) pipelines: &'a [Pipeline],
    pub(crate) names: &'a BTreeMap<Id<User>, String>,
    pub(crate) every: Period,
    pub(crate) now: Timestamp,
    pub(crate) currency: Currency,
    pub(crate) worth: Worth<'a>,
}

/// What was read for one window.
pub(crate) struct Sheet {
    /// The deals that ended in it.
    pub(crate) ended: DealGroups,
    /// The deals that a forecast of it takes in.
    pub(crate) expected: DealGroups,
}

/// The figures of a dashboard.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn dashboard(
    desk: &Desk<'_>,
    sheet: &Sheet,
    window: Window,
    explainer: &mut Explainer,
) -> Result<Dashboard> {
    let &Desk { facts, open, own, stays, pipeline, pipelines, names, every, now, currency, worth } = desk;
    let sold = Ended { groups: &sheet.ended, facts };
    let course = Course { pipeline, ended: &sheet.ended, facts: own, stays, window, now, currency };
    let outlook = Outlook { groups: &sheet.expected, facts, pipelines, currency };
    Ok(Dashboard {
        sales: explainer.within("sales", |explainer| sales(sold, window, every, worth, explainer))?,
        forecast: explainer.within("forecast", |explainer| forecast(&outlook, window, worth, explainer))?,
        conversion: explainer.within("conversion", |explainer| {
            conversion(pipeline, stays, window, ConversionOptions::default(), explainer)
        }),
        velocity: explainer.within("velocity", |explainer| velocity(&course, worth, explainer))?,
        leaderboard: explainer
            .within("leaderboard", |explainer| leaderboard(sold, open, window, currency, names, worth, explainer))?,
    })
}
