//! SQL that is put together at run time: static text and binds, nothing else. No name and no value
//! from outside ever becomes text of a statement.

use std::hash::{Hash as _, Hasher};
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Double, SmallInt, Text};

use super::{Conn, Db, dialect};
use crate::types::{DbId, DbTime, Guid, Ts};

/// Longer lists travel as one bind, and longer chains of conditions become trees.
const SHORT_LIST: usize = 16;

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Text(String),
    Integer(i64),
    Small(i16),
    Real(f64),
    Id(DbId),
    Time(DbTime),
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug)]
enum Part {
    Sql(&'static str),
    Bind(Bind),
    Many(dialect::Many),
}

/// A piece of SQL with its binds. As an expression it is a condition (or an order), valid on any
/// table: whoever writes one says which columns it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fragment {
    parts: Vec<Part>,
    is_fixed: bool,
}

impl Fragment {
    /// A fragment that begins with this text.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { parts: vec![Part::Sql(sql)], is_fixed: false }
    }

    /// A condition that no row fails.
    pub(crate) fn everything() -> Self {
        Self::new("1 = 1")
    }

    /// A condition that no row passes.
    pub(crate) fn nothing() -> Self {
        Self::new("1 = 0")
    }

    /// Says that its text is the same at every call, so that a connection may keep the statement.
    #[must_use]
    pub(crate) fn fixed(mut self) -> Self {
        self.is_fixed = true;
        self
    }

    /// Adds text.
    #[must_use]
    pub(crate) fn sql(mut self, sql: &'static str) -> Self {
        self.parts.push(Part::Sql(sql));
        self
    }

    /// Adds a value.
    #[must_use]
    pub(crate) fn bind(mut self, bind: impl Into<Bind>) -> Self {
        self.parts.push(Part::Bind(bind.into()));
        self
    }

    /// Adds another fragment.
    #[must_use]
    pub(crate) fn then(mut self, other: Fragment) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// Adds ` AND (…)`.
    #[must_use]
    pub(crate) fn and(self, other: Fragment) -> Self {
        self.sql(" AND (").then(other).sql(")")
    }

    /// Adds ` IN (…)` for ids.
    #[must_use]
    pub(crate) fn in_ids(self, ids: &[DbId]) -> Self {
        if ids.len() <= SHORT_LIST { self.in_binds(ids) } else { self.many(dialect::Many::ids(ids)) }
    }

    /// Adds ` IN (…)` for texts.
    #[must_use]
    pub(crate) fn in_texts(self, texts: &[String]) -> Self {
        if texts.len() <= SHORT_LIST { self.in_binds(texts) } else { self.many(dialect::Many::texts(texts)) }
    }

    /// Adds ` IN (…)` for whole numbers.
    #[must_use]
    pub(crate) fn in_integers(self, numbers: &[i64]) -> Self {
        if numbers.len() <= SHORT_LIST { self.in_binds(numbers) } else { self.many(dialect::Many::integers(numbers)) }
    }

    /// Adds ` IN (…)` for digests.
    #[must_use]
    pub(crate) fn in_digests(self, digests: &[Vec<u8>]) -> Self {
        if digests.len() <= SHORT_LIST { self.in_binds(digests) } else { self.many(dialect::Many::digests(digests)) }
    }

    /// Adds ` IN (…)`, a bind a value; an empty list holds nothing.
    #[must_use]
    pub(crate) fn in_binds<T: Clone + Into<Bind>>(self, values: &[T]) -> Self {
        if values.is_empty() {
            return self.sql(" IN (NULL)");
        }
        let mut list = self;
        for (at, value) in values.iter().enumerate() {
            list = list.sql(if at == 0 { " IN (" } else { ", " }).bind(value.clone());
        }
        list.sql(")")
    }

    /// Conditions joined by a word, none for no condition. A tree and not a chain, because SQLite
    /// takes no expression that is deeper than 1,000.
    pub(crate) fn joined(mut conditions: Vec<Self>, word: &'static str) -> Option<Self> {
        while conditions.len() > SHORT_LIST {
            let groups = conditions.chunks(SHORT_LIST).filter_map(|group| Self::chain(group.to_vec(), word));
            conditions = groups.map(|group| Self::new("(").then(group).sql(")")).collect();
        }
        Self::chain(conditions, word)
    }

    /// Fragments joined by a word, one after the other, none for no fragment.
    pub(crate) fn chain(conditions: Vec<Self>, word: &'static str) -> Option<Self> {
        conditions.into_iter().reduce(|before, next| before.sql(word).then(next))
    }

    fn many(mut self, values: dialect::Many) -> Self {
        self.parts.push(Part::Many(values));
        self
    }

    /// Its text without its values, for a digest: of two that differ in values alone it is the same.
    pub(crate) fn shape(&self, digest: &mut impl Hasher) {
        for part in &self.parts {
            match part {
                Part::Sql(sql) => sql.hash(digest),
                Part::Bind(_) => digest.write_u8(1),
                Part::Many(_) => digest.write_u8(2),
            }
        }
    }

    /// How many binds it has.
    pub(crate) fn binds(&self) -> usize {
        self.parts.iter().filter(|part| !matches!(part, Part::Sql(_))).count()
    }
}

