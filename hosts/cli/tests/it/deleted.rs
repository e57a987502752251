//! What was deleted: brought back, or erased for ever.

use crm_boot::{Config, Options, boot_for_command};
use crm_core::Actor;
use crm_core::access::Role;
use crm_core::store::{Changes, Stored};
use crm_core::testkit::{commit, samples};
use crm_core::user::NewUser;
use serde_json::{Value, json};

use crate::support::{Product, WORKSPACE, on_each_store};

const NOWHERE: &str = "01900000-0000-7000-8000-000000000000";

/// Each kind of record, with the field that names it.
const KINDS: [(&str, &str); 4] =
    [("contacts", "last_name"), ("companies", "name"), ("deals", "title"), ("tasks", "title")];

fn id(record: &Value) -> &str {
    record["id"].as_str().unwrap()
}

fn made(product: &Product, kind: &str, set: &[&str]) -> Value {
    let set = set.iter().flat_map(|set| ["--set", set]);
    product.json(&[kind, "create"].into_iter().chain(set).collect::<Vec<_>>())
}

/// What a verb that fails complains about.
fn complaint(product: &Product, arguments: &[&str]) -> String {
    let output = product.try_run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Makes a member of a role who may act, as accepting an invitation does, and gives their e-mail address.
fn member(product: &Product, role: Role) -> String {
    let email = format!("{role}@acme.example");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = Options { database_url: Some(product.url().to_owned().into()), ..Options::default() };
        let booted = boot_for_command(Config::from_sources(options, []).unwrap()).await.unwrap();
        let crm = booted.crm();
        let workspace = crm.workspaces().await.unwrap().first().unwrap().id;
        let session = crm.acting(Actor::system(workspace, "test")).await.unwrap();
        let new = NewUser { email: email.parse().ok(), ..samples::user(role.name(), role) };
        let mut changes = Changes::at(crm.now());
        changes.put(&mut Stored::new(samples::member(new, crm.now()).unwrap()));
        commit(&session, changes).await.unwrap();
    });
    email
}

#[test]
fn a_contact_that_was_deleted_is_back_with_its_version_and_its_timeline() {
    on_each_store(|product| {
        let made = made(product, "contacts", &["last_name=Hopper", "tags=vip"]);
        let id = id(&made);
        product.json(&["notes", "add", "Called her", "--contact", id]);
        product.json(&["contacts", "delete", id]);
        assert_eq!(product.json(&["contacts", "list"])["data"], json!([]));
        // Whoever has lost the id finds it among what happened.
        let told = product.run(&["watch", "contacts", "--after", "0", "--count", "2"]);
        let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!((&last["type"], &last["data"]["record_id"]), (&json!("contact.deleted"), &json!(id)));
        assert_eq!(product.json(&["contacts", "restore", id]), json!({"restored": [id]}));
        let listed = product.json(&["contacts", "list"])["data"].clone();
        let mut expected = made.clone();
        (expected["version"], expected["updated_at"]) = (json!(3), listed[0]["updated_at"].clone());
        assert_eq!(listed, json!([expected]));
        assert_eq!(product.json(&["contacts", "search", "hopper"])["data"], listed);
        let timeline = product.json(&["contacts", "timeline", id]);
        let changes: Vec<_> =
            timeline["data"].as_array().unwrap().iter().map(|item| (&item["entity"], &item["change"])).collect();
        let expected = [("contact", "restored"), ("contact", "deleted"), ("note", "created"), ("contact", "created")];
        assert_eq!(json!(changes), json!(expected));
        let again = complaint(product, &["contacts", "restore", id]);
        assert!(again.contains("not found") && again.contains("only a deleted contact"), "{again}");
    });
}

