//! Files in and out, as people have them.

use crate::support::{Product, WORKSPACE, on_each_store, text};

const PEOPLE: &str = "First Name,Last Name,Email,Job Title\r\nAda,Lovelace,ada@example.com,Countess\r\n\
                      José,García,jose@example.com,Buyer\r\n";

#[test]
fn bad_rows_are_named_with_line_and_field_and_the_good_ones_go_in() {
    on_each_store(|product| {
        let file = product.file(
            "bad.csv",
            "First Name,Last Name,Email\nAda,Lovelace,ada@example.com\nNo,Mail,not an address\nToo,Many,a@example.com,cells\n\
             \"multi\nline\",Name,m@example.com\nNul,\0,n@example.com\nLast,Good,l@example.com\n",
        );
        let import = product.json(&["contacts", "import", text(&file)]);
        assert_eq!(import["counts"], serde_json::json!({"created": 2, "updated": 0, "unchanged": 0, "failed": 4}));
        let failed = std::fs::read_to_string(file.with_extension("failed.csv")).unwrap();
        for expected in ["3,email", "4,", "5,first_name", "7,"] {
            assert!(failed.lines().any(|line| line.contains(expected)), "{expected:?} in {failed}");
        }
        assert_eq!(product.json(&["contacts", "list"])["data"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_dry_run_writes_nothing() {
    on_each_store(|product| {
        let file = product.file("people.csv", PEOPLE);
        let entries = product.journal_entries();
        let preview = product.json(&["contacts", "import", "--dry-run", text(&file)]);
        assert_eq!(preview["counts"]["created"], 2);
        assert_eq!(product.journal_entries(), entries);
        assert_eq!(product.json(&["contacts", "list"])["data"], serde_json::json!([]));
    });
}

#[test]
fn a_dry_run_shows_the_first_hundred_bad_rows_and_counts_the_rest() {
    let product = Product::sqlite();
    let rows: String = (0..130).map(|row| format!("Row{row},not an address\n")).collect();
    let file = product.file("bad.csv", format!("First Name,Email\n{rows}"));
    let shown = product.run(&["contacts", "import", "--dry-run", text(&file)]);
    assert_eq!(shown.lines().filter(|line| line.starts_with("line ")).count(), 100);
    assert!(shown.contains("refuse 130") && shown.contains("and 30 more"), "{shown}");
}

#[test]
fn a_dry_run_prints_csv_where_csv_is_asked_for() {
    let product = Product::sqlite();
    let file = product.file("people.csv", PEOPLE);
    let shown = product.run(&["--output", "csv", "contacts", "import", "--dry-run", text(&file)]);
    assert_eq!(shown.lines().next(), Some("Column,Field,First value"));
    assert_eq!(shown.lines().count(), 5, "{shown}");
}

#[test]
fn cells_of_a_file_do_not_steer_the_terminal() {
    let product = Product::sqlite();
    let file = product.file("attack.csv", "Last Name,\u{1b}]0;head\u{7},Email\nA,\u{1b}[2Jcell,\u{1b}[31m@x\n");
    for verb in [&["--dry-run"] as &[&str], &[]] {
        let output = product.try_run(&[&["contacts", "import", text(&file)], verb].concat());
        let printed = [output.stdout, output.stderr].concat();
        assert!(!printed.iter().any(|byte| [0x1b, 0x07].contains(byte)), "{}", String::from_utf8_lossy(&printed));
    }
}

#[test]
fn an_export_that_fails_leaves_no_file_and_the_one_before_as_it_was() {
    let product = Product::sqlite();
    let target = product.file("out.csv", "before");
    let export = ["contacts", "export", "--sort", "nothing", "--to"];
    assert!(!product.try_run(&[&export as &[&str], &[text(&target)]].concat()).status.success());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "before");
    product.run(&["contacts", "export", "--to", text(&target)]);
    assert!(std::fs::read_to_string(&target).unwrap().starts_with("\u{feff}id,"));
}

#[test]
fn an_export_is_written_by_a_job_and_fetched() {
    on_each_store(|product| {
        product.run(&["contacts", "import", text(&product.file("people.csv", PEOPLE))]);
        let job = product.json(&["contacts", "export", "--job", "--sort", "email"]);
        assert_eq!((&job["kind"], &job["state"]), (&"export".into(), &"queued".into()));
        let id = job["id"].as_str().unwrap();
        assert!(!product.try_run(&["exports", "fetch", id]).status.success());
        product.run(&["jobs", "work"]);
        let listed = product.json(&["exports", "list"]);
        assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["state"]), (&job["id"], &"done".into()));
        let streamed = product.run(&["contacts", "export", "--sort", "email"]);
        assert_eq!(product.run(&["exports", "fetch", id]), streamed);
        let target = product.file("out.csv", "before");
        product.run(&["exports", "fetch", id, "--to", text(&target)]);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), streamed);
        product.run(&["exports", "delete", id]);
        assert!(!product.try_run(&["exports", "fetch", id]).status.success());
        assert!(!product.try_run(&["contacts", "export", "--job", "--to", text(&target)]).status.success());
    });
}

