//! Many records at once, and imports that are undone.

use serde_json::json;

use crate::support::{on_each_store, text};

const PEOPLE: &str = "First Name,Last Name,Email\nAda,Lovelace,ada@example.com\nGrace,Hopper,grace@example.com\n";

#[test]
fn many_are_changed_tagged_and_deleted_by_a_filter() {
    on_each_store(|product| {
        let file = product.file("people.csv", PEOPLE);
        product.run(&["contacts", "import", text(&file)]);
        let set = r#"{"lifecycle": "customer"}"#;
        let report = product.json(&["contacts", "bulk", "--filter", "lifecycle = lead", "--set", set]);
        assert_eq!((&report["succeeded"], &report["failed"]), (&json!(2), &json!(0)));
        let told = product.run(&["contacts", "bulk", "--filter", "lifecycle = customer", "--tag", "vip"]);
        assert_eq!(told, "2 done, 0 at fault\n");
        let listed = product.json(&["contacts", "list", "--filter", r#"tags has_any ["vip"]"#]);
        assert_eq!(listed["data"].as_array().unwrap().len(), 2);
        let refused =
            product.try_run(&["contacts", "bulk", "--filter", "lifecycle = customer", "--set", r#"{"age": 7}"#]);
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("unknown field `age`"));
        let id = listed["data"][0]["id"].as_str().unwrap();
        let nowhere = "01900000-0000-7000-8000-000000000000";
        let mixed = product.json(&["contacts", "bulk", "--id", id, "--id", nowhere, "--delete", "--partial"]);
        assert_eq!((&mixed["succeeded"], &mixed["failed"]), (&json!(1), &json!(1)));
        let refused = product.try_run(&["contacts", "bulk", "--id", nowhere, "--delete"]);
        assert!(!refused.status.success());
    });
}

#[test]
fn many_are_made_of_a_list() {
    on_each_store(|product| {
        let list = r#"[{"last_name": "Hopper", "tags": ["vip"]}, {"last_name": "Curie"}, {"age": 7}]"#;
        let refused = product.try_run(&["contacts", "bulk-create", "--json", list]);
        assert!(!refused.status.success());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("items.2") && said.contains("unknown field `age`"), "{said}");
        assert_eq!(product.json(&["contacts", "list"])["data"], json!([]));
        let report = product.json(&["contacts", "bulk-create", "--json", list, "--partial"]);
        assert_eq!((&report["succeeded"], &report["failed"]), (&json!(2), &json!(1)));
        assert_eq!(product.json(&["contacts", "list"])["data"].as_array().unwrap().len(), 2);
        let told = product.run(&["companies", "bulk-create", "--json", r#"[{"name": "Acme"}]"#]);
        assert_eq!(told, "1 done, 0 at fault\n");
        let told = product.run(&["tasks", "bulk-create", "--json", r#"[{"title": "Call"}]"#]);
        assert_eq!(told, "1 done, 0 at fault\n");
        for (kind, json) in [("contacts", "{}"), ("deals", r#"[{"title": "Big one"}]"#)] {
            let refused = product.try_run(&[kind, "bulk-create", "--json", json]);
            assert!(!refused.status.success(), "{kind}");
        }
    });
}

#[test]
fn many_are_changed_each_in_its_own_way() {
    on_each_store(|product| {
        let list = r#"[{"last_name": "Hopper"}, {"last_name": "Curie"}]"#;
        let made = product.json(&["contacts", "bulk-create", "--json", list]);
        let id = |at: usize| made["results"][at]["id"].as_str().unwrap();
        let title = |id: &str| product.json(&["contacts", "show", id])["title"].clone();
        let update = |items: &serde_json::Value, partial: &[&str]| {
            let items = items.to_string();
            product.try_run(
                &[&["--output", "json", "contacts", "bulk-update", "--json", &items] as &[&str], partial].concat(),
            )
        };
        let items = json!([{"id": id(0), "version": 1, "title": "Admiral"}, {"id": id(1), "age": 7}]);
        let refused = update(&items, &[]);
        assert!(!refused.status.success());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("items.1") && said.contains("unknown field `age`"), "{said}");
        assert_eq!(title(id(0)), json!(null));
        // Another version, no id and no object.
        let stale = json!({"id": id(1), "version": 9, "title": "Dr"});
        let items = json!([{"id": id(0), "version": 1, "title": "Admiral"}, stale, {"title": "Dr"}, 7]);
        let partly = update(&items, &["--partial"]);
        assert!(partly.status.success());
        let report: serde_json::Value = serde_json::from_slice(&partly.stdout).unwrap();
        assert_eq!((&report["succeeded"], &report["failed"]), (&json!(1), &json!(3)));
        assert_eq!(report["results"][0]["status"], "updated");
        assert_eq!(report["results"][1]["error"]["code"], "stale_version");
        assert_eq!((title(id(0)), title(id(1))), (json!("Admiral"), json!(null)));
        for (kind, name) in [("companies", "name"), ("deals", "title"), ("tasks", "title")] {
            let made = product.json(&[kind, "create", "--set", &format!("{name}=Before")]);
            let items = json!([{"id": made["id"], name: "After"}]).to_string();
            assert_eq!(product.run(&[kind, "bulk-update", "--json", &items]), "1 done, 0 at fault\n");
            let now = product.json(&[kind, "show", made["id"].as_str().unwrap()]);
            assert_eq!((&now[name], &now["version"]), (&json!("After"), &json!(2)), "{kind}");
        }
        let refused = product.try_run(&["deals", "bulk-update", "--json", "{}"]);
        assert!(!refused.status.success());
    });
}

#[test]
fn an_import_is_undone_and_can_be_made_again() {
    on_each_store(|product| {
        let file = product.file("people.csv", PEOPLE);
        let import = product.json(&["contacts", "import", text(&file)]);
        let id = import["id"].as_str().unwrap();
        let job = product.json(&["imports", "revert", id]);
        assert_eq!((&job["state"], &job["result"]["deleted"]), (&json!("done"), &json!(2)));
        assert_eq!(product.json(&["contacts", "list"])["data"], json!([]));
        assert_eq!(product.json(&["imports", "show", id])["counts"]["created"], 2);
        let jobs = product.json(&["jobs", "list"]);
        assert_eq!(jobs["data"][0]["id"], job["id"]);
        assert_eq!(product.run(&["jobs", "work"]), "0 done\n");
        let again = product.json(&["contacts", "import", text(&file)]);
        assert_eq!(again["counts"]["created"], 2);
    });
}
