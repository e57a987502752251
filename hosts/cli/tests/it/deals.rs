//! Deals at the command line.

use serde_json::{Value, json};

use crate::support::{Product, on_each_store};

/// What a move that is refused complains about.
fn complaint(product: &Product, arguments: &[&str]) -> String {
    let output = product.try_run(&[&["deals", "move"], arguments].concat());
    assert!(!output.status.success(), "{arguments:?} must fail");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_deal_is_moved_to_a_stage_by_its_name_or_its_id() {
    on_each_store(|product| {
        let deal = product.json(&["deals", "create", "--set", "title=Anvils"]);
        let id = deal["id"].as_str().unwrap();
        let stages = product.json(&["board"])["stages"].clone();
        let [engaging, lost] = [1, 3].map(|at| stages[at]["stage_id"].as_str().unwrap());
        let moved = product.json(&["deals", "move", id, "engaging", "--if-version", "1"]);
        assert_eq!((&moved["stage_id"], &moved["version"]), (&json!(engaging), &json!(2)));
        let stale = complaint(product, &[id, "Won", "--if-version", "1"]);
        assert!(stale.contains("version 2") && stale.contains("at the stage Engaging now"), "{stale}");
        let elsewhere = complaint(product, &[id, "Won", "--from", "Prospecting"]);
        assert!(elsewhere.contains("at the stage Engaging now"), "{elsewhere}");
        let moved = product.json(&["deals", "move", id, lost, "--from", "Engaging", "--reason", "Too dear"]);
        assert_eq!((&moved["status"], &moved["lost_reason"]), (&json!("lost"), &json!("Too dear")));
        let silent = product.json(&["deals", "move", id, "Lost", "--reason", ""]);
        assert_eq!((&silent["status"], &silent["lost_reason"]), (&json!("lost"), &Value::Null));
        let printed = product.run(&["deals", "move", id, "Won"]);
        assert!(printed.contains("status") && printed.contains("won"), "{printed}");
        assert_eq!(product.json(&["board"])["stages"][2]["count"], json!(1));
    });
}

#[test]
fn a_move_that_does_not_fit_changes_nothing() {
    let product = Product::sqlite();
    let deal = product.json(&["deals", "create", "--set", "title=Anvils"]);
    let id = deal["id"].as_str().unwrap();
    let unknown = complaint(&product, &[id, "Nowhere"]);
    assert!(unknown.contains("Nowhere") && unknown.contains("Prospecting, Engaging, Won, Lost"), "{unknown}");
    let reason = complaint(&product, &[id, "Engaging", "--reason", "Too dear"]);
    assert!(reason.contains("deals that are lost"), "{reason}");
    // A deal is no stage.
    assert!(complaint(&product, &[id, id]).contains("is not one of this pipeline"));
    assert_eq!(product.json(&["deals", "show", id]), deal);
}
