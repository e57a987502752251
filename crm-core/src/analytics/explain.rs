//! What stands behind a figure.

use serde::Serialize;
use uuid::Uuid;

use super::numbers::count;
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
    /// The deals, for the funnel the contacts and for activities whatever was worked on, that it counts or adds up, the first 1,000 by id.
    pub ids: Vec<Uuid>,
    /// How many there are.
    pub id_count: u64,
}

/// Whether what stands behind figures is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Asked,
    Silent,
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

    /// Whether anything is taken down.
    pub(crate) fn listens(&self) -> bool {
        self.0.is_some()
    }

    /// Says what stands behind a figure.
    pub(crate) fn say<T>(
        &mut self,
        figure: impl Into<String>,
        definition: &'static str,
        denominator: Option<u64>,
        ids: impl IntoIterator<Item = Id<T>>,
    ) {
        let Some(explanations) = &mut self.0 else { return };
        let mut ids: Vec<Uuid> = ids.into_iter().map(Id::uuid).collect();
        ids.sort_unstable();
        ids.dedup();
        let id_count = count(ids.len());
        ids.truncate(MAX_IDS);
        explanations.push(Explanation { figure: figure.into(), definition, denominator, ids, id_count });
    }

    /// Runs a part of the answer: what it says stands below its name.
    pub(crate) fn within<T>(&mut self, part: &str, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.0.as_ref().map_or(0, Vec::len);
        let answer = run(self);
        for explanation in self.0.iter_mut().flatten().skip(before) {
            explanation.figure = format!("{part}.{}", explanation.figure);
        }
        answer
    }

    /// What was said.
    pub(crate) fn into_explanations(self) -> Option<Vec<Explanation>> {
        self.0
    }
}
