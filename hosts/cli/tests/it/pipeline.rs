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

/// The whole set, as the README reads it in.
fn history(product: &Product, more: &[&str]) -> serde_json::Value {
    let [deals, companies, products, teams] =
        ["sales_pipeline.csv", "accounts.csv", "products.csv", "sales_teams.csv"].map(example);
    let mut typed = vec!["deals", "import", text(&deals), "--companies", text(&companies)];
    typed.extend(["--products", text(&products), "--teams", text(&teams)]);
    typed.extend(more);
    product.json(&typed)
}

/// What the open deals of each stage cost by the list, whatever the spaces in a product's name.
fn prices_by_hand() -> BTreeMap<String, i64> {
    let [file, list] =
        ["sales_pipeline.csv", "products.csv"].map(|name| std::fs::read_to_string(example(name)).unwrap());
    let bare = |name: &str| name.replace(' ', "");
    let price = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (bare(cells[0]), cells[2].parse::<i64>().unwrap())
    };
    let prices: BTreeMap<String, i64> = list.lines().skip(1).map(price).collect();
    let mut stages = BTreeMap::new();
    for cells in file.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
        if cells[6].is_empty() {
            *stages.entry(cells[4].to_owned()).or_default() += prices[&bare(cells[2])];
        }
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
fn the_files_beside_it_say_what_open_deals_are_worth_and_who_works_with_whom() {
    on_each_store(|product| {
        let done = history(product, &[]);
        assert_eq!((&done["counts"]["created"], done["warnings"].as_array().unwrap().len()), (&8_800.into(), 0));
        assert_eq!(product.json(&["companies", "list", "--limit", "200"])["data"].as_array().unwrap().len(), 85);
        let (board, prices) = (board(product), prices_by_hand());
        for stage in ["Prospecting", "Engaging"] {
            assert_eq!(board[stage], (by_hand()[stage].0, prices[stage]), "{stage}");
        }
        assert_eq!(board["Won"], (4_238, 10_005_534));
        let people = product.json(&["users", "list", "--limit", "200"]);
        assert_eq!(people["data"].as_array().unwrap().len(), 35 + 6);
        let open = product.json(&["deals", "list", "--filter", "value_estimated = true", "--limit", "1"]);
        assert_eq!((&open["data"][0]["status"], &open["data"][0]["value_estimated"]), (&"open".into(), &true.into()));
        let forecast = product.json(&["forecast"]);
        assert_eq!(forecast["figures"]["undated"]["open_count"], 500);
        assert_eq!(forecast["figures"]["total"]["open_count"], 1_589);
        // Again, and with the policy that would change what it finds otherwise.
        let entries = product.journal_entries();
        for policy in ["skip", "update"] {
            let again = history(product, &["--on-duplicate", policy, "--value", "product:GTXPro=GTX Pro"]);
            assert_eq!((&again["counts"]["unchanged"], &again["counts"]["created"]), (&8_800.into(), &0.into()));
        }
        assert_eq!(product.journal_entries(), entries);
    });
}

#[test]
fn a_file_beside_it_that_cannot_be_read_is_named_and_nothing_is_read_in() {
    let product = Product::sqlite();
    let deals = product.file("deals.csv", "id,name\n1,A\n");
    let list = product.file("list.csv", "product,price\nA,five\n");
    for (flag, complaint) in [("--products", "line 2: price: "), ("--teams", "needs a column")] {
        let refused = product.try_run(&["deals", "import", text(&deals), flag, text(&list)]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(complaint), "{said}");
    }
    let refused = product.try_run(&["contacts", "import", text(&deals), "--companies", text(&list)]);
    assert!(!refused.status.success());
    assert_eq!(product.json(&["deals", "list"])["data"], serde_json::json!([]));
    let told =
        product.try_run(&["deals", "import", text(&deals), "--companies", text(&example("accounts.csv")), "--dry-run"]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("companies: would create 85"), "{told:?}");
    assert_eq!(product.json(&["companies", "list"])["data"], serde_json::json!([]));
}

/// The commands of the README's block about the history, each with what is shown below it.
fn transcript() -> Vec<(String, Vec<String>)> {
    let readme = std::fs::read_to_string(example("../../README.md")).unwrap();
    let block = readme.split("```console\n").find(|block| block.contains("$ slackcrm workspace create")).unwrap();
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.split("```").next().unwrap().lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None if commands.last().unwrap().0.ends_with('\\') => {
                let command = &mut commands.last_mut().unwrap().0;
                command.truncate(command.len() - 1);
                command.push_str(line.trim_start());
            }
            None => commands.last_mut().unwrap().1.push(line.trim_end().to_owned()),
        }
    }
    commands
}

