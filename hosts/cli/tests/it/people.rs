//! Members, and who may do what as whom.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Product, WORKSPACE, on_each_store};

fn complaint(product: &Product, arguments: &[&str]) -> String {
    let output = product.try_run(arguments);
    assert!(!output.status.success(), "{arguments:?} must fail");
    String::from_utf8(output.stderr).unwrap()
}

/// A workspace with an admin who signs in.
fn register(product: &Product) {
    let register = ["register", "--workspace-name", "Other", "--email", "ada@other.example", "--name", "Ada"];
    let mut child = product.command().args(register).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_member_comes_changes_and_goes() {
    on_each_store(|product| {
        let set = ["--set", "name=Grace", "--set", "email=grace@acme.example", "--set", "role=setter"];
        let made = product.json(&[&["users", "create"], &set[..]].concat());
        assert_eq!((&made["status"], &made["role"]), (&json!("invited"), &json!("setter")));
        let id = made["id"].as_str().unwrap();
        let changed =
            product.json(&["users", "update", id, "--set", "locale=de-ch", "--set", "time_zone=Europe/Zurich"]);
        assert_eq!((&changed["locale"], &changed["name"]), (&json!("de-CH"), &json!("Grace")));
        let role = product.json(&["users", "role", "grace@acme.example", "closer", "--if-version", "2"]);
        assert_eq!((&role["role"], &role["version"]), (&json!("closer"), &json!(3)));
        assert_eq!(product.json(&["users", "status", id, "suspended"])["status"], "suspended");
        assert_eq!(product.json(&["users", "show", "Grace@Acme.example"])["status"], "suspended");
        let listed = product.run(&["users", "list", "--filter", "role = closer"]);
        assert!(listed.contains("grace@acme.example"), "{listed}");
        product.json(&["users", "delete", "grace@acme.example"]);
        assert_eq!(product.json(&["users", "list"])["data"], json!([]));
        assert!(complaint(product, &["users", "show", "grace@acme.example"]).contains("no member"));
        assert!(product.json(&["users", "show", id])["deleted_at"].is_string());
        assert!(complaint(product, &["users", "role", id, "king"]).contains("king"));
    });
}

#[test]
fn an_address_is_one_members_however_alike_another_reads() {
    let product = Product::sqlite();
    // Lists compare both by one form, because a final sigma is the same letter to them.
    let addresses = ["οδος@acme.example", "οδοσ@acme.example"];
    for address in addresses {
        let (name, email) = (format!("name=Of {address}"), format!("email={address}"));
        product.json(&["users", "create", "--set", &name, "--set", &email, "--set", "role=setter"]);
    }
    let alike = format!("email = \"{}\"", addresses[0]);
    assert_eq!(product.json(&["users", "list", "--filter", &alike])["data"].as_array().map(Vec::len), Some(2));
    for address in addresses {
        assert_eq!(product.json(&["users", "show", address])["email"], address);
        let own = product.json(&["users", "show", address]);
        // Nobody has signed in as either: whoever acts is known by name, and refused.
        let refused = complaint(&product, &["--as", address, "users", "delete", own["id"].as_str().unwrap()]);
        assert!(!refused.contains("no member"), "{refused}");
    }
}

#[test]
fn whoever_acts_as_a_member_may_what_the_member_may() {
    let product = Product::sqlite();
    register(&product);
    let ada = "ada@other.example";
    for verb in
        [&["users", "role", ada, "setter"][..], &["users", "status", ada, "suspended"], &["users", "delete", ada]]
    {
        let said = complaint(&product, &[&["--as", ada], verb].concat());
        assert!(said.contains("last active admin"), "{verb:?}: {said}");
    }
    let made = product.json(&["--as", ada, "contacts", "create", "--set", "last_name=Hopper"]);
    let own = product.json(&["--as", ada, "users", "show", ada]);
    assert_eq!(made["owner_id"], own["id"]);
    assert!(own["last_seen_at"].is_string());
    // The product itself may do everything, in the workspace that is named.
    assert_eq!(product.json(&["--workspace", WORKSPACE, "contacts", "list"])["data"], json!([]));
    let other = product.json(&["--workspace", "Other", "contacts", "list"]);
    assert_eq!(other["data"][0]["id"], made["id"]);
    assert!(complaint(&product, &["contacts", "list"]).contains("--workspace"));
    // Demoted, the member is refused.
    let new = ["--set", "name=Second", "--set", "role=admin"];
    let second = product.json(&[&["--workspace", "Other", "users", "create"], &new[..]].concat());
    assert!(complaint(&product, &["--as", ada, "users", "role", ada, "setter"]).contains("last active admin"));
    assert_eq!(second["status"], "invited");
}

#[test]
fn settings_of_a_workspace_are_shown_and_changed() {
    on_each_store(|product| {
        let before = product.json(&["workspace", "show"]);
        assert_eq!((&before["name"], &before["version"]), (&json!(WORKSPACE), &json!(1)));
        let set = ["--set", "time_zone=Europe/Berlin", "--set", "currency=EUR", "--if-version", "1"];
        let changed = product.json(&[&["workspace", "update"], &set[..]].concat());
        assert_eq!((&changed["time_zone"], &changed["currency"]), (&json!("Europe/Berlin"), &json!("EUR")));
        assert!(complaint(product, &[&["workspace", "update"], &set[..]].concat()).contains("version"));
        assert!(complaint(product, &["workspace", "update", "--set", "currency=XXXX"]).contains("currency"));
        let listed = product.json(&["workspace", "list"]);
        assert_eq!(listed.as_array().map(Vec::len), Some(1));
        assert_ne!(listed[0]["id"], Value::Null);
    });
}

#[test]
fn a_team_is_made_listed_changed_and_deleted() {
    on_each_store(|product| {
        let person = |name: &str| {
            let set = [format!("name={name}"), format!("email={name}@acme.example"), "role=setter".to_owned()];
            product.json(&["users", "create", "--set", &set[0], "--set", &set[1], "--set", &set[2]])["id"].clone()
        };
        let (ada, grace) = (person("ada"), person("grace"));
        let both = format!("members=ada@acme.example, {}", grace.as_str().unwrap());
        let made = product.json(&["teams", "create", "--set", "name=North", "--set", &both]);
        let mut wanted = [ada.clone(), grace.clone()];
        wanted.sort_by_key(Value::to_string);
        assert_eq!((&made["name"], &made["members"]), (&json!("North"), &json!(wanted)));
        let id = made["id"].as_str().unwrap();
        let listed = product.run(&["teams", "list"]);
        assert!(["North", id, "ada", "grace"].iter().all(|shown| listed.contains(shown)), "{listed}");
        assert_eq!(product.json(&["teams", "list"])["data"], json!([made]));
        assert_eq!(product.json(&["sales", "--team", id])["figures"]["total"]["won"], json!(0));
        let set = ["--set", "members=grace@acme.example", "--if-version", "1"];
        let changed = product.json(&[&["teams", "update", id], &set[..]].concat());
        assert_eq!((&changed["name"], &changed["members"]), (&json!("North"), &json!([grace])));
        assert!(complaint(product, &[&["teams", "update", id], &set[..]].concat()).contains("version 2"));
        let stranger = ["teams", "update", id, "--set", "members=eve@acme.example"];
        assert!(complaint(product, &stranger).contains("eve@acme.example: is no member"));
        assert_eq!(product.json(&["teams", "show", id]), changed);
        product.json(&["teams", "delete", id]);
        assert_eq!(product.json(&["teams", "list"])["data"], json!([]));
        assert!(complaint(product, &["teams", "show", id]).contains("not found"));
    });
}

#[test]
fn permissions_are_listed_and_changed_rule_by_rule() {
    on_each_store(|product| {
        let listed = product.run(&["permissions", "list", "--role", "setter"]);
        assert!(listed.contains("mail_template") && !listed.contains("closer"), "{listed}");
        let set = ["--set", "read=own", "--set", "hidden=email, phone", "--if-version", "1"];
        let changed = product.json(&[&["permissions", "set", "setter", "contact"], &set[..]].concat());
        let rule = &changed["rules"]["setter"]["contact"];
        // What is not named stays.
        assert_eq!((&rule["read"], &rule["update"]), (&json!("own"), &json!("own")));
        assert_eq!((&rule["hidden"], &changed["version"]), (&json!(["email", "phone"]), &json!(2)));
        assert_eq!(product.json(&["permissions", "list"]), changed);
        assert!(
            complaint(product, &[&["permissions", "set", "setter", "contact"], &set[..]].concat())
                .contains("version 2")
        );
        let shown = product.json(&["permissions", "set", "setter", "contact", "--set", "hidden="]);
        assert_eq!(shown["rules"]["setter"]["contact"].get("hidden"), None);
        let admin = ["permissions", "set", "admin", "contact", "--set", "read=own"];
        assert!(complaint(product, &admin).contains("admins may always do everything"));
        assert!(
            complaint(product, &["permissions", "set", "setter", "contact", "--set", "read=some"]).contains("read")
        );
    });
}
