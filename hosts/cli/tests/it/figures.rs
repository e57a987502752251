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
