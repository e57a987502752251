//! A job as somebody sees it: what came of it tells nothing of fields that they do not see.

use serde_json::Value;

use super::model::{Job, Task};
use crate::access::{FieldMask, Grant};
use crate::bulk::{BulkReport, UndoReport};
use crate::transfer::Import;

impl Job {
    /// The job as a caller sees it.
    pub(crate) fn seen_by(mut self, grant: &Grant) -> Self {
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
            Task::Bulk { entity, .. } => redacted(result, |report: &mut BulkReport| {
                hide_faults(report, grant.mask(*entity));
            }),
            Task::Unknown => None,
        };
        self
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
