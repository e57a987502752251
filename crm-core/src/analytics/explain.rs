//! What stands behind a figure.

use serde::Serialize;

use super::numbers::count;
use crate::deal::Deal;
use crate::id::Id;

/// Most ids that one figure names.
const MAX_IDS: usize = 1_000;

/// The definition of a figure, what it is a share of, and the records behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// Which figure: its place in the answer.
    pub figure: String,
    /// What it says, and by whose formula.
    pub definition: &'static str,
    /// What it is a share or a mean of; absent for plain numbers.
    pub denominator: Option<u64>,
    /// The deals that it counts or adds up, the first 1,000 by id.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<uuid::Uuid>))]
    pub ids: Vec<Id<Deal>>,
    /// How many there are.
    pub id_count: u64,
}

/// Takes explanations down where somebody asked for them.
#[derive(Debug)]
pub(crate) struct Explainer(Option<Vec<Explanation>>);

impl Explainer {
    /// Takes down what is said.
    pub(crate) fn asked() -> Self {
        Self(Some(Vec::new()))
    }

    /// Takes nothing down.
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    /// Says what stands behind a figure.
    pub(crate) fn say(
        &mut self,
        figure: impl Into<String>,
        definition: &'static str,
        denominator: Option<u64>,
        ids: impl IntoIterator<Item = Id<Deal>>,
    ) {
        let Some(explanations) = &mut self.0 else { return };
        let mut ids: Vec<Id<Deal>> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let id_count = count(ids.len());
        ids.truncate(MAX_IDS);
        explanations.push(Explanation { figure: figure.into(), definition, denominator, ids, id_count });
    }

    /// What was said.
    pub(crate) fn into_explanations(self) -> Option<Vec<Explanation>> {
        self.0
    }
}
