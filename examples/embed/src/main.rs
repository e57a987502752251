//! The engine inside a program of your own: one SQLite file, no server.
//!
//! `cargo run -p crm-embed`
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::sync::Arc;

use crm_core::contact::ContactEdit;
use crm_core::{Actor, Crm, Expect, Filter, ListRequest};
use crm_storage::{Options, SqliteStore};

#[tokio::main]
async fn main() -> crm_core::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "embed.sqlite".to_owned());
    let store = SqliteStore::open(&file, Options::default())?;
    store.migrate().await?;
    let crm = Crm::builder(Arc::new(store)).build();

    let workspace = crm.create_workspace("Acme Sales").await?;
    let session = crm.acting(Actor::system(workspace.id, "example")).await?;

    let ada = ContactEdit { first_name: "Ada".into(), last_name: "Lovelace".into(), ..ContactEdit::default() };
    let ada = session.contacts().create(ada).await?;
    let title = ContactEdit { title: "Countess".into(), tags: vec!["vip".to_owned()].into(), ..ContactEdit::default() };
    session.contacts().update(ada.id, title, Expect::Version(ada.version)).await?;

    let filter: Filter = "tags has_any [vip] and not title is null".parse()?;
    let vips = session.contacts().list(&ListRequest { filter: Some(filter), ..ListRequest::default() }).await?;
    for contact in vips.data {
        println!("{} is at version {}", contact.display_name(), contact.version);
    }
    Ok(())
}
