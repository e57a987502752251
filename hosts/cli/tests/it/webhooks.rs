//! Webhook endpoints from the command line.

use crate::support::on_each_store;

#[test]
fn an_endpoint_is_made_rotated_disabled_and_deleted() {
    on_each_store(|product| {
        let made = product.json(&["webhooks", "create", "https://hooks.example/crm", "--event", "deal.*"]);
        let (id, secret) = (made["endpoint"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
        assert!(secret.starts_with("whsec_"));
        let rotated = product.json(&["webhooks", "rotate", id, "--overlap", "60"]);
        assert!(rotated["secret"].as_str().is_some_and(|other| other != secret));
        let changed = product.json(&["webhooks", "update", id, "--field", "stage_id", "--order", "record"]);
        assert_eq!(changed["endpoint"]["fields"][0], "stage_id");
        assert_eq!(changed["endpoint"]["event_types"][0], "deal.*");
        assert!(product.run(&["webhooks", "disable", id]).contains("disabled"));
        let list = product.run(&["webhooks", "list"]);
        assert!(list.contains("disabled") && !list.contains("whsec_"), "{list}");
        product.run(&["webhooks", "enable", id]);
        let sent = product.json(&["webhooks", "deliveries", id]);
        assert_eq!(sent["data"].as_array().unwrap().len(), 0);
        product.run(&["webhooks", "delete", id]);
        assert_eq!(product.json(&["webhooks", "list"]).as_array().unwrap().len(), 0);
        assert!(!product.try_run(&["webhooks", "create", "https://127.0.0.1/", "--event", "*"]).status.success());
    });
}
