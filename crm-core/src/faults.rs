//! Collects what is wrong with an input, so that a caller hears all of it at once.

use crate::custom_field::CustomValues;
use crate::edit::Edit;
use crate::error::{Error, FieldError, Result};
use crate::text;

/// Broken rules, field by field.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    /// One broken rule.
    pub(crate) fn add(&mut self, field: &str, code: &'static str, message: &str) {
        self.0.push(FieldError::new(field, code, message));
    }

    /// What was wrong with a value that was read for a field.
    pub(crate) fn refuse(&mut self, field: &str, error: &Error) {
        self.0.extend(error.fields().iter().cloned().map(|fault| FieldError { field: field.to_owned(), ..fault }));
    }

    /// Keeps a good value, or what is wrong with it.
    pub(crate) fn keep<T>(&mut self, result: Result<T>, value: &mut T) {
        match result {
            Ok(good) => *value = good,
            Err(error) => self.0.extend_from_slice(error.fields()),
        }
    }

    /// Applies an edit of one line of text; an empty one clears the field.
    pub(crate) fn line(&mut self, field: &str, edit: Edit<String>, max_chars: usize, value: &mut Option<String>) {
        match edit {
            Edit::Keep => {}
            Edit::Clear => *value = None,
            Edit::Set(text) if text.trim().is_empty() => *value = None,
            Edit::Set(text) => match text::clean_line(field, &text, max_chars) {
                Ok(clean) => *value = Some(clean),
                Err(error) => self.0.extend_from_slice(error.fields()),
            },
        }
    }

    /// Merges custom values key by key; `null` is kept until the values are checked against their
    /// definitions.
    pub(crate) fn custom(&mut self, edit: Edit<CustomValues>, values: &mut CustomValues) {
        match edit {
            Edit::Keep => {}
            Edit::Clear => values.clear(),
            Edit::Set(changes) => values.extend(changes),
        }
    }

    /// Fails where a rule is broken.
    pub(crate) fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::invalid_fields(self.0)) }
    }
}
