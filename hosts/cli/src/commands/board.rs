//! `slackcrm board`.

use crm_core::Totals;
use crm_core::deal::{Board, BoardStage};

use crate::args::Output;
use crate::failure::Failure;
use crate::print::Sheet;

/// Prints a board: a row a stage, then their sum.
pub(crate) fn print(board: &Board, output: Output) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["Stage", "Kind", "Deals#", "Value#"]);
    let mut sum = Totals::default();
    for stage in &board.stages {
        for money in stage.total.iter().flat_map(Totals::iter) {
            sum.add(money)?;
        }
        sheet.row(row(stage));
    }
    sheet.row(vec!["Total".to_owned(), String::new(), grouped(board.count()), money_text(&sum)]);
    sheet.print(output, board)
}

fn row(stage: &BoardStage) -> Vec<String> {
    let value = stage.total.as_ref().map_or_else(|| "hidden".to_owned(), money_text);
    vec![stage.name.clone(), stage.kind.name().to_owned(), grouped(stage.count), value]
}

/// Amounts per currency in one cell.
fn money_text(totals: &Totals) -> String {
    totals.iter().map(|money| money.to_string()).collect::<Vec<_>>().join(", ")
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
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
