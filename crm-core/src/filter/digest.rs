//! Fingerprints: the same filter gives the same number on every machine and release.

use sha2::{Digest as _, Sha256};

use super::Filter;
use super::catalogue::{Field, Source};
use super::checked::{Check, CheckedFilter, Terms, Test};
use super::value::Literal;

impl Filter {
    /// A digest of the filter as written, for cursors: relative times and `me` stay as they are.
    pub fn fingerprint(&self) -> u64 {
        let mut digest = Digest(Sha256::new());
        // The wire form has one spelling for each filter.
        digest.text(&serde_json::to_string(self).unwrap_or_default());
        digest.finish()
    }
}

/// The fingerprint of a checked filter.
pub(super) fn checked(filter: &CheckedFilter) -> u64 {
    let mut digest = Digest(Sha256::new());
    digest.filter(filter);
    digest.finish()
}

/// Feeds a canonical form to the hash: each text behind its length, each list behind its count.
struct Digest(Sha256);

impl Digest {
    fn finish(self) -> u64 {
        self.0.finalize().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn list<T>(&mut self, name: &str, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.text(name);
        self.0.update((items.len() as u64).to_be_bytes());
        items.iter().for_each(|item| each(self, item));
    }

    fn filter(&mut self, filter: &CheckedFilter) {
        match filter {
            CheckedFilter::All(parts) => self.list("all", parts, Self::filter),
            CheckedFilter::Any(parts) => self.list("any", parts, Self::filter),
            CheckedFilter::Not(part) => {
                self.text("not");
                self.filter(part);
            }
            CheckedFilter::Is(test) => self.test(test),
            CheckedFilter::Related { relation, filter } => {
                self.text("related");
                self.text(relation.key);
                self.text(relation.entity.name());
                self.filter(filter);
            }
            CheckedFilter::Matches(terms) => self.terms(terms),
        }
    }

    fn terms(&mut self, terms: &Terms) {
        self.text(if terms.open_only() { "matches_open" } else { "matches" });
        self.list("terms", terms.prefixes(), |digest, prefix| digest.text(prefix));
    }

    fn test(&mut self, Test { field, check }: &Test) {
        self.field(field);
        match check {
            Check::Eq(literal) => self.list("eq", &[literal], |digest, literal| digest.literal(literal)),
            Check::Ne(literal) => self.list("ne", &[literal], |digest, literal| digest.literal(literal)),
            Check::Lt(literal) => self.list("lt", &[literal], |digest, literal| digest.literal(literal)),
            Check::Le(literal) => self.list("le", &[literal], |digest, literal| digest.literal(literal)),
            Check::Gt(literal) => self.list("gt", &[literal], |digest, literal| digest.literal(literal)),
            Check::Ge(literal) => self.list("ge", &[literal], |digest, literal| digest.literal(literal)),
            Check::Between(low, high) => {
                self.list("between", &[low, high], |digest, literal| digest.literal(literal));
            }
            Check::In(literals) => self.list("in", literals, Self::literal),
            Check::Contains(text) => self.list("contains", &[text], |digest, text| digest.text(text)),
            Check::StartsWith(text) => self.list("starts_with", &[text], |digest, text| digest.text(text)),
            Check::IsNull => self.text("is_null"),
            Check::NotNull => self.text("not_null"),
            Check::HasAny(tags) => self.list("has_any", tags, |digest, tag| digest.text(tag)),
            Check::HasAll(tags) => self.list("has_all", tags, |digest, tag| digest.text(tag)),
            Check::HasNone(tags) => self.list("has_none", tags, |digest, tag| digest.text(tag)),
        }
    }

    fn field(&mut self, field: &Field) {
        self.text("is");
        self.text(&field.key);
        match field.source {
            Source::Column => self.text("column"),
            Source::Custom(definition) => self.bytes(definition.as_bytes()),
        }
    }

    fn literal(&mut self, literal: &Literal) {
        let (kind, bytes) = match literal {
            Literal::Text(text) => ("text", text.as_bytes().to_vec()),
            Literal::Integer(number) => ("integer", number.to_be_bytes().to_vec()),
            Literal::Real(number) => ("real", number.to_be_bytes().to_vec()),
            Literal::Time(time) => ("time", time.micros().to_be_bytes().to_vec()),
            Literal::Date(date) => ("date", date.to_string().into_bytes()),
            Literal::Bool(truth) => ("bool", vec![u8::from(*truth)]),
            Literal::Id(id) => ("id", id.as_bytes().to_vec()),
            Literal::Money { amount_minor, currency } => ("money", format!("{amount_minor} {currency}").into_bytes()),
        };
        self.text(kind);
        self.bytes(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::op::Op;
    use super::*;

    fn checks(check: Check) -> CheckedFilter {
        CheckedFilter::is(Field::text("name"), check)
    }

    #[test]
    fn fingerprints_never_change() {
        let filter = Filter::is("score", Op::Gt, 80).negated();
        assert_eq!(filter.fingerprint(), 5_385_194_390_520_596_809);
        let checked = checks(Check::In(vec![Literal::text("Ünï"), Literal::Bool(true)])).negated();
        assert_eq!(checked.fingerprint(), 9_566_368_009_776_693_950);
    }

    #[test]
    fn what_differs_has_another_fingerprint() {
        let text = Literal::text;
        let filters = [
            CheckedFilter::everything(),
            CheckedFilter::nothing(),
            checks(Check::IsNull),
            checks(Check::Eq(text("a"))),
            checks(Check::Ne(text("a"))),
            checks(Check::In(vec![text("a")])),
            checks(Check::In(vec![text("a"), text("b")])),
            checks(Check::In(vec![text("ab")])),
            checks(Check::Between(text("a"), text("b"))),
            checks(Check::Contains("a".into())),
            checks(Check::Eq(text("a"))).negated(),
            CheckedFilter::Matches(Terms::parse("a").unwrap().unwrap()),
            CheckedFilter::Matches(Terms::parse("a").unwrap().unwrap().in_open_text()),
        ];
        let mut prints: Vec<u64> = filters.iter().map(CheckedFilter::fingerprint).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), filters.len());
    }
}
