//! The schema, brought up to date by the binary.

use std::process::{Child, Stdio};

use serde_json::json;

use crate::support::{Product, on_each_empty_store};

fn begun(product: &Product) -> Child {
    product.command().arg("migrate").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_database_is_made_and_a_second_migration_changes_nothing() {
    on_each_empty_store(|product| {
        assert_eq!(product.run(&["migrate"]), "");
        assert_eq!(product.json(&["workspace", "list"]), json!([]));
        product.run(&["workspace", "create", "Acme"]);
        product.run(&["contacts", "create", "--set", "last_name=Here"]);
        let entries = product.journal_entries();
        assert_eq!(product.run(&["migrate"]), "");
        assert_eq!(product.json(&["contacts", "list"])["data"][0]["last_name"], "Here");
        assert_eq!(product.journal_entries(), entries);
    });
}

#[test]
fn processes_that_migrate_at_once_all_find_the_schema_that_one_of_them_makes() {
    on_each_empty_store(|product| {
        let processes: Vec<Child> = (0..4).map(|_| begun(&product)).collect();
        for process in processes {
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        product.run(&["workspace", "create", "Acme"]);
        product.run(&["contacts", "create", "--set", "last_name=Here"]);
        assert!(product.journal_entries() > 0);
    });
}
