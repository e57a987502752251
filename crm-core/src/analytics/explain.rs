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
    /// The deals, for the funnel the contacts and for activities whatever was worked on, that it counts or adds up:
    /// the first 1,000 by id, or the first after `ids_after`.
    pub ids: Vec<Uuid>,
    /// Whether there are others after these; the same question with the last of these as `ids_after` goes on with them.
    pub ids_are_capped: bool,
    /// How many there are in all.
    pub id_count: u64,
}

/// Whether what stands behind figures is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Asked {
        /// Ids up to this one are left out: an answer before named them.
        after: Option<Uuid>,
    },
    Silent,
}

/// Takes explanations down where somebody asked for them.
#[derive(Debug)]
pub(crate) struct Explainer {
    said: Option<Vec<Explanation>>,
    after: Option<Uuid>,
}

impl Explainer {
    /// Takes down what is asked for.
    pub(crate) fn of(behind: Behind) -> Self {
        match behind {
            Behind::Asked { after } => Self { said: Some(Vec::new()), after },
            Behind::Silent => Self::silent(),
        }
    }

    /// Takes nothing down.
    pub(crate) fn silent() -> Self {
        Self { said: None, after: None }
    }

    /// Whether anything is taken down.
    pub(crate) fn listens(&self) -> bool {
        self.said.is_some()
    }

    /// Says what stands behind a figure.
    pub(crate) fn say<T>(
        &mut self,
        figure: impl Into<String>,
        definition: &'static str,
        denominator: Option<u64>,
        ids: impl IntoIterator<Item = Id<T>>,
    ) {
        let Some(explanations) = &mut self.said else { return };
        let mut ids: Vec<Uuid> = ids.into_iter().map(Id::uuid).collect();
        ids.sort_unstable();
        ids.dedup();
        let id_count = count(ids.len());
        ids.retain(|id| self.after.is_none_or(|after| after < *id));
        let ids_are_capped = ids.len() > MAX_IDS;
        ids.truncate(MAX_IDS);
        explanations.push(Explanation {
            figure: figure.into(),
            definition,
            denominator,
            ids,
            ids_are_capped,
            id_count,
        });
    }

    /// Runs a part of the answer: what it says stands below its name.
    pub(crate) fn within<T>(&mut self, part: &str, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.said.as_ref().map_or(0, Vec::len);
        let answer = run(self);
        for explanation in self.said.iter_mut().flatten().skip(before) {
            explanation.figure = format!("{part}.{}", explanation.figure);
        }
        answer
    }

    /// What was said.
    pub(crate) fn into_explanations(self) -> Option<Vec<Explanation>> {
        self.said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_cut_says_so_and_goes_on_after_its_last_id() {
        let all: Vec<Uuid> = (1..=2_500).map(Uuid::from_u128).collect();
        let (mut told, mut after) = (Vec::new(), None);
        for is_capped in [true, true, false] {
            let mut explainer = Explainer::of(Behind::Asked { after });
            // In any order, and some more than once.
            let ids = all.iter().rev().chain(&all[..7]).map(|id| Id::<()>::from(*id));
            explainer.say("count", "deals", None, ids);
            let one = explainer.into_explanations().unwrap().remove(0);
            assert_eq!((one.ids_are_capped, one.id_count), (is_capped, 2_500));
            after = one.ids.last().copied();
            told.extend(one.ids);
        }
        assert_eq!(told, all);
    }
}
