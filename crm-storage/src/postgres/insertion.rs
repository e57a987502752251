//! Many new rows by one statement.
//!
//! With a bind a value, the server reads and plans a statement for each number of rows: for a thousand rows of 25
//! columns that takes three times as long as to write them. Here a column is one bind, an array, so that the
//! statement is the same for any number of rows and connections keep it.

use std::io::Write as _;

use diesel::QueryResult;
use diesel::pg::{Pg, PgMetadataLookup, PgQueryBuilder, PgTypeMetadata};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{AstPass, QueryBuilder as _, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Integer, SmallInt, Text};

use super::Conn;
use crate::types::{Guid, Ts};

/// Bytes of values from which on further rows are another statement's: a server takes no message of a gigabyte.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A statement that is filled row by row.
pub(super) trait Filled {
    /// Bytes of the values that it holds.
    fn bytes(&self) -> usize;
}

/// The statement that takes a further row: the last one, unless it is full.
pub(super) fn with_room<S: Filled>(statements: &mut [S]) -> Option<&mut S> {
    statements.last_mut().filter(|statement| statement.bytes() < MAX_BYTES)
}

/// A statement that writes many rows, made of statements that write one each.
#[derive(Debug)]
pub(super) struct Insertion {
    /// What comes before the rows: the table and its columns.
    into: String,
    columns: Vec<Column>,
    /// What comes after the rows: what to do where they are there already.
    otherwise: String,
}

/// The values of a column, as an array has them on the wire.
#[derive(Debug)]
struct Column {
    element: u32,
    count: i32,
    has_null: bool,
    values: Vec<u8>,
}

impl Insertion {
    /// The statements that do what these do, which differ in their values alone: one, unless there are very many.
    pub(super) fn all<S: QueryFragment<Pg>>(statements: &[S]) -> QueryResult<Vec<Self>> {
        let mut insertions: Vec<Self> = Vec::new();
        for statement in statements {
            let mut row = RawBytesBindCollector::<Pg>::new();
            statement.collect_binds(&mut row, &mut NoLookup, &Pg)?;
            match with_room(&mut insertions) {
                Some(insertion) => insertion.push(row.binds)?,
                None => {
                    let mut insertion = Self::beginning(statement, &row.metadata)?;
                    insertion.push(row.binds)?;
                    insertions.push(insertion);
                }
            }
        }
        Ok(insertions)
    }

    /// Such a statement without rows.
    fn beginning(statement: &impl QueryFragment<Pg>, metadata: &[PgTypeMetadata]) -> QueryResult<Self> {
        let mut text = PgQueryBuilder::default();
        statement.to_sql(&mut text, &Pg)?;
        let text = text.finish();
        let (into, rest) = text.split_once(" VALUES (").ok_or(unlike("there are no values"))?;
        let (values, otherwise) = rest.split_once(')').ok_or(unlike("the values have no end"))?;
        if values != numbered(metadata.len()) {
            return Err(unlike("not every value is a bind"));
        }
        let columns = metadata.iter().map(Column::of).collect::<QueryResult<_>>()?;
        Ok(Self { into: into.to_owned(), otherwise: otherwise.to_owned(), columns })
    }

    fn push(&mut self, row: Vec<Option<Vec<u8>>>) -> QueryResult<()> {
        if self.columns.len() != row.len() {
            return Err(unlike("rows have different columns"));
        }
        self.columns.iter_mut().zip(row).try_for_each(|(column, value)| column.push(value))
    }
}

impl Filled for Insertion {
    fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.values.len()).sum()
    }
}

/// `$1, $2, …`, as Diesel numbers so many binds.
fn numbered(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

fn unlike(what: &'static str) -> DieselError {
    DieselError::QueryBuilderError(format!("cannot insert many rows at once: {what}").into())
}

impl Column {
    fn of(metadata: &PgTypeMetadata) -> QueryResult<Self> {
        let element = metadata.oid().map_err(|_| unlike("a column has a type of its own"))?;
        Ok(Self { element, count: 0, has_null: false, values: Vec::new() })
    }

    fn push(&mut self, value: Option<Vec<u8>>) -> QueryResult<()> {
        let length = value.as_ref().map_or(Ok(-1), |value| i32::try_from(value.len()));
        let length = length.map_err(|_| unlike("a value is too long"))?;
        self.values.extend(length.to_be_bytes());
        self.has_null |= value.is_none();
        self.values.extend(value.unwrap_or_default());
        self.count += 1;
        Ok(())
    }
}

impl<T> ToSql<Array<T>, Pg> for Column {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let (dimensions, first) = (1_i32, 1_i32);
        out.write_all(&dimensions.to_be_bytes())?;
        out.write_all(&i32::from(self.has_null).to_be_bytes())?;
        out.write_all(&self.element.to_be_bytes())?;
        out.write_all(&self.count.to_be_bytes())?;
        out.write_all(&first.to_be_bytes())?;
        out.write_all(&self.values)?;
        Ok(IsNull::No)
    }
}

