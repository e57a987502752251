//! `slackcrm board`.

use crm_core::Totals;
use crm_core::deal::{Board, BoardStage};
use crm_core::pipeline::StageKind;

use super::figures::{explain, together};
use crate::args::Output;
use crate::cell::Cell;
use crate::failure::Failure;
use crate::print::Sheet;

/// Prints a board: a row a stage, then their sum, then what stands behind them.
pub(crate) fn print(board: &Board, output: Output) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["Stage", "Kind", "Deals#", "Value#", "Weighted#", "Conversion#"]);
    let mut weighted = Totals::default();
    for stage in &board.stages {
        for money in stage.weighted.iter().flat_map(Totals::iter) {
            weighted.add(money)?;
        }
        sheet.figures(row(stage));
    }
    let weighted = board.currency_totals.as_ref().map(|_| weighted);
    let (sum, weighted) = (Cell::money(board.currency_totals.as_ref()), Cell::money(weighted.as_ref()));
    let total = Cell::from("Total".to_owned());
    sheet.figures(vec![total, Cell::EMPTY, Cell::Count(board.count()), sum, weighted, Cell::EMPTY]);
    sheet.print(output, board)?;
    if let Some(converted) = &board.converted {
        let shown = board.currency_totals.as_ref();
        together(output, "Value", shown, converted.total, &converted.without_rate);
    }
    explain(output, board.explanations.as_deref());
    Ok(())
}

fn row(stage: &BoardStage) -> Vec<Cell> {
    // Nobody goes on from an end.
    let conversion = stage.conversion.filter(|_| stage.kind == StageKind::Open);
    vec![
        stage.name.clone().into(),
        stage.kind.name().to_owned().into(),
        Cell::Count(stage.count),
        Cell::money(stage.total.as_ref()),
        Cell::money(stage.weighted.as_ref()),
        Cell::share(conversion),
    ]
}
