//! Which column of a file is which field: guessed from the names that other programs give their
//! columns, for a person to confirm.

mod synonyms;

use serde::{Deserialize, Serialize};

pub use synonyms::{company_synonyms, contact_synonyms, deal_synonyms, task_synonyms};

use crate::access::Entity;
use crate::text;

/// A field that a column may fill; each room supplies its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Key of the field, as in `first_name`.
    pub key: String,
    /// Name of the field for people, as in `First name`.
    pub label: String,
    /// Other names of such a column; the earlier, the better.
    pub synonyms: Vec<String>,
}

impl Target {
    /// A target with the synonyms that a table such as [`contact_synonyms`] has for its key.
    pub fn new(key: impl Into<String>, label: impl Into<String>, table: &[(&str, &[&str])]) -> Self {
        let key = key.into();
        let known = table.iter().find(|(named, _)| *named == key);
        let synonyms = known.map_or(&[][..], |(_, names)| names);
        Self { label: label.into(), synonyms: synonyms.iter().map(ToString::to_string).collect(), key }
    }
}

/// Why a column is taken for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Confidence {
    /// It has the field's key or label for a name.
    Exact,
    /// It has a known other name of the field.
    Synonym,
    /// It is taken for no field.
    None,
}

/// What one column is taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Guess {
    /// The column, counted from 0.
    pub column: usize,
    /// Its name in the file.
    pub header: String,
    /// Key of the field; none if it matches nothing, or if a better column has the field.
    pub field: Option<String>,
    /// Why.
    pub confidence: Confidence,
}

/// Quality of a match, the best first: the kind of match, how the name was read, which synonym.
type Rank = (bool, usize, usize);

/// Guesses the field of each column, in the order of the columns; no field is given twice.
///
/// Case, spaces and punctuation of a name do not count, nor does a unit in brackets. The kind of record
/// in front of `Person - Email` does not count either if the rows are of that kind; the others are not
/// ours, so `Organization - Name` among persons never becomes their name.
pub fn guess(entity: Entity, columns: &[String], fields: &[Target]) -> Vec<Guess> {
    let names: Vec<Names> = fields.iter().map(Names::new).collect();
    let mut matches: Vec<(Rank, usize, usize)> = Vec::new();
    for (column, header) in columns.iter().enumerate() {
        let readings = readings(header, prefixes(entity));
        let ranked = names.iter().enumerate();
        matches.extend(ranked.filter_map(|(i, names)| Some((names.rank(&readings)?, column, i))));
    }
    matches.sort_unstable();
    let mut taken = vec![false; fields.len()];
    let mut guesses: Vec<Guess> = columns.iter().enumerate().map(unmatched).collect();
    for ((by_synonym, ..), column, target) in matches {
        let free = taken.get_mut(target).filter(|taken| !**taken);
        let open = guesses.get_mut(column).filter(|guess| guess.field.is_none());
        if let (Some(taken), Some(guess), Some(field)) = (free, open, fields.get(target)) {
            *taken = true;
            guess.field = Some(field.key.clone());
            guess.confidence = if by_synonym { Confidence::Synonym } else { Confidence::Exact };
        }
    }
    guesses
}

fn unmatched((column, header): (usize, &String)) -> Guess {
    Guess { column, header: header.clone(), field: None, confidence: Confidence::None }
}

/// A target's names with all but letters and digits left out.
struct Names {
    own: [String; 2],
    synonyms: Vec<String>,
}

impl Names {
    fn new(target: &Target) -> Self {
        Self {
            own: [squash(&target.key), squash(&target.label)],
            synonyms: target.synonyms.iter().map(|name| squash(name)).collect(),
        }
    }

    fn rank(&self, readings: &[String]) -> Option<Rank> {
        let own = readings.iter().position(|reading| self.own.contains(reading));
        let exact = own.map(|reading| (false, reading, 0));
        exact.or_else(|| {
            readings.iter().enumerate().find_map(|(i, reading)| {
                let synonym = self.synonyms.iter().position(|name| name == reading)?;
                Some((true, i, synonym))
            })
        })
    }
}

/// The ways to read a column's name, the most literal first; none for a nameless column.
fn readings(header: &str, own: &[&str]) -> Vec<String> {
    let bare = text::outside_brackets(header);
    let mut readings = vec![squash(header), squash(&bare)];
    if let Some((entity, name)) = bare.split_once(" - ")
        && own.contains(&squash(entity).as_str())
    {
        readings.push(squash(name));
    }
    readings.retain(|reading| !reading.is_empty());
    readings.dedup();
    readings
}

/// What other programs call records of a kind, in front of a ` - `.
fn prefixes(entity: Entity) -> &'static [&'static str] {
    match entity {
        Entity::Contact => &["person", "people", "contact", "lead"],
        Entity::Company => &["organization", "organisation", "company", "account"],
        Entity::Deal => &["deal", "opportunity"],
        Entity::Task => &["task", "activity"],
        _ => &[],
    }
}

/// The letters and digits of a name, in lower case.
pub(super) fn squash(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
