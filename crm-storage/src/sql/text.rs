//! Texts as they are kept: the comparison form always, the written form where it differs.

use crm_core::text;

/// The columns of a text: as it was written, only where that differs, and its comparison form.
pub(crate) fn split(written: Option<&str>) -> (Option<String>, Option<String>) {
    match written {
        None => (None, None),
        Some(written) => {
            let (written, key) = split_required(written);
            (written, Some(key))
        }
    }
}

/// As [`split`], for a text that is always there.
pub(crate) fn split_required(written: &str) -> (Option<String>, String) {
    let key = text::key(written);
    ((key != written).then(|| written.to_owned()), key)
}

/// The text as it was written.
pub(crate) fn join(written: Option<String>, key: Option<String>) -> Option<String> {
    written.or(key)
}
