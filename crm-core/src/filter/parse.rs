//! The text form of a filter, for people and the command line.
//!
//! ```text
//! lifecycle = lead and (first_name ~ "an" or not tags has_any [vip, "big fish"])
//!     and company.industry = retail and created_at >= ago P7D and owner_id = me
//! ```
//!
//! ```text
//! filter     = all { "or" all }
//! all        = part { "and" part }
//! part       = "not" part | "(" filter ")" | "related" "(" name ":" filter ")"
//!            | ( "all" | "any" ) "(" [ filter { "," filter } ] ")"
//!            | [ relation "." ] name test
//! test       = operator operand | "is" [ "not" ] "null" | "between" value "and" value
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | a name on the wire, as in starts_with
//! operand    = value | "[" [ value { "," value } ] "]"
//! value      = word | quoted | number | "true" | "false" | "me" | "my_team"
//!            | ( "ago" | "ahead" ) duration | "start_of" period [ "+2" | "-1" ]
//!            | "money" "(" minor-units currency ")"
//! ```
//!
//! `~` is `contains`. A quoted text escapes `"` and `\` with `\`, and anything with `\n`, `\r`,
//! `\t` or `\u{hex}`. A quoted name stands for itself, dots included. `and` binds tighter than `or`;
//! `a and b and c` is one `all` of three, `(a and b) and c` is two. Keywords ignore case.

use std::str::FromStr;

use super::catalogue::CUSTOM_PREFIX;
use super::op::Op;
use super::scan::Scanner;
use super::value::{Operand, Scalar};
use super::{Comparison, Filter, MAX_DEPTH, MAX_LIST, MAX_NODES, print};
use crate::error::{Error, Result};

impl FromStr for Filter {
    type Err = Error;

    /// Reads the text form.
    ///
    /// # Errors
    /// `Invalid` at `filter`: `syntax` with the column (from 1, in characters), `too_deep`, `too_long`.
    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser { scan: Scanner::new(text), calls: 0, nodes: 0 };
        let filter = parser.filter()?;
        if !parser.scan.is_at_end() {
            return Err(parser.scan.expected("`and`, `or` or the end"));
        }
        filter.within_limits()?;
        Ok(filter)
    }
}

const DURATION: &str = "a duration, as in P7D";

/// Parentheses nest a little deeper than filters; beyond this the text is hostile.
const MAX_CALLS: usize = 4 * MAX_DEPTH;

struct Parser<'a> {
    scan: Scanner<'a>,
    calls: usize,
    nodes: usize,
}

