//! The examples as people run them.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

use std::collections::BTreeMap;
use std::process::Command;

/// Runs an example on a new SQLite file to success and gives what it printed.
fn run(program: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program).arg(folder.path().join("example.sqlite")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_embedded_engine_finds_who_it_wrote() {
    assert_eq!(run(env!("CARGO_BIN_EXE_embed")), "Ada Lovelace is at version 2\n");
}

#[test]
fn the_board_of_the_pipeline_agrees_with_the_file() {
    let printed = run(env!("CARGO_BIN_EXE_pipeline"));
    for line in ["accounts.csv: 85 made, 0 refused", "sales_pipeline.csv: 8800 made, 0 refused"] {
        assert!(printed.lines().any(|printed| printed == line), "{line:?} in {printed}");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sales_pipeline.csv");
    // The file has no quotes, so that commas cut it.
    let mut by_hand: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let (count, worth) = by_hand.entry(cells[4].to_owned()).or_default();
        *count += 1;
        *worth += cells[7].parse::<u64>().unwrap_or(0);
    }
    assert_eq!(by_hand["Won"], (4_238, 10_005_534));
    for (stage, (count, worth)) in by_hand {
        let line = printed.lines().find(|line| line.starts_with(&stage)).unwrap_or_default();
        let mut cells = line.split_whitespace().skip(1);
        assert_eq!(cells.next(), Some(count.to_string().as_str()), "{stage} in {printed}");
        let amount = cells.next().map_or(0, |amount| {
            let (whole, cents) = amount.split_once('.').unwrap();
            assert_eq!((cents, cells.next()), ("00", Some("USD")), "{line}");
            whole.replace(',', "").parse::<u64>().unwrap()
        });
        assert_eq!(amount, worth, "{stage} in {printed}");
    }
}
