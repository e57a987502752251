//! What of a record's timeline a caller is shown.

use crm_core::Entity;
use crm_core::access::Grant;
use crm_core::filter::CheckedFilter;
use crm_core::task::Task;

use super::columns::code;
use super::fragment::Fragment;
use super::predicate::predicate;
use super::room;

/// What of a timeline a caller is shown: whoever sees a record sees the notes on it, but not each of
/// its tasks.
pub(super) struct Shown {
    /// The numbers of kinds.
    pub(super) kinds: Vec<i64>,
    /// The condition of tasks, where not every one is shown.
    pub(super) tasks: Option<Fragment>,
}

impl Shown {
    /// What this caller is shown.
    pub(super) fn to(grant: &Grant, workspace: i64) -> Self {
        let is_shown = |entity: &Entity| grant.visible(*entity) != CheckedFilter::nothing();
        let kinds = Entity::ALL.into_iter().filter(is_shown).map(|entity| code(entity).into()).collect();
        let visible = grant.visible(Entity::Task);
        let tasks = (visible != CheckedFilter::everything()).then(|| {
            let place = room::place::<Task>(workspace);
            let exists =
                Fragment::new("(journal.entity <> ").bind(code(Entity::Task)).sql(" OR EXISTS (SELECT 1 FROM tasks");
            let exists = exists.sql(" WHERE ").then(place.column("workspace_id")).sql(" = ").bind(workspace);
            let exists = exists.sql(" AND ").then(place.column("id")).sql(" = journal.record_id");
            exists.and(predicate(place, &visible)).sql("))")
        });
        Self { kinds, tasks }
    }
}
