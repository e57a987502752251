//! Which column fills which field: what the caller says, else what the header's names suggest.

use std::collections::BTreeSet;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::header::{self, Confidence, Guess, Target};
use super::model::ImportOptions;
use crate::access::{Entity, FieldMask};
use crate::custom_field::{CustomField, CustomKind, NewCustomField};
use crate::error::{Error, FieldError, Result};
use crate::filter::CUSTOM_PREFIX;

/// What an import can fill of a contact, besides custom fields.
const CONTACT: &[&str] = &[
    "id",
    "external_id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "title",
    "company",
    "company_id",
    "owner",
    "lifecycle",
    "source",
    "tags",
    "created_at",
];
/// What an import can fill of a company, besides custom fields.
const COMPANY: &[&str] =
    &["id", "external_id", "name", "domain", "industry", "employees", "owner", "tags", "created_at"];
/// What an import can fill of a deal, besides custom fields.
const DEAL: &[&str] = &[
    "id",
    "external_id",
    "title",
    "value",
    "value_estimated",
    "currency",
    "pipeline",
    "stage",
    "status",
    "company",
    "company_id",
    "contact",
    "contact_id",
    "owner",
    "product",
    "source",
    "tags",
    "opened_at",
    "closed_at",
    "expected_close_date",
    "probability",
    "forecast_category",
    "lost_reason",
    "created_at",
];

/// The key of the custom field that keeps what a deal is about.
pub(super) const PRODUCT: &str = "product";

/// What an import can fill of a task, besides custom fields.
const TASK: &[&str] = &[
    "id",
    "external_id",
    "title",
    "description",
    "kind",
    "priority",
    "status",
    "due_at",
    "due_date",
    "duration_minutes",
    "reminder",
    "recurrence",
    "completed_at",
    "company",
    "company_id",
    "contact",
    "contact_id",
    "deal_id",
    "assignee",
    "tags",
    "created_at",
];

/// Columns of an export that nobody sets.
const UNSET: &[&str] = &["updated_at", "stage_entered_at"];
/// The columns in front of a file of refused rows: where each row was, and why it was refused.
pub(super) const NOTES: [&str; 3] = ["line", "field", "reason"];

/// How many columns of a file are such notes.
pub(super) fn notes(headers: &[String]) -> usize {
    let has_notes = headers.len() > NOTES.len() && headers.iter().zip(NOTES).all(|(header, note)| header == note);
    if has_notes { NOTES.len() } else { 0 }
}

/// Which custom fields an import defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defines {
    /// None.
    Nothing,
    /// The product of deals, whose list came with the file.
    Product,
    /// One for each column that matches nothing.
    Everything,
}

/// A custom field that a column which matches nothing would become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewField {
    /// The column, counted from 0.
    pub column: usize,
    /// Its name in the file, and the field's label.
    pub header: String,
    /// The field's key.
    pub key: String,
}

impl NewField {
    /// The definition that makes it: of text, or of these choices.
    pub(super) fn definition(&self, entity: Entity, choices: Vec<String>) -> NewCustomField {
        NewCustomField {
            entity,
            key: self.key.clone(),
            // Spreadsheets break lines within a header.
            label: self.header.replace(char::is_control, " ").chars().take(100).collect(),
            kind: if choices.is_empty() { CustomKind::Text } else { CustomKind::Choice },
            choices,
            target: None,
            required: false,
        }
    }
}

/// The fields of a file's columns.
#[derive(Debug)]
pub(super) struct Mapping {
    /// One a column, in their order.
    pub(super) guesses: Vec<Guess>,
    /// Columns that match nothing.
    pub(super) new_fields: Vec<NewField>,
    /// What the importer should know.
    pub(super) warnings: Vec<String>,
}

/// The fields that the caller may fill; a hidden one is as unknown as any other.
pub(super) fn targets(entity: Entity, mask: &FieldMask, definitions: &[CustomField]) -> Result<Vec<Target>> {
    let (keys, synonyms) = match entity {
        Entity::Contact => (CONTACT, header::contact_synonyms()),
        Entity::Company => (COMPANY, header::company_synonyms()),
        Entity::Deal => (DEAL, header::deal_synonyms()),
        Entity::Task => (TASK, header::task_synonyms()),
        _ => return Err(Error::invalid("entity", "entity", format!("a {entity} cannot be imported"))),
    };
    // What is said of an amount is hidden with the amount.
    let is_seen = |key: &str| !mask.hides(if matches!(key, "currency" | "value_estimated") { "value" } else { key });
    let built_in = keys.iter().filter(|key| is_seen(key)).map(|key| Target::new(*key, key.replace('_', " "), synonyms));
    let custom = definitions.iter().filter(|field| is_seen(&field.filter_key()));
    let custom = custom.map(|field| Target {
        key: field.filter_key(),
        label: field.label.clone(),
        synonyms: vec![field.key.clone()],
    });
    Ok(built_in.chain(custom).collect())
}

