//! Search words: what a record is found by.
//!
//! Core cuts a record's text into tokens. Each is kept as `<workspace key><part><token>`, so that
//! a prefix search reads the words of one workspace and of the parts that the caller may search.

use crm_core::Entity;
use crm_core::access::{Listed, SearchPart};
use crm_core::filter::Terms;
use crm_core::store::Put;
use crm_core::text;
use uuid::Uuid;

/// The table of a kind of record's words.
pub(crate) fn words_table(entity: Entity) -> Option<&'static str> {
    match entity {
        Entity::Contact => Some("contacts_words"),
        Entity::Company => Some("companies_words"),
        Entity::Deal => Some("deals_words"),
        Entity::Task => Some("tasks_words"),
        Entity::Note => Some("notes_words"),
        Entity::User => Some("users_words"),
        _ => None,
    }
}

/// A word of text that no mask hides.
const OPEN: char = 'o';
/// A word of text that a mask can hide.
const HIDEABLE: char = 'h';

/// A record's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) id: Uuid,
    open: Vec<String>,
    hideable: Vec<String>,
}

impl Document {
    /// The words of a record.
    pub(crate) fn of<T: Listed>(record: &T) -> Self {
        let tokens = |part| {
            let mut tokens = text::tokens(&record.search_text(part));
            tokens.sort_unstable();
            tokens.dedup();
            tokens
        };
        Self { id: record.uuid(), open: tokens(SearchPart::Open), hideable: tokens(SearchPart::Hideable) }
    }

    /// The words of a record that are to be kept anew; none where they stay. The text is looked at first,
    /// because most changes leave it and to cut it into words takes longer.
    pub(crate) fn anew<T: Listed>(put: &Put<T>) -> Option<Self> {
        let text = |record: &T| [SearchPart::Open, SearchPart::Hideable].map(|part| record.search_text(part));
        let stays = |before: &T| text(before) == text(&put.after) || Self::of(before) == Self::of(&put.after);
        (!put.before.as_ref().is_some_and(stays)).then(|| Self::of(&put.after))
    }

    /// The words as they are kept.
    pub(crate) fn words(&self, workspace: i64) -> Vec<String> {
        let kept = |part: char| move |token: &String| format!("{workspace}{part}{token}");
        self.open.iter().map(kept(OPEN)).chain(self.hideable.iter().map(kept(HIDEABLE))).collect()
    }
}

/// What is searched.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    prefixes: Vec<String>,
    parts: &'static [char],
}

impl Search {
    /// The search for these terms.
    pub(crate) fn new(terms: &Terms) -> Self {
        let parts: &[char] = if terms.open_only() { &[OPEN] } else { &[OPEN, HIDEABLE] };
        Self { prefixes: terms.prefixes().to_vec(), parts }
    }

    /// Of each term the prefixes of kept words, one of which must begin a word.
    pub(crate) fn terms(&self, workspace: i64) -> Vec<Vec<String>> {
        let term = |prefix: &String| self.parts.iter().map(|part| format!("{workspace}{part}{prefix}")).collect();
        self.prefixes.iter().map(term).collect()
    }
}
