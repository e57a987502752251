//! What cargo builds, wherever it puts it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;

/// Runs a cargo command that builds this program, and gives its path.
pub(crate) fn built_by(mut build: Command, program: &str) -> Result<PathBuf> {
    build.arg("--message-format=json-render-diagnostics");
    let built = process::said(&mut build)?;
    if !built.status.success() {
        bail!("{} failed", process::show(&build));
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    executable(&messages, program).with_context(|| format!("{} named no binary", process::show(&build)))
}

/// The binary of a target among the messages of cargo, one JSON object a line; its tests are another.
fn executable(messages: &str, target: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut of_target = messages.filter(|message| {
        let is_test = message.pointer("/profile/test").and_then(Value::as_bool).unwrap_or(false);
        message.pointer("/target/name").is_some_and(|name| name == target) && !is_test
    });
    of_target.find_map(|message| Some(message.get("executable")?.as_str()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_where_cargo_says() {
        let messages = concat!(
            "Compiling nothing\n",
            r#"{"reason":"compiler-artifact","target":{"name":"crm_core"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"slackcrm"},"profile":{"test":true},"executable":"/t/x/debug/deps/slackcrm-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"slackcrm"},"profile":{"test":false},"executable":"/t/x/debug/slackcrm"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(executable(messages, "slackcrm"), Some("/t/x/debug/slackcrm".into()));
        assert_eq!(executable(messages, "crm_core"), None);
    }
}
