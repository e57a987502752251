//! Mail from the command line into a folder.

use std::path::Path;

use crate::support::{Product, text};

/// Runs the binary with a mailbox, and gives the JSON that it printed.
fn json(product: &Product, mailbox: &Path, arguments: &[&str]) -> serde_json::Value {
    let mut command = product.command();
    command.env("SLACKCRM_MAIL", format!("mailbox://{}", text(mailbox)));
    command.env("SLACKCRM_MAIL_FROM", "Acme Sales <crm@acme.example>");
    let output = command.args(["--output", "json"]).args(arguments).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn mails(mailbox: &Path) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(mailbox) else { return Vec::new() };
    let paths = folder.map(|entry| entry.unwrap().path());
    let mails = paths.filter(|path| path.extension().is_some_and(|kind| kind == "eml"));
    mails.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn a_mail_is_previewed_sent_and_not_sent_to_whoever_is_suppressed() {
    let product = Product::sqlite();
    let mailbox = product.file("mark", "").with_file_name("mail");
    let run = |arguments: &[&str]| json(&product, &mailbox, arguments);
    assert_eq!(run(&["mail", "templates"]).as_array().unwrap().len(), 6);
    let preview = run(&["mail", "preview", "reminder", "--set", "name=Bob"]);
    assert!(preview["text"].as_str().unwrap().contains("Hello Bob"), "{preview:#}");
    let hello = ["mail", "send", "Ada <ada@example.com>", "--subject", "Hello", "--text", "Dear Ada"];
    let job = run(&hello);
    run(&["jobs", "work"]);
    assert_eq!(run(&["jobs", "show", job["id"].as_str().unwrap()])["result"]["state"], "sent");
    assert!(mails(&mailbox)[0].contains("Subject: Hello\r\n"));
    let row = run(&["mail", "suppressions", "add", "ada@example.com"]);
    assert_eq!(run(&["mail", "suppressions", "list"])["data"][0]["id"], row["id"]);
    let task = r#"task:={"title": "Call", "due": "today"}"#;
    run(&["mail", "send", "ada@example.com", "--template", "reminder", "--set", "name=Ada", "--set", task]);
    run(&["jobs", "work"]);
    assert_eq!(mails(&mailbox).len(), 1);
    let log = run(&["mail", "log", "--state", "suppressed", "--recipient", "Ada@example.com"]);
    assert_eq!((&log["data"][0]["template"], &log["data"][1]), (&"reminder".into(), &serde_json::Value::Null));
    assert_eq!(run(&["mail", "log"])["data"][1]["id"], job["id"]);
    run(&["mail", "suppressions", "remove", row["id"].as_str().unwrap()]);
    run(&hello);
    run(&["jobs", "work"]);
    assert_eq!(mails(&mailbox).len(), 2);
    // Without a mailbox it is said that none is sent.
    let refusal = product.try_run(&hello);
    assert!(!refusal.status.success() && String::from_utf8_lossy(&refusal.stderr).contains("sends no mail"));
}
