//! What stands in a cell of a table: with commas, signs and units for eyes, plain for programs.

use crm_core::{Currency, Money, Totals};

/// What a cell holds.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// A text as it stands, or nothing.
    Text(String),
    /// How many there are.
    Count(u64),
    /// A share of a whole.
    Share(f64),
    /// Amounts by currency; none where the caller does not see them.
    Money(Option<Totals>),
}

impl Cell {
    /// Nothing.
    pub(crate) const EMPTY: Cell = Cell::Text(String::new());

    /// A share, where there is a whole.
    pub(crate) fn share(share: Option<f64>) -> Self {
        share.map_or(Self::EMPTY, Self::Share)
    }

    /// Amounts, as far as the caller sees them.
    pub(crate) fn money(totals: Option<&Totals>) -> Self {
        Self::Money(totals.cloned())
    }

    /// The cell for eyes.
    pub(crate) fn shown(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(number) => grouped(*number),
            Cell::Share(share) => percent(*share),
            Cell::Money(totals) => totals.as_ref().map_or_else(|| "hidden".to_owned(), money),
        }
    }

    /// The cell for programs: numbers without commas, shares as parts of one, and of amounts that in
    /// one currency, without its code. What the caller does not see is empty.
    pub(crate) fn bare(&self, currency: Option<Currency>) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(number) => number.to_string(),
            Cell::Share(share) => share.to_string(),
            Cell::Money(_) => {
                let amounts = self.amounts();
                amounts.into_iter().find(|money| Some(money.currency) == currency).map(amount).unwrap_or_default()
            }
        }
    }

    /// The amounts that it holds.
    pub(crate) fn amounts(&self) -> Vec<Money> {
        match self {
            Cell::Money(totals) => totals.iter().flat_map(Totals::iter).collect(),
            Cell::Text(_) | Cell::Count(_) | Cell::Share(_) => Vec::new(),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

/// An amount without commas and without its currency.
pub(crate) fn amount(money: Money) -> String {
    money.to_string().chars().take_while(|char| *char != ' ').filter(|char| *char != ',').collect()
}

/// Amounts per currency in one line.
pub(crate) fn money(totals: &Totals) -> String {
    totals.iter().map(|money| money.to_string()).collect::<Vec<_>>().join(", ")
}

/// A share in per cent.
fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A number with commas between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_numbers_and_eyes_read_words() {
        let currency = |code: &str| code.parse::<Currency>().unwrap();
        let mut totals = Totals::default();
        totals.add(Money::minor(-123_456_789, currency("USD"))).unwrap();
        totals.add(Money::minor(1_234_567, currency("JPY"))).unwrap();
        let worth = Cell::money(Some(&totals));
        assert_eq!(worth.shown(), "1,234,567 JPY, -1,234,567.89 USD");
        let bare = ["JPY", "USD", "EUR"].map(|code| worth.bare(Some(currency(code))));
        assert_eq!(bare, ["1234567", "-1234567.89", ""]);
        assert_eq!((Cell::Count(1_589).shown(), Cell::Count(1_589).bare(None)), ("1,589".into(), "1589".into()));
        let share = Cell::share(Some(0.625));
        assert_eq!((share.shown(), share.bare(None)), ("62.50 %".into(), "0.625".into()));
        assert_eq!(Cell::share(None).bare(None), "");
        let hidden = Cell::money(None);
        assert_eq!((hidden.shown(), hidden.bare(Some(currency("USD")))), ("hidden".into(), String::new()));
    }
}