impl QueryFragment<Db> for Fragment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        if !self.is_fixed {
            // Its text differs from one to the next: a cache of statements would fill with it.
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Many(values) => values.walk(&mut out)?,
                Part::Bind(Bind::Text(text)) => out.push_bind_param::<Text, _>(text)?,
                Part::Bind(Bind::Integer(number)) => out.push_bind_param::<BigInt, _>(number)?,
                Part::Bind(Bind::Small(number)) => out.push_bind_param::<SmallInt, _>(number)?,
                Part::Bind(Bind::Real(number)) => out.push_bind_param::<Double, _>(number)?,
                Part::Bind(Bind::Id(id)) => out.push_bind_param::<Guid, _>(id)?,
                Part::Bind(Bind::Time(at)) => out.push_bind_param::<Ts, _>(at)?,
                Part::Bind(Bind::Bytes(bytes)) => out.push_bind_param::<Binary, _>(bytes)?,
            }
        }
        Ok(())
    }
}

impl QueryId for Fragment {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for Fragment {
    type SqlType = Bool;
}

impl<From> AppearsOnTable<From> for Fragment {}
impl<From> SelectableExpression<From> for Fragment {}

impl<GroupBy> ValidGrouping<GroupBy> for Fragment {
    type IsAggregate = is_aggregate::Never;
}

/// A whole statement whose rows have the SQL type `ST`.
#[derive(Clone, Debug)]
pub(crate) struct Statement<ST> {
    fragment: Fragment,
    rows: PhantomData<fn() -> ST>,
}

impl<ST> Statement<ST> {
    /// A statement of this text.
    pub(crate) fn new(fragment: Fragment) -> Self {
        Self { fragment, rows: PhantomData }
    }
}

impl<ST> QueryFragment<Db> for Statement<ST> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.fragment.walk_ast(out)
    }
}

impl<ST> QueryId for Statement<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}

impl<ST> diesel::RunQueryDsl<Conn> for Statement<ST> {}

impl From<String> for Bind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<i16> for Bind {
    fn from(number: i16) -> Self {
        Self::Small(number)
    }
}

impl From<f64> for Bind {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<DbId> for Bind {
    fn from(id: DbId) -> Self {
        Self::Id(id)
    }
}

impl From<DbTime> for Bind {
    fn from(at: DbTime) -> Self {
        Self::Time(at)
    }
}

impl From<Vec<u8>> for Bind {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    fn shape(fragment: &Fragment) -> u64 {
        let mut digest = DefaultHasher::new();
        fragment.shape(&mut digest);
        digest.finish()
    }

    fn list(length: i64) -> Fragment {
        Fragment::new("number").in_integers(&(0..length).collect::<Vec<_>>())
    }

    #[test]
    fn statements_that_differ_in_values_alone_have_one_shape() {
        let statement = |value: &str| Fragment::new("name = ").bind(value);
        assert_eq!(shape(&statement("a")), shape(&statement("b")));
        assert_eq!(shape(&list(100)), shape(&list(200)));
        let others = [Fragment::new("name > ").bind("a"), statement("a").sql(" "), list(1), list(2), list(100)];
        for other in &others {
            assert_ne!(shape(&statement("a")), shape(other), "{other:?}");
        }
    }

    #[test]
    fn a_long_list_is_one_bind_of_each_kind() {
        let length = SHORT_LIST + 1;
        let ids = vec![DbId(uuid::Uuid::nil()); length];
        let texts = vec![String::new(); length];
        let here = || Fragment::new("x");
        let digests = vec![Vec::new(); length];
        let long = [here().in_ids(&ids), here().in_texts(&texts), here().in_integers(&vec![0; length])];
        assert_eq!(long.map(|list| list.binds()), [1, 1, 1]);
        assert_eq!(here().in_digests(&digests).binds(), 1);
        let (ids, texts) = (&ids[..SHORT_LIST], &texts[..SHORT_LIST]);
        let short = [here().in_ids(ids), here().in_texts(texts), here().in_integers(&[0; SHORT_LIST])];
        assert_eq!(short.map(|list| list.binds()), [SHORT_LIST; 3]);
    }

    #[test]
    fn connections_keep_a_statement_only_where_its_text_is_fixed() {
        let keeps =
            |statement: Fragment| Statement::<BigInt>::new(statement).is_safe_to_cache_prepared(&Db {}).unwrap();
        assert!(keeps(list(1).fixed()));
        assert!(!keeps(list(1)));
    }
}
