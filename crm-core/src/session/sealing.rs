//! Changes on their way into a commit.

use serde_json::{Map, Value};

use super::save::unknown_field;
use crate::access::Grant;
use crate::error::{Error, Result};
use crate::filter::CUSTOM_PREFIX;
use crate::id::Id;
use crate::journal::{Draft, Entry};
use crate::store::{Changes, Sealed};

/// Stamps changes with workspace, actor, time and ids, after checking that the caller touches no
/// hidden field.
pub(crate) fn seal(grant: &Grant, changes: Changes) -> Result<Sealed> {
    for draft in changes.drafts.iter().filter(|draft| !draft.is_products) {
        check_hidden(grant, draft)?;
    }
    let at = changes.at;
    let batch = changes.batch;
    let entry = |draft: Draft| Entry {
        id: Id::new_at(at),
        at,
        actor: grant.actor().into(),
        batch,
        depth: 0,
        entity: draft.entity,
        record_id: draft.record_id,
        version: draft.version,
        subject: draft.subject,
        change: draft.change,
        before: draft.before,
        after: draft.after,
        events: draft.events,
    };
    Ok(Sealed {
        workspace_id: grant.workspace_id(),
        at,
        entries: changes.drafts.into_iter().map(entry).collect(),
        writes: changes.writes,
        relied: changes.relied.into_iter().collect(),
        guards: changes.guards,
        idempotency: changes.idempotency,
        purged: changes.purged,
        undone: changes.undone,
    })
}

/// Refuses a change of a field that the caller does not see, as if there were no such field.
fn check_hidden(grant: &Grant, draft: &Draft) -> Result<()> {
    let mask = grant.mask(draft.entity);
    if mask.is_empty() {
        return Ok(());
    }
    let custom =
        |image: &Map<String, Value>, key: &str| image.get("custom").and_then(|values| values.get(key)).cloned();
    let touched = mask.iter().filter(|key| match key.strip_prefix(CUSTOM_PREFIX) {
        // A mark that a new record does not have says nothing.
        None => draft.before.contains_key(*key) || draft.after.get(*key).is_some_and(|value| *value != false),
        Some(key) => custom(&draft.before, key) != custom(&draft.after, key),
    });
    let faults: Vec<_> = touched.map(|key| unknown_field(draft.entity, key)).collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
}
