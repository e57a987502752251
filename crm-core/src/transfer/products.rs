//! What a team sells, and for how much by its list: beside an import of deals, which says what each
//! deal is about but not what the open ones are worth.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::header::squash;
use super::numbers;
use super::table::Table;
use crate::custom_field::MAX_CHOICES;
use crate::deal::MAX_VALUE_MINOR;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::money::{Currency, Money};
use crate::text;

/// A product and what it costs by the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Product {
    /// What people call it, at most 100 characters.
    #[cfg_attr(feature = "schema", schema(max_length = 100))]
    pub name: String,
    /// What it costs; absent where the list does not say.
    #[serde(default)]
    pub price: Option<Money>,
}

/// Reads a list of products.
///
/// # Errors
/// `Invalid` at `products`, with the line of each row at fault.
pub(super) fn read(file: &[u8], usual: Currency) -> Result<Vec<Product>> {
    let table = Table::read("products", file)?;
    let name = table.needed(&["product", "product name", "name"])?;
    let price = table.column(&["price", "sales price", "list price", "unit price"]);
    let currency = table.column(&["currency", "currency code"]);
    let products = table.each(|row| {
        let mut faults = Faults::default();
        let given: Option<Result<Currency>> = row.cell(currency).map(|cell| cell.to_ascii_uppercase().parse());
        let given = given.and_then(|given| kept("currency", given, &mut faults));
        let price = row.cell(price).map(|cell| numbers::amount(cell, given, usual));
        let price = price.and_then(|price| kept("price", price, &mut faults));
        let name = row.cell(name).ok_or_else(|| Error::invalid("name", "required", "is required"));
        let name = kept("name", name.and_then(|name| text::clean_line("name", name, 100)), &mut faults);
        faults.into_result()?;
        Ok(Product { name: name.unwrap_or_default(), price })
    })?;
    check(&products)?;
    Ok(products)
}

/// A good value; what is wrong with another goes to `faults`.
fn kept<T>(field: &str, value: Result<T>, faults: &mut Faults) -> Option<T> {
    value.map_err(|error| faults.refuse(field, &error)).ok()
}

/// Refuses a list that no field of choices can hold, and prices that no deal can have.
///
/// # Errors
/// `Invalid` at `products`, by place.
pub(super) fn check(products: &[Product]) -> Result<()> {
    let mut faults = Faults::default();
    if products.len() > MAX_CHOICES {
        faults.add("products", "too_many", &format!("has more than {MAX_CHOICES} products"));
    }
    let mut names: HashMap<String, usize> = HashMap::new();
    for (at, product) in products.iter().enumerate().take(MAX_CHOICES) {
        let field = |name: &str| format!("products.{at}.{name}");
        if let Err(error) = text::clean_line("name", &product.name, 100) {
            faults.refuse(&field("name"), &error);
        }
        if let Some(first) = names.insert(text::key(&product.name), at) {
            faults.add(&field("name"), "duplicate", &format!("is that of product {first} already"));
        }
        if product.price.is_some_and(|price| !(0..=MAX_VALUE_MINOR).contains(&price.amount_minor)) {
            faults.add(&field("price"), "out_of_range", "must lie between 0 and 10^15 minor units");
        }
    }
    faults.into_result()
}

/// Products by how a file may name them.
#[derive(Clone, Debug, Default)]
pub(super) struct Prices {
    /// By the comparison form of their names.
    known: HashMap<String, Option<Money>>,
    /// Names by their letters and digits alone; none where two products share these.
    spellings: BTreeMap<String, Option<String>>,
}

impl Prices {
    /// The prices of a list.
    pub(super) fn of(products: &[Product]) -> Self {
        let mut prices = Self::default();
        for product in products {
            prices.known.insert(text::key(&product.name), product.price);
            let name = Some(product.name.clone());
            prices.spellings.entry(squash(&product.name)).and_modify(|name| *name = None).or_insert(name);
        }
        prices
    }

    /// The product that a cell names, as the list writes it: spaces, case and punctuation do not count.
    pub(super) fn name<'a>(&'a self, cell: &'a str) -> &'a str {
        if self.known.is_empty() || self.known.contains_key(&text::key(cell)) {
            return cell;
        }
        self.spellings.get(&squash(cell)).and_then(Option::as_deref).unwrap_or(cell)
    }

    /// What a product costs.
    pub(super) fn price(&self, name: &str) -> Option<Money> {
        *self.known.get(&text::key(name))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(file: &str) -> Vec<(String, String)> {
        let error = read(file.as_bytes(), Currency::USD).unwrap_err();
        error.fields().iter().map(|fault| (fault.field.clone(), fault.message.clone())).collect()
    }

    #[test]
    fn a_list_is_read_with_its_currencies() {
        let file = "Product,Series,Sales Price,Currency\nGTX Pro,GTX,\"4,821\",\nMG,MG,55,EUR\nFree,,,\n";
        let products = read(file.as_bytes(), Currency::USD).unwrap();
        let prices: Vec<_> = products.iter().map(|product| product.price.map(|price| price.to_string())).collect();
        assert_eq!(prices, [Some("4,821.00 USD".to_owned()), Some("55.00 EUR".to_owned()), None]);
    }

    #[test]
    fn a_bad_list_is_refused_by_its_lines() {
        let told = faults("product,price\nA,five\n,5\nB,5 XXY\n");
        assert_eq!(told.len(), 3);
        assert!(told[0].1.starts_with("line 2: price: ") && told[1].1.starts_with("line 3: name: "), "{told:?}");
        assert_eq!(faults("price\n5\n")[0].0, "products");
        assert_eq!(faults("product,price\nA,1\na,2\n")[0].0, "products.1.name");
        assert_eq!(faults("product,price\nA,-1\n")[0].0, "products.0.price");
        assert!(faults("product,price\nA,1\nB\n")[0].1.starts_with("line 3: "));
        assert_eq!(faults("")[0].0, "products");
    }

    #[test]
    fn a_product_is_known_however_its_name_is_spaced() {
        let product = |name: &str| Product { name: name.to_owned(), price: None };
        let prices = Prices::of(&[product("GTX Pro"), product("A-1"), product("A 1")]);
        assert_eq!(
            (prices.name("GTXPro"), prices.name("gtx-pro"), prices.name("GTX Pro")),
            ("GTX Pro", "GTX Pro", "GTX Pro")
        );
        // Two products share these letters.
        assert_eq!((prices.name("a1"), prices.name("Other")), ("a1", "Other"));
    }
}
