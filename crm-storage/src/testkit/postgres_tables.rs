//! What the tables of a PostgreSQL schema hold.

use crm_core::testkit::Holdings;
use parking_lot::Mutex;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

/// The tables of the schema, and the type of their column that names the workspace, if they have one.
const TABLES: &str = "SELECT class.relname::text, column_.atttypid::regtype::text \
    FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace \
    LEFT JOIN pg_attribute AS column_ ON column_.attrelid = class.oid AND column_.attname = 'workspace_id' \
    WHERE space.nspname = current_schema() AND class.relkind IN ('r', 'p') ORDER BY 1";

/// The tables are small: to begin other processes for them costs more than they take.
const PLAINLY: &str = "SET max_parallel_workers_per_gather = 0; SET jit = off";

/// All tables of a PostgreSQL schema, looked at past the store.
pub struct PostgresTables {
    client: Client,
    snapshot: Statement,
    look: Statement,
    /// What was held, and the transactions that were seen then.
    last: Mutex<Option<(String, Holdings)>>,
}

impl PostgresTables {
    /// The tables of the schema that names are looked up in, as they are made now.
    ///
    /// # Panics
    /// Where the database does not answer, or has no table.
    pub async fn of(client: Client) -> Self {
        client.batch_execute(PLAINLY).await.unwrap();
        let tables = client.query(TABLES, &[]).await.unwrap();
        let looks: Vec<String> = tables.iter().map(|table| look(table.get(0), table.get(1))).collect();
        let look = client.prepare(&looks.join(" UNION ALL ")).await.unwrap();
        let snapshot = client.prepare("SELECT pg_current_snapshot()::text").await.unwrap();
        Self { client, snapshot, look, last: Mutex::default() }
    }

    /// All that they hold at one moment. Nothing is left out. Where the server sees the same transactions as the last
    /// time, nobody wrote since, and that is what is held.
    ///
    /// # Panics
    /// Where the database does not answer.
    pub async fn holdings(&self) -> Holdings {
        let snapshot: String = self.client.query_one(&self.snapshot, &[]).await.unwrap().get(0);
        let last = self.last.lock().clone();
        if let Some((_, held)) = last.filter(|(last, _)| *last == snapshot) {
            return held;
        }
        let mut held = Holdings::default();
        for part in self.client.query(&self.look, &[]).await.unwrap() {
            let owner = part.get::<_, Option<&str>>(1).map(|owner| Uuid::parse_str(owner).unwrap());
            let (count, digest) = (part.get::<_, i64>(2), part.get::<_, i64>(3));
            held.add_rows(part.get(0), owner, count.cast_unsigned(), digest.cast_unsigned());
        }
        *self.last.lock() = Some((snapshot, held.clone()));
        held
    }
}

/// Counts and hashes the rows of a table for each workspace.
fn look(table: &str, workspace: Option<&str>) -> String {
    let (owner, owners) = match (table, workspace) {
        ("workspaces", _) => ("one.id", ""),
        // Sign-ins know the id, all others the key.
        (_, Some("uuid")) => ("one.workspace_id", ""),
        (_, Some(_)) => ("owner.id", "LEFT JOIN workspaces AS owner ON owner.key = one.workspace_id"),
        (_, None) => ("NULL::uuid", ""),
    };
    // The sum is the same in any order.
    format!(
        "SELECT '{table}'::text, ({owner})::text, count(*), \
         (sum(hashtextextended(one::text, 0)) % 9223372036854775807)::bigint \
         FROM \"{table}\" AS one {owners} GROUP BY 2"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::testkit::Schema;

    /// A row may stand for itself, without those that it points to.
    const UNBOUND: &str = "DO $$ DECLARE bond record; BEGIN \
        FOR bond IN SELECT conrelid::regclass AS place, conname FROM pg_constraint \
            WHERE contype = 'f' AND connamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) \
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', bond.place, bond.conname); END LOOP; END $$";
    /// The workspaces first, whose keys the others name.
    const COLUMNS: &str = "SELECT table_name::text, \
        string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position), \
        string_agg(CASE data_type WHEN 'uuid' THEN '''01980000-0000-7000-8000-000000000001''' \
            WHEN 'boolean' THEN 'true' WHEN 'timestamp with time zone' THEN '''2026-01-01Z''' ELSE '''7''' END, \
            ', ' ORDER BY ordinal_position) \
        FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'schema_info' \
        GROUP BY table_name ORDER BY table_name <> 'workspaces', table_name";

    #[tokio::test]
    async fn a_row_more_in_any_table_of_a_schema_is_noticed_and_named() {
        let Some(schema) = Schema::new().await else { return };
        schema.store(Options::default()).await.migrate().await.unwrap();
        let other = schema.client().await;
        other.batch_execute(UNBOUND).await.unwrap();
        let tables = PostgresTables::of(schema.client().await).await;
        let mut before = tables.holdings().await;
        let columns = other.query(COLUMNS, &[]).await.unwrap();
        assert!(columns.len() > 50, "{}", columns.len());
        for row in columns {
            let (table, names, values): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
            other.batch_execute(&format!("INSERT INTO {table} ({names}) VALUES ({values})")).await.unwrap();
            let after = tables.holdings().await;
            let told = before.differences(&after);
            assert!(told.len() == 1 && told[0].starts_with(&format!("{table} of ")), "{table}: {told:?}");
            before = after;
        }
        other.batch_execute("UPDATE schema_info SET min_binary = min_binary + 1").await.unwrap();
        assert_eq!(before.differences(&tables.holdings().await).len(), 1);
    }
}
