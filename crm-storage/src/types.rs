//! SQL types that both databases have, each in its own form.
//!
//! | type | SQLite | PostgreSQL |
//! |---|---|---|
//! | [`Guid`] | 16 bytes | `uuid` |
//! | [`Ts`] | microseconds since 1970 | `timestamptz` |
//!
//! JSON is text in both: what was written is what is read, byte for byte, and the digests of the
//! journal are made of it.

use crm_core::{Id, Timestamp};
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::query_builder::QueryId;
use diesel::sql_types::{SqlOrd, SqlType};
use uuid::Uuid;

/// SQL type of an id.
#[derive(Clone, Copy, Debug, Default, SqlType, QueryId)]
#[cfg_attr(feature = "postgres", diesel(postgres_type(oid = 2950, array_oid = 2951)))]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Binary")))]
pub struct Guid;

/// SQL type of an instant.
#[derive(Clone, Copy, Debug, Default, SqlType, QueryId)]
#[cfg_attr(feature = "postgres", diesel(postgres_type(oid = 1184, array_oid = 1185)))]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Long")))]
pub struct Ts;

impl SqlOrd for Guid {}
impl SqlOrd for Ts {}

/// An id as a database keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Guid)]
pub(crate) struct DbId(pub(crate) Uuid);

/// An instant as a database keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Ts)]
pub(crate) struct DbTime(pub(crate) Timestamp);

impl<E: ?Sized> From<Id<E>> for DbId {
    fn from(id: Id<E>) -> Self {
        Self(id.uuid())
    }
}

impl<E: ?Sized> From<DbId> for Id<E> {
    fn from(id: DbId) -> Self {
        id.0.into()
    }
}

impl From<Timestamp> for DbTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<DbTime> for Timestamp {
    fn from(at: DbTime) -> Self {
        at.0
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::deserialize::{self, FromSql};
    use diesel::serialize::{self, IsNull, Output, ToSql};
    use diesel::sql_types::BigInt;
    use diesel::sqlite::{Sqlite, SqliteValue};

    use super::*;

    impl ToSql<Guid, Sqlite> for DbId {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.0.as_bytes().as_slice());
            Ok(IsNull::No)
        }
    }

    impl FromSql<Guid, Sqlite> for DbId {
        fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            Ok(Self(Uuid::from_slice(value.read_blob())?))
        }
    }

    impl ToSql<Ts, Sqlite> for DbTime {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.0.micros());
            Ok(IsNull::No)
        }
    }

    impl FromSql<Ts, Sqlite> for DbTime {
        fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
            Ok(Self(Timestamp::from_micros(micros)))
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::io::Write as _;

    use diesel::deserialize::{self, FromSql};
    use diesel::pg::{Pg, PgValue};
    use diesel::serialize::{self, IsNull, Output, ToSql};
    use diesel::sql_types::BigInt;

    use super::*;

    /// Microseconds from 1970, where ours begin, to 2000, where PostgreSQL's do.
    const EPOCH_MICROS: i64 = 946_684_800_000_000;

    impl ToSql<Guid, Pg> for DbId {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            out.write_all(self.0.as_bytes())?;
            Ok(IsNull::No)
        }
    }

    impl FromSql<Guid, Pg> for DbId {
        fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
            Ok(Self(Uuid::from_slice(value.as_bytes())?))
        }
    }

    impl ToSql<Ts, Pg> for DbTime {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            out.write_all(&(self.0.micros() - EPOCH_MICROS).to_be_bytes())?;
            Ok(IsNull::No)
        }
    }

    impl FromSql<Ts, Pg> for DbTime {
        fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
            let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
            Ok(Self(Timestamp::from_micros(micros.saturating_add(EPOCH_MICROS))))
        }
    }
}
