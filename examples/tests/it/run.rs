//! The examples as people run them.

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
fn a_job_of_ones_own_is_done_once_its_change_is_written() {
    let printed = run(env!("CARGO_BIN_EXE_jobs"));
    assert!(printed.starts_with("welcome, ada@example.com (attempt 1 of job "), "{printed}");
    assert_eq!(printed.lines().count(), 1);
}

#[test]
fn the_board_of_the_pipeline_agrees_with_the_file() {
    let printed = run(env!("CARGO_BIN_EXE_pipeline"));
    for line in ["accounts.csv: 85 made, 0 refused", "sales_pipeline.csv: 8800 made, 0 refused"] {
        assert!(printed.lines().any(|printed| printed == line), "{line:?} in {printed}");
    }
    // The files have no quotes, so that commas cut them.
    let rows = |name: &str| -> Vec<Vec<String>> {
        let file = std::fs::read_to_string(format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        file.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    // Open deals are worth what their product costs; one of these is written without its space.
    let bare = |name: &str| name.replace(' ', "");
    let prices: BTreeMap<String, u64> =
        rows("products.csv").iter().map(|cells| (bare(&cells[0]), cells[2].parse().unwrap())).collect();
    let mut by_hand: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let (mut months, mut agents) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    for cells in rows("sales_pipeline.csv") {
        let own = if cells[6].is_empty() { prices[&bare(&cells[2])] } else { cells[7].parse().unwrap() };
        let (count, worth) = by_hand.entry(cells[4].clone()).or_default();
        (*count, *worth) = (*count + 1, *worth + own);
        if cells[4] == "Won" {
            let day: Vec<&str> = cells[6].split('/').collect();
            *months.entry(format!("{}-{:0>2}", day[2], day[0])).or_default() += own;
            *agents.entry(cells[1].clone()).or_default() += own;
        }
    }
    assert_eq!(by_hand["Won"], (4_238, 10_005_534));
    assert_eq!((months["2017-03"], months["2017-12"]), (1_134_672, 1_131_573));
    let top = agents.iter().max_by_key(|(_, worth)| **worth).unwrap();
    assert_eq!(*top.1, 1_153_214);
    let told = |start: &str| printed.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default().trim();
    assert_eq!((told("win rate"), told("won cycle")), ("63.15 %", "51.78 days on average, 57 the median"));
    assert_eq!(told("first"), format!("{} 1,153,214.00 USD", top.0));
    for (month, worth) in months {
        let amount = told(&month).replace(',', "");
        assert_eq!(amount, format!("{worth}.00 USD"), "{month} in {printed}");
    }
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
