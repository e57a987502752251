//! A team's real sales history goes in, and the board comes out.

use std::collections::BTreeMap;

use crate::support::{Product, example, on_each_store, text};

/// Number and worth of the deals by stage, computed from the file by nothing of ours: it has no
/// quotes, so that commas cut it.
fn by_hand() -> BTreeMap<String, (u64, i64)> {
    let file = std::fs::read_to_string(example("sales_pipeline.csv")).unwrap();
    let mut stages = BTreeMap::new();
    for line in file.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let worth: i64 = cells[7].parse().unwrap_or(0);
        let (count, total) = stages.entry(cells[4].to_owned()).or_insert((0, 0));
        *count += 1;
        *total += worth;
    }
    stages
}

fn board(product: &Product) -> BTreeMap<String, (u64, i64)> {
    let board = product.json(&["board"]);
    let stage = |stage: &serde_json::Value| {
        let total = stage["total"].as_array().unwrap();
        assert!(total.iter().all(|money| money["currency"] == "USD"), "{total:?}");
        let minor: i64 = total.iter().map(|money| money["amount_minor"].as_i64().unwrap()).sum();
        assert_eq!(minor % 100, 0);
        (stage["name"].as_str().unwrap().to_owned(), (stage["count"].as_u64().unwrap(), minor / 100))
    };
    board["stages"].as_array().unwrap().iter().map(stage).collect()
}

#[test]
fn the_board_agrees_with_the_file() {
    on_each_store(|product| {
        product.run(&["companies", "import", text(&example("accounts.csv"))]);
        product.run(&["deals", "import", text(&example("sales_pipeline.csv"))]);
        let board = board(product);
        assert_eq!(board, by_hand());
        assert_eq!(board["Won"], (4_238, 10_005_534));
        assert_eq!((board["Prospecting"].0, board["Engaging"].0, board["Lost"].0), (500, 1_589, 2_473));
        assert_eq!(board.values().map(|(count, _)| count).sum::<u64>(), 8_800);
    });
}

#[test]
fn importing_the_history_again_changes_nothing() {
    on_each_store(|product| {
        for _ in 0..2 {
            product.run(&["companies", "import", text(&example("accounts.csv"))]);
        }
        product.run(&["deals", "import", text(&example("sales_pipeline.csv"))]);
        let (entries, before) = (product.journal_entries(), board(product));
        let again = product.json(&["deals", "import", text(&example("sales_pipeline.csv"))]);
        assert_eq!((&again["counts"]["created"], &again["counts"]["unchanged"]), (&0.into(), &8_800.into()));
        let file = example("sales_pipeline.csv");
        let update = ["deals", "import", "--on-duplicate", "update", text(&file)];
        assert_eq!(product.json(&update)["counts"]["unchanged"], 8_800);
        assert_eq!((product.journal_entries(), board(product)), (entries, before));
    });
}

#[test]
fn the_printed_board_is_the_one_in_the_readme() {
    let product = Product::sqlite();
    product.run(&["companies", "import", text(&example("accounts.csv"))]);
    product.run(&["deals", "import", text(&example("sales_pipeline.csv"))]);
    let readme = std::fs::read_to_string(example("../../README.md")).unwrap();
    for line in product.run(&["board"]).lines() {
        assert!(readme.contains(line.trim_end()), "the README lacks {line:?}");
    }
}
