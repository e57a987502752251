//! `slackcrm conversion`, `forecast`, `velocity`, `sales`, `revenue`, `funnel`, `leaderboard` and
//! `dashboard`.

use crm_core::analytics::{Amounts, Days, Done, Earned, Explanation, Pace, Report, Tally};
use crm_core::{Money, Session, Totals};
use serde::Serialize;

use crate::args::Output;
use crate::args::figures::{ConversionOf, Question, SalesOf};
use crate::cell::{Cell, amount, grouped, money};
use crate::failure::Failure;
use crate::print::{Sheet, remark, word};

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
        let mut row = vec![Cell::from(stage.name.clone())];
        row.extend(counts.map(Cell::Count));
        row.extend([stage.next_rate, stage.cumulative_rate].map(Cell::share));
        sheet.figures(row);
    }
    print(&sheet, output, &report)
}

/// Prints a forecast: a row a month, then the sum, then what has no day.
pub(crate) async fn forecast(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().forecast(&asked.request()).await?;
    let mut sheet =
        Sheet::new(&["Month", "Open#", "Pipeline#", "Best case#", "Commit#", "Weighted#", "Won#", "Closed#"]);
    for month in &report.figures.months {
        sheet.figures(amounts(month.month.format("%Y-%m").to_string(), &month.amounts));
    }
    sheet.figures(amounts("Total".to_owned(), &report.figures.total));
    sheet.figures(amounts("Undated".to_owned(), &report.figures.undated));
    print(&sheet, output, &report)?;
    let total = &report.figures.total;
    if let Some(converted) = &total.converted {
        let nothing = Totals::default();
        together(output, "Weighted", total.weighted.as_ref(), converted.weighted, &nothing);
        together(output, "Closed", total.closed.as_ref(), converted.closed, &nothing);
        if converted.without_rate != nothing {
            remark(output, &format!("Both without {}, which has no rate", money(&converted.without_rate)));
        }
    }
    Ok(())
}

fn amounts(name: String, amounts: &Amounts) -> Vec<Cell> {
    vec![
        name.into(),
        Cell::Count(amounts.open_count),
        Cell::money(amounts.pipeline.as_ref()),
        Cell::money(amounts.best_case.as_ref()),
        Cell::money(amounts.commit.as_ref()),
        Cell::money(amounts.weighted.as_ref()),
        Cell::Count(amounts.closed_count),
        Cell::money(amounts.closed.as_ref()),
    ]
}

/// Prints velocity: a row a stage, then the cycles, then what a day brings.
pub(crate) async fn velocity(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().velocity(&asked.request()).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&["What", "Count#", "Mean days#", "Median#", "90th percentile#"]);
    for stage in &figures.stages {
        sheet.figures(days(stage.name.clone(), stage.left));
        sheet.figures(days(format!("{} (staying)", stage.name), stage.staying));
    }
    sheet.figures(days("Won cycle".to_owned(), figures.won_cycle));
    sheet.figures(days("Lost cycle".to_owned(), figures.lost_cycle));
    print(&sheet, output, &report)?;
    let win_rate = Cell::share(figures.win_rate).shown();
    remark(output, &format!("Win rate {win_rate}, {} open", grouped(figures.opportunities)));
    for Pace { opportunities, average_deal, per_day } in figures.pace.iter().flatten() {
        let each = format!("{} open x {average_deal} x win rate / won cycle", grouped(*opportunities));
        remark(output, &format!("Sales velocity {per_day} a day: {each}"));
    }
    if let (Some([_, _, ..]), Some(converted)) = (figures.pace.as_deref(), &figures.converted) {
        let left_out = &converted.without_rate;
        let together = converted.per_day.map(|per_day| sum("Sales velocity a day", per_day, left_out));
        remark(output, &together.unwrap_or_else(|| format!("No rate of {}", money(left_out))));
    }
    Ok(())
}

fn days(name: String, days: Days) -> Vec<Cell> {
    let mut row = vec![Cell::from(name), Cell::Count(days.count)];
    row.extend([days.mean, days.median, days.p90].map(length));
    row
}

/// A number of days, where there is one.
fn length(days: Option<f64>) -> Cell {
    days.map_or(Cell::EMPTY, |days| Cell::Text(format!("{days:.2}")))
}

