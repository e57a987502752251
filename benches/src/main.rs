//! `cargo xtask bench`: what a contact costs, from the bare row to HTTP; what deals, jobs and watching cost.
//!
//! The product runs as its own release binary in its own process; the load comes from this one.
//! Raw Diesel, core, HTTP and a bare fixed handler are measured in one run, because only their
//! ratios mean anything on a noisy machine.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measuring program prints")]

mod deals;
mod fixed;
mod jobs;
mod live;
mod load;
mod peers;
mod people;
mod process;
mod product;
mod reads;
mod report;
mod requests;
mod sockets;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crm_core::analytics::AnalyticsRequest;
use peers::Peers;
use product::{Failed, Product, Server, Store};
use report::{Report, grouped};

/// Connections that are measured.
const CONNECTIONS: [usize; 2] = [1, 32];

/// Where a full run keeps its table.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/BENCHMARKS.md");

/// How much is measured.
struct Plan {
    rows: u64,
    many_rows: u64,
    deals: [u64; 2],
    jobs: jobs::Extent,
    live: live::Extent,
    time: Duration,
    stores: Vec<Store>,
    rooms: Vec<Room>,
    /// What a full run writes its table into; a part of it would take the rest's place.
    document: Option<String>,
}

/// What is measured of each store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Contacts,
    Deals,
    Jobs,
    Live,
}

impl Room {
    const ALL: [Room; 4] = [Room::Contacts, Room::Deals, Room::Jobs, Room::Live];

    /// How it is asked for.
    fn name(self) -> &'static str {
        match self {
            Room::Contacts => "contacts",
            Room::Deals => "deals",
            Room::Jobs => "jobs",
            Room::Live => "live",
        }
    }

    /// Those that are named; all where none is.
    fn named(has: impl Fn(&str) -> bool) -> Vec<Self> {
        let named: Vec<Self> = Self::ALL.into_iter().filter(|room| has(room.name())).collect();
        if named.is_empty() { Self::ALL.into() } else { named }
    }
}

impl Plan {
    fn new(arguments: &[String]) -> std::io::Result<Self> {
        let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
        let stores = match (has("sqlite"), has("postgres")) {
            (true, false) => vec![Store::Sqlite],
            (false, true) => vec![Store::Postgres],
            _ => vec![Store::Sqlite, Store::Postgres],
        };
        let rooms = Room::named(has);
        if has("--smoke") {
            let time = Duration::from_millis(300);
            return Ok(Self {
                rows: 2_000,
                many_rows: 5_000,
                deals: [500, 1_000],
                jobs: jobs::Extent::SMOKE,
                live: live::Extent::SMOKE,
                time,
                stores,
                rooms,
                document: None,
            });
        }
        let is_full = stores.len() == 2 && rooms.len() == Room::ALL.len();
        let document = if is_full { Some(std::fs::read_to_string(DOCUMENT)?) } else { None };
        Ok(Self {
            rows: 100_000,
            many_rows: 1_000_000,
            deals: deals::COUNTS,
            jobs: jobs::Extent::FULL,
            live: live::Extent::FULL,
            time: Duration::from_secs(8),
            stores,
            rooms,
            document,
        })
    }
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let [verb, address] = arguments.as_slice()
        && verb == "fixed"
    {
        return Ok(actix_web::rt::System::new().block_on(fixed::serve(address))?);
    }
    let plan = Plan::new(&arguments)?;
    // Found out before the measurements, which take long.
    if let Some(document) = &plan.document {
        report::kept_in(document, "").ok_or("docs/BENCHMARKS.md lacks the marks around its table")?;
    }
    let peers = Peers::named();
    if peers.is_some() && !plan.rooms.contains(&Room::Jobs) {
        return Err("peers are measured beside jobs: name those too".into());
    }
    let mut report = Report::default();
    report.figure("binary", "", format!("{} MB", process::file_bytes(&product::binary()) / 1_000_000));
    for store in &plan.stores {
        runtime.block_on(measure(*store, &plan, &mut report))?;
    }
    if let Some(peers) = &peers {
        runtime.block_on(peers.measure(plan.jobs.many, &mut report))?;
    }
    println!("{}", report.markdown());
    if let Some(document) = plan.document.and_then(|document| report::kept_in(&document, &report.markdown())) {
        std::fs::write(DOCUMENT, document)?;
        println!("kept in docs/BENCHMARKS.md");
    }
    Ok(())
}

async fn measure(store: Store, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    for room in &plan.rooms {
        match room {
            Room::Contacts => contacts(store, plan, report).await?,
            Room::Deals => deals(store, plan, report).await?,
            Room::Jobs => jobs::measure(&Product::new(store, "jobs").await?, plan.jobs, report).await?,
            Room::Live => live::measure(&Product::new(store, "live").await?, &plan.live, report).await?,
        }
    }
    Ok(())
}

