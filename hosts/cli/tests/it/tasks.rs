//! Tasks at the command line.

use serde_json::{Value, json};

use crate::support::{Product, on_each_store};

#[test]
fn a_task_that_recurs_names_its_next_when_it_is_done() {
    on_each_store(|product| {
        let set = ["title=Water", "due_date=2999-01-01", "recurrence=freq=weekly;byday=tu,th;count=2", "reminder=1d"];
        let set = set.iter().flat_map(|set| ["--set", set]);
        let made = product.json(&["tasks", "create"].into_iter().chain(set).collect::<Vec<_>>());
        assert_eq!(made["recurrence"], json!("FREQ=WEEKLY;COUNT=2;BYDAY=TU,TH"));
        assert_eq!(made["reminder"], json!("1d 09:00"));
        let done = product.json(&["tasks", "done", made["id"].as_str().unwrap()]);
        let next = product.json(&["tasks", "show", done["next_id"].as_str().unwrap()]);
        assert_eq!((&next["due_date"], &next["status"]), (&json!("2999-01-03"), &json!("open")));
        let last = product.json(&["tasks", "done", next["id"].as_str().unwrap()]);
        assert_eq!(last["next_id"], Value::Null);
    });
}

#[test]
fn how_a_task_recurs_and_reminds_has_flags_of_its_own() {
    let product = Product::sqlite();
    let due = ["--set", "title=Water", "--set", "due_date=2999-01-01"];
    let flags = ["--recurrence", "freq=daily", "--reminder", "2d"];
    let made = product.json(&[&["tasks", "create"], &due[..], &flags].concat());
    assert_eq!((&made["recurrence"], &made["reminder"]), (&json!("FREQ=DAILY"), &json!("2d 09:00")));
    let id = made["id"].as_str().unwrap();
    let update = |flags: &[&str]| product.json(&[&["tasks", "update", id], flags].concat());
    assert_eq!(update(&["--recurrence", "FREQ=WEEKLY"])["recurrence"], json!("FREQ=WEEKLY"));
    let changed = update(&["--reminder", "1d 08:00", "--set", "title=Water them"]);
    assert_eq!((&changed["reminder"], &changed["title"]), (&json!("1d 08:00"), &json!("Water them")));
    assert_eq!(update(&["--reminder", ""])["reminder"], Value::Null);
    assert!(!product.try_run(&["tasks", "update", id, "--recurrence", "FREQ=HOURLY"]).status.success());
    assert!(!product.try_run(&["contacts", "update", id, "--reminder", "1d"]).status.success());
}

#[test]
fn a_task_is_made_done_and_opened_again() {
    on_each_store(|product| {
        let contact = product.json(&["contacts", "create", "--set", "last_name=Lovelace"]);
        let about = format!("contact_id={}", contact["id"].as_str().unwrap());
        let set =
            ["--set", "title=Call Ada", "--set", "kind=call", "--set", "due_at=2020-01-31T09:30", "--set", &about];
        let made = product.json(&[&["tasks", "create"], &set[..], &["--set", "duration_minutes=30"]].concat());
        assert_eq!((&made["due_at"], &made["status"]), (&json!("2020-01-31T09:30:00.000000Z"), &json!("open")));
        let id = made["id"].as_str().unwrap();
        assert_eq!(product.json(&["tasks", "show", id]), made);
        let overdue = product.run(&["tasks", "overdue"]);
        assert!(overdue.contains("2020-01-31T09:30:00.000000Z") && overdue.contains("Call Ada"), "{overdue}");
        let done = product.json(&["tasks", "done", id, "--if-version", "1"]);
        assert!(done["status"] == json!("done") && done["completed_at"].is_string(), "{done}");
        assert_eq!(product.json(&["tasks", "overdue"])["data"], json!([]));
        let calendar = product.run(&["tasks", "calendar", "--from", "2020-01-31", "--to", "2020-02-01"]);
        assert!(calendar.contains("2020-01-31") && calendar.contains("Call Ada"), "{calendar}");
        let open = product.json(&["tasks", "reopen", id]);
        assert_eq!((&open["status"], &open["completed_at"]), (&json!("open"), &Value::Null));
        let changed = product.json(&["tasks", "bulk", "--id", id, "--set", r#"{"due_date": "2999-12-31"}"#]);
        assert_eq!(changed["succeeded"], json!(1));
        assert_eq!(
            product.json(&["tasks", "upcoming", "--within", "P1000Y"])["data"][0]["due_date"],
            json!("2999-12-31")
        );
        assert_eq!(product.json(&["tasks", "upcoming"])["data"], json!([]));
        // The product itself has nothing to do.
        assert_eq!(product.json(&["tasks", "mine"])["data"], json!([]));
        let exported = product.run(&["tasks", "export"]);
        assert!(exported.contains("due_date") && exported.contains("Call Ada"), "{exported}");
        assert_eq!(product.json(&["tasks", "delete", id]), json!({"deleted": id}));
    });
}