impl Parser<'_> {
    fn filter(&mut self) -> Result<Filter> {
        self.chain("or", Filter::Any, |parser| parser.chain("and", Filter::All, Self::part))
    }

    /// Parts with a keyword between them; one part alone is itself.
    fn chain(
        &mut self,
        keyword: &str,
        join: fn(Vec<Filter>) -> Filter,
        part: fn(&mut Self) -> Result<Filter>,
    ) -> Result<Filter> {
        let first = part(self)?;
        if !self.scan.keyword(keyword) {
            return Ok(first);
        }
        let mut parts = vec![first, part(self)?];
        while self.scan.keyword(keyword) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    /// One part; counts how deep its callers stand, so that no text can exhaust the stack.
    fn part(&mut self) -> Result<Filter> {
        self.calls += 1;
        self.nodes += 1;
        if self.calls > MAX_CALLS {
            return Err(super::too_deep());
        }
        if self.nodes > MAX_NODES {
            return Err(super::too_many_nodes());
        }
        let part = self.part_within_limits();
        self.calls -= 1;
        part
    }

    fn part_within_limits(&mut self) -> Result<Filter> {
        if self.scan.keyword("not") {
            return self.part().map(Filter::negated);
        }
        if self.scan.symbol("(") {
            let filter = self.filter()?;
            return self.scan.close(")").map(|()| filter);
        }
        if self.scan.call("all") {
            return self.list(")", Self::filter).map(Filter::All);
        }
        if self.scan.call("any") {
            return self.list(")", Self::filter).map(Filter::Any);
        }
        if self.scan.call("related") {
            let relation = self.name()?.whole;
            self.scan.close(":")?;
            let filter = Box::new(self.filter()?);
            return self.scan.close(")").map(|()| Filter::Related { relation, filter });
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Filter> {
        let name = self.name()?;
        let (op, value) = self.test()?;
        let is = |field| Filter::Is(Comparison { field, op, value });
        Ok(match name.relation {
            Some((relation, field)) => Filter::Related { relation, filter: Box::new(is(field)) },
            None => is(name.whole),
        })
    }

    fn test(&mut self) -> Result<(Op, Operand)> {
        if self.scan.keyword("is") {
            let null = !self.scan.keyword("not");
            return if self.scan.keyword("null") {
                Ok((Op::IsNull, null.into()))
            } else {
                Err(self.scan.expected("`null`"))
            };
        }
        let op = self.operator()?;
        if op == Op::Between && !self.scan.peeks("[") {
            let low = self.value()?;
            if !self.scan.keyword("and") {
                return Err(self.scan.expected("`and`"));
            }
            return Ok((op, vec![low, self.value()?].into()));
        }
        Ok((op, self.operand()?))
    }

    fn operator(&mut self) -> Result<Op> {
        // Longer symbols come first: `<` begins `<=`.
        for (symbol, op) in print::SYMBOLS {
            if self.scan.symbol(symbol) {
                return Ok(op);
            }
        }
        match Op::ALL.into_iter().find(|op| self.scan.keyword(op.name())) {
            Some(op) => Ok(op),
            None => Err(self.scan.expected("an operator, as in `=` or `contains`")),
        }
    }

    fn operand(&mut self) -> Result<Operand> {
        if self.scan.symbol("[") {
            return self.list("]", Self::value).map(Operand::Many);
        }
        self.value().map(Operand::One)
    }

    /// Items with commas between them, up to the closing symbol.
    fn list<T>(&mut self, close: &str, item: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.scan.symbol(close) {
            return Ok(items);
        }
        loop {
            if items.len() == MAX_LIST {
                return Err(Error::invalid("filter", "too_long", format!("a list has more than {MAX_LIST} values")));
            }
            items.push(item(self)?);
            if !self.scan.symbol(",") {
                return self.scan.close(close).map(|()| items);
            }
        }
    }

    fn value(&mut self) -> Result<Scalar> {
        if self.scan.peeks("\"") {
            return self.scan.quoted().map(Scalar::Text);
        }
        if self.scan.call("money") {
            let amount_minor = self.scan.parsed("an amount in minor units")?;
            let is_quoted = self.scan.peeks("\"");
            let currency = if is_quoted { self.scan.quoted()? } else { self.scan.word().to_owned() };
            return self.scan.close(")").map(|()| Scalar::Money { amount_minor, currency });
        }
        let word = self.scan.attempt(|scan| match scan.word() {
            word if word.is_empty() || print::is_one_of(word, &print::RESERVED_VALUES) => Err("a value"),
            word => Ok(word),
        })?;
        Ok(match word.to_ascii_lowercase().as_str() {
            "me" => Scalar::Me,
            "my_team" => Scalar::MyTeam,
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            "ago" => Scalar::Ago(self.scan.parsed(DURATION)?),
            "ahead" => Scalar::Ahead(self.scan.parsed(DURATION)?),
            "start_of" => self.start_of()?,
            _ => number(word).unwrap_or_else(|| Scalar::Text(word.to_owned())),
        })
    }

    fn start_of(&mut self) -> Result<Scalar> {
        let period = self.scan.attempt(|scan| {
            let word = scan.word();
            let period = print::PERIODS.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
            period.map(|(_, period)| period).ok_or("day, week, month, quarter or year")
        })?;
        let is_moved = self.scan.peeks("+") || self.scan.peeks("-");
        let offset = if is_moved { self.scan.parsed("a number of periods")? } else { 0 };
        Ok(Scalar::StartOf { period, offset })
    }

    /// A name; a bare one with a dot in it goes through a relation, unless it is a custom field's.
    fn name(&mut self) -> Result<Name> {
        if self.scan.peeks("\"") {
            return Ok(Name { whole: self.scan.quoted()?, relation: None });
        }
        let is_field = |name: &str| print::is_bare_name(name.strip_prefix(CUSTOM_PREFIX).unwrap_or(name));
        self.scan.attempt(|scan| {
            let whole = scan.take_while(|character| print::is_name_character(character) || character == '.').to_owned();
            if is_field(&whole) {
                return Ok(Name { whole, relation: None });
            }
            match whole.split_once('.') {
                Some((relation, field)) if print::is_bare_name(relation) && is_field(field) => {
                    let relation = Some((relation.to_owned(), field.to_owned()));
                    Ok(Name { whole, relation })
                }
                _ => Err("a field, with one relation before it at most"),
            }
        })
    }
}

/// A field as it was named.
struct Name {
    whole: String,
    relation: Option<(String, String)>,
}

/// Reads a word that begins as a number does; all others are texts, `inf` and `nan` among them.
pub(super) fn number(word: &str) -> Option<Scalar> {
    if !word.strip_prefix('-').unwrap_or(word).starts_with(|character: char| character.is_ascii_digit()) {
        return None;
    }
    let real = || word.parse().ok().filter(|number: &f64| number.is_finite()).map(Scalar::Real);
    word.parse().map(Scalar::Integer).ok().or_else(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_story_is_read() {
        let text = "lifecycle = lead and (first_name ~ \"an\" or not tags has_any [vip, \"big fish\"]) \
                    and company.industry = retail and created_at >= ago P7D and owner_id = me";
        let filter: Filter = text.parse().unwrap();
        assert_eq!(filter.to_string(), text.replace("\"an\"", "an"));
        assert_eq!(
            serde_json::to_value(&filter).unwrap(),
            serde_json::json!({"all": [
                {"field": "lifecycle", "op": "eq", "value": "lead"},
                {"any": [
                    {"field": "first_name", "op": "contains", "value": "an"},
                    {"not": {"field": "tags", "op": "has_any", "value": ["vip", "big fish"]}},
                ]},
                {"related": "company", "filter": {"field": "industry", "op": "eq", "value": "retail"}},
                {"field": "created_at", "op": "ge", "value": {"ago": "P7D"}},
                {"field": "owner_id", "op": "eq", "value": {"me": true}},
            ]})
        );
    }

    #[test]
    fn words_keep_their_json_type() {
        for (text, value) in [
            ("a = 5", serde_json::json!(5)),
            ("a = \"5\"", serde_json::json!("5")),
            ("a = 5.0", serde_json::json!(5.0)),
            ("a = -3", serde_json::json!(-3)),
            ("a = true", serde_json::json!(true)),
            ("a = \"true\"", serde_json::json!("true")),
            ("a = nan", serde_json::json!("nan")),
            ("a = 2026-01-31T09:30:00Z", serde_json::json!("2026-01-31T09:30:00Z")),
            ("a = START_OF month -1", serde_json::json!({"start_of": "month", "offset": -1})),
            ("a = money(1250 EUR)", serde_json::json!({"amount_minor": 1250, "currency": "EUR"})),
            ("a between 1 AND 2", serde_json::json!([1, 2])),
            ("a is not null", serde_json::json!(false)),
        ] {
            let filter: Filter = text.parse().unwrap();
            assert_eq!(serde_json::to_value(&filter).unwrap()["value"], value, "{text}");
        }
    }

    #[test]
    fn and_binds_tighter_than_or_and_parentheses_are_kept() {
        let shape =
            |text: &str| serde_json::to_string(&text.parse::<Filter>().unwrap()).unwrap().replace("\"op\":\"eq\",", "");
        assert_eq!(
            shape("a=1 or b=2 and c=3"),
            r#"{"any":[{"field":"a","value":1},{"all":[{"field":"b","value":2},{"field":"c","value":3}]}]}"#
        );
        assert_eq!(
            shape("(a=1 and b=2) and c=3"),
            r#"{"all":[{"all":[{"field":"a","value":1},{"field":"b","value":2}]},{"field":"c","value":3}]}"#
        );
        assert_eq!(shape("all(a=1)"), r#"{"all":[{"field":"a","value":1}]}"#);
        assert_eq!(shape("not any()"), r#"{"not":{"any":[]}}"#);
        assert_eq!(shape("custom.region = 1"), r#"{"field":"custom.region","value":1}"#);
        assert_eq!(
            shape("company.custom.region = 1"),
            r#"{"related":"company","filter":{"field":"custom.region","value":1}}"#
        );
    }

    #[test]
    fn an_error_names_its_column() {
        for (text, column) in [
            ("", 1),
            ("a", 2),
            ("a = ", 5),
            ("ä = 1 b", 7),
            ("a = \"x", 7),
            ("a = \"\\q\"", 7),
            ("a = \"\\u{41\"", 7),
            ("1a = 1", 1),
            ("(a = 1", 7),
            ("a between 1 or 2", 13),
            ("a.b.c = 1", 1),
            ("a = and", 5),
            ("a = ago 7", 9),
        ] {
            let error = text.parse::<Filter>().unwrap_err();
            let message = &error.fields()[0].message;
            assert!(message.starts_with(&format!("column {column}:")), "{text:?}: {message}");
        }
    }

    #[test]
    fn parentheses_nest_to_their_border_and_no_further() {
        let nested = |pairs: usize| format!("{}a = 1{}", "(".repeat(pairs), ")".repeat(pairs)).parse::<Filter>();
        assert_eq!(nested(MAX_CALLS - 1).unwrap(), Filter::is("a", Op::Eq, 1));
        assert_eq!(nested(MAX_CALLS).unwrap_err().fields()[0].code, "too_deep");
    }

    #[test]
    fn a_hostile_text_is_refused_early() {
        for text in ["(".repeat(100_000), "not ".repeat(100_000), "all(".repeat(100_000), "a = 1 and ".repeat(100_000)]
        {
            let code = text.parse::<Filter>().unwrap_err().fields()[0].code.clone();
            assert!(code == "too_deep" || code == "too_long", "{code}");
        }
    }
}