impl Mapping {
    /// Decides about every column.
    ///
    /// # Errors
    /// `Invalid` at `mapping.<header>` for a header that the file lacks, an unknown field and a field
    /// that two columns shall fill; at `values.<field>` for an unknown field; at `mapping` where no
    /// column fills anything.
    pub(super) fn new(
        entity: Entity,
        headers: &[String],
        options: &ImportOptions,
        targets: &[Target],
        definitions: &[CustomField],
        defines: Defines,
    ) -> Result<Self> {
        let given = given_fields(entity, headers, options, targets)?;
        let taken: BTreeSet<&str> = given.iter().flatten().copied().collect();
        let free: Vec<Target> = targets.iter().filter(|target| !taken.contains(target.key.as_str())).cloned().collect();
        // A column that the caller decided about takes part in no guess.
        let open: Vec<String> = headers
            .iter()
            .zip(&given)
            .map(|(header, given)| if given.is_some() { String::new() } else { header.clone() })
            .collect();
        let mut guesses = header::guess(entity, &open, &free);
        for ((guess, header), given) in guesses.iter_mut().zip(headers).zip(&given) {
            guess.header.clone_from(header);
            if let Some(field) = given.filter(|field| !field.is_empty()) {
                (guess.field, guess.confidence) = (Some(field.to_owned()), Confidence::Exact);
            }
        }
        let mut mapping = Self { guesses, new_fields: Vec::new(), warnings: Vec::new() };
        mapping.new_fields = mapping.unmatched(&given, definitions);
        mapping.settle_product(targets, defines, definitions);
        mapping.fill_new_fields(defines);
        if mapping.guesses.iter().all(|guess| guess.field.is_none()) {
            let message = format!("no column of the file is a known field of a {entity}");
            return Err(Error::invalid("mapping", "required", message));
        }
        Ok(mapping)
    }

    /// The columns that match nothing and were not left out, with the keys they would get.
    fn unmatched(&self, given: &[Option<&str>], definitions: &[CustomField]) -> Vec<NewField> {
        let mut keys: BTreeSet<String> = definitions.iter().map(|field| field.key.clone()).collect();
        let open = self.guesses.iter().zip(given).filter(|(guess, given)| {
            let is_left_out = **given == Some("");
            guess.field.is_none() && !is_left_out && !guess.header.trim().is_empty()
        });
        open.map(|(guess, _)| {
            let key = free_key(&key_of(&guess.header), &keys);
            keys.insert(key.clone());
            NewField { column: guess.column, header: guess.header.trim().to_owned(), key }
        })
        .collect()
    }

    /// Deals have no product of their own: it goes to the custom field of that key, where the
    /// workspace has one or may get one, and into the titles of deals without one.
    fn settle_product(&mut self, targets: &[Target], defines: Defines, definitions: &[CustomField]) {
        const CUSTOM: &str = "custom.product";
        let Some(at) = self.guesses.iter().position(|guess| guess.field.as_deref() == Some("product")) else { return };
        let is_taken = self.guesses.iter().any(|guess| guess.field.as_deref() == Some(CUSTOM));
        let is_defined = targets.iter().any(|target| target.key == CUSTOM);
        let Some(guess) = self.guesses.get_mut(at) else { return };
        if is_defined && !is_taken {
            guess.field = Some(CUSTOM.to_owned());
            return;
        }
        let can_be_defined = definitions.iter().all(|field| field.key != "product");
        if can_be_defined {
            self.new_fields.retain(|field| field.key != "product");
            self.new_fields.push(NewField { column: at, header: guess.header.clone(), key: "product".to_owned() });
        }
        if !can_be_defined || defines == Defines::Nothing {
            let column = &guess.header;
            self.warnings.push(format!("column {column:?} only names deals: there is no custom field \"product\""));
        }
    }

    /// The new fields that the import defines.
    pub(super) fn defined(&self, defines: Defines) -> impl Iterator<Item = &NewField> {
        self.new_fields.iter().filter(move |field| match defines {
            Defines::Nothing => false,
            Defines::Product => field.key == PRODUCT,
            Defines::Everything => true,
        })
    }

    fn fill_new_fields(&mut self, defines: Defines) {
        let defined: Vec<NewField> = self.defined(defines).cloned().collect();
        for field in &defined {
            if let Some(guess) = self.guesses.get_mut(field.column) {
                guess.field = Some(format!("{CUSTOM_PREFIX}{}", field.key));
                guess.confidence = Confidence::Exact;
            }
        }
    }
}

