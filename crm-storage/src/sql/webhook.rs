//! Webhook endpoints, their secrets and what was sent to them.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::store::{Put, Stored};
use crm_core::webhook::{
    Delivery, DeliveryQuery, DeliveryState, DeliveryTurn, Health, MadeSecret, Span, WebhookEndpoint, WebhookStore,
};
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use secrecy::{ExposeSecret as _, SecretString};

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store, dialect};
use crate::fault::Outcome;
use crate::schema::{webhook_deliveries, webhook_endpoints, webhook_failing, webhook_secrets};
use crate::types::{DbId, DbTime, Ts};

#[derive(Insertable, AsChangeset)]
#[diesel(
    table_name = webhook_endpoints,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct EndpointRow {
    workspace_id: i64,
    id: DbId,
    data: String,
    version: i64,
    deleted_at: Option<DbTime>,
}

/// Writes an endpoint, and gives the number of its rows.
pub(super) async fn put(conn: &mut Conn, workspace: i64, put: &Put<WebhookEndpoint>) -> Outcome<usize> {
    let endpoint = &put.after;
    let row = EndpointRow {
        workspace_id: workspace,
        id: endpoint.id.into(),
        data: serde_json::to_string(endpoint)?,
        version: endpoint.version,
        deleted_at: endpoint.deleted_at.map(DbTime::from),
    };
    let Some(before) = &put.before else {
        return Ok(diesel::insert_into(webhook_endpoints::table).values(row).execute(conn).await?);
    };
    let id = row.id;
    let own = webhook_endpoints::table
        .filter(webhook_endpoints::workspace_id.eq(workspace))
        .filter(webhook_endpoints::id.eq(id))
        .filter(webhook_endpoints::version.eq(before.version));
    let rows = diesel::update(own).set(row).execute(conn).await?;
    if rows == 1 && endpoint.deleted_at.is_some() {
        let secrets = webhook_secrets::table.filter(webhook_secrets::workspace_id.eq(workspace));
        diesel::delete(secrets.filter(webhook_secrets::endpoint_id.eq(id))).execute(conn).await?;
    }
    if rows == 1 && WebhookEndpoint::forgives(put) {
        let failing = webhook_failing::table.filter(webhook_failing::workspace_id.eq(workspace));
        diesel::delete(failing.filter(webhook_failing::endpoint_id.eq(id))).execute(conn).await?;
    }
    Ok(rows)
}

/// Keeps a new secret of an endpoint, beside which the latest former ones hold for a while.
pub(super) async fn keep_secret(conn: &mut Conn, workspace: i64, made: &MadeSecret) -> Outcome<()> {
    let (id, until) = (DbId::from(made.endpoint_id), DbTime(made.former_until));
    let over = Fragment::new("DELETE FROM webhook_secrets WHERE workspace_id = ").bind(workspace);
    let over = over
        .sql(" AND endpoint_id = ")
        .bind(id)
        .sql(" AND made_at NOT IN (SELECT latest.made_at FROM webhook_secrets AS latest WHERE latest.workspace_id = ");
    let over = over.bind(workspace).sql(" AND latest.endpoint_id = ").bind(id);
    let over = over.sql(" ORDER BY latest.made_at DESC LIMIT ").bind(i64::from(MadeSecret::MOST_FORMER)).sql(")");
    Statement::<()>::new(over.fixed()).execute(conn).await?;
    let longer = Fragment::new("webhook_secrets.until IS NULL OR webhook_secrets.until > ").bind(until);
    let former = webhook_secrets::table
        .filter(webhook_secrets::workspace_id.eq(workspace))
        .filter(webhook_secrets::endpoint_id.eq(id))
        .filter(Fragment::new("(").then(longer).sql(")"));
    diesel::update(former).set(webhook_secrets::until.eq(Some(until))).execute(conn).await?;
    let row = (
        webhook_secrets::workspace_id.eq(workspace),
        webhook_secrets::endpoint_id.eq(id),
        webhook_secrets::made_at.eq(DbTime(made.made_at)),
        webhook_secrets::secret.eq(made.secret.expose_secret().to_owned()),
        webhook_secrets::until.eq(None::<DbTime>),
    );
    diesel::insert_into(webhook_secrets::table).values(row).execute(conn).await?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = webhook_deliveries, treat_none_as_default_value = false)]
