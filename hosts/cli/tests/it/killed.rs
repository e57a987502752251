//! Jobs whose process is killed: what a server accepted another process does, and what a worker was at the
//! next one goes on with.
//!
//! The workers that are killed are processes of their own with a short lease: this test program once more,
//! running the same law, which finds its database in the environment.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crm_boot::{Config, QueueOptions, WorkerOptions, boot_for_command, run_workers};
use crm_core::job::Queue;
use serde_json::Value;

use crate::outcome::{Engine, Outcome};
use crate::resume::people;
use crate::serving::{NEVER, Serving, asked, json, sent};
use crate::support::{PASSWORD, Product, on_each_empty_store, text};

/// The database of a worker's process.
const DATABASE: &str = "SLACKCRM_TEST_KILLED_DATABASE";
/// Whose jobs they are.
const EMAIL: &str = "ada@example.com";
/// Rows that an import reads in: six chunks and a half.
const IMPORTED: usize = 6_500;
/// Rows that an export writes: seven steps and a half.
const EXPORTED: usize = 15_000;
/// Workers of a job that are killed.
const KILLS: usize = 5;

/// An import that a server accepted.
struct Accepted {
    import: String,
    job: String,
}

/// Sends a file to a server.
fn accepted(serving: &mut Serving) -> Accepted {
    let address = serving.address();
    let login = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#);
    let signed = json(&asked(&address, "POST /api/v1/auth/login", "", &login));
    let (token, file) = (signed["access_token"].as_str().unwrap(), people(IMPORTED));
    let path = "/api/v1/contacts/import/csv?create_fields=true&on_duplicate=update";
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: text/csv\r\n");
    let length = file.len();
    let request = format!("{head}authorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n{file}");
    let answer = sent(&address, request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let job = json(&answer);
    let id = |field: &str| job[field].as_str().unwrap().to_owned();
    Accepted { import: id("import_id"), job: id("id") }
}

/// As [`accepted`] by a server that does no import and is killed as soon as it has answered.
fn accepted_and_killed(product: &Product) -> Accepted {
    let mut command = product.command();
    command.env("SLACKCRM_QUEUES", "email");
    let mut serving = Serving::start(command);
    let accepted = accepted(&mut serving);
    serving.signal("KILL");
    accepted
}

fn outcome(product: &Product, import: &str) -> Outcome {
    let refused = product.run(&["--as", EMAIL, "imports", "failed", import]);
    Engine::on(product).outcome(import).with("refused rows", &refused)
}

/// What the import leaves behind where nobody is killed.
fn undisturbed() -> Outcome {
    let product = Product::empty();
    product.register(EMAIL);
    let mut serving = Serving::start(product.command());
    let Accepted { import, job } = accepted(&mut serving);
    Engine::on(&product).ended(&job);
    serving.signal("TERM");
    serving.ended();
    outcome(&product, &import)
}

/// Does imports and exports until it is killed.
fn be_a_worker(url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let booted = boot_for_command(Config::for_database(url).unwrap()).await.unwrap();
        let queues = [Queue::IMPORT, Queue::EXPORT].into_iter().map(QueueOptions::new);
        let options = queues.fold(WorkerOptions::none(), WorkerOptions::queue);
        let _workers = run_workers(booted.crm(), options.lease_seconds(1));
        std::future::pending::<()>().await;
    });
}

/// A worker's process, of which nothing is left when its test ends or fails.
struct Working(Child);

impl Working {
    fn start(law: &str, product: &Product) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([&format!("killed::{law}"), "--exact", "--nocapture"]).env(DATABASE, product.url());
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    /// Waits until something is so, as long as the process is there.
    fn until(&mut self, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(self.0.try_wait().unwrap().is_none(), "the worker ended by itself");
            assert!(begun.elapsed() < NEVER, "the worker got no further");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Any time below this one.
fn at_most(millis: u64) -> Duration {
    Duration::from_millis(RandomState::new().build_hasher().finish() % millis)
}

/// Lets workers do a job until it is done. The first ones are killed, in turn at any moment after their start,
/// perhaps before they took it or before their first step, and some moment after they got further, because a job
/// whose workers never get further fails.
fn with_kills(law: &str, product: &Product, job: &str) {
    let engine = Engine::on(product);
    let is_over = || engine.job(job).finished_at.is_some();
    for kill in 0..KILLS {
        let before = engine.job(job).progress;
        let mut worker = Working::start(law, product);
        if kill % 2 == 0 {
            std::thread::sleep(at_most(2_500));
        } else {
            worker.until(|| is_over() || engine.job(job).progress != before);
            std::thread::sleep(at_most(30));
        }
    }
    Working::start(law, product).until(is_over);
}

#[test]
fn what_a_killed_server_accepted_another_one_imports() {
    let expected = undisturbed();
    on_each_empty_store(|product| {
        product.register(EMAIL);
        let Accepted { import, job } = accepted_and_killed(&product);
        let engine = Engine::on(&product);
        assert_eq!((engine.rows(&import), engine.job(&job).attempts), (0, 0));
        let serving = Serving::start(product.command());
        engine.ended(&job);
        serving.signal("TERM");
        serving.ended();
        outcome(&product, &import).must_be(&expected, "the next server");
        product.journal_entries();
    });
}

#[test]
fn an_import_whose_workers_are_killed_comes_to_the_undisturbed_end() {
    if let Ok(url) = std::env::var(DATABASE) {
        return be_a_worker(&url);
    }
    let expected = undisturbed();
    on_each_empty_store(|product| {
        product.register(EMAIL);
        let Accepted { import, job } = accepted_and_killed(&product);
        let law = "an_import_whose_workers_are_killed_comes_to_the_undisturbed_end";
        with_kills(law, &product, &job);
        outcome(&product, &import).must_be(&expected, "the last worker");
        product.journal_entries();
    });
}

#[test]
fn an_export_whose_workers_are_killed_comes_to_the_undisturbed_file() {
    if let Ok(url) = std::env::var(DATABASE) {
        return be_a_worker(&url);
    }
    on_each_empty_store(|product| {
        product.register(EMAIL);
        let as_ada = |verb: &[&str]| product.run(&[&["--as", EMAIL] as &[&str], verb].concat());
        let rows: String = (0..EXPORTED).map(|row| format!("Row {row:05},=1+1\n")).collect();
        let file = product.file("rows.csv", format!("Last Name,Job Title\n{rows}"));
        as_ada(&["contacts", "import", text(&file)]);
        let list = ["--sort", "last_name", "--filter", "last_name != \"Row 00007\""];
        let begun = as_ada(&[&["--output", "json", "contacts", "export", "--job"] as &[&str], &list].concat());
        let begun: Value = serde_json::from_str(&begun).unwrap();
        let job = begun["id"].as_str().unwrap();
        let law = "an_export_whose_workers_are_killed_comes_to_the_undisturbed_file";
        with_kills(law, &product, job);
        let fetched = as_ada(&["exports", "fetch", job]);
        assert_eq!(fetched.lines().count(), EXPORTED);
        assert!(fetched.contains(",'=1+1,"));
        assert!(fetched == as_ada(&[&["contacts", "export"] as &[&str], &list].concat()));
    });
}