#[test]
fn what_is_purged_is_found_nowhere_and_the_journal_holds() {
    on_each_store(|product| {
        let contact = made(product, "contacts", &["last_name=Zyzzogeton", "email=z@zyzzogeton.example"]);
        let id = id(&contact);
        product.json(&["contacts", "update", id, "--set", "title=Zyzzogetonist"]);
        product.json(&["notes", "add", "Zyzzogeton called", "--contact", id]);
        let about = format!("contact_id={id}");
        let task = made(product, "tasks", &["title=Call Zyzzogeton", &about]);
        let stays = made(product, "contacts", &["last_name=Hopper"]);
        let entries = product.journal_entries();
        product.json(&["contacts", "delete", id]);
        // Nothing is purged by accident.
        let asked = complaint(product, &["contacts", "purge", id]);
        assert!(asked.contains("for ever") && asked.contains("--yes"), "{asked}");
        product.json(&["contacts", "restore", id]);
        product.json(&["contacts", "delete", id]);
        assert_eq!(product.json(&["contacts", "purge", id, "--yes"]), json!({"purged": [id]}));
        for verb in [&["contacts", "show", id][..], &["contacts", "restore", id], &["contacts", "purge", "--yes", id]] {
            assert!(complaint(product, verb).contains("not found"), "{verb:?}");
        }
        assert!(complaint(product, &["tasks", "show", self::id(&task)]).contains("not found"));
        assert_eq!(product.json(&["search", "zyzzogeton"])["data"], json!([]));
        assert_eq!(product.json(&["contacts", "search", "zyzzogeton"])["data"], json!([]));
        assert_eq!(product.json(&["contacts", "list"])["data"], json!([stays]));
        let exported = ["contacts", "tasks"].map(|kind| product.run(&[kind, "export"])).concat();
        assert!(exported.contains("Hopper") && !exported.to_lowercase().contains("zyzzogeton"), "{exported}");
        // Deleted, restored, deleted and purged: all of it happened, and the chain over it is whole.
        assert_eq!(product.journal_entries(), entries + 4);
    });
}

#[test]
fn every_kind_is_restored_and_purged() {
    on_each_store(|product| {
        for (kind, name) in KINDS {
            let set = format!("{name}=Acme");
            let records = [(); 2].map(|()| made(product, kind, &[&set]));
            let ids = [id(&records[0]), id(&records[1])];
            for id in ids {
                product.json(&[kind, "delete", id]);
            }
            let shown = product.run(&[kind, "restore", ids[0], ids[1]]);
            assert_eq!(shown.lines().map(str::trim).collect::<Vec<_>>(), ["Restored", ids[0], ids[1]], "{kind}");
            assert_eq!(product.json(&[kind, "show", ids[0]])["version"], 3, "{kind}");
            product.json(&[kind, "delete", ids[0]]);
            let csv = product.run(&["--output", "csv", kind, "purge", "--yes", ids[0]]);
            assert_eq!(csv, format!("Purged\r\n{}\r\n", ids[0]), "{kind}");
            assert!(complaint(product, &[kind, "restore", ids[0]]).contains("none that was purged"), "{kind}");
            assert_eq!(product.json(&[kind, "show", ids[1]])["version"], 3, "{kind}");
        }
        product.journal_entries();
    });
}

#[test]
fn a_note_is_restored_and_purged_while_its_record_is_there() {
    on_each_store(|product| {
        let contact = made(product, "contacts", &["last_name=Hopper"]);
        let note = product.json(&["notes", "add", "Secretive", "--contact", id(&contact)]);
        let (contact, note) = (id(&contact), id(&note));
        product.json(&["notes", "delete", note]);
        assert_eq!(product.json(&["notes", "restore", note]), json!({"restored": [note]}));
        assert_eq!(product.json(&["notes", "update", note, "Secretive", "--if-version", "3"])["version"], 3);
        product.json(&["notes", "delete", note]);
        product.json(&["contacts", "delete", contact]);
        let refused = complaint(product, &["notes", "restore", note]);
        assert!(refused.contains("not found") && refused.contains("only a deleted note"), "{refused}");
        product.json(&["contacts", "restore", contact]);
        assert_eq!(product.json(&["notes", "purge", note, "--yes"]), json!({"purged": [note]}));
        assert!(!product.run(&["contacts", "timeline", contact]).contains("Secretive"));
        product.journal_entries();
    });
}

