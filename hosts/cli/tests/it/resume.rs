//! A process killed at any moment of an import.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Product, on_each_store, text};

/// Rows with repeated addresses, so that the duplicate policies have something to decide.
fn people(rows: usize) -> String {
    let mut csv = String::from("First Name,Last Name,Email,Job Title,Company Name\n");
    for n in 0..rows {
        csv.push_str(&format!(
            "First{n},Last{},p{}@example.com,Title {},Company {}\n",
            n % 97,
            n % 9_000,
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

/// Starts an import, kills it after a while, and goes on until it is through.
fn import_with_kills(product: &Product, file: &str, policy: &str) {
    let mut id: Option<String> = None;
    for round in 1_u64.. {
        let mut command = product.command();
        command.args(["contacts", "import", "--on-duplicate", policy, file]);
        if let Some(id) = &id {
            command.args(["--resume", id]);
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
        let named = first.strip_prefix("import ").map(|id| id.trim().to_owned());
        id = Some(named.unwrap_or_else(|| panic!("the import did not name itself: {first:?}")));
        // Later rounds live longer, so that the test ends however slow the machine is.
        std::thread::sleep(Duration::from_millis(37 * round));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            assert!(round > 1, "the import was over before it could be killed");
            return;
        }
    }
}

#[test]
fn a_killed_import_resumes_to_exactly_the_undisturbed_result() {
    let csv = people(12_000);
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
    let output = product.try_run(&["contacts", "import", text(&other), "--resume", &id]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("file"), "{output:?}");
}
