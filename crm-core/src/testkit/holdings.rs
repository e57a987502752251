//! What a store holds, in a form that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use uuid::Uuid;

use crate::id::Id;
use crate::workspace::Workspace;

/// Everything that a store holds, counted and hashed by table and workspace: for tests that compare it before and
/// after, and say where it differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings(BTreeMap<Part, Rows>);

/// A table, and the workspace that rows of it are of; none where they are of none.
type Part = (String, Option<Uuid>);

/// How many rows there are, and a digest of them in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rows {
    count: u64,
    digest: u64,
}

impl Holdings {
    /// Adds a row of a table, as text.
    pub fn add(&mut self, table: &str, workspace: Option<Uuid>, row: &str) {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.add_rows(table, workspace, 1, hasher.finish());
    }

    /// Adds so many rows of a table, whose digest the database made.
    pub fn add_rows(&mut self, table: &str, workspace: Option<Uuid>, count: u64, digest: u64) {
        let rows = self.0.entry((table.to_owned(), workspace)).or_default();
        rows.count += count;
        // The order of rows says nothing.
        rows.digest = rows.digest.wrapping_add(digest);
    }

    /// All but the rows of a workspace.
    #[must_use]
    pub fn without(mut self, workspace: Id<Workspace>) -> Self {
        self.0.retain(|(_, owner), _| *owner != Some(workspace.uuid()));
        self
    }

    /// Where it differs from what is held later, a line for each table and workspace.
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let parts: BTreeSet<&Part> = self.0.keys().chain(later.0.keys()).collect();
        let mut lines = Vec::new();
        for part in parts {
            let rows = |held: &Self| held.0.get(part).copied().unwrap_or_default();
            let (before, after) = (rows(self), rows(later));
            if before != after {
                let owner = part.1.map_or("no workspace".to_owned(), |id| id.to_string());
                lines.push(format!("{} of {owner}: {} rows became {} others", part.0, before.count, after.count));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_added_changed_or_gone_is_told_and_the_order_is_not() {
        let (here, there) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        let held = |rows: &[(&str, Option<Uuid>, &str)]| {
            let mut held = Holdings::default();
            rows.iter().for_each(|(table, workspace, row)| held.add(table, *workspace, row));
            held
        };
        let before = held(&[("jobs", here, "a"), ("jobs", here, "b"), ("throttles", None, "c")]);
        assert_eq!(before, held(&[("throttles", None, "c"), ("jobs", here, "b"), ("jobs", here, "a")]));
        assert!(before.differences(&before).is_empty());
        for (after, told) in [
            (held(&[("jobs", here, "a"), ("jobs", here, "c"), ("throttles", None, "c")]), "jobs of"),
            (held(&[("jobs", here, "a"), ("throttles", None, "c")]), "jobs of"),
            (held(&[("jobs", here, "a"), ("jobs", here, "b")]), "throttles of no workspace"),
        ] {
            let lines = before.differences(&after);
            assert!(lines.len() == 1 && lines.iter().all(|line| line.starts_with(told)), "{lines:?}");
        }
        let elsewhere =
            held(&[("jobs", here, "a"), ("jobs", here, "b"), ("jobs", there, "a"), ("throttles", None, "c")]);
        assert_eq!(before.differences(&elsewhere).len(), 1);
        assert_eq!(elsewhere.without(Id::from(Uuid::from_u128(2))), before);
    }
}