struct DeliveryRow {
    workspace_id: i64,
    id: DbId,
    endpoint_id: DbId,
    record_id: Option<DbId>,
    seq: i64,
    state: String,
    replay_of: Option<DbId>,
    created_at: DbTime,
    data: String,
}

impl DeliveryRow {
    fn new(workspace_id: i64, delivery: &Delivery) -> Outcome<Self> {
        Ok(Self {
            workspace_id,
            id: delivery.id.into(),
            endpoint_id: delivery.endpoint_id.into(),
            record_id: delivery.record_id.map(DbId),
            seq: delivery.seq,
            state: delivery.state.name().to_owned(),
            replay_of: delivery.replay_of.map(DbId::from),
            created_at: delivery.created_at.into(),
            data: serde_json::to_string(delivery)?,
        })
    }
}

/// Keeps new deliveries.
pub(super) async fn insert_deliveries(conn: &mut Conn, workspace: i64, deliveries: &[&Delivery]) -> Outcome<()> {
    let new =
        |one: &&Delivery| Ok(diesel::insert_into(webhook_deliveries::table).values(DeliveryRow::new(workspace, one)?));
    dialect::insert(conn, deliveries.iter().map(new).collect::<Outcome<_>>()?).await?;
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(data: &str) -> Outcome<T> {
    Ok(serde_json::from_str(data)?)
}

/// The texts of the live endpoints that a condition leads to, in the order of their making.
async fn endpoints(conn: &mut Conn, workspace: i64, which: Fragment) -> Outcome<Vec<WebhookEndpoint>> {
    let found = webhook_endpoints::table
        .filter(webhook_endpoints::workspace_id.eq(workspace))
        .filter(webhook_endpoints::deleted_at.is_null())
        .filter(which)
        .order(webhook_endpoints::id)
        .select(webhook_endpoints::data);
    let rows: Vec<String> = found.load(conn).await?;
    rows.iter().map(|data| read(data)).collect()
}

/// The deliveries that are asked for.
fn asked(workspace: i64, query: &DeliveryQuery) -> Fragment {
    let mut which = Fragment::new("SELECT data FROM webhook_deliveries WHERE workspace_id = ").bind(workspace);
    which = which.sql(" AND endpoint_id = ").bind(DbId::from(query.endpoint));
    if let Some(state) = query.state {
        which = which.sql(" AND state = ").bind(state.name());
    }
    which = match query.span {
        Span::Before(None) => which.sql(" ORDER BY id DESC"),
        Span::Before(Some(before)) => which.sql(" AND id < ").bind(DbId::from(before)).sql(" ORDER BY id DESC"),
        Span::Within { from, to, after } => {
            which = which.sql(" AND replay_of IS NULL AND seq > 0");
            if let Some(from) = from {
                which = which.sql(" AND created_at >= ").bind(DbTime(from));
            }
            if let Some(to) = to {
                which = which.sql(" AND created_at < ").bind(DbTime(to));
            }
            if let Some(after) = after {
                which = which.sql(" AND id > ").bind(DbId::from(after));
            }
            which.sql(" ORDER BY id")
        }
    };
    which.sql(" LIMIT ").bind(i64::from(query.limit))
}

/// When the first job is due that goes before a delivery; one that runs was due when it was taken, and what it
/// has as `due_at` is the end of its lease.
fn ahead(workspace: i64, delivery: &Delivery) -> Option<Fragment> {
    let record = delivery.record_id?;
    let first = Fragment::new(
        "SELECT min(CASE WHEN j.state = 'running' THEN j.started_at ELSE j.due_at END) \
         FROM webhook_deliveries AS d JOIN jobs AS j ON j.workspace_id = d.workspace_id AND j.id = d.id \
         WHERE d.state = 'pending' AND d.replay_of IS NULL AND j.finished_at IS NULL AND d.workspace_id = ",
    );
    let first = first.bind(workspace).sql(" AND d.endpoint_id = ").bind(DbId::from(delivery.endpoint_id));
    Some(first.sql(" AND d.record_id = ").bind(DbId(record)).sql(" AND d.seq < ").bind(delivery.seq).fixed())
}

/// Says how a delivery stands since somebody stopped or took up its job, unless it was taken.
pub(super) async fn turn(conn: &mut Conn, workspace: i64, turn: &DeliveryTurn) -> Outcome<()> {
    let held = Fragment::new("UPDATE webhook_deliveries SET state = ").bind(turn.state.name());
    let held = held.sql(" WHERE state <> 'delivered' AND workspace_id = ").bind(workspace);
    let held = held.sql(" AND id = ").bind(DbId::from(turn.id)).sql(" RETURNING data");
    // The row is this transaction's from here on.
    let rows: Vec<String> = Statement::<Text>::new(held.fixed()).load(conn).await?;
    for data in rows {
        overwrite(conn, workspace, &turn.of(read(&data)?), Fragment::everything()).await?;
    }
    Ok(())
}

/// Writes a delivery over what was known of it; what was taken or cancelled stays so, whoever comes later.
async fn note(conn: &mut Conn, workspace: i64, delivery: &Delivery) -> Outcome<()> {
    let open = match delivery.state {
        DeliveryState::Delivered => Fragment::everything(),
        _ => Fragment::new("webhook_deliveries.state NOT IN ('delivered', 'cancelled')"),
    };
    overwrite(conn, workspace, delivery, open).await
}

async fn overwrite(conn: &mut Conn, workspace: i64, delivery: &Delivery, open: Fragment) -> Outcome<()> {
    let own = webhook_deliveries::table
        .filter(webhook_deliveries::workspace_id.eq(workspace))
        .filter(webhook_deliveries::id.eq(DbId::from(delivery.id)))
        .filter(open);
    let columns = (
        webhook_deliveries::state.eq(delivery.state.name()),
        webhook_deliveries::data.eq(serde_json::to_string(delivery)?),
    );
    diesel::update(own).set(columns).execute(conn).await?;
    Ok(())
}

/// Keeps what an attempt tells of its endpoint, and gives since when that has taken nothing.
async fn keep_health(
    conn: &mut Conn,
    workspace: i64,
    endpoint: Id<WebhookEndpoint>,
    health: Health,
) -> Outcome<Option<Timestamp>> {
    let id = DbId::from(endpoint);
    let own = || {
        webhook_failing::table
            .filter(webhook_failing::workspace_id.eq(workspace))
            .filter(webhook_failing::endpoint_id.eq(id))
    };
    match health {
        Health::Works => drop(diesel::delete(own()).execute(conn).await?),
        Health::Fails(at) => {
            let row = (
                webhook_failing::workspace_id.eq(workspace),
                webhook_failing::endpoint_id.eq(id),
                webhook_failing::since.eq(DbTime(at)),
            );
            diesel::insert_into(webhook_failing::table).values(row).on_conflict_do_nothing().execute(conn).await?;
        }
        Health::Unknown => {}
    }
    let since: Option<DbTime> = own().select(webhook_failing::since).get_result(conn).await.optional()?;
    Ok(since.map(Timestamp::from))
}

#[async_trait]
impl WebhookStore for Store {
    async fn webhook_endpoint(&self, grant: &Grant, id: Id<WebhookEndpoint>) -> Result<Stored<WebhookEndpoint>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = Fragment::new("webhook_endpoints.id = ").bind(DbId::from(id));
        let found = self.pools.key(async move |conn: &mut Conn| endpoints(conn, workspace, which).await).await?;
        found.into_iter().next().map(Stored::loaded).ok_or_else(|| Error::not_found("webhook_endpoint", id))
    }

    async fn webhook_endpoints(&self, grant: &Grant) -> Result<Vec<WebhookEndpoint>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let all = Fragment::everything();
        self.pools.key(async move |conn: &mut Conn| endpoints(conn, workspace, all).await).await
    }

    async fn webhook_secrets(
        &self,
        grant: &Grant,
        id: Id<WebhookEndpoint>,
        now: Timestamp,
    ) -> Result<Vec<SecretString>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .key(async move |conn: &mut Conn| {
                let live = Fragment::new("(webhook_secrets.until IS NULL OR webhook_secrets.until > ");
                let found = webhook_secrets::table
                    .filter(webhook_secrets::workspace_id.eq(workspace))
                    .filter(webhook_secrets::endpoint_id.eq(DbId::from(id)))
                    .filter(live.bind(DbTime(now)).sql(")"))
                    .order(webhook_secrets::made_at.desc())
                    .select(webhook_secrets::secret);
                let secrets: Vec<String> = found.load(conn).await?;
                Ok(secrets.into_iter().map(SecretString::from).collect())
            })
            .await
    }

    async fn delivery(&self, grant: &Grant, id: Id<Delivery>) -> Result<Delivery> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let found: Option<Delivery> = self
            .pools
            .key(async move |conn: &mut Conn| {
                let own = webhook_deliveries::table
                    .filter(webhook_deliveries::workspace_id.eq(workspace))
                    .filter(webhook_deliveries::id.eq(DbId::from(id)));
                let data: Option<String> = own.select(webhook_deliveries::data).get_result(conn).await.optional()?;
                data.map(|data| read(&data)).transpose()
            })
            .await?;
        found.ok_or_else(|| Error::not_found("delivery", id))
    }

    async fn deliveries(&self, grant: &Grant, query: &DeliveryQuery) -> Result<Vec<Delivery>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let asked = asked(workspace, query);
        self.pools
            .read(async move |conn: &mut Conn| {
                let rows: Vec<String> = Statement::<Text>::new(asked).load(conn).await?;
                rows.iter().map(|data| read(data)).collect::<Outcome<Vec<Delivery>>>()
            })
            .await
    }

    async fn ahead_of(&self, grant: &Grant, delivery: &Delivery) -> Result<Option<Timestamp>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let Some(ahead) = ahead(workspace, delivery) else { return Ok(None) };
        self.pools
            .key(async move |conn: &mut Conn| {
                let found: Vec<Option<DbTime>> = Statement::<Nullable<Ts>>::new(ahead).load(conn).await?;
                Ok(found.into_iter().flatten().next().map(Timestamp::from))
            })
            .await
    }

    async fn note_delivery(&self, grant: &Grant, delivery: &Delivery, health: Health) -> Result<Option<Timestamp>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let delivery = delivery.clone();
        self.pools
            .write(async move |conn: &mut Conn| {
                note(conn, workspace, &delivery).await?;
                keep_health(conn, workspace, delivery.endpoint_id, health).await
            })
            .await
    }

    async fn stranded_deliveries(&self, workspace: Id<Workspace>, limit: u16) -> Result<Vec<Delivery>> {
        let workspace = self.workspace_key(workspace).await?;
        let stranded = Fragment::new(
            "SELECT d.data FROM webhook_deliveries AS d LEFT JOIN jobs AS j ON j.workspace_id = d.workspace_id \
             AND j.id = d.id WHERE d.state = 'pending' AND (j.id IS NULL OR j.finished_at IS NOT NULL) \
             AND d.workspace_id = ",
        );
        let stranded = stranded.bind(workspace).sql(" LIMIT ").bind(i64::from(limit)).fixed();
        self.pools
            .read(async move |conn: &mut Conn| {
                let rows: Vec<String> = Statement::<Text>::new(stranded).load(conn).await?;
                // One that cannot be read keeps no other pending.
                Ok(rows.iter().filter_map(|data| read(data).ok()).collect::<Vec<Delivery>>())
            })
            .await
    }

    async fn prune_deliveries(&self, workspace: Id<Workspace>, until: Timestamp, limit: u16) -> Result<usize> {
        let workspace = self.workspace_key(workspace).await?;
        let old = Fragment::new("DELETE FROM webhook_deliveries WHERE workspace_id = ")
            .bind(workspace)
            .sql(" AND id IN (SELECT id FROM webhook_deliveries WHERE workspace_id = ")
            .bind(workspace)
            .sql(" AND state <> 'pending' AND created_at <= ")
            .bind(DbTime(until))
            .sql(" ORDER BY created_at LIMIT ")
            .bind(i64::from(limit))
            .sql(")");
        self.pools.write(async move |conn: &mut Conn| Ok(Statement::<()>::new(old).execute(conn).await?)).await
    }
}
