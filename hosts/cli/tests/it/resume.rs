//! Imports of every kind of record whose process is killed, again and again, in chunks that make records and in
//! chunks that leave or change them or make others.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::outcome::{Engine, Outcome};
use crate::serving::NEVER;
use crate::support::{Product, WORKSPACE, on_each_store, text};

/// Rows of each file: two chunks and a half.
const ROWS: usize = 2_500;
/// Of these, those that are records of their own; further rows are about the same ones again.
const OWN: usize = 1_200;

/// What may become of known records.
const POLICIES: [&str; 3] = ["skip", "update", "create"];

/// An import to be killed.
struct Case {
    /// What its rows are, as it is typed.
    kind: &'static str,
    policy: &'static str,
    flags: &'static [&'static str],
    /// Files that were read in before, so that some rows are known.
    before: Vec<(&'static str, String)>,
    file: String,
}

/// People of whom some have no e-mail address, some name companies, owners and tags that every chunk makes
/// more of, and some are refused.
pub(crate) fn people(rows: usize) -> String {
    let mut csv = String::from("First Name,Last Name,Email,Job Title,Company Name,Owner,Tags,Floor\n");
    for n in 0..rows {
        let email = match n {
            _ if n % 97 == 96 => "nobody at home".to_owned(),
            _ if n % 13 == 12 => String::new(),
            _ => format!("p{}@example.com", n % OWN),
        };
        let company = if n.is_multiple_of(3) { format!("Company {}", n / 90) } else { String::new() };
        let owner = if n.is_multiple_of(7) { format!("Seller {}", n / 700) } else { String::new() };
        let tags = if n.is_multiple_of(11) { format!("t{}; all", n / 500) } else { String::new() };
        csv.push_str(&format!("First{n},Last{},{email},Title {n},{company},{owner},{tags},{}\n", n % 97, n % 9));
    }
    csv
}

/// Every third of them as they were known before.
fn known_people(rows: usize) -> String {
    let known = (0..rows).step_by(3).map(|n| format!("Before,p{n}@example.com,Title before\n"));
    format!("Last Name,Email,Job Title\n{}", known.collect::<String>())
}

/// Companies, of which every chunk but the first changes what the ones before made.
fn companies(rows: usize) -> String {
    let mut csv = String::from("name,website,industry,employees,owner,tags,Floor\n");
    for n in 0..rows {
        let (own, floor) = (n % OWN, n % 9);
        let employees = if n % 97 == 96 { "many".to_owned() } else { n.to_string() };
        let owner = if n.is_multiple_of(7) { format!("Seller {}", n / 400) } else { String::new() };
        let tags = if n.is_multiple_of(11) { format!("t{}; all", n / 500) } else { String::new() };
        csv.push_str(&format!("Company {own},c{own}.example.com,Trade {},{employees},{owner},{tags},{floor}\n", n % 5));
    }
    csv
}

/// Deals that name stages, companies, owners and tags that every chunk makes more of; every chunk but the
/// first changes what the ones before made.
fn deals(rows: impl Iterator<Item = usize>) -> String {
    let mut csv = String::from("id,name,amount,stage,engage date,close date,company,contact,owner,tags\n");
    for n in rows {
        let amount = if n % 97 == 96 { "much".to_owned() } else { (n * 10).to_string() };
        let close = format!("2017-03-{:02}", n % 28 + 1);
        let (stage, close) = match n % 5 {
            0 => ("Won".to_owned(), close),
            1 => (format!("Stage {}", n / 600), String::new()),
            2 => ("Lost".to_owned(), close),
            _ => ("Engaging".to_owned(), String::new()),
        };
        let company = if n.is_multiple_of(4) { String::new() } else { format!("Company {}", n / 70) };
        let owner = format!("Seller {}", n / 400);
        let tags = if n.is_multiple_of(11) { format!("t{}; all", n / 500) } else { String::new() };
        let contact = format!("p{}@example.com", n % 10);
        let id = n % OWN;
        csv.push_str(&format!(
            "D{id},Deal {n},{amount},{stage},2016-10-20,{close},{company},{contact},{owner},{tags}\n"
        ));
    }
    csv
}

