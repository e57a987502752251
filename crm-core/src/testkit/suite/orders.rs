//! What a store gives in an order comes in it, in whatever order it was written.

use super::support::{commit, contact_of, pipeline, reading};
use crate::access::{Entity, Role};
use crate::activity::Note;
use crate::analytics::WorkKind;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::filter::{CheckedFilter, Filter};
use crate::id::Id;
use crate::session::Session;
use crate::store::{Record, Stored};
use crate::task::Task;
use crate::testkit::{World, samples};
use crate::time::Timestamp;

/// An order that is neither rising nor falling.
const SHUFFLED: [i64; 6] = [3, 1, 5, 0, 4, 2];

/// Writes records whose times lie in another order than their ids, and their rows in a third one. Gives the ids,
/// rising.
async fn written<T: Record>(session: &Session, make: impl Fn(Id<T>, Timestamp) -> T) -> Vec<Id<T>> {
    let now = session.now();
    let ids: Vec<Id<T>> = SHUFFLED.iter().map(|_| Id::new_at(session.now())).collect();
    let mut changes = session.changes();
    for (id, back) in ids.iter().zip(SHUFFLED).rev() {
        changes.put(&mut Stored::new(make(*id, now.plus_seconds(-60 * back))));
    }
    commit(session, changes).await.unwrap();
    ids
}

/// Everything, and everything once more as an index of times gives it.
fn filters(session: &Session, entity: Entity, time: &str) -> [CheckedFilter; 2] {
    let filter: Filter = format!("{time} > 2020-01-01").parse().unwrap();
    let checked = reading(session, entity).check_filter(entity, Some(&filter), session.now()).unwrap();
    [CheckedFilter::everything(), checked]
}

pub async fn facts_and_ways_come_in_the_order_of_ids(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let (store, stage) = (&world.crm.ports.analytics, &own.stages[0]);
    let deals = written(&admin, |id, at| Deal::at_stage(id, own.id, stage, at)).await;
    for filter in filters(&admin, Entity::Deal, "created_at") {
        let grant = reading(&admin, Entity::Deal);
        let facts = store.deal_facts(&grant, &filter).await.unwrap();
        assert_eq!(facts.iter().map(|fact| fact.id).collect::<Vec<_>>(), deals, "{filter:?}");
        let steps = store.deal_moves(&grant, &filter).await.unwrap();
        assert_eq!(steps.iter().map(|step| step.deal_id).collect::<Vec<_>>(), deals, "{filter:?}");
    }
    let contacts = written(&admin, Contact::blank).await;
    for filter in filters(&admin, Entity::Contact, "created_at") {
        let facts = store.contact_facts(&reading(&admin, Entity::Contact), &filter).await.unwrap();
        assert_eq!(facts.iter().map(|fact| fact.id).collect::<Vec<_>>(), contacts, "{filter:?}");
    }
}

pub async fn work_comes_in_the_order_of_ids(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = pipeline(&admin).await;
    let on = contact_of(&world, Role::Admin, "A").await;
    let notes = written(&admin, |id, at| Note::new(id, samples::note(on, "hi"), None, at).unwrap()).await;
    let tasks = written(&admin, |id, at| Task { completed_at: Some(at), ..Task::blank(id, at) }).await;
    let contacts = written(&admin, Contact::blank).await;
    let companies = written(&admin, Company::blank).await;
    let deals = written(&admin, |id, at| Deal::at_stage(id, own.id, &own.stages[0], at)).await;
    let contacts: Vec<_> = std::iter::once(on).chain(contacts).map(Id::uuid).collect();
    for (kind, ids) in [
        (WorkKind::Notes, notes.into_iter().map(Id::uuid).collect::<Vec<_>>()),
        (WorkKind::Tasks, tasks.into_iter().map(Id::uuid).collect()),
        (WorkKind::Contacts, contacts),
        (WorkKind::Companies, companies.into_iter().map(Id::uuid).collect()),
        (WorkKind::Deals, deals.into_iter().map(Id::uuid).collect()),
    ] {
        let (entity, grant) = (kind.entity(), reading(&admin, kind.entity()));
        for filter in filters(&admin, entity, kind.time()) {
            let work = admin.ports().analytics.work(&grant, kind, &filter).await.unwrap();
            assert_eq!(work.iter().map(|one| one.record).collect::<Vec<_>>(), ids, "{kind:?} {filter:?}");
        }
    }
}
