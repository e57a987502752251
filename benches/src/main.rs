//! `cargo xtask bench`: what a contact costs, from the bare row to HTTP.
//!
//! The product runs as its own release binary in its own process; the load comes from this one.
//! Raw Diesel, core, HTTP and a bare fixed handler are measured in one run, because only their
//! ratios mean anything on a noisy machine.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measuring program prints")]

mod fixed;
mod load;
mod people;
mod process;
mod product;
mod reads;
mod report;

use std::time::Duration;

use product::{Product, Store};
use report::{Report, grouped};

/// Connections that are measured.
const CONNECTIONS: [usize; 2] = [1, 32];

/// How much is measured.
struct Plan {
    rows: u64,
    many_rows: u64,
    time: Duration,
    only: Option<Store>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let [verb, address] = arguments.as_slice()
        && verb == "fixed"
    {
        return Ok(actix_web::rt::System::new().block_on(fixed::serve(address))?);
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut plan = match has("--smoke") {
        true => Plan { rows: 2_000, many_rows: 5_000, time: Duration::from_millis(300), only: None },
        false => Plan { rows: 100_000, many_rows: 1_000_000, time: Duration::from_secs(8), only: None },
    };
    plan.only = match (has("sqlite"), has("postgres")) {
        (true, false) => Some(Store::Sqlite),
        (false, true) => Some(Store::Postgres),
        _ => None,
    };
    let mut report = Report::default();
    for store in [Store::Sqlite, Store::Postgres] {
        if plan.only.is_none_or(|only| only == store) {
            runtime.block_on(measure(store, &plan, &mut report))?;
        }
    }
    println!("{}", report.markdown());
    Ok(())
}

async fn measure(store: Store, plan: &Plan, report: &mut Report) -> Result<(), Box<dyn std::error::Error>> {
    let name = store.name();
    let product = Product::new(store, "read").await?;
    import(&product, plan.rows, report).await?;
    let ids = product.contact_ids().await?;
    let fixed_address = process::free_address()?;
    let itself = std::env::current_exe()?;
    let fixed =
        process::Running::server(std::process::Command::new(itself).args(["fixed", &fixed_address]), &fixed_address)?;
    let server = product.serve()?;
    let token = product.token(&server).await?;
    for connections in CONNECTIONS {
        let requests = std::sync::Arc::new(|_| load::get("/", ""));
        let outcome = load::run(&fixed_address, connections, plan.time, requests).await?;
        report.rate("fixed handler", name, connections, outcome);
        report.rate(
            "one contact, raw Diesel",
            name,
            connections,
            reads::raw(&product, &ids, connections, plan.time).await?,
        );
        report.rate("one contact, core", name, connections, reads::core(&product, &ids, connections, plan.time).await?);
        let (all, bearer) = (ids.clone(), token.clone());
        let requests = move |n: u64| load::get(&format!("/api/v1/contacts/{}", product::spread(&all, n)), &bearer);
        let outcome = load::run(&server.address, connections, plan.time, std::sync::Arc::new(requests)).await?;
        report.rate("one contact, HTTP", name, connections, outcome);
        let bearer = token.clone();
        let requests = move |_| load::get("/api/v1/contacts?limit=50&sort=last_name", &bearer);
        let outcome = load::run(&server.address, connections, plan.time, std::sync::Arc::new(requests)).await?;
        report.rate("list of 50 by name, HTTP", name, connections, outcome);
        let bearer = token.clone();
        let from = plan.rows + 10_000_000 * connections as u64;
        let requests = move |n: u64| load::post("/api/v1/contacts", &bearer, &people::Person::number(from + n).json());
        let outcome = load::run(&server.address, connections, plan.time, std::sync::Arc::new(requests)).await?;
        report.rate("create, HTTP", name, connections, outcome);
    }
    drop((fixed, server));
    let product = Product::new(store, "import").await?;
    import(&product, plan.many_rows, report).await
}

/// Imports so many people by the command line and reports rate, memory and size.
async fn import(product: &Product, rows: u64, report: &mut Report) -> Result<(), Box<dyn std::error::Error>> {
    let name = product.store.name();
    let file = product.folder().join("people.csv");
    people::write_csv(&file, rows)?;
    let finished = process::run(product.command().args(["contacts", "import"]).arg(&file))?;
    let what = format!("import of {} contacts", grouped(rows as f64));
    report.figure(&what, name, format!("{} rows/s", grouped(rows as f64 / finished.time.as_secs_f64())));
    report.figure(&format!("{what}, peak memory"), name, format!("{} MB", finished.peak_bytes / 1_000_000));
    process::run(product.command().args(["journal", "verify"]))?;
    let bytes = product.database_bytes().await?;
    report.figure(&format!("{what}, bytes a row"), name, grouped(bytes as f64 / rows as f64));
    Ok(())
}