/// Tasks, of which every chunk but the first is about those of the ones before.
fn tasks() -> String {
    let mut csv = String::from("id,title,description,due date,status,completed date,company,contact,owner,tags\n");
    for n in 0..ROWS {
        let own = n % OWN;
        let due = if n % 97 == 96 { "some day".to_owned() } else { format!("2024-03-{:02}", n % 28 + 1) };
        let (status, completed) = if n.is_multiple_of(4) { ("done", "2024-02-03") } else { ("open", "") };
        let company = if n.is_multiple_of(3) { format!("Company {}", n / 70) } else { String::new() };
        let contact = if n.is_multiple_of(5) { format!("p{}@example.com", n % 10) } else { String::new() };
        let owner = if n.is_multiple_of(7) { format!("Seller {}", n / 400) } else { String::new() };
        let tags = if n.is_multiple_of(11) { format!("t{}; all", n / 500) } else { String::new() };
        csv.push_str(&format!(
            "T{own},Task {own},Words {n},{due},{status},{completed},{company},{contact},{owner},{tags}\n"
        ));
    }
    csv
}

fn contacts_with(policy: &'static str) -> Case {
    let before = vec![("contacts", known_people(OWN))];
    Case { kind: "contacts", policy, flags: &["--create-fields"], before, file: people(ROWS) }
}

impl Case {
    fn prepare(&self, product: &Product) {
        for (kind, file) in &self.before {
            product.run(&[kind, "import", text(&product.file("before.csv", file))]);
        }
    }

    /// What is typed to begin it.
    fn arguments<'a>(&'a self, file: &'a str) -> Vec<&'a str> {
        [&[self.kind, "import", file, "--on-duplicate", self.policy], self.flags].concat()
    }

    fn outcome(&self, product: &Product, id: &str) -> Outcome {
        Engine::on(product).outcome(id).with("refused rows", &product.run(&["imports", "failed", id]))
    }

    /// What it leaves behind where nobody kills it, and how long it takes for a chunk.
    fn undisturbed(&self) -> (Outcome, Duration) {
        let product = Product::sqlite();
        self.prepare(&product);
        let file = product.file("rows.csv", &self.file);
        let begun = Instant::now();
        let import = product.json(&self.arguments(text(&file)));
        let pace = begun.elapsed() * 2 / 5;
        (self.outcome(&product, import["id"].as_str().unwrap()), pace)
    }

    /// Begins it, kills it before its first chunk and at another moment after each further one, and goes on
    /// until it is through; gives its id.
    fn with_kills(&self, product: &Product, pace: Duration) -> String {
        let engine = Engine::on(product);
        let file = product.file("rows.csv", &self.file);
        let (mut import, mut kills): (Option<String>, u32) = (None, 0);
        loop {
            let done = import.as_ref().map(|id| engine.rows(id));
            let mut command = product.command();
            match &import {
                None => command.args(self.arguments(text(&file))),
                Some(id) => command.args([self.kind, "import", text(&file), "--resume", id]),
            };
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            // Kept to the end: whoever complains to nobody fails.
            let mut complaints = BufReader::new(child.stderr.take().unwrap());
            let id = named(&mut complaints);
            if let Some(done) = done {
                wait_for_a_chunk(&engine, &mut child, &id, done);
                // Between two chunks, or somewhere in the next one; not before it was killed twice, or a slow run's
                // pace would let a fast one end.
                if kills > 1 {
                    std::thread::sleep(pace * (kills % 4) / 5);
                }
            }
            child.kill().unwrap();
            let status = child.wait().unwrap();
            if status.success() {
                assert!(kills >= 2, "the import was over after {kills} kills");
                return id;
            }
            assert_eq!(status.signal(), Some(9), "{}", std::io::read_to_string(complaints).unwrap());
            (import, kills) = (Some(id), kills + 1);
        }
    }

    /// Killed and gone on with, it leaves behind exactly what it does undisturbed, on each store.
    fn must_come_to_the_same_end(&self) {
        let (expected, pace) = self.undisturbed();
        on_each_store(|disturbed| self.must_come_to(&expected, pace, disturbed));
    }

    fn must_come_to(&self, expected: &Outcome, pace: Duration, disturbed: &Product) {
        assert!(expected.count("refused rows") > 1 && expected.count("tags") > 1 && expected.count("users") > 1);
        self.prepare(disturbed);
        let id = self.with_kills(disturbed, pace);
        let case = format!("{} {}", self.kind, self.policy);
        self.outcome(disturbed, &id).must_be(expected, &case);
        // Its chain holds, and every row is known again.
        disturbed.journal_entries();
        let file = disturbed.file("rows.csv", &self.file);
        let again = disturbed.json(&[self.kind, "import", text(&file), "--on-duplicate", "skip"]);
        assert_eq!(again["counts"]["created"], 0, "{case}");
    }

