//! `slackcrm conversion`, `forecast`, `velocity`, `sales` and `leaderboard`.

use crm_core::analytics::{Amounts, Days, Explanation, Pace, Report, Tally};
use crm_core::{Money, Session, Totals};
use serde::Serialize;

use crate::args::Output;
use crate::args::figures::{ConversionOf, Question, SalesOf};
use crate::failure::Failure;
use crate::print::{Sheet, remark};

/// Prints conversion: a row a stage.
pub(crate) async fn conversion(session: &Session, asked: &ConversionOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().conversion(&asked.question.request(), asked.options()).await?;
    let mut sheet = Sheet::new(&[
        "Stage",
        "At start#",
        "Entries#",
        "Advanced#",
        "Lost#",
        "Moved back#",
        "Still there#",
        "Reached#",
        "Next#",
        "Cumulative#",
    ]);
    for stage in &report.figures.stages {
        let counts = [
            stage.at_start,
            stage.entries,
            stage.advanced,
            stage.lost,
            stage.moved_back,
            stage.still_there,
            stage.reached,
        ];
        let mut row = vec![stage.name.clone()];
        row.extend(counts.map(grouped));
        row.extend([percent(stage.next_rate), percent(stage.cumulative_rate)]);
        sheet.row(row);
    }
    print(&sheet, output, &report)
}

/// Prints a forecast: a row a month, then the sum, then what has no day.
pub(crate) async fn forecast(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().forecast(&asked.request()).await?;
    let mut sheet =
        Sheet::new(&["Month", "Open#", "Pipeline#", "Best case#", "Commit#", "Weighted#", "Won#", "Closed#"]);
    for month in &report.figures.months {
        sheet.row(amounts(month.month.format("%Y-%m").to_string(), &month.amounts));
    }
    sheet.row(amounts("Total".to_owned(), &report.figures.total));
    sheet.row(amounts("Undated".to_owned(), &report.figures.undated));
    print(&sheet, output, &report)
}

fn amounts(name: String, amounts: &Amounts) -> Vec<String> {
    vec![
        name,
        grouped(amounts.open_count),
        money(amounts.pipeline.as_ref()),
        money(amounts.best_case.as_ref()),
        money(amounts.commit.as_ref()),
        money(amounts.weighted.as_ref()),
        grouped(amounts.closed_count),
        money(amounts.closed.as_ref()),
    ]
}

/// Prints velocity: a row a stage, then the cycles, then what a day brings.
pub(crate) async fn velocity(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().velocity(&asked.request()).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&["What", "Count#", "Mean days#", "Median#", "90th percentile#"]);
    for stage in &figures.stages {
        sheet.row(days(stage.name.clone(), stage.left));
        sheet.row(days(format!("{} (staying)", stage.name), stage.staying));
    }
    sheet.row(days("Won cycle".to_owned(), figures.won_cycle));
    sheet.row(days("Lost cycle".to_owned(), figures.lost_cycle));
    print(&sheet, output, &report)?;
    remark(output, &format!("Win rate {}, {} open", percent(figures.win_rate), grouped(figures.opportunities)));
    for Pace { opportunities, average_deal, per_day } in figures.pace.iter().flatten() {
        let each = format!("{} open x {average_deal} x win rate / won cycle", grouped(*opportunities));
        remark(output, &format!("Sales velocity {per_day} a day: {each}"));
    }
    Ok(())
}

fn days(name: String, days: Days) -> Vec<String> {
    let cell = |days: Option<f64>| days.map(|days| format!("{days:.2}")).unwrap_or_default();
    vec![name, grouped(days.count), cell(days.mean), cell(days.median), cell(days.p90)]
}

/// Prints sales: a row a period, then the sum.
pub(crate) async fn sales(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().sales(&asked.question.request(), asked.every).await?;
    let mut sheet = Sheet::new(&["Period", "Won#", "Won value#", "Average#", "Lost#", "Win rate#"]);
    for period in &report.figures.periods {
        sheet.row(tally(period.period.to_string(), &period.tally));
    }
    sheet.row(tally("Total".to_owned(), &report.figures.total));
    print(&sheet, output, &report)
}

fn tally(name: String, tally: &Tally) -> Vec<String> {
    vec![
        name,
        grouped(tally.won),
        money(tally.won_value.as_ref()),
        money(tally.average_deal.as_ref()),
        grouped(tally.lost),
        percent(tally.win_rate),
    ]
}

/// Prints the leaderboard: a row a member.
pub(crate) async fn leaderboard(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().team(&asked.request()).await?;
    let mut sheet = Sheet::new(&["Member", "Won#", "Won value#", "Average#", "Lost#", "Win rate#", "Open#"]);
    for rank in &report.figures.ranks {
        let nameless = || rank.owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        let mut row = tally(rank.name.clone().unwrap_or_else(nameless), &rank.tally);
        row.push(grouped(rank.open));
        sheet.row(row);
    }
    print(&sheet, output, &report)
}

/// Prints figures, and below them what stands behind them.
fn print<T: Serialize>(sheet: &Sheet, output: Output, report: &Report<T>) -> Result<(), Failure> {
    sheet.print(output, report)?;
    for Explanation { figure, definition, denominator, id_count, .. } in report.explanations.iter().flatten() {
        let whole = denominator.map(|whole| format!(" of {}", grouped(whole))).unwrap_or_default();
        remark(output, &format!("{figure}: {}{whole} deals: {definition}", grouped(*id_count)));
    }
    Ok(())
}

/// A share in a cell.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map(|share| format!("{:.2} %", share * 100.0)).unwrap_or_default()
}

/// Amounts per currency in one cell.
pub(super) fn money(totals: Option<&Totals>) -> String {
    let sums = |totals: &Totals| totals.iter().map(|money: Money| money.to_string()).collect::<Vec<_>>().join(", ");
    totals.map_or_else(|| "hidden".to_owned(), sums)
}

/// A number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
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