/// Prints sales: a row a period, then the sum.
pub(crate) async fn sales(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().sales(&asked.question.request(), asked.every).await?;
    let mut sheet = Sheet::new(&["Period", "Won#", "Won value#", "Average#", "Lost#", "Win rate#"]);
    for period in &report.figures.periods {
        sheet.figures(tally(period.period.to_string(), &period.tally));
    }
    let total = &report.figures.total;
    sheet.figures(tally("Total".to_owned(), total));
    print(&sheet, output, &report)?;
    if let Some(converted) = &total.converted {
        together(output, "Won value", total.won_value.as_ref(), converted.won_value, &converted.without_rate);
    }
    Ok(())
}

fn tally(name: String, tally: &Tally) -> Vec<Cell> {
    vec![
        name.into(),
        Cell::Count(tally.won),
        Cell::money(tally.won_value.as_ref()),
        Cell::money(tally.average_deal.as_ref()),
        Cell::Count(tally.lost),
        Cell::share(tally.win_rate),
    ]
}

/// Prints revenue: a row a period, an owner, a source and a currency, then the sum.
pub(crate) async fn revenue(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().revenue(&asked.question.request(), asked.every).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&["By", "Which", "Won#", "Won value#", "Average#"]);
    let mut row = |by: &str, which: String, earned: &Earned| {
        let value = [earned.won_value.as_ref(), earned.average_deal.as_ref()].map(Cell::money);
        let what = [Cell::from(by.to_owned()), Cell::from(which), Cell::Count(earned.won)];
        sheet.figures(what.into_iter().chain(value).collect());
    };
    for one in &figures.periods {
        row("period", one.period.to_string(), &one.earned);
    }
    for one in &figures.owners {
        let nameless = || one.owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        row("owner", one.name.clone().unwrap_or_else(nameless), &one.earned);
    }
    for one in figures.sources.iter().flatten() {
        row("source", one.source.clone().unwrap_or_else(|| "none".to_owned()), &one.earned);
    }
    for one in figures.currencies.iter().flatten() {
        row("currency", one.currency.to_string(), &one.earned);
    }
    row("total", String::new(), &figures.total);
    print(&sheet, output, &report)?;
    let total = &figures.total;
    if let Some(converted) = &total.converted {
        together(output, "Won value", total.won_value.as_ref(), converted.won_value, &converted.without_rate);
    }
    Ok(())
}

/// Prints the funnel: a row a step.
pub(crate) async fn funnel(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().funnel(&asked.request()).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&["Lifecycle", "Here#", "Reached#", "Next#", "Cumulative#"]);
    for step in &figures.steps {
        let rates = [step.next_rate, step.cumulative_rate].map(Cell::share);
        let numbers = [step.here, step.reached].map(Cell::Count);
        sheet.figures([Cell::from(word(&step.lifecycle))].into_iter().chain(numbers).chain(rates).collect());
    }
    print(&sheet, output, &report)?;
    let [contacts, churned, other] = [figures.contacts, figures.churned, figures.other].map(grouped);
    remark(output, &format!("{contacts} contacts, {churned} of them churned and {other} outside of the funnel"));
    Ok(())
}

/// Prints activities: a row a period and a person, then the sum. What the caller may not read is empty.
pub(crate) async fn activities(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().activities(&asked.question.request(), asked.every).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&[
        "By",
        "Which",
        "Notes#",
        "Tasks#",
        "Calls#",
        "E-mails#",
        "Meetings#",
        "Moved#",
        "Won#",
        "Lost#",
        "Contacts#",
        "Companies#",
        "Deals#",
    ]);
    let mut row = |by: &str, which: String, done: &Done| {
        let (tasks, deals) = (done.tasks, done.deals);
        let numbers = [
            done.notes,
            tasks.map(|tasks| tasks.done),
            tasks.map(|tasks| tasks.call),
            tasks.map(|tasks| tasks.email),
            tasks.map(|tasks| tasks.meeting),
            deals.map(|deals| deals.moved),
            deals.map(|deals| deals.won),
            deals.map(|deals| deals.lost),
            done.new_contacts,
            done.new_companies,
            done.new_deals,
        ];
        let cells = numbers.map(|number| number.map_or(Cell::EMPTY, Cell::Count));
        sheet.figures([by.to_owned(), which].map(Cell::from).into_iter().chain(cells).collect());
    };
    for one in &figures.periods {
        row("period", one.period.to_string(), &one.done);
    }
    for one in &figures.people {
        let nameless = || one.user_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        row("person", one.name.clone().unwrap_or_else(nameless), &one.done);
    }
    row("total", String::new(), &figures.total);
    print(&sheet, output, &report)
}