impl QueryFragment<Pg> for Insertion {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&self.into);
        out.push_sql(" SELECT * FROM unnest(");
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push_sql(", ");
            }
            // Numbers of types in `pg_type`, which are the same on every server.
            match column.element {
                16 => out.push_bind_param::<Array<Bool>, _>(column)?,
                17 => out.push_bind_param::<Array<Binary>, _>(column)?,
                20 => out.push_bind_param::<Array<BigInt>, _>(column)?,
                21 => out.push_bind_param::<Array<SmallInt>, _>(column)?,
                23 => out.push_bind_param::<Array<Integer>, _>(column)?,
                25 => out.push_bind_param::<Array<Text>, _>(column)?,
                701 => out.push_bind_param::<Array<Double>, _>(column)?,
                1184 => out.push_bind_param::<Array<Ts>, _>(column)?,
                2950 => out.push_bind_param::<Array<Guid>, _>(column)?,
                _ => return Err(unlike("a column has a type that is not known here")),
            }
        }
        out.push_sql(")");
        out.push_sql(&self.otherwise);
        Ok(())
    }
}

impl QueryId for Insertion {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::RunQueryDsl<Conn> for Insertion {}

/// Every type that columns have here has a number that is known.
struct NoLookup;

impl PgMetadataLookup for NoLookup {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;

    diesel::table! {
        things (id) {
            id -> BigInt,
            name -> Nullable<Text>,
        }
    }

    fn row(id: i64, name: Option<&str>) -> impl QueryFragment<Pg> {
        diesel::insert_into(things::table).values((things::id.eq(id), things::name.eq(name.map(ToOwned::to_owned))))
    }

    fn text(statement: &impl QueryFragment<Pg>) -> String {
        let mut text = PgQueryBuilder::default();
        statement.to_sql(&mut text, &Pg).unwrap();
        text.finish()
    }

    fn one<S: QueryFragment<Pg>>(rows: &[S]) -> Insertion {
        let [one] = Insertion::all(rows).unwrap().try_into().unwrap();
        one
    }

    #[test]
    fn any_number_of_rows_is_one_statement_with_a_bind_a_column() {
        let of = |count: i64| one(&(0..count).map(|id| row(id, Some("a"))).collect::<Vec<_>>());
        let sql = r#"INSERT INTO "things" ("id", "name") SELECT * FROM unnest($1, $2)"#;
        assert_eq!((text(&of(1)), text(&of(1_000))), (sql.to_owned(), sql.to_owned()));
        assert!(of(2).is_safe_to_cache_prepared(&Pg).unwrap());
    }

    #[test]
    fn rows_of_very_many_bytes_are_several_statements() {
        let megabyte = "a".repeat(1024 * 1024);
        let rows: Vec<_> = (0..40).map(|id| row(id, Some(&megabyte))).collect();
        let counts = Insertion::all(&rows).unwrap().into_iter().map(|insertion| insertion.columns[0].count);
        assert_eq!(counts.collect::<Vec<_>>(), [16, 16, 8]);
    }

    #[test]
    fn what_to_do_with_rows_that_are_there_stays() {
        let row = diesel::insert_into(things::table).values(things::id.eq(1)).on_conflict_do_nothing();
        let expected = r#"INSERT INTO "things" ("id") SELECT * FROM unnest($1) ON CONFLICT DO NOTHING"#;
        assert_eq!(text(&one(&[row])).trim_end(), expected);
    }

    #[test]
    fn values_and_their_absence_are_an_array_on_the_wire() {
        let [ids, names] = one(&[row(1, Some("é")), row(2, None)]).columns.try_into().unwrap();
        assert_eq!((ids.element, ids.count, ids.has_null), (20, 2, false));
        assert_eq!(ids.values, [&[0, 0, 0, 8], &1_i64.to_be_bytes()[..], &[0, 0, 0, 8], &2_i64.to_be_bytes()].concat());
        assert_eq!((names.element, names.count, names.has_null), (25, 2, true));
        assert_eq!(names.values, [0, 0, 0, 2, 0xc3, 0xa9, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn rows_that_are_not_of_binds_alone_are_refused() {
        let now =
            diesel::insert_into(things::table).values(things::name.eq(diesel::dsl::sql::<Text>("'x'").nullable()));
        assert!(Insertion::all(&[now]).unwrap_err().to_string().contains("not every value is a bind"));
    }
}
