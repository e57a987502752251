//! What it costs to watch: the memory of many WebSockets, how soon all of them and a few of them are told, and what
//! a server does that has nothing to do.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::{interval_at, sleep};

use crate::load::{self, Kept, post};
use crate::product::{Failed, Product, Server};
use crate::report::{Report, grouped};
use crate::sockets::Sockets;

/// Files that a process has open beside its WebSockets, at most.
const OTHER_FILES: u64 = 500;
/// Connections that changes are sent on.
const WRITERS: u32 = 8;
/// How long events may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What all sockets watch.
const OF_ALL: &str = "companies";
/// What a few of them watch besides.
const OF_FEW: &str = "contacts";

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// WebSockets that are open.
    pub(crate) sockets: usize,
    /// Those among them that are told of the changes.
    pub(crate) receivers: usize,
    /// Changes a second.
    pub(crate) per_second: u32,
    /// How long changes are made.
    pub(crate) time: Duration,
    /// How long the server rests before it is looked at.
    pub(crate) rest: Duration,
    /// How long it is looked at while it is idle.
    pub(crate) idle: Duration,
}

impl Extent {
    /// That of the table.
    pub(crate) const FULL: Self = Self {
        sockets: 10_000,
        receivers: 20,
        per_second: 200,
        time: Duration::from_secs(30),
        rest: Duration::from_secs(10),
        idle: Duration::from_secs(20),
    };
    /// One that shows that it works.
    pub(crate) const SMOKE: Self = Self {
        sockets: 200,
        receivers: 20,
        per_second: 100,
        time: Duration::from_secs(1),
        rest: Duration::from_secs(1),
        idle: Duration::from_secs(1),
    };
}

/// A change, and when it was asked for and answered.
struct Written {
    number: u64,
    sent: Instant,
    answered: Instant,
}

/// Watches a server through many sockets of one member.
pub(crate) async fn measure(product: &Product, extent: &Extent, report: &mut Report) -> Result<(), Failed> {
    let (name, count) = (product.store.name(), grouped(extent.sockets as f64));
    // The server inherits the limit.
    allow_open_files(extent.sockets)?;
    let server = product.serve()?;
    let token = product.token(&server).await?;
    let topics = |at: usize| if at < extent.receivers { vec![OF_ALL, OF_FEW] } else { vec![OF_ALL] };
    let mut sockets = Sockets::open(&server.address, &token, extent.sockets, topics).await?;
    sleep(extent.rest).await;
    let memory = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    report.figure(&format!("memory of the server with {count} WebSockets"), name, memory(server.running.memory()));

    let request = post("/api/v1/companies", &token, r#"{"name":"Told to all"}"#);
    let sent = Instant::now();
    load::once(&server.address, &request).await?;
    let heard = sockets.hear(extent.sockets, PATIENCE).await?;
    let last = heard.iter().map(|heard| heard.at).max().unwrap_or(sent).saturating_duration_since(sent);
    let what = format!("an event to {count} WebSockets, from its request to the last of them");
    report.figure(&what, name, format!("{} ms", last.as_millis()));

    changes(&server, &token, &mut sockets, (name, &count), extent, report).await?;
    let what = format!("memory of the server with {count} WebSockets, at most");
    report.figure(&what, name, memory(server.running.peak_memory()));

    let open = server.running.open_files()?;
    drop(sockets);
    let until = Instant::now() + PATIENCE;
    // It may open a file of its own meanwhile.
    while server.running.open_files()? + extent.sockets > open + 10 {
        if Instant::now() > until {
            return Err("the server does not let go of WebSockets that were closed".into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    sleep(extent.rest).await;
    let before = server.running.processor_time()?;
    sleep(extent.idle).await;
    let worked = server.running.processor_time()?.saturating_sub(before);
    let share = 100.0 * worked.as_secs_f64() / extent.idle.as_secs_f64();
    report.figure("idle server with its relay and workers", name, format!("{share:.2} % of a core"));
    Ok(())
}

/// Makes changes of which few of the sockets are told, and says how soon they are.
async fn changes(
    server: &Server,
    token: &str,
    sockets: &mut Sockets,
    (name, count): (&str, &str),
    extent: &Extent,
    report: &mut Report,
) -> Result<(), Failed> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(server.address.clone(), token.to_owned(), writer, *extent)))
        .collect();
    let mut written = HashMap::new();
    for task in tasks {
        written.extend(task.await??.into_iter().map(|change| (change.number, change)));
    }
    let time = begun.elapsed();
    let heard = sockets.hear(written.len() * extent.receivers, PATIENCE).await?;
    let (mut from_request, mut from_answer) = (Vec::new(), Vec::new());
    for heard in heard {
        let number = heard.field("last_name").and_then(|name| name.rsplit_once(' ')?.1.parse::<u64>().ok());
        let change: &Written = number.and_then(|number| written.get(&number)).ok_or("an event is of no change")?;
        from_request.push(heard.at.saturating_duration_since(change.sent));
        from_answer.push(heard.at.saturating_duration_since(change.answered));
    }
    let Extent { receivers, per_second, .. } = extent;
    let rate = written.len() as f64 / time.as_secs_f64();
    let what = format!("changes beside {count} WebSockets, {per_second}/s asked for");
    report.figure(&what, name, format!("{}/s", grouped(rate)));
    let what = format!("a change to each of {receivers} among {count} WebSockets");
    let outcome = |latencies| load::outcome(latencies, time);
    report.latency(&format!("{what}, from its request"), name, outcome(from_request));
    report.latency(&format!("{what}, from its answer"), name, outcome(from_answer));
    Ok(())
}

/// Makes every change whose turn is this writer's, at its time.
async fn write(address: String, token: String, writer: u32, extent: Extent) -> std::io::Result<Vec<Written>> {
    let mut connection = Kept::open(&address).await?;
    let turn = Duration::from_secs(1) / extent.per_second;
    let mut turns = interval_at(tokio::time::Instant::now() + turn * writer, turn * WRITERS);
    let count = (extent.time.as_secs_f64() * f64::from(extent.per_second)) as u64;
    let mut written = Vec::new();
    for number in (u64::from(writer)..count).step_by(WRITERS as usize) {
        turns.tick().await;
        let request = post("/api/v1/contacts", &token, &format!(r#"{{"last_name":"Change {number}"}}"#));
        let sent = Instant::now();
        connection.ask(&request).await?;
        written.push(Written { number, sent, answered: Instant::now() });
    }
    Ok(written)
}

/// Lets this process, and those that it starts, open so many connections.
fn allow_open_files(sockets: usize) -> Result<(), Failed> {
    let wanted = u64::try_from(sockets)? + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|most| most >= wanted) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|most| *most < wanted) {
        return Err(format!(
            "{sockets} WebSockets need {wanted} open files in a process, and the system allows {most}: raise the hard \
             limit first, as with `ulimit -Hn {wanted}`"
        )
        .into());
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit })?)
}
