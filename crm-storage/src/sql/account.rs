//! Accounts, which belong to no workspace.

use async_trait::async_trait;
use crm_core::account::{Account, AccountStore, NewAccount, Rank};
use crm_core::text::Email;
use crm_core::{Id, Result};
use diesel::prelude::*;
use secrecy::ExposeSecret as _;

use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::accounts;
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
struct AccountRow {
    id: DbId,
    email: String,
    password_hash: String,
    created_at: DbTime,
}

/// Writes a new account.
pub(super) async fn insert(conn: &mut Conn, new: &NewAccount) -> Outcome<()> {
    let NewAccount { account, rank } = new;
    if *rank == Rank::First {
        dialect::hold_accounts(conn).await?;
        if any(conn).await? {
            return Err(NewAccount::not_first().into());
        }
    }
    let row = AccountRow {
        id: account.id.into(),
        email: account.email.as_str().to_owned(),
        password_hash: account.password_hash.expose_secret().to_owned(),
        created_at: account.created_at.into(),
    };
    diesel::insert_into(accounts::table).values(row).execute(conn).await?;
    Ok(())
}

async fn any(conn: &mut Conn) -> Outcome<bool> {
    let found: Option<DbId> = accounts::table.select(accounts::id).limit(1).get_result(conn).await.optional()?;
    Ok(found.is_some())
}

#[async_trait]
impl AccountStore for Store {
    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>> {
        let email = email.as_str().to_owned();
        self.pools
            .key(async move |conn: &mut Conn| {
                let found = accounts::table.filter(accounts::email.eq(email)).select(AccountRow::as_select());
                let Some(row) = found.get_result(conn).await.optional()? else { return Ok(None) };
                Ok(Some(Account {
                    id: row.id.into(),
                    email: json::parsed(Some(row.email))?.ok_or(json::unreadable("an e-mail address"))?,
                    password_hash: row.password_hash.into(),
                    created_at: row.created_at.into(),
                }))
            })
            .await
    }

    async fn any_account(&self) -> Result<bool> {
        self.pools.key(async move |conn: &mut Conn| any(conn).await).await
    }

    async fn rehash(&self, id: Id<Account>, old: &str, new: &str) -> Result<bool> {
        let (old, new) = (old.to_owned(), new.to_owned());
        self.pools
            .write(async move |conn: &mut Conn| {
                let found = accounts::table.filter(accounts::id.eq(DbId::from(id)));
                let found = found.filter(accounts::password_hash.eq(old));
                let changed = diesel::update(found).set(accounts::password_hash.eq(new)).execute(conn).await?;
                Ok(changed == 1)
            })
            .await
    }
}