/// What the caller says about each column: a field, or nothing at all to leave it out. Columns that are
/// ours and fill nothing are left out unless the caller says otherwise.
fn given_fields<'a>(
    entity: Entity,
    headers: &[String],
    options: &'a ImportOptions,
    targets: &[Target],
) -> Result<Vec<Option<&'a str>>> {
    let is_known = |field: &str| targets.iter().any(|target| target.key == field);
    let unknown = |field: &str| format!("{field:?} is not a field of a {entity} that an import can fill");
    let mut faults = Vec::new();
    let notes = notes(headers);
    let is_own = |(at, header): (usize, &String)| at < notes || UNSET.contains(&header.as_str());
    let mut given: Vec<Option<&str>> = headers.iter().enumerate().map(|column| is_own(column).then_some("")).collect();
    let mut taken = BTreeSet::new();
    for (header, field) in &options.mapping {
        let at = format!("mapping.{header}");
        if !field.is_empty() && !is_known(field) {
            faults.push(FieldError::new(&at, "unknown_field", unknown(field)));
        }
        let columns = given.iter_mut().zip(headers).filter(|(_, known)| known.trim() == header.trim());
        let columns: Vec<_> = columns.map(|(given, _)| *given = Some(field)).collect();
        if columns.is_empty() {
            faults.push(FieldError::new(&at, "unknown_column", "the file has no such column"));
        }
        if !field.is_empty() && (columns.len() > 1 || !taken.insert(field)) {
            faults.push(FieldError::new(&at, "duplicate", format!("two columns would fill {field:?}")));
        }
    }
    for field in options.values.keys().filter(|field| !is_known(field)) {
        faults.push(FieldError::new(format!("values.{field}"), "unknown_field", unknown(field)));
    }
    if faults.is_empty() { Ok(given) } else { Err(Error::invalid_fields(faults)) }
}

/// The key that a header suggests: its ASCII letters and digits in lower case, accents dropped.
fn key_of(header: &str) -> String {
    let mut key = String::new();
    for letter in header.nfkd().filter(|letter| !unicode_normalization::char::is_combining_mark(*letter)) {
        if letter.is_ascii_alphanumeric() {
            key.push(letter.to_ascii_lowercase());
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    let key = key.trim_end_matches('_');
    let starts_well = key.starts_with(|first: char| first.is_ascii_lowercase());
    let key = if starts_well { key.to_owned() } else { format!("field_{key}") };
    key.chars().take(56).collect::<String>().trim_end_matches('_').to_owned()
}

/// The key itself, or the first of its numbered forms that is free.
fn free_key(key: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..1_000).map(|number| format!("{key}_{number}"));
    let mut keys = std::iter::once(key.to_owned()).chain(numbered);
    keys.find(|key| !taken.contains(key)).unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entity: Entity, headers: &[&str], options: &ImportOptions) -> Result<Mapping> {
        let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
        let targets = targets(entity, &FieldMask::of(["phone"]), &[])?;
        let defines = if options.create_fields { Defines::Everything } else { Defines::Nothing };
        Mapping::new(entity, &headers, options, &targets, &[], defines)
    }

    fn with_mapping(pairs: &[(&str, &str)]) -> ImportOptions {
        let mapping = pairs.iter().map(|(header, field)| (header.to_string(), field.to_string())).collect();
        ImportOptions { mapping, ..ImportOptions::default() }
    }

    fn fields(mapping: &Mapping) -> Vec<&str> {
        mapping.guesses.iter().map(|guess| guess.field.as_deref().unwrap_or("-")).collect()
    }

    #[test]
    fn the_caller_outweighs_the_guess() {
        let options = with_mapping(&[("Mail", "source"), ("Backup", "email"), ("Last", "")]);
        let mapping = map(Entity::Contact, &["First name", "Last", "Mail", "Backup"], &options).unwrap();
        assert_eq!(fields(&mapping), ["first_name", "-", "source", "email"]);
        assert!(mapping.new_fields.is_empty());
    }

    #[test]
    fn unknown_and_hidden_fields_and_columns_are_refused_by_name() {
        let options = with_mapping(&[("Phone", "phone"), ("Nope", "email"), ("First", "shoe_size")]);
        let error = map(Entity::Contact, &["Phone", "First"], &options).unwrap_err();
        let faults: Vec<_> = error.fields().iter().map(|fault| (fault.field.as_str(), &*fault.code)).collect();
        let expected = [
            ("mapping.First", "unknown_field"),
            ("mapping.Nope", "unknown_column"),
            ("mapping.Phone", "unknown_field"),
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn one_field_is_filled_by_one_column() {
        let options = with_mapping(&[("A", "email"), ("B", "email")]);
        assert_eq!(map(Entity::Contact, &["A", "B"], &options).unwrap_err().fields()[0].code, "duplicate");
        assert_eq!(map(Entity::Contact, &["X"], &ImportOptions::default()).unwrap_err().fields()[0].field, "mapping");
    }

    #[test]
    fn columns_that_match_nothing_can_become_fields() {
        let headers = ["Name", "Größe (cm)", "2nd floor", "größe cm", ""];
        let options = ImportOptions { create_fields: true, ..ImportOptions::default() };
        let mapping = map(Entity::Company, &headers, &options).unwrap();
        assert_eq!(fields(&mapping), ["name", "custom.gro_e_cm", "custom.field_2nd_floor", "custom.gro_e_cm_2", "-"]);
    }

    #[test]
    fn a_product_without_a_field_is_a_warning() {
        let mapping = map(Entity::Deal, &["Title", "Product"], &ImportOptions::default()).unwrap();
        assert_eq!((fields(&mapping), mapping.warnings.len()), (vec!["title", "product"], 1));
    }
}
