//! A team's sales history from CSV files, and the board that comes out.
//!
//! `cargo run -p crm-examples --bin pipeline`
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::sync::Arc;

use crm_core::transfer::{BytesSource, ImportOptions};
use crm_core::{Actor, Crm, Entity, Totals};
use crm_storage::{Options, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "pipeline.sqlite".to_owned());
    let store = SqliteStore::open(&file, Options::default())?;
    store.migrate().await?;
    let crm = Crm::builder(Arc::new(store)).build();
    let workspace = crm.create_workspace("Hardware Sales").await?;
    let session = crm.acting(Actor::system(workspace.id, "example")).await?;

    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    for (entity, name) in [(Entity::Company, "accounts.csv"), (Entity::Deal, "sales_pipeline.csv")] {
        let mut source = BytesSource::new(std::fs::read(format!("{data}/{name}"))?);
        let import = session.transfers().start(entity, &mut source, ImportOptions::default()).await?;
        let import = session.transfers().run(import.id, &mut source, &mut |_| {}).await?;
        println!("{name}: {} made, {} refused", import.counts.created, import.counts.failed);
    }

    for stage in session.deals().board(None).await?.stages {
        let total = stage.total.iter().flat_map(Totals::iter).map(|money| money.to_string()).collect::<Vec<_>>();
        println!("{:12} {:6} {}", stage.name, stage.count, total.join(", "));
    }
    Ok(())
}