/// Prints a dashboard: a line a figure; all of them as JSON.
pub(crate) async fn dashboard(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().dashboard(&asked.question.request(), asked.every).await?;
    let figures = &report.figures;
    let (sales, forecast, undated) = (&figures.sales.total, &figures.forecast.total, &figures.forecast.undated);
    let best = figures.leaderboard.ranks.first().and_then(|rank| rank.name.clone()).unwrap_or_default();
    let lines = [
        ("Won", Cell::Count(sales.won), ""),
        ("Lost", Cell::Count(sales.lost), ""),
        ("Win rate", Cell::share(sales.win_rate), ""),
        ("Won value", Cell::money(sales.won_value.as_ref()), ""),
        ("Average deal", Cell::money(sales.average_deal.as_ref()), ""),
        ("Open", Cell::Count(figures.velocity.opportunities), ""),
        ("Forecast, weighted", Cell::money(forecast.weighted.as_ref()), ""),
        ("Undated, weighted", Cell::money(undated.weighted.as_ref()), ""),
        ("Won cycle, median", length(figures.velocity.won_cycle.median), "days"),
        ("Best seller", Cell::from(best), ""),
    ];
    let sheet = if output == Output::Csv { measured(&lines) } else { summary(&lines) };
    print(&sheet, output, &report)
}

/// A figure of a dashboard: its name, its value, and what the value is counted in.
type Line = (&'static str, Cell, &'static str);

/// A dashboard for eyes.
fn summary(lines: &[Line]) -> Sheet {
    let mut sheet = Sheet::new(&["Figure", "Value#"]);
    for (figure, value, unit) in lines {
        let value = value.shown();
        let value = if value.is_empty() { value } else { format!("{value} {unit}").trim_end().to_owned() };
        sheet.row(vec![(*figure).to_owned(), value]);
    }
    sheet
}

/// A dashboard for programs: a row a figure and, of amounts, a currency, which is their unit.
fn measured(lines: &[Line]) -> Sheet {
    let mut sheet = Sheet::new(&["Figure", "Value#", "Unit"]);
    for (figure, value, unit) in lines {
        let amounts = value.amounts();
        for money in &amounts {
            sheet.row(vec![(*figure).to_owned(), amount(*money), money.currency.to_string()]);
        }
        if amounts.is_empty() {
            sheet.row(vec![(*figure).to_owned(), value.bare(None), (*unit).to_owned()]);
        }
    }
    sheet
}

/// Prints the leaderboard: a row a member.
pub(crate) async fn leaderboard(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().team(&asked.request()).await?;
    let mut sheet = Sheet::new(&["Member", "Won#", "Won value#", "Average#", "Lost#", "Win rate#", "Open#"]);
    for rank in &report.figures.ranks {
        let nameless = || rank.owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        let mut row = tally(rank.name.clone().unwrap_or_else(nameless), &rank.tally);
        row.push(Cell::Count(rank.open));
        sheet.figures(row);
    }
    print(&sheet, output, &report)
}

/// Prints figures, and below them what stands behind them.
fn print<T: Serialize>(sheet: &Sheet, output: Output, report: &Report<T>) -> Result<(), Failure> {
    sheet.print(output, report)?;
    explain(output, report.explanations.as_deref());
    Ok(())
}

/// Says what stands behind figures.
pub(super) fn explain(output: Output, explanations: Option<&[Explanation]>) {
    for Explanation { figure, definition, denominator, id_count, .. } in explanations.into_iter().flatten() {
        let whole = denominator.map(|whole| format!(" of {}", grouped(whole))).unwrap_or_default();
        remark(output, &format!("{figure}: {}{whole} records: {definition}", grouped(*id_count)));
    }
}

/// Says what a sum is in the workspace's currency, where that is not what stands above already.
pub(super) fn together(output: Output, what: &str, shown: Option<&Totals>, sum: Money, without_rate: &Totals) {
    let stands_above = shown.is_none_or(|totals| totals.iter().all(|total| total == sum));
    if !stands_above {
        remark(output, &self::sum(what, sum, without_rate));
    }
}

/// A sum in the workspace's currency, and what is no part of it.
fn sum(what: &str, sum: Money, without_rate: &Totals) -> String {
    let left_out = money(without_rate);
    let left_out = if left_out.is_empty() { left_out } else { format!(", without {left_out}, which has no rate") };
    format!("{what} together {sum}{left_out}")
}
