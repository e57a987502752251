//! Records made, read, changed, found and deleted one by one.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Product, on_each_store};

fn id(record: &Value) -> &str {
    record["id"].as_str().unwrap()
}

/// What a verb that fails complains about.
fn complaint(product: &Product, arguments: &[&str]) -> String {
    let output = product.try_run(arguments);
    assert!(!output.status.success(), "{arguments:?} must fail");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_contact_is_made_shown_changed_found_and_deleted() {
    on_each_store(|product| {
        let set = ["--set", "first_name=Grace", "--set", "last_name=Hopper", "--set", "tags=vip, navy"];
        let made = product.json(&[&["contacts", "create"], &set[..]].concat());
        assert_eq!((&made["tags"], &made["version"]), (&json!(["navy", "vip"]), &json!(1)));
        let id = id(&made);
        assert_eq!(product.json(&["contacts", "show", id]), made);
        let changed = product.json(&[
            "contacts",
            "update",
            id,
            "--set",
            "title=Admiral",
            "--set",
            "first_name=",
            "--if-version",
            "1",
        ]);
        assert_eq!((&changed["title"], &changed["first_name"]), (&json!("Admiral"), &Value::Null));
        let stale = complaint(product, &["contacts", "update", id, "--set", "title=x", "--if-version", "1"]);
        assert!(stale.contains("version 2"), "{stale}");
        let found = product.json(&["contacts", "search", "hop", "adm"]);
        assert_eq!(found["data"], json!([changed]));
        assert_eq!(product.json(&["contacts", "search", "nobody"])["data"], json!([]));
        let timeline = product.json(&["contacts", "timeline", id, "--limit", "1"]);
        assert_eq!(
            (&timeline["data"][0]["change"], &timeline["data"][0]["after"]),
            (&json!("updated"), &json!({"title": "Admiral"}))
        );
        assert!(timeline["next_cursor"].is_string());
        let shown = product.run(&["contacts", "timeline", id]);
        assert!(shown.contains("contact updated") && shown.contains("title=Admiral, first_name="), "{shown}");
        assert_eq!(product.json(&["contacts", "delete", id]), json!({"deleted": id}));
        assert!(complaint(product, &["contacts", "show", id]).contains("not found"));
        assert!(complaint(product, &["contacts", "delete", id]).contains("not found"));
    });
}

#[test]
fn companies_and_deals_take_numbers_amounts_and_json() {
    on_each_store(|product| {
        let object = r#"{"name": "Acme", "domain": "acme.com"}"#;
        let company = product.json(&["companies", "create", "--json", object, "--set", "employees=42"]);
        assert_eq!((&company["domain"], &company["employees"]), (&json!("acme.com"), &json!(42)));
        let won = product.json(&["board"])["stages"][2]["stage_id"].as_str().unwrap().to_owned();
        let (stage, of) = (format!("stage_id={won}"), format!("company_id={}", id(&company)));
        let deal =
            ["deals", "create", "--set", "title=Anvils", "--set", "value=1,250.50 USD", "--set", &stage, "--set", &of];
        let deal = product.json(&deal);
        assert_eq!((&deal["status"], &deal["value"]["amount_minor"]), (&json!("won"), &json!(125_050)));
        let shown = product.run(&["deals", "show", id(&deal)]);
        assert!(
            shown.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == ["title", "Anvils"]),
            "{shown}"
        );
        let csv = product.run(&["--output", "csv", "companies", "show", id(&company)]);
        assert!(csv.starts_with("Field,Value\r\n") && csv.contains("employees,42\r\n"), "{csv}");
        product.json(&["deals", "update", id(&deal), "--set", "value="]);
        product.json(&["deals", "delete", id(&deal)]);
        let hits = product.json(&["search", "acme"]);
        assert_eq!((&hits["data"][0]["title"], &hits["data"][0]["matched"]), (&json!("Acme"), &json!("exact")));
        assert_eq!(product.json(&["search", "acme", "--type", "deal", "--type", "contact"])["data"], json!([]));
        assert!(product.run(&["search", "acme"]).contains("company  exact  Acme"), "{hits}");
    });
}

#[test]
fn an_object_comes_by_standard_input_too() {
    let product = Product::sqlite();
    let mut command = product.command();
    command.args(["--output", "json", "companies", "create", "--json", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"name": "Piped", "tags": ["a,b"]}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&made["name"], &made["tags"]), (&json!("Piped"), &json!(["a,b"])));
}

#[test]
fn what_is_wrong_with_a_field_is_said_with_its_name() {
    let product = Product::sqlite();
    for (set, told) in [
        ("nonsense=1", "nonsense"),
        ("employees=many", "employees"),
        ("name=", "name"),
        ("domain=no domain", "domain"),
        ("name", "FIELD=VALUE"),
        ("tags:=[1]", "tags"),
        ("owner_id=me", "owner_id"),
    ] {
        let said = complaint(&product, &["companies", "create", "--set", "name=A", "--set", set]);
        assert!(said.contains(told), "{set}: {said}");
    }
    assert!(complaint(&product, &["companies", "create"]).contains("nothing to set"));
    assert!(complaint(&product, &["companies", "create", "--json", "[]"]).contains("--json"));
    assert!(complaint(&product, &["companies", "show", "7"]).contains("UUID"));
    assert_eq!(product.json(&["companies", "list"])["data"], json!([]));
}

#[test]
fn notes_tags_and_custom_fields_are_kept() {
    on_each_store(|product| {
        let define = ["--set", "entity=contact", "--set", "key=size", "--set", "label=Size", "--set", "kind=number"];
        let size = product.json(&[&["fields", "create"], &define[..]].concat());
        let define = [
            "--set",
            "entity=contact",
            "--set",
            "key=parts",
            "--set",
            "label=Parts",
            "--set",
            "kind=multi_choice",
            "--set",
            "choices=North,South",
        ];
        let parts = product.json(&[&["fields", "create"], &define[..]].concat());
        let changed = product.json(&[
            "fields",
            "update",
            id(&parts),
            "--set",
            "choices=North, South, East",
            "--set",
            "required=false",
        ]);
        assert_eq!(changed["choices"], json!(["North", "South", "East"]));
        let values = [
            "--set",
            "last_name=Hopper",
            "--set",
            "custom.size=7.5",
            "--set",
            "custom.parts=North,East",
            "--set",
            "tags=vip",
        ];
        let contact = product.json(&[&["contacts", "create"], &values[..]].concat());
        assert_eq!(contact["custom"], json!({"parts": ["East", "North"], "size": 7.5}));
        product.json(&["fields", "retire", id(&size)]);
        let listed = product.json(&["fields", "list"]);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1);
        assert_eq!(product.json(&["tags", "list"])["data"][0]["count"], 1);
        let note = product.json(&["notes", "add", "Called her", "--contact", id(&contact)]);
        let note = product.json(&["notes", "update", id(&note), "Called her twice", "--if-version", "1"]);
        assert_eq!(note["body"], "Called her twice");
        assert!(product.run(&["contacts", "timeline", id(&contact)]).contains("note updated"));
        product.json(&["notes", "delete", id(&note)]);
        let output = product.try_run(&["notes", "add", "x"]);
        assert_eq!(output.status.code(), Some(2));
    });
}
