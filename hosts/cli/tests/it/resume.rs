//! A process killed at any moment of an import.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::support::{Product, WORKSPACE, on_each_store, text};

/// Rows with repeated addresses, so that the duplicate policies have something to decide.
fn people(rows: usize) -> String {
    let mut csv = String::from("First Name,Last Name,Email,Job Title,Company Name\n");
    for n in 0..rows {
        csv.push_str(&format!(
            "First{n},Last{},p{}@example.com,Title {},Company {}\n",
            n % 97,
            n % 4_500,
            n % 5,
            n % 50
        ));
    }
    csv
}

/// What an import left behind, without ids and times.
fn outcome(product: &Product) -> (i64, Vec<String>) {
    let export = product.run(&["contacts", "export", "--sort", "email"]);
    let mut lines = export.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let kept: Vec<usize> =
        (0..header.len()).filter(|at| ["first_name", "last_name", "email", "title"].contains(&header[*at])).collect();
    assert_eq!(kept.len(), 4, "{header:?}");
    let mut rows: Vec<String> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            kept.iter().map(|at| cells[*at]).collect::<Vec<_>>().join(",")
        })
        .collect();
    rows.sort();
    (product.journal_entries(), rows)
}

/// The newest record, by which an import shows from outside how far it is.
fn newest(product: &Product) -> serde_json::Value {
    product.json(&["contacts", "list", "--sort", "-created_at", "--limit", "1"])["data"][0]["id"].clone()
}

/// Waits until an import has written something, or is over.
fn wait_for_a_chunk(product: &Product, import: &mut Child, before: &serde_json::Value) {
    while import.try_wait().unwrap().is_none() && newest(product) == *before {}
}

/// Starts an import, kills it before its first chunk and after each one that makes records, and goes
/// on until it is through.
fn import_with_kills(product: &Product, file: &str, policy: &str) {
    let mut id: Option<String> = None;
    loop {
        let before = newest(product);
        let mut command = product.command();
        command.args(["contacts", "import", file]);
        match &id {
            None => command.args(["--on-duplicate", policy]),
            Some(id) => command.args(["--resume", id]),
        };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
        let named = first.strip_prefix("import ").map(|id| id.trim().to_owned());
        let named = named.unwrap_or_else(|| panic!("the import did not name itself: {first:?}"));
        if id.replace(named).is_some() {
            wait_for_a_chunk(product, &mut child, &before);
        }
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            assert!(!before.is_null(), "the import was over before it could be killed");
            return;
        }
    }
}

#[test]
fn a_killed_import_resumes_to_exactly_the_undisturbed_result() {
    let csv = people(6_000);
    for policy in ["skip", "update", "create"] {
        on_each_store(|disturbed| {
            let undisturbed = Product::sqlite();
            let file = undisturbed.file("people.csv", &csv);
            undisturbed.run(&["contacts", "import", "--on-duplicate", policy, text(&file)]);
            import_with_kills(disturbed, text(&disturbed.file("people.csv", &csv)), policy);
            assert_eq!(outcome(disturbed), outcome(&undisturbed), "{policy}");
        });
    }
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
