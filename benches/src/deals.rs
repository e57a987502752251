//! What deals cost: their import, the board (of everybody's deals, of one member's own and of a manager's team),
//! moves and the figures of analytics.

use std::io::{BufWriter, Write as _};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crm_core::access::{Role, Rule, Scope};
use crm_core::analytics::{AnalyticsRequest, ConversionOptions};
use crm_core::team::NewTeam;
use crm_core::{Entity, Expect, ListRequest, NaiveDate, Period, Session};
use serde_json::Value;

use crate::load::{self, Requests, get, sending};
use crate::people::Person;
use crate::process;
use crate::product::{Failed, Product, Server, spread};
use crate::reads::median;
use crate::report::{Report, grouped};

/// Deals of a database, few and many.
pub(crate) const COUNTS: [u64; 2] = [20_000, 200_000];
/// Members who own them.
const OWNERS: u64 = 30;
/// The first of them, who sees their own deals alone.
const OWNER: &str = "rep0@bench.example";
/// The second, who manages a team and sees its deals alone.
const MANAGER: &str = "rep1@bench.example";
/// Members of that team, the manager included: the second owner and those after.
const TEAM: u64 = 10;

/// Where the history of a sales team lies.
const HISTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data");

/// Imports the history of a sales team with what lies beside it, and says how long it took.
pub(crate) fn import_history(product: &Product, report: &mut Report) -> Result<(), Failed> {
    let file = |name: &str| Path::new(HISTORY).join(name);
    let mut import = product.command();
    import.args(["deals", "import"]).arg(file("sales_pipeline.csv"));
    for (option, name) in
        [("--companies", "accounts.csv"), ("--products", "products.csv"), ("--teams", "sales_teams.csv")]
    {
        import.arg(option).arg(file(name));
    }
    let finished = process::run(&mut import)?;
    let time = format!("{} ms", finished.time.as_millis());
    report.figure("import of a history of 8,800 deals with companies, products and teams", product.store.name(), time);
    Ok(())
}

/// Imports so many deals and measures what is asked of them.
pub(crate) async fn measure(product: &Product, deals: u64, time: Duration, report: &mut Report) -> Result<(), Failed> {
    let name = product.store.name();
    let file = product.folder().join("deals.csv");
    write_csv(&file, deals)?;
    let finished = process::run(product.command().args(["deals", "import"]).arg(&file))?;
    let count = grouped(deals as f64);
    let rate = format!("{} rows/s", grouped(deals as f64 / finished.time.as_secs_f64()));
    report.figure(&format!("import of {count} deals"), name, rate);
    let server = product.serve()?;
    let token = product.token(&server).await?;
    let admin = product.session().await?;
    let board = admin.deals().board(None).await?;
    let open = board.stages.iter().filter(|stage| stage.kind == crm_core::pipeline::StageKind::Open);
    let stages: Arc<[String]> = open.map(|stage| stage.stage_id.to_string()).collect();
    let ids = open_deals(&admin).await?;
    for connections in [1, 32] {
        let asked = Load { server: &server, connections, time };
        let plain = get("/api/v1/deals/pipeline?cards=0", &token);
        let outcome = asked.run(Arc::new(move |_| plain.clone())).await?;
        report.rate(&format!("board of {count} deals, HTTP"), name, connections, outcome);
        let cards = get("/api/v1/deals/pipeline", &token);
        let outcome = asked.run(Arc::new(move |_| cards.clone())).await?;
        report.rate(&format!("board of {count} deals with 10 cards a stage, HTTP"), name, connections, outcome);
        let (ids, stages, token) = (ids.clone(), stages.clone(), token.clone());
        let moves = move |n: u64| {
            let path = format!("/api/v1/deals/{}/stage", spread(&ids, n));
            // The second time round a deal goes on to the next stage.
            let stage = spread(&stages, n / (ids.len() as u64) + n);
            sending("PUT", &path, &token, &format!(r#"{{"stage_id":"{stage}"}}"#))
        };
        let outcome = asked.run(Arc::new(moves)).await?;
        report.rate(&format!("stage move among {count} deals, HTTP"), name, connections, outcome);
    }
    figures(&admin, &count, name, report).await?;
    drop(server);
    narrow(&admin).await?;
    let all: u64 = board.stages.iter().map(|stage| stage.count).sum();
    let own = Seen { member: OWNER, whose: "a sales rep's own", of: &count, deals: 1..=all / 10 };
    let team = Seen { member: MANAGER, whose: "a manager's team", of: &count, deals: all / 10..=all / 2 };
    for seen in [own, team] {
        seen.board(product, time, report).await?;
    }
    Ok(())
}

/// Lets sales reps see their own deals alone, and makes one of them the manager of a team who sees its deals alone.
async fn narrow(admin: &Session) -> Result<(), Failed> {
    let members = admin.users().list(&ListRequest { limit: Some(200), ..ListRequest::default() }).await?.data;
    let known = |email: &str| {
        let member = members.iter().find(|member| member.email.as_ref().is_some_and(|own| own.as_str() == email));
        member.map(|member| member.id).ok_or_else(|| Failed::from(format!("{email} is no member")))
    };
    let team = (1..=TEAM).map(|n| known(&format!("rep{n}@bench.example"))).collect::<Result<Vec<_>, _>>()?;
    admin.teams().create(NewTeam { name: "Bench".to_owned(), members: team }).await?;
    admin.users().change_role(known(MANAGER)?, Role::Manager, Expect::Any).await?;
    for (role, read) in [(Role::SalesRep, Scope::Own), (Role::Manager, Scope::Team)] {
        admin.workspace().set_rule(role, Entity::Deal, Rule { read, ..Rule::NONE }, Expect::Any).await?;
    }
    Ok(())
}

/// A member who sees some deals alone: those are summed for each answer, where a board of all deals comes from sums
/// that are kept.
struct Seen<'a> {
    /// Their address.
    member: &'a str,
    /// Whose deals they see, as the table says it.
    whose: &'static str,
    /// Among how many.
    of: &'a str,
    /// How many they see.
    deals: RangeInclusive<u64>,
}

impl Seen<'_> {
    /// Measures their board.
    async fn board(&self, product: &Product, time: Duration, report: &mut Report) -> Result<(), Failed> {
        let Seen { member, whose, of, deals } = self;
        product.hand_account_to(member).await?;
        // One that was started before may know the account's member still.
        let server = product.serve()?;
        let token = product.token(&server).await?;
        let plain = get("/api/v1/deals/pipeline?cards=0", &token);
        let seen = deals_on(&load::once(&server.address, &plain).await?)?;
        if !deals.contains(&seen) {
            return Err(format!("{member} sees {seen} of {of} deals, which are not those of {whose}").into());
        }
        let boards = [("", plain), (" with 10 cards a stage", get("/api/v1/deals/pipeline", &token))];
        for connections in [1, 32] {
            let asked = Load { server: &server, connections, time };
            for (cards, request) in &boards {
                let request = request.clone();
                let outcome = asked.run(Arc::new(move |_| request.clone())).await?;
                let what = format!("board of {whose} among {of} deals{cards}, HTTP");
                report.rate(&what, product.store.name(), connections, outcome);
            }
        }
        Ok(())
    }
}

