//! What is searched for, and what is found.

use std::cmp::Reverse;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::Entity;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::{Error, Result};
use crate::filter::Terms;
use crate::task::Task;
use crate::text::{self, Domain, Email};
use crate::time::Timestamp;

/// A kind of record that searches find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum HitKind {
    /// A contact.
    Contact,
    /// A company.
    Company,
    /// A deal.
    Deal,
    /// A task.
    Task,
}

impl HitKind {
    /// Every kind.
    pub const ALL: [HitKind; 4] = [HitKind::Contact, HitKind::Company, HitKind::Deal, HitKind::Task];

    /// The kind of record.
    pub const fn entity(self) -> Entity {
        match self {
            HitKind::Contact => Entity::Contact,
            HitKind::Company => Entity::Company,
            HitKind::Deal => Entity::Deal,
            HitKind::Task => Entity::Task,
        }
    }
}

impl FromStr for HitKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.entity().name() == name)
            .ok_or_else(|| Error::invalid("types", "unknown_choice", "is none of contact, company, deal, task"))
    }
}

/// A search as a caller asks for it, not checked yet.
#[derive(Clone, Debug, Default)]
pub struct SearchRequest {
    /// Words, all of which must be found; each may be the start of a longer word.
    pub q: String,
    /// Which kinds of record; those that the caller may read where empty.
    pub types: Vec<HitKind>,
    /// Hits, 1 to 200; 50 where absent.
    pub limit: Option<u16>,
}

/// How well a record matches; the best comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Match {
    /// The words are the whole name, the e-mail address or the domain.
    Exact,
    /// The words begin the name, or the family name.
    Prefix,
    /// The words are somewhere in what is searched.
    Words,
}

/// One record that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hit {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: HitKind,
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub title: String,
    /// What tells it apart from others of its name, as far as the caller sees it.
    pub subtitle: Option<String>,
    /// How well it matches.
    pub matched: Match,
}

/// What is searched for, in the forms in which it is compared.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The query without the spaces around it.
    pub(super) line: String,
    /// The words that must be found.
    pub(super) terms: Terms,
    /// The query's tokens in their order.
    folded: String,
    /// The e-mail address that the query is.
    pub(super) email: Option<Email>,
    /// The domain that the query is.
    pub(super) domain: Option<Domain>,
}

impl Wanted {
    /// Reads a query.
    ///
    /// # Errors
    /// `Invalid` at `q` for one without a letter or digit, and for one that is too long.
    pub(super) fn parse(query: &str) -> Result<Self> {
        let line = query.trim();
        let terms = Terms::parse(line)?.ok_or_else(|| Error::invalid("q", "required", "needs a letter or a digit"))?;
        Ok(Self {
            line: line.to_owned(),
            terms,
            folded: folded(line),
            email: line.parse().ok(),
            domain: line.parse().ok(),
        })
    }

    /// How well names match, the whole name first; `is_key` where the record has the query's address.
    fn rank(&self, names: &[&str], is_key: bool) -> Match {
        let mut names = names.iter().map(|name| folded(name));
        let whole = names.next().unwrap_or_default();
        if is_key || whole == self.folded {
            return Match::Exact;
        }
        let begins = |name: String| name.starts_with(&self.folded);
        if begins(whole) || names.any(begins) { Match::Prefix } else { Match::Words }
    }
}

/// A text's search tokens in their order, so that case, marks and punctuation tell nothing apart.
fn folded(text: &str) -> String {
    text::tokens(text).join(" ")
}

/// A hit with what orders it.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    pub(super) hit: Hit,
    created_at: Timestamp,
}

impl Ranked {
    /// The order of an answer: the best first, then the newest.
    pub(super) fn place(&self) -> (Match, Reverse<Timestamp>, Reverse<Uuid>) {
        (self.hit.matched, Reverse(self.created_at), Reverse(self.hit.id))
    }
}

/// A record that searches find, ranked as the caller sees it.
pub(super) trait Findable {
    /// The hit that it is.
    fn ranked(&self, wanted: &Wanted) -> Ranked;
}

impl Findable for Contact {
    fn ranked(&self, wanted: &Wanted) -> Ranked {
        let (first, last) = (self.first_name.as_deref(), self.last_name.as_deref());
        let whole = [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let names = [whole.as_str(), last.unwrap_or_default()];
        let is_key = wanted.email.is_some() && wanted.email == self.email;
        let hit = Hit {
            kind: HitKind::Contact,
            id: self.id.uuid(),
            title: self.display_name(),
            subtitle: subtitle([self.title.clone(), self.email.as_ref().map(Email::to_string)]),
            matched: wanted.rank(&names, is_key),
        };
        Ranked { hit, created_at: self.created_at }
    }
}

impl Findable for Company {
    fn ranked(&self, wanted: &Wanted) -> Ranked {
        let is_key = wanted.domain.is_some() && wanted.domain == self.domain;
        let hit = Hit {
            kind: HitKind::Company,
            id: self.id.uuid(),
            title: self.name.clone(),
            subtitle: subtitle([self.domain.as_ref().map(Domain::to_string), self.industry.clone()]),
            matched: wanted.rank(&[&self.name], is_key),
        };
        Ranked { hit, created_at: self.created_at }
    }
}

impl Findable for Deal {
    fn ranked(&self, wanted: &Wanted) -> Ranked {
        let hit = Hit {
            kind: HitKind::Deal,
            id: self.id.uuid(),
            title: self.title.clone(),
            subtitle: subtitle([Some(self.status.name().to_owned()), self.value.map(|value| value.to_string())]),
            matched: wanted.rank(&[&self.title], false),
        };
        Ranked { hit, created_at: self.created_at }
    }
}

impl Findable for Task {
    fn ranked(&self, wanted: &Wanted) -> Ranked {
        let hit = Hit {
            kind: HitKind::Task,
            id: self.id.uuid(),
            title: self.title.clone(),
            subtitle: subtitle([Some(self.kind.name().to_owned()), Some(self.status.name().to_owned())]),
            matched: wanted.rank(&[&self.title], false),
        };
        Ranked { hit, created_at: self.created_at }
    }
}

fn subtitle(parts: [Option<String>; 2]) -> Option<String> {
    let known: Vec<String> = parts.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(query: &str, names: &[&str]) -> Match {
        Wanted::parse(query).unwrap().rank(names, false)
    }

    #[test]
    fn a_whole_name_is_exact_whatever_its_case_marks_and_points() {
        assert_eq!(rank("acme inc", &["ACME, Inc."]), Match::Exact);
        assert_eq!(rank("jose alvarez", &["José Álvarez", "Álvarez"]), Match::Exact);
        assert_eq!(rank("acme", &["Acme Inc"]), Match::Prefix);
        assert_eq!(rank("ada lov", &["Ada Lovelace", "Lovelace"]), Match::Prefix);
        assert_eq!(rank("love", &["Ada Lovelace", "Lovelace"]), Match::Prefix);
        assert_eq!(rank("lovelace ada", &["Ada Lovelace", "Lovelace"]), Match::Words);
        assert_eq!(rank("inc", &["Acme Inc"]), Match::Words);
        assert_eq!(rank("x", &["", ""]), Match::Words);
    }

    #[test]
    fn a_query_without_a_word_is_refused() {
        for query in ["", "  ", "%_", "·"] {
            assert_eq!(Wanted::parse(query).unwrap_err().fields()[0].code, "required", "{query:?}");
        }
        assert_eq!(Wanted::parse("https://www.acme.com/x").unwrap().domain.unwrap().as_str(), "acme.com");
    }
}
