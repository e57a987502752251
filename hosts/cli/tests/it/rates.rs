//! Rates from the command line, and the sums that they make.

use crate::support::on_each_store;

#[test]
fn a_rate_makes_one_sum_of_two_currencies() {
    on_each_store(|product| {
        product.run(&["deals", "create", "--set", "title=A", "--set", "value=1000 USD"]);
        product.run(&["deals", "create", "--set", "title=B", "--set", "value=2000 EUR"]);
        assert!(
            product.run(&["board"]).contains("Value together 1,000.00 USD, without 2,000.00 EUR, which has no rate")
        );
        let made = product.json(&["rates", "set", "EUR", "USD", "1.0842", "2020-01-31"]);
        assert_eq!((&made["rate"], &made["version"]), (&"1.0842".into(), &1.into()));
        assert!(product.run(&["board"]).contains("Value together 3,168.40 USD\n"));
        product.run(&["rates", "set", "USD", "EUR", "0.5", "2020-01-31"]);
        let list = product.run(&["rates", "list"]);
        assert!(list.contains("2020-01-31  USD") && list.contains("0.5"), "{list}");
        product.run(&["rates", "delete", made["id"].as_str().unwrap()]);
        let left = product.json(&["rates", "list", "--currency", "EUR"]);
        assert_eq!(left["data"].as_array().unwrap().len(), 0);
    });
}
