//! A sales team's history from CSV files, and the figures that come out.
//!
//! `cargo run -p crm-examples --bin pipeline`
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::sync::Arc;

use crm_core::analytics::AnalyticsRequest;

use crm_core::transfer::{BytesSource, ImportOptions};
use crm_core::{Actor, Crm, Entity, Period, Session, Totals};
use crm_storage::{Options, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "pipeline.sqlite".to_owned());
    let store = SqliteStore::open(&file, Options::default())?;
    store.migrate().await?;
    let crm = Crm::builder(Arc::new(store)).build();
    let workspace = crm.create_workspace("Hardware Sales").await?;
    let session = crm.acting(Actor::system(workspace.id, "example")).await?;

    import(&session, Entity::Company, "accounts.csv", ImportOptions::default()).await?;
    // Open deals get the list price as an estimate, and people the team of their manager.
    let options = ImportOptions {
        products: session.transfers().products(&read("products.csv")?)?,
        teams: session.transfers().teams(&read("sales_teams.csv")?)?,
        values: [("product".to_owned(), [("GTXPro".to_owned(), "GTX Pro".to_owned())].into())].into(),
        ..ImportOptions::default()
    };
    import(&session, Entity::Deal, "sales_pipeline.csv", options).await?;

    for stage in session.deals().board(None).await?.stages {
        println!("{:12} {:6} {}", stage.name, stage.count, amounts(stage.total.as_ref()));
    }
    let all = AnalyticsRequest::default();
    let sales = session.analytics().sales(&all, Period::Month).await?.figures;
    println!("win rate     {:.2} %", 100.0 * sales.total.win_rate.unwrap_or_default());
    for month in &sales.periods {
        println!("{}   {}", month.period.format("%Y-%m"), amounts(month.tally.won_value.as_ref()));
    }
    let cycle = session.analytics().velocity(&all).await?.figures.won_cycle;
    let (mean, median) = (cycle.mean.unwrap_or_default(), cycle.median.unwrap_or_default());
    println!("won cycle    {mean:.2} days on average, {median:.0} the median");
    if let Some(first) = session.analytics().team(&all).await?.figures.ranks.first() {
        let name = first.name.as_deref().unwrap_or("nobody");
        println!("first        {name} {}", amounts(first.tally.won_value.as_ref()));
    }
    Ok(())
}

fn read(name: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR")))
}

async fn import(
    session: &Session,
    entity: Entity,
    name: &str,
    options: ImportOptions,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut source = BytesSource::new(read(name)?);
    let import = session.transfers().start(entity, &mut source, options).await?;
    let import = session.transfers().run(import.id, &mut source, &mut |_| {}).await?;
    println!("{name}: {} made, {} refused", import.counts.created, import.counts.failed);
    Ok(())
}

fn amounts(totals: Option<&Totals>) -> String {
    totals.into_iter().flat_map(Totals::iter).map(|money| money.to_string()).collect::<Vec<_>>().join(", ")
}