/// What deals cost.
async fn deals(store: Store, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let product = Product::new(store, "history").await?;
    deals::import_history(&product, report)?;
    for deals in plan.deals {
        let product = Product::new(store, &format!("deals_{deals}")).await?;
        deals::measure(&product, deals, plan.time, report).await?;
    }
    Ok(())
}

/// What contacts cost.
async fn contacts(store: Store, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let product = Product::new(store, "read").await?;
    import(&product, plan.rows, report).await?;
    export(&product, plan.rows, report)?;
    start(&product, report).await?;
    funnel(&product, plan.rows, report).await?;
    let fixed_address = process::free_address()?;
    let itself = std::env::current_exe()?;
    let fixed =
        process::Running::server(std::process::Command::new(itself).args(["fixed", &fixed_address]), &fixed_address)?;
    let server = product.serve()?;
    let token = product.token(&server).await?;
    let ids = product.contact_ids().await?;
    let subject = Subject { product, ids, fixed_address, server, token };
    for connections in CONNECTIONS {
        subject.reads(connections, plan, report).await?;
        subject.requests(connections, plan, report).await?;
    }
    drop((subject, fixed));
    let product = Product::new(store, "import").await?;
    import(&product, plan.many_rows, report).await?;
    export(&product, plan.many_rows, report)
}

/// What the load falls on.
struct Subject {
    product: Product,
    ids: Arc<[String]>,
    fixed_address: String,
    server: Server,
    token: String,
}

impl Subject {
    /// The yardsticks and reads in this process.
    async fn reads(&self, connections: usize, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
        let (product, name) = (&self.product, self.product.store.name());
        let fixed = Arc::new(|_| load::get("/", ""));
        let outcome = load::run(&self.fixed_address, connections, plan.time, fixed).await?;
        report.rate("fixed handler", name, connections, outcome);
        let outcome = reads::raw(product, &self.ids, connections, plan.time).await?;
        report.rate("one contact, raw Diesel", name, connections, outcome);
        let outcome = reads::core(product, &self.ids, connections, plan.time).await?;
        report.rate("one contact, core", name, connections, outcome);
        Ok(())
    }

    /// Requests to the product's server.
    async fn requests(&self, connections: usize, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
        let from = plan.rows + 10_000_000 * connections as u64;
        for (what, requests) in requests::all(&self.ids, &self.token, from) {
            let outcome = load::run(&self.server.address, connections, plan.time, requests).await?;
            report.rate(what, self.product.store.name(), connections, outcome);
        }
        Ok(())
    }
}

/// Starts the server on what was imported, and reports how soon it answers and what it holds then.
async fn start(product: &Product, report: &mut Report) -> Result<(), Failed> {
    let mut times = Vec::new();
    let mut idle = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        let server = product.serve()?;
        load::once(&server.address, &load::get("/readyz", "")).await?;
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
        idle = server.running.memory();
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    report.figure("start to first answer", product.store.name(), format!("{} ms", median.as_millis()));
    report.figure("idle memory", product.store.name(), format!("{} MB", idle / 1_000_000));
    Ok(())
}

/// The figures about contacts, through the engine in this process.
async fn funnel(product: &Product, rows: u64, report: &mut Report) -> Result<(), Failed> {
    let admin = product.session().await?;
    let (analytics, all) = (admin.analytics(), AnalyticsRequest::default());
    let time = reads::median(async || analytics.funnel(&all).await.map(drop)).await?;
    let what = format!("funnel over {} contacts, core, median", grouped(rows as f64));
    report.figure(&what, product.store.name(), format!("{} ms", time.as_millis()));
    Ok(())
}

/// Exports all people by the command line and reports rate and memory.
fn export(product: &Product, rows: u64, report: &mut Report) -> Result<(), Failed> {
    let name = product.store.name();
    let file = product.folder().join("export.csv");
    let finished = process::run(product.command().args(["contacts", "export", "--to"]).arg(&file))?;
    let what = format!("export of {} contacts", grouped(rows as f64));
    report.figure(&what, name, format!("{} rows/s", grouped(rows as f64 / finished.time.as_secs_f64())));
    report.figure(&format!("{what}, peak memory"), name, format!("{} MB", finished.peak_bytes / 1_000_000));
    Ok(())
}

/// Imports so many people by the command line and reports rate, memory and size.
async fn import(product: &Product, rows: u64, report: &mut Report) -> Result<(), Failed> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_measured_unless_something_is_named() {
        let rooms = |words: &[&str]| Room::named(|name| words.contains(&name)).len();
        assert_eq!((rooms(&["sqlite"]), rooms(&["jobs", "live", "sqlite"])), (4, 2));
    }
}
