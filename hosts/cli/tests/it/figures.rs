//! Figures at the command line.

use crate::support::{on_each_store, text};

#[test]
fn what_has_no_rate_is_said_once_below_a_forecast() {
    on_each_store(|product| {
        let file = "id,name,amount,currency,stage,close date\n1,A,10,USD,Won,2026-01-02\n2,B,20,EUR,Won,2026-01-02\n\
            3,C,30,EUR,Prospecting,2030-01-02\n4,D,40,USD,Prospecting,2030-01-02\n";
        product.run(&["deals", "import", text(&product.file("deals.csv", file))]);
        let told = product.run(&["forecast"]);
        assert_eq!(told.matches("which has no rate").count(), 1, "{told}");
        assert!(told.contains("Both without"), "{told}");
    });
}

#[test]
fn a_board_is_asked_about_some_deals_and_says_what_stands_behind_it() {
    on_each_store(|product| {
        let file = "id,name,amount,currency,stage,engage date,close date\n1,A,10,USD,Engaging,2026-01-02,\n\
            2,B,20,USD,Engaging,2026-02-02,\n3,C,40,USD,Won,2026-01-05,2026-01-09\n";
        product.run(&["deals", "import", text(&product.file("deals.csv", file))]);
        let counts = |asked: &[&str]| -> Vec<u64> {
            let board = product.json(&[&["board"], asked].concat());
            board["stages"].as_array().unwrap().iter().map(|stage| stage["count"].as_u64().unwrap()).collect()
        };
        assert_eq!(counts(&[]), [0, 2, 1, 0]);
        assert_eq!(counts(&["--filter", "value > money(1500 USD)"]), [0, 1, 1, 0]);
        assert_eq!(counts(&["--from", "2026-01-01", "--to", "2026-01-31"]), [0, 1, 1, 0]);
        let table = product.run(&["board", "--explain"]);
        assert!(table.contains(".count: 2 records: deals of the question that are in the stage now"), "{table}");
    });
}

#[test]
fn activities_are_printed_by_period_and_person() {
    on_each_store(|product| {
        let file = "id,name,stage,create date,close date\n1,A,Won,2026-01-02,2026-02-03\n";
        product.run(&["deals", "import", text(&product.file("deals.csv", file))]);
        let told = product.json(&["activities", "--every", "year"]);
        assert_eq!(
            (&told["figures"]["total"]["deals"]["won"], &told["figures"]["total"]["new_deals"]),
            (&1.into(), &1.into())
        );
        let table = product.run(&["activities"]);
        assert!(table.contains("person") && table.contains("2026-02-01"), "{table}");
    });
}

#[test]
fn figures_in_csv_are_bare_numbers_with_their_currencies_apart() {
    on_each_store(|product| {
        let file = "id,name,amount,currency,stage,close date\n1,A,1234567.50,USD,Won,2026-01-02\n\
            2,B,20,EUR,Won,2026-01-02\n3,C,30,EUR,Lost,2026-01-02\n";
        product.run(&["deals", "import", text(&product.file("deals.csv", file))]);
        let tells = |verb: &[&str], lines: &[&str]| {
            let csv = product.run(&[&["--output", "csv"], verb].concat());
            assert_eq!(csv.lines().next(), lines.first().copied());
            for line in lines {
                assert!(csv.lines().any(|told| told == *line), "{line}: {csv}");
            }
        };
        let sales = [
            "Period,Won,Won value EUR,Won value USD,Average EUR,Average USD,Lost,Win rate",
            "2026-01-01,2,20.00,1234567.50,20.00,1234567.50,1,0.6666666666666666",
        ];
        tells(&["sales"], &sales);
        let board = [
            "Stage,Kind,Deals,Value EUR,Value USD,Weighted EUR,Weighted USD,Conversion",
            "Won,won,2,20.00,1234567.50,20.00,1234567.50,",
        ];
        tells(&["board"], &board);
        let dashboard = [
            "Figure,Value,Unit",
            "Won,2,",
            "Win rate,0.6666666666666666,",
            "Won value,20.00,EUR",
            "Won value,1234567.50,USD",
        ];
        tells(&["dashboard"], &dashboard);
        let list = product.run(&["--output", "csv", "deals", "list"]);
        assert!(list.starts_with("Id,Title,Status,Value,Currency,Estimated,Opened,Closed\r\n"), "{list}");
        assert!(list.contains(",A,won,1234567.50,USD,false,"), "{list}");
        // Eyes see what they saw.
        let table = product.run(&["sales"]);
        assert!(table.contains("20.00 EUR, 1,234,567.50 USD") && table.contains("66.67 %"), "{table}");
    });
}

#[test]
fn figures_without_amounts_keep_the_columns_of_their_headers_in_csv() {
    on_each_store(|product| {
        product.run(&["deals", "create", "--set", "title=A"]);
        let csv = product.run(&["--output", "csv", "board"]);
        assert!(csv.starts_with("Stage,Kind,Deals,Value,Weighted,Conversion\r\nProspecting,open,1,,,"), "{csv}");
    });
}