    /// The same under every policy. What a policy makes of a row is decided above the stores, so that the others
    /// than its own are tried on one of them.
    fn must_come_to_the_same_end_under_every_policy(&self) {
        self.must_come_to_the_same_end();
        for policy in POLICIES.into_iter().filter(|policy| *policy != self.policy) {
            let case = Case { policy, before: self.before.clone(), file: self.file.clone(), ..*self };
            let (expected, pace) = case.undisturbed();
            case.must_come_to(&expected, pace, &Product::sqlite());
        }
    }
}

/// The id that an import names itself by.
fn named(complaints: &mut impl BufRead) -> String {
    let mut first = String::new();
    complaints.read_line(&mut first).unwrap();
    let id = first.strip_prefix("import ").map(|id| id.trim().to_owned());
    id.unwrap_or_else(|| panic!("the import did not name itself: {first:?}"))
}

/// Waits until an import has got further, also by a chunk that writes no record, or is over.
fn wait_for_a_chunk(engine: &Engine, import: &mut Child, id: &str, done: u64) {
    let begun = Instant::now();
    while import.try_wait().unwrap().is_none() && engine.rows(id) == done {
        assert!(begun.elapsed() < NEVER, "the import got no further than {done} rows");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The newest record.
fn newest(product: &Product) -> serde_json::Value {
    product.json(&["contacts", "list", "--sort", "-created_at", "--limit", "1"])["data"][0]["id"].clone()
}

#[test]
fn a_killed_import_that_skips_the_known_comes_to_the_undisturbed_end() {
    contacts_with("skip").must_come_to_the_same_end();
}

#[test]
fn a_killed_import_that_updates_the_known_comes_to_the_undisturbed_end() {
    contacts_with("update").must_come_to_the_same_end();
}

#[test]
fn a_killed_import_that_makes_all_anew_comes_to_the_undisturbed_end() {
    contacts_with("create").must_come_to_the_same_end();
}

#[test]
fn a_killed_import_of_companies_comes_to_the_undisturbed_end_under_every_policy() {
    let before = "name,industry\nCompany 5,Before\nCompany 1100,Before\n".to_owned();
    let case = Case {
        kind: "companies",
        policy: "update",
        flags: &["--create-fields"],
        before: vec![("companies", before)],
        file: companies(ROWS),
    };
    case.must_come_to_the_same_end_under_every_policy();
}

#[test]
fn a_killed_import_of_deals_comes_to_the_undisturbed_end_under_every_policy() {
    let before = vec![("contacts", known_people(10)), ("deals", deals((0..OWN).step_by(3)))];
    let case = Case { kind: "deals", policy: "update", flags: &[], before, file: deals(0..ROWS) };
    case.must_come_to_the_same_end_under_every_policy();
}

#[test]
fn a_killed_import_of_tasks_comes_to_the_undisturbed_end_under_every_policy() {
    let known = (0..OWN).step_by(3).map(|n| format!("T{n},Before,Words before\n")).collect::<String>();
    let before = vec![("contacts", known_people(10)), ("tasks", format!("id,title,description\n{known}"))];
    let case = Case { kind: "tasks", policy: "update", flags: &[], before, file: tasks() };
    case.must_come_to_the_same_end_under_every_policy();
}

#[test]
fn another_file_does_not_resume_an_import() {
    let product = Product::sqlite();
    let file = product.file("people.csv", people(10));
    let id = product.json(&["contacts", "import", text(&file)])["id"].as_str().unwrap().to_owned();
    let other = product.file("other.csv", people(11));
    let again = ["--workspace", WORKSPACE, "contacts", "import", text(&other), "--resume", &id];
    let output = product.try_run(&again);
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.contains("file"), "{complaint}");
    // Who acts is no property of the import: it is typed again.
    assert!(complaint.contains(&format!("--resume {id} --workspace {WORKSPACE}")), "{complaint}");
}

#[test]
fn an_import_of_contacts_is_not_gone_on_with_as_companies() {
    let product = Product::sqlite();
    let file = product.file("people.csv", people(1_500));
    let mut child = product.command();
    let mut child =
        child.args(["contacts", "import", text(&file)]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let id = first.trim().strip_prefix("import ").unwrap();
    let before = newest(&product);
    let output = product.try_run(&["companies", "import", text(&file), "--resume", id]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("contact"), "{output:?}");
    assert_eq!(newest(&product), before);
    product.run(&["contacts", "import", text(&file), "--resume", id]);
}
