//! Who waits for the next commit of which workspace. This process tells of its own commits as it makes them; what
//! others commit is heard by Redis where it is configured, else from the store, where it can tell.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crm_core::Id;
use crm_core::job::Ring;
use crm_core::store::CommitListener;
use crm_core::workspace::Workspace;
use parking_lot::RwLock;
use tokio::sync::Notify;

/// One bell a workspace that somebody waits for, one for all, and one for what others commit.
#[derive(Default)]
pub(crate) struct Wakes {
    bells: RwLock<HashMap<Id<Workspace>, Weak<Notify>>>,
    any: Arc<Notify>,
    others: Arc<Notify>,
}

impl Wakes {
    /// The bell that rings after each commit of any workspace, for the one who waits for it.
    pub(crate) fn any(&self) -> Arc<Notify> {
        self.any.clone()
    }

    /// The bell that rings when others have committed, for the one who waits for it.
    pub(crate) fn others(&self) -> Arc<Notify> {
        self.others.clone()
    }

    /// The bell that rings after each commit of a workspace, as long as somebody holds it.
    pub(crate) fn of(&self, workspace: Id<Workspace>) -> Arc<Notify> {
        let mut bells = self.bells.write();
        bells.retain(|_, bell| bell.strong_count() > 0);
        if let Some(bell) = bells.get(&workspace).and_then(Weak::upgrade) {
            return bell;
        }
        let bell = Arc::new(Notify::new());
        bells.insert(workspace, Arc::downgrade(&bell));
        bell
    }
}

impl Wakes {
    /// Rings for what others committed.
    pub(crate) fn hear(&self, ring: &Ring<Id<Workspace>>) {
        self.others.notify_one();
        match ring {
            Ring::Of(workspace) => self.committed(*workspace),
            Ring::Any => {
                self.any.notify_one();
                self.bells.read().values().filter_map(Weak::upgrade).for_each(|bell| bell.notify_one());
            }
        }
    }
}

impl CommitListener for Wakes {
    fn committed(&self, workspace: Id<Workspace>) {
        self.any.notify_one();
        if let Some(bell) = self.bells.read().get(&workspace).and_then(Weak::upgrade) {
            bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_before_the_wait_is_not_missed_and_rings_for_its_own_workspace_alone() {
        let wakes = Wakes::default();
        let id = || Id::new_at(crm_core::Timestamp::from_micros(1));
        let (one, other) = (id(), id());
        let (bell, silent) = (wakes.of(one), wakes.of(other));
        wakes.committed(one);
        bell.notified().await;
        assert!(futures::FutureExt::now_or_never(silent.notified()).is_none());
        // Nor for those who wait for what others commit.
        assert!(futures::FutureExt::now_or_never(wakes.others().notified()).is_none());
    }

    #[tokio::test]
    async fn what_others_commit_rings_too_and_for_all_where_something_was_missed() {
        let wakes = Wakes::default();
        let id = || Id::new_at(crm_core::Timestamp::from_micros(1));
        let (one, other) = (id(), id());
        let bells = [wakes.of(one), wakes.of(other)];
        let is_rung = |at: usize| bells.get(at).and_then(|bell| futures::FutureExt::now_or_never(bell.notified()));
        wakes.hear(&Ring::Of(one));
        assert_eq!((is_rung(0), is_rung(1)), (Some(()), None));
        let relays = wakes.any();
        assert!(futures::FutureExt::now_or_never(relays.notified()).is_some());
        wakes.hear(&Ring::Any);
        assert_eq!((is_rung(0), is_rung(1)), (Some(()), Some(())));
        assert!(futures::FutureExt::now_or_never(relays.notified()).is_some());
        assert!(futures::FutureExt::now_or_never(wakes.others().notified()).is_some());
    }

    #[test]
    fn a_bell_that_nobody_holds_is_forgotten() {
        let wakes = Wakes::default();
        let id = Id::new_at(crm_core::Timestamp::from_micros(1));
        drop(wakes.of(id));
        drop(wakes.of(Id::new_at(crm_core::Timestamp::from_micros(2))));
        assert_eq!(wakes.bells.read().len(), 1);
        wakes.committed(id);
    }
}