#[test]
fn the_transcript_of_the_readme_is_what_the_program_prints() {
    let folder = tempfile::tempdir().unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_slackcrm")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let database = format!("sqlite://{}", folder.path().join("sales.sqlite").display());
    let transcript = transcript();
    assert!(transcript.iter().filter(|(_, shown)| !shown.is_empty()).count() >= 2);
    for (command, shown) in transcript {
        if let Some((name, _)) = command.strip_prefix("export ").and_then(|export| export.split_once('=')) {
            assert_eq!(name, "SLACKCRM_DATABASE_URL");
            continue;
        }
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &command]).env("PATH", &path).env("SLACKCRM_DATABASE_URL", &database);
        let output = shell.current_dir(example("../..")).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
        assert!(shown.is_empty() || printed == shown, "{command}:\n{}", printed.join("\n"));
    }
}

/// The days since 0000-03-01 of a day as the file writes it, `m/d/yyyy` or `yyyy-mm-dd`, by Hinnant's
/// `days_from_civil`: no calendar of ours.
fn day_number(text: &str) -> i64 {
    let cut: Vec<i64> = text.split(['/', '-']).map(|part| part.parse().unwrap()).collect();
    let (year, month, day) = if text.contains('/') { (cut[2], cut[0], cut[1]) } else { (cut[0], cut[1], cut[2]) };
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year
}

/// The month of a day as the file writes it, as in `2017-03-01`.
fn month(text: &str) -> String {
    let cut: Vec<&str> = text.split(['/', '-']).collect();
    let (year, month) = if text.contains('/') { (cut[2], cut[0]) } else { (cut[0], cut[1]) };
    format!("{year}-{month:0>2}-01")
}

/// What the file says of its closed deals.
#[derive(Default)]
struct Closed {
    won: u64,
    lost: u64,
    /// Won value by month and by agent.
    months: BTreeMap<String, i64>,
    agents: BTreeMap<String, i64>,
    /// Days from engaging to winning.
    cycles: Vec<i64>,
}

fn closed_by_hand() -> Closed {
    let file = std::fs::read_to_string(example("sales_pipeline.csv")).unwrap();
    let mut closed = Closed::default();
    for line in file.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        match cells[4] {
            "Lost" => closed.lost += 1,
            "Won" => {
                let worth: i64 = cells[7].parse().unwrap();
                closed.won += 1;
                *closed.months.entry(month(cells[6])).or_default() += worth;
                *closed.agents.entry(cells[1].to_owned()).or_default() += worth;
                closed.cycles.push(day_number(cells[6]) - day_number(cells[5]));
            }
            _ => {}
        }
    }
    closed.cycles.sort_unstable();
    closed
}

fn dollars(totals: &serde_json::Value) -> i64 {
    let totals = totals.as_array().unwrap();
    assert!(totals.iter().all(|money| money["currency"] == "USD"), "{totals:?}");
    totals.iter().map(|money| money["amount_minor"].as_i64().unwrap()).sum::<i64>() / 100
}

fn is_near(told: &serde_json::Value, wanted: f64) {
    let told = told.as_f64().unwrap();
    assert!((told - wanted).abs() < 1e-9, "{told} is not {wanted}");
}

/// What a report says of what stands behind a figure.
fn behind(report: &serde_json::Value, figure: &str) -> serde_json::Value {
    let explained = report["explanations"].as_array().unwrap();
    explained.iter().find(|one| one["figure"] == figure).unwrap().clone()
}