#[test]
fn what_is_not_deleted_is_neither_restored_nor_purged() {
    on_each_store(|product| {
        let live = made(product, "contacts", &["last_name=Hopper"]);
        let restored = complaint(product, &["contacts", "restore", id(&live)]);
        assert!(
            restored.contains("not found") && restored.contains("only a deleted contact can be restored"),
            "{restored}"
        );
        let purged = complaint(product, &["contacts", "purge", "--yes", id(&live)]);
        assert!(purged.contains("not found") && purged.contains("delete it first"), "{purged}");
        assert_eq!(product.json(&["contacts", "list"])["data"], json!([live]));
        // No id is a mistake in what was typed.
        assert_eq!(product.try_run(&["contacts", "purge", "--yes"]).status.code(), Some(2));
    });
}

#[test]
fn one_id_at_fault_stops_none_of_the_others() {
    on_each_store(|product| {
        let records = ["Hopper", "Curie"].map(|name| made(product, "contacts", &[&format!("last_name={name}")]));
        let (first, last) = (id(&records[0]), id(&records[1]));
        product.json(&["contacts", "bulk", "--id", first, "--id", last, "--delete"]);
        for (verb, done, yes) in
            [(&["contacts", "restore"], "restored", None), (&["contacts", "purge"], "purged", Some("--yes"))]
        {
            let asked = ["--output", "json"].into_iter().chain(*verb).chain([first, NOWHERE, last]).chain(yes);
            let output = product.try_run(&asked.collect::<Vec<_>>());
            assert_eq!(output.status.code(), Some(1));
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(told, json!({done: [first, last]}));
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains(&format!("1 of 3 not {done}")) && said.contains(NOWHERE), "{said}");
            assert!(!said.contains(first) && !said.contains(last), "{said}");
            if yes.is_none() {
                product.json(&["contacts", "bulk", "--id", first, "--id", last, "--delete"]);
            }
        }
    });
}

#[test]
fn what_another_workspace_deleted_looks_like_what_is_nowhere() {
    on_each_store(|product| {
        let ours = made(product, "contacts", &["last_name=Hopper"]);
        let id = id(&ours);
        product.json(&["contacts", "delete", id]);
        let stranger = "ada@other.example";
        product.register(stranger);
        for who in [["--as", stranger], ["--workspace", "Other"]] {
            for verb in [&["restore"][..], &["purge", "--yes"]] {
                let ask = |id: &str| complaint(product, &[&who[..], &["contacts"], verb, &[id]].concat());
                assert_eq!(ask(id), ask(NOWHERE).replace(NOWHERE, id), "{who:?} {verb:?}");
                assert!(ask(id).contains("not found"), "{who:?} {verb:?}");
            }
        }
        let back = product.json(&["--workspace", WORKSPACE, "contacts", "restore", id]);
        assert_eq!(back, json!({"restored": [id]}));
    });
}

#[test]
fn whoever_may_not_delete_a_record_neither_restores_nor_purges_it() {
    on_each_store(|product| {
        let contact = made(product, "contacts", &["last_name=Hopper"]);
        let id = id(&contact);
        product.json(&["contacts", "delete", id]);
        // Support deletes no contacts; a closer sees all, and deletes their own.
        let support = (member(product, Role::SupportAgent), "needs the permission contact:delete");
        let closer = (member(product, Role::Closer), "lies outside the permission contact:delete");
        for (who, told) in [&support, &closer] {
            for verb in [&["restore"][..], &["purge", "--yes"]] {
                let refused = complaint(product, &[&["--as", who, "contacts"], verb, &[id]].concat());
                assert!(refused.contains(told), "{who} {verb:?}: {refused}");
            }
        }
        let own = product.json(&["--as", &closer.0, "contacts", "create", "--set", "last_name=Curie"]);
        let own = self::id(&own);
        product.json(&["--as", &closer.0, "contacts", "delete", own]);
        product.json(&["--as", &closer.0, "contacts", "restore", own]);
        product.json(&["contacts", "restore", id]);
        assert_eq!(product.json(&["contacts", "list"])["data"].as_array().unwrap().len(), 2);
    });
}
