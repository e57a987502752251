//! A job as somebody sees it: what came of it tells nothing of fields that they do not see.

use serde_json::Value;

use super::fault::CONCEALED;
use super::handler::UNREAD;
use super::model::Job;
use super::task::Task;
use crate::access::{Entity, FieldMask, Grant};
use crate::bulk::{BulkReport, UndoReport};
use crate::transfer::Import;

impl Job {
    /// The job as a caller sees it.
    pub(crate) fn seen_by(mut self, grant: &Grant) -> Self {
        // A payload may tell what nobody but the program is to know, or whoever sees every job.
        let sees_all = grant.sees_owner(Entity::Job, None);
        if let Task::Run { payload, is_concealed, .. } = &mut self.task
            && (*is_concealed || !sees_all)
        {
            *payload = Value::Null;
            self.hide_quotations();
        }
        if let Task::Export { list, file, .. } = &mut self.task {
            // A place in a list tells a value of its last row.
            file.cursor = None;
            file.seen.clear();
            if self.created_by != grant.user_id() {
                *list = None;
                file.columns.clear();
            }
        }
        let Some(result) = self.result.take() else { return self };
        self.result = match &self.task {
            Task::Import { .. } => redacted(result, |import: &mut Import| {
                let mask = grant.mask(import.entity);
                import.hide(mask);
            }),
            Task::Revert { .. } => redacted(result, |report: &mut UndoReport| {
                for record in &mut report.records {
                    let mask = grant.mask(record.entity);
                    record.fields.retain(|field| !mask.hides(field));
                }
            }),
            Task::Bulk { entity, .. } | Task::Change { entity, .. } => redacted(result, |report: &mut BulkReport| {
                hide_faults(report, grant.mask(*entity));
            }),
            Task::Export { .. } => Some(result),
            Task::Run { .. } => sees_all.then_some(result),
            Task::Unknown => None,
        };
        self
    }

    /// Leaves out the words of faults that quote a payload which does not parse.
    fn hide_quotations(&mut self) {
        let kept = self.errors.iter_mut().map(|fault| (&fault.code, &mut fault.detail));
        let last = self.error.iter_mut().map(|fault| (&fault.code, &mut fault.detail));
        for (_, detail) in kept.chain(last).filter(|(code, _)| *code == UNREAD) {
            CONCEALED.clone_into(detail);
        }
    }
}

/// A result with something taken out; none where it is not what its task gives.
fn redacted<T>(result: Value, redact: impl FnOnce(&mut T)) -> Option<Value>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut result: T = serde_json::from_value(result).ok()?;
    redact(&mut result);
    serde_json::to_value(result).ok()
}

/// Leaves out faults at fields that a mask hides, whose words may tell the value.
fn hide_faults(report: &mut BulkReport, mask: &FieldMask) {
    for fault in report.results.iter_mut().filter_map(|result| result.error.as_mut()) {
        let all = fault.errors.len();
        fault.errors.retain(|error| !mask.hides(&error.field));
        if fault.errors.len() < all {
            "is at fault".clone_into(&mut fault.detail);
        }
    }
}