#[test]
fn imports_are_listed_with_what_became_of_them() {
    on_each_store(|product| {
        let file = product.file("people.csv", PEOPLE);
        let ids = [(); 2].map(|()| product.json(&["contacts", "import", text(&file)])["id"].clone());
        let listed = product.json(&["imports", "list"]);
        let found = listed["data"].as_array().unwrap();
        assert_eq!([&found[0]["id"], &found[1]["id"]], [&ids[1], &ids[0]]);
        assert_eq!((&found[0]["counts"]["unchanged"], &found[1]["counts"]["created"]), (&2.into(), &2.into()));
        let table = product.run(&["--output", "csv", "imports", "list", "--limit", "1"]);
        assert!(table.starts_with("Id,Of,State,Rows,") && table.contains(",contact,done,2,0,0,2,0,"), "{table}");
    });
}

#[test]
fn lists_of_imports_exports_and_jobs_go_on_where_their_page_ended() {
    on_each_store(|product| {
        let file = product.file("people.csv", PEOPLE);
        let imports = [(); 2].map(|()| product.json(&["contacts", "import", text(&file)])["id"].clone());
        let exports = [(); 2].map(|()| product.json(&["contacts", "export", "--job"])["id"].clone());
        for (list, ids) in [("imports", &imports), ("exports", &exports), ("jobs", &exports)] {
            let first = product.json(&[list, "list", "--limit", "1"]);
            assert_eq!(first["data"][0]["id"], ids[1], "{list}");
            let cursor = first["next_cursor"].as_str().unwrap();
            let rest = product.json(&[list, "list", "--cursor", cursor]);
            assert_eq!(rest["data"][0]["id"], ids[0], "{list}");
            let table = product.run(&["--output", "table", list, "list", "--limit", "1"]);
            assert!(table.ends_with(&format!("\nmore: --cursor {cursor}\n")), "{table}");
        }
    });
}

#[test]
fn every_encoding_and_delimiter_reads_the_same() {
    let rows = |product: &Product| product.run(&["contacts", "export", "--sort", "email"]);
    let names = |csv: String| -> Vec<String> {
        csv.lines().map(|line| line.split(',').skip(1).take(3).collect::<Vec<_>>().join(",")).collect()
    };
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let encode = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(encode).collect()
    };
    let latin: Vec<u8> = PEOPLE.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let files: Vec<Vec<u8>> = vec![
        PEOPLE.into(),
        format!("\u{feff}{PEOPLE}").into(),
        PEOPLE.replace(',', ";").into(),
        PEOPLE.replace(',', "\t").into(),
        latin,
        utf16(PEOPLE, false),
        utf16(&PEOPLE.replace(',', "\t"), true),
    ];
    let mut seen = Vec::new();
    for file in files {
        let product = Product::sqlite();
        product.run(&["contacts", "import", text(&product.file("people.csv", file))]);
        seen.push(names(rows(&product)));
    }
    assert!(seen[0].iter().any(|line| line.contains("García")), "{:?}", seen[0]);
    assert!(seen.iter().all(|names| names == &seen[0]), "{seen:?}");
}

