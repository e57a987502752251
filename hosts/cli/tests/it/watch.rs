//! What happens, told at the command line.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::on_each_store;

#[test]
fn a_watch_tells_what_was_and_what_another_process_does() {
    on_each_store(|product| {
        product.run(&["contacts", "create", "--set", "last_name=Before"]);
        let mut watch = product.command();
        watch.args(["watch", "contacts", "--after", "0", "--count", "2"]);
        let mut watch = watch.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
        let mut told = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(told()["data"]["after"]["last_name"], "Before");
        product.run(&["companies", "create", "--set", "name=Unwatched"]);
        product.run(&["contacts", "create", "--set", "last_name=After"]);
        let after = told();
        assert_eq!(
            (&after["type"], &after["data"]["after"]["last_name"]),
            (&"contact.created".into(), &"After".into())
        );
        assert!(watch.wait().unwrap().success());
    });
}

#[test]
fn a_topic_that_is_none_is_refused_with_those_that_are() {
    on_each_store(|product| {
        let refused = product.try_run(&["watch", "deal"]);
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && message.contains("topics are contacts, companies, deals"), "{message}");
    });
}