/// Deals in all stages of a board.
fn deals_on(board: &[u8]) -> Result<u64, Failed> {
    let board: Value = serde_json::from_slice(board)?;
    let stages = board.get("stages").and_then(Value::as_array).ok_or("the board has no stages")?;
    Ok(stages.iter().filter_map(|stage| stage.get("count")?.as_u64()).sum())
}

/// A load on the server.
struct Load<'a> {
    server: &'a Server,
    connections: usize,
    time: Duration,
}

impl Load<'_> {
    async fn run(&self, requests: Requests) -> std::io::Result<load::Outcome> {
        load::run(&self.server.address, self.connections, self.time, requests).await
    }
}

/// Every figure of analytics over all deals, through the engine in this process.
async fn figures(admin: &Session, count: &str, store: &str, report: &mut Report) -> Result<(), Failed> {
    let (analytics, all) = (admin.analytics(), AnalyticsRequest::default());
    let mut say = |what: &str, time: Duration| {
        report.figure(&format!("{what} over {count} deals, core, median"), store, format!("{} ms", time.as_millis()));
    };
    say("conversion", median(async || analytics.conversion(&all, ConversionOptions::default()).await.map(drop)).await?);
    say("forecast", median(async || analytics.forecast(&all).await.map(drop)).await?);
    let explained = AnalyticsRequest { explain: true, ..AnalyticsRequest::default() };
    say("forecast explained", median(async || analytics.forecast(&explained).await.map(drop)).await?);
    say("velocity", median(async || analytics.velocity(&all).await.map(drop)).await?);
    say("sales", median(async || analytics.sales(&all, Period::Month).await.map(drop)).await?);
    say("leaderboard", median(async || analytics.team(&all).await.map(drop)).await?);
    say("revenue", median(async || analytics.revenue(&all, Period::Month).await.map(drop)).await?);
    say("dashboard", median(async || analytics.dashboard(&all, Period::Month).await.map(drop)).await?);
    say("activities", median(async || analytics.activities(&all, Period::Month).await.map(drop)).await?);
    // What one member did of late, whatever all others did.
    let own = AnalyticsRequest { owner_id: admin.actor().user_id(), from: "2000-01-01".parse().ok(), ..all };
    say("activities of one", median(async || analytics.activities(&own, Period::Month).await.map(drop)).await?);
    Ok(())
}

/// Ids of up to 10,000 open deals.
async fn open_deals(admin: &Session) -> Result<Arc<[String]>, Failed> {
    let filter = "status = open".parse()?;
    let mut request = ListRequest { limit: Some(200), filter: Some(filter), ..ListRequest::default() };
    let mut ids = Vec::new();
    while ids.len() < 10_000 {
        let page = admin.deals().list(&request).await?;
        ids.extend(page.data.iter().map(|deal| deal.id.to_string()));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    Ok(ids.into())
}

/// Writes so many deals as a CSV file: over two years, half of them won and a quarter lost.
fn write_csv(path: &Path, deals: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "Record ID,Deal Name,Deal Stage,Amount,Currency,Create Date,Close Date,Deal owner,Lead source")?;
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default();
    for n in 0..deals {
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let stage = match mixed % 12 {
            0..=5 => "Won",
            6..=8 => "Lost",
            9..=10 => "Engaging",
            _ => "Prospecting",
        };
        let opened = first + chrono::Days::new(mixed % 640);
        let closed = opened + chrono::Days::new(5 + (mixed >> 8) % 120);
        let closed = if matches!(stage, "Won" | "Lost") { closed.to_string() } else { String::new() };
        let (amount, owner) = (50 + (mixed >> 6) % 26_000, (mixed >> 4) % OWNERS);
        let Person { last_name, source, .. } = Person::number(n);
        writeln!(file, "D{n},{last_name},{stage},{amount},USD,{opened},{closed},rep{owner}@bench.example,{source}")?;
    }
    file.flush()
}
