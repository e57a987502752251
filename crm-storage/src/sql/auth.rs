//! Sign-ins and throttles: each call is one compare-and-set.

use async_trait::async_trait;
use crm_core::auth::{Attempt, Rotation, SignIn, SignInStore, ThrottleStore};
use crm_core::{Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store};
use crate::fault::Outcome;
use crate::schema::{refresh_digests, sign_ins, throttles};
use crate::types::{DbId, DbTime};

/// How long a sign-in that has ended is still known, in seconds: 30 days.
const REMEMBERED_SECONDS: i64 = 30 * 24 * 60 * 60;
/// After how long without an attempt a throttle is forgotten, in seconds: a day.
const IDLE_SECONDS: i64 = 24 * 60 * 60;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sign_ins, treat_none_as_default_value = false)]
struct SignInRow {
    id: DbId,
    account_id: DbId,
    workspace_id: DbId,
    user_id: DbId,
    created_at: DbTime,
    expires_at: DbTime,
    revoked_at: Option<DbTime>,
    digest: Vec<u8>,
}

impl SignInRow {
    fn new(sign_in: &SignIn, digest: &[u8; 32]) -> Self {
        Self {
            id: sign_in.id.into(),
            account_id: sign_in.account_id.into(),
            workspace_id: sign_in.workspace_id.into(),
            user_id: sign_in.user_id.into(),
            created_at: sign_in.created_at.into(),
            expires_at: sign_in.expires_at.into(),
            revoked_at: sign_in.revoked_at.map(DbTime::from),
            digest: digest.to_vec(),
        }
    }

    fn into_sign_in(self) -> SignIn {
        SignIn {
            id: self.id.into(),
            account_id: self.account_id.into(),
            workspace_id: self.workspace_id.into(),
            user_id: self.user_id.into(),
            created_at: self.created_at.into(),
            expires_at: self.expires_at.into(),
            revoked_at: self.revoked_at.map(Timestamp::from),
        }
    }
}

/// Keeps a new sign-in, and forgets those of the account that ended long ago.
async fn open(conn: &mut Conn, row: SignInRow) -> Outcome<()> {
    let long_ago = Timestamp::from(row.created_at).plus_seconds(-REMEMBERED_SECONDS);
    let ended = sign_ins::table.filter(sign_ins::account_id.eq(row.account_id));
    diesel::delete(ended.filter(sign_ins::expires_at.lt(DbTime(long_ago)))).execute(conn).await?;
    let (id, digest) = (row.id, row.digest.clone());
    see(conn, row.workspace_id, row.user_id, row.created_at).await?;
    diesel::insert_into(sign_ins::table).values(row).execute(conn).await?;
    remember(conn, id, digest).await
}

/// Keeps when a member was seen: outside the member's row, whose versions are of what people change.
async fn see(conn: &mut Conn, workspace: DbId, user: DbId, at: DbTime) -> Outcome<()> {
    let seen = Fragment::new("INSERT INTO users_seen (workspace_id, user_id, at) VALUES (").bind(workspace).sql(", ");
    let seen = seen.bind(user).sql(", ").bind(at).sql(") ON CONFLICT (workspace_id, user_id) DO UPDATE ");
    let seen = seen.sql("SET at = excluded.at WHERE users_seen.at < excluded.at").fixed();
    Statement::<()>::new(seen).execute(conn).await?;
    Ok(())
}

async fn remember(conn: &mut Conn, id: DbId, digest: Vec<u8>) -> Outcome<()> {
    let row = (refresh_digests::digest.eq(digest), refresh_digests::sign_in_id.eq(id));
    diesel::insert_into(refresh_digests::table).values(row).execute(conn).await?;
    Ok(())
}

async fn find(conn: &mut Conn, id: DbId) -> Outcome<Option<SignIn>> {
    let found = sign_ins::table.filter(sign_ins::id.eq(id)).select(SignInRow::as_select());
    Ok(found.get_result(conn).await.optional()?.map(SignInRow::into_sign_in))
}

/// The sign-in whose refresh token has or had this digest.
async fn holder(conn: &mut Conn, digest: &[u8]) -> Outcome<Option<DbId>> {
    let known = refresh_digests::table.filter(refresh_digests::digest.eq(digest)).select(refresh_digests::sign_in_id);
    Ok(known.get_result(conn).await.optional()?)
}

/// A refresh: old digest, new digest, the present, the new end.
struct Refresh {
    digest: Vec<u8>,
    next: Vec<u8>,
    now: Timestamp,
    expires_at: Timestamp,
}

async fn rotate(conn: &mut Conn, refresh: Refresh) -> Outcome<Rotation> {
    let Refresh { digest, next, now, expires_at } = refresh;
    let Some(id) = holder(conn, &digest).await? else { return Ok(Rotation::Unknown) };
    // The condition decides: of two refreshes at once, one finds the digest replaced.
    let present = sign_ins::table
        .filter(sign_ins::id.eq(id))
        .filter(sign_ins::digest.eq(&digest))
        .filter(sign_ins::revoked_at.is_null())
        .filter(sign_ins::expires_at.gt(DbTime(now)));
    let set = (sign_ins::digest.eq(&next), sign_ins::expires_at.eq(DbTime(expires_at)));
    let is_rotated = diesel::update(present).set(set).execute(conn).await? == 1;
    let Some(mut sign_in) = find(conn, id).await? else { return Ok(Rotation::Unknown) };
    if is_rotated {
        remember(conn, id, next).await?;
        see(conn, sign_in.workspace_id.into(), sign_in.user_id.into(), DbTime(now)).await?;
        return Ok(Rotation::Rotated(sign_in));
    }
    if !sign_in.is_alive(now) {
        return Ok(Rotation::Unknown);
    }
    revoke(conn, id, now).await?;
    sign_in.revoked_at = Some(now);
    Ok(Rotation::Reused(sign_in))
}