#[test]
fn formula_cells_are_neutral_in_the_export_and_themselves_after_an_import() {
    on_each_store(|product| {
        let file = product.file(
            "attack.csv",
            "Last Name,Phone Number\n\"=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",+33 6 00 00 00 00\n",
        );
        product.run(&["contacts", "import", text(&file)]);
        let name = |product: &Product| product.json(&["contacts", "list"])["data"][0]["last_name"].clone();
        assert_eq!(name(product), "=HYPERLINK(\"http://x\",\"y\")");
        let export = product.run(&["contacts", "export"]);
        assert!(export.contains("\"'=HYPERLINK") && export.contains(",+33 6 00 00 00 00"), "{export}");
        let other = Product::sqlite();
        other.run(&["contacts", "import", text(&other.file("export.csv", export))]);
        assert_eq!(name(&other), "=HYPERLINK(\"http://x\",\"y\")");
    });
}

#[test]
fn acting_as_somebody_is_acting_with_their_permissions() {
    let product = Product::sqlite();
    let output = product.try_run(&["--as", "nobody@example.com", "contacts", "list"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nobody@example.com"));
}

#[test]
fn an_import_as_somebody_is_theirs_and_does_what_they_may() {
    on_each_store(|product| {
        let file = product.file("people.csv", "First Name,Last Name,Email,Owner\nAda,Lovelace,ada@example.com,\n");
        product.register("grace@example.com");
        let as_grace = ["--as", "grace@example.com"];
        let import = product.json(&[&as_grace as &[&str], &["contacts", "import", text(&file)]].concat());
        assert_eq!(import["counts"]["created"], 1);
        let of_grace = |verb: &[&str]| product.json(&[&as_grace, verb].concat());
        let members = of_grace(&["users", "list"]);
        let grace = &members["data"][0];
        assert_eq!((&grace["email"], &import["created_by"]), (&"grace@example.com".into(), &grace["id"]));
        let contact = &of_grace(&["contacts", "list"])["data"][0];
        assert_eq!((&contact["last_name"], &contact["owner_id"]), (&"Lovelace".into(), &grace["id"]));
        let made = &of_grace(&["contacts", "timeline", contact["id"].as_str().unwrap()])["data"][0];
        assert_eq!(made["actor"]["user_id"], grace["id"]);
        // Her workspace is not the other one.
        assert_eq!(product.json(&["--workspace", WORKSPACE, "contacts", "list"])["data"], serde_json::json!([]));
        // It is gone on with as it began.
        let id = import["id"].as_str().unwrap();
        let again = of_grace(&["contacts", "import", text(&file), "--resume", id]);
        assert_eq!(again["version"], import["version"]);
        let elsewhere = ["--workspace", WORKSPACE, "contacts", "import", text(&file), "--resume", id];
        assert!(!product.try_run(&elsewhere).status.success());
    });
}

#[test]
fn companies_are_left_alone_where_the_deals_beside_them_cannot_be_read() {
    on_each_store(|product| {
        let companies = product.file("companies.csv", "name\nAcme\n");
        let deals = product.file("bad.csv", "\n");
        let output = product.try_run(&["deals", "import", text(&deals), "--companies", text(&companies)]);
        assert!(!output.status.success());
        assert_eq!(product.json(&["companies", "list"])["data"], serde_json::json!([]));
        let good = product.file("good.csv", "id,name\n1,A\n");
        let mapped = ["deals", "import", text(&good), "--companies", text(&companies), "--map", "nothing=name"];
        assert!(!product.try_run(&mapped).status.success());
        assert_eq!(product.json(&["companies", "list"])["data"], serde_json::json!([]));
    });
}