/// The ids that it names.
fn named(explanation: &serde_json::Value) -> Vec<String> {
    explanation["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_figure_agrees_with_one_computed_from_the_file() {
    let by_hand = closed_by_hand();
    let mean = by_hand.cycles.iter().sum::<i64>() as f64 / by_hand.cycles.len() as f64;
    let middle = by_hand.cycles.len() / 2;
    let median = (by_hand.cycles[middle - 1] + by_hand.cycles[middle]) as f64 / 2.0;
    let win_rate = by_hand.won as f64 / (by_hand.won + by_hand.lost) as f64;
    assert_eq!((by_hand.won, by_hand.lost), (4_238, 2_473));
    assert_eq!(
        (format!("{mean:.2}"), median, format!("{:.2}", win_rate * 100.0)),
        ("51.78".into(), 57.0, "63.15".into())
    );
    assert_eq!((by_hand.months["2017-03-01"], by_hand.months["2017-12-01"]), (1_134_672, 1_131_573));
    on_each_store(|product| {
        product.run(&["companies", "import", text(&example("accounts.csv"))]);
        product.run(&["deals", "import", text(&example("sales_pipeline.csv"))]);

        let sales = product.json(&["sales", "--explain"]);
        let total = &sales["figures"]["total"];
        assert_eq!((&total["won"], &total["lost"]), (&by_hand.won.into(), &by_hand.lost.into()));
        assert_eq!(dollars(&total["won_value"]), 10_005_534);
        is_near(&total["win_rate"], win_rate);
        let periods = sales["figures"]["periods"].as_array().unwrap();
        let won = periods.iter().map(|one| (one["period"].as_str().unwrap().to_owned(), dollars(&one["won_value"])));
        assert_eq!(won.collect::<BTreeMap<_, _>>(), by_hand.months);
        let mut rate = behind(&sales, "total.win_rate");
        assert_eq!((&rate["denominator"], &rate["id_count"]), (&6_711.into(), &4_238.into()));
        // An answer names 1,000 of them, and the next one goes on.
        let mut ids = named(&rate);
        while rate["ids_are_capped"] == true {
            let last = ids.last().unwrap().clone();
            rate = behind(&product.json(&["sales", "--explain", "--ids-after", last.as_str()]), "total.win_rate");
            ids.extend(named(&rate));
        }
        assert!(ids.len() == 4_238 && ids.is_sorted_by(|a, b| a < b), "{} ids", ids.len());

        let velocity = product.json(&["velocity"]);
        is_near(&velocity["figures"]["won_cycle"]["mean"], mean);
        is_near(&velocity["figures"]["won_cycle"]["median"], median);
        assert_eq!(velocity["figures"]["opportunities"], 2_089);

        let ranks = product.json(&["leaderboard"]);
        let ranks = ranks["figures"]["ranks"].as_array().unwrap();
        let told =
            ranks.iter().filter_map(|rank| Some((rank["name"].as_str()?.to_owned(), dollars(&rank["won_value"]))));
        let told: BTreeMap<String, i64> = told.filter(|(_, sum)| *sum > 0).collect();
        assert_eq!(told, by_hand.agents);
        assert_eq!(dollars(&ranks[0]["won_value"]), 1_153_214);

        let conversion = product.json(&["conversion"]);
        let stages = conversion["figures"]["stages"].as_array().unwrap();
        let reached: Vec<u64> = stages.iter().map(|stage| stage["reached"].as_u64().unwrap()).collect();
        assert_eq!(reached, [8_800, 8_300, 4_238, 2_473]);
        for stage in stages {
            let of = |name: &str| stage[name].as_u64().unwrap();
            let gone = of("advanced") + of("lost") + of("moved_back") + of("still_there");
            assert_eq!(of("at_start") + of("entries"), gone);
        }
        let forecast = product.json(&["forecast"]);
        assert_eq!(forecast["figures"]["undated"]["open_count"], 2_089);
        assert_eq!(dollars(&forecast["figures"]["total"]["closed"]), 10_005_534);
        for verb in ["board", "conversion", "forecast", "velocity", "sales", "leaderboard"] {
            let csv = product.run(&[verb, "--output", "csv"]);
            assert!(csv.lines().count() > 4, "{verb}");
            let is_bare = |line: &str| ["\"", "%", " USD"].iter().all(|sign| !line.contains(sign));
            assert!(csv.lines().skip(1).all(is_bare), "{csv}");
        }
    });
}

#[test]
fn stages_are_changed_and_their_deals_go_where_it_is_said() {
    on_each_store(|product| {
        product.run(&["deals", "create", "--set", "title=A"]);
        let own = product.json(&["pipelines", "list"])["data"][0].clone();
        let id = own["id"].as_str().unwrap();
        let mut stages = own["stages"].as_array().unwrap().clone();
        let first = stages.remove(0);
        stages[0]["probability"] = 40.into();
        let (name, stages) = ("name=Sales".to_owned(), format!("stages={}", serde_json::Value::from(stages.clone())));
        let refused = product.try_run(&["pipelines", "update", id, "--set", &name, "--set", &stages]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("targets"), "{said}");
        let targets = format!(r#"targets=[{{"stage_id": {}, "to": {}}}]"#, first["id"], own["stages"][1]["id"]);
        let told = product.json(&["pipelines", "update", id, "--set", &name, "--set", &stages, "--set", &targets]);
        assert_eq!((&told["name"], &told["stages"][0]["probability"]), (&"Sales".into(), &40.into()));
        let board = product.json(&["board"]);
        assert_eq!((&board["stages"][0]["name"], &board["stages"][0]["count"]), (&own["stages"][1]["name"], &1.into()));
        let stages = r#"stages=[{"name": "New", "kind": "open"}]"#;
        let new = product.json(&["pipelines", "create", "--set", "name=Other", "--set", stages]);
        let other = new["id"].as_str().unwrap();
        assert_eq!(product.json(&["pipelines", "show", other])["name"], "Other");
        product.run(&["pipelines", "delete", other]);
        assert!(!product.run(&["pipelines", "list"]).contains("Other"));
    });
}