async fn revoke(conn: &mut Conn, id: DbId, now: Timestamp) -> Outcome<()> {
    let alive = sign_ins::table.filter(sign_ins::id.eq(id)).filter(sign_ins::revoked_at.is_null());
    diesel::update(alive).set(sign_ins::revoked_at.eq(DbTime(now))).execute(conn).await?;
    Ok(())
}

/// Ends every sign-in of a member.
pub(super) async fn revoke_all(conn: &mut Conn, workspace: DbId, user: DbId, now: Timestamp) -> Outcome<()> {
    let own = sign_ins::table.filter(sign_ins::workspace_id.eq(workspace)).filter(sign_ins::user_id.eq(user));
    let alive = own.filter(sign_ins::revoked_at.is_null());
    diesel::update(alive).set(sign_ins::revoked_at.eq(DbTime(now))).execute(conn).await?;
    Ok(())
}

#[async_trait]
impl SignInStore for Store {
    async fn open(&self, sign_in: &SignIn, refresh_digest: &[u8; 32]) -> Result<()> {
        let row = SignInRow::new(sign_in, refresh_digest);
        self.pools.write(async move |conn: &mut Conn| open(conn, row).await).await
    }

    async fn rotate(
        &self,
        refresh_digest: &[u8; 32],
        next_digest: &[u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation> {
        let (digest, next) = (refresh_digest.to_vec(), next_digest.to_vec());
        let refresh = Refresh { digest, next, now, expires_at };
        self.pools.write(async move |conn: &mut Conn| rotate(conn, refresh).await).await
    }

    async fn holder(&self, refresh_digest: &[u8; 32]) -> Result<Option<SignIn>> {
        let digest = refresh_digest.to_vec();
        self.pools
            .key(async move |conn: &mut Conn| {
                let Some(id) = holder(conn, &digest).await? else { return Ok(None) };
                let present = sign_ins::table.filter(sign_ins::id.eq(id)).filter(sign_ins::digest.eq(&digest));
                let found = present.select(SignInRow::as_select()).get_result(conn).await.optional()?;
                Ok(found.map(SignInRow::into_sign_in))
            })
            .await
    }

    async fn sign_in(&self, id: Id<SignIn>) -> Result<Option<SignIn>> {
        self.pools.key(async move |conn: &mut Conn| find(conn, id.into()).await).await
    }

    async fn revoke(&self, id: Id<SignIn>, now: Timestamp) -> Result<()> {
        self.pools.write(async move |conn: &mut Conn| revoke(conn, id.into(), now).await).await
    }
}

/// Counts an attempt in one statement, and gives the window's begin and the attempts in it.
async fn count(conn: &mut Conn, key: String, window_micros: i64, now: Timestamp) -> Outcome<(i64, i64)> {
    let now = now.micros();
    let count = Fragment::new("INSERT INTO throttles (key, began_at, attempts) VALUES (").bind(key).sql(", ").bind(now);
    let count = count.sql(", 1) ON CONFLICT (key) DO UPDATE SET attempts = CASE WHEN throttles.began_at <= ");
    let count = count.bind(now.saturating_sub(window_micros)).sql(" THEN 1 ELSE throttles.attempts + 1 END, ");
    let count = count.sql("began_at = CASE WHEN throttles.began_at <= ").bind(now.saturating_sub(window_micros));
    let count = count.sql(" THEN ").bind(now).sql(" ELSE throttles.began_at END RETURNING began_at, attempts").fixed();
    Ok(Statement::<(BigInt, BigInt)>::new(count).get_result(conn).await?)
}

#[async_trait]
impl ThrottleStore for Store {
    async fn attempt(&self, key: &str, limit: u32, window_seconds: i64, now: Timestamp) -> Result<Attempt> {
        let key = key.to_owned();
        let window_micros = window_seconds.saturating_mul(1_000_000);
        let (began_at, attempts) = self
            .pools
            .write(async move |conn: &mut Conn| {
                let counted = count(conn, key, window_micros, now).await?;
                if counted.1 == 1 {
                    let idle = now.plus_seconds(-IDLE_SECONDS.max(window_seconds)).micros();
                    diesel::delete(throttles::table.filter(throttles::began_at.lt(idle))).execute(conn).await?;
                }
                Ok(counted)
            })
            .await?;
        let ends_at = Timestamp::from_micros(began_at).plus_seconds(window_seconds);
        Ok(Attempt { limit, made: u32::try_from(attempts).unwrap_or(u32::MAX), ends_at })
    }

    async fn forgive(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.pools
            .write(async move |conn: &mut Conn| {
                diesel::delete(throttles::table.filter(throttles::key.eq(key))).execute(conn).await?;
                Ok(())
            })
            .await
    }
}
